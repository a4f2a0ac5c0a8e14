"""The gradient check: every derivative against differences, and the first that is wrong by name."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .calculus import _name
from .engine import Value, operands
from .errors import DomainError, GradientError, OperandError
from .graph import topological_sort

if TYPE_CHECKING:
    from .miniflow import Node

__all__ = ["check_gradients"]


def check_gradients(
    output: Value | Callable[[list[Value]], Value] | Node,
    inputs: Iterable[Value | float] | Mapping[Node, Any] | None = None,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
) -> float:
    """Compare a gradient with central differences, and name the first operation that is wrong.

    Each input is moved a little to both sides and everything is computed anew. A node is wrong if
    it does not move as its operands' movements and its own partial derivatives say; the first such
    node in the order of evaluation is named, and if there is none, ``backward()`` has to give what
    the differences give.

    Args:
        output: a Value, whose graph is computed anew by the table of primitives; or a function of a
            list of Values, which is called anew. A graph with operations of one's own needs the
            function, since only that can compute their values. It may also be a node of miniflow.
        inputs: the leaves to move, by default all but the constants; for a function, the numbers
            (or Values) to call it with; for a node, its ``feed_dict``.
        rtol, atol: how far the two may be apart: ``atol`` relative to the size of the node's value,
            which limits the precision of differences, plus ``rtol`` relative to the derivative.

    Returns:
        The largest difference between the two gradients, relative to the larger of 1 and the slope.

    Raises:
        GradientError (an AssertionError): they differ.
        DomainError: moving an input leaves the domain of an operation.

    All ``.grad`` are as before when it returns or raises. It costs four evaluations for each input.
    The step is the cube root of the machine epsilon, relative to 1 and to the input, of which the
    better one counts (Press et al., Numerical Recipes, section 5.7).

    >>> x = Value(0.5, label="x")
    >>> check_gradients(x.tanh() * x) < 1e-9
    True
    """
    if hasattr(output, "inbound_nodes"):
        from .miniflow import check_node_gradients

        return check_node_gradients(output, inputs or {}, rtol=rtol, atol=atol)  # type: ignore[arg-type]
    prepare = _replay if isinstance(output, Value) else _rerun
    leaves, order, evaluate = prepare(output, inputs)  # type: ignore[arg-type]
    gradients = _gradients_by_backward(order, leaves)
    worst = 0.0
    for leaf, gradient in zip(leaves, gradients, strict=True):
        failures = []
        for step in _steps(leaf.data):
            upper, lower = evaluate(leaf, leaf.data + step), evaluate(leaf, leaf.data - step)
            slopes = [(u - v) / (2 * step) for u, v in zip(upper, lower, strict=True)]
            failure = _first_difference(order, slopes, leaf, gradient, rtol, atol)
            if failure is None:
                worst = max(worst, abs(gradient - slopes[-1]) / max(1.0, abs(slopes[-1])))
                break
            failures.append(failure)
        else:
            raise GradientError(failures[0])
    return worst


# What is computed anew: the data of all nodes, in order, when one leaf has another value.
Evaluate = Callable[[Value, float], list[float]]


def _replay(
    output: Value, inputs: Iterable[Value] | None
) -> tuple[list[Value], list[Value], Evaluate]:
    """Prepare to compute a graph anew by the table of primitives."""
    order = topological_sort([output], operands)
    for node in order:
        if node.kind == "op" and node.primitive is None:
            raise OperandError(
                f"{_name(node)} is an operation of your own, which only Python can compute anew: "
                "give check_gradients a function of a list of Values instead of a Value"
            )
    leaves = [node for node in order if node.kind in ("leaf", "parameter")]
    if inputs is not None:
        leaves = [inputs] if isinstance(inputs, Value) else list(inputs)
        for leaf in leaves:
            if not isinstance(leaf, Value) or leaf.kind == "op":
                raise OperandError(f"check_gradients moves leaves of the graph, got {leaf!r}")

    def evaluate(moved: Value, x: float) -> list[float]:
        data = {moved: x}
        for node in order:
            if node.primitive is None:
                data.setdefault(node, node.data)
                continue
            numbers = [data[operand] for operand in operands(node)]
            try:
                data[node] = node.primitive.evaluate(*numbers)
            except (ArithmeticError, ValueError):
                raise DomainError(
                    f"{_name(node)} is at the border of its domain: it cannot be computed "
                    f"when {_name(moved)} moves from {moved.data!r} to {x!r}"
                ) from None
        return [data[node] for node in order]

    return leaves, order, evaluate


def _rerun(
    function: Callable[[list[Value]], Value], inputs: Iterable[Value | float] | None
) -> tuple[list[Value], list[Value], Evaluate]:
    """Prepare to compute a graph anew by calling the function that made it."""
    if inputs is None:
        raise OperandError("check_gradients of a function needs the inputs to call it with")
    leaves = [
        Value(float(x), label=getattr(x, "label", "") or f"input {i}") for i, x in enumerate(inputs)
    ]

    def run(leaves: list[Value]) -> list[Value]:
        output = function(leaves)
        if not isinstance(output, Value):
            raise OperandError(
                f"check_gradients needs a function that returns a Value, got {output!r}"
            )
        return topological_sort([output], operands)

    order = run(leaves)

    def evaluate(moved: Value, x: float) -> list[float]:
        nodes = run([Value(x if leaf is moved else leaf.data, label=leaf.label) for leaf in leaves])
        if [node._op for node in nodes] != [node._op for node in order]:
            raise GradientError(
                f"the function builds another graph when {_name(moved)} moves to {x!r}: "
                "its gradient does not exist there"
            )
        return [node.data for node in nodes]

    return leaves, order, evaluate


def _gradients_by_backward(order: Sequence[Value], leaves: Sequence[Value]) -> list[float]:
    """Return what ``backward()`` computes, and leave all gradients as they were."""
    saved = [(node, node.grad) for node in (*order, *leaves)]
    try:
        for node, _ in saved:
            node.grad = 0.0
        order[-1].backward()
        return [leaf.grad for leaf in leaves]
    finally:
        for node, gradient in reversed(saved):
            node.grad = gradient


def _steps(x: float) -> list[float]:
    step = math.cbrt(sys.float_info.epsilon)
    return [step * max(1.0, abs(x))] + ([step * abs(x)] if 0 < abs(x) < 1 else [])


def _first_difference(
    order: Sequence[Value],
    slopes: Sequence[float],
    leaf: Value,
    gradient: float,
    rtol: float,
    atol: float,
) -> str | None:
    """Return a sentence about the first node that does not move as it should, or None."""

    def close(a: float, b: float, node: Value) -> bool:
        return abs(a - b) <= rtol * max(abs(a), abs(b)) + atol * max(1.0, abs(node.data))

    by_differences = dict(zip(order, slopes, strict=True))
    for node in order:
        moved = [
            partial * by_differences[operand]
            for operand, partial in zip(operands(node), node.partials(), strict=True)
            if by_differences[operand] != 0
        ]
        by_rule = math.fsum(moved)
        if moved and not close(by_rule, by_differences[node], node):
            return (
                f"{_name(node)} has a wrong derivative: with respect to {_name(leaf)} it is "
                f"{by_rule:.6g} by its rule and {by_differences[node]:.6g} by central differences"
            )
    if not close(gradient, slopes[-1], order[-1]):
        return (
            f"backward() gives {_name(leaf)} the gradient {gradient:.6g}, central differences give "
            f"{slopes[-1]:.6g}, though each operation on the way is right"
        )
    return None
