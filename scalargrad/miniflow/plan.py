"""Plans: what there is to find out about a graph before it runs, found out once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any
from weakref import ref

from .. import graph as walks
from ..arrays.library import Array
from .node import DummyGrad, GraphError, Input, Node
from .results import chosen_results, unused
from .straight import can_be_straight, straight_line

__all__ = ["Plan", "planned", "run_backward", "sorted_to", "taking_part"]


def sorted_to(results: Iterable[Node]) -> list[Node]:
    """Return all nodes that lead to some results, operands first.

    Raises:
        GraphError: there is a cycle.
    """
    order = walks.topological_sort(results, attrgetter("inbound_nodes"))
    place = {node: i for i, node in enumerate(order)}
    for node in order:
        for operand in node.inbound_nodes:
            if place[operand] >= place[node]:
                raise GraphError(f"the graph has a cycle: {node} and {operand} need each other")
    return order


def taking_part(
    order: Sequence[Node], results: Iterable[Node], wrt: Iterable[Node] | None = None
) -> dict[Node, None]:
    """Return the nodes that have a gradient to send back, in reverse order (a dict as ordered set).

    Args:
        order: the nodes of a graph, operands first.
        results: those where gradients start.
        wrt: those whose gradients are wanted; None: all.
    """
    depending = set(order if wrt is None else wrt)
    for node in order:
        if not depending.isdisjoint(node.inbound_nodes):
            depending.add(node)
    leading = set(results)
    for node in reversed(order):
        if node in leading:
            leading.update(node.inbound_nodes)
    both = leading & depending
    return dict.fromkeys(node for node in reversed(order) if node in both)


def run_backward(
    active: Collection[Node], idle: Iterable[Node], seeds: Mapping[Node, Array]
) -> None:
    """Run nodes backward.

    Args:
        active: the nodes that have a gradient to send back, in reverse order.
        idle: all others of the graph, which lose theirs of an earlier run.
        seeds: the gradients that some of the active ones start with.
    """
    for node in idle:
        node.gradient, node.gradients = None, {}
    arrived = dict(seeds)
    for node in active:
        node.receive(arrived.get(node, 0.0), active)
        for operand, term in node.gradients.items():
            if operand is not node and operand in active:
                known = arrived.get(operand)
                arrived[operand] = term if known is None else known + term


class Plan:
    """How to run a graph.

    In the first run every node looks at its operands. Another run on arrays that look the same is
    written out as straight-line code, where that can be done.

    Args:
        order: the nodes, operands first.
        results: those where gradients start; None: `chosen_results` in each run.
        wrt: those whose gradients are wanted; None: all.
        gone: called when a node that no other uses is gone: a plan does not keep those, and so
            nothing at all that is not in use elsewhere, if it is dropped then.
    """

    def __init__(
        self,
        order: Sequence[Node],
        results: Sequence[Node] | None,
        wrt: Collection[Node] | None,
        gone: Callable[[Any], object],
    ) -> None:
        inputs = [node for node in order if isinstance(node, Input)]
        nodes = [*inputs, *(node for node in order if not isinstance(node, Input))]
        place = {node: i for i, node in enumerate(nodes)}
        self.n_inputs = len(inputs)
        self.dummies = [i for i, node in enumerate(nodes) if isinstance(node, DummyGrad)]
        self._edges = [list(node.inbound_nodes) for node in nodes[len(inputs) :]]
        self._unused = [(place[node], ref(node, gone)) for node in unused(nodes)]
        self._nodes: list[Any] = list(nodes)
        for i, _ in self._unused:
            self._nodes[i] = None
        self._results, self._wrt = (
            None if some is None else [place[node] for node in some] for some in (results, wrt)
        )
        self._looks: Any = None  # of what was fed in the last run
        self._straight: Callable[..., None] | None = None
        self._straight_for: Any = None  # what that code takes for granted

    def nodes(self) -> list[Any]:
        """Return the nodes, Inputs first; none if their operands are not those they were."""
        nodes = self._nodes.copy()
        for i, r in self._unused:
            nodes[i] = r()
        edges = [node.inbound_nodes for node in nodes[self.n_inputs :]]
        return nodes if edges == self._edges else []

    def run(self, nodes: list[Any]) -> None:
        """Run all `nodes` forward, and those backward that take part."""
        looks = _looks(nodes[: self.n_inputs])
        if self._straight is not None and looks == self._looks:
            self._straight(*nodes)
        else:
            self._run_node_by_node(nodes, looks is not None and looks == self._looks)
            self._looks = looks

    def _run_node_by_node(self, order: list[Any], again: bool) -> None:
        for node in order:
            node.forward()
        results = chosen_results(order) if self._results is None else _at(self._results, order)
        wrt = None if self._wrt is None else _at(self._wrt, order)
        active = taking_part(order, results, wrt)
        idle = [node for node in order if node not in active] if active else []
        # Ones of a result's own kind: x⁰ is 1 whatever x is, infinite and NaN included.
        run_backward(active, idle, {node: node.value**0 for node in results if node in active})
        inputs, steps = order[: self.n_inputs], order[self.n_inputs :]
        if not can_be_straight(inputs, steps):
            self._straight = None
            return
        granted = (steps[0].xp, list(map(id, results)))
        if granted != self._straight_for:
            self._straight, self._straight_for = None, granted
        if again and self._straight is None:
            self._straight = straight_line(inputs, steps, active, idle, results)


def _at(places: Iterable[int], nodes: Sequence[Any]) -> list[Any]:
    return [nodes[i] for i in places]


def _looks(inputs: Iterable[Any]) -> Any:
    """Return what kinds of arrays are fed, and of what shapes; None if they are no arrays."""
    try:
        return [(type(value), value.dtype, value.shape) for value in [x.value for x in inputs]]
    except AttributeError:
        return None


_plans: dict[Hashable, Plan] = {}


def planned(key: Hashable, arguments: Callable[[], tuple[Any, Any, Any]]) -> tuple[Plan, list[Any]]:
    """Return the plan of a graph, which is made but once, and its nodes.

    Args:
        key: identities of nodes of the graph, all among them that no other uses. As long as there
            is a plan for them, all its nodes are there, so nothing else has these identities.
        arguments: to make the plan.
    """
    plan = _plans.get(key)
    nodes = [] if plan is None else plan.nodes()
    if plan is None or not nodes:
        plan = _plans[key] = Plan(*arguments(), gone=lambda _: _plans.pop(key, None))
        nodes = plan.nodes()
    return plan, nodes
