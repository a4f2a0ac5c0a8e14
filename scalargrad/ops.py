"""The table of primitives: every operation that scalargrad can differentiate, one row each.

A row states its operation once, as text, in the operands ``x`` and ``y`` and the result ``z``::

    Primitive("tanh", "tanh", "tanh(x)", ("1 - z * z",), ...)
                              value      one partial derivative per operand

and everything else reads it: the engine (floats), gradients of gradients (Values), array kernels,
pictures, docstrings, the gradient check and the tests. A new operation is one more row.
(PyTorch keeps its rules the same way, in ``derivatives.yaml``.)

The texts are Python expressions with the functions of ``math`` and of other rows; ``power(x, y)``
is ``x ** y`` for real results.

The law of a row: its derivative is an expression that is true wherever the row is defined, and so
are the derivatives of that expression. What is smooth is written by its smooth formula; a choice,
``a if condition else b``, stands only at a kink or at a border, and what a formula cannot take is
kept from it: ``log(x if x > 0 else 1)``. An infinite slope is an answer, which ``reciprocal`` and
``ieee_pow`` give where ``/`` and ``**`` raise.

At kinks and borders the rows take PyTorch's values: ``relu`` and ``abs`` have derivative 0 at 0, a
tie of ``max`` is shared half and half, the derivative of ``sqrt`` at 0 is infinite. A condition is
written so that a NaN falls through to the branch that keeps it; in the slope at a kink it is
``<=``, ``>=`` or ``==``, which hold of a NaN in a graph as they do in Python.
"""

from __future__ import annotations

import math

from .errors import TextError

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["FLOATS", "PRIMITIVES", "Primitive", "float_function"]


#: What the operands of a row are called, by how many there are; its result is z.
_LETTERS = {1: ("x",), 2: ("x", "y"), 3: ("c", "x", "y")}


class Primitive:
    """One row of the table."""

    __slots__ = (
        "_evaluate",
        "_pushes",
        "_slopes",
        "about",
        "domain",
        "example",
        "method",
        "name",
        "partials",
        "symbol",
        "value",
    )

    def __init__(
        self,
        name: str,
        symbol: str,  # what stands in the op node of a picture
        value: str,  # z, in terms of the operands
        partials: tuple[str, ...],  # ∂z/∂operand for each, in terms of the operands and z
        example: tuple[float, ...],  # operands for the docstring
        about: str,  # one sentence
        domain: str = "",  # where the operation is defined; empty: everywhere
        method: str = "",  # what a Value calls it, if not by its name
    ) -> None:
        self.name, self.symbol, self.value, self.partials = name, symbol, value, partials
        self.example, self.about, self.domain = example, about, domain
        self.method = method or name
        self._evaluate: Callable[..., float] | None = None  # made when first used
        self._slopes: Callable[..., Any] | None = None
        self._pushes: tuple[str, ...] | None = None

    @property
    def letters(self) -> tuple[str, ...]:
        """The operands' names in the texts: x, or x and y, or c (a condition), x and y."""
        return _LETTERS[len(self.partials)]

    @property
    def operands(self) -> str:
        """The same as in a parameter list: ``"x"``, ``"x, y"`` or ``"c, x, y"``."""
        return ", ".join(self.letters)

    @property
    def pushes(self) -> tuple[str, ...]:
        """The texts of g · ∂z/∂operand, with g the gradient of z: what each operand receives.

        >>> PRIMITIVES["relu"].pushes
        ('0.0 if x <= 0 else g',)
        """
        if self._pushes is None:
            self._pushes = tuple(map(_scaled, self.partials))
        return self._pushes

    def evaluate(self, *numbers: float) -> float:
        """Return the result for operands that are floats.

        >>> PRIMITIVES["mul"].evaluate(2.0, 3.0)
        6.0
        """
        if self._evaluate is None:
            self._evaluate = float_function(self.value, self.operands)
        return self._evaluate(*numbers)

    def slopes(self, *numbers: float) -> tuple[float, ...]:
        """Return the partial derivatives, given the operands and the result as floats.

        >>> PRIMITIVES["mul"].slopes(2.0, 3.0, 6.0)
        (3.0, 2.0)
        """
        if self._slopes is None:
            partials = ", ".join(self.partials)
            self._slopes = float_function(f"({partials},)", f"{self.operands}, z")
        slopes: tuple[float, ...] = self._slopes(*numbers)
        return tuple(map(float, slopes))

    def __repr__(self) -> str:
        return f"<Primitive {self.name}({self.operands}) = {self.value}>"


