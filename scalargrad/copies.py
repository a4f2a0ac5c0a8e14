"""Copies of graphs of any depth: what `copy.copy`, `copy.deepcopy` and `pickle` ask a Value for.

Left alone, the last two would go from a node to its operands by recursion, which ends at a thousand
steps. Here a graph is walked once, operands first, and copied node by node. Nodes that are shared
stay shared: within a graph, and among all graphs that are in one structure.

>>> import copy
>>> x = Value(2.0, label="x")
>>> y = x * x
>>> twin, leaf = copy.deepcopy([y, x])
>>> twin._prev == (leaf, leaf), leaf is x
(True, False)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from copyreg import __newobj__  # type: ignore[attr-defined]
from typing import Any
from weakref import ref

from .engine import Value, operands
from .graph import topological_sort
from .rules import shared_rule

__all__ = ["blank", "connect", "deep_copy", "reduced", "shallow_copy"]


def shallow_copy(node: Value) -> Value:
    """Return another node with the same operands: `copy.copy`.

    Raises:
        OperandError: it is an operation of one's own: its ``_backward`` belongs to the first node.
    """
    twin = blank(type(node))
    connect(twin, _rule_name(node), operands(node))
    twin.data, twin.grad = node.data, node.grad
    _set(twin, _others(node))
    return twin


def deep_copy(root: Value, memo: dict[int, Any]) -> Value:
    """Return a copy of a node with its whole graph: `copy.deepcopy`.

    Args:
        root: the node.
        memo: the copies that there are already, by the ``id`` of what they are copies of.

    Raises:
        OperandError: an operation of one's own stands on the way.
    """
    nodes = _above([root], known=lambda node: id(node) in memo)
    for node, name in [(node, _rule_name(node)) for node in nodes]:
        twin = memo[id(node)] = blank(type(node))
        connect(twin, name, [memo[id(operand)] for operand in operands(node)])
        twin.data, twin.grad = deepcopy(node.data, memo), deepcopy(node.grad, memo)
    for node in nodes:  # which may hold nodes themselves, of this graph or of others
        _set(memo[id(node)], {name: deepcopy(x, memo) for name, x in _others(node).items()})
    copied: Value = memo[id(root)]
    return copied


# ── nodes and what they hold ────────────────────────────────────────────────────────────────────


def _above(roots: Iterable[Value], known: Any) -> list[Value]:
    """Return the nodes that lead to some roots, operands first, down to those that are known."""
    order = topological_sort(roots, lambda node: () if known(node) else operands(node))
    return [node for node in order if not known(node)]


def blank(kind: type[Value]) -> Value:
    """Make a node that is to be filled in."""
    node = Value.__new__(kind)
    node.data, node.grad, node.label = 0.0, 0.0, ""
    return node


def _rule_name(node: Value) -> str:
    rule = node._rule
    if rule.primitive is None:
        rule.__reduce_ex__(2)  # says so if it is nobody else's
    return rule.name


def connect(node: Value, name: str, parents: Sequence[Value]) -> None:
    """Make a node the result of an operation."""
    node._rule = shared_rule(name)
    if len(parents) in (1, 2):
        node._x, node._y = (*parents, None)[:2]
    else:
        node._x, node._y = None, tuple(parents)


_KEPT = {"_rule", "_x", "_y", "data", "grad"}


def _others(node: Value) -> dict[str, Any]:
    """Return what else a node holds, by name: its label, and attributes of one's own."""
    state: Any = object.__getstate__(node)
    attributes, slots = state
    others = {name: x for name, x in slots.items() if name not in _KEPT}
    if others["label"] == "":
        del others["label"]  # as most nodes have none
    return others | attributes if attributes else others


def _set(node: Value, attributes: Mapping[str, Any]) -> None:
    for name, x in attributes.items():
        setattr(node, name, x)


# ── pickles ─────────────────────────────────────────────────────────────────────────────────────
#
# A pickle keeps a leaf as any object, and all results that are new to it together, as one `_Graph`.
# A result is a place in this graph. So the depth does not matter, and the length of a pickle grows
# with the number of nodes, whatever the number of results that share them.


def reduced(node: Value) -> tuple[Any, ...]:
    """Return how to make a node anew: what `pickle` asks ``__reduce__`` for.

    Raises:
        OperandError: an operation of one's own stands on the way.
    """
    if not operands(node):
        _rule_name(node)
        return __newobj__, (type(node),), node.__getstate__()
    places = _places()
    if node not in places:
        nodes = _above([node], known=lambda x: x in places or not operands(x))
        return _node, (_Graph(nodes, places), len(nodes) - 1)
    return _node, places[node]


def _node(graph: _Graph, place: int) -> Value:
    return graph.nodes[place]


class _Graph:
    """Results in a pickle, operands first. Blank at first, since a node may hold another one."""

    def __init__(self, nodes: list[Value], places: _Places | None = None) -> None:
        self.nodes, self.places = nodes, places
        if places is not None:
            self.names = [_rule_name(node) for node in nodes]
            places.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        inside = set(self.nodes)
        above = dict.fromkeys(x for node in self.nodes for x in operands(node) if x not in inside)
        numbers = {node: i for i, node in enumerate([*above, *self.nodes])}
        state = (
            [*above],
            self.names,
            [tuple(numbers[x] for x in operands(node)) for node in self.nodes],
            [node.data for node in self.nodes],
            [node.grad for node in self.nodes],
            {i: others for i, node in enumerate(self.nodes) if (others := _others(node))},
        )
        kinds = {i: type(node) for i, node in enumerate(self.nodes) if type(node) is not Value}
        return _blank_graph, (len(self.nodes), kinds), state

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        above, names, parents, data, grads, others = state
        known = [*above, *self.nodes]
        for node, name, its, x, grad in zip(self.nodes, names, parents, data, grads, strict=True):
            connect(node, name, [known[i] for i in its])
            node.data, node.grad = x, grad
        for i, attributes in others.items():
            _set(self.nodes[i], attributes)


def _blank_graph(count: int, kinds: dict[int, type[Value]]) -> _Graph:
    return _Graph([blank(kinds.get(i, Value)) for i in range(count)])


class _Places:
    """Where results are that have been pickled: in which graph, at which place.

    They live as long as one of the graphs, and these as long as a pickler remembers them. So a
    pickler finds what it has pickled. (It also finds what another one has, if that is still there:
    then it pickles more of a graph than it needs, which does no harm.)
    """

    def __init__(self) -> None:
        self._found: dict[Value, tuple[ref[_Graph], int]] = {}

    def add(self, graph: _Graph) -> None:
        """Note the places of a graph's nodes."""
        self._found |= {node: (ref(graph), place) for place, node in enumerate(graph.nodes)}

    def __contains__(self, node: Value) -> bool:
        return node in self._found and self._found[node][0]() is not None

    def __getitem__(self, node: Value) -> tuple[_Graph, int]:
        graph, place = self._found[node][0](), self._found[node][1]
        assert graph is not None
        return graph, place


class _Current(threading.local):
    """The places that this thread's picklers know."""

    places: Callable[[], _Places | None] = staticmethod(lambda: None)


_current = _Current()


def _places() -> _Places:
    places = _current.places() or _Places()
    _current.places = ref(places)
    return places
