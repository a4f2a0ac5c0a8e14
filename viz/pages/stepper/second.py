"""What a page needs to say why a second derivative is what it is: the graph of the gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from scalargrad.calculus import grad
from scalargrad.engine import Value, operands
from scalargrad.errors import ScalargradError
from scalargrad.graph import topological_sort

from ...words.names import short, slope
from .entries import entry

__all__ = ["second"]

#: The graph of the gradients is some times as large as the graph itself, and its paths are many.
_MOST_NODES, _MOST_LEAVES = 100, 24


def second(order: Sequence[Value], called: Mapping[Value, str]) -> Mapping[str, object] | None:
    """Return the nodes that the gradients have besides those of the graph, and which they are.

    There are none where the graph is too large to be looked at path by path, or where an operation
    has no derivative of its derivative: one of one's own, or at a border of its domain.

    Args:
        order: the nodes, operands first, the root last.
        called: their names.

    Returns:
        ``nodes``, whose places go on where those of the graph end, and ``gradients``: pairs of the
        place of a leaf and the place of its gradient.
    """
    leaves = [node for node in order if node.kind in ("leaf", "parameter")]
    if len(order) > _MOST_NODES or not 0 < len(leaves) <= _MOST_LEAVES:
        return None
    try:
        gradients = grad(order[-1], leaves)
    except (ScalargradError, ArithmeticError, ValueError):
        return None
    index = {node: place for place, node in enumerate(order)}
    more = [node for node in topological_sort(gradients, operands) if node not in index]
    index |= {node: place for place, node in enumerate(more, len(order))}
    names = _names(more, dict(zip(gradients, leaves, strict=True)), called, order[-1])
    return {
        "nodes": [entry(node, names[node], index) for node in more],
        "gradients": [[index[x], index[g]] for x, g in zip(leaves, gradients, strict=True)],
    }


def _names(
    nodes: Sequence[Value], leaves: Mapping[Value, Value], called: Mapping[Value, str], root: Value
) -> dict[Value, str]:
    """Name the nodes of the gradients' graph apart from those of the graph itself."""
    taken = {*called.values()}
    fresh = (name for i in count(1) if (name := f"g{i}") not in taken)
    return {
        node: slope(called[root], called[leaves[node]])
        if node in leaves and node.kind == "op"
        else short(node.data)
        if node.kind == "constant"
        else next(fresh)
        for node in nodes
    }