def _scaled(partial: str) -> str:
    """Return g · partial, with the factor inside of choices.

    So where a choice says 0, nothing is passed on, even of a gradient that is infinite.
    """
    then, test, other = _choice(partial)
    if test:
        return f"{_scaled(then)} if {test} else {_scaled(other)}"
    if partial in _SCALED:
        return _SCALED[partial]
    simple = " " not in partial and partial[0] != "-"
    return f"g * {partial}" if simple else f"g * ({partial})"


_SCALED = {"0": "0.0", "1": "g", "-1": "-g", "nan": "nan"}


def _choice(text: str) -> tuple[str, str, str]:
    """Take ``then if test else other`` apart, by the words that are in no brackets."""
    depth, start = 0, 0
    parts: list[str] = []
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        word = (" if ", " else ")[len(parts)] if len(parts) < 2 else ""
        if depth == 0 and word and text.startswith(word, i):
            parts.append(text[start:i])
            start = i + len(word)
    then, test = parts or ("", "")
    return then, test, text[start:]


# The slopes of powers. 0 to the power of 0 has none in x, though its formula is 0 · ∞.
_POWER_X = "y * ieee_pow(x if y != 0 or abs(x) > 0 else 1, y - 1)"
_POWER_Y = "z * log(x if x > 0 else 1) if x > 0 else 0 if x == 0 else nan"

# The cosine of asin(x). The product is exact where 1 - x * x cancels, but at the border, where its
# own slope would be ∞ · 0, the difference is exact.
_COSINE = "sqrt((1 - x) * (1 + x) if abs(x) < 1 else 1 - x * x)"

