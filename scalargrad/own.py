"""Operations of one's own: what their ``_backward`` does, seen from outside."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .engine import Value, operands

__all__ = ["backward_faults", "partials", "push"]


def push(out: Value, gradient: float, before: Mapping[Value, float]) -> dict[Value, float]:
    """Return what a ``_backward`` of one's own makes of the gradients of its operands.

    Args:
        out: the node.
        gradient: its gradient for the while.
        before: its operands, with their gradients for the while.

    All gradients of these are as before when it returns or raises.
    """
    saved = [(node, node.grad) for node in (out, *before)]
    try:
        for node, grad in before.items():
            node.grad = grad
        out.grad = gradient
        out._backward()
        return {node: node.grad for node in before}
    finally:
        for node, grad in saved:
            node.grad = grad


def partials(node: Value) -> tuple[float, ...]:
    """Return ∂node/∂operand for each operand, which its ``_backward`` adds if its gradient is 1.

    An operand that is used twice gets the sum at its first use: it has one gradient.
    """
    found = push(node, 1.0, dict.fromkeys(operands(node), 0.0))
    return tuple(found.pop(x, 0.0) for x in operands(node))


def backward_faults(node: Value) -> dict[Value, str]:
    """Say how a ``_backward`` of one's own breaks the chain rule, for each operand where it does.

    It has to add ∂node/∂operand · node.grad to the gradient of each operand, whatever is there
    already. In the sentences, ``{x}`` stands for the operand's name.

    >>> x = Value(3.0)
    >>> square = Value(9.0, (x,), "square")
    >>> def _backward():
    ...     x.grad = 2 * x.data * square.grad
    >>> square._backward = _backward
    >>> backward_faults(square)[x].format(x="x")
    'sets x.grad instead of adding to it (write += in its _backward)'
    """
    if node.primitive is not None or not operands(node):
        return {}
    nothing = dict.fromkeys(operands(node), 0.0)
    once, twice = push(node, 1.0, nothing), push(node, 2.0, nothing)
    # So far apart that a sum is neither of its terms, whatever the size of the derivative.
    before = {x: g if g and math.isfinite(g) else 1.0 for x, g in once.items()}
    after = push(node, 1.0, before)
    found: dict[Value, str] = {}
    for x, g in once.items():
        if not math.isfinite(g):
            continue
        if math.isclose(after[x], g) and not math.isclose(after[x], before[x] + g):
            found[x] = "sets {x}.grad instead of adding to it (write += in its _backward)"
        elif not math.isclose(after[x], before[x] + g):
            found[x] = (
                f"does not add to {{x}}.grad: it makes {after[x]:.6g} of {before[x]:.6g}, though "
                f"its part is {g:.6g}"
            )
        elif not math.isclose(twice[x], 2 * g):
            found[x] = (
                f"does not pass its gradient on in proportion: it adds {g:.6g} to {{x}}.grad when "
                f"its own is 1, and {twice[x]:.6g} when that is 2"
            )
    return found
