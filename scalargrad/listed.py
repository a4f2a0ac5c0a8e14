"""The list of inputs that a function gets which is traced, or checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .engine import Value
from .errors import OperandError

__all__ = ["Inputs", "called"]


def called(function: Callable[[list[Value]], Any], inputs: Sequence[Value]) -> Any:
    """Call a function of a list of Values.

    Raises:
        OperandError: it has a parameter for each input instead, or none.

    >>> called(lambda a, b: a * b, [Value(2.0), Value(3.0)])
    Traceback (most recent call last):
    ...
    scalargrad.errors.OperandError: the function gets one list of all inputs, and takes 2 \
arguments: unpack it, as in lambda x: f(*x)
    """
    from inspect import Parameter, signature

    given = Inputs(inputs)
    try:
        taken = signature(function)
    except (TypeError, ValueError):  # it is built in, and does not say
        return function(given)
    try:
        taken.bind(given)
    except TypeError:
        needed = [p for p in taken.parameters.values() if p.default is Parameter.empty]
        raise OperandError(
            f"the function gets one list of all inputs, and takes {len(needed) or 'no'} arguments"
            + ": unpack it, as in lambda x: f(*x)" * (len(needed) > 1)
        ) from None
    return function(given)


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
