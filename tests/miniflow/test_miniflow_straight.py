"""Straight-line code does what the nodes do, and is used only where it can be."""

from __future__ import annotations

import copy

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad.errors import DomainError
from scalargrad.miniflow import (
    MSE,
    Add,
    CrossEntropyWithSoftmax,
    DummyGrad,
    Exp,
    Input,
    Linear,
    Mean,
    Mul,
    Node,
    Sigmoid,
    Sub,
    Tanh,
    forward_and_backward,
    plan,
    topological_sort,
    value_and_grad,
)

pytestmark = pytest.mark.filterwarnings("error")

RNG = np.random.default_rng(0)


def plans(node):
    return [found for found in plan._plans.values() if node in found.nodes()]


def is_straight(node):
    (found,) = plans(node)
    return found._straight is not None


def state(nodes):
    """Return all that a run leaves in nodes."""
    return [
        (node.value, node.gradient, [*node.gradients], [*node.gradients.values()]) for node in nodes
    ]


@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_straight_line_code_leaves_in_the_nodes_what_their_methods_leave(data):
    nodes = [Input(f"x{i}") for i in range(3)]
    for _ in range(data.draw(st.integers(1, 12))):
        node_type = data.draw(st.sampled_from([Add, Mul, Sub, Sigmoid, Tanh]))
        operands = [data.draw(st.sampled_from(nodes)) for _ in node_type.row.partials]
        nodes.append(node_type(*operands))
    result = data.draw(st.sampled_from(nodes[3:]))
    wrt = data.draw(st.lists(st.sampled_from(nodes), unique=True, max_size=3))
    feed_dict = {x: RNG.normal(size=(2, 3)) for x in nodes[:3]}
    first = value_and_grad(result, feed_dict, wrt)
    first_state = state(nodes)
    value_and_grad(result, feed_dict, wrt)
    third = value_and_grad(result, feed_dict, wrt)
    assert is_straight(result)
    np.testing.assert_array_equal(first[0], third[0])
    for before, after in zip(first[1], third[1], strict=True):
        np.testing.assert_array_equal(before, after)
    for before, after in zip(first_state, state(nodes), strict=True):
        np.testing.assert_array_equal(before[0], after[0])
        np.testing.assert_array_equal(before[1], after[1])
        assert before[2] == after[2]
        for term, same_term in zip(before[3], after[3], strict=True):
            np.testing.assert_array_equal(term, same_term)


def test_gradients_by_hand_go_on_from_a_straight_run():
    x, w = Input(), Input()
    f = Mean(Mul(Sigmoid(x), w))
    for _ in range(3):
        value_and_grad(f, {x: np.ones(2), w: np.ones(2)}, [x])
    assert is_straight(f)
    f.backward()
    f.inbound_nodes[0].backward()
    np.testing.assert_allclose(f.inbound_nodes[0].gradients[w], np.full(2, 0.5 / (1 + np.exp(-1))))


def test_the_first_run_on_new_shapes_looks_at_every_node():
    x, w, b, y = Input(), Input(), Input(), Input()
    loss = MSE(y, Linear(x, w, b, name="l"))
    feed_dict = {w: np.ones((3, 1)), b: np.ones(1)}
    for m in (4, 4, 4, 2):
        batch = {x: np.ones((m, 3)), y: np.zeros(m)}
        assert value_and_grad(loss, feed_dict | batch, [w])[0] == 16
    with pytest.raises(ValueError, match=r"Linear 'l' needs .*, got \(4, 2\) and \(3, 1\)"):
        value_and_grad(loss, feed_dict | {x: np.ones((4, 2)), y: np.zeros(4)}, [w])


def test_code_is_kept_for_a_last_batch_that_is_smaller():
    x, y = Input(), Input()
    loss = MSE(y, Sigmoid(x))
    codes = []
    for m in (4, 4, 2, 4, 4, 2, 4):
        value_and_grad(loss, {x: np.zeros(m), y: np.zeros(m)}, [x])
        codes.append(plans(loss)[0]._straight)
    assert codes[0] is None
    assert len(set(codes[1:])) == 1


def test_code_for_a_loss_is_not_used_where_there_is_none():
    x = Input()
    first, second = Exp(x), Mul(x, x)
    graph = topological_sort({x: np.zeros(1)})
    for shape in ((), (), (), (2,), (2,), (2,), (), ()):
        x.value = np.ones(shape)
        forward_and_backward(graph)
        np.testing.assert_allclose(x.gradients[x], np.full(shape, np.e + 2))
    assert {first, second} < set(graph)


def test_another_library_gets_code_of_its_own():
    x = Input()
    f = Exp(x)
    for asarray in [np.asarray] * 3 + [array_api_strict.asarray] * 3 + [np.asarray] * 2:
        array = asarray(np.zeros(2))
        value, (gradient,) = value_and_grad(f, {x: array}, [x])
        assert type(value) is type(gradient) is type(array)


def test_another_type_of_array_is_noticed():
    x = Input()
    f = Exp(x)
    for array, dtype in (
        (np.zeros(2), np.float64),
        (np.zeros(2), np.float64),
        (np.zeros(2, dtype=np.float32), np.float32),
        (np.zeros(2, dtype=int), np.float64),
        (np.zeros(2, dtype=int), np.float64),
        ([0.0, 0.0], np.float64),
        (np.zeros(2), np.float64),
    ):
        value, (gradient,) = value_and_grad(f, {x: array}, [x])
        assert value.dtype == gradient.dtype == dtype
        np.testing.assert_array_equal(value, [1, 1])


