"""Results: the nodes of a graph that no other uses, and which of them count."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Sequence
from functools import reduce
from itertools import count
from operator import itemgetter, or_

from .node import DummyGrad, Node, Op

__all__ = ["chosen_results", "newest_results", "unused"]


def unused(order: Iterable[Node]) -> list[Node]:
    """Return the nodes that no other of them uses."""
    order = list(order)
    used = {operand for node in order for operand in node.inbound_nodes}
    return [node for node in order if node not in used]


def chosen_results(order: Iterable[Node]) -> list[Node]:
    """Return the nodes that no other uses: the losses among them, or else all.

    A loss is a scalar, or a `DummyGrad` that is fed.
    """
    results = unused(order)
    losses = [
        node
        for node in results
        if not getattr(node.value, "shape", ())
        or (isinstance(node, DummyGrad) and node.seed is not None)
    ]
    return losses or results


# ── what was built again ────────────────────────────────────────────────────────────────────────

_sorts = count()


def newest_results(order: Sequence[Node], fed: Container[Node]) -> list[Node]:
    """Return the nodes that no other uses, without those that have been built again since.

    A result that was sorted before gives way to those of later sorts that need the same Inputs, and
    of equal results only the last stays. What is fed stays in any case.

    Args:
        order: a graph, operands first, and equal nodes in the order in which they were made.
        fed: the nodes that are fed.
    """
    results = unused(order)
    now = next(_sorts)
    by_age: list[tuple[int, Node]] = []
    for node in results:
        if node not in fed:
            node.first_sort = now if node.first_sort is None else node.first_sort
            by_age.append((node.first_sort, node))
    if len(by_age) < 2:
        return results
    by_age.sort(key=itemgetter(0))
    needs, kinds = _needs(order), _kinds(order)
    latest = {needs[node]: age for age, node in by_age}
    last = {kinds[node]: node for _, node in by_age}
    old = {
        node for age, node in by_age if age != latest[needs[node]] or node is not last[kinds[node]]
    }
    return [node for node in results if node not in old]


def _needs(order: Iterable[Node]) -> dict[Node, int]:
    """Return a number for each node: its bits are the nodes without operands that it needs."""
    needs: dict[Node, int] = {}
    sources = count()
    for node in order:
        operands = [needs[operand] for operand in node.inbound_nodes]
        needs[node] = reduce(or_, operands) if operands else 1 << next(sources)
    return needs


def _kinds(order: Iterable[Node]) -> dict[Node, int]:
    """Return a number for each node, the same for those that are sure to compute the same."""
    kinds: dict[Node, int] = {}
    known: dict[Hashable, int] = {}
    for node in order:
        kinds[node] = known.setdefault(_kind(node, kinds), len(known))
    return kinds


#: What every node has; anything else that a node has is taken for a part of what it computes.
_COMMON = vars(Op([])).keys()


def _kind(node: Node, kinds: dict[Node, int]) -> Hashable:
    """Return what a node does, and with what; or itself, where that cannot be compared."""
    if not node.inbound_nodes or type(node.cache) is not dict or node.cache:
        return node
    own = {name: value for name, value in vars(node).items() if name not in _COMMON}
    for name, value in own.items():
        if isinstance(value, Node) and value in kinds:
            own[name] = (kinds[value],)
    try:
        return type(node), frozenset(own.items()), *(kinds[x] for x in node.inbound_nodes)
    except TypeError:  # an attribute has no hash
        return node