_ROWS = [
    # ── arithmetic ──────────────────────────────────────────────────────────────────────────────
    #          name          symbol  value       partial derivatives    example
    Primitive("add",        "+",    "x + y",    ("1", "1"),            (2.0, 3.0), "Sum.",
              method="__add__"),
    Primitive("sub",        "-",    "x - y",    ("1", "-1"),           (2.0, 3.0), "Difference.",
              method="__sub__"),
    Primitive("mul",        "*",    "x * y",    ("y", "x"),            (2.0, 3.0), "Product.",
              method="__mul__"),
    Primitive("div",        "/",    "x / y",    ("1 / y", "-z / y"),   (3.0, 2.0), "Quotient.",
              "y != 0", method="__truediv__"),
    Primitive("pow",        "**",   "power(x, y)", (_POWER_X, _POWER_Y),  (2.0, 3.0), "Power.",
              "x > 0 or (x < 0 and y % 1 == 0) or (x == 0 and y >= 0)", method="_pow"),
    Primitive("pow_number", "**",   "power(x, y)", (_POWER_X, "0"),
              (2.0, 3.0), "Power with a plain number as exponent, which has no derivative.",
              "x > 0 or (x < 0 and y % 1 == 0) or (x == 0 and y >= 0)", method="_pow_number"),
    Primitive("ieee_pow",   "**",   "ieee_pow(x, y)", (_POWER_X, _POWER_Y),
              (2.0, 3.0), "Power with the infinities of IEEE 754, as slopes of powers need it.",
              "x >= 0 or y % 1 == 0", method="_ieee_pow"),
    Primitive("reciprocal", "1/",   "1 / x if x != 0 else inf", ("-z * z",), (4.0,),
              "1 / x, and infinite at 0, as slopes of roots need it.", method="_reciprocal"),
    Primitive("neg",        "neg",  "-x",       ("-1",),               (2.0,), "Negation.",
              method="__neg__"),
    Primitive("abs",        "abs",  "abs(x)",
              ("0 if x == 0 else 1 if x >= 0 else -1 if x <= 0 else 0",), (-2.0,),
              "Absolute value.", method="__abs__"),
    Primitive("max",        "max",  "x if x >= y else y if y >= x else nan",
              ("0.5 if x == y else 0 if x <= y else 1", "0.5 if y == x else 0 if y <= x else 1"),
              (2.0, 3.0), "The larger of two."),
    Primitive("min",        "min",  "x if x <= y else y if y <= x else nan",
              ("0.5 if x == y else 0 if x >= y else 1", "0.5 if y == x else 0 if y >= x else 1"),
              (2.0, 3.0), "The smaller of two."),
    Primitive("greater",    ">",    "1.0 if x > y else 0.0 if x <= y else nan", ("0", "0"),
              (3.0, 2.0), "1 if x is greater than y, else 0."),
    Primitive("where",      "where", "x if c != 0 else y",
              ("0", "1 if c != 0 else 0", "0 if c != 0 else 1"),
              (1.0, 2.0, 3.0), "x where the condition c is not 0, else y.", method="_where"),
    # ── exponentials and logarithms ─────────────────────────────────────────────────────────────
    Primitive("exp",   "exp",   "exp(x)",   ("z",),           (1.0,), "Exponential function."),
    Primitive("expm1", "expm1", "expm1(x)", ("exp(x)",),      (1.0,), "exp(x) - 1, exact near 0."),
    Primitive("log",   "log",   "log(x)",   ("1 / x",),       (2.0,), "Natural logarithm.",
              "x > 0"),
    Primitive("clamped_log", "clamped log",
              "log(x) if x > exp(-100) else sqrt(x) * 0 - 100",
              ("1 / (x if x >= exp(-100) else 1) if x >= exp(-100) else 0",), (2.0,),
              "Natural logarithm, but never less than -100: that of a probability.", "x >= 0"),
    Primitive("log1p", "log1p", "log1p(x)", ("1 / (1 + x)",), (1.0,), "log(1 + x), exact near 0.",
              "x > -1"),
    Primitive("sqrt",  "sqrt",  "sqrt(x)",  ("0.5 * reciprocal(z)",), (4.0,),
              "Square root.", "x >= 0"),
    # ── trigonometric and hyperbolic functions ──────────────────────────────────────────────────
    Primitive("sin",   "sin",   "sin(x)",   ("cos(x)",),          (1.0,),
              "Sine of an angle in radians.", "abs(x) < inf"),
    Primitive("cos",   "cos",   "cos(x)",   ("-sin(x)",),         (1.0,),
              "Cosine of an angle in radians.", "abs(x) < inf"),
    Primitive("tan",   "tan",   "tan(x)",   ("1 + z * z",),       (1.0,),
              "Tangent of an angle in radians.", "abs(x) < inf"),
    Primitive("asin",  "asin",  "asin(x)",  (f"reciprocal({_COSINE})",), (0.5,),
              "Inverse sine, in radians.", "abs(x) <= 1"),
    Primitive("acos",  "acos",  "acos(x)",  (f"-reciprocal({_COSINE})",), (0.5,),
              "Inverse cosine, in radians.", "abs(x) <= 1"),
    Primitive("atan",  "atan",  "atan(x)",  ("1 / (1 + x * x)",), (1.0,),
              "Inverse tangent, in radians."),
    Primitive("sinh",  "sinh",  "sinh(x)",  ("cosh(x)",),         (1.0,), "Hyperbolic sine."),
    Primitive("cosh",  "cosh",  "cosh(x)",  ("sinh(x)",),         (1.0,), "Hyperbolic cosine."),
    Primitive("tanh",  "tanh",  "tanh(x)",  ("1 - z * z",),       (0.5,),
              "Hyperbolic tangent: squashes any number into (-1, 1)."),
    # ── activations and their kin ───────────────────────────────────────────────────────────────
    Primitive("sigmoid",    "sigmoid",    "exp(min(x, 0)) / (1 + exp(-abs(x)))",
              ("z * (1 - z)",), (0.5,), "Logistic function 1 / (1 + exp(-x)), safe for any x."),
    Primitive("relu",       "ReLU",       "0.0 if x <= 0 else x",
              ("0 if x <= 0 else 1",), (2.0,), "Rectifier: x if it is positive, else 0."),
    Primitive("leaky_relu", "leaky ReLU", "x if x > 0 else y * x",
              ("y if x <= 0 else 1 if x >= 0 else y", "0 if x >= 0 else x"),
              (-2.0, 0.01), "Rectifier that lets y times a negative x through.",
              method="_leaky_relu"),
    Primitive("softplus",   "softplus",   "max(x, 0) + log1p(exp(-abs(x)))",
              ("sigmoid(x)",), (0.5,), "Smooth rectifier log(1 + exp(x)), safe for any x."),
    Primitive("erf",        "erf",        "erf(x)",
              ("2 / sqrt(pi) * exp(-x * x)",), (0.5,), "Error function."),
    Primitive("erfc",       "erfc",       "erfc(x)",
              ("-2 / sqrt(pi) * exp(-x * x)",), (0.5,), "1 - erf(x), exact for large x."),
    Primitive("gelu",       "GELU",       "0.5 * x * erfc(-x * sqrt(0.5))",
              ("0.5 * erfc(-x * sqrt(0.5)) + x * exp(-0.5 * x * x) / sqrt(2 * pi)",),
              (0.5,), "Gaussian error linear unit: x times the normal distribution's Φ(x)."),
    Primitive("logaddexp",  "logaddexp",
              "x + log(2) if x == y else max(x, y) + log1p(exp(-abs(x - y)))",
              ("sigmoid(x - y if x != y or abs(x) < inf else x)",
               "sigmoid(y - x if x != y or abs(x) < inf else x)"),
              (1.0, 2.0), "log(exp(x) + exp(y)), safe for any x and y."),
]  # fmt: skip

