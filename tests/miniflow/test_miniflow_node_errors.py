"""What a node says of operands that do not fit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from nodes import run

from scalargrad.errors import DomainError, OperandError, SizeError
from scalargrad.miniflow import (
    MSE,
    Add,
    BiasAdd,
    CrossEntropy,
    CrossEntropyWithSoftmax,
    GraphError,
    Input,
    Linear,
    MatMul,
    Mean,
    Mul,
    Sigmoid,
    Softmax,
    Sub,
    Sum,
    accuracy,
    check_node_gradients,
    elementwise_node,
    forward_and_backward,
    topological_sort,
    value_and_grad,
)
from scalargrad.ops import PRIMITIVES


@pytest.mark.parametrize(
    ("node_type", "shapes", "sentence"),
    [
        (Linear, [(4, 3), (2, 5), (5,)], r"^Linear 'f' needs .*, got \(4, 3\) and \(2, 5\)$"),
        (Linear, [(4, 3), (3, 5), (4,)], r"^Linear 'f' .* \(5,\) or \(1, 5\), got \(4,\)$"),
        (Linear, [(4, 3), (3, 5), (4, 5)], r"^Linear 'f' needs a bias .*, got \(4, 5\)$"),
        (Linear, [(4, 3), (3,), (3,)], r"^Linear 'f' needs a bias .*, got \(3,\)$"),
        (MatMul, [(4, 3), (4, 3)], r"^MatMul 'f' needs .*, got \(4, 3\) and \(4, 3\)$"),
        (MatMul, [(), (4, 3)], r"^MatMul 'f' needs .*, got \(\) and \(4, 3\)$"),
        (BiasAdd, [(4, 3), (4,)], r"^BiasAdd 'f' needs .* \(3,\) or \(1, 3\), got \(4,\)$"),
        (Add, [(4, 3), (2, 3)], r"^Add 'f' needs .*, got \(4, 3\) and \(2, 3\)$"),
        (Sub, [(4,), (3,)], r"^Sub 'f' needs .*, got \(4,\) and \(3,\)$"),
        (MSE, [(4, 1), (4, 2)], r"^MSE 'f' needs .*, got \(4, 1\) and \(4, 2\)$"),
        (MSE, [(4,), (1, 4)], r"^MSE 'f' needs .*, got \(4,\) and \(1, 4\)$"),
        (CrossEntropy, [(4, 2), (2, 4)], r"^CrossEntropy 'f' .*, got \(4, 2\) and \(2, 4\)$"),
        (Softmax, [()], r"^Softmax 'f' needs rows of logits, got an array of shape \(\)$"),
    ],
)
def test_shapes_that_do_not_fit_are_named_with_the_node(node_type, shapes, sentence):
    with pytest.raises(SizeError, match=sentence):
        run(node_type, *map(np.ones, shapes), name="f")


EMPTY = {
    "Mean": (Mean, [(0, 3)]),
    "Sum": (Sum, [(0, 3)]),
    "Softmax": (Softmax, [(0, 3)]),
    "Softmax without classes": (Softmax, [(3, 0)]),
    "MatMul": (MatMul, [(0, 3), (3, 2)]),
    "BiasAdd": (BiasAdd, [(0, 3), (3,)]),
    "Linear": (Linear, [(0, 3), (3, 2), (2,)]),
    "Linear of nothing": (Linear, [(2, 0), (0, 2), (2,)]),
    "MSE": (MSE, [(0,), (0,)]),
    "MSE of columns": (MSE, [(0, 1), (0, 1)]),
    "MSE of predictions": (MSE, [(3,), (0,)]),
    "CrossEntropy": (CrossEntropy, [(0, 3), (0, 3)]),
    "CrossEntropyWithSoftmax": (CrossEntropyWithSoftmax, [(0, 3), (0,)]),
    "CrossEntropyWithSoftmax without classes": (CrossEntropyWithSoftmax, [(2, 0), (2,)]),
    **{
        name: (elementwise_node(name), [(0, 3)] * len(PRIMITIVES[name].partials))
        for name in PRIMITIVES
    },
}


@pytest.mark.parametrize("make", [np.ones, lambda shape: np.ones(shape).tolist()])
@pytest.mark.parametrize("kind", EMPTY)
def test_an_empty_batch_is_an_error(kind, make):
    node_type, shapes = EMPTY[kind]
    inputs = [Input() for _ in shapes]
    node = node_type(*inputs, name="f")
    feed_dict = dict(zip(inputs, map(make, shapes), strict=True))
    got = re.escape(
        str(next(np.shape(value) for value in feed_dict.values() if not np.size(value)))
    )
    sentence = rf"^{type(node).__name__} 'f' needs at least one element, got .* of shape {got}$"
    for runs in (value_and_grad, check_node_gradients):
        with pytest.raises(SizeError, match=sentence):
            runs(node, feed_dict)
    with pytest.raises(SizeError, match=sentence):
        forward_and_backward(topological_sort(feed_dict))


def test_a_batch_that_becomes_empty_is_an_error():
    x, y = Input(), Input()
    loss = CrossEntropyWithSoftmax(x, y)
    for _ in range(3):
        value_and_grad(loss, {x: np.ones((2, 3)), y: [0, 1]}, [x])
    for runs in (value_and_grad, accuracy):
        with pytest.raises(SizeError, match=r"^CrossEntropyWithSoftmax needs at least one element"):
            runs(loss, {x: np.ones((0, 3)), y: []})


def test_sum_over_an_axis_that_is_not_there_is_an_error():
    with pytest.raises(SizeError, match=r"^Sum sums over axis 2, got an array of shape \(4, 3\)$"):
        run(Sum, np.ones((4, 3)), axis=2)


LOGITS = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("labels", "error", "sentence"),
    [
        ([0, 3], DomainError, r"needs labels from 0 to 2, .* \(2, 3\), got 0 to 3$"),
        ([-1, 2], DomainError, r"needs labels from 0 to 2, .* \(2, 3\), got -1 to 2$"),
        ([0.0, 1.0], OperandError, r"needs integers as labels, got an array of float64$"),
        ([0, 1, 2], SizeError, r"labels of shape \(m,\), got \(2, 3\) and \(3,\)$"),
        ([[0, 1]], SizeError, r"labels of shape \(m,\), got \(2, 3\) and \(1, 2\)$"),
    ],
)
def test_wrong_labels_are_an_error(labels, error, sentence):
    x, y = Input(), Input()
    loss = CrossEntropyWithSoftmax(x, y, name="loss")
    with pytest.raises(error, match="^CrossEntropyWithSoftmax 'loss' .*" + sentence):
        value_and_grad(loss, {x: LOGITS, y: labels}, [x])


def test_operand_that_is_no_node_is_an_error():
    with pytest.raises(OperandError, match="the operands of Add are nodes, got 2"):
        Add(Input(), 2)


@pytest.mark.parametrize(
    ("kind", "count", "sentence"),
    [
        (Sigmoid, 2, "Sigmoid takes 1 operand, got 2"),
        (Sub, 3, "Sub takes 2 operands, got 3"),
        (Add, 1, "Add takes 2 operands or more, got 1"),
        (Mul, 0, "Mul takes 2 operands or more, got 0"),
    ],
)
def test_wrong_number_of_operands_is_an_error(kind, count, sentence):
    with pytest.raises(OperandError, match=f"^{sentence}$"):
        kind(*(Input() for _ in range(count)))


@pytest.mark.parametrize("value", ["abc", [1j], [None]])
def test_values_that_are_no_numbers_are_an_error(value):
    x = Input("x")
    with pytest.raises(OperandError, match=r"^Sigmoid 's' needs real numbers, got an array of"):
        value_and_grad(Sigmoid(x, name="s"), {x: value})


def test_node_without_a_value_is_named():
    f = Sigmoid(Add(Input(), Input()), name="s")
    with pytest.raises(GraphError, match="Sigmoid 's' needs the value of Add: it has none"):
        f.forward()
