"""The table of primitives: every operation that scalargrad can differentiate, one row each.

A row states its operation once, as text, in the operands ``x`` and ``y`` and the result ``z``::

    Primitive("tanh", "tanh", "tanh(x)", ("1 - z * z",), ...)
                              value      one partial derivative per operand

and everything else reads it: the engine (floats), gradients of gradients (Values), array kernels,
pictures, docstrings, the gradient check and the tests. A new operation is one more row.
(PyTorch keeps its rules the same way, in ``derivatives.yaml``.)

The texts are Python expressions with the functions of ``math`` and of other rows; ``power(x, y)``
is ``x ** y`` for real results. At kinks and borders the rows take PyTorch's values: ``relu`` and
``abs`` have derivative 0 at 0, a tie of ``max`` is shared half and half, the derivative of ``sqrt``
at 0 is infinite. A condition is written so that a NaN falls through to the branch that keeps it.
"""

from __future__ import annotations

import math

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["FLOATS", "PRIMITIVES", "SLOPES", "Primitive", "float_function"]


class Primitive:
    """One row of the table."""

    __slots__ = (
        "_evaluate",
        "_slopes",
        "about",
        "domain",
        "example",
        "name",
        "partials",
        "symbol",
        "value",
    )

    def __init__(
        self,
        name: str,
        symbol: str,  # what stands in the op node of a picture
        value: str,  # z, in terms of the operands x and y
        partials: tuple[str, ...],  # ∂z/∂x and ∂z/∂y, in terms of x, y and z
        example: tuple[float, ...],  # operands for the docstring
        about: str,  # one sentence
        domain: str = "",  # where the operation is defined; empty: everywhere
    ) -> None:
        self.name, self.symbol, self.value, self.partials = name, symbol, value, partials
        self.example, self.about, self.domain = example, about, domain
        self._evaluate: Callable[..., float] | None = None  # made when first used
        self._slopes: Callable[..., tuple[float, ...]] | None = None

    @property
    def operands(self) -> str:
        """The operands' names, as in a parameter list: ``"x"`` or ``"x, y"``."""
        return ", ".join("xy"[: len(self.partials)])

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
            parameters, partials = f"{self.operands}, z", ", ".join(self.partials)
            self._slopes = eval(f"lambda {parameters}: ({partials},)", SLOPES)
        return tuple(map(float, self._slopes(*numbers)))

    def __repr__(self) -> str:
        return f"<Primitive {self.name}({self.operands}) = {self.value}>"


