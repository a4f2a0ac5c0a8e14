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

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..arrays.library import copied, unify
from ..errors import OperandError
from .losses import CrossEntropyWithSoftmax
from .node import DummyGrad, GraphError, Input, Node, described, fitting
from .plan import planned, sorted_to
from .results import newest_results

__all__ = [
    "accuracy",
    "forward_and_backward",
    "forward_pass",
    "forward_pass_graph",
    "sgd_update",
    "topological_sort",
    "value_and_grad",
]

Feed = Mapping[Node, Any]


def _check(feed_dict: Feed) -> None:
    """Raise an error if the keys are not nodes that can be fed."""
    if not isinstance(feed_dict, Mapping):
        raise OperandError(f"feed_dict is a dict of Inputs and their values, got {feed_dict!r}")
    for node, value in feed_dict.items():
        if not isinstance(node, Node):
            raise OperandError(f"feed_dict has nodes as keys, got {node!r}")
        if type(node).feed is Node.feed:
            node.feed(value)  # raises the error


def _unfed(nodes: Iterable[Node], feed_dict: Feed) -> list[Node]:
    """Return the Inputs among some nodes that are not in the feed."""
    return [node for node in nodes if isinstance(node, Input) and node not in feed_dict]


def _not_fed(inputs: Sequence[Node]) -> GraphError:
    """Make the error that names Inputs."""
    *others, last = map(described, inputs)
    names = f"{', '.join(others)} and {last}" if others else last
    was, them = ("was", "it") if len(inputs) == 1 else ("were", "each of them")
    return GraphError(f"{names} {was} not fed: feed_dict needs a value for {them}")


def _feed(feed_dict: Feed) -> None:
    for node, value in feed_dict.items():
        node.feed(value)


# ── the first style ─────────────────────────────────────────────────────────────────────────────


def topological_sort(feed_dict: Feed) -> list[Node]:
    """Feed values to Inputs; return them and all that can be computed of them, operands first.

    The order depends on nothing but the graph and the order of the feed. Nodes that also need
    Inputs that are not fed belong to another graph, and are left out.

    A result that is built again, as when the cell of a notebook is run twice, counts once, even
    while something holds the old one (an older ``graph`` does, or ``Out``). It is left out if it is
    equal to a later one, and does the same to the same Inputs; or if it has been sorted before, and
    there is a new one that needs the same Inputs: the cell may have been changed. So different
    losses all count if they are built before they are sorted, or if you `Add` them.

    Raises:
        GraphError: no result can be computed, since an Input was not fed; a node that is fed
            takes no feed; or the graph has a cycle.

    >>> from scalargrad.miniflow import Add
    >>> x, y = Input("x"), Input("y")
    >>> f = Add(x, y, name="f")
    >>> topological_sort({x: 10, y: 5})
    [<Input 'x'>, <Input 'y'>, <Add 'f'>]
    """
    _check(feed_dict)
    reached = list(dict.fromkeys(feed_dict))
    known = set(reached)
    for node in reached:  # grows on the way
        new = [user for user in node.outbound_nodes if user not in known]
        known.update(new)
        reached.extend(new)
    order = sorted_to(reached)
    other = set(_unfed(order, feed_dict))  # Inputs, and what needs them
    for node in order:
        if not other.isdisjoint(node.inbound_nodes):
            other.add(node)
    results = [node for node in reached if node.inbound_nodes and not node.outbound_nodes]
    if results and other.issuperset(results):
        raise _not_fed(_unfed(sorted_to(results[-1:]), feed_dict))
    _feed(feed_dict)
    needed = set(newest_results([node for node in order if node not in other], feed_dict))
    for node in reversed(order):
        if node in needed:
            needed.update(node.inbound_nodes)
        else:
            node.gradients = dict.fromkeys(node.inbound_nodes, 0.0)  # nothing will come back
    return [node for node in order if node in needed]


def forward_pass(output_node: Node | Sequence[Node], sorted_nodes: Iterable[Node] = ()) -> Any:
    """Run sorted nodes forward; return the value of one of them.

    With the sorted nodes alone, as some labs have it, it returns the value of the last.

    Raises:
        GraphError: the node needs Inputs that are not among the sorted nodes.

    >>> from scalargrad.miniflow import Add
    >>> x, y = Input(), Input()
    >>> f = Add(x, y)
    >>> graph = topological_sort({x: 10, y: 5})
    >>> print(forward_pass(f, graph), forward_pass(graph))
    15.0 15.0
    """
    if isinstance(output_node, Node):
        nodes, output = list(sorted_nodes), output_node
    else:
        nodes = list(output_node)
        _check_steps(nodes)
        output = nodes[-1]
    known = set(nodes)
    more = [] if output in known else [x for x in sorted_to([output]) if x not in known]
    for node in more:
        if isinstance(node, Input):
            raise GraphError(f"{output} needs {described(node)}, which is not in the sorted graph")
    for node in [*nodes, *more]:
        node.forward()
    return output.value


def forward_pass_graph(graph: Sequence[Node]) -> None:
    """Run sorted nodes forward, as some labs call it; the values stay in the nodes."""
    forward_pass(graph)


def _check_steps(graph: Iterable[Node]) -> None:
    """Raise an error if sorted nodes are nothing but Inputs: the rest may be gone."""
    if all(isinstance(node, Input) for node in graph):
        raise GraphError(
            "nothing is computed of the Inputs that were fed: keep the result in a variable, since "
            "nodes do not keep those that use them"
        )


