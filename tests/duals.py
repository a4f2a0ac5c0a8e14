"""Dual numbers, nested for higher derivatives: forward mode, written apart from the table.

Functions have kinks where a condition changes; there `derivative` answers None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Dual(NamedTuple):
    """real + dual · ε, where ε² = 0; both parts may be Duals again."""

    real: Any
    dual: Any

    def __add__(self, other: Any) -> Any:  # type: ignore[override]
        return Dual(self.real + other.real, self.dual + other.dual)

    def __sub__(self, other: Any) -> Any:
        return Dual(self.real - other.real, self.dual - other.dual)

    def __mul__(self, other: Any) -> Any:  # type: ignore[override]
        return Dual(self.real * other.real, self.real * other.dual + self.dual * other.real)

    def __neg__(self) -> Any:
        return Dual(-self.real, -self.dual)


class KinkError(Exception):
    """A point is too near to a kink to have derivatives."""


def number(x: Any) -> float:
    return number(x.real) if isinstance(x, Dual) else x


def like(x: Any, c: float) -> Any:
    """Return a constant with as many levels as x."""
    return Dual(like(x.real, c), like(x.real, 0.0)) if isinstance(x, Dual) else c


def lifted(function: Callable[[float], float], slope: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function of Duals from a function of floats and its derivative for Duals."""

    def on_duals(x: Any) -> Any:
        if isinstance(x, Dual):
            return Dual(on_duals(x.real), slope(x.real) * x.dual)
        return function(x)

    return on_duals


exp = lifted(math.exp, lambda x: exp(x))
sin = lifted(math.sin, lambda x: cos(x))
cos = lifted(math.cos, lambda x: -sin(x))
reciprocal = lifted(lambda x: 1 / x, lambda x: -(reciprocal(x) * reciprocal(x)))
log = lifted(math.log, lambda x: reciprocal(x))
atan = lifted(math.atan, lambda x: reciprocal(like(x, 1.0) + x * x))
sqrt = lifted(math.sqrt, lambda x: like(x, 0.5) * reciprocal(sqrt(x)))


def tanh(x: Any) -> Any:
    e = exp(x * like(x, 2.0))
    return (e - like(x, 1.0)) * reciprocal(e + like(x, 1.0))


def choose(x: Any, y: Any, greater: Any, other: Any) -> Any:
    if abs(number(x) - number(y)) < 1e-6:
        raise KinkError
    return greater if number(x) > number(y) else other


def apply(name: str, x: Any, y: Any = None) -> Any:
    zero, one = like(x, 0.0), like(x, 1.0)
    match name:
        case "add":
            return x + y
        case "sub":
            return x - y
        case "mul":
            return x * y
        case "max" | "min":
            return choose(x, y, x, y) if name == "max" else choose(x, y, y, x)
        case "chosen":
            return choose(x, y, x * y, y - x)
        case "relu":
            return choose(x, zero, x, zero)
        case "abs":
            return choose(x, zero, x, -x)
        case "square":
            return x * x
        case "smooth_abs":
            return sqrt(x * x + one)
        case "power":
            return exp(log(one + x * x) * tanh(y))
        case "sigmoid":
            return reciprocal(one + exp(-x))
        case "softplus":
            return log(one + exp(x))
        case "logaddexp":
            return log(exp(x) + exp(y))
        case "tanh":
            return tanh(x)
    return {"sin": sin, "atan": atan}[name](x)


def derivative(steps: Any, run: Any, point: Sequence[float], order: Sequence[int]) -> float | None:
    """Return a partial derivative of a composition at a point; None at a kink."""
    numbers: list[Any] = list(point)
    for place in order:
        numbers = [Dual(x, like(x, float(i == place))) for i, x in enumerate(numbers)]
    try:
        result = run(steps, numbers, apply)
    except (KinkError, OverflowError):
        return None
    for _ in order:
        result = result.dual
    return float(result)
