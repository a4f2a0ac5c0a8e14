"""What a module is called with: one sample, or an error that says how to write it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set, Sized
from operator import index
from typing import TYPE_CHECKING, Any

from ..engine import Value
from ..errors import OperandError, ScalargradError, SizeError
from .module import Module

if TYPE_CHECKING:
    from ..engine import Operand

__all__ = ["check_counts", "misfit", "sample", "several"]


#: Neither a scalar nor a text is a list of inputs, nor what holds them by name or in no order.
_NO_LIST = (Value, float, int, str, Mapping, Set)


def sample(x: Iterable[Operand]) -> list[Value]:
    """Return one sample as Values; nothing if it is no list of scalars."""
    if isinstance(x, _NO_LIST) or not isinstance(x, Iterable):
        return []
    items = list(x) if getattr(x, "ndim", 1) == 1 else []
    try:
        return [item if isinstance(item, Value) else Value(item) for item in items]
    except OperandError:
        if any(map(_is_row, items)):
            return []
        raise


def _is_row(item: object) -> bool:
    return hasattr(item, "__len__") and not isinstance(item, str) and bool(getattr(item, "ndim", 1))


def misfit(
    module: Module, x: Iterable[Operand], inputs: list[Value], count: int
) -> ScalargradError:
    """Return the error for inputs that are more or fewer than they should be, or no sample."""
    kind = type(module).__name__
    if isinstance(x, _NO_LIST) or not isinstance(x, Iterable) or getattr(x, "ndim", 1) == 0:
        return OperandError(f"{kind} needs a list of {count} inputs, got {x!r}: put it into a list")
    if inputs or (isinstance(x, Sized) and not len(x)):
        return SizeError(f"{kind} needs {count} inputs, got {len(inputs)}")
    shape = f" of shape {tuple(x.shape)}" if hasattr(x, "shape") else " of rows"
    rows = "X.to_numpy()" if hasattr(x, "to_numpy") else "X"  # else a table yields its columns
    return OperandError(
        f"{kind} takes one sample at a time, a list of {count} inputs, got {type(x).__name__}"
        f"{shape}: write [model(x) for x in {rows}]"
    )


def several(module: Module, count: int) -> OperandError:
    """Return the error for inputs that are not in a list."""
    names = ", ".join(f"x{i}" for i in range(min(count, 3))) + ", ..." * (count > 3)
    return OperandError(
        f"{type(module).__name__} takes its {count} inputs in one list: write model([{names}])"
    )


def check_counts(*counts: int) -> None:
    """Check the sizes of neurons and layers."""
    for count in counts:
        if isinstance(count, bool) or _whole(count) < 1:
            raise SizeError(f"the sizes of neurons and layers are positive ints, got {count!r}")


def _whole(count: Any) -> int:
    """Return an int, or an integer of NumPy, as an int; 0 if it is neither."""
    try:
        return index(count)
    except TypeError:
        return 0
