"""The scripts of the public miniflow labs, in both styles: their names and conventions all work."""

# ruff: noqa: F403, F405, N806 (the labs import everything, and call their arrays X_ and W_)

from __future__ import annotations

import numpy
import pytest

from scalargrad.errors import SizeError
from scalargrad.miniflow import *

pytestmark = pytest.mark.filterwarnings("error")


def test_star_import_brings_the_names_of_the_labs_and_numpy():
    labs = (
        "Node Input Add Mul Linear Sigmoid Tanh ReLU Softmax CrossEntropy Mean MSE "
        "CrossEntropyWithSoftmax DummyGrad Sum MatMul BiasAdd Sub Div Exp Log topological_sort "
        "forward_pass forward_pass_graph forward_and_backward value_and_grad accuracy sgd_update"
    )
    assert set(labs.split()) <= globals().keys()
    assert np is numpy


# ── the first style: sort, then run forward and backward, then update ──────────────────────────


def test_first_lab_adds_and_multiplies_numbers():
    x, y, z = Input(), Input(), Input()
    f = Add(Mul(x, y), z)
    feed_dict = {x: 4, y: 5, z: 10}
    graph = topological_sort(feed_dict)
    output = forward_pass(f, graph)
    assert output == feed_dict[x] * feed_dict[y] + feed_dict[z]
    assert f"{x.value} * {y.value} + {z.value}" == "4 * 5 + 10"


def test_first_lab_has_a_neuron_over_lists():
    inputs, weights, bias = Input(), Input(), Input()
    f = Linear(inputs, weights, bias)
    graph = topological_sort({inputs: [6, 14, 3], weights: [0.5, 0.25, 1.4], bias: 2})
    assert forward_pass(f, graph) == pytest.approx(12.7)


def test_first_lab_runs_the_graph_forward_and_looks_into_the_nodes():
    y, a = Input(), Input()
    cost = MSE(y, a)
    graph = topological_sort({y: np.array([1, 2, 3]), a: np.array([4.5, 5, 10])})
    forward_pass(graph)
    assert cost.value == pytest.approx(23.4166666667)
    a.value = np.array([1.0, 2, 3])
    assert forward_pass_graph(graph) is None
    assert cost.value == 0


def test_first_lab_gives_the_same_when_a_cell_is_run_again():
    X, y, W, b = Input(), Input(), Input(), Input()
    feed_dict = {X: X_, y: np.array([1.0, 2.0]), W: np.array([[2.0], [3.0]]), b: np.array([-3.0])}
    gradients, out = [], []
    for _ in range(3):
        f = Linear(X, W, b)
        cost = MSE(y, f)
        graph = topological_sort(feed_dict)
        forward_and_backward(graph)
        gradients.append(W.gradients[W])
        out.append(cost)  # as a notebook keeps what a cell shows
    for gradient in gradients[1:]:
        np.testing.assert_array_equal(gradient, gradients[0])
    assert graph == [X, y, W, b, f, cost]


def test_first_lab_prints_the_gradients_of_all_inputs():
    X, W, b = Input(), Input(), Input()
    y = Input()
    f = Linear(X, W, b)
    a = Sigmoid(f)
    cost = MSE(y, a)
    feed_dict = {
        X: np.array([[-1.0, -2.0], [-1, -2]]),
        y: np.array([1, 2]),
        W: np.array([[2.0], [3.0]]),
        b: np.array([-3.0]),
    }
    graph = topological_sort(feed_dict)
    forward_and_backward(graph)
    # The lab's own answers.
    expected = [
        [[-3.34017280e-05, -5.01025919e-05], [-6.68040138e-05, -1.00206021e-04]],
        [[0.9999833], [1.9999833]],
        [[5.01028709e-05], [1.00205742e-04]],
        [-5.01028709e-05],
    ]
    for node, answer in zip((X, y, W, b), expected, strict=True):
        gradient = node.gradients[node]
        assert gradient.shape == np.shape(feed_dict[node])
        np.testing.assert_allclose(gradient.ravel(), np.ravel(answer), rtol=1e-6)
    assert cost.value == graph[-1].value


