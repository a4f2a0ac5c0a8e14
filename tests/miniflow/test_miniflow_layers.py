"""The layer style of miniflow, used as the labs use it."""

from __future__ import annotations

import numpy as np
import pytest

from scalargrad import miniflow
from scalargrad.errors import GradientError, SizeError
from scalargrad.miniflow.layers import (
    CrossEntropy,
    Linear,
    Mean,
    Sigmoid,
    Softmax,
    sanity_check,
)

pytestmark = pytest.mark.filterwarnings("error")

RNG = np.random.default_rng(0)


def distributions(m, k):
    p = RNG.uniform(0.1, 1, size=(m, k))
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "layer", [Linear(6, 3, seed=0), Sigmoid(), Softmax(), Mean()], ids=lambda x: type(x).__name__
)
def test_layers_pass_the_sanity_check(layer):
    sanity_check(layer, RNG.uniform(size=(5, 6)))


def test_cross_entropy_passes_the_sanity_check():
    sanity_check(CrossEntropy(), distributions(5, 6), (distributions(5, 6),), precision=0.1)


def test_sanity_check_leaves_parameters_as_they_were():
    layer = Linear(3, 2, seed=0)
    before = [array.copy() for array in layer.parameters]
    sanity_check(layer, np.ones((4, 3)), delta=0.001, precision=1e-6)
    for array, old in zip(layer.parameters, before, strict=True):
        np.testing.assert_array_equal(array, old)


class Scale:
    """A layer of one's own; its gradients are wrong by the given factors."""

    def __init__(self, of_input=1.0, of_parameter=1.0):
        self.parameters, self.parameters_deltas = [np.array([2.0, 3.0])], [None]
        self.of_input, self.of_parameter = of_input, of_parameter

    def forward(self, x, *_args):
        self.x = x
        return x * self.parameters[0]

    def backward(self, delta):
        self.parameters_deltas[0] = self.of_parameter * (delta * self.x).sum(axis=0)
        return self.of_input * delta * self.parameters[0]


def test_sanity_check_takes_layers_of_ones_own():
    sanity_check(Scale(), np.ones((4, 2)))


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (Scale(of_input=1.1), r"^Scale, x\[0, 0\]: the gradient is .* by backward and .* by diff"),
        (Scale(of_parameter=0.9), r"^Scale, parameters\[0\]\[0\]: the gradient is .* by backward"),
        (Scale(of_input=np.ones((3, 1, 1))), r"^Scale, x: the gradient has shape \(3, 4, 2\), the"),
    ],
)
def test_sanity_check_finds_wrong_gradients(layer, sentence):
    with pytest.raises(GradientError, match=sentence):
        sanity_check(layer, np.ones((4, 2)))


def test_layers_give_what_the_graph_gives():
    x, target = RNG.normal(size=(7, 4)), distributions(7, 3)
    linear = Linear(4, 3, seed=1)
    layers = [linear, Softmax(), CrossEntropy(), Mean()]
    value = x
    for layer in layers:
        value = layer.forward(value, target)
    delta = 1.0
    for layer in reversed(layers):
        delta = layer.backward(delta)

    nodes = [miniflow.Input() for _ in range(4)]
    loss = miniflow.Mean(
        miniflow.CrossEntropy(miniflow.Softmax(miniflow.Linear(*nodes[:3])), nodes[3])
    )
    feed_dict = dict(zip(nodes, (x, *linear.parameters, target), strict=True))
    expected, gradients = miniflow.value_and_grad(loss, feed_dict, nodes[:3])
    assert value == expected
    found = (delta, *linear.parameters_deltas)
    for ours, theirs in zip(found, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)


def test_layers_learn_with_the_learning_rate_as_delta():
    # As one of the labs does it, new arrays put in the places of the parameters.
    data = RNG.normal(size=(300, 5))
    labels = (data @ RNG.normal(size=(5, 3))).argmax(axis=1)
    layers = [Linear(5, 3, seed=2), Softmax(), CrossEntropy(), Mean()]
    for _ in range(200):
        x = data
        for layer in layers:
            x = layer.forward(x, np.eye(3)[labels])
        delta = 2.0
        for layer in reversed(layers):
            delta = layer.backward(delta)
        linear = layers[0]
        linear.parameters = [
            p - d for p, d in zip(linear.parameters, linear.parameters_deltas, strict=True)
        ]
    assert np.mean(linear.forward(data).argmax(axis=1) == labels) > 0.95


def test_parameters_have_the_mean_and_the_variance_asked_for():
    weights, bias = Linear(400, 300, mean=2.0, variance=0.25, seed=0).parameters
    assert (weights.shape, bias.shape) == ((400, 300), (300,))
    np.testing.assert_allclose([weights.mean(), weights.var()], [2, 0.25], rtol=0.01)


def test_parameters_follow_a_seed_or_the_global_generator_of_numpy():
    np.testing.assert_array_equal(
        Linear(2, 3, seed=5).parameters[0],
        Linear(2, 3, seed=np.random.default_rng(5)).parameters[0],
    )
    state = np.random.get_state()
    try:
        np.random.seed(42)
        first = Linear(2, 3).parameters[0]
        np.random.seed(42)
        np.testing.assert_array_equal(first, Linear(2, 3).parameters[0])
    finally:
        np.random.set_state(state)


def test_output_of_a_layer_belongs_to_the_caller():
    layer, x = Sigmoid(), np.zeros((1, 2))
    y = layer.forward(x)
    y *= 100
    np.testing.assert_array_equal(layer.backward(np.ones((1, 2))), [[0.25, 0.25]])


def test_missing_target_is_an_error():
    with pytest.raises(SizeError, match=r"CrossEntropy.forward needs an input and a target"):
        CrossEntropy().forward(distributions(2, 3))


def test_shapes_that_do_not_fit_are_an_error():
    with pytest.raises(SizeError, match=r"^Linear needs .*, got \(4, 2\) and \(3, 5\)$"):
        Linear(3, 5, seed=0).forward(np.ones((4, 2)))


@pytest.mark.parametrize(
    "layer",
    [Linear(3, 5, seed=0), Sigmoid(), Softmax(), Mean()],
    ids=lambda layer: type(layer).__name__,
)
def test_an_empty_batch_is_an_error(layer):
    name = type(layer).__name__
    with pytest.raises(SizeError, match=rf"^{name} needs at least one element, got .* \(0, 3\)$"):
        layer.forward(np.ones((0, 3)))
