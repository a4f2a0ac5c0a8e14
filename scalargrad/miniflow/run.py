"""Running graphs: sort once, then forward and backward as often as there are batches.

The labs have two styles. Either a graph is sorted once, its Inputs keep their values, and the
gradients stay in the nodes::

    graph = topological_sort(feed_dict)
    for ...:
        X.value, y.value = batch
        forward_and_backward(graph)
        sgd_update(trainables)

or one function does everything (and remembers the order, so that it too sorts only once)::

    value, gradients = value_and_grad(loss, feed_dict, wrt=[W, b])
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from .. import graph as walks
from ..errors import OperandError
from .arrays import Array, copied, unify
from .losses import CrossEntropyWithSoftmax
from .node import DummyGrad, GraphError, Input, Node, described, fitting

__all__ = [
    "Plan",
    "accuracy",
    "forward_and_backward",
    "forward_pass",
    "plan_for",
    "run_backward",
    "sgd_update",
    "sorted_to",
    "topological_sort",
    "value_and_grad",
]

Feed = Mapping[Node, Any]


# ── sorting ─────────────────────────────────────────────────────────────────────────────────────


def topological_sort(feed_dict: Feed) -> list[Node]:
    """Feed values to Inputs; return them and all that can be computed of them, operands first.

    The order depends on nothing but the graph and the order of the feed. Nodes that also need
    Inputs without a value belong to another graph, and are left out.

    Raises:
        GraphError: no result can be computed, since an Input was not fed; a node that is fed
            takes no feed; or the graph has a cycle.

    >>> from scalargrad.miniflow import Add
    >>> x, y = Input("x"), Input("y")
    >>> f = Add(x, y, name="f")
    >>> topological_sort({x: 10, y: 5})
    [<Input 'x'>, <Input 'y'>, <Add 'f'>]
    """
    _feed(feed_dict)
    reached = list(dict.fromkeys(feed_dict))
    known = set(reached)
    for node in reached:  # grows on the way
        new = [user for user in node.outbound_nodes if user not in known]
        known.update(new)
        reached.extend(new)
    order = sorted_to(reached)
    missing: dict[Node, None] = {}  # Inputs without a value, and what needs them
    for node in order:
        if (isinstance(node, Input) and node.value is None) or any(
            operand in missing for operand in node.inbound_nodes
        ):
            missing[node] = None
    if missing and all(node in missing for node in reached if not node.outbound_nodes):
        raise GraphError(f"{described(next(iter(missing)))} was not fed: give it a value")
    for node in missing:
        node.gradients = dict.fromkeys(node.inbound_nodes, 0.0)  # nothing will come back from it
    return [node for node in order if node not in missing]


def _feed(feed_dict: Feed) -> None:
    for node, value in feed_dict.items():
        if not isinstance(node, Node):
            raise OperandError(f"feed_dict has nodes as keys, got {node!r}")
        node.feed(value)


def sorted_to(results: Iterable[Node]) -> list[Node]:
    """Return all nodes that lead to some results, operands first."""
    order = walks.topological_sort(results, attrgetter("inbound_nodes"))
    place = {node: i for i, node in enumerate(order)}
    for node in order:
        for operand in node.inbound_nodes:
            if place[operand] >= place[node]:
                raise GraphError(f"the graph has a cycle: {node} and {operand} need each other")
    return order


# ── one pass ────────────────────────────────────────────────────────────────────────────────────


def forward_pass(output_node: Node, sorted_nodes: Iterable[Node]) -> Any:
    """Run sorted nodes forward; return the value of one of them.

    >>> from scalargrad.miniflow import Add
    >>> x, y = Input(), Input()
    >>> f = Add(x, y)
    >>> print(forward_pass(f, topological_sort({x: 10, y: 5})))
    15.0
    """
    for node in sorted_nodes:
        node.forward()
    return output_node.value


def forward_and_backward(graph: Sequence[Node]) -> None:
    """Run sorted nodes forward and then, in reverse, backward; values and gradients stay in them.

    The gradients are those of the results, which are the nodes that no other uses. If some of
    them are scalars (losses), they alone count, so a prediction beside a loss changes nothing;
    otherwise all do, with a gradient of ones. A `DummyGrad` that is fed counts as a loss.

    >>> from scalargrad.miniflow import MSE
    >>> y, a = Input(), Input()
    >>> loss = MSE(y, a)
    >>> forward_and_backward(topological_sort({y: [0.0, 0.0], a: [1.0, 3.0]}))
    >>> print(loss.value, a.gradients[a])
    5.0 [1. 3.]
    """
    for node in graph:
        node.forward()
    used = {operand for node in graph for operand in node.inbound_nodes}
    results = [node for node in graph if node not in used]
    losses = [node for node in results if _is_fed(node) or not getattr(node.value, "shape", ())]
    results = losses or results
    active = _leading_to(results, graph)
    run_backward(active, [node for node in graph if node not in active], _ones(results))


def _is_fed(node: Node) -> bool:
    return isinstance(node, DummyGrad) and node.seed is not None


def _leading_to(results: Iterable[Node], order: Sequence[Node]) -> dict[Node, None]:
    """Return the nodes that lead to some results, in reverse order (a dict as an ordered set)."""
    leading = set(results)
    found: dict[Node, None] = {}
    for node in reversed(order):
        if node in leading:
            leading.update(node.inbound_nodes)
            found[node] = None
    return found


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


def _ones(results: Iterable[Node]) -> dict[Node, Array]:
    """Return an array of ones for each result, of the value's kind: x⁰ is 1 for NaN, too."""
    return {result: result.value**0 for result in results}


