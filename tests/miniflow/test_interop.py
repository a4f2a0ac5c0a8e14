"""The same graphs on the arrays of every library that follows the array API standard.

``array-api-strict`` has nothing but the standard, so it proves that the kernels need nothing else.
torch, JAX and Dask take part where they are installed (``make test-interop``).
"""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from scalargrad.errors import DomainError, OperandError, SizeError
from scalargrad.miniflow import (
    MSE,
    CrossEntropy,
    CrossEntropyWithSoftmax,
    DummyGrad,
    Input,
    Linear,
    Mean,
    Mul,
    ReLU,
    Sigmoid,
    Softmax,
    Sum,
    Tanh,
    accuracy,
    elementwise_node,
    forward_and_backward,
    sgd_update,
    topological_sort,
    value_and_grad,
)
from scalargrad.ops import PRIMITIVES

RNG = np.random.default_rng(0)

LIBRARIES = {
    "numpy": "numpy",
    "array_api_strict": "array_api_strict",
    "torch": "torch",
    "jax": "jax.numpy",
    "dask": "dask.array",
}


class Library:
    """Makes arrays of a library out of NumPy's, and the other way round."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.module = importlib.import_module(LIBRARIES[name])
        if name == "jax":
            importlib.import_module("jax").config.update("jax_enable_x64", True)

    def array(self, array):
        if self.name == "dask":
            return self.module.from_array(array, chunks=2)  # several chunks along each axis
        if self.name == "torch":
            return self.module.tensor(array)
        return self.module.asarray(array)

    def numpy(self, array):
        return np.asarray(array)


@pytest.fixture(params=LIBRARIES, scope="module")
def library(request):
    if request.param not in ("numpy", "array_api_strict"):
        pytest.importorskip(request.param)
    return Library(request.param)


def assert_same(library, node, feed_dict, wrt, rtol=1e-13):
    """Run a graph on a library's arrays and on NumPy's, and compare all that comes back."""
    expected, expected_gradients = value_and_grad(node, feed_dict, wrt)
    theirs = {x: library.array(array) for x, array in feed_dict.items()}
    value, gradients = value_and_grad(node, theirs, wrt)
    kind = type(library.array(np.ones(2)))
    for ours, answer in zip((value, *gradients), (expected, *expected_gradients), strict=True):
        if library.name != "numpy":  # whose scalars have a type of their own
            assert isinstance(ours, kind)
        assert tuple(ours.shape) == answer.shape
        assert library.numpy(ours).dtype == answer.dtype
        np.testing.assert_allclose(library.numpy(ours), answer, rtol=rtol, atol=1e-15)


def inputs(names):
    return [Input(name) for name in names.split()]


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive(library, name):
    operands = [Input() for _ in PRIMITIVES[name].partials]
    values = [RNG.uniform(0.1, 0.9, size=shape) for shape in ((3, 4), (4,), (3, 1))]
    feed_dict = dict(zip(operands, values, strict=False))
    assert_same(library, elementwise_node(name)(*operands), feed_dict, operands)


@pytest.mark.parametrize("name", [n for n in PRIMITIVES if n not in ("asin", "acos")])
@pytest.mark.filterwarnings("error")
def test_every_primitive_at_the_kinks(library, name):
    row = PRIMITIVES[name]
    operands = [Input() for _ in row.partials]
    values = [np.array([1.0, x]) for x in row.example]
    feed_dict = dict(zip(operands, values, strict=False))
    assert_same(library, elementwise_node(name)(*operands), feed_dict, operands)


@pytest.mark.parametrize("bias_shape", [(2,), (1, 2)])
def test_two_layers_and_softmax_cross_entropy(library, bias_shape):
    x, w1, b1, w2, b2, y = inputs("x w1 b1 w2 b2 y")
    loss = CrossEntropyWithSoftmax(Linear(Sigmoid(Linear(x, w1, b1)), w2, b2), y)
    feed_dict = {
        x: RNG.normal(size=(5, 3)),
        w1: RNG.normal(size=(3, 4)),
        b1: RNG.normal(size=4),
        w2: RNG.normal(size=(4, 2)),
        b2: RNG.normal(size=bias_shape),
        y: np.array([0, 1, 1, 0, 1], dtype=np.int8),
    }
    assert_same(library, loss, feed_dict, [x, w1, b1, w2, b2])
    theirs = {node: library.array(array) for node, array in feed_dict.items()}
    assert accuracy(loss, theirs) == accuracy(loss, feed_dict)


def test_softmax_and_cross_entropy_hold_for_extremes(library):
    x, t, y = inputs("x t y")
    logits = np.array([[1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -1000.0]])
    feed_dict = {x: logits, t: np.array([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])}
    assert_same(library, Mean(CrossEntropy(Softmax(x), t)), feed_dict, [x, t])
    loss = CrossEntropyWithSoftmax(x, y)
    assert_same(library, loss, {x: logits, y: np.array([1, 2])}, [x])


def test_regression_with_relu_and_a_target_that_is_no_column(library):
    x, w1, b1, w2, b2, y = inputs("x w1 b1 w2 b2 y")
    loss = MSE(y, Linear(ReLU(Linear(x, w1, b1)), w2, b2))
    feed_dict = {
        x: RNG.normal(size=(5, 3)),
        w1: RNG.normal(size=(3, 4)),
        b1: RNG.normal(size=4),
        w2: RNG.normal(size=(4, 1)),
        b2: RNG.normal(size=1),
        y: RNG.normal(size=5),
    }
    assert_same(library, loss, feed_dict, [w1, b1, w2, b2, y])


@pytest.mark.parametrize("shapes", [((5, 3), (3,), ()), ((3,), (3, 2), (2,)), ((3,), (3,), ())])
def test_single_rows_and_columns(library, shapes):
    x, w, b = inputs("x w b")
    feed_dict = {
        node: RNG.normal(size=shape) for node, shape in zip((x, w, b), shapes, strict=True)
    }
    assert_same(library, Linear(x, w, b), feed_dict, [x, w, b])


def test_node_used_twice_and_sums_over_axes(library):
    (x,) = inputs("x")
    y = Tanh(x)
    for axis, keepdims in ((None, False), (0, False), (1, True)):
        result = Sum(Mul(y, y), axis, keepdims)
        assert_same(library, result, {x: RNG.normal(size=(3, 4))}, [x])


def test_dummy_grad_and_numbers_beside_arrays(library):
    x, k = inputs("x k")
    dummy = DummyGrad(Mul(x, k))
    array = RNG.normal(size=(3, 4))
    value, (dx, dk) = value_and_grad(dummy, {x: library.array(array), k: 2, dummy: 0.5}, [x, k])
    np.testing.assert_allclose(library.numpy(value), 2 * array)
    np.testing.assert_allclose(library.numpy(dx), np.ones((3, 4)))
    np.testing.assert_allclose(library.numpy(dk), 0.5 * array.sum())
    assert tuple(dk.shape) == ()


def test_integers_and_single_precision(library):
    x, w, b = inputs("x w b")
    linear = Linear(x, w, b)
    integers = {x: np.arange(6).reshape(2, 3), w: np.ones((3, 2)), b: np.ones(2)}
    assert_same(library, linear, integers, [w, b])
    single = {node: array.astype(np.float32) for node, array in integers.items()}
    assert_same(library, linear, single, [x, w, b], rtol=1e-6)


def test_training_in_the_first_style(library):
    x, w, b, y = inputs("x w b y")
    loss = MSE(y, Linear(x, w, b))
    data = RNG.normal(size=(20, 3))
    true = np.array([[1.0], [-2.0], [0.5]])
    feed_dict = {x: data, w: np.zeros((3, 1)), b: np.zeros(1), y: data @ true + 3.0}
    graph = topological_sort({node: library.array(a) for node, a in feed_dict.items()})
    for _ in range(100):
        forward_and_backward(graph)
        sgd_update([w, b], learning_rate=0.2)
    np.testing.assert_allclose(library.numpy(w.value), true, atol=1e-3)
    np.testing.assert_allclose(library.numpy(b.value), [3.0], atol=1e-3)
    assert float(loss.value) < 1e-5


def test_returned_arrays_belong_to_the_caller(library):
    x, y = inputs("x y")
    dummy = DummyGrad(Sum(Mul(x, y)))
    arrays = {x: library.array(np.ones(3)), y: library.array(np.ones(3)), dummy: 1.0}
    _, (first, _) = value_and_grad(dummy, arrays, [x, y])
    before = library.numpy(first).copy()
    first *= 100
    _, (second, _) = value_and_grad(dummy, arrays, [x, y])
    np.testing.assert_array_equal(library.numpy(second), before)


def test_errors_are_the_same(library):
    x, w, y = inputs("x w y")
    ones = library.array(np.ones((2, 3)))
    with pytest.raises(SizeError, match=r"got \(2, 3\) and \(2, 3\)"):
        value_and_grad(Linear(x, w, y), {x: ones, w: ones, y: ones})
    loss = CrossEntropyWithSoftmax(x, y)
    with pytest.raises(DomainError, match=r"needs labels from 0 to 2, .* got 0 to 3"):
        value_and_grad(loss, {x: ones, y: library.array(np.array([0, 3]))})
    with pytest.raises(OperandError, match="needs integers as labels"):
        value_and_grad(loss, {x: ones, y: library.array(np.array([0.0, 1.0]))})


def test_arrays_of_two_libraries_are_an_error():
    strict = Library("array_api_strict")
    x, y = inputs("x y")
    with pytest.raises(OperandError, match=r"^Mul needs arrays of one library, got numpy and"):
        value_and_grad(Mul(x, y), {x: np.ones(2), y: strict.array(np.ones(2))})


def test_dask_gives_the_gradient_of_an_array_larger_than_a_chunk_by_several_workers():
    dask = pytest.importorskip("dask")
    arrays = importlib.import_module("dask.array")
    x, w, b, y = inputs("x w b y")
    loss = CrossEntropyWithSoftmax(Linear(x, w, b), y)
    feed_dict = {
        x: RNG.normal(size=(1000, 8)),
        w: RNG.normal(size=(8, 3)),
        b: np.zeros(3),
        y: RNG.integers(0, 3, 1000),
    }
    expected, gradients = value_and_grad(loss, feed_dict, [w, b])
    chunked = {
        x: arrays.from_array(feed_dict[x], chunks=(100, 8)),
        w: arrays.from_array(feed_dict[w]),
        b: arrays.from_array(feed_dict[b]),
        y: arrays.from_array(feed_dict[y], chunks=100),
    }
    value, lazy = value_and_grad(loss, chunked, [w, b])
    found = dask.compute(value, *lazy, scheduler="threads", num_workers=4)
    for ours, answer in zip(found, (expected, *gradients), strict=True):
        np.testing.assert_allclose(ours, answer, rtol=1e-12)