@pytest.mark.parametrize("number", [2, 2.0, True])
def test_numbers_and_integers_are_converted_in_every_run(number):
    x, k = Input(), Input()
    f = Mul(x, k)
    for _ in range(4):
        value, (_, dk) = value_and_grad(f, {x: np.array([1, 2]), k: number}, [x, k])
        np.testing.assert_array_equal(value, [number, 2 * number])
        assert dk == 3
    assert not is_straight(f)


def test_labels_are_checked_in_every_run():
    x, y = Input(), Input()
    loss = CrossEntropyWithSoftmax(x, y)
    for _ in range(3):
        value_and_grad(loss, {x: np.zeros((2, 3)), y: np.array([0, 2])}, [x])
    assert is_straight(loss)
    with pytest.raises(DomainError, match="needs labels from 0 to 2"):
        value_and_grad(loss, {x: np.zeros((2, 3)), y: np.array([0, 3])}, [x])


def test_a_changed_graph_is_not_run_as_it_was():
    x, y = Input(), Input()
    f = Exp(Mul(x, x))
    for _ in range(3):
        value_and_grad(f, {x: np.zeros(1)})
    f.inbound_nodes[0] = Add(x, y)
    for _ in range(3):
        value, _ = value_and_grad(f, {x: np.zeros(1), y: np.ones(1)})
        np.testing.assert_allclose(value, [np.e])


def test_a_copied_graph_runs_on_its_own_nodes():
    x = Input("x")
    loss = Mean(Exp(x))
    for _ in range(3):
        value_and_grad(loss, {x: np.zeros(2)}, [x])
    twin = copy.deepcopy(loss)
    (exp,) = twin.inbound_nodes
    (twin_x,) = exp.inbound_nodes
    assert (twin_x.name, twin.value) == ("x", 1)
    for _ in range(3):
        value, _ = value_and_grad(twin, {twin_x: np.ones(2)}, [twin_x])
        assert value == np.e
    assert loss.value == 1
    np.testing.assert_array_equal(x.value, [0, 0])


class Triple(Node):
    def __init__(self, x):
        Node.__init__(self, [x])

    def forward(self):
        self.value = 3 * self.inbound_nodes[0].value

    def backward(self):
        self.gradients = {
            self.inbound_nodes[0]: sum(3 * node.gradients[self] for node in self.outbound_nodes)
        }


class Reversed(Sigmoid):
    """A built-in node with a backward of one's own."""

    def backward(self):
        self.gradients = {
            self.inbound_nodes[0]: -sum(node.gradients[self] for node in self.outbound_nodes)
        }


class Halved(Tanh):
    """A built-in node with a forward of one's own."""

    def forward(self):
        super().forward()
        self.value = self.value / 2


@pytest.mark.parametrize(
    ("node_type", "value", "gradient"), [(Triple, 0, 3), (Reversed, 0.5, -1), (Halved, 0, 1)]
)
def test_methods_of_ones_own_are_called_in_every_run(node_type, value, gradient):
    x = Input()
    f = Mean(node_type(x))
    for _ in range(4):
        found, (slope,) = value_and_grad(f, {x: np.zeros(1)}, [x])
        assert (found, slope) == (value, gradient)
    graph = topological_sort({x: np.zeros(1)})
    for _ in range(4):
        forward_and_backward(graph)
        assert x.gradients[x] == gradient
    assert all(found._straight is None for found in plans(f))


def test_fed_dummy_grads_count_in_every_run():
    x = Input()
    dummy = DummyGrad(Exp(x))
    for seed in (1.0, 1.0, 1.0, 2.0):
        _, (gradient,) = value_and_grad(dummy, {x: np.zeros(1), dummy: seed}, [x])
        assert gradient == seed


def test_sorted_graphs_become_straight_too():
    x, w = Input(), Input()
    loss = Mean(Mul(Exp(x), w))
    graph = topological_sort({x: np.zeros(2), w: np.ones(2)})
    for _ in range(3):
        forward_and_backward(graph)
    assert is_straight(loss)
    x.value = np.log([2.0, 4.0])
    forward_and_backward(graph)
    assert loss.value == 3
    np.testing.assert_allclose(x.gradients[x], [1, 2])
    np.testing.assert_allclose(w.gradients[w], [1, 2])


def test_a_part_of_a_sorted_graph_runs_alone():
    x = Input()
    y = Exp(x)
    z = Tanh(y)
    graph = topological_sort({x: np.zeros(2)})
    assert graph == [x, y, z]
    for _ in range(3):
        forward_and_backward(graph[:2])
        np.testing.assert_array_equal(x.gradients[x], [1, 1])
    assert z.value is None
    for _ in range(3):
        forward_and_backward(graph[1:])
    np.testing.assert_array_equal(z.value, np.tanh([1, 1]))
    forward_and_backward([])


def test_very_large_graphs_stay_with_the_methods_of_the_nodes():
    x = Input()
    node = x
    for _ in range(1001):
        node = Tanh(node)
    for _ in range(3):
        value_and_grad(node, {x: np.zeros(1)}, [x])
    assert not is_straight(node)


def test_the_code_computes_nothing_that_nobody_wants():
    x, w, b, y = (Input(name) for name in "xwby")
    loss = MSE(y, Linear(x, w, b))
    feed_dict = {x: np.ones((4, 3)), w: np.ones((3, 1)), b: np.ones(1), y: np.ones(4)}
    for _ in range(2):
        value_and_grad(loss, feed_dict, [w, b])
    (found,) = plans(loss)
    terms = [name for name in found._straight.__code__.co_varnames if name.startswith("t")]
    # From the loss to the layer, its second operand, and from there to w and b: none to x and y.
    assert terms == ["t5_1", "t4_1", "t4_2"]