_ROWS = [
    # ── arithmetic ──────────────────────────────────────────────────────────────────────────────
    #          name          symbol  value       partial derivatives    example
    Primitive("add",        "+",    "x + y",    ("1", "1"),            (2.0, 3.0), "Sum."),
    Primitive("sub",        "-",    "x - y",    ("1", "-1"),           (2.0, 3.0), "Difference."),
    Primitive("mul",        "*",    "x * y",    ("y", "x"),            (2.0, 3.0), "Product."),
    Primitive("div",        "/",    "x / y",    ("1 / y", "-z / y"),   (3.0, 2.0), "Quotient.",
              "y != 0"),
    Primitive("pow",        "**",   "power(x, y)",
              ("0 if y == 0 else inf if x == 0 and y < 1 else y * power(x, y - 1)",
               "z * log(x) if x > 0 else 0 if x == 0 and y >= 0 else nan"),
              (2.0, 3.0), "Power.",
              "x > 0 or (x < 0 and y % 1 == 0) or (x == 0 and y >= 0)"),
    Primitive("pow_number", "**",   "power(x, y)",
              ("0 if y == 0 else inf if x == 0 and y < 1 else y * power(x, y - 1)", "0"),
              (2.0, 3.0), "Power with a plain number as exponent, which has no derivative.",
              "x > 0 or (x < 0 and y % 1 == 0) or (x == 0 and y >= 0)"),
    Primitive("neg",        "neg",  "-x",       ("-1",),               (2.0,), "Negation."),
    Primitive("abs",        "abs",  "abs(x)",   ("1 if x > 0 else -1 if x < 0 else 0",),
              (-2.0,), "Absolute value."),
    Primitive("max",        "max",  "x if x >= y else y if y >= x else nan",
              ("0 if x < y else 0.5 if x == y else 1", "0 if y < x else 0.5 if y == x else 1"),
              (2.0, 3.0), "The larger of two."),
    Primitive("min",        "min",  "x if x <= y else y if y <= x else nan",
              ("0 if x > y else 0.5 if x == y else 1", "0 if y > x else 0.5 if y == x else 1"),
              (2.0, 3.0), "The smaller of two."),
    Primitive("greater",    ">",    "1.0 if x > y else 0.0 if x <= y else nan", ("0", "0"),
              (3.0, 2.0), "1 if x is greater than y, else 0."),
    # ── exponentials and logarithms ─────────────────────────────────────────────────────────────
    Primitive("exp",   "exp",   "exp(x)",   ("z",),           (1.0,), "Exponential function."),
    Primitive("expm1", "expm1", "expm1(x)", ("exp(x)",),      (1.0,), "exp(x) - 1, exact near 0."),
    Primitive("log",   "log",   "log(x)",   ("1 / x",),       (2.0,), "Natural logarithm.",
              "x > 0"),
    Primitive("clamped_log", "clamped log",
              "log(x) if x > exp(-100) else sqrt(x) * 0 - 100",
              ("1 / x if x > exp(-100) else 0",), (2.0,),
              "Natural logarithm, but never less than -100: that of a probability.", "x >= 0"),
    Primitive("log1p", "log1p", "log1p(x)", ("1 / (1 + x)",), (1.0,), "log(1 + x), exact near 0.",
              "x > -1"),
    Primitive("sqrt",  "sqrt",  "sqrt(x)",  ("inf if z == 0 else 0.5 / z",), (4.0,),
              "Square root.", "x >= 0"),
    # ── trigonometric and hyperbolic functions ──────────────────────────────────────────────────
    Primitive("sin",   "sin",   "sin(x)",   ("cos(x)",),          (1.0,),
              "Sine of an angle in radians.", "abs(x) < inf"),
    Primitive("cos",   "cos",   "cos(x)",   ("-sin(x)",),         (1.0,),
              "Cosine of an angle in radians.", "abs(x) < inf"),
    Primitive("tan",   "tan",   "tan(x)",   ("1 + z * z",),       (1.0,),
              "Tangent of an angle in radians.", "abs(x) < inf"),
    Primitive("asin",  "asin",  "asin(x)",
              ("inf if abs(x) == 1 else 1 / sqrt((1 - x) * (1 + x))",),  (0.5,),
              "Inverse sine, in radians.", "abs(x) <= 1"),
    Primitive("acos",  "acos",  "acos(x)",
              ("-inf if abs(x) == 1 else -1 / sqrt((1 - x) * (1 + x))",), (0.5,),
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
              ("1 if x > 0 else y", "0 if x > 0 else x"),
              (-2.0, 0.01), "Rectifier that lets y times a negative x through."),
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
              ("0.5 if x == y else sigmoid(x - y)", "0.5 if x == y else sigmoid(y - x)"),
              (1.0, 2.0), "log(exp(x) + exp(y)), safe for any x and y."),
]  # fmt: skip

#: The table, by name, in its order.
PRIMITIVES: dict[str, Primitive] = {row.name: row for row in _ROWS}


# ── reading a row as functions of floats ────────────────────────────────────────────────────────


def _power(x: float, y: float) -> float:
    """``x ** y`` for real results only: Python answers ``(-8) ** 0.5`` with a complex number."""
    z: float | complex = x**y
    if isinstance(z, complex):
        raise ValueError("a negative number to a fractional power is not real")
    return z


def _limit_power(x: float, y: float) -> float:
    """``x ** y`` with infinities where Python raises, as IEEE 754 has it."""
    try:
        return _power(x, y)
    except (OverflowError, ZeroDivisionError):
        return -math.inf if x < 0 and y % 2 == 1 else math.inf


#: What the texts of values may name, for floats: results that do not exist raise.
FLOATS: dict[str, Any] = {"abs": abs, "max": max, "min": min, "power": _power} | {
    name: getattr(math, name)
    for name in (
        *("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan"),
        *("sinh", "cosh", "tanh", "erf", "erfc", "inf", "nan", "pi"),
    )
}

#: The same for partial derivatives: an infinite slope is an answer and not an error.
SLOPES: dict[str, Any] = FLOATS | {"power": _limit_power}


def float_function(
    text: str, parameters: str, names: dict[str, Any] = FLOATS
) -> Callable[..., float]:
    """Compile a text of the table into a function of floats.

    >>> float_function("x * y", "x, y")(2.0, 3.0)
    6.0
    """
    function: Callable[..., float] = eval(f"lambda {parameters}: {text}", names)
    return function


# A text may call another row by its name, as softplus' derivative calls sigmoid.
FLOATS["sigmoid"] = SLOPES["sigmoid"] = float_function(PRIMITIVES["sigmoid"].value, "x")
