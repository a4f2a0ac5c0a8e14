"""Sorting and running graphs of miniflow."""

from __future__ import annotations

import re

import numpy as np
import pytest

from scalargrad import graph as walks
from scalargrad.miniflow import (
    MSE,
    Add,
    CrossEntropyWithSoftmax,
    DummyGrad,
    Exp,
    GraphError,
    Input,
    Linear,
    Log,
    Mean,
    Mul,
    Sigmoid,
    Softmax,
    Sum,
    Tanh,
    accuracy,
    check_node_gradients,
    expand,
    forward_and_backward,
    forward_pass,
    topological_sort,
    value_and_grad,
)
from scalargrad.miniflow.plan import sorted_to

pytestmark = pytest.mark.filterwarnings("error")

RNG = np.random.default_rng(0)


def test_node_used_twice_by_one_consumer_counts_twice():
    x = Input()
    f = Mul(x, x)
    value, (gradient,) = value_and_grad(f, {x: 3.0}, [x])
    assert (value, gradient) == (9, 6)
    assert x.outbound_nodes == [f]


def test_node_with_several_consumers_adds_up_what_they_send():
    x = Input()
    y = Tanh(x)
    f = Add(Mul(y, y), Add(y, Exp(y)))
    _, (gradient,) = value_and_grad(f, {x: 0.5}, [x])
    t = np.tanh(0.5)
    np.testing.assert_allclose(gradient, (2 * t + 1 + np.exp(t)) * (1 - t * t))
    assert y.gradient == pytest.approx(2 * t + 1 + np.exp(t))


def test_gradients_of_a_node_are_those_through_this_node_alone():
    x, y = Input(), Input()
    product, total = Mul(x, y), None
    total = Add(product, x)
    forward_and_backward(topological_sort({x: 2.0, y: 5.0}))
    assert product.gradients[x] == 5
    assert total.gradients[x] == 1
    assert x.gradients[x] == 6
    assert x.dvalues == x.gradients
    assert total.dvalues is total.gradients


def test_gradient_of_what_does_not_lead_to_the_result_is_zero():
    x, y = Input(), Input()
    f = Mul(x, x)
    _, (dx, dy) = value_and_grad(f, {x: 3.0, y: [1.0, 2.0]}, [x, y])
    assert dx == 6
    np.testing.assert_array_equal(dy, [0, 0])


def test_gradient_with_respect_to_a_node_on_the_way_and_to_the_result_itself():
    x = Input()
    y = Exp(x)
    f = Mul(y, y)
    _, (df, dy) = value_and_grad(f, {x: 0.0}, [f, y])
    assert (df, dy) == (1, 2)


def test_beside_a_loss_a_prediction_changes_nothing():
    x, w, y = Input(), Input(), Input()
    scores = Linear(x, w, Input("b"))
    b = scores.inbound_nodes[2]
    early = Log(Sum(scores, axis=1))  # -inf for a sum of 0: its gradient must not come near
    cost = MSE(y, scores)
    late = Softmax(scores)
    feed_dict = {x: np.eye(2), w: np.array([[1.0], [0.0]]), b: [0.0], y: [1.0, 2.0]}
    graph = topological_sort(feed_dict)
    forward_and_backward(graph)
    found = w.gradients[w]
    assert {early, cost, late} <= set(graph)
    _, (expected,) = value_and_grad(cost, feed_dict, [w])
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(expected, [[0.0], [-2.0]])


def test_results_that_are_no_scalars_all_count():
    x = Input()
    results = [Exp(x), Mul(x, x)]
    graph = topological_sort({x: np.zeros(2)})
    assert graph[1:] == results
    forward_and_backward(graph)
    np.testing.assert_array_equal(x.gradients[x], [1, 1])


def test_one_graph_gives_several_results():
    x = Input()
    y = Exp(x)
    first, second = Mul(y, y), Sum(y)
    feed_dict = {x: np.array([0.0, 1.0])}
    _, (of_first,) = value_and_grad(first, feed_dict, [x])
    _, (of_second,) = value_and_grad(second, feed_dict, [x])
    _, (again,) = value_and_grad(first, feed_dict, [x])
    np.testing.assert_allclose(of_first, 2 * np.exp([0, 2]))
    np.testing.assert_allclose(of_second, np.exp([0, 1]))
    np.testing.assert_array_equal(again, of_first)


