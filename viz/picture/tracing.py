"""What is in a graph: its nodes, and one edge for each use of a node."""

from __future__ import annotations

from scalargrad.engine import Value, operands

from ..words.names import nodes_of

__all__ = ["trace"]


def trace(root: Value) -> tuple[list[Value], list[tuple[Value, Value]]]:
    """Return all nodes that lead to ``root``, and the edges (operand, node) between them.

    Nodes stand in the order in which they were evaluated, ``root`` last. There is one edge for
    each use, so ``a + a`` has two.

    Raises:
        OperandError: ``root`` is no Value.

    >>> a = Value(2.0, label="a")
    >>> nodes, edges = trace(a + a)
    >>> [node.label or node._op for node in nodes], len(edges)
    (['a', '+'], 2)
    """
    nodes = nodes_of(root, "trace")
    return nodes, [(operand, node) for node in nodes for operand in operands(node)]
