// The graph, its two passes, and what a change of a leaf does to them.

const data = JSON.parse(document.getElementById("data").textContent);
const readNode = (node, index) => ({
  operands: [],
  arrows: [],
  ...node,
  index,
  symbol: node.odd ? `(${node.name})` : node.name,
  data: Number(node.data),
  slopes: (node.slopes ?? []).map(Number),
});
const nodes = data.nodes.map(readNode);
const root = nodes[nodes.length - 1];
const isOwn = (node) => node.kind === "op" && !node.row;

/** All steps, in order; numbers of the backward steps are filled in by differentiate(). */
const steps = makeSteps();
const seedStep = nodes.length;

/** For each node: the backward steps that add to its gradient, and those that it passes on. */
const uses = nodes.map(() => []);
for (const step of steps) if (step.pass === "backward") uses[step.parent.index].push(step);

/** The operations of one's own, if any, that each leaf leads to: only Python can compute them. */
const beyondReach = nodes.map(() => null);
for (const node of [...nodes].reverse()) {
  const blocker = isOwn(node) ? node : beyondReach[node.index];
  for (const operand of node.operands) beyondReach[operand] ??= blocker;
}

/** All that changes while somebody uses the page. */
const state = {
  /** The numbers that are shown: values, slopes, problems and gradients by node; what was changed. */
  now: { changed: new Map() },
  position: -1, // the step that is shown
  playing: 0, // a timer
  predicting: false,
  waiting: false, // for the answer to a prediction
  score: { right: 0, asked: 0 },
  opened: null, // the node whose card is shown
  edited: null, // the node whose editor is shown
  partner: null, // the leaf with which its second derivative is shown
  highlighted: [],
  search: { text: "", at: -1 },
  view: { x: 0, y: 0, zoom: 1 }, // the middle, and pixels per unit
  frame: { width: 0, height: 0 },
  gliding: 0, // an animation
  fingers: new Map(),
  travelled: 0, // by a finger, in pixels
};

recompute();

function makeSteps() {
  const forward = nodes.map((node) => ({ pass: "forward", node }));
  const backward = [];
  for (const node of [...nodes].reverse()) {
    node.operands.forEach((operand, place) => {
      backward.push({ pass: "backward", node, place, parent: nodes[operand] });
    });
  }
  const all = [...forward, { pass: "seed", node: root, parent: root }, ...backward];
  all.forEach((step, index) => { step.index = index; });
  return all;
}

function recompute() {
  Object.assign(state.now, evaluate(state.now.changed));
  state.now.slopes = nodes.map(slopesOf);
  state.now.gradients = differentiate(state.now.slopes);
}

/**
 * The forward pass. What does not depend on a change keeps the number that Python computed.
 * `changed` gives numbers to nodes, by index; `graph` may have more nodes after those of the page.
 */
function evaluate(changed, graph = nodes) {
  const values = [];
  const dirty = [];
  const problems = [];
  for (const node of graph) {
    const i = node.index;
    const inputs = node.operands.map((operand) => values[operand]);
    dirty[i] = changed.has(i) || node.operands.some((operand) => dirty[operand]);
    problems[i] = null;
    if (changed.has(i)) values[i] = changed.get(i);
    else if (!dirty[i]) values[i] = node.data;
    else {
      const inherited = node.operands.map((operand) => problems[operand]).find(Boolean);
      const computed = inherited ? { problem: inherited } : apply(node, inputs);
      values[i] = computed.value ?? NaN;
      problems[i] = computed.problem ?? null;
    }
  }
  return { values, dirty, problems };
}

function apply(node, inputs) {
  if (isOwn(node)) return { problem: `only Python can compute ${node.op}` };
  const rule = RULES[node.row];
  try {
    return { value: rule.value(...inputs) };
  } catch (error) {
    if (!(error instanceof Undefined)) throw error;
    const got = inputs.map((x, place) => `${rule.letters[place]} = ${exact(x)}`).join(" and ");
    const reason = rule.defined(...inputs)
      ? `${rule.text} is larger than the largest float`
      : `${node.op} needs ${rule.needs}`;
    return { problem: `undefined here: ${reason}, got ${got} (node ${node.name})` };
  }
}

function slopesOf(node) {
  if (!state.now.dirty[node.index] || node.kind !== "op") return node.slopes;
  if (state.now.problems[node.index] || isOwn(node)) return node.operands.map(() => NaN);
  const inputs = node.operands.map((operand) => state.now.values[operand]);
  return RULES[node.row].slopes.map((slope) => attempt(() => slope(...inputs, state.now.values[node.index])));
}

/** The backward pass: fills in the numbers of the steps, and returns the gradients. */
function differentiate(slopes) {
  const gradients = nodes.map(() => 0);
  for (const step of steps) {
    if (step.pass === "forward") continue;
    const { node, parent, place } = step;
    step.before = gradients[parent.index];
    step.gradient = gradients[node.index];
    step.slope = step.pass === "seed" ? 1 : slopes[node.index][place];
    step.contribution = step.pass === "seed" ? 1 : push(node, place, step.gradient, step.slope);
    step.after = step.before + step.contribution;
    gradients[parent.index] = step.after;
  }
  return gradients;
}

/** What a gradient becomes on its way: of an infinite one, too, a choice that says 0 passes nothing on. */
function push(node, place, gradient, slope) {
  if (!node.row || Number.isFinite(gradient)) return gradient * slope;
  const inputs = node.operands.map((operand) => state.now.values[operand]);
  return attempt(() => RULES[node.row].pushes[place](...inputs, state.now.values[node.index], gradient));
}

/** The number that a function of the table answers; NaN where it has none. */
function attempt(compute) {
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof Undefined)) throw error;
    return NaN;
  }
}

// ── changes ─────────────────────────────────────────────────────────────────────────────────────

/** The leaves that learn: the parameters of a model, or if there are none, all leaves. */
const learners = (() => {
  const free = nodes.filter((node) => node.kind !== "op" && !beyondReach[node.index]);
  const parameters = free.filter((node) => node.kind === "parameter");
  return parameters.length ? parameters : free.filter((node) => node.kind === "leaf");
})();

function setValue(node, value) {
  state.now.changed.set(node.index, value);
  recompute();
}

function descend(rate) {
  for (const node of learners) {
    const moved = state.now.values[node.index] - rate * state.now.gradients[node.index];
    state.now.changed.set(node.index, moved);
  }
  recompute();
}

function reset() {
  state.now.changed.clear();
  recompute();
}

/** (L(x + h) - L(x - h)) / 2h: the slope without any derivative rule; null where L is undefined. */
function centralDifference(node) {
  const x = state.now.values[node.index];
  const h = 6e-6 * Math.max(1, Math.abs(x));
  const [above, below] = [x + h, x - h].map((moved) => {
    const { values, problems } = evaluate(new Map(state.now.changed).set(node.index, moved));
    return problems[root.index] ? null : values[root.index];
  });
  if (above === null || below === null) return null;
  return (above - below) / (x + h - (x - h));
}
