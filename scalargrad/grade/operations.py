"""The operations of a Value that are looked for, and the numbers on which they are tried."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from scalargrad.ops import PRIMITIVES, Primitive

__all__ = ["METHODS", "OPERATIONS", "REFLECTED", "Operation"]

Point = tuple[float, ...]


class Operation(NamedTuple):
    """One operation, as a student writes it.

    Args:
        name: as in the report.
        method: what makes it, in the class.
        row: the name of its row in the table of primitives.
        call: applies it to operands.
        text: the same as code, with ``{a}`` and ``{b}`` for the operands.
        points: operands to try it on.
        core: whether an engine without it is not complete.
        numbers: how many operands at the end are plain numbers.
    """

    name: str
    method: str
    row: str
    call: Callable[..., Any]
    text: str
    points: tuple[Point, ...]
    core: bool = False
    numbers: int = 0

    @property
    def primitive(self) -> Primitive:
        """Its row of the table."""
        return PRIMITIVES[self.row]

    def written(self, *operands: object) -> str:
        """Return the code that applies it to operands.

        >>> OPERATIONS["*"].written("a", 2.0)
        'a * 2.0'
        """
        return self.text.format(**dict(zip("ab", operands, strict=False)))


# No two of them have numbers in common, and each sign is there: so guesses differ.
_PAIRS = ((2.0, 3.0), (-1.5, 0.75), (0.5, -2.25))
_POWERS = ((2.0, 3.0), (3.0, 2.0), (1.5, -1.0), (4.0, 0.5))
_NUMBERS = ((0.5,), (-0.75,), (1.25,))
_POSITIVE = ((0.5,), (2.0,), (3.0,))
_UNIT = ((0.5,), (-0.25,), (0.75,))

#: What people write in different ways, so that there is no one right answer.
_AMBIGUOUS = {"gelu", "clamped_log"}


def _binary(
    name: str, row: str, call: Callable[..., Any], points: tuple[Point, ...], **more: Any
) -> Operation:
    return Operation(
        name, PRIMITIVES[row].method, row, call, f"{{a}} {name} {{b}}", points, True, **more
    )


def _functions() -> list[Operation]:
    rows = [row for row in PRIMITIVES.values() if len(row.partials) == 1 and row.method == row.name]
    names = [row.name for row in rows if row.name not in _AMBIGUOUS]
    return [
        Operation(name, name, name, operator.methodcaller(name), f"{{a}}.{name}()", _points(name))
        for name in names
    ]


def _points(name: str) -> tuple[Point, ...]:
    domain = PRIMITIVES[name].domain
    return _POSITIVE if domain in ("x > 0", "x >= 0") else _UNIT if "<= 1" in domain else _NUMBERS


#: By name, in the order of the report.
OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in [
        _binary("+", "add", operator.add, _PAIRS),
        _binary("*", "mul", operator.mul, _PAIRS),
        _binary("-", "sub", operator.sub, _PAIRS),
        _binary("/", "div", operator.truediv, _PAIRS),
        _binary("**", "pow_number", operator.pow, _POWERS, numbers=1)._replace(method="__pow__"),
        Operation("neg", "__neg__", "neg", operator.neg, "-{a}", _NUMBERS, True),
        Operation("abs", "__abs__", "abs", abs, "abs({a})", _NUMBERS),
        *_functions(),
        Operation("max", "max", "max", lambda a, b: a.max(b), "{a}.max({b})", _PAIRS),
        Operation("min", "min", "min", lambda a, b: a.min(b), "{a}.min({b})", _PAIRS),
    ]
}

#: The method for a number on the left.
REFLECTED = {"+": "__radd__", "*": "__rmul__", "-": "__rsub__", "/": "__rtruediv__"}

#: The operation that each method stands for.
METHODS = {operation.method: operation.name for operation in OPERATIONS.values()} | {
    method: name for name, method in REFLECTED.items()
}
