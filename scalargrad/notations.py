"""The texts of the table in other languages: what Python, C and JavaScript make of them.

All of them have IEEE 754's arithmetic here: infinities and nan are numbers as any other, where
Python's own division and its ``math`` would raise. Parentheses stand where they are needed.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from .ops import PRIMITIVES
from .texts import Notation

__all__ = ["C", "Infix", "JavaScript", "Python", "Written"]

#: How strongly the parts of an expression hold together.
_CHOICE, _OR, _AND, _COMPARISON, _SUM, _PRODUCT, _SIGN, _ATOM = range(8)
_LEVELS = {"or": _OR, "and": _AND, "+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}


class Written(NamedTuple):
    """An expression, and how strongly it holds together."""

    text: str
    level: int = _ATOM

    def within(self, level: int) -> str:
        """Return the text, in parentheses if what is around it holds more strongly."""
        return self.text if self.level >= level else f"({self.text})"


class Infix(Notation[Written]):
    """What these languages share.

    Args:
        operands: what stands in the place of the letters of a row.
    """

    #: How functions of the texts are called that the language has.
    functions: ClassVar[Mapping[str, str]] = {}

    #: The source of those that it lacks, by name.
    own: ClassVar[Mapping[str, str]] = {}

    constants: ClassVar[Mapping[str, str]] = {}
    comparisons: ClassVar[Mapping[str, str]] = {}
    words: ClassVar[Mapping[str, str]] = {"and": "&&", "or": "||"}

    def __init__(self, operands: Mapping[str, Written] | None = None) -> None:
        self.operands = operands or {}
        self.called: set[str] = set()  # functions, as they are written

    def number(self, x: float) -> Written:
        """Write a number of a text: what is whole is written so."""
        return Written(repr(int(x))) if x == int(x) else self.literal(x)

    def literal(self, x: float) -> Written:
        """Write a float with all of its digits."""
        if x != x:
            return self.name("nan")
        text = self.name("inf").text if abs(x) == float("inf") else repr(abs(x))
        return Written(f"-{text}", _SIGN) if str(x)[0] == "-" else Written(text)

    def name(self, name: str) -> Written:
        return self.operands.get(name) or Written(self.constants.get(name, name))

    def negative(self, x: Written) -> Written:
        return Written(f"-{x.within(_SIGN + 1)}", _SIGN)

    def infix(self, op: str, x: Written, y: Written) -> Written:
        if op not in _LEVELS:
            raise self.lacks(f"the operator {op}")
        level = _LEVELS[op]
        # On the right the same level needs them, too: x - (y - z).
        return Written(f"{x.within(level)} {op} {y.within(level + 1)}", level)

    def call(self, name: str, inputs: Sequence[Written]) -> Written:
        """Call a function of the language, one that it lacks, or the value of another row."""
        listed = ", ".join(x.text for x in inputs)
        known = name in self.functions or name in self.own or name in PRIMITIVES
        if not known:
            raise self.lacks(f"the function {name!r}")
        written = self.functions.get(name, name)
        self.called.add(written)
        return Written(f"{written}({listed})")

    def comparison(self, op: str, x: Written, y: Written) -> Written:
        op = self.comparisons.get(op, op)
        return Written(f"{x.within(_SUM)} {op} {y.within(_SUM)}", _COMPARISON)

    def junction(self, word: str, parts: Sequence[Written]) -> Written:
        level = _LEVELS[word]
        joined = f" {self.words[word]} ".join(part.within(level + 1) for part in parts)
        return Written(joined, level)

    def choice(self, test: ast.expr, then: ast.expr, other: ast.expr) -> Written:
        parts = self.read(test), self.read(then), self.read(other)
        within = [part.within(level) for part, level in zip(parts, _IN_CHOICE, strict=True)]
        return Written(self.chosen(*within), _CHOICE)

    def chosen(self, test: str, then: str, other: str) -> str:
        """Write a choice, whose parts are written."""
        return f"{test} ? {then} : {other}"


#: The test and the first part of a choice are no choices, or else in parentheses.
_IN_CHOICE = _OR, _OR, _CHOICE


# ── Python ──────────────────────────────────────────────────────────────────────────────────────


def _unless(condition: str, otherwise: str, *names: str) -> dict[str, str]:
    """Write functions that ``math`` has, with an answer for where it raises."""
    return {
        name: f"def {name}(x):\n    return math.{name}(x) if {condition} else {otherwise}\n"
        for name in names
    }


def _beyond(answer: str, *names: str) -> dict[str, str]:
    """Write functions that ``math`` has, with an answer for what is beyond the largest float."""
    return {
        name: f"def {name}(x):\n    try:\n        return math.{name}(x)\n"
        f"    except OverflowError:\n        return {answer}\n"
        for name in names
    }


_DIVIDE = """\
def divide(x, y):
    if y != 0:
        return x / y
    return math.copysign(math.inf, x) * math.copysign(1, y) if abs(x) > 0 else math.nan
"""

_POWER = """\
def power(x, y):
    if y == 2 or y == 3:
        return x * x if y == 2 else x * x * x
    if -math.inf < x < 0 and y % 1 > 0:
        return math.nan
    try:
        return x**y
    except ArithmeticError:
        return math.copysign(math.inf, x) if y % 2 == 1 else math.inf
