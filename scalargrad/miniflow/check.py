"""The gradient check for nodes, built in or one's own."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import GradientError
from .node import Input, Node, described, is_label
from .plan import run_backward, sorted_to, taking_part
from .run import value_and_grad

__all__ = ["check_node_gradients"]

_STEP = math.cbrt(sys.float_info.epsilon)


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
        GradientError (an AssertionError): they differ.

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
    weights = _weights(node)
    run_backward(taking_part(order, [node], inputs), inputs, {node: weights})
    gradients = [0.0 if step.gradient is None else step.gradient for step in inputs]

    def run() -> Any:
        for step in order:
            step.forward()
        return node.value

    worst, failure = _compare(run, weights, inputs, gradients, rtol, atol)
    run()
    if failure:
        raise GradientError(_first_wrong(order, rtol, atol) or f"{failure} with respect to {node}")
    return worst


def _first_wrong(order: Sequence[Node], rtol: float, atol: float) -> str:
    """Return a sentence about the first node that does not differentiate itself, or nothing."""
    for node in order:
        operands = [x for x in dict.fromkeys(node.inbound_nodes) if not is_label(x, [node])]
        weights = _weights(node)
        node.receive(weights, operands)
        gradients = [node.gradients.get(operand, 0.0) for operand in operands]

        def run(node: Node = node) -> Any:
            node.forward()
            return node.value

        _, failure = _compare(run, weights, operands, gradients, rtol, atol)
        if failure:
            return f"{node} has a wrong derivative: {failure}"
    return ""


def _compare(
    run: Callable[[], Any],
    weights: Any,
    moved: Sequence[Node],
    gradients: Sequence[Any],
    rtol: float,
    atol: float,
) -> tuple[float, str]:
    """Move every element of some nodes' values; return the largest difference and what fails."""
    worst, size = 0.0, max(1.0, float(np.sum(np.abs(weights * run()))))
    for node, gradient in zip(moved, gradients, strict=True):
        for place, slope in _slopes(run, weights, node):
            ours = float(np.broadcast_to(gradient, np.shape(node.value))[place])
            difference = abs(ours - slope)
            if not difference <= rtol * max(abs(ours), abs(slope)) + atol * size:
                where = f"[{', '.join(map(str, place))}]" if place else ""
                return worst, (
                    f"{described(node)}{where} gets the gradient {ours:.6g}, "
                    f"central differences give {slope:.6g}"
                )
            worst = max(worst, difference / max(1.0, abs(slope)))
    return worst, ""


def _slopes(
    run: Callable[[], Any], weights: Any, node: Node
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield the place of each element of a node's value, and the result's slope along it."""
    value = node.value
    node.value = array = np.array(value, dtype=float)
    try:
        for place in np.ndindex(array.shape):
            number = float(array[place])
            step = _STEP * max(1.0, abs(number))
            array[place] = number + step
            upper = np.array(run())
            array[place] = number - step
            slope = float(np.sum(weights * (upper - run()))) / (2 * step)
            array[place] = number
            yield place, slope
    finally:
        node.value = value


def _weights(node: Node) -> Any:
    return np.random.default_rng(0).normal(size=np.shape(node.value))
