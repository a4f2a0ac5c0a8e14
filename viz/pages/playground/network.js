// The network's picture: units in columns, each with its own picture, and weights as lines.

const units = data.units;
const MOST = 40; // units that a column shows; more are folded into one box
const PER_COLUMN = 16; // units below each other; more stand side by side
const MOST_LINES = 1600; // weights that are drawn as lines

/** What each parameter is: the weight of a unit's input, or a bias. */
const uses = data.parameters.names.map(() => null);
units.forEach((unit, to) => {
  unit.weights.forEach(([from, parameter]) => { uses[parameter] = { to, from }; });
  if (unit.bias !== null) uses[unit.bias] = { to, from: null };
});

/** The boxes of the picture: a unit each, or all units of a column. */
const boxes = makeBoxes();
const boxOf = units.map(() => null);
for (const box of boxes) for (const unit of box.units) boxOf[unit] = box;

/** The weights that are lines: between boxes of a single unit. */
const lines = uses.flatMap((use, parameter) =>
  (use && use.from !== null && !boxOf[use.from].folded && !boxOf[use.to].folded ? [{ ...use, parameter }] : []));
const ribbons = [...new Set(uses.flatMap((use) =>
  (use && use.from !== null && (boxOf[use.from].folded || boxOf[use.to].folded) ? [`${boxes.indexOf(boxOf[use.from])} ${boxes.indexOf(boxOf[use.to])}`] : [])))]
  .map((pair) => pair.split(" ").map((index) => boxes[index]));
const links = units.flatMap((unit, to) => unit.links.map((from) => ({ from, to })))
  .filter(({ from, to }) => boxOf[from] !== boxOf[to]);

function makeBoxes() {
  const columns = [];
  units.forEach((unit, index) => { (columns[unit.column] ??= []).push(index); });
  return columns.flatMap((members, column) => {
    const allInputs = members.every((index) => units[index].kind === "input");
    const image = allInputs && data.image && members.length === inputs;
    if (members.length > MOST || image) return [{ units: members, column, folded: true, image, allInputs }];
    return members.map((index) => ({ units: [index], column, folded: false }));
  });
}

/** The units whose numbers are seen: of those in folded boxes only the chosen one. */
function unitsInSight() {
  const seen = new Set(boxes.filter((box) => !box.folded).map((box) => box.units[0]));
  if (chosen.unit !== null) seen.add(chosen.unit);
  return seen;
}

/** What is drawn in a unit's box. */
function kindOf(box) {
  if (box.folded) return box.image ? "sample" : box.allInputs ? "none" : "matrix";
  const [unit] = box.units.map((index) => units[index]);
  if (data.image && unit.weights.length === inputs && unit.weights.every(([from]) => units[from].kind === "input")) return "weights";
  return inputs === 2 ? "plane" : inputs === 1 ? "line" : "bars";
}

// ── boxes on the page ───────────────────────────────────────────────────────────────────────────

function makeNetwork() {
  if (!units.length) {
    for (const id of ["network", "legend"]) $(id).hidden = true;
    $("nothing").textContent = "No neurons were found in this model. Choose a parameter or a sample to see its numbers.";
    return;
  }
  for (const box of boxes) {
    box.kind = kindOf(box);
    box.canvas = element("canvas");
    box.text = element("span", "numbers");
    box.element = button("", () => chooseUnit(box.units[0]), "unit");
    box.element.append(box.canvas, box.text);
    const [unit] = box.units.map((index) => units[index]);
    const name = box.folded ? `${box.units.length} ${box.allInputs ? "inputs" : "neurons"}` : unit.name;
    box.name = element("span", "name", name);
    box.element.append(box.name);
    const role = { input: "Input", neuron: "Neuron", computed: "Computed" }[unit.kind];
    box.element.setAttribute("aria-label", box.folded ? name : `${role} ${unit.name}`);
    box.element.title = box.folded ? name : titleOf(unit);
    box.element.classList.toggle("folded", box.folded);
    $("network").append(box.element);
  }
  placeBoxes();
}

const titleOf = (unit) =>
  (unit.kind === "neuron" ? `${unit.name}${unit.activation ? `, ${unit.activation}` : ", linear"}` : unit.name);

