"""The gradient check for nodes, built in or one's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..differences import Move, cause, compare, fault
from ..errors import GradientError
from .node import Input, Node, described, is_label
from .plan import run_backward, sorted_to, taking_part
from .run import value_and_grad

__all__ = ["Disagreement", "check_node_gradients", "compared", "first_wrong"]


def check_node_gradients(
    node: Node,
    feed_dict: Mapping[Node, Any],
    wrt: Iterable[Node] | None = None,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
) -> float:
    """Compare a node's gradients with central differences, and name the node that is wrong.

    Each element of each Input is moved a little to both sides, and the graph is run anew. A value
    that is no scalar is summed up with random weights, the same in each run, so that errors in two
    elements do not cancel. It runs on NumPy, and leaves the Inputs as they were fed.

    Args:
        node: the result.
        feed_dict: values of Inputs.
        wrt: the Inputs to move, by default all that lead to the result, but for class labels.
        rtol, atol: how far the two may be apart: ``rtol`` relative to the derivative, plus
            ``atol`` relative to the size of the result, which limits the precision of differences.

    Returns:
        The largest difference between the two, relative to the larger of 1 and the derivative.

    Raises:
        GradientError (an AssertionError): they differ, because a node is wrong, or is at a kink, a
            jump or the border of its domain; or a node gives different values for the same feed.

    >>> from scalargrad.miniflow import Sigmoid
    >>> x = Input()
    >>> check_node_gradients(Sigmoid(x), {x: [0.5, -2.0]}) < 1e-8
    True
    """
    value_and_grad(node, feed_dict)
    order = sorted_to([node])
    if wrt is None:
        wrt = [step for step in order if isinstance(step, Input) and not is_label(step, order)]
    inputs = list(wrt)

    def run() -> Any:
        for step in order:
            step.forward()
        return node.value

    _confirm(run, order)
    weights = _weights(node)
    active = taking_part(order, [node], inputs)
    run_backward(active, inputs, {node: weights})
    gradients = [0.0 if step.gradient is None else step.gradient for step in inputs]
    arrived = {step: step.gradient for step in active}
    worst, found = compared(run, weights, inputs, gradients, rtol, atol)
    if found is None:
        return worst
    wrong = first_wrong(order, arrived, rtol, atol)
    if wrong is not None:
        culprit, found = wrong
        raise GradientError(fault(found.moves, str(culprit), found.by))
    right = ", though each node on the way is right" * (cause(found.moves) == "wrong")
    raise GradientError(f"{fault(found.moves, str(node), found.by)}{right}")


def _confirm(run: Callable[[], Any], order: Sequence[Node]) -> None:
    """Raise an error if a node makes other values of the same operands."""
    before = [np.array(step.value) for step in order]
    run()
    for step, value in zip(order, before, strict=True):
        if not np.array_equal(step.value, value, equal_nan=value.dtype.kind in "fc"):
            raise GradientError(
                f"{step} is not repeatable: run again with the same feed, it has another value"
            )


class Disagreement(NamedTuple):
    """Where a gradient and the differences do not agree."""

    by: str  # what was moved
    moves: list[Move]


def first_wrong(
    order: Iterable[Node], arrived: Mapping[Node, Any], rtol: float, atol: float
) -> tuple[Node, Disagreement] | None:
    """Return the first node that does not differentiate itself, if there is one.

    If each node turns the gradient that came to it into the right ones of its operands, then so
    does the whole graph, by the chain rule. A node that is wrong comes before others that cannot
    be checked.

    Args:
        order: nodes, operands first, that have run.
        arrived: the gradient that came to each node that takes part.
        rtol, atol: as for `check_node_gradients`.
    """
    suspect: tuple[Node, Disagreement] | None = None
    for node in order:
        operands = [x for x in dict.fromkeys(node.inbound_nodes) if _is_moved(x, node, arrived)]
        if node not in arrived or not operands:
            continue
        weights = np.broadcast_to(arrived[node], np.shape(node.value))
        node.receive(weights, operands)
        gradients = [node.gradients.get(operand, 0.0) for operand in operands]

        def run(node: Node = node) -> Any:
            node.forward()
            return node.value

        _, found = compared(run, weights, operands, gradients, rtol, atol)
        if found and cause(found.moves) == "wrong":
            return node, found
        if found:
            suspect = suspect or (node, found)
    return suspect


def _is_moved(operand: Node, node: Node, active: Collection[Node]) -> bool:
    return operand in active and not is_label(operand, [node])


def compared(
    run: Callable[[], Any],
    weights: Any,
    moved: Sequence[Node],
    gradients: Sequence[Any],
    rtol: float,
    atol: float,
) -> tuple[float, Disagreement | None]:
    """Move every element of some nodes' values; return the largest difference and what fails.

    Args:
        run: computes a result anew.
        weights: with which its elements are summed up.
        moved: the nodes to move ...
        gradients: ... and the sum's gradients, with respect to each.
        rtol, atol: as for `check_node_gradients`.
    """
    worst, middle = 0.0, np.array(run(), dtype=float)
    size = float(max(np.max(np.abs(weights), initial=0.0), np.sum(np.abs(weights * middle))))
    total = float(np.sum(weights * middle))

    for node, gradient in zip(moved, gradients, strict=True):
        value = node.value
        node.value = array = np.array(value, dtype=float)
        ours = np.broadcast_to(np.asarray(gradient, dtype=float), array.shape)

        def result(number: float) -> float:
            array[place] = number  # noqa: B023  (called in this very round)
            try:
                return float(np.sum(weights * run()))
            except (ArithmeticError, ValueError):  # a node of one's own is out of its domain
                return math.nan

        try:
            for place in np.ndindex(array.shape):
                number, rule = float(array[place]), float(ours[place])
                moves = compare(result, number, total, rule, rtol, atol * size, size)
                array[place] = number
                if not moves[-1].agrees(rtol, atol * size):
                    where = f"element {list(place)} of " if place else ""
                    return worst, Disagreement(f"{where}{described(node)}", moves)
                worst = max(worst, abs(moves[-1].error) / max(1.0, abs(moves[-1].slope)))
        finally:
            node.value = value
            run()
    return worst, None


def _weights(node: Node) -> Any:
    return np.random.default_rng(0).normal(size=np.shape(node.value))
