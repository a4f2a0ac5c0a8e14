"""What the nodes of miniflow compute, forward and backward, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodes import run

from scalargrad.errors import SizeError
from scalargrad.miniflow import (
    MSE,
    Add,
    BiasAdd,
    CrossEntropy,
    CrossEntropyWithSoftmax,
    Div,
    DummyGrad,
    Input,
    Linear,
    Log,
    MatMul,
    Mean,
    Mul,
    Sigmoid,
    Softmax,
    Sum,
    Tanh,
    accuracy,
    check_node_gradients,
    elementwise_node,
    value_and_grad,
)
from scalargrad.ops import PRIMITIVES

pytestmark = pytest.mark.filterwarnings("error")

RNG = np.random.default_rng(0)


# ── every node against central differences, and in the shape of what was fed ───────────────────


def sizes(most=4):
    return st.integers(1, most)


@st.composite
def shapes_that_broadcast(draw, count):
    full = draw(st.lists(sizes(), max_size=3))
    return [
        tuple(draw(st.sampled_from([n, 1])) for n in full[draw(st.integers(0, len(full))) :])
        for _ in range(count)
    ]


def numbers(shape, low=0.1, high=0.9):
    """Random numbers without ties, where all primitives but acosh and its like are defined."""
    return RNG.uniform(low, high, size=shape)


@pytest.mark.parametrize("name", PRIMITIVES)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_gradient_is_that_of_central_differences_for_every_primitive(name, data):
    count = len(PRIMITIVES[name].partials)
    shapes = data.draw(shapes_that_broadcast(count))
    inputs = [Input() for _ in shapes]
    node = elementwise_node(name)(*inputs)
    feed_dict = {x: numbers(shape) for x, shape in zip(inputs, shapes, strict=True)}
    wrt = inputs[:1] if PRIMITIVES[name].partials[-1] == "0" else inputs
    assert check_node_gradients(node, feed_dict, wrt) < 1e-6
    _, gradients = value_and_grad(node, feed_dict, inputs)
    assert [g.shape for g in gradients] == shapes


#: The shapes of x and w, in letters for lengths.
PRODUCTS = {
    "batch": ("mn", "np"),
    "row": ("n", "np"),
    "column": ("mn", "n"),
    "neuron": ("n", "n"),
    "more axes": ("lmn", "np"),
}


@pytest.mark.parametrize("kind", PRODUCTS)
@given(m=sizes(), n=sizes(), p=sizes(), row=st.booleans())
@settings(max_examples=5, deadline=None)
def test_gradient_is_that_of_central_differences_for_products(kind, m, n, p, row):
    lengths = {"l": 2, "m": m, "n": n, "p": p}
    x_shape, w_shape = (tuple(lengths[a] for a in letters) for letters in PRODUCTS[kind])
    b_shape = (1, p) if row and len(w_shape) == 2 else w_shape[1:]
    x, w, b = Input(), Input(), Input()
    feed_dict = {x: numbers(x_shape), w: numbers(w_shape), b: numbers(b_shape)}
    linear, pieces = Linear(x, w, b), BiasAdd(MatMul(x, w), b)
    assert check_node_gradients(linear, feed_dict) < 1e-7
    assert check_node_gradients(pieces, feed_dict) < 1e-7
    value, gradients = value_and_grad(linear, feed_dict, [x, w, b])
    other, others = value_and_grad(pieces, feed_dict, [x, w, b])
    np.testing.assert_array_equal(value, other)
    for ours, theirs, shape in zip(gradients, others, (x_shape, w_shape, b_shape), strict=True):
        assert ours.shape == shape
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(value, numbers_product(*feed_dict.values()))


def numbers_product(x, w, b):
    """Multiply with einsum, as another way to the same numbers."""
    columns = w.reshape(w.shape[0], -1)
    return (np.einsum("...i,ij->...j", x, columns) + b).reshape((*x.shape[:-1], *w.shape[1:]))


@given(m=sizes(), k=sizes(), column=st.booleans())
@settings(max_examples=10, deadline=None)
def test_gradient_is_that_of_central_differences_for_losses_and_sums(m, k, column):
    x, t, labels = Input(), Input(), Input()
    table = numbers((m, k))
    assert check_node_gradients(Softmax(x), {x: table}) < 1e-7
    assert check_node_gradients(Mean(x), {x: table}) < 1e-7
    assert check_node_gradients(Sum(x), {x: table}) < 1e-7
    assert check_node_gradients(Sum(x, axis=0), {x: table}) < 1e-7
    assert check_node_gradients(Sum(x, axis=-1, keepdims=True), {x: table}) < 1e-7
    assert check_node_gradients(CrossEntropy(x, t), {x: table, t: numbers((m, k))}) < 1e-6
    y = numbers((m, 1) if column else (m,))
    assert check_node_gradients(MSE(t, x), {x: numbers(m), t: y}) < 1e-7
    loss = CrossEntropyWithSoftmax(x, labels)
    assert check_node_gradients(loss, {x: table, labels: RNG.integers(0, k, m)}) < 1e-7


# ── known answers ──────────────────────────────────────────────────────────────────────────────


def test_linear_gives_the_answers_of_the_labs():
    x = np.array([[-1.0, -2.0], [-1, -2]])
    w = np.array([[2.0, -3], [2.0, -3]])
    value, (dx, dw, db) = run(Linear, x, w, np.array([-3.0, -5]))
    np.testing.assert_array_equal(value, [[-9, 4], [-9, 4]])
    np.testing.assert_array_equal(dx, [[-1, -1], [-1, -1]])
    np.testing.assert_array_equal(dw, [[-2, -2], [-4, -4]])
    np.testing.assert_array_equal(db, [2, 2])


def test_cross_entropy_with_softmax_gives_the_answers_of_the_labs():
    logits, labels = Input(), Input()
    feed_dict = {logits: [[0.5, 1.0, 1.5]], labels: [1]}
    loss = CrossEntropyWithSoftmax(logits, labels)
    value, (gradient,) = value_and_grad(loss, feed_dict, [logits])
    np.testing.assert_allclose(value, 1.1802, atol=1e-4)
    np.testing.assert_allclose(gradient, [[0.1863, -0.6928, 0.5064]], atol=1e-4)
    np.testing.assert_allclose(
        loss._softmax([[0.5, 1.0, 1.5]]), [[0.1863, 0.3072, 0.5064]], atol=1e-4
    )


@pytest.mark.parametrize("y_shape", [(4,), (4, 1)])
@pytest.mark.parametrize("a_shape", [(4,), (4, 1)])
def test_mse_treats_a_column_as_a_vector(y_shape, a_shape):
    y, a = np.arange(4.0), np.array([1.0, 1, 1, 1])
    value, (dy, da) = run(MSE, y.reshape(y_shape), a.reshape(a_shape))
    assert value == 1.5
    np.testing.assert_array_equal(dy, ((y - a) / 2).reshape(y_shape))
    np.testing.assert_array_equal(da, ((a - y) / 2).reshape(a_shape))


def test_a_sum_of_three_is_differentiated_by_each():
    value, gradients = run(Add, 10, 5, 2)
    assert (value, *gradients) == (17, 1, 1, 1)
    value, gradients = run(Mul, 4, 5, 10)
    assert (value, *gradients) == (200, 50, 40, 20)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64])
def test_labels_may_be_integers_of_any_type(dtype):
    logits = RNG.normal(size=(5, 3))
    labels = np.array([0, 1, 2, 0, 1], dtype=dtype)
    x, y = Input(), Input()
    value, (gradient, of_labels) = value_and_grad(
        CrossEntropyWithSoftmax(x, y), {x: logits, y: labels}, [x, y]
    )
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(value, -np.log(p[range(5), labels]).mean())
    np.testing.assert_allclose(gradient, (p - np.eye(3)[labels]) / 5)
    np.testing.assert_array_equal(of_labels, np.zeros(5))


def test_int8_labels_reach_as_many_classes_as_there_are():
    logits, labels = np.zeros((2, 300)), np.array([0, 127], dtype=np.int8)
    x, y = Input(), Input()
    value, _ = value_and_grad(CrossEntropyWithSoftmax(x, y), {x: logits, y: labels})
    np.testing.assert_allclose(value, np.log(300))


# ── extremes, without a warning ────────────────────────────────────────────────────────────────


def test_softmax_holds_for_logits_of_a_thousand():
    logits = np.array([[1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -1000.0]])
    value, (gradient,) = run(Softmax, logits)
    np.testing.assert_allclose(value, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(gradient, np.zeros((2, 3)), atol=1e-15)


def test_cross_entropy_with_softmax_holds_for_logits_of_a_thousand():
    x, y = Input(), Input()
    loss = CrossEntropyWithSoftmax(x, y)
    feed_dict = {x: [[1000.0, -1000.0], [-1000.0, 1000.0]], y: [0, 0]}
    value, (gradient,) = value_and_grad(loss, feed_dict, [x])
    assert value == 1000.0
    np.testing.assert_allclose(gradient, [[0, 0], [-0.5, 0.5]])


def test_cross_entropy_takes_zero_times_the_logarithm_of_zero_as_zero():
    value, (gradient, _) = run(CrossEntropy, [[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [0.5, 0.5]])
    np.testing.assert_allclose(value, [0, np.log(2)])
    np.testing.assert_array_equal(gradient, [[-1, 0], [-1, -1]])


def test_cross_entropy_of_a_wrong_zero_is_large_and_finite():
    p, t = Input(), Input()
    loss = Mean(CrossEntropy(Softmax(p), t))
    feed_dict = {p: [[1000.0, -1000.0]], t: [[0.0, 1.0]]}
    value, (gradient,) = value_and_grad(loss, feed_dict, [p])
    assert 700 < value < 710
    assert np.all(np.isfinite(gradient))


def test_logarithm_of_zero_is_minus_infinity():
    value, (gradient,) = run(Log, [0.0, 1.0])
    np.testing.assert_array_equal(value, [-np.inf, 0])
    np.testing.assert_array_equal(gradient, [np.inf, 1])


def test_quotient_by_zero_is_infinite():
    value, (gradient, _) = run(Div, [1.0, 1.0], [0.0, 2.0])
    np.testing.assert_array_equal(value, [np.inf, 0.5])
    np.testing.assert_array_equal(gradient, [np.inf, 0.5])


def test_sigmoid_and_tanh_hold_for_a_thousand():
    for node_type, low in ((Sigmoid, 0.0), (Tanh, -1.0)):
        value, (gradient,) = run(node_type, [-1000.0, 1000.0])
        np.testing.assert_array_equal(value, [low, 1])
        np.testing.assert_array_equal(gradient, [0, 0])


def test_integer_arrays_are_data_like_any_other():
    value, (dx, dw, db) = run(Linear, np.arange(6).reshape(2, 3), np.ones((3, 1), int), [1])
    np.testing.assert_array_equal(value, [[4], [13]])
    assert all(g.dtype == float for g in (value, dx, dw, db))
    value, (gradient,) = run(elementwise_node("exp"), np.array([0, 1], dtype=np.uint8))
    np.testing.assert_allclose(value, [1, np.e])
    np.testing.assert_allclose(gradient, [1, np.e])


def test_single_precision_stays_single():
    x = np.ones((2, 3), dtype=np.float32)
    value, gradients = run(Linear, x, x.T, np.ones(2, dtype=np.float32))
    assert {a.dtype for a in (value, *gradients)} == {np.dtype(np.float32)}


# ── DummyGrad ──────────────────────────────────────────────────────────────────────────────────


def test_dummy_grad_sends_back_the_array_that_it_is_fed():
    x, seed = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, -1.0]])
    value, (gradient,) = run(elementwise_node("exp"), x, seed=seed)
    np.testing.assert_array_equal(gradient, seed * np.exp(x))
    np.testing.assert_array_equal(value, np.exp(x))


def test_dummy_grad_spreads_a_number():
    _, (gradient,) = run(Sigmoid, np.array([-10.0, 0, 10]), seed=0.5)
    np.testing.assert_allclose(gradient, [0, 0.125, 0], atol=1e-4)


def test_result_that_is_no_scalar_is_seeded_with_ones():
    x = Input()
    _, (gradient,) = value_and_grad(Sigmoid(x), {x: np.zeros((2, 2))}, [x])
    np.testing.assert_array_equal(gradient, np.full((2, 2), 0.25))


def test_dummy_grad_counts_though_the_node_before_it_is_asked_for():
    x = Input()
    f = Mul(x, x)
    dummy = DummyGrad(f)
    value, (gradient,) = value_and_grad(f, {x: 3.0, dummy: 0.5}, [x])
    assert (value, gradient) == (9, 3)


def test_dummy_grad_of_another_shape_is_an_error():
    with pytest.raises(SizeError, match=r"DummyGrad got a gradient of shape \(2,\) .* \(3,\)"):
        run(Sigmoid, np.zeros(3), seed=np.ones(2))


# ── the arrays that come back ──────────────────────────────────────────────────────────────────


def test_returned_arrays_belong_to_the_caller():
    x, y = Input(), Input()
    f = Add(x, y)
    x_value, y_value = np.ones(3), np.ones(3)
    first = value_and_grad(f, {x: x_value, y: y_value}, [x, y])
    kept = [a.copy() for a in (first[0], *first[1])]
    for array in (first[0], *first[1]):
        array *= 100
    second = value_and_grad(f, {x: x_value, y: y_value}, [x, y])
    for array, before in zip((second[0], *second[1]), kept, strict=True):
        np.testing.assert_array_equal(array, before)
    np.testing.assert_array_equal(x_value, np.ones(3))


def test_gradients_of_one_call_share_no_memory():
    x, y = Input(), Input()
    seed = np.ones(3)
    dummy = DummyGrad(Add(x, y))
    _, (dx, dy) = value_and_grad(dummy, {x: np.ones(3), y: np.ones(3), dummy: seed}, [x, y])
    assert not any(np.shares_memory(a, b) for a, b in ((dx, dy), (dx, seed), (dy, seed)))


def test_values_are_not_copied_on_the_way_in():
    x, data = Input(), np.ones(3)
    f = Sigmoid(x)
    assert value_and_grad(f, {x: data})[0].shape == (3,)
    assert x.value is data


# ── measures ────────────────────────────────────────────────────────────────────────────────────


def test_accuracy_counts_rows_whose_largest_logit_is_right():
    x, y = Input(), Input()
    loss = CrossEntropyWithSoftmax(x, y)
    logits = [[0.1, 0.2], [3.0, -1.0], [0.0, 5.0], [1.0, 0.0]]
    assert accuracy(loss, {x: logits, y: [1, 0, 0, 0]}) == 0.75
