"""An array graph and the scalar graph that it stands for compute the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad import Value
from scalargrad import graph as walks
from scalargrad.engine import operands
from scalargrad.miniflow import (
    MSE,
    Add,
    BiasAdd,
    CrossEntropy,
    CrossEntropyWithSoftmax,
    Div,
    DummyGrad,
    Exp,
    Input,
    Linear,
    Log,
    MatMul,
    Mean,
    Mul,
    Node,
    ReLU,
    Sigmoid,
    Softmax,
    Sub,
    Sum,
    Tanh,
    expand,
    value_and_grad,
)

pytestmark = pytest.mark.filterwarnings("error")

RNG = np.random.default_rng(0)


def scalar_gradients(values, name, shape):
    """Run backward from the sum of some Values; return the gradients of the leaves of an Input."""
    flat = np.asarray(values, dtype=object).ravel()
    total = sum(flat[1:], start=flat[0])
    total.backward()
    leaves = {node.label: node for node in walks.topological_sort([total], operands) if node.label}
    gradients = np.zeros(shape)
    for place in np.ndindex(shape):
        where = f"[{','.join(map(str, place))}]" if place else ""
        if f"{name}{where}" in leaves:  # else nothing depends on it
            gradients[place] = leaves[f"{name}{where}"].grad
    return gradients


def assert_same_as_scalars(node, feed_dict):
    """Compare a node and its gradients, of all Inputs that hold floats, with its expansion."""
    wrt = [x for x, value in feed_dict.items() if np.asarray(value).dtype.kind == "f"]
    value, gradients = value_and_grad(node, feed_dict, wrt)
    values = expand(node, feed_dict)
    assert np.shape(values) == np.shape(value)
    numbers = np.vectorize(lambda x: x.data)(np.asarray(values, dtype=object))
    np.testing.assert_allclose(numbers, value, rtol=1e-12, atol=1e-15)
    for x, gradient in zip(wrt, gradients, strict=True):
        # Each Input has leaves of its own, so expand anew: backward adds up in them.
        scalars = scalar_gradients(expand(node, feed_dict), x.name, gradient.shape)
        np.testing.assert_allclose(scalars, gradient, rtol=1e-12, atol=1e-15)


@given(m=st.integers(1, 3), n=st.integers(1, 4), k=st.integers(2, 4))
@settings(max_examples=15, deadline=None)
def test_classifier_is_the_same_as_its_scalars(m, n, k):
    x, w1, b1, w2, b2, y = (Input(name) for name in ("x", "w1", "b1", "w2", "b2", "y"))
    hidden = Sigmoid(Linear(x, w1, b1))
    loss = CrossEntropyWithSoftmax(Linear(hidden, w2, b2), y)
    feed_dict = {
        x: RNG.normal(size=(m, n)),
        w1: RNG.normal(size=(n, 3)),
        b1: RNG.normal(size=3),
        w2: RNG.normal(size=(3, k)),
        b2: RNG.normal(size=(1, k)),
        y: RNG.integers(0, k, m),
    }
    assert_same_as_scalars(loss, feed_dict)


@given(m=st.integers(1, 3), n=st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_pieces_are_the_same_as_their_scalars(m, n):
    x, w, b, t, y = (Input(name) for name in ("x", "w", "b", "t", "y"))
    product = Tanh(BiasAdd(MatMul(x, w), b))
    feed_dict = {
        x: RNG.normal(size=(m, n)),
        w: RNG.normal(size=(n, 2)),
        b: RNG.normal(size=2),
        t: RNG.uniform(0.1, 1, size=(m, 2)),
        y: RNG.normal(size=(m, 2)),
    }
    for node in (
        product,
        ReLU(product),
        Sum(product, axis=0),
        Sum(product, axis=1, keepdims=True),
        Mean(CrossEntropy(Softmax(product), t)),
        MSE(y, product),
        Mul(Sub(product, y), Div(y, t), product),
        DummyGrad(Log(Exp(Add(product, product)))),
    ):
        assert_same_as_scalars(
            node,
            {x: feed_dict[x], w: feed_dict[w], b: feed_dict[b]} | {z: feed_dict[z] for z in (t, y)},
        )


def test_neuron_is_products_and_sums_of_labelled_leaves():
    x, w, b = Input("x"), Input("w"), Input("b")
    neuron = expand(Tanh(Linear(x, w, b)), {x: [1.0, 2.0], w: [0.5, -0.5], b: 0.1})
    assert isinstance(neuron, Value)
    assert neuron.data == math.tanh(1 * 0.5 + 2 * -0.5 + 0.1)
    ops = [node._op or node.label for node in walks.topological_sort([neuron], operands)]
    assert sorted(ops) == sorted(["tanh", "+", "+", "*", "*", "x[0]", "w[0]", "x[1]", "w[1]", "b"])


def test_integers_are_leaves_unless_they_are_class_labels():
    x, y = Input("x"), Input("y")
    loss = expand(CrossEntropyWithSoftmax(x, y), {x: [[1, 2]], y: [0]})
    labels = {node.label for node in walks.topological_sort([loss], operands)}
    assert labels == {"", "x[0,0]", "x[0,1]"}


def test_zero_probability_expands_to_the_least_positive_number():
    p, t = Input("p"), Input("t")
    feed_dict = {p: [[0.0, 1.0]], t: [[0.5, 0.5]]}
    value, _ = value_and_grad(CrossEntropy(p, t), feed_dict)
    (loss,) = expand(CrossEntropy(p, t), feed_dict)
    assert loss.data == value[0]


def test_own_node_expands_by_its_own_forward():
    class Gaussian(Node):
        def __init__(self, x, y):
            Node.__init__(self, [x, y])

        def forward(self):
            x, y = (node.value for node in self.inbound_nodes)
            self.value = np.exp(-(x**2) - y**2)

        def backward(self):
            x, y = self.inbound_nodes
            self.gradients = {x: 0.0, y: 0.0}
            for node in self.outbound_nodes:
                for operand in (x, y):
                    slope = -2 * operand.value * self.value
                    self.gradients[operand] += slope * node.gradients[self]

    x, y = Input("x"), Input("y")
    node = Gaussian(x, Sigmoid(y))
    feed_dict = {x: np.array([[0.1, 0.2]]), y: np.array([[0.3, 0.4]])}
    assert_same_as_scalars(node, feed_dict)
    assert x.value is feed_dict[x]
    assert node.value.dtype == float


def test_expansion_leaves_the_graph_as_it_was():
    x, w = Input("x"), Input("w")
    f = Mul(x, w)
    feed_dict = {x: 2.0, w: 3.0}
    expand(f, feed_dict)
    assert (f.value, x.value, w.value) == (6, 2, 3)
    value, gradients = value_and_grad(f, feed_dict, [x, w])
    assert (value, *gradients) == (6, 3, 2)
