"""NumPy's functions of Values: ``np.exp(value)``, ``array * value``, ``value < array``.

Of an array it computes element by element, and the results are in an object array, as those of
Python objects are. So Values never end up in an array of floats, nor an array in a Value.

>>> x = Value(2.0)
>>> np.array([1.0, 3.0]) * x
array([Value(data=2.0, grad=0.0), Value(data=6.0, grad=0.0)], dtype=object)
>>> np.tanh(x).data == x.tanh().data
True
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .engine import Value, constant
from .errors import OperandError
from .ops import PRIMITIVES

__all__ = ["apply"]


def apply(_node: Value, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """Compute a function of NumPy on inputs of which one at least is a Value.

    Raises:
        OperandError: the function is no operation of Values, or the result goes into an array of
            numbers, as that of ``array += value`` does.
    """
    name = ufunc.__name__
    function = _OPERATORS.get(name) or _METHODS.get(name)
    if function is None:
        raise OperandError(
            f"np.{name} is no operation of Values: use methods such as value.exp(), or value.data "
            "for the bare number"
        )
    if method == "__call__" and not options:
        x = inputs[0]
        if isinstance(x, np.generic):  # number * value, which should be fast
            return function(constant(x), *inputs[1:])
        if not any(map(np.ndim, inputs)):
            return function(*map(_scalar, inputs))
    if any(out is not None and out.dtype != object for out in options.get("out", ())):
        raise OperandError(
            "an array of numbers cannot hold Values: write array = array + value, and not "
            "array += value"
        )
    elementwise = ufunc if name in _OPERATORS else np.frompyfunc(function, ufunc.nin, 1)
    return getattr(elementwise, method)(*map(_as_object, inputs), **options)


def _scalar(x: Any) -> Value:
    """Return the node for a number, which may be in an array without dimensions."""
    x = x[()] if isinstance(x, np.ndarray) else x
    return x if isinstance(x, Value) else constant(x)


def _as_object(x: Any) -> Any:
    """Return an array without dimensions that holds a Value; anything else as it is."""
    if not isinstance(x, Value):
        return x
    array = np.empty((), object)
    array[()] = x
    return array


def _method(name: str) -> Callable[..., Value]:
    def call(x: Any, *others: Any) -> Value:
        value: Value = getattr(_scalar(x), name)(*others)
        return value

    return call


#: Python's operators, by NumPy's names of them: those that NumPy itself applies to objects.
_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "negative": operator.neg,
    "positive": operator.pos,
    "absolute": abs,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}

#: The methods of Value, by NumPy's names of them.
_METHODS = {name: _method(name) for name in PRIMITIVES if hasattr(Value, name)}
_METHODS |= {name: _method(name) for name in ("arcsin", "arccos", "arctan")}
_METHODS |= {"maximum": _method("max"), "minimum": _method("min"), "fabs": _method("abs")}