function placeBoxes() {
  if (!units.length) return;
  const width = $("network").clientWidth;
  const columns = [];
  for (const box of boxes) (columns[box.column] ??= []).push(box);
  // A column of many units is laid out in several columns side by side.
  const slots = columns.map((column) => Math.ceil(column.length / PER_COLUMN));
  const total = slots.reduce((sum, count) => sum + count, 0);
  const rows = Math.max(...columns.map((column, i) => Math.ceil(column.length / slots[i])));
  const height = Math.max(300, Math.min(600, rows * 62, innerHeight * 0.74));
  const size = Math.max(16, Math.min(48, height / rows - 7, (width - 20) / (total + 0.7 * (columns.length - 1)) - 5));
  $("network").style.height = `${height}px`;
  const gap = columns.length > 1 ? (width - 28 - total * (size + 6)) / (columns.length - 1) : 0;
  let left = 14;
  columns.forEach((column, i) => {
    const count = Math.ceil(column.length / slots[i]);
    column.forEach((box, index) => {
      const [across, down] = [Math.floor(index / count), index % count];
      const inThis = Math.min(count, column.length - across * count);
      const large = box.folded ? Math.min(96, Math.max(size, (width / (columns.length + 1)) * 0.55)) : size;
      box.size = large;
      box.x = left + across * (size + 6) + size / 2 + (box.folded && i === 0 ? (large - size) / 2 : 0);
      box.y = ((down + 0.5) * height) / count + (inThis < count ? ((count - inThis) * height) / count / 2 : 0);
      Object.assign(box.element.style, {
        // Paper is narrower than the screen: there, places across shrink with it.
        left: `calc(${(100 * box.x) / width}% - ${large / 2}px)`, top: `${box.y - large / 2}px`, width: `${large}px`, height: `${large}px`,
      });
      box.name.hidden = height / count - size < 14 && !box.folded;
    });
    left += slots[i] * (size + 6) + gap;
  });
}

// ── lines ───────────────────────────────────────────────────────────────────────────────────────

/** Where the line from one box to another starts and ends. */
const ends = (from, to) => [from.x + from.size / 2, from.y, to.x - to.size / 2, to.y];

function curveTo(pen, [x0, y0, x1, y1]) {
  const bend = (x1 - x0) * 0.45;
  pen.moveTo(x0, y0);
  pen.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
}

function drawLines() {
  const pen = penOf($("lines"));
  const colours = palette();
  const { parameters } = now;
  pen.lineCap = "round";
  for (const [from, to] of ribbons) {
    pen.globalAlpha = 0.3;
    pen.strokeStyle = css(colours.line);
    pen.lineWidth = 3;
    pen.beginPath();
    curveTo(pen, ends(from, to));
    pen.stroke();
  }
  pen.globalAlpha = 0.5;
  pen.strokeStyle = css(colours.line);
  pen.lineWidth = 1;
  pen.setLineDash([2, 3]);
  for (const { from, to } of links) {
    pen.beginPath();
    curveTo(pen, ends(boxOf[from], boxOf[to]));
    pen.stroke();
  }
  pen.setLineDash([]);
  let reach = 1e-9;
  for (const { parameter } of lines) reach = Math.max(reach, Math.abs(parameters[parameter]));
  const shown = lines.length > MOST_LINES ? lines.filter(({ to, from }) => chosen.unit === to || chosen.unit === from) : lines;
  for (const { from, to, parameter } of shown) {
    const share = Math.abs(parameters[parameter]) / reach;
    const near = chosen.unit === null || chosen.unit === to || chosen.unit === from;
    pen.globalAlpha = (near ? 1 : 0.25) * (0.25 + 0.7 * Math.min(1, share * 1.5));
    pen.strokeStyle = css(parameters[parameter] < 0 ? colours.minus : colours.plus);
    pen.lineWidth = 0.4 + 4.6 * share;
    pen.beginPath();
    curveTo(pen, ends(boxOf[from], boxOf[to]));
    pen.stroke();
  }
  const use = chosen.weight === null ? null : uses[chosen.weight];
  if (use && use.from !== null && !boxOf[use.from].folded && !boxOf[use.to].folded) {
    pen.globalAlpha = 1;
    pen.strokeStyle = css(colours.ink);
    pen.lineWidth = 2;
    pen.setLineDash([6, 4]);
    pen.beginPath();
    curveTo(pen, ends(boxOf[use.from], boxOf[use.to]));
    pen.stroke();
    pen.setLineDash([]);
  }
  pen.globalAlpha = 1;
}

