// Python's arithmetic in JavaScript: where Python raises, these functions throw.

/** No number: an operation that is not defined for its operands. */
class Undefined extends Error {}

/** Python's rule for the functions of its math module: no NaN and no infinity out of nothing. */
const checked = (f) => (x) => {
  const z = f(x);
  if (Number.isNaN(z) && !Number.isNaN(x)) throw new Undefined();
  if (!Number.isFinite(z) && Number.isFinite(x)) throw new Undefined();
  return z;
};

const [exp, expm1, log, log1p, sqrt] =
  [Math.exp, Math.expm1, Math.log, Math.log1p, Math.sqrt].map(checked);
const [sin, cos, tan, asin, acos, atan] =
  [Math.sin, Math.cos, Math.tan, Math.asin, Math.acos, Math.atan].map(checked);
const [sinh, cosh, tanh] = [Math.sinh, Math.cosh, Math.tanh].map(checked);

// As in Python, the first operand stays unless the second one beats it; so a NaN depends on order.
const abs = Math.abs;
const max = (x, y) => (y > x ? y : x);
const min = (x, y) => (y < x ? y : x);

function divide(x, y) {
  if (y === 0) throw new Undefined();
  return x / y;
}

/** The rest of a division, with the sign of the divisor. */
const modulo = (x, y) => ((x % y) + y) % y;

/** x to the power of y as in IEEE 754; JavaScript has NaN where 1 is to an unknown power. */
function ieeePower(x, y) {
  if (x === 1 || (x === -1 && abs(y) === Infinity)) return 1;
  return x ** y;
}

/** The same for real results alone: an infinite y is not whole. */
function ieee_pow(x, y) {
  if (x < 0 && !Number.isNaN(y) && y % 1 !== 0) throw new Undefined();
  return ieeePower(x, y);
}

/** The same where infinity is no answer to finite numbers, nor to 0. */
function power(x, y) {
  if (x === 0 && y < 0) throw new Undefined();
  const z = ieee_pow(x, y);
  if (abs(z) === Infinity && Number.isFinite(x) && Number.isFinite(y)) throw new Undefined();
  return z;
}
