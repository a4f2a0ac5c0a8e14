"""The tape machine gives what the scalars give, numbers that are not finite too."""

from __future__ import annotations

import math
import random

import mpmath
import numpy as np
import pytest
from compiled_graphs import TOLERANCE, WORKLOADS, Graph, apply, check_on, eager, random_graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from tapes import pendulum, tape_of

from benchmarks import scalar_works
from benchmarks.peers.ours import FUNCTIONS
from benchmarks.works import Irregular, Work
from scalargrad import Value
from scalargrad import functional as F
from scalargrad.compiler import compile
from scalargrad.compiler.passes.flatten import unmerged
from scalargrad.compiler.passes.walk import ROWS, walk
from scalargrad.compiler.tape import TapeMachine, assemble, vector
from scalargrad.compiler.tape.assembly import PIECES, SMOOTH_MAX, SUM
from scalargrad.compiler.tape.straight import TERMS
from scalargrad.ops import PRIMITIVES

# ── values and gradients ────────────────────────────────────────────────────────────────────────


def of_rows(name: str, count: int) -> Graph:
    """Return a sum of one row of the table, of several scalars side by side."""
    row = PRIMITIVES[name]
    numbers = [[x * (1 - 0.03 * i) for x in row.example] for i in range(count)]
    inputs = [[Value(x) for x in group] for group in numbers]
    scale = Value(0.9)
    results = [apply(name, *[scale * x for x in group]) for group in inputs]
    return F.sum(results), [x for group in inputs for x in group], [scale]


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("name", PRIMITIVES)
def test_tape_equals_scalars_for_primitive(name: str) -> None:
    graph = of_rows(name, 3)
    if name == "pow_number":
        x, y = Value(1.1), Value(0.9)
        graph = (x * y) ** 2.5 + (x * y) ** 2 + (x + y) ** 3 + x**-1.0, [x], [y]
    traced = np.array([x.data for x in graph[1]])
    samples = np.array([traced * factor for factor in (1.0, 0.9, 0.95)])
    check_on("tape", graph, samples, *eager(graph, samples))


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("name", WORKLOADS)
def test_tape_equals_scalars_for_workload(name: str) -> None:
    graph = WORKLOADS[name]()
    samples = np.random.default_rng(0).normal(size=(5, len(graph[1])))
    check_on("tape", graph, samples, *eager(graph, samples))


@pytest.mark.usefixtures("language")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(random_graphs(), st.integers(1, 3), st.integers(0, 1000))
def test_tape_equals_scalars_on_random_graphs(graph: Graph, batch: int, seed: int) -> None:
    if graph[1]:
        samples = np.random.default_rng(seed).uniform(-2, 2, size=(batch, len(graph[1])))
        check_on("tape", graph, samples, *eager(graph, samples))


def sums(products: int, scaled: int, offset: float) -> Graph:
    """Return sums of terms that lie here and there, and of neighbours."""
    x, w = ([Value(0.1 * i + shift) for i in range(12)] for shift in (0.3, -0.2))
    generator = random.Random(products * 7 + scaled)
    outputs = []
    for order in (sorted, lambda numbers: generator.sample(list(numbers), len(numbers))):
        pairs = [w[i] * x[i] for i in order(range(products))]
        others = [2.5 * x[i] for i in order(range(scaled))]
        outputs.append((F.sum([*pairs, *others]) + offset).tanh())
    return F.sum(outputs), x, w


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("products", [0, 1, 2, 3, 4, 9, 12])
@pytest.mark.parametrize("scaled", [0, 1, 2, 3, 5])
def test_sums_of_any_length_are_right(products: int, scaled: int) -> None:
    if not products + scaled:
        return
    graph = sums(products, scaled, 0.25)
    graph = graph[0] + F.sum(0.0 * x for x in graph[1]), *graph[1:]
    samples = np.random.default_rng(0).normal(size=(4, 12))
    check_on("tape", graph, samples, *eager(graph, samples))


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("count", [TERMS - 1, TERMS, TERMS + 1, 3 * TERMS + 2])
def test_sums_of_more_terms_than_a_line_has(count: int) -> None:
    x, w = ([Value(0.01 * i + shift) for i in range(count)] for shift in (0.3, -0.2))
    pairs = [a * b for a, b in zip(w, random.Random(0).sample(x, count), strict=True)]
    graph = (F.sum([*pairs, *x[::3], *(-a for a in x[1::3])]) - 1.5).tanh() + F.sum(x) * 0.01, x, w
    samples = np.random.default_rng(0).normal(size=(3, count)) * 0.1
    check_on("tape", graph, samples, *eager(graph, samples))


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("number", [-0.5, -3.0, -0.0, math.inf, -math.inf, math.nan, 1e-320])
def test_constants_of_any_kind_are_operands(number: float) -> None:
    x, w, c = Value(0.5), Value(0.25), Value(number)
    graph = F.where((x - c).greater(w), x * w, w.max(c)) + x**2 - w, [x], [w]
    samples = np.array([[0.5], [-0.75]])
    check_on("tape", graph, samples, *eager(graph, samples))


