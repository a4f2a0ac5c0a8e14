// Second derivatives: the gradient is a graph itself, and its paths say what ∂²L/∂a∂b is made of.

/** The nodes of the page, then those that the gradients have besides; null where there are none. */
const gradientGraph = data.second && [
  ...nodes, ...data.second.nodes.map((node, place) => readNode(node, nodes.length + place)),
];
const gradientOf = new Map(data.second?.gradients);

const canPair = (a, b) => Boolean(a && gradientOf.has(a.index) && gradientOf.has(b.index));

const MOST_PATHS = 6;

/**
 * ∂²L/∂a∂b with the paths from b to ∂L/∂a: each is a list of nodes with the product of the local
 * derivatives on its way. At each node the largest paths are kept, and the sum of all.
 */
function secondDerivative(a, b) {
  const { values, problems } = evaluate(state.now.changed, gradientGraph);
  const end = gradientGraph[gradientOf.get(a.index)];
  const nothing = { sum: 0, count: 0, paths: [] };
  const found = [];
  for (const node of gradientGraph.slice(0, end.index + 1)) {
    const slopes = node === b || !node.operands.some((each) => found[each].count) ? [] : slopesAt(node, values);
    found[node.index] = node === b ? { sum: 1, count: 1, paths: [{ product: 1, steps: [] }] }
      : slopes.reduce((sofar, slope, place) => joined(sofar, found[node.operands[place]], node, slope), nothing);
  }
  const { sum, count, paths } = found[end.index];
  return { sum, count, paths, end, problem: problems[end.index] };
}

function slopesAt(node, values) {
  const inputs = node.operands.map((operand) => values[operand]);
  return RULES[node.row].slopes.map((slope) => attempt(() => slope(...inputs, values[node.index])));
}

/** Add the paths that come by one use of an operand; a slope of 0 lets nothing through. */
function joined(sofar, through, node, slope) {
  if (slope === 0 || !through.count) return sofar;
  const longer = through.paths.map(({ product, steps }) => (
    { product: product * slope, steps: [...steps, { node, slope }] }));
  const paths = [...sofar.paths, ...longer].sort((x, y) => Math.abs(y.product) - Math.abs(x.product));
  return {
    sum: sofar.sum + slope * through.sum,
    count: sofar.count + through.count,
    paths: paths.slice(0, MOST_PATHS),
  };
}

// ── in the card of a leaf ───────────────────────────────────────────────────────────────────────

function pairWith(node) {
  state.partner = node;
  showCard();
}

function showSecond(node) {
  const section = $("second");
  section.hidden = !canPair(node, node);
  if (section.hidden) return;
  if (section.dataset.of !== String(node.index)) section.replaceChildren(chooser(node), element("div"));
  section.dataset.of = node.index;
  section.querySelector("select").value = state.partner?.index ?? "";
  section.lastChild.replaceChildren(...(state.partner ? why(node, state.partner) : []));
}

function chooser(node) {
  const select = element("select");
  select.id = "partner";
  select.append(new Option("another leaf …", ""));
  for (const index of gradientOf.keys()) select.append(new Option(nodes[index].name, index));
  select.addEventListener("change", () => pairWith(nodes[select.value] ?? null));
  return element("div", "row", element("label", "", "second derivative with ", select));
}

/** The second derivative in symbols and numbers, then path by path. */
function why(a, b) {
  const { sum, count, paths, end, problem } = secondDerivative(a, b);
  const name = a === b ? `∂²${root.symbol}/∂${a.symbol}²` : `∂²${root.symbol}/∂${a.symbol}∂${b.symbol}`;
  const slope = `∂${root.symbol}/∂${a.symbol}`;
  const write = (operand) => gradientGraph[operand].symbol;
  const first = element("p", "", `${slope} = ${inSymbols(end)}`);
  const result = element("p", "result", `${name} = ${problem ?? number(sum)}`);
  if (problem) return [first, result];
  if (!count) return [first, result, element("p", "", `No path leads from ${b.symbol} to ${slope}: it does not depend on ${b.symbol} here.`)];
  const list = element("ol", "paths", ...paths.map((path) => pathOf(path, b, end, slope, write)));
  const rest = count > paths.length ? [element("p", "", `… and ${count - paths.length} more paths`)] : [];
  return [first, result, list, ...rest];
}

const DEEPEST = 5;

/** A node of the gradients' graph in terms of the page's own nodes; what is deeper, by its name. */
function inSymbols(node, depth = 0) {
  if (node.index < nodes.length || node.kind !== "op" || depth === DEEPEST) return node.symbol;
  const text = madeOf(node, (operand) => inSymbols(gradientGraph[operand], depth + 1));
  return depth && text.includes(" ") ? `(${text})` : text;
}

/** How a node of the gradients' graph is computed. */
function madeOf(node, write) {
  return substitute(RULES[node.row].text, named(node.row, node.operands.map(write)));
}

function pathOf({ product, steps }, b, end, slope, write) {
  const nodesOnTheWay = steps.map(({ node }) => (
    node === end ? slope : node.index < nodes.length ? node.symbol : `${node.symbol} = ${madeOf(node, write)}`));
  const factors = steps.map((step, place) => (place ? enclosed(step.slope) : number(step.slope)));
  const numbers = factors.length > 1 ? `${factors.join(" · ")} = ${number(product)}` : number(product);
  return element("li", "", [b.symbol, ...nodesOnTheWay].join(" → "), element("span", "", numbers));
}