# ── all in one ──────────────────────────────────────────────────────────────────────────────────


def value_and_grad(node: Node, feed_dict: Feed, wrt: Sequence[Node] = ()) -> tuple[Any, list[Any]]:
    """Feed, run, and return the value of a node and its gradient with respect to some others.

    Args:
        node: the result. If it is no scalar, its gradient is seeded with ones, unless a
            `DummyGrad` is fed.
        feed_dict: values of Inputs. An Input that is not in it keeps the value that it has.
        wrt: the nodes whose gradients are returned, in this order; with respect to others none is
            computed. Of a node that does not lead to the result, it is 0.

    The returned arrays belong to the caller. The graph is sorted in the first call, and again
    only when it has changed.

    Raises:
        GraphError: an Input has no value, a node that is fed takes no feed, or there is a cycle.
        SizeError: shapes do not fit together.

    >>> from scalargrad.miniflow import Add, Mul
    >>> x, y, z = Input(), Input(), Input()
    >>> f = Add(Mul(x, y), Mul(x, z))
    >>> value, gradients = value_and_grad(f, {x: 3, y: 4, z: -5}, wrt=[x, y, z])
    >>> print(value, *gradients)
    -3.0 -1.0 3.0 3.0
    """
    _feed(feed_dict)
    dummies = tuple([step for step in feed_dict if type(step) is DummyGrad])
    plan = plan_for(node, dummies, tuple(wrt))
    for step in plan.inputs:
        if step not in feed_dict:
            step.forward()
    for step in plan.steps:
        step.forward()
    if not wrt:
        return copied(node.value), []
    run_backward(plan.active, plan.idle, _ones(plan.results))
    return copied(node.value), [
        copied(fitting(0.0, step) if step.gradient is None else step.gradient) for step in wrt
    ]


class Plan(NamedTuple):
    """How to run the graph that ends in a node."""

    inputs: list[Node]
    steps: list[Node]  # all others, operands first
    edges: list[list[Node]]  # the steps' operands, as they were when it was made
    results: tuple[Node, ...]  # where gradients start
    active: dict[Node, None]  # what sends gradients back, in reverse order
    idle: list[Node]  # what does not


def plan_for(node: Node, dummies: tuple[Node, ...], wrt: tuple[Node, ...]) -> Plan:
    """Return how to run a graph; it is sorted in the first call, and again when it has changed."""
    plan: Plan | None = node._plans.get((dummies, wrt))
    if plan and [step.inbound_nodes for step in plan.steps] == plan.edges:
        return plan
    order = sorted_to([node, *dummies, *wrt])
    depending = set(wrt)
    for step in order:
        if not depending.isdisjoint(step.inbound_nodes):
            depending.add(step)
    results = dummies or (node,)
    leading = _leading_to(results, order)
    active = dict.fromkeys(step for step in leading if step in depending)
    steps = [step for step in order if not isinstance(step, Input)]
    plan = node._plans[dummies, wrt] = Plan(
        inputs=[step for step in order if isinstance(step, Input)],
        steps=steps,
        edges=[list(step.inbound_nodes) for step in steps],
        results=results,
        active=active,
        idle=[step for step in order if step not in active],
    )
    return plan


def accuracy(node: Node, feed_dict: Feed) -> float:
    """Return the fraction of rows whose largest logit is that of the right class.

    Args:
        node: a `CrossEntropyWithSoftmax`.
        feed_dict: values of Inputs, the labels among them.
    """
    if not isinstance(node, CrossEntropyWithSoftmax):
        raise OperandError(f"accuracy needs a CrossEntropyWithSoftmax node, got {node!r}")
    value_and_grad(node, feed_dict)
    xp, (logits, labels) = unify([operand.value for operand in node.inbound_nodes], node.labels)
    hits = int(xp.count_nonzero(xp.argmax(logits, axis=1) == labels))
    return hits / int(logits.shape[0])


def sgd_update(trainables: Iterable[Node], learning_rate: float = 1e-2) -> None:
    """Move each Input one step against its gradient, after `forward_and_backward`.

    As in the labs this changes an array that was fed in place, where its library allows that.
    """
    for node in trainables:
        if node not in node.gradients:
            raise GraphError(f"{described(node)} has no gradient: run forward_and_backward first")
        _, (value,) = unify([node.value])  # an array of integers becomes one of floats
        value -= learning_rate * node.gradients[node]
        node.value = value