@pytest.mark.usefixtures("language")
def test_arrays_of_adjoints_are_not_shared() -> None:
    """Where adjoints begin as the same array, what is added to one is not added to the others."""
    x = [Value(0.1 * i + 0.2) for i in range(4)]
    a, b = x[0] * x[1], x[1] * x[2]
    s = a + b
    graph = (s + a) * (s - b) + (s + x[3]).sin() - s + a.exp(), x[:1], x[1:]
    samples = np.random.default_rng(0).normal(size=(6, 1))
    check_on("tape", graph, samples, *eager(graph, samples))


@pytest.mark.usefixtures("language")
def test_what_depends_on_parameters_alone_has_a_gradient_in_batches() -> None:
    """The adjoint of such a scalar begins before it is known to differ from sample to sample."""
    x, p = Value(0.5), Value(0.3)
    inner = p.exp()
    product = inner * x
    graph = product.tanh() + product.sin() + inner.leaky_relu(), [x], [p]
    samples = np.array([[1.9], [0.4], [-1.0]])
    check_on("tape", graph, samples, *eager(graph, samples))


@pytest.mark.usefixtures("language")
def test_a_slope_of_zero_times_infinity_is_nan_as_it_is_eagerly() -> None:
    x, p = Value(0.5), Value(1e-200)
    graph = F.where((1 / p).greater(x), p, x) + x, [x], [p]
    samples = np.array([[0.5], [0.25]])
    values, gradient = eager(graph, samples)
    assert math.isnan(gradient[0])
    check_on("tape", graph, samples, values, gradient)


def test_products_of_neighbours_are_pieces() -> None:
    x, w = ([Value(0.1 * i) for i in range(16)] for _ in range(2))
    codes = tape_of((F.dot(w, x), x, w))._tape.tape.runs[:, 0].tolist()
    assert codes == [PIECES]
    scattered = F.dot(w, x[::2] + x[1::2][::-1])
    assert tape_of((scattered, x, w))._tape.tape.runs[:, 0].tolist() == [SUM]


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("far", [1e5, 1e6 - 1, 1e7, 1e15, -1e300])
def test_large_angles_are_exact_in_every_lane(far: float) -> None:
    x = Value(0.5)
    program = tape_of((F.sum([x.sin(), x.cos(), x.tan()]), [x], []))
    samples = [[far], [0.5], [-far], [0.0]]
    expected = [math.sin(a) + math.cos(a) + math.tan(a) for (a,) in samples]
    assert_allclose(program(samples), expected, rtol=1e-12)


# ── what is not finite ──────────────────────────────────────────────────────────────────────────
INFINITE = [-math.inf, math.inf, math.nan, 0.0, -0.0, -1.0, 1e300, -1e300, 1e-320, 5.0]


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize(
    "name", [name for name in PRIMITIVES if "y" not in PRIMITIVES[name].operands]
)
def test_numbers_beyond_the_domain_give_what_arrays_give(name: str) -> None:
    x = Value(PRIMITIVES[name].example[0])
    graph = apply(name, x * 1.0), [x], []
    samples = np.array(INFINITE)[:, None]
    with np.errstate(all="ignore"):
        arrays, tape = compile(*graph, machine="arrays"), tape_of(graph)
        expected = arrays(samples)
        assert_allclose(tape(samples), expected, rtol=1e-12)
        for sample, right in zip(samples, expected, strict=True):
            assert_allclose(tape(sample), right, rtol=1e-12)


