// Formulas as text, and pieces of them in the colours of the graph.

/** Put something in the place of x, y and out in a formula, in parentheses where it needs them. */
function substitute(formula, places) {
  return formula.replace(/(?<![\p{L}\d])(x|y|out)(?![\p{L}\d])/gu, (word, _, at) => {
    const text = places[word];
    const alone = /[(|,] ?$/.test(formula.slice(0, at)) || at === 0;
    const free = /^($|[)|,]| [^·/]|$)/.test(formula.slice(at + word.length));
    return /^−|e[−+]/.test(text) && !(alone && free) ? `(${text})` : text;
  });
}

/** What the texts of a row call its operands, with what stands for each. */
function named(row, operands) {
  return Object.fromEntries(RULES[row].letters.map((letter, place) => [letter, operands[place]]));
}

/** How a node is computed, with its operands under the names that `write` gives. */
function expression(node, write) {
  const operands = node.operands.map((operand) => write(nodes[operand]));
  if (isOwn(node)) return `${node.op}(${operands.join(", ")})`;
  return substitute(RULES[node.row].text, named(node.row, operands));
}

/** The equation of a local derivative that holds for the present numbers, as the table has it. */
function equation(node, place) {
  const inputs = node.operands.map((operand) => state.now.values[operand]);
  const texts = RULES[node.row].texts[place];
  return texts.find(([holds]) => holds(...inputs, state.now.values[node.index]))[1];
}

/** ∂above/∂below as a fraction. */
function partial(above, below) {
  const part = (node) => element("span", "", `∂${node.symbol}`);
  return element("span", "fraction", part(above), part(below));
}

const MARKS = { from: "●", along: "◆", to: "▲" };

/** A term of a formula in the colour, line and mark of its place in the graph. */
const term = (role, ...children) =>
  element("span", `term ${role}`, ...children, element("b", "", MARKS[role]));
