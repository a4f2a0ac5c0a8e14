"""Plans: what there is to find out about a graph before it runs, found out once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from .. import graph as walks
from .arrays import Array
from .node import DummyGrad, GraphError, Input, Node
from .straight import can_be_straight, straight_line

__all__ = ["Plan", "chosen_results", "run_backward", "sorted_to", "taking_part"]


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
    """

    def __init__(
        self,
        order: Sequence[Node],
        results: Sequence[Node] | None = None,
        wrt: Collection[Node] | None = None,
    ) -> None:
        self.inputs = [node for node in order if isinstance(node, Input)]
        self.steps: list[Any] = [node for node in order if not isinstance(node, Input)]
        self.results, self.wrt = results, wrt
        self._edges = [list(node.inbound_nodes) for node in self.steps]
        self._looks: Any = None  # of what was fed in the last run
        self._straight: Callable[[], None] | None = None
        self._straight_for: Any = None  # what that code takes for granted

    def fits(self) -> bool:
        """Say whether all nodes have the operands that they had when the plan was made."""
        return [node.inbound_nodes for node in self.steps] == self._edges

    def run(self) -> None:
        """Run all nodes forward, and those backward that take part."""
        looks = self._look()
        if self._straight is not None and looks == self._looks:
            self._straight()
        else:
            self._run_node_by_node(looks is not None and looks == self._looks)
            self._looks = looks

    def _look(self) -> Any:
        """Return what kinds of arrays are fed, and of what shapes; None if they are no arrays."""
        try:
            return [(type(x.value), x.value.dtype, x.value.shape) for x in self.inputs]
        except AttributeError:
            return None

    def _run_node_by_node(self, again: bool) -> None:
        order = [*self.inputs, *self.steps]
        for node in order:
            node.forward()
        results = chosen_results(order) if self.results is None else self.results
        active = taking_part(order, results, self.wrt)
        idle = [node for node in order if node not in active] if active else []
        # Ones of a result's own kind: x⁰ is 1 whatever x is, infinite and NaN included.
        run_backward(active, idle, {node: node.value**0 for node in results if node in active})
        if not can_be_straight(self.inputs, self.steps):
            self._straight = None
            return
        granted = (self.steps[0].xp, tuple(results))
        if granted != self._straight_for:
            self._straight, self._straight_for = None, granted
        if again and self._straight is None:
            self._straight = straight_line(self.inputs, self.steps, active, idle, results)


def chosen_results(order: Iterable[Node]) -> list[Node]:
    """Return the nodes that no other uses: the losses among them, or else all.

    A loss is a scalar, or a `DummyGrad` that is fed.
    """
    order = list(order)
    used = {operand for node in order for operand in node.inbound_nodes}
    results = [node for node in order if node not in used]
    losses = [
        node
        for node in results
        if not getattr(node.value, "shape", ())
        or (isinstance(node, DummyGrad) and node.seed is not None)
    ]
    return losses or results
