"""The arguments of composites: lists of scalars, and lists of rows, checked and as Values."""

from __future__ import annotations

from ..arguments import shown
from ..engine import Value, constant
from ..errors import OperandError, SizeError

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..engine import Operand

__all__ = ["listed", "node_of", "paired", "rows_of", "some", "some_paired", "values_of"]


def listed(items: object) -> list[Any] | None:
    """Return what was given as a list; None if it is a single scalar, or a text."""
    if isinstance(items, str):
        return None
    try:
        iterator = iter(items)  # type: ignore[call-overload]
    except TypeError:  # arrays without a dimension have the method, too, and refuse it
        return None
    return list(iterator)


def values_of(name: str, scalars: Iterable[Operand]) -> list[Value]:
    """Return a flat list of scalars as Values.

    Args:
        name: of the function that they were given to, for errors.
        scalars: what was given.
    """
    items = listed(scalars)
    if items is None:
        raise OperandError(f"{name} needs a list of scalars, got {scalars!r}: put it into a list")
    return [x if isinstance(x, Value) else _constant(name, x) for x in items]


def some(name: str, scalars: Iterable[Operand]) -> list[Value]:
    """Return a list of at least one scalar."""
    values = values_of(name, scalars)
    if not values:
        raise SizeError(f"{name} needs at least one scalar, got none")
    return values


def paired(name: str, xs: Iterable[Operand], ys: Iterable[Operand]) -> list[tuple[Value, Value]]:
    """Return two lists of the same length as a list of pairs."""
    left, right = values_of(name, xs), values_of(name, ys)
    if len(left) != len(right):
        raise SizeError(f"{name} needs lists of the same length, got {len(left)} and {len(right)}")
    return list(zip(left, right, strict=True))


def some_paired(
    name: str, xs: Iterable[Operand], ys: Iterable[Operand]
) -> list[tuple[Value, Value]]:
    """Return two lists of the same length as a list of at least one pair."""
    pairs = paired(name, xs, ys)
    if not pairs:
        raise SizeError(f"{name} needs at least one scalar, got none")
    return pairs


def rows_of(name: str, what: str, rows: Iterable[Iterable[Operand]]) -> list[list[Value]]:
    """Return a list of at least one row, all of the same length, as Values.

    Args:
        name: of the function that they were given to, for errors.
        what: what the function calls them.
        rows: what was given.
    """
    items = listed(rows)
    lists = [None] if items is None else [listed(row) for row in items]
    if any(row is None for row in lists):
        raise OperandError(f"{name} needs {what} as a list of rows, got {shown(rows)}")
    found = [some(name, row) for row in lists if row is not None]
    if not found:
        raise SizeError(f"{name} needs {what} of at least one row, got none")
    widths = sorted({len(row) for row in found})
    if len(widths) > 1:
        raise SizeError(
            f"{name} needs {what} of rows of the same length, got {widths[0]} and {widths[-1]}"
        )
    return found


def node_of(value: Value) -> str:
    """Return how an error names a Value that has a label."""
    return f" (node {value.label!r})" if value.label else ""


def _constant(name: str, x: Operand) -> Value:
    if hasattr(x, "__len__") and not isinstance(x, (str, bytes)):  # a row, of an array or a list
        raise OperandError(
            f"{name} needs a flat list of scalars, got one that holds {shown(x)}: flatten "
            "it, as y.ravel() does with an array"
        )
    return constant(x)
