// Numbers as text, and pieces of a page. Labels only ever become text nodes.

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
  return String(x).replace("Infinity", "inf").replaceAll("-", "−");
}

/** A number after an operator: in parentheses if it has a sign of its own. */
const enclosed = (x) => (number(x).startsWith("−") ? `(${number(x)})` : number(x));

/** What a person typed as a number, in Python's words or with a typographic minus; else null. */
function parseNumber(text) {
  const words = { inf: Infinity, "+inf": Infinity, "-inf": -Infinity, nan: NaN };
  const plain = text.trim().replaceAll("−", "-").replaceAll("_", "");
  if (plain.toLowerCase() in words) return words[plain.toLowerCase()];
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : null;
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
