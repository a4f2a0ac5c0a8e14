"""Compiled programs give what the scalars give: values, gradients, for one sample and for many."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from compiled_graphs import TOLERANCE, WORKLOADS, Graph, apply, check, classifier, random_graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import four_points, iris, moons, quadratic, tanh_neuron
from scalargrad import MLP, Value, grad
from scalargrad import functional as F
from scalargrad.compiler import compile
from scalargrad.ops import PRIMITIVES


@pytest.mark.parametrize("name", WORKLOADS)
def test_program_equals_scalars_for_workload(name: str) -> None:
    graph = WORKLOADS[name]()
    samples = np.random.default_rng(0).normal(size=(5, len(graph[1])))
    check(graph, samples)


def test_softmax_is_stable_for_huge_logits() -> None:
    graph = classifier([2, 3])
    for p, number in zip(graph[2], [1000, 0, 0, -1000, 0, 0, 0, 1000, 0], strict=True):
        p.data = float(number)
    check(graph, np.array([[1, 1, 1, 0, 0], [-1, 1, 0, 1, 0], [1, -1, 0, 0, 1]], float))


# ── the graphs of the examples, as these build them: whole batches, no inputs ───────────────────


def quadratic_loss() -> tuple[Value, list[Value]]:
    xs = [-5 + i / 4 for i in range(40)]
    ys = [quadratic.quadratic(x) for x in xs]
    model = quadratic.Model(16, 0, ys)
    return model.loss(xs, ys), model.network.parameters()


def four_points_loss() -> tuple[Value, list[Value]]:
    model = MLP(3, [4, 4, 1], output="tanh", seed=0)
    return F.mse([model(x) for x in four_points.XS], four_points.YS), model.parameters()


def iris_loss() -> tuple[Value, list[Value]]:
    train, _ = iris.load(("versicolor", "virginica"), seed=0)
    classifier = iris.Classifier(train, seed=0)
    loss = F.binary_cross_entropy([classifier(x) for x in train.x], train.y)
    return loss, classifier.network.parameters()


def moons_loss() -> tuple[Value, list[Value]]:
    x, y = moons.data(30, 0.1, seed=0)
    model = MLP(2, [16, 16, 1], activation="relu", init="he", seed=0)
    penalty = moons.L2 * F.sum(p * p for p in model.parameters())
    return F.hinge([model(row) for row in x], y) + penalty, model.parameters()


def tanh_neuron_output() -> tuple[Value, list[Value]]:
    neuron = tanh_neuron.build(tanh_neuron.LECTURE)
    return neuron.o, [neuron.x1, neuron.x2, neuron.w1, neuron.w2, neuron.b]


EXAMPLES = [quadratic_loss, four_points_loss, iris_loss, moons_loss, tanh_neuron_output]


@pytest.mark.parametrize("build", EXAMPLES)
def test_program_equals_scalars_for_the_example(
    build: Callable[[], tuple[Value, list[Value]]],
) -> None:
    output, wrt = build()
    program = compile(output, [], wrt)
    value, gradient = program.value_and_grad()
    output.backward()
    np.testing.assert_allclose(value, output.data, **TOLERANCE)
    np.testing.assert_allclose(gradient, [p.grad for p in wrt], **TOLERANCE)
    assert len(str(program).splitlines()) <= 13


# ── every primitive ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", PRIMITIVES)
def test_program_equals_scalars_for_primitive(name: str) -> None:
    row = PRIMITIVES[name]
    inputs = [Value(x) for x in row.example]
    scale = Value(0.9)
    operands = [scale * x for x in inputs]
    if name == "pow_number":
        operands = [operands[0], Value(2.5)]
        inputs = inputs[:1]
    graph = apply(name, *operands), inputs, [scale]
    samples = [[x * factor for x in row.example[: len(inputs)]] for factor in (1.0, 0.8, 0.9)]
    check(graph, np.array(samples))


@pytest.mark.parametrize("name", PRIMITIVES)
def test_program_equals_scalars_for_rows_of_primitive(name: str) -> None:
    row = PRIMITIVES[name]
    columns = [[Value(x, label=f"{i}") for _ in range(6)] for i, x in enumerate(row.example)]
    scales = [Value(0.85 + 0.01 * i) for i in range(6)]
    groups = zip(*columns, strict=True)
    results = [
        apply(name, *[s * x for x in group]) for s, group in zip(scales, groups, strict=True)
    ]
    inputs = [x for column in columns for x in column]
    graph = F.sum(results), inputs, scales
    samples = np.array([[x.data * factor for x in inputs] for factor in (1.0, 0.95)])
    program = check(graph, samples)
    assert len(str(program.listing).splitlines()) <= 8


def test_every_second_scalar_of_a_block_that_ends_there_is_found() -> None:
    """The first and the third of three: no reshape makes these a row, so they are two pieces."""
    x, *p = (Value(number) for number in (0.5, 1.0, 2.0, 3.0))
    for wrt in (p, p[::-1]):
        check((p[0].logaddexp(p[2]) * x, [x], wrt), np.array([[0.5], [2.0]]))


# ── gradients of gradients ──────────────────────────────────────────────────────────────────────


def physics_informed() -> Graph:
    """u'' + u² of a network, and the gradient of its square."""
    model, x = MLP(1, [6, 6, 1], seed=0), Value(0.3)
    u = model([x])
    (du,) = grad(u, [x])
    (ddu,) = grad(du, [x])
    return (ddu + u**2) ** 2, [x], model.parameters()


def penalty_of_slopes() -> Graph:
    """The slope of a rectified network: another one on each side of a kink."""
    model, x = MLP(2, [5, 5, 1], activation="relu", seed=1), [Value(0.3), Value(-0.2)]
    slopes = grad(model(x), x)
    return F.sum(slope * slope for slope in slopes) + model(x).abs(), x, model.parameters()


@pytest.mark.parametrize("build", [physics_informed, penalty_of_slopes])
def test_program_equals_scalars_for_graphs_of_gradients(build: Callable[[], Graph]) -> None:
    graph = build()
    check(graph, np.random.default_rng(0).normal(size=(6, len(graph[1]))))


def test_a_traced_function_may_ask_for_gradients() -> None:
    x = Value(0.5)
    program = compile(lambda v: grad((v[0] ** 3).sqrt() + v[0].abs(), [v[0]])[0], [x])
    for a in (0.25, 2.0):
        assert program([a]) == pytest.approx(1.5 * a**0.5 + 1)


def test_choices_can_be_part_of_a_graph() -> None:
    x, y = Value(1.0), Value(2.0)
    larger = x.greater(y)
    output = larger * x.exp() + (1 - larger) * (y * y)  # exp(x) if x > y else y²
    samples = [[1.0, 2.0], [2.0, 1.0], [0.5, 0.5]]
    values = [math.exp(a) if a > b else b * b for a, b in samples]
    np.testing.assert_allclose(compile(output, [x, y])(samples), values)


# ── random graphs ───────────────────────────────────────────────────────────────────────────────


@settings(max_examples=150, deadline=None)
@given(random_graphs(), st.integers(1, 3), st.integers(0, 1000))
def test_program_equals_scalars_on_random_graphs(graph: Graph, batch: int, seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-2, 2, size=(batch, len(graph[1])))
    if graph[1]:
        check(graph, samples)
        return
    program = compile(*graph)
    graph[0].backward()
    value, gradient = program.value_and_grad()
    np.testing.assert_allclose(value, graph[0].data, **TOLERANCE)
    np.testing.assert_allclose(gradient, [p.grad for p in graph[2]], **TOLERANCE)


def two_offsets() -> Graph:
    """Sums of the same rows with different offsets, and one pair of rows that does not occur."""
    a, b = Value(0.3), Value(0.4)
    return F.sum([(2 - a).tanh(), (1 - a).tanh(), (a - 2).tanh(), (b - 2).tanh()]), [], [a, b]


def two_offsets_among_constants() -> Graph:
    """The same, where there are enough constants for a wrong place to hit one of them."""
    output, _, wrt = two_offsets()
    return F.sum(wrt[0].exp() ** (3.1 + 0.01 * k) for k in range(30)) + output, [], wrt


def affine_factors() -> Graph:
    a, b = Value(0.3), Value(0.4)
    return (2 * a + 1) * (2 * a + 2) * (b + 1) * (b * 2 + 5) + (a + 1), [], [a, b]


@pytest.mark.parametrize("build", [two_offsets, two_offsets_among_constants, affine_factors])
def test_sums_that_differ_in_their_offset_alone_are_all_there(build: Callable[[], Graph]) -> None:
    graph = build()
    value, gradient = compile(*graph).value_and_grad()
    graph[0].backward()
    np.testing.assert_allclose(value, graph[0].data, **TOLERANCE)
    np.testing.assert_allclose(gradient, [p.grad for p in graph[2]], **TOLERANCE)
    inputs = compile(graph[0], graph[2])
    np.testing.assert_allclose(inputs([p.data for p in graph[2]]), graph[0].data, **TOLERANCE)


@st.composite
def affine_graphs(draw: st.DrawFn) -> Graph:
    """Draw many small sums of few scalars, which is where rows and offsets coincide by chance."""
    leaves = [Value(0.3), Value(0.4), Value(0.5)][: draw(st.integers(2, 3))]
    fed = draw(st.integers(0, len(leaves)))
    nodes = list(leaves)
    for _ in range(draw(st.integers(1, 2))):
        rows = st.lists(st.sampled_from(nodes), min_size=1, max_size=2)
        sums = [
            draw(st.sampled_from([1.0, 2.0]))
            + draw(st.sampled_from([1.0, -1.0])) * F.sum(draw(rows))
            for _ in range(draw(st.integers(3, 6)))
        ]
        nodes = [*leaves, *(node.tanh() for node in sums)]
    return F.sum(nodes), leaves[:fed], leaves[fed:]


@settings(max_examples=300, deadline=None)
@given(affine_graphs(), st.integers(1, 3))
def test_program_equals_scalars_on_random_sums(graph: Graph, batch: int) -> None:
    output, inputs, wrt = graph
    if inputs:
        check(graph, np.random.default_rng(0).uniform(-1, 1, size=(batch, len(inputs))))
        return
    value, gradient = compile(*graph).value_and_grad()
    output.backward()
    np.testing.assert_allclose(value, output.data, **TOLERANCE)
    np.testing.assert_allclose(gradient, [p.grad for p in wrt], **TOLERANCE)


POWERS_OF_ZERO: list[Callable[[Value, Value, Value], Value]] = [
    lambda x, _y, _w: 0.5 / x**0,
    lambda x, _y, _w: 2.0 ** (x**0),
    lambda x, _y, _w: 2 / (x**0).exp(),
    lambda x, y, w: w / x**0 + w / y**0,
    lambda x, y, w: (2 / (x * w) ** 0).sin() * x + (2 / (y * w) ** 0).sin() * y,
]


@pytest.mark.parametrize("number", range(len(POWERS_OF_ZERO)))
def test_what_becomes_a_number_is_still_computed_for_each_sample(number: int) -> None:
    x, y, w = Value(0.5), Value(0.7), Value(2.0)
    z = POWERS_OF_ZERO[number](x, y, w)
    samples = np.array([[0.5, 0.3], [0.2, 0.1], [0.9, 1.0]])
    check((z + 0 * y + 0 * w, [x, y], [w]), samples)
    both = compile([z, z * y], [x, y], [], machine="arrays")(samples)
    assert both.shape == (3, 2)
    np.testing.assert_allclose(both[:, 1], both[:, 0] * samples[:, 1], rtol=1e-14)
