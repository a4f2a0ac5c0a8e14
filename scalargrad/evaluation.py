"""A graph computed once more, for other numbers in its leaves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, SupportsFloat

from .arguments import assigned_data, number_of, shown
from .engine import Value, operands
from .errors import OperandError, SizeError
from .graph import topological_sort
from .rules import failure

__all__ = ["edited", "evaluate", "replayed"]


def evaluate(root: Value, numbers: Mapping[Value, SupportsFloat]) -> float:
    """Return what a graph gives for other numbers in some of its leaves: `Value.at`."""
    if not isinstance(numbers, Mapping):
        raise OperandError(f"at needs numbers by leaf, as in at({{a: 3.0}}), got {shown(numbers)}")
    order = topological_sort([root], operands)
    _check(root, numbers, {*order})
    found = {leaf: number_of(number) for leaf, number in numbers.items()}
    changed = {*found}  # what depends on them
    for node in order:
        inputs = operands(node)
        if not changed.isdisjoint(inputs):
            changed.add(node)
        if node not in found:
            found[node] = _computed(node, [found[x] for x in inputs], node in changed)
    return found[root]


def replayed(
    order: Sequence[Value], numbers: dict[Value, float], undefined: Callable[[Value], float]
) -> list[float]:
    """Return the data of all nodes by the table of primitives, for other numbers in some leaves.

    Args:
        order: the nodes, operands first.
        numbers: those of the leaves; all others are added.
        undefined: returns what a node is where it is not defined, or raises.
    """
    for node in order:
        if node.primitive is None:
            numbers.setdefault(node, node.data)
            continue
        try:
            numbers[node] = node.primitive.evaluate(*[numbers[x] for x in operands(node)])
        except (ArithmeticError, ValueError):
            numbers[node] = undefined(node)
    return [numbers[node] for node in order]


def edited(order: Iterable[Value]) -> Iterator[tuple[Value, float]]:
    """Yield the nodes whose data are no longer, to the bit, what their operations give; and that.

    It is nan where an operation is not defined by now.
    """
    for node in order:
        if node.primitive is not None:
            try:
                now = node.primitive.evaluate(*[x.data for x in operands(node)])
            except (ArithmeticError, ValueError):
                now = math.nan
            if now != node.data and not (math.isnan(now) and math.isnan(node.data)):
                yield node, now


def _check(root: Value, numbers: Mapping[Any, Any], graph: set[Value]) -> None:
    for node in numbers:
        if not isinstance(node, Value):
            raise OperandError(f"at needs leaves of the graph, got {shown(node)} among them")
        if node not in graph:
            raise SizeError(f"{node!r} is no leaf of the graph of {root!r}, which does not use it")
        if node.kind == "op":
            raise OperandError(f"{node!r} is computed by {node._op or 'an op'}: give its leaves")
        if node.kind == "constant":
            raise OperandError(f"{node!r} is a constant of the expression, and stays what it is")


def _computed(node: Value, inputs: list[float], changed: bool) -> float:
    if node.kind != "op":
        return assigned_data(node)
    row = node.primitive
    if row is not None:
        try:
            return row.evaluate(*inputs)
        except (ArithmeticError, ValueError) as error:
            given = [
                Value(x, label=old.label) for x, old in zip(inputs, operands(node), strict=True)
            ]
            raise failure(error, row, *given) from None
    if changed:
        raise OperandError(
            f"{node._op or 'op'} is an operation of your own, which has a number and no formula: "
            "call the function that made it once more"
        )
    return assigned_data(node)
