"""Expansion: what an array graph really is, a lot of scalar work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from ..arrays.library import NUMPY
from ..engine import Value, constant
from ..rules import make_function
from .node import Input, Node, Op, is_label
from .nodes import Elementwise
from .plan import sorted_to
from .run import value_and_grad

__all__ = ["expand"]


def expand(node: Node, feed_dict: Mapping[Node, Any]) -> Any:
    """Build the scalar graph of a node: a `Value` for each element of each array.

    Each element of an Input becomes a leaf whose label is the Input's name with the place, as in
    ``w[0,1]``; integers that are class labels stay numbers. Elementwise nodes become the primitive
    that is their row of the table, all others do on arrays of Values what they do on numbers.

    Returns:
        A NumPy array of Values in the shape of the node's value, or for a scalar a Value.

    >>> from scalargrad.miniflow import Linear
    >>> x, w, b = Input("x"), Input("w"), Input("b")
    >>> z = expand(Linear(x, w, b), {x: [[1, 2]], w: [[3], [4]], b: [5]})
    >>> z[0, 0].backward()
    >>> z[0, 0]._prev[1]
    Value(data=5.0, grad=1.0, label='b[0]')
    """
    value_and_grad(node, feed_dict)
    order = sorted_to([node])
    values: dict[Node, Any] = {}
    for step in order:
        operands = [values[operand] for operand in step.inbound_nodes]
        if isinstance(step, Input):
            values[step] = step.value if is_label(step, order) else _leaves(step)
        elif isinstance(step, Elementwise):
            values[step] = _array(_on_elements(step.row.name, len(operands))(*operands))
        elif isinstance(step, Op):
            values[step] = _array(step.kernel.forward(_ScalarNamespace(), *operands)[0])
        else:
            values[step] = _array(_run_on(operands, step))
    return values[node].view(np.ndarray)[()]


class _Values(np.ndarray):
    """An array of Values, which stays an array where NumPy would make it a scalar."""

    def __array_wrap__(self, array: Any, *_context: Any) -> Any:
        return _array(array)


class _ScalarNamespace:
    """The namespace of arrays of Values: NumPy's, which calls the methods of the elements."""

    maximum = staticmethod(np.frompyfunc(Value.max, 2, 1))

    def __getattr__(self, name: str) -> Any:
        return getattr(NUMPY, name)

    def finfo(self, _dtype: Any) -> Any:
        return np.finfo(float)


def _array(values: Any) -> Any:
    """Return Values and numbers as an array of Values."""
    array = np.array(values, dtype=object)
    for place in np.ndindex(array.shape):
        if not isinstance(array[place], Value):
            array[place] = constant(array[place])
    return array.view(_Values)


def _leaves(node: Input) -> Any:
    numbers = np.asarray(node.value, dtype=float)
    leaves = np.empty(numbers.shape, dtype=object)
    for place in np.ndindex(numbers.shape):
        where = f"[{','.join(map(str, place))}]" if place else ""
        leaves[place] = Value(numbers[place], label=f"{node.name or 'Input'}{where}")
    return _array(leaves)


@cache
def _on_elements(primitive: str, operands: int) -> Callable[..., Any]:
    function: Callable[..., Any] = np.frompyfunc(
        make_function(primitive, Value, constant), operands, 1
    )
    return function


def _run_on(operands: list[Any], node: Node) -> Any:
    """Run a node of one's own on arrays of Values, and leave everything as it was."""
    touched = [node, *node.inbound_nodes]
    values = [step.value for step in touched]
    try:
        for operand, value in zip(node.inbound_nodes, operands, strict=True):
            operand.value = value
        node.forward()
        return node.value
    finally:
        for step, value in zip(touched, values, strict=True):
            step.value = value
