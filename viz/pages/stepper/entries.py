"""Nodes as data for the script."""

from __future__ import annotations

from collections.abc import Mapping

from scalargrad.debugging import source_line
from scalargrad.engine import Value

from ...words.names import symbol
from ...words.steps import edges
from ..shared.page import in_json

__all__ = ["entry"]


def entry(node: Value, name: str, index: Mapping[Value, int]) -> dict[str, object]:
    """Return what the script knows of a node.

    Args:
        node: the node.
        name: what it is called.
        index: the places of its operands in the list of all nodes.
    """
    found: dict[str, object] = {"name": name, "kind": node.kind, "data": in_json(node.data)}
    if symbol(name) != name:
        found["odd"] = True  # it could be taken for more than a name
    if line := source_line(node):
        found["line"] = str(line)
    if node.kind == "op":
        uses = edges(node)
        found["op"] = node._op or "op"
        found["row"] = node.primitive.name if node.primitive else None
        found["operands"] = [index[use.parent] for use in uses]
        found["slopes"] = [in_json(use.derivative) for use in uses]
    return found
