// The drawing: its numbers, its highlights, and the part of it that is in view.

const svg = document.querySelector("#graph svg");
const canvas = svg.querySelector("g");
const offset = canvas.transform.baseVal.consolidate().matrix;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** The boxes that show numbers, by name: nodes, and folded groups of nodes. */
const boxes = new Map();
for (const [name, results] of Object.entries(data.boxes)) {
  const group = $(name);
  const texts = [...group.querySelectorAll("text")].slice(-2);
  if (results.length) texts[1].classList.add("gradient");
  boxes.set(name, { group, texts, results: results.map((index) => nodes[index]) });
}

const marks = {};
for (const role of ["from", "to"]) {
  marks[role] = document.createElementNS(svg.namespaceURI, "text");
  marks[role].classList.add("mark", role);
  canvas.append(marks[role]);
}

/** The arrow of a use; none if it is folded into a box. */
const arrow = ({ node, place }) => node.arrows[place] && $(node.arrows[place]);

/** The arrow from the symbol of an operation to its result; none if the box has no symbol. */
const arrowOut = (node) => $(`${node.box}-out`);

// ── numbers ─────────────────────────────────────────────────────────────────────────────────────

/** What is known of a gradient when so many steps are shown; null before the first. */
function gradientSoFar(node, shown) {
  if (node === root) return shown >= seedStep ? 1 : null;
  const done = uses[node.index].filter((step) => step.index <= shown);
  return done.length ? done[done.length - 1].after : null;
}

const valueSoFar = (node, shown) => (node.index <= shown ? state.now.values[node.index] : null);

function drawBox({ group, texts, results }, shown) {
  if (!results.length) return;
  const values = results.map((node) => valueSoFar(node, shown));
  texts[0].textContent = `data ${range(values, results)}`;
  texts[1].textContent = `grad ${range(results.map((node) => gradientSoFar(node, shown)), results)}`;
  group.classList.toggle("later", values.every((x) => x === null));
}

/** One number, or the least and the largest; a dot for what is not known yet. */
function range(numbers, results) {
  if (results.some((node, i) => state.now.problems[node.index] && numbers[i] !== null)) return "undefined";
  const known = numbers.filter((x) => x !== null);
  if (!known.length) return "·";
  if (known.some(Number.isNaN)) return "nan";
  const [low, high] = [Math.min(...known), Math.max(...known)].map(number);
  return low === high ? low : `${low} … ${high}`;
}

function drawEdge(step, shown) {
  const text = arrow(step)?.querySelector("text");
  if (text) text.textContent = step.index <= shown ? `∂ ${number(step.slope)}` : "";
}

/** Write everything that may differ between two positions. */
function drawNumbers(before, shown) {
  const [low, high] = [Math.min(before, shown), Math.max(before, shown)];
  const touched = new Set();
  for (const step of steps.slice(Math.max(0, low), high + 1)) {
    touched.add(step.node.box).add((step.parent ?? step.node).box);
    if (step.pass === "backward") drawEdge(step, shown);
    if (step.pass === "forward") drawEdgesInto(step.node, shown);
  }
  for (const name of touched) drawBox(boxes.get(name), shown);
}

function drawEdgesInto(node, shown) {
  const arrows = node.operands.map((_, place) => arrow({ node, place }));
  const parts = [...arrows, arrowOut(node), $(`${node.box}op`)];
  for (const part of parts) part?.classList.toggle("later", node.index > shown);
}

function drawAllNumbers(shown) {
  for (const box of boxes.values()) drawBox(box, shown);
  for (const node of nodes) drawEdgesInto(node, shown);
  for (const step of steps) if (step.pass === "backward") drawEdge(step, shown);
}

// ── highlights ──────────────────────────────────────────────────────────────────────────────────

function highlight(step) {
  for (const [group, role] of state.highlighted) group.classList.remove(role);
  state.highlighted = roles(step).filter(([group]) => group);
  for (const [group, role] of state.highlighted) group.classList.add(role);
  for (const role of ["from", "to"]) {
    const [group] = state.highlighted.find(([, its]) => its === role) ?? [];
    marks[role].textContent = group ? MARKS[role] : "";
    if (group) placeMark(marks[role], group, role);
  }
  const along = state.highlighted.find(([, role]) => role === "along")?.[0].querySelector("text");
  if (along?.textContent) along.textContent = `${MARKS.along} ${along.textContent}`;
}

function roles(step) {
  if (step.pass === "seed") return [[$(root.box), "to"]];
  if (step.pass === "forward") {
    const operands = step.node.operands.map((operand) => [$(nodes[operand].box), "operand"]);
    return [...operands, [$(step.node.box), "now"]];
  }
  return [
    [$(step.node.box), "from"],
    [$(step.parent.box), "to"],
    [arrow(step), "along"],
    [arrowOut(step.node), "source"],
  ];
}

function placeMark(mark, group, role) {
  const { x, y, width } = placeOf(group);
  mark.setAttribute("x", role === "to" ? x + 9 : x + width - 9);
  mark.setAttribute("y", y - 5);
}

/** Where a box is; asking the browser instead would make it lay out the drawing at once. */
function placeOf(group) {
  const size = (name) => Number(group.firstElementChild.getAttribute(name));
  return { x: size("x"), y: size("y"), width: size("width"), height: size("height") };
}

function select(node) {
  for (const group of canvas.querySelectorAll(".selected")) group.classList.remove("selected");
  if (node) $(node.box).classList.add("selected");
}