def forward_and_backward(graph: Sequence[Node]) -> None:
    """Run sorted nodes forward and then, in reverse, backward; values and gradients stay in them.

    The gradients are those of the results, which are the nodes that no other uses. If some of
    them are scalars (losses), they alone count, so a prediction beside a loss changes nothing;
    otherwise all do, with a gradient of ones. A `DummyGrad` that is fed counts as a loss. What was
    built again, `topological_sort` has left out.

    Raises:
        GraphError: there is nothing but Inputs.
        OperandError: it is no list of sorted nodes.

    >>> from scalargrad.miniflow import MSE
    >>> y, a = Input(), Input()
    >>> loss = MSE(y, a)
    >>> forward_and_backward(topological_sort({y: [0.0, 0.0], a: [1.0, 3.0]}))
    >>> print(loss.value, a.gradients[a])
    5.0 [1. 3.]
    """

    def arguments() -> tuple[Any, Any, Any]:
        _check_steps(graph)
        return graph, None, None

    if type(graph) is not list and isinstance(graph, (Node, Mapping)):
        raise OperandError(f"forward_and_backward needs a list of sorted nodes, got {graph!r}")
    if graph:
        plan, nodes = planned(tuple(map(id, graph)), arguments)
        plan.run(nodes)


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
        gradient = node.gradient if isinstance(node, Input) else node.gradients.get(node)
        if gradient is None:
            raise GraphError(f"{described(node)} has no gradient: run forward_and_backward first")
        _, (value,) = unify([node.value])  # an array of integers becomes one of floats
        value -= learning_rate * gradient
        node.value = value


# ── the second style ────────────────────────────────────────────────────────────────────────────


def value_and_grad(node: Node, feed_dict: Feed, wrt: Sequence[Node] = ()) -> tuple[Any, list[Any]]:
    """Feed, run, and return the value of a node and its gradient with respect to some others.

    What comes out depends on the arguments alone: a value that was fed before is not used.

    Args:
        node: the result. If it is no scalar, its gradient is seeded with ones, unless a
            `DummyGrad` is fed; one that is not fed has nothing to send back of its own.
        feed_dict: the values of all Inputs that the result depends on; others do no harm.
        wrt: the nodes whose gradients are returned, in this order; with respect to others none is
            computed. Of a node that does not lead to the result, it is 0.

    The returned arrays belong to the caller. The graph is sorted in the first call, and again
    only when it has changed.

    Raises:
        GraphError: an Input was not fed, a node that is fed takes no feed, or there is a cycle.
        OperandError: something that should be a node is none.
        SizeError: shapes do not fit together, or an array is empty.

    >>> from scalargrad.miniflow import Add, Mul
    >>> x, y, z = Input(), Input(), Input()
    >>> f = Add(Mul(x, y), Mul(x, z))
    >>> value, gradients = value_and_grad(f, {x: 3, y: 4, z: -5}, wrt=[x, y, z])
    >>> print(value, *gradients)
    -3.0 -1.0 3.0 3.0
    """
    dummies = [step for step in feed_dict if isinstance(step, DummyGrad)]
    try:
        wrt = list(wrt)
    except TypeError:
        raise OperandError(f"wrt is a list of nodes, got {wrt!r}") from None

    def arguments() -> tuple[Any, Any, Any]:
        if not isinstance(node, Node):
            raise OperandError(f"value_and_grad needs a node, got {node!r}")
        if not all(isinstance(step, Node) for step in wrt):
            raise OperandError(f"wrt is a list of nodes, got {wrt!r}")
        return sorted_to([node, *dummies, *wrt]), dummies or [node], wrt

    plan, nodes = planned((id(node), len(dummies), *map(id, [*dummies, *wrt])), arguments)
    inputs = nodes[: plan.n_inputs]
    complete = all(map(feed_dict.__contains__, inputs))
    if not complete or len(feed_dict) != len(inputs) + len(dummies) or type(feed_dict) is not dict:
        _check(feed_dict)  # there is more in it, or something else
    if not complete:
        raise _not_fed(_unfed(inputs, feed_dict))
    _feed(feed_dict)
    for i in plan.dummies:
        if nodes[i] not in feed_dict:
            nodes[i].feed(None)
    plan.run(nodes)
    return copied(node.value), [
        copied(fitting(0.0, step) if step.gradient is None else step.gradient) for step in wrt
    ]


def accuracy(node: Node, feed_dict: Feed) -> float:
    """Return the fraction of rows whose largest logit is that of the right class.

    Args:
        node: a `CrossEntropyWithSoftmax`.
        feed_dict: the values of all Inputs that it depends on, the labels among them.

    Raises:
        GraphError: an Input was not fed.
        OperandError: it is another node.
        SizeError: shapes do not fit together, or there are no rows.
    """
    if not isinstance(node, CrossEntropyWithSoftmax):
        raise OperandError(f"accuracy needs a CrossEntropyWithSoftmax node, got {node!r}")
    value_and_grad(node, feed_dict)
    logits, labels = node.operands
    right = int(node.xp.count_nonzero(node.xp.argmax(logits, axis=1) == labels))
    return right / int(logits.shape[0])
