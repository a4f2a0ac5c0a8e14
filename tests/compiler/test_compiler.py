"""Compiled programs give what the scalars give: values, gradients, for one sample and for many."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import permutations

import numpy as np
import pytest
from compiled_graphs import (
    TOLERANCE,
    WORKLOADS,
    Graph,
    apply,
    check,
    classifier,
    hinge_loss,
    random_graphs,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import four_points, iris, moons, quadratic, tanh_neuron
from scalargrad import MLP, SGD, Value, check_gradients, debug, grad
from scalargrad import functional as F
from scalargrad.compiler import Program, compile
from scalargrad.compiler.cost import MACHINES
from scalargrad.errors import ChoiceError, DomainError, OperandError, SizeError
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


# ── the graphs of the examples, as these build them: whole batches, no inputs ──


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


# ── gradients of gradients ──


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


# ── structure ───────────────────────────────────────────────────────────────────────────────────


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


# ── the interface ───────────────────────────────────────────────────────────────────────────────


def small(machine: str = "auto") -> tuple[Program, list[Value], list[Value]]:
    x, p = [Value(1.0, label="x0"), Value(2.0, label="x1")], [Value(3.0), Value(4.0)]
    return compile(x[0] * p[0] + (x[1] * p[1]).tanh(), x, p, machine=machine), x, p


def test_returned_arrays_belong_to_the_caller() -> None:
    for program in (small()[0], compile(*hinge_loss()), compile(*classifier([4, 3]))):
        samples = np.random.default_rng(0).normal(size=(3, program._inputs))
        values, (_, gradient) = program(samples), program.value_and_grad(samples)
        copies = values.copy(), gradient.copy()
        program(samples + 1)
        program.value_and_grad(samples + 1)
        assert np.array_equal(values, copies[0])
        assert np.array_equal(gradient, copies[1])
        values[:], gradient[:] = 0.0, 0.0
        assert np.array_equal(program(samples), copies[0])
        assert np.array_equal(program.value_and_grad(samples)[1], copies[1])


def test_the_callers_samples_are_not_changed() -> None:
    program = compile(*hinge_loss())
    samples = np.random.default_rng(0).normal(size=(3, 3))
    before = samples.copy()
    program.value_and_grad(samples)
    assert np.array_equal(samples, before)


def test_outputs_have_the_documented_shapes() -> None:
    x = [Value(1.0), Value(2.0)]
    one, many = compile(x[0] * x[1], x), compile([x[0] * x[1], x[0] + x[1], x[1]], x)
    assert one([3.0, 4.0]) == 12.0
    assert isinstance(one([3.0, 4.0]), float)
    assert one([[3.0, 4.0], [1.0, 1.0]]).tolist() == [12.0, 1.0]
    assert many([3.0, 4.0]).tolist() == [12.0, 7.0, 4.0]
    assert many([[3, 4], [1, 1]]).tolist() == [[12.0, 7.0, 4.0], [1.0, 2.0, 1.0]]


def test_pull_and_push_move_the_parameters() -> None:
    program, _, p = small()
    p[0].data = 7.0
    assert program.parameters.tolist() == [3.0, 4.0]
    program.pull()
    assert program.parameters.tolist() == [7.0, 4.0]
    program.parameters -= 1.0
    program.push()
    assert [v.data for v in p] == [6.0, 3.0]
    assert program([1.0, 0.0]) == 6.0


SAMPLES = np.array([[1.0, 2.0], [3.0, -1.0]])


def test_values_that_an_optimiser_moves_have_to_be_pulled() -> None:
    """Descent on the array, or on the Values that are pulled, is the same; else it is an error."""
    program, _, _ = small()
    pulled, _, values = small()
    array, optimizer = SGD(program.parameters, 0.01), SGD(values, 0.01)
    for _ in range(3):
        loss, gradient = program.value_and_grad(SAMPLES)
        array.step(gradient)
        other, gradient = pulled.value_and_grad(SAMPLES)
        optimizer.step(gradient)
        assert loss == other
        pulled.pull()
    optimizer.step(pulled.value_and_grad(SAMPLES)[1])
    for _ in range(2):
        with pytest.raises(OperandError, match=r"an optimiser moved the Values.*program\.pull\(\)"):
            pulled.value_and_grad(SAMPLES)
        assert pulled(SAMPLES).shape == (2,)  # what it computes is what it has
    assert pulled.value_and_grad(SAMPLES, parameters=[v.data for v in values])[0] < loss
    pulled.pull()
    assert pulled.value_and_grad(SAMPLES)[0] < loss


@pytest.mark.parametrize("mend", ["pull", "push", "parameters", "back", "other"])
def test_a_program_that_was_told_where_to_be_goes_on(mend: str) -> None:
    program, _, values = small()
    other = [Value(1.0)]
    before = [v.data for v in values]
    SGD(other if mend == "other" else values, 0.1).step([1.0] * (1 if mend == "other" else 2))
    if mend in ("pull", "push"):
        getattr(program, mend)()
    if mend == "parameters":
        program.parameters += 1.0
    if mend == "back":
        for v, number in zip(values, before, strict=True):
            v.data = number
    for _ in range(2):
        assert math.isfinite(program.value_and_grad(SAMPLES)[0])


def test_other_leaves_keep_the_value_they_had() -> None:
    x, c = Value(1.0), Value(5.0)
    program = compile(x * c, [x])
    c.data = 6.0
    assert program([2.0]) == 10.0


def test_function_is_traced_with_the_inputs() -> None:
    x = [Value(0.0), Value(0.0)]
    assert compile(lambda v: v[0] * v[1] + 1, x)([2.0, 3.0]) == 7.0


def test_unused_parameter_has_gradient_zero() -> None:
    x, p, q = Value(1.0), Value(2.0), Value(3.0)
    _, gradient = compile(x * p, [x], [q, p]).value_and_grad([4.0])
    assert gradient.tolist() == [0.0, 4.0]


@pytest.mark.parametrize("machine_", MACHINES)
@pytest.mark.parametrize("order", [*permutations(range(4), 2), (3, 0, 2, 1), (0, 1, 2, 3)])
def test_a_leaf_may_be_fed_and_its_gradient_asked_for(machine_: str, order: list[int]) -> None:
    """Leaves 0 and 1 are fed; of these the gradient is that of the mean, as of parameters."""
    leaves = [Value(number) for number in (0.3, -0.4, 0.7, 1.2)]
    a, b, c, d = leaves
    output = (a * c + b * d).tanh() + a * b + (c * d).exp() + c * c
    wrt = [leaves[i] for i in order]
    program = compile(output, leaves[:2], wrt, machine=machine_)
    parameters = [p.data for p in wrt if p not in leaves[:2]]
    assert program.parameters.tolist() == parameters
    everything = compile(output, leaves, machine="tape")
    samples = np.random.default_rng(0).normal(size=(5, 2))
    full = np.column_stack([samples, np.tile([[c.data, d.data]], (5, 1))])
    each = np.array([eager_gradient(output, leaves, row, order) for row in full.tolist()])
    for fed, right in ((samples, each.mean(axis=0)), (samples[2], each[2])):
        value, gradient = program.value_and_grad(fed)
        np.testing.assert_allclose(gradient, right, **TOLERANCE)
        np.testing.assert_allclose(value, np.mean(program(fed)), **TOLERANCE)
    np.testing.assert_allclose(program.value_and_grad(samples[:1], "sum")[1], each[0], **TOLERANCE)
    np.testing.assert_allclose(
        program.value_and_grad(samples, "sum")[1], each.sum(axis=0), **TOLERANCE
    )
    np.testing.assert_allclose(
        program.jacobian(samples), everything.jacobian(full)[:, :2], **TOLERANCE
    )
    assert program.jacobian(samples, "parameters").shape == (5, len(parameters))
    assert check_gradients(program, samples) < 1e-7
    before = [leaf.data for leaf in leaves]
    program.push()
    assert [leaf.data for leaf in leaves] == before


def eager_gradient(
    output: Value, leaves: list[Value], numbers: list[float], order: Sequence[int]
) -> list[float]:
    before = [leaf.data for leaf in leaves]
    try:
        for leaf, number in zip(leaves, numbers, strict=True):
            leaf.data = number
        for node in compile(output, leaves)._scalars.nodes:
            node.grad = 0.0
            if node.primitive is not None:
                node.data = node.primitive.evaluate(*(one.data for one in node._prev))
        output.backward()
        return [leaves[i].grad for i in order]
    finally:
        for leaf, number in zip(leaves, before, strict=True):
            leaf.data = number


def test_parameters_can_be_given_in_a_call() -> None:
    program, _, p = small()
    samples, other = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([-0.5, 0.25])
    values, (value, gradient) = program(samples), program.value_and_grad(samples)
    found = program(samples, parameters=other), *program.value_and_grad(samples, parameters=other)
    assert np.array_equal(program(samples), values)  # they stay as they were
    assert program.value_and_grad(samples)[0] == value
    assert program.parameters.tolist() == [3.0, 4.0]
    for node, number in zip(p, other.tolist(), strict=True):
        node.data = number
    program.pull()
    assert np.array_equal(found[0], program(samples))
    assert found[1] == program.value_and_grad(samples)[0] != value
    assert np.array_equal(found[2], program.value_and_grad(samples)[1])
    assert not np.array_equal(found[2], gradient)


@pytest.mark.parametrize("kind", ["arrays", "tape"])
def test_a_call_with_given_parameters_leaves_the_programs_own_alone(kind: str) -> None:
    program, _, _ = small(kind)
    samples, other = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([-0.5, 0.25])
    expected = program(samples, parameters=other)
    program.parameters.flags.writeable = False  # threads that read them see no others meanwhile
    assert np.array_equal(program(samples, parameters=other), expected)
    assert np.isfinite(program.value_and_grad(samples, parameters=other)[0])
    assert program.parameters.tolist() == [3.0, 4.0]


def test_integers_and_single_precision_are_computed_in_double_precision() -> None:
    program, _, _ = small()
    expected = program.value_and_grad([[1.0, 2.0], [3.0, 4.0]])
    for kind in (int, np.int8, np.float32, object):
        value, gradient = program.value_and_grad(np.array([[1, 2], [3, 4]], kind))
        assert value == expected[0]
        assert np.array_equal(gradient, expected[1])


def test_samples_may_lie_in_memory_in_any_way() -> None:
    program = compile(*hinge_loss())
    samples = np.random.default_rng(0).normal(size=(6, 3))
    expected = program.value_and_grad(samples)
    wide = np.zeros((12, 6))
    wide[::2, ::2] = samples
    frozen = samples.copy()
    frozen.flags.writeable = False
    for other in (np.asfortranarray(samples), wide[::2, ::2], samples[::-1], frozen):
        value, gradient = program.value_and_grad(other)
        np.testing.assert_allclose(value, expected[0], **TOLERANCE)
        np.testing.assert_allclose(gradient, expected[1], **TOLERANCE)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        compile(*hinge_loss()).value_and_grad(np.zeros((2, 3)))
        assert gc.isenabled() == enabled
        with pytest.raises(OperandError):
            compile(branching, [X0])
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_threads_may_run_the_same_program() -> None:
    program = compile(*hinge_loss())
    batches = [np.random.default_rng(i).normal(size=(200, 3)) for i in range(8)]
    expected = [program.value_and_grad(batch) for batch in batches]

    def run(i: int) -> bool:
        answers = [program.value_and_grad(batches[i]) for _ in range(50)]
        return all(v == expected[i][0] and np.array_equal(g, expected[i][1]) for v, g in answers)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(8)))


def test_division_by_a_number_whose_inverse_is_too_large() -> None:
    x, w = Value(1.0), Value(1.0)
    for divisor in (1e-310, 1e-300, 1e300):
        program = compile(x * w / divisor, [x], [w])
        for samples in ([1e-320], [[1e-320], [2e-320]]):
            assert np.ravel(program(samples))[0] == pytest.approx(1e-320 / divisor, rel=1e-12)


def test_what_is_not_a_number_is_not_lost_by_a_factor_of_zero() -> None:
    x, w = Value(1.0), Value(2.0)
    for output in (x * w * 0.0 + w, (x * 0.0 + w) * w, F.sum([0.0 * x, w, 0.0 * w, x * w])):
        program = compile(output, [x], [w])
        for samples in ([math.nan], [[math.nan], [1.0]], [math.inf]):
            assert np.isnan(np.ravel(program(samples))[0]) or samples == [math.inf]
            assert not np.isfinite(program.value_and_grad(samples)[0])


def test_cross_entropy_of_no_probability_is_nan_later() -> None:
    p = Value(0.5, label="p")
    program = compile(F.binary_cross_entropy([p], [1.0]), [p])
    assert program([0.0]) == 100.0
    assert math.isnan(program([-0.5]))
    assert np.isnan(program([[-0.5], [1.5], [0.5]])).tolist() == [True, True, False]
    assert "clamped log" in str(program.first_nonfinite([[0.5], [-0.5]]))


def test_batch_size_may_change_between_calls() -> None:
    program = compile(*hinge_loss())
    samples = np.random.default_rng(0).normal(size=(7, 3))
    whole = program(samples)
    for size in (3, 7, 1, 3):
        np.testing.assert_allclose(program(samples[:size]), whole[:size], **TOLERANCE)


# ── errors ──────────────────────────────────────────────────────────────────────────────────────


def custom() -> Value:
    out = Value(1.0, (Value(2.0),), "cube", label="c")
    out._backward = lambda: None
    return out


def branching(v: list[Value]) -> Value:
    return v[0] if v[0] * 2 > 1 else -v[0]


def truthy(v: list[Value]) -> Value:
    return v[0].relu() or v[0]


def stale() -> Program:
    constant = Value(1.0)
    logarithm = constant.log()
    logarithm.label, constant.data = "c", -1.0
    return compile(logarithm * X0, [X0])


X0, X1 = Value(1.0, label="x"), Value(2.0, label="x1")
ERRORS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "input is no leaf": (lambda: compile(X0 * 2, [X0 * 2]), OperandError, "only leaves can be fed"),
    "input does not reach": (
        lambda: compile(X0 * 2, [X0, Value(1.0, label="lost")]),
        SizeError,
        "'lost', input 1, does not reach the output",
    ),
    "fed twice": (lambda: compile(X0 * 2, [X0, X0]), OperandError, "'x' is an input .number 1.*"),
    "asked twice": (lambda: compile(X0 * 2, [X0], [X0, X0]), OperandError, "'x' is in wrt .*once"),
    "wrt is no leaf": (lambda: compile(X0 * 2, [], [X0 * 2]), OperandError, "has operands"),
    "no output": (lambda: compile([], []), SizeError, "at least one output"),
    "output is a number": (lambda: compile([1.0], []), OperandError, "are Values"),
    "op by hand": (
        lambda: compile(custom() * 2, []),
        OperandError,
        r"cube \(node 'c'\) is an operation defined by hand at .*test_compiler.py:\d+",
    ),
    "branch on derived": (
        lambda: compile(branching, [X0]),
        OperandError,
        r"comparison is asked for at .*test_compiler.py:\d+",
    ),
    "branch on truth": (lambda: compile(truthy, [X0]), OperandError, "its truth is asked for at"),
    "float of derived": (
        lambda: compile(lambda v: v[0] * math.exp(v[0] * 2), [X0]),
        OperandError,
        r"cannot follow \* \(node with data 2.0\) into a Python number: it is .*compiler.py:\d+",
    ),
    "int": (
        lambda: compile(lambda v: v[0] * int(v[0]), [X0]),
        OperandError,
        "into a Python number",
    ),
    "round": (
        lambda: compile(lambda v: v[0] * round(v[0]), [X0]),
        OperandError,
        "into a Python number",
    ),
    "largest": (lambda: compile(lambda v: max(v[0], v[1]), [X0, X1]), OperandError, "branch on"),
    "wrong width": (
        lambda: compile(X0 * 2, [X0])([1.0, 2.0]),
        SizeError,
        r"\(1,\) or \(batch, 1\), got \(2,\)",
    ),
    "no batch": (lambda: compile(X0 * 2, [X0])(), SizeError, "has 1 input, got none"),
    "needless batch": (lambda: compile(X0 * 2, [])([1.0]), SizeError, "has no inputs"),
    "text": (lambda: compile(X0 * 2, [X0])(["a"]), OperandError, "array of real numbers"),
    "empty batch": (
        lambda: compile(X0 * 2, [X0]).value_and_grad(np.zeros((0, 1))),
        SizeError,
        "at least one sample",
    ),
    "two outputs": (
        lambda: compile([X0, X0], [X0]).value_and_grad([1.0]),
        SizeError,
        "one output, got 2",
    ),
    "reduction": (
        lambda: compile(X0 * 2, [X0]).value_and_grad([1.0], reduction="max"),
        ChoiceError,
        "mean, sum, got 'max'",
    ),
    "complex": (
        lambda: compile(X0 * 2, [X0])([1j]),
        OperandError,
        "real numbers: it holds complex128",
    ),
    "text as parameters": (
        lambda: setattr(compile(X0 * 2, [], [X0]), "parameters", ["a"]),
        OperandError,
        "array of real numbers: it holds texts, such as 'a'",
    ),
    "targets instead of a reduction": (
        lambda: compile(X0 * 2, [X0]).value_and_grad([[1.0]], np.ones(3)),
        OperandError,
        "each sample carries its targets as its last inputs, as in np.column_stack.* got ndarray",
    ),
    "no reduction": (
        lambda: compile(X0 * 2, [X0]).value_and_grad([1.0], None),
        OperandError,
        "takes one array.* got NoneType beside",
    ),
    "missing": (
        lambda: compile(X0 * 2, [X0]).value_and_grad([[1.0], [None]]),
        OperandError,
        "a program takes an array of real numbers: it holds None in row 1: leave out",
    ),
    "missing parameter": (
        lambda: compile(X0 * 2, [], [X0])(parameters=[None]),
        OperandError,
        "it holds None in row 0",
    ),
    "inputs are one Value": (
        lambda: compile(X0 * 2, X0),
        OperandError,
        "inputs is a list of leaf Values, got Value.*: put it into a list",
    ),
    "inputs are samples": (
        lambda: compile(MLP(2, [1]), np.ones((3, 2))),
        OperandError,
        r"inputs is a list of leaf Values, of one sample, got one that holds ndarray array.*"
        r"numbers of all samples at once, as in program\(X\)$",
    ),
    "inputs are numbers": (
        lambda: compile(MLP(2, [1]), [1.0, 2.0]),
        OperandError,
        "inputs is a list of leaf Values, of one sample, got one that holds float 1.0",
    ),
    "parameters are a method": (
        lambda: compile(X0 * 2, [X0], MLP(1, [1]).parameters),
        OperandError,
        "wrt is a list of leaf Values, got <bound method.*: call it",
    ),
    "parameters are a model": (
        lambda: compile(X0 * 2, [X0], MLP(1, [1])),
        OperandError,
        r"wrt is a list of leaf Values, got MLP .*: write model.parameters\(\)$",
    ),
    "no graph": (lambda: compile(3.0, [X0]), OperandError, "of compile are a Value or a list"),
    "function of a number": (
        lambda: compile(lambda _: 3.0, [X0]),
        OperandError,
        "outputs of the function are a Value or a list, got 3.0",
    ),
    "function of nothing": (lambda: compile(lambda _: None, [X0]), OperandError, "got None"),
    "lists in a list": (lambda: compile([[X0]], [X0]), OperandError, r"are Values, got \[Value"),
    "constant out of its domain": (
        stale,
        DomainError,
        r"log \(node 'c'\) is a constant, and cannot be computed: math domain error",
    ),
    "copy": (lambda: copy.deepcopy(compile(X0 * 2, [X0])), OperandError, "compile the graph once"),
    "pickle": (lambda: pickle.dumps(compile(X0 * 2, [X0])), OperandError, "cannot be copied"),
    "given parameters": (
        lambda: compile(X0 * 2, [X0], [X1])([1.0], parameters=[1.0, 2.0]),
        SizeError,
        r"has 1 parameter, got an array of shape \(2,\)",
    ),
    "parameters": (
        lambda: setattr(compile(X0 * 2, [], [X0]), "parameters", [1.0, 2.0]),
        SizeError,
        "has 1 parameter",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_says_what_is_wrong_when(name: str) -> None:
    call, kind, text = ERRORS[name]
    with pytest.raises(kind, match=text):
        call()


@pytest.mark.parametrize("function", [lambda x: x * 2, lambda x: 2 * x, lambda x: x.tanh()])
def test_function_of_a_single_value_is_told_that_it_gets_a_list(function: Callable) -> None:
    with pytest.raises(OperandError, match=r"gets one list of all inputs, as in lambda x: x\[0\]"):
        compile(function, [Value(1.0)])


@pytest.mark.parametrize("function", [lambda a, b: a * b, lambda a, b, c=1: a * b * c])
def test_function_of_several_values_is_told_that_it_gets_a_list(function: Callable) -> None:
    message = r"gets one list of all inputs, and takes 2 arguments: .* lambda x: f\(\*x\)"
    with pytest.raises(OperandError, match=message):
        compile(function, [Value(1.0), Value(2.0)])
    with pytest.raises(OperandError, match=message):
        check_gradients(function, [1.0, 2.0])
    assert check_gradients(lambda x: function(*x), [1.0, 2.0]) < 1e-9


@pytest.mark.parametrize(
    "function",
    [
        lambda x, scale=2.0: x[0] * scale,
        lambda *x: x[0][0] * 2,
        partial(lambda k, x: x[0] * k, 2.0),
    ],
)
def test_function_of_a_list_may_have_more_parameters(function: Callable) -> None:
    assert compile(function, [Value(1.0)])([1.5]) == 3.0
    assert check_gradients(function, [1.0]) < 1e-9


def test_comparisons_work_again_after_a_traced_branch() -> None:
    with pytest.raises(OperandError):
        compile(branching, [X0])
    assert Value(2.0) > 1.0
    assert bool(Value(2.0))
    assert round(Value(2.2)) == 2
    with pytest.raises(OperandError, match=r"write value\.sqrt\(\)"):
        math.sqrt(Value(4.0))


def test_errors_name_the_source_line_while_debugging() -> None:
    with debug():
        x = Value(1.0, label="x")
        y = x * 2
    with pytest.raises(OperandError, match=r"\* \(node with data 2.0, made in .*: y = x \* 2\)"):
        compile(y + 1, [y])
    with pytest.raises(SizeError, match=r"the leaf 'x' \(made in .*test_compiler.py:\d+: x = V"):
        compile(Value(1.0) * 2, [x])


def test_first_nonfinite_names_operation_label_and_sample() -> None:
    x = Value(3.0, label="x")
    y = (x - 1.0).log()
    y.label = "y"
    program = compile(y * 2, [x])
    assert program.first_nonfinite([[2.0], [3.0]]) is None
    assert program.first_nonfinite([[2.0], [1.0]]) == (
        "log (node 'y') of 0.0 is not finite, in sample 1"
    )
    assert "the leaf 'x' is not finite" in str(program.first_nonfinite([math.inf]))


def test_single_sample_outside_of_the_domain_gives_what_an_array_gives() -> None:
    x = Value(1.0)
    program = compile(x.log(), [x])
    assert program([0.0]) == -math.inf
    assert math.isnan(program([-1.0]))
    assert compile(x.exp(), [x])([1000.0]) == math.inf


def test_compile_without_inputs_says_what_to_write():
    with pytest.raises(
        OperandError, match=r"those that are fed: compile\(L, \[a, b\]\); \[\] if none"
    ):
        compile(Value(1.0) * 2)


@pytest.mark.parametrize("machine", MACHINES)
def test_no_samples_have_no_outputs_on_any_machine(machine):
    x, y = Value(1.0), Value(2.0)
    none = np.empty((0, 2))
    assert compile(x * y + x.relu(), [x, y], machine=machine)(none).shape == (0,)
    assert compile([x * y, x / y], [x, y], machine=machine)(none).shape == (0, 2)


def test_function_that_takes_nothing_is_told_what_it_gets() -> None:
    with pytest.raises(OperandError, match=r"gets one list of all inputs, and takes no arguments$"):
        compile(lambda: X0 * 2, [X0, X1])  # type: ignore[arg-type, misc]
