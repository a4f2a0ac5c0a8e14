// Numbers and formulas as text, and pieces of the page. Labels only ever become text nodes.

/** A number as a column needs it: four decimals, or four digits if it is large or small. */
function number(x) {
  if (!Number.isFinite(x)) return exact(x);
  const size = Math.abs(x);
  const text = size === 0 || (size >= 1e-3 && size < 1e5) ? x.toFixed(4) : scientific(x);
  return text.replace("-", "−");
}

function scientific(x) {
  const [digits, exponent] = x.toExponential(3).split("e");
  return `${digits}e${exponent[0] === "-" ? "−" : "+"}${exponent.slice(1).padStart(2, "0")}`;
}

/** A number with all its digits. */
function exact(x) {
  if (Number.isNaN(x)) return "nan";
  return String(x).replace("Infinity", "inf").replace("-", "−");
}

/** A number after an operator: in parentheses if it has a sign of its own. */
const enclosed = (x) => (number(x).startsWith("−") ? `(${number(x)})` : number(x));

/** What a person typed as a number, in Python's words or with a typographic minus; else null. */
function parseNumber(text) {
  const words = { inf: Infinity, "+inf": Infinity, "-inf": -Infinity, nan: NaN };
  const plain = text.trim().replace("−", "-").replaceAll("_", "");
  if (plain.toLowerCase() in words) return words[plain.toLowerCase()];
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : null;
}

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
  const inputs = node.operands.map((operand) => now.values[operand]);
  const texts = RULES[node.row].texts[place];
  return texts.find(([holds]) => holds(...inputs, now.values[node.index]))[1];
}

// ── pieces of the page ──────────────────────────────────────────────────────────────────────────

const $ = (id) => document.getElementById(id);

function element(tag, className = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function button(text, action, className = "") {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
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