#: The table, by name, in its order.
PRIMITIVES: dict[str, Primitive] = {row.name: row for row in _ROWS}


# ── reading a row as functions of floats ────────────────────────────────────────────────────────


def _power(x: float, y: float) -> float:
    """``x ** y`` for real results alone: Python answers ``(-8) ** 0.5`` with a complex number."""
    if x < 0 and (y % 1 > 0 or abs(y) == math.inf):
        raise ValueError("a negative number to a power that is not whole is not real")
    if x == 0 and y == -math.inf:
        raise ZeroDivisionError("0 to a negative power")
    z: float = x**y
    return z


def _ieee_pow(x: float, y: float) -> float:
    """``x ** y`` with infinities where Python raises, as IEEE 754 has it."""
    try:
        return _power(x, y)
    except (OverflowError, ZeroDivisionError):
        return math.copysign(math.inf, x) if y % 2 == 1 else math.inf


#: What the texts may name, for floats: all of ``math``, and what differs from it. What does not
#: exist raises.
FLOATS: dict[str, Any] = {name: value for name, value in vars(math).items() if name[0] != "_"}
FLOATS |= {"abs": abs, "max": max, "min": min, "power": _power, "ieee_pow": _ieee_pow}


def float_function(text: str, parameters: str) -> Callable[..., Any]:
    """Compile a text of the table into a function of floats.

    Raises:
        TextError: the text names something that there is not for floats.

    >>> float_function("x * y", "x, y")(2.0, 3.0)
    6.0
    """
    function: Callable[..., Any] = eval(f"lambda {parameters}: {text}", FLOATS)
    unknown = [name for name in function.__code__.co_names if name not in FLOATS]
    if unknown:
        raise TextError(f"the text {text!r} names {unknown[0]!r}, which there is not for floats")
    return function


# A text may call another row by its name, as softplus' derivative calls sigmoid.
for _name in ("sigmoid", "reciprocal", "greater"):
    FLOATS[_name] = float_function(PRIMITIVES[_name].value, PRIMITIVES[_name].operands)