@pytest.mark.usefixtures("language")
def test_logsumexp_of_infinities() -> None:
    x = [Value(0.1 * i) for i in range(4)]
    program = tape_of((F.logsumexp(x), [], x))
    inf = math.inf
    for numbers, right in [
        ([-inf, -inf, -inf, -inf], -inf),
        ([1.0, inf, 2.0, 3.0], inf),
        ([-inf, 0.5, -inf, -inf], 0.5),
        ([1000.0, -1000.0, 999.0, 0.0], 1000 + math.log1p(math.exp(-1))),
        ([math.nan, inf, 0.0, 0.0], math.nan),
    ]:
        program.parameters[:] = numbers
        assert_allclose(program(), right, rtol=1e-15)
    program.parameters[:] = [1.0, inf, 2.0, 3.0]
    assert program.value_and_grad()[1].tolist() == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.usefixtures("language")
def test_first_nonfinite_names_the_scalar_inside_of_a_sum() -> None:
    x, w = Value(1.0, label="x"), Value(1.0, label="w")
    product = x * w
    product.label = "product"
    program = tape_of((product + x.tanh(), [x], [w]))
    assert "* (node 'product') of 1e+200 and 1e+200" in str(
        compile(product + x.tanh(), [x, w]).first_nonfinite([[1.0, 1.0], [1e200, 1e200]])
    )
    assert program.first_nonfinite([[1.0], [2.0]]) is None


# ── one row, many readers ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "tanh", "sin", "cos", "tan"])
def test_vector_functions_are_good_to_the_last_places(name: str) -> None:
    generator = np.random.default_rng(0)
    numbers = generator.normal(size=300) * np.exp(generator.uniform(-25, 6, 300))
    if name.startswith("log"):
        numbers = np.exp(generator.uniform(-700, 700, 300)) - (name == "log1p") * 0.5
    with mpmath.workprec(200), np.errstate(all="ignore"):
        for x in numbers.tolist():
            right, found = (
                float(getattr(mpmath, name)(x)),
                float(getattr(vector, name)(np.float64(x))),
            )
            assert found == right or abs(found - right) <= 4 * np.spacing(abs(right))


def test_vector_functions_at_the_borders_are_those_of_numpy() -> None:
    inf = math.inf
    numbers = [0.0, -0.0, 5e-324, 1e-310, inf, -inf, math.nan, 709.7, 710.0, -745.1, -746.0, -1.0]
    for name in ("exp", "expm1", "log", "log1p", "tanh"):
        for x in numbers:
            with np.errstate(all="ignore"):
                right, found = getattr(np, name)(x), getattr(vector, name)(np.float64(x))
            assert_allclose(found, right, rtol=1e-15, err_msg=f"{name} {x}")
            assert np.isnan(right) or np.signbit(found) == np.signbit(right)


def test_interpreter_has_lines_for_every_row_of_the_table() -> None:
    from scalargrad.compiler.tape.interpreter import FORWARD, bodies

    for lanes in (True, False):
        assert bodies(lanes)[FORWARD].keys() == {*range(len(ROWS)), SUM, PIECES, SMOOTH_MAX}


# ── the works of the benchmark ──────────────────────────────────────────────────────────────────
WORKS: dict[str, Work] = {
    "irregular": Irregular(count=2, width=8, depth=9, leaves=3),
    "neuron": scalar_works.Neuron(count=2),
    "recurrent": scalar_works.Recurrent(count=2, steps=3, width=4),
    "lstm": scalar_works.LSTM(count=2, steps=2, width=3),
    "attention": scalar_works.Attention(count=2, tokens=3, width=4),
    "lennard-jones": scalar_works.LennardJones(count=2, particles=4),
    "mixture": scalar_works.Mixture(count=2, points=5, parts=2),
    "arm": scalar_works.Arm(count=2),
    "pendulum": scalar_works.Pendulum(count=2, steps=2),
}


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("name", WORKS)
def test_tape_equals_scalars_for_work(name: str) -> None:
    work = WORKS[name]
    leaves = [[Value(a) for a in n.tolist()] for n in (work.samples[0], work.parameters)]
    graph = work.loss(FUNCTIONS, *leaves), *leaves
    check_on("tape", graph, work.samples, *eager(graph, work.samples))


def test_every_scalar_can_be_an_output_of_its_own() -> None:
    output, x, w = pendulum(1)
    scalars = walk([output], x, w)
    tape = assemble(unmerged(scalars))
    values, _ = TapeMachine(tape, 1).run(
        np.array([[a.data for a in x]]), np.array([p.data for p in w])
    )
    assert_allclose(values[0], [node.data for node in scalars.nodes], **TOLERANCE)