def test_graphs_that_share_inputs_do_not_disturb_each_other():
    x, w, v = Input("x"), Input("w"), Input("v")
    first, second = Sum(Mul(x, w)), Sum(Mul(Exp(x), v))
    graph = topological_sort({x: [1.0, 2.0], w: [3.0, 4.0]})
    assert first in graph
    assert second not in graph
    forward_and_backward(graph)
    np.testing.assert_array_equal(x.gradients[x], [3, 4])
    value_and_grad(second, {x: [0.0, 0.0], v: [5.0, 6.0]}, [x, v])
    forward_and_backward(graph)
    np.testing.assert_array_equal(x.gradients[x], [3, 4])
    np.testing.assert_array_equal(w.gradients[w], [0, 0])


def test_another_batch_size_can_be_fed():
    x, w, b, y = Input(), Input(), Input(), Input()
    loss = CrossEntropyWithSoftmax(Sigmoid(Linear(x, w, b)), y)
    feed_dict = {w: RNG.normal(size=(4, 3)), b: np.zeros(3)}
    graph = None
    for m in (5, 2, 7):
        data, labels = RNG.normal(size=(m, 4)), RNG.integers(0, 3, m)
        value, (dx, dw) = value_and_grad(loss, feed_dict | {x: data, y: labels}, [x, w])
        assert (dx.shape, dw.shape) == ((m, 4), (4, 3))
        graph = graph or topological_sort(feed_dict | {x: data, y: labels})
        x.value, y.value = data, labels
        forward_and_backward(graph)
        assert loss.value == value
        np.testing.assert_array_equal(w.gradients[w], dw)


# ── the feed is all that a run knows ───────────────────────────────────────────────────────────


def classifier():
    x, y, w, b = (Input(name) for name in "xywb")
    loss = CrossEntropyWithSoftmax(Linear(x, w, b), y)
    feed_dict = {x: np.eye(3), y: [0, 1, 2], w: RNG.normal(size=(3, 3)), b: np.zeros(3)}
    return loss, feed_dict