def test_first_lab_trains_two_layers_on_mini_batches():
    rng = np.random.default_rng(1)
    X_ = rng.normal(size=(110, 3))
    y_ = np.sin(X_[:, 0]) + X_[:, 1] * X_[:, 2]
    X, y = Input(), Input()
    W1, b1 = Input(), Input()
    W2, b2 = Input(), Input()
    l1 = Linear(X, W1, b1)
    s1 = Sigmoid(l1)
    l2 = Linear(s1, W2, b2)
    cost = MSE(y, l2)
    W1_ = rng.normal(size=(3, 10))
    feed_dict = {X: X_, y: y_, W1: W1_, b1: np.zeros(10)}
    feed_dict |= {W2: rng.normal(size=(10, 1)), b2: np.zeros(1)}
    graph = topological_sort(feed_dict)
    trainables = [W1, b1, W2, b2]
    losses = []
    for _ in range(60):
        loss = 0
        for start in range(0, 110, 11):
            X.value, y.value = X_[start : start + 11], y_[start : start + 11]
            forward_and_backward(graph)
            sgd_update(trainables, learning_rate=0.05)
            loss += graph[-1].value
        losses.append(loss / 10)
    assert losses[-1] < losses[0] / 4
    assert cost is graph[-1]
    assert W1.value is W1_  # updated in place, so feeding it again goes on from there


def test_update_of_integers_makes_them_floats():
    x, w = Input(), Input()
    f = Mul(x, w)
    graph = topological_sort({x: 3, w: [1, 2]})
    assert graph == [x, w, f]
    forward_and_backward(graph)
    sgd_update([x, w], learning_rate=0.5)
    assert x.value == 3 - 0.5 * 3
    np.testing.assert_array_equal(w.value, [-0.5, 0.5])


def test_update_before_a_run_is_an_error():
    with pytest.raises(GraphError, match="Input 'w' has no gradient: run forward_and_backward"):
        sgd_update([Input("w")])


# ── the second style: one call for everything ──────────────────────────────────────────────────


def test_second_lab_case_study():
    x, y, z = Input(), Input(), Input()
    g = Mul(x, y)
    h = Mul(x, z)
    f = Add(g, h)
    dummy = DummyGrad(f)
    feed_dict = {x: 3, y: 4, z: -5, dummy: 0.5}
    loss, grad = value_and_grad(dummy, feed_dict, (x, y, z))
    assert loss == -3
    assert grad == [-0.5, 1.5, 1.5]
    del feed_dict[dummy]
    dummy.feed(None)
    loss, grad = value_and_grad(f, feed_dict, (x, y, z))
    assert grad == [-1, 3, 3]


def test_second_lab_gives_gradients_in_the_order_of_wrt():
    x_in, w_in, b_in = Input(), Input(), Input()
    f = Linear(x_in, w_in, b_in)
    dummy = DummyGrad(f)
    feed_dict = {
        x_in: np.array([[-1.0, -2.0], [-1, -2]]),
        w_in: np.array([[2.0, -3], [2.0, -3]]),
        b_in: np.array([-3.0, -3]).reshape(1, -1),
        dummy: np.ones((2, 2)),
    }
    loss, grad = value_and_grad(dummy, feed_dict, (b_in, x_in, w_in))
    assert np.allclose(loss, [[-9.0, 6.0], [-9.0, 6.0]])
    assert np.allclose(grad[0], [[2.0, 2.0]])
    assert np.allclose(grad[1], [[-1.0, -1.0], [-1.0, -1.0]])
    assert np.allclose(grad[2], [[-2.0, -2.0], [-4.0, -4.0]])


def test_second_lab_trains_a_classifier_and_measures_accuracy():
    rng = np.random.default_rng(2)
    X_ = rng.normal(size=(200, 5))
    y_ = (X_ @ rng.normal(size=(5, 3))).argmax(axis=1).astype(np.int8)
    X, y, W, b = Input(), Input(), Input(), Input()
    cost = CrossEntropyWithSoftmax(Linear(X, W, b), y)
    feed_dict = {X: X_, y: y_, W: np.zeros((5, 3)), b: np.zeros((1, 3))}
    assert accuracy(cost, feed_dict) == np.mean(y_ == 0)
    for _ in range(100):
        _, grads = value_and_grad(cost, feed_dict, wrt=[W, b])
        feed_dict[W] -= 2.0 * grads[0]
        feed_dict[b] -= 2.0 * grads[1]
    assert accuracy(cost, feed_dict) > 0.95


def test_accuracy_needs_the_node_that_knows_the_labels():
    with pytest.raises(TypeError, match="accuracy needs a CrossEntropyWithSoftmax node, got <Lin"):
        accuracy(Linear(Input(), Input(), Input()), {})


# ── nodes of one's own ─────────────────────────────────────────────────────────────────────────


class Square(Node):
    """Written as the labs say: from the outbound nodes, into the gradients."""

    def __init__(self, x):
        Node.__init__(self, [x])

    def forward(self):
        self.value = self.inbound_nodes[0].value ** 2

    def backward(self):
        (x,) = self.inbound_nodes
        self.gradients = {x: np.zeros_like(x.value)}
        for node in self.outbound_nodes:
            self.gradients[x] += 2 * x.value * node.gradients[self]


