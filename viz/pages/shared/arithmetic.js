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

function power(x, y) {
  const z = ieeePower(x, y);
  if (Number.isNaN(z) && !Number.isNaN(x) && !Number.isNaN(y)) throw new Undefined();
  if (abs(z) === Infinity && Number.isFinite(x) && Number.isFinite(y)) throw new Undefined();
  return z;
}

/** The same where infinity is an answer. */
function ieee_pow(x, y) {
  const z = ieeePower(x, y);
  if (Number.isNaN(z) && !Number.isNaN(x) && !Number.isNaN(y)) throw new Undefined();
  return z;
}

/**
 * The error function: its series 2/√π · exp(-x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)) has no negative
 * terms, so nothing cancels (Abramowitz and Stegun, 7.1.6); beyond 1/2 its complement is as good.
 */
function erf(x) {
  if (x < 0) return -erf(-x);
  if (x > 0.5) return 1 - erfc(x);
  let term = x;
  let sum = x;
  for (let n = 1; term > 1e-18 * sum; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * gauss(x) * sum;
}

/** 1 - erf(x) without loss: beyond 1/2 by its continued fraction (Abramowitz and Stegun, 7.1.14). */
function erfc(x) {
  if (x < 0) return 2 - erfc(-x);
  if (!(x > 0.5)) return 1 - erf(x);
  let fraction = x;
  for (let n = Math.ceil(20 + 250 / (x * x)); n > 0; n--) fraction = x + n / 2 / fraction;
  return gauss(x) / (Math.sqrt(Math.PI) * fraction);
}

/** exp(-x²): rounding x² would cost digits, so it is split into an exact square and a rest. */
function gauss(x) {
  const short = Math.fround(x);
  return x > 40 ? 0 : Math.exp(-short * short) * Math.exp(-(x - short) * (x + short));
}
