"""Running graphs: feed, forward, backward, update.

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

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..errors import OperandError
from .arrays import copied, unify
from .losses import CrossEntropyWithSoftmax
from .node import DummyGrad, GraphError, Input, Node, described, fitting
from .plan import Plan, sorted_to

__all__ = [
    "accuracy",
    "forward_and_backward",
    "forward_pass",
    "sgd_update",
    "topological_sort",
    "value_and_grad",
]

Feed = Mapping[Node, Any]


# ── the first style ─────────────────────────────────────────────────────────────────────────────


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
    if graph:
        _plan(graph[-1], tuple(graph), lambda: Plan(graph)).run()


def _plan(node: Node, key: tuple[Any, ...], make: Callable[[], Plan]) -> Plan:
    """Return the plan that a node has under a key, or make it if there is none that fits."""
    plan: Plan | None = node.plans.get(key)
    if plan is None or not plan.fits():
        plan = node.plans[key] = make()
    return plan


def sgd_update(trainables: Iterable[Node], learning_rate: float = 1e-2) -> None:
    """Move each Input one step against its gradient, after `forward_and_backward`.

    As in the labs this changes an array that was fed in place, where its library allows that.

    Raises:
        GraphError: an Input has no gradient yet.

    >>> from scalargrad.miniflow import Mul
    >>> x = Input()
    >>> square = Mul(x, x)
    >>> forward_and_backward(topological_sort({x: 3.0}))
    >>> sgd_update([x], learning_rate=0.1)
    >>> print(x.value)
    2.4
    """
    for node in trainables:
        if node not in node.gradients:
            raise GraphError(f"{described(node)} has no gradient: run forward_and_backward first")
        _, (value,) = unify([node.value])  # an array of integers becomes one of floats
        value -= learning_rate * node.gradients[node]
        node.value = value


# ── the second style ────────────────────────────────────────────────────────────────────────────


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
    dummies = tuple([step for step in feed_dict if isinstance(step, DummyGrad)])
    wrt = tuple(wrt)

    def make() -> Plan:
        return Plan(sorted_to([node, *dummies, *wrt]), dummies or (node,), wrt)

    _plan(node, (dummies, wrt), make).run()
    return copied(node.value), [
        copied(fitting(0.0, step) if step.gradient is None else step.gradient) for step in wrt
    ]


def accuracy(node: Node, feed_dict: Feed) -> float:
    """Return the fraction of rows whose largest logit is that of the right class.

    Args:
        node: a `CrossEntropyWithSoftmax`.
        feed_dict: values of Inputs, the labels among them.
    """
    if not isinstance(node, CrossEntropyWithSoftmax):
        raise OperandError(f"accuracy needs a CrossEntropyWithSoftmax node, got {node!r}")
    value_and_grad(node, feed_dict)
    logits, labels = node.operands
    right = int(node.xp.count_nonzero(node.xp.argmax(logits, axis=1) == labels))
    return right / int(logits.shape[0])
