"""The list of inputs that a function gets which is traced, or checked."""

from __future__ import annotations

from typing import Any

from .engine import Value
from .errors import OperandError

__all__ = ["Inputs"]


class Inputs(list[Value]):
    """A list of Values that says so to a function which takes it for a single one.

    A plain list would repeat itself where a Value is multiplied.

    >>> Inputs([Value(1.0)]) * 2
    Traceback (most recent call last):
    ...
    scalargrad.errors.OperandError: the function gets one list of all inputs, as in \
lambda x: x[0] * 2, and was written for a single Value
    """

    def _refuse(self, *_: object) -> Any:
        raise OperandError(
            "the function gets one list of all inputs, as in lambda x: x[0] * 2, and was written "
            "for a single Value"
        )

    __mul__ = __rmul__ = __imul__ = __add__ = __iadd__ = __lt__ = __gt__ = _refuse
    __radd__ = __sub__ = __rsub__ = __truediv__ = __rtruediv__ = __pow__ = __neg__ = __abs__ = (
        _refuse
    )

    def __getattr__(self, name: str) -> Any:
        if hasattr(Value, name):
            self._refuse()
        raise AttributeError(f"a list has no attribute {name!r}")
