"""Walks over directed acyclic graphs: anything with parents, no matter what a node is.

A *parent* of a node is an operand: something that must be computed before it.
All walks are iterative, so that depth is limited by memory alone, and deterministic.
"""

from __future__ import annotations

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    Node = TypeVar("Node")

__all__ = ["topological_sort", "use_counts"]


def topological_sort(
    roots: Iterable[Node], parents: Callable[[Node], Sequence[Node]]
) -> list[Node]:
    """Return all nodes that lead to ``roots``, each after its parents.

    The order is that of a depth-first search that visits roots and parents from first to last
    and lists a node when all its parents are listed (post-order), so it follows the order in which
    Python evaluates an expression, and is the same in every run.

    >>> parents = {"a": [], "b": [], "c": ["a", "b"], "d": ["c", "a"]}
    >>> topological_sort(["d"], parents.__getitem__)
    ['a', 'b', 'c', 'd']
    """
    order: list[Node] = []
    seen: set[Node | None] = set()
    stack: list[Node | None] = []
    stack.extend([*roots][::-1])
    pop, push, extend, add, emit = stack.pop, stack.append, stack.extend, seen.add, order.append
    while stack:
        node = pop()
        if node is None:  # all parents of the node below this mark are listed
            emit(pop())  # type: ignore[arg-type]
        elif node not in seen:
            add(node)
            above = parents(node)
            if above:
                push(node)
                push(None)
                extend(above[::-1])
            else:
                emit(node)
    return order


def use_counts(order: Iterable[Node], parents: Callable[[Node], Sequence[Node]]) -> dict[Node, int]:
    """Return how often each node of ``order`` is used as a parent; ``a + a`` uses ``a`` twice.

    >>> parents = {"a": [], "b": ["a", "a"]}
    >>> use_counts(["a", "b"], parents.__getitem__)
    {'a': 2, 'b': 0}
    """
    counts: dict[Node, int] = {}
    for node in order:
        counts.setdefault(node, 0)
        for parent in parents(node):
            counts[parent] = counts.get(parent, 0) + 1
    return counts