RUNS = {
    "value_and_grad": lambda loss, feed_dict: value_and_grad(loss, feed_dict),
    "accuracy": accuracy,
    "topological_sort": lambda _, feed_dict: topological_sort(feed_dict),
    "check_node_gradients": check_node_gradients,
    "expand": expand,
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("left_out", ["x", "y", "w", "b", "wb", "xy", "xywb"])
def test_values_of_an_earlier_feed_are_not_used(run, left_out):
    loss, feed_dict = classifier()
    for _ in range(3):
        value_and_grad(loss, feed_dict)
    before = {node: node.value for node in feed_dict}
    part = {node: np.ones(7) for node in feed_dict if node.name not in left_out}
    if not part and run is RUNS["topological_sort"]:
        assert topological_sort(part) == []
        return
    names = {node.name: f"Input '{node.name}'" for node in sorted_to([loss])}
    missing = ", ".join(names[name] for name in names if name and name in left_out)
    missing = re.sub(", ([^,]*)$", r" and \1", missing)
    was = "was" if len(left_out) == 1 else "were"
    with pytest.raises(GraphError, match=f"^{missing} {was} not fed: feed_dict needs a value for"):
        run(loss, part)
    assert all(node.value is value for node, value in before.items())


def test_values_set_by_hand_do_not_stand_for_a_feed():
    x, w = Input("x"), Input("w")
    f = Mul(x, w)
    w.value = 4.0
    for run in (topological_sort, lambda feed_dict: value_and_grad(f, feed_dict)):
        with pytest.raises(GraphError, match=r"^Input 'w' was not fed"):
            run({x: 5.0})


def test_what_is_fed_beyond_need_does_no_harm():
    x, w, other = Input(), Input(), Input()
    f, g = Mul(x, w), Exp(other)
    assert value_and_grad(f, {other: 1.0, x: 2.0, w: 3.0}, [w, other]) == (6, [2, 0])
    assert value_and_grad(g, {other: 0.0, x: 2.0, w: 3.0}) == (1, [])


def test_an_input_that_only_a_gradient_is_asked_for_is_fed_too():
    x, other = Input("x"), Input("other")
    f = Exp(x)
    value_and_grad(f, {x: 0.0, other: [1.0, 2.0]}, [other])
    with pytest.raises(GraphError, match=r"^Input 'other' was not fed"):
        value_and_grad(f, {x: 0.0}, [other])


def test_a_dummy_grad_sends_back_what_this_feed_says():
    x = Input()
    dummy = DummyGrad(Exp(x))
    _, (gradient,) = value_and_grad(dummy, {x: 0.0, dummy: 0.5}, [x])
    assert gradient == 0.5
    _, (gradient,) = value_and_grad(dummy, {x: 0.0}, [x])
    assert gradient == 1


def test_none_is_no_value():
    x = Input("x")
    f = Exp(x)
    value_and_grad(f, {x: 0.0})
    for run in (x.feed, lambda x_value: value_and_grad(f, {x: x_value})):
        with pytest.raises(GraphError, match=r"^Input 'x' was fed None: give it a value"):
            run(None)


def test_other_graphs_on_the_same_inputs_change_nothing_though_they_have_run():
    x, w, v = Input("x"), Input("w"), Input("v")
    first, second = Sum(Mul(x, w)), Sum(Mul(Exp(x), v))
    value_and_grad(second, {x: [1.0, 2.0], v: [5.0, 6.0]})
    graph = topological_sort({x: [1.0, 2.0], w: [3.0, 4.0]})
    assert graph[-1] is first
    assert second not in graph
    forward_and_backward(graph)
    np.testing.assert_array_equal(x.gradients[x], [3, 4])


def test_all_gradients_of_a_run_are_of_this_run():
    x, w = Input(), Input()
    f = Mul(x, w)
    forward_and_backward(topological_sort({x: 2.0, w: 3.0}))
    assert x.gradient == 3
    value_and_grad(f, {x: 2.0, w: 3.0}, [w])
    assert (x.gradient, x.gradients) == (None, {})
    assert w.gradients[w] == 2


# ── order ──────────────────────────────────────────────────────────────────────────────────────


def diamond():
    x, y = Input("x"), Input("y")
    a, b = Exp(x, name="a"), Tanh(y, name="b")
    c = Add(b, a, name="c")
    d = Mul(c, a, name="d")
    return x, y, d


def test_order_is_that_of_the_feed_and_of_the_operands():
    x, y, _ = diamond()
    assert [node.name for node in topological_sort({x: 1, y: 2})] == ["x", "y", "a", "b", "c", "d"]
    assert [node.name for node in topological_sort({y: 1, x: 2})] == ["y", "x", "b", "a", "c", "d"]


def test_every_node_comes_once_and_after_its_operands():
    nodes = [Input() for _ in range(5)]
    for _ in range(100):
        nodes.append(Add(*RNG.choice(nodes, size=2)))
    nodes.append(Add(*(node for node in nodes if not node.outbound_nodes)))
    assert nodes[-1].outbound_nodes == []
    nodes += [node for node in sorted_to(nodes[-1:]) if node not in nodes]
    graph = topological_sort(dict.fromkeys(nodes[:5], 1.0))
    place = {node: i for i, node in enumerate(graph)}
    assert len(place) == len(graph) == len(nodes) > 105
    assert all(place[x] < place[node] for node in graph for x in node.inbound_nodes)


def test_two_runs_give_bitwise_the_same_gradients():
    def gradients():
        rng = np.random.default_rng(3)
        nodes = [Input() for _ in range(5)]
        for _ in range(30):
            nodes.append(Sigmoid(Add(*rng.choice(nodes, size=2))))
        feed_dict = {node: rng.normal(size=3) for node in nodes[:5]}
        return np.array(value_and_grad(nodes[-1], feed_dict, nodes[:5])[1])

    assert gradients().tobytes() == gradients().tobytes()


def test_ten_thousand_nodes_in_a_row_need_no_recursion():
    x = Input()
    node = x
    for _ in range(10_000):
        node = Tanh(node)
    value, (gradient,) = value_and_grad(node, {x: np.full(2, 0.001)}, [x])
    graph = topological_sort({x: np.full(2, 0.001)})
    assert len(graph) == 10_001
    forward_and_backward(graph)
    np.testing.assert_array_equal(node.value, value)
    np.testing.assert_array_equal(x.gradients[x], gradient)
    # tanh(x) = x - x³/3 over 10,000 steps: dx/dn = -x³/3, so 1/x² grows by 2n/3.
    np.testing.assert_allclose(value, (1e6 + 20_000 / 3) ** -0.5, rtol=1e-6)
    np.testing.assert_allclose(gradient, (1 + 20_000 / 3e6) ** -1.5, rtol=1e-6)


def test_graph_is_sorted_once_for_all_steps(monkeypatch):
    sorts = []

    def counted(roots, parents):
        sorts.append(1)
        return original(roots, parents)

    original = walks.topological_sort
    monkeypatch.setattr(walks, "topological_sort", counted)
    x, w, y = Input(), Input(), Input()
    loss = MSE(y, Mul(x, w))
    for step in range(10):
        value_and_grad(loss, {x: 1.0, w: 0.5, y: step}, [w])
    assert len(sorts) == 1
    graph = topological_sort({x: 1.0, w: 0.5, y: 1.0})
    for _ in range(10):
        forward_and_backward(graph)
    assert len(sorts) == 2


def test_changed_graph_is_sorted_anew():
    x, y = Input(), Input()
    f = Exp(Mul(x, x))
    assert value_and_grad(f, {x: 0.0})[0] == 1
    f.inbound_nodes[0] = Add(x, y)
    assert value_and_grad(f, {x: 0.0, y: 0.0})[0] == 1
    assert value_and_grad(f, {x: 1.0, y: -1.0}, [y])[1] == [1]


# ── forward alone ──────────────────────────────────────────────────────────────────────────────


def test_forward_pass_runs_what_else_the_node_needs():
    x, y = Input(), Input()
    f = Add(x, y)
    graph = topological_sort({x: 1.0, y: 2.0})
    later = Mul(f, f)
    assert forward_pass(later, graph) == 9


def test_forward_pass_of_a_node_of_another_graph_is_an_error():
    x, y = Input("x"), Input("y")
    f, other = Exp(x), Mul(x, y, name="other")
    value_and_grad(other, {x: 1.0, y: 2.0})
    graph = topological_sort({x: 0.0})
    assert forward_pass(f, graph) == 1
    with pytest.raises(
        GraphError, match=r"^Mul 'other' needs Input 'y', which is not in the sorted"
    ):
        forward_pass(other, graph)


def test_forward_pass_without_the_sorted_nodes_is_an_error():
    f = Exp(Input())
    with pytest.raises(GraphError, match=r"^Exp needs .*, which is not in the sorted graph"):
        forward_pass(f)


# ── measures ───────────────────────────────────────────────────────────────────────────────────


def test_dummy_grad_in_a_sorted_graph_counts_as_a_loss():
    x = Input()
    dummy = DummyGrad(Exp(x))
    loss = Mean(Mul(x, x))
    graph = topological_sort({x: [0.0, 1.0], dummy: [1.0, 0.0]})
    assert loss in graph
    forward_and_backward(graph)
    np.testing.assert_array_equal(x.gradients[x], [1, 1])  # 1 · exp(0) + 0, and 0 + 2 · 1 / 2


def test_repr_names_node_and_shape():
    x = Input("x")
    assert repr(x) == "<Input 'x'>"
    f = Exp(x)
    value_and_grad(f, {x: np.ones((2, 3))})
    assert repr(x) == "<Input 'x' of shape (2, 3)>"
    assert repr(x.outbound_nodes) == "[<Exp of shape (2, 3)>]"
