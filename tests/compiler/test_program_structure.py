"""What the compiler finds in a graph: products, sums and rows, in few operations."""

from __future__ import annotations

import random

import numpy as np
import pytest
from compiled_graphs import TOLERANCE, Graph, check

from scalargrad import MLP, Value
from scalargrad import functional as F
from scalargrad.compiler import compile


@pytest.mark.parametrize("sizes", [[2, 16, 16, 1], [3, 2], [4, 5, 6, 7, 3]])
def test_listing_has_one_matrix_product_for_each_layer(sizes: list[int]) -> None:
    model = MLP(sizes[0], sizes[1:], seed=0)
    x = [Value(0.0) for _ in range(sizes[0])]
    program = compile(model(x), x, model.parameters(), machine="arrays")
    assert str(program).count("@") == len(sizes) - 1
    assert str(program).count("tanh") == len(sizes) - 2


def test_logsumexp_is_one_operation() -> None:
    x = [Value(float(i)) for i in range(10)]
    assert "logsumexp(x)" in str(compile(F.logsumexp(x), x, machine="arrays"))


def test_unrolled_batch_has_the_products_of_the_batched_program() -> None:
    model = MLP(2, [16, 16, 1], activation="relu", seed=1)
    x, y = [Value(0.0), Value(0.0)], Value(0.0)
    generator = random.Random(0)
    points = [[generator.gauss(0, 1), generator.gauss(0, 1)] for _ in range(20)]
    labels = [generator.choice([-1, 1]) for _ in points]
    one = compile(F.hinge([model(x)], [y]), [*x, y], model.parameters())
    loss = F.hinge([model(point) for point in points], labels)
    unrolled = compile(loss, [], model.parameters())
    assert str(unrolled).count("@") == str(one).count("@") == 3
    value, gradient = one.value_and_grad([[*p, t] for p, t in zip(points, labels, strict=True)])
    found, unrolled_gradient = unrolled.value_and_grad()
    np.testing.assert_allclose(found, value, **TOLERANCE)
    np.testing.assert_allclose(unrolled_gradient, gradient, **TOLERANCE)
    loss.backward()
    np.testing.assert_allclose(gradient, [p.grad for p in model.parameters()], **TOLERANCE)


def test_two_models_unrolled_side_by_side_stay_products() -> None:
    models = [MLP(2, [3, 1], seed=seed) for seed in (0, 1)]
    points = [[0.1 * i, 1 - 0.2 * i] for i in range(8)]
    wrt = [p for model in models for p in model.parameters()]
    loss = F.mean((models[0](x) - models[1](x)) ** 2 for x in points)
    program = compile(loss, [], wrt)
    value, gradient = program.value_and_grad()
    loss.backward()
    np.testing.assert_allclose(value, loss.data, **TOLERANCE)
    np.testing.assert_allclose(gradient, [p.grad for p in wrt], **TOLERANCE)
    assert len(program.listing.operations) < 20


def test_attention_like_products_of_inputs_are_right() -> None:
    queries = [[Value(0.1 * i + j) for j in range(3)] for i in range(4)]
    keys = [[Value(0.2 * i - j) for j in range(3)] for i in range(5)]
    scale = Value(0.5)
    scores = [[F.dot(q, k) * scale for k in keys] for q in queries]
    output = F.sum(F.logsumexp(row) for row in scores)
    inputs = [x for row in (*queries, *keys) for x in row]
    samples = np.random.default_rng(0).normal(size=(3, len(inputs)))
    program = check((output, inputs, [scale]), samples)
    assert len(program.listing.operations) < 8


def convolution(side: int, filters: int) -> Graph:
    """A convolution by hand, 3×3, rectified, and a linear neuron on all of it."""
    generator, reach = random.Random(0), range(3)
    x = [[Value(0.1) for _ in range(side)] for _ in range(side)]
    kernels = [[Value(generator.uniform(-1, 1)) for _ in range(9)] for _ in range(filters)]
    biases = [Value(0.1 * i) for i in range(filters)]
    windows = [
        [x[i + a][j + b] for a in reach for b in reach]
        for i in range(side - 2)
        for j in range(side - 2)
    ]
    maps = [
        (F.dot(w, window) + b).relu()
        for w, b in zip(kernels, biases, strict=True)
        for window in windows
    ]
    head = MLP(len(maps), [1], seed=0)
    wrt = [*(p for w in kernels for p in w), *biases, *head.parameters()]
    return head(maps), [p for row in x for p in row], wrt


def test_convolution_is_a_few_operations_for_each_filter() -> None:
    lengths = []
    for filters in (1, 3):
        graph = convolution(7, filters)
        program = check(graph, np.random.default_rng(0).normal(size=(2, 49)))
        lengths.append(len(program.listing.operations))
    assert lengths[1] <= 3 * lengths[0] <= 12


def test_a_sum_names_each_scalar_once_and_in_its_place() -> None:
    x = [Value(0.1 * i) for i in range(8)]
    squares, cubes = [a * a for a in x], [a**3 for a in x]
    terms = [c for pair in zip(squares, cubes, strict=True) for c in pair]
    output = F.sum([*(2.0 * a for a in terms), *(-0.5 * a for a in squares), *terms[::-1]])
    program = check((output, x, []), np.random.default_rng(0).normal(size=(3, 8)))
    lines = str(program.listing).splitlines()
    assert len(lines) == 5
    assert lines[3].endswith("= sum([v0 v1] · constants(16,))")