// ── what is in view ─────────────────────────────────────────────────────────────────────────────

const whole = svg.viewBox.baseVal;
const extent = { x: whole.x, y: whole.y, width: whole.width, height: whole.height };
svg.removeAttribute("viewBox");
const LEGIBLE = 0.85; // the least zoom to start with
const MARGIN = 46; // pixels around what is to be seen; the buttons for zooming take as much
const [LEAST, MOST] = [0.02, 8]; // zoom

function measure() {
  state.frame.width = svg.clientWidth;
  state.frame.height = svg.clientHeight;
}

/** Moves the drawing in its frame: changing the viewBox instead would lay out all of it again. */
function setView() {
  const x = state.frame.width / 2 - state.view.zoom * (state.view.x - offset.e);
  const y = state.frame.height / 2 - state.view.zoom * (state.view.y - offset.f);
  canvas.setAttribute("transform", `translate(${x} ${y}) scale(${state.view.zoom})`);
}

function fit() {
  cancelAnimationFrame(state.gliding);
  const across = (state.frame.width - 2 * MARGIN) / extent.width;
  const down = (state.frame.height - 2 * MARGIN) / extent.height;
  state.view.zoom = Math.max(LEAST, Math.min(across, down, 1.6));
  state.view.x = extent.x + extent.width / 2;
  state.view.y = extent.y + extent.height / 2;
  setView();
}

/** Zoom around a point of the screen, by default the middle. */
function zoom(factor, clientX, clientY) {
  cancelAnimationFrame(state.gliding);
  const { left, top, width, height } = svg.getBoundingClientRect();
  const dx = (clientX ?? left + width / 2) - left - width / 2;
  const dy = (clientY ?? top + height / 2) - top - height / 2;
  const zoomed = Math.min(MOST, Math.max(LEAST, state.view.zoom * factor));
  state.view.x += dx / state.view.zoom - dx / zoomed;
  state.view.y += dy / state.view.zoom - dy / zoomed;
  state.view.zoom = zoomed;
  setView();
}

function pan(dx, dy) {
  cancelAnimationFrame(state.gliding);
  state.view.x -= dx / state.view.zoom;
  state.view.y -= dy / state.view.zoom;
  setView();
}

/** Move the view so that boxes are in it, the most important ones last. */
function keepInView(groups) {
  const target = { x: state.view.x, y: state.view.y };
  const margin = MARGIN / state.view.zoom;
  const half = {
    x: state.frame.width / state.view.zoom / 2 - margin,
    y: state.frame.height / state.view.zoom / 2 - margin,
  };
  for (const group of groups) {
    const box = placeOf(group);
    target.x = nearest(target.x, box.x + offset.e, box.width, half.x);
    target.y = nearest(target.y, box.y + offset.f, box.height, half.y);
  }
  glide(target);
}

/** The middle nearest to the present one from which start … start + length can be seen. */
function nearest(middle, start, length, half) {
  if (length > 2 * half) return start + length / 2;
  return Math.min(start + half, Math.max(start + length - half, middle));
}

function glide(target) {
  cancelAnimationFrame(state.gliding);
  const start = { x: state.view.x, y: state.view.y };
  if (Math.hypot(target.x - start.x, target.y - start.y) * state.view.zoom < 1) return;
  if (calm.matches) {
    Object.assign(state.view, target);
    setView();
    return;
  }
  const began = performance.now();
  const draw = (time) => {
    const done = Math.min(1, Math.max(0, (time - began) / 220));
    const eased = done * (2 - done);
    state.view.x = start.x + (target.x - start.x) * eased;
    state.view.y = start.y + (target.y - start.y) * eased;
    setView();
    if (done < 1) state.gliding = requestAnimationFrame(draw);
  };
  state.gliding = requestAnimationFrame(draw);
}

// ── wheel, drag and pinch ───────────────────────────────────────────────────────────────────────

svg.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX, event.clientY);
}, { passive: false });

svg.addEventListener("pointerdown", (event) => {
  state.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (state.fingers.size === 1) state.travelled = 0;
});

addEventListener("pointermove", (event) => {
  const last = state.fingers.get(event.pointerId);
  if (!last) return;
  const here = { x: event.clientX, y: event.clientY };
  const other = [...state.fingers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y);
    zoom(apart(here) / Math.max(1, apart(last)), other.x, other.y);
  } else pan(here.x - last.x, here.y - last.y);
  state.travelled += Math.hypot(here.x - last.x, here.y - last.y);
  state.fingers.set(event.pointerId, here);
});

for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, (event) => state.fingers.delete(event.pointerId));
}

svg.addEventListener("click", (event) => {
  const group = event.target.closest(".node");
  if (!group || state.travelled > 5) return;
  const { results } = boxes.get(group.id.replace(/op$/, ""));
  const node = results[results.length - 1];
  if (!node) return;
  if (event.shiftKey && canPair(state.opened, node)) pairWith(node);
  else openCard(node);
});

// Paper has a size of its own, so there the whole drawing is scaled into its frame.
addEventListener("beforeprint", () => {
  const { x, y, width, height } = extent;
  svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  canvas.setAttribute("transform", `translate(${offset.e} ${offset.f})`);
});

addEventListener("afterprint", () => {
  svg.removeAttribute("viewBox");
  setView();
});

addEventListener("resize", () => { measure(); setView(); });