"""


class Python(Infix):
    """Expressions of Python on floats."""

    words: ClassVar = {"and": "and", "or": "or"}
    constants: ClassVar = {"inf": "math.inf", "nan": "math.nan", "pi": "math.pi"}
    functions: ClassVar = {
        "abs": "abs", "max": "max", "min": "min",
        **{name: f"math.{name}" for name in ("atan", "tanh", "asinh", "cbrt", "erf", "erfc")},
        "ieee_pow": "power",
    }  # fmt: skip
    own: ClassVar = {
        **_unless("abs(x) < math.inf", "math.nan", "sin", "cos", "tan"),
        **_unless("abs(x) <= 1", "math.nan", "asin", "acos"),
        **_unless("x >= 1", "math.nan", "acosh"),
        **_unless("x >= 0", "math.nan", "sqrt"),
        **_unless("x > 0", "-math.inf if x == 0 else math.nan", "log", "log2", "log10"),
        **_unless("x > -1", "-math.inf if x == -1 else math.nan", "log1p"),
        **_unless("abs(x) < 1", "divide(x, 1 - x * x)", "atanh"),
        **_beyond("math.inf", "exp", "expm1", "cosh"),
        **_beyond("math.copysign(math.inf, x)", "sinh"),
        "divide": _DIVIDE,
        "power": _POWER,
    }

    def infix(self, op: str, x: Written, y: Written) -> Written:
        return self.call("divide", [x, y]) if op == "/" else super().infix(op, x, y)

    def chosen(self, test: str, then: str, other: str) -> str:
        return f"{then} if {test} else {other}"


# ── C ───────────────────────────────────────────────────────────────────────────────────────────

#: Functions of one argument that C and JavaScript have, with Python's names.
_SHARED = (
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "trunc", "sin", "cos"),
    *("tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
)

_C_POWER = """\
static double power(double x, double y) {
    return y == 2 ? x * x : y == 3 ? x * x * x : pow(x, y);
}
"""

_C_LARGER = """\
static double maximum(double x, double y) {
    return y > x ? y : x;
}
"""


class C(Infix):
    """Expressions of C99 on doubles."""

    constants: ClassVar = {"inf": "INFINITY", "nan": "NAN", "pi": "3.141592653589793"}
    functions: ClassVar = {
        **{name: name for name in (*_SHARED, "erf", "erfc")},
        "abs": "fabs", "max": "maximum", "min": "minimum", "ieee_pow": "power",
    }  # fmt: skip
    own: ClassVar = {
        "power": _C_POWER,
        "maximum": _C_LARGER,
        "minimum": _C_LARGER.replace("maximum", "minimum").replace(">", "<"),
    }

    def number(self, x: float) -> Written:
        return self.literal(x)  # 1 / 2 would be a division of ints


# ── JavaScript ──────────────────────────────────────────────────────────────────────────────────

_JAVASCRIPT_POWER = """\
function power(x, y) {
  if (y === 2 || y === 3) return y === 2 ? x * x : x * x * x;
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y;
}
"""

_JAVASCRIPT_LARGER = """\
function max(x, y) {
  return y > x ? y : x;
}
"""

# The error function: its series 2/√π · exp(-x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)) has no negative
# terms, so nothing cancels (Abramowitz and Stegun, 7.1.6); beyond 1/2 its complement is as good,
# which there is a continued fraction (7.1.14). Rounding x² would cost digits of exp(-x²), so it is
# split into an exact square and a rest.
_ERF = """\
function erf(x) {
  if (x < 0) return -erf(-x);
  if (!(x <= 0.5)) return 1 - erfc(x);
  let term = x;
  let sum = x;
  for (let n = 1; term > 1e-18 * sum; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * gauss(x) * sum;
}
"""

_ERFC = """\
function erfc(x) {
  if (x < 0) return 2 - erfc(-x);
  if (x <= 0.5) return 1 - erf(x);
  if (!(x <= 40)) return x > 40 ? 0 : NaN;
  let fraction = x;
  for (let n = Math.ceil(20 + 250 / (x * x)); n > 0; n--) fraction = x + n / 2 / fraction;
  return gauss(x) / (Math.sqrt(Math.PI) * fraction);
}
"""

_GAUSS = """\
function gauss(x) {
  const short = Math.fround(x);
  return Math.exp(-short * short) * Math.exp(-(x - short) * (x + short));
}
"""


class JavaScript(Infix):
    """Expressions of JavaScript."""

    constants: ClassVar = {"inf": "Infinity", "nan": "NaN", "pi": "Math.PI"}
    comparisons: ClassVar = {"==": "===", "!=": "!=="}
    functions: ClassVar = {
        **{name: f"Math.{name}" for name in (*_SHARED, "abs")},
        "ieee_pow": "power",
    }
    own: ClassVar = {
        "power": _JAVASCRIPT_POWER,
        "max": _JAVASCRIPT_LARGER,
        "min": _JAVASCRIPT_LARGER.replace("max", "min").replace(">", "<"),
        "erf": _ERF,
        "erfc": _ERFC,
        "gauss": _GAUSS,
    }