/** The weight whose line runs near a place; null if there is none within reach. */
function weightAt(x, y) {
  let [best, nearest] = [null, 9];
  for (const { from, to, parameter } of lines) {
    const [x0, y0, x1, y1] = ends(boxOf[from], boxOf[to]);
    if (x < x0 - 2 || x > x1 + 2) continue;
    const bend = (x1 - x0) * 0.45;
    for (let i = 1; i < 20; i++) {
      const t = i / 20;
      const [a, b, c, e] = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
      const distance = Math.hypot(
        a * x0 + b * (x0 + bend) + c * (x1 - bend) + e * x1 - x, (a + b) * y0 + (c + e) * y1 - y);
      if (distance < nearest) [best, nearest] = [parameter, distance];
    }
  }
  return best;
}

// ── each unit's own picture ─────────────────────────────────────────────────────────────────────

function drawUnits() {
  for (const box of boxes) {
    DRAWN[box.kind](box);
    const [index] = box.units;
    const isChosen = !box.folded ? chosen.unit === index : box.units.includes(chosen.unit);
    box.element.classList.toggle("chosen", isChosen);
    box.element.setAttribute("aria-pressed", isChosen);
    box.text.hidden = !passed || box.folded;
    if (passed && !box.folded) {
      const { slot } = units[index];
      box.text.replaceChildren(tiny(passed.value(slot)), element("br"), element("i", "", tiny(passed.slope(slot))));
    }
  }
}

/** A number for a small place: three digits. */
const brief = (x) => (Number.isFinite(x) ? String(Number(x.toPrecision(3))).replaceAll("-", "−") : exact(x));

/** A number for a box: two digits. */
function tiny(x) {
  const size = Math.abs(x);
  if (!Number.isFinite(x) || x === 0) return exact(x);
  if (size < 0.001 || size >= 1000) return x.toExponential(0).replace("e+", "e").replaceAll("-", "−");
  return String(Number(x.toPrecision(2))).replaceAll("-", "−");
}

const DRAWN = {
  none: (box) => { penOf(box.canvas); },
  plane: (box) => paint(box.canvas, fields.side, fields.units.get(box.units[0])),
  line(box) {
    const pen = penOf(box.canvas);
    const values = fields.units.get(box.units[0]);
    const [low, high] = spread(values, 0.15);
    const { width, height } = sizeOf(box.canvas);
    pen.strokeStyle = css(palette().plus);
    pen.lineWidth = 1.5;
    pen.beginPath();
    values.forEach((y, i) => pen.lineTo((i / (values.length - 1)) * width, height - ((y - low) / (high - low)) * height));
    pen.stroke();
  },
  bars(box) {
    const pen = penOf(box.canvas);
    const { width, height } = sizeOf(box.canvas);
    const { counts, low, high } = histogram(found.units.get(box.units[0]), 12);
    const most = Math.max(1, ...counts);
    counts.forEach((count, i) => {
      const middle = low + ((i + 0.5) / counts.length) * (high - low);
      pen.fillStyle = css(middle < 0 ? palette().minus : palette().plus);
      pen.fillRect((i * width) / counts.length + 0.5, height * (1 - count / most), width / counts.length - 1, (height * count) / most);
    });
  },
  weights(box) {
    const values = units[box.units[0]].weights.map(([, parameter]) => now.parameters[parameter]);
    paint(box.canvas, data.image, values);
  },
  sample(box) {
    const { rows } = now.set;
    const shown = rows[chosen.sample ?? 0];
    if (shown) paint(box.canvas, data.image, shown.x);
  },
  matrix(box) {
    const rows = box.units.map((index) => units[index].weights.map(([, parameter]) => now.parameters[parameter]));
    paint(box.canvas, rows[0].length, rows.flat());
  },
};

function histogram(values, bins) {
  let [low, high] = [Infinity, -Infinity];
  for (const x of values) { if (x < low) low = x; if (x > high) high = x; }
  if (!(high > low)) [low, high] = [(Number.isFinite(low) ? low : 0) - 0.5, (Number.isFinite(low) ? low : 0) + 0.5];
  const counts = new Array(bins).fill(0);
  for (const x of values) counts[Math.min(bins - 1, Math.floor(((x - low) / (high - low)) * bins))] += 1;
  return { counts, low, high };
}