class Times(Node):
    """With the names of the oldest labs, and a cache."""

    def __init__(self, x, y):
        Node.__init__(self, [x, y])

    def forward(self):
        self.cache[0], self.cache[1] = (node.value for node in self.input_nodes)
        self.value = self.cache[0] * self.cache[1]

    def backward(self):
        self.dvalues = dict.fromkeys(self.input_nodes, 0)
        for node in self.output_nodes:
            grad = node.dvalues[self]
            self.dvalues[self.input_nodes[0]] += self.cache[1] * grad
            self.dvalues[self.input_nodes[1]] += self.cache[0] * grad


X_ = np.array([[0.5, -1.0], [2.0, 3.0]])


def test_own_nodes_mix_with_the_built_in_ones():
    x, y = Input("x"), Input("y")
    squares = Square(Sigmoid(x))
    f = Mean(Add(Times(squares, y), squares))
    s = 1 / (1 + np.exp(-X_))
    value, (dx, dy) = value_and_grad(f, {x: X_, y: X_}, [x, y])
    np.testing.assert_allclose(value, np.mean(s**2 * X_ + s**2))
    np.testing.assert_allclose(dy, s**2 / 4)
    np.testing.assert_allclose(dx, (X_ + 1) / 4 * 2 * s * s * (1 - s))
    assert check_node_gradients(f, {x: X_, y: X_}) < 1e-7


def test_own_node_is_a_result_seeded_with_ones():
    x = Input()
    f = Square(x)
    _, (gradient,) = value_and_grad(f, {x: X_}, [x])
    np.testing.assert_array_equal(gradient, 2 * X_)
    forward_and_backward(topological_sort({x: X_}))
    np.testing.assert_array_equal(x.gradients[x], 2 * X_)
    assert x.outbound_nodes == [f]
    assert f.outbound_nodes == []


def test_own_node_used_twice_by_one_consumer():
    x = Input()
    y = Square(x)
    _, (gradient,) = value_and_grad(Times(y, y), {x: X_}, [x])
    np.testing.assert_allclose(gradient, 4 * X_**3)


def test_own_node_ignores_consumers_that_take_no_part():
    x, w = Input(), Input()
    y = Square(x)
    used, unused = Times(y, w), Times(y, y)
    value_and_grad(unused, {x: X_}, [x])
    _, (gradient,) = value_and_grad(used, {x: X_, w: np.ones((2, 2))}, [x])
    np.testing.assert_array_equal(gradient, 2 * X_)


def test_own_node_may_send_a_number_for_an_array():
    class Total(Node):
        def forward(self):
            self.value = float(self.inbound_nodes[0].value.sum())

        def backward(self):
            self.gradients = {self.inbound_nodes[0]: 1.0}

    x = Input()
    value, (gradient,) = value_and_grad(Total([x]), {x: X_}, [x])
    assert value == X_.sum()
    np.testing.assert_array_equal(gradient, np.ones((2, 2)))


def test_own_node_that_sends_a_wrong_shape_is_found():
    class Crooked(Square):
        def backward(self):
            self.gradients = {self.inbound_nodes[0]: np.ones(3)}

    x = Input("x")
    with pytest.raises(SizeError, match=r"^Input 'x' got .* \(3,\) for a value of shape \(2, 2\)$"):
        value_and_grad(Crooked(x), {x: X_}, [x])


def test_wrong_own_node_is_named_by_the_gradient_check():
    class Wrong(Square):
        def backward(self):
            super().backward()
            self.gradients = {node: 1.5 * g for node, g in self.gradients.items()}

    x = Input("x")
    f = Sigmoid(Wrong(Tanh(x)))
    sentence = (
        r"^Wrong has a wrong derivative: with respect to element \[0, 0\] of the Tanh that is "
        r"operand 1 of Wrong it is 0.0430835 by its rule and 0.0287223 by central differences$"
    )
    with pytest.raises(AssertionError, match=sentence):
        check_node_gradients(f, {x: X_})
    np.testing.assert_array_equal(x.value, X_)


def test_own_node_without_its_methods_says_so():
    class Empty(Node):
        pass

    with pytest.raises(NotImplementedError, match="Empty needs a method forward"):
        Empty([]).forward()


def test_own_loop_over_the_nodes_gives_the_same_gradients():
    x, w = Input(), Input()
    cost = Mean(Sigmoid(Mul(Square(x), w)))
    feed_dict = {x: X_, w: X_}
    _, expected = value_and_grad(cost, feed_dict, [x, w])
    graph = topological_sort(feed_dict)
    for node in graph:
        node.forward()
    for node in reversed(graph):
        node.backward()
    for node, gradient in zip((x, w), expected, strict=True):
        np.testing.assert_array_equal(node.gradients[node], gradient)
