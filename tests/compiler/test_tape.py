"""The tape: as machine code and in Python, one sample and many, it gives what the scalars give."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mpmath
import numpy as np
import pytest
from compiled_graphs import (
    TOLERANCE,
    WORKLOADS,
    Graph,
    apply,
    check_on,
    eager,
    random_graphs,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from benchmarks import scalar_works
from benchmarks.peers.ours import FUNCTIONS
from benchmarks.works import Irregular, Work
from scalargrad import MLP, Value, hessian
from scalargrad import functional as F
from scalargrad.compiler import Program, compile
from scalargrad.compiler.cost import Code, arrays_from, code_of, least_code_of, work_of
from scalargrad.compiler.cost import Work as Count
from scalargrad.compiler.passes.flatten import unmerged
from scalargrad.compiler.passes.walk import ROWS, walk
from scalargrad.compiler.tape import TapeMachine, assemble, machine, native, python, vector
from scalargrad.compiler.tape.assembly import PIECES, SMOOTH_MAX, SUM
from scalargrad.compiler.tape.straight import TERMS
from scalargrad.errors import ChoiceError, OperandError, SizeError
from scalargrad.ops import PRIMITIVES

LANGUAGES = ["machine code", "Python", "Python, run by run"]


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run tapes with and without numba, and as tapes that are too long for a line each."""
    in_machine_code = request.param == "machine code"
    monkeypatch.setattr(native, "is_installed", lambda: in_machine_code)
    monkeypatch.setattr(machine, "_say_what_is_missing", lambda: None)
    if request.param == "Python, run by run":
        monkeypatch.setattr(python, "LINES", 0)
    return str(request.param)


def tape_of(graph: Graph, **options: int) -> Program:
    return compile(*graph, machine="tape", **options)


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


# ── what is not finite ──

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


# ── many samples, many threads ──────────────────────────────────────────────────────────────────


def pendulum(steps: int = 3) -> Graph:
    work = scalar_works.Pendulum(steps=steps)
    x, p = ([Value(a) for a in numbers.tolist()] for numbers in (work.samples[0], work.parameters))
    return work.loss(FUNCTIONS, x, p), x, p


@pytest.mark.parametrize("count", [2, 31, 32, 33, 128, 129, 1000])
def test_blocks_of_any_number_of_samples(count: int) -> None:
    program = tape_of(pendulum())
    samples = np.random.default_rng(0).uniform(-1, 1, (count, 4))
    single = [program.value_and_grad(x) for x in samples]
    values, gradients = (np.array(part) for part in zip(*single, strict=True))
    assert_allclose(program(samples), values, rtol=1e-12, atol=1e-14)
    value, gradient = program.value_and_grad(samples)
    assert_allclose(value, values.mean(), rtol=1e-12)
    assert_allclose(gradient, gradients.mean(axis=0), rtol=1e-11, atol=1e-13)
    each = program.jacobian(samples, wrt="parameters")
    assert_allclose(each, gradients, rtol=1e-11, atol=1e-13)


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (3000, 4))
    found = [tape_of(pendulum(), threads=threads).value_and_grad(samples) for threads in (1, 2, 5)]
    for value, gradient in found[1:]:
        assert value == found[0][0]
        assert_array_equal(gradient, found[0][1])


def test_environment_says_how_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALARGRAD_THREADS", "3")
    assert tape_of(pendulum(1))._tape.threads == 3
    assert tape_of(pendulum(1), threads=2)._tape.threads == 2
    for wrong in ("0", "many", "-1", ""):
        monkeypatch.setenv("SCALARGRAD_THREADS", wrong)
        with pytest.raises(OperandError, match="SCALARGRAD_THREADS is a number from 1 up, got"):
            tape_of(pendulum(1))


def test_python_threads_have_memory_of_their_own(language: str) -> None:
    program = tape_of(pendulum(1))
    batches = [np.random.default_rng(i).uniform(-1, 1, (40, 4)) for i in range(6)]
    expected = [(program.value_and_grad(b), program.value_and_grad(b[0])) for b in batches]
    ready = threading.Barrier(6)

    def run(i: int) -> bool:
        ready.wait()
        for _ in range(200 if language == "machine code" else 20):
            for samples, (value, gradient) in zip(
                (batches[i], batches[i][0]), expected[i], strict=True
            ):
                found = program.value_and_grad(samples)
                if found[0] != value or not np.array_equal(found[1], gradient):
                    return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(run, range(6)))


@pytest.mark.usefixtures("language")
def test_samples_may_be_read_only_or_lie_in_pieces() -> None:
    program = tape_of(pendulum(1))
    wide = np.random.default_rng(0).uniform(-1, 1, (10, 8))
    frozen = wide[:, :4].copy()
    frozen.flags.writeable = False
    for samples in (frozen, wide[:, :4], np.asfortranarray(frozen), wide[::-1, :4][::-1]):
        for some in (samples, samples[1]):
            value, gradient = program.value_and_grad(some)
            right = program.value_and_grad(np.ascontiguousarray(some).copy())
            assert value == right[0]
            assert_array_equal(gradient, right[1])


# ── which machine ───────────────────────────────────────────────────────────────────────────────


def test_what_has_no_structure_is_never_raised() -> None:
    program = compile(*pendulum(20))
    program.value_and_grad(np.zeros((20_000, 4)))
    assert program.machine == "tape"
    assert "listing" not in vars(program._arrays)
    assert repr(program).endswith(f"machine: {program.machine}>")
    assert str(program).startswith("machine: tape\n")


def test_a_program_may_use_both_machines() -> None:
    x = [Value(0.1 * i) for i in range(20)]
    model = MLP(20, [30, 10], seed=0)
    program = compile(F.sum(model(x)), x, model.parameters())
    assert program.machine.startswith("tape, arrays from ")
    start = int(program.machine.split()[3].replace(",", ""))
    samples = np.random.default_rng(0).normal(size=(2 * start, 20))
    whole = program(samples)
    assert "_tape" not in vars(program)
    assert_allclose(program(samples[: start - 1]), whole[: start - 1], **TOLERANCE)
    assert "_tape" in vars(program)
    assert program.source == compile(F.sum(model(x)), x, model.parameters()).source


@pytest.mark.parametrize("native_", [True, False])
def test_more_code_never_makes_arrays_cheaper(native_: bool) -> None:
    work = Count(operations=500, operands=20_000, groups=5)
    for each in (0.0, 100.0, 1e6):
        found = [arrays_from(work, Code(calls, each), native_) for calls in (1, 5, 20, 100, 1000)]
        assert found == sorted(found)
    for calls in (1, 20, 1000):
        found = [arrays_from(work, Code(calls, each), native_) for each in (0.0, 100.0, 1e6)]
        assert found == sorted(found)


@pytest.mark.parametrize("name", WORKLOADS)
def test_code_is_at_least_what_is_known_before_its_structure(name: str) -> None:
    program = compile(*WORKLOADS[name]())
    least, code = least_code_of(work_of(program._reduced)), code_of(program.listing)
    assert arrays_from(work_of(program._reduced), least, True) <= arrays_from(
        work_of(program._reduced), code, True
    )


def test_large_batches_of_networks_run_on_arrays() -> None:
    for name in ("hinge", "softmax regression", "two layers"):
        start = compile(*WORKLOADS[name]()).machine.split()[3]
        assert int(start.replace(",", "")) <= 200


def test_machine_can_be_asked_for() -> None:
    graph = WORKLOADS["hinge"]()
    for name in ("tape", "arrays"):
        assert compile(*graph, machine=name).machine == name
    for wrong in ("numba", None, 3):
        with pytest.raises(ChoiceError, match="machine is one of auto, tape, arrays, got"):
            compile(*graph, machine=wrong)  # type: ignore[arg-type]
    assert compile(*graph, threads=np.int64(2))._tape.threads == 2
    for wrong in (0, -1, 1.5, "2", True, np.float64(2.0), np.int64(0)):
        with pytest.raises(OperandError, match="threads is a number from 1 up"):
            compile(*graph, threads=wrong)  # type: ignore[arg-type]


def test_listing_of_a_long_tape_says_what_it_leaves_out() -> None:
    program = tape_of(pendulum(10))
    count = len(program._reduced.kept)
    lines = str(program).splitlines()
    assert len(lines) < 50
    assert lines[1] == f"{len(program)} scalars in {count} operations"
    assert f"... {count - 40} lines left out" in lines
    short = compile(Value(1.0, label="a") * X * X, [X], machine="tape")
    assert "left out" not in str(short)


X = Value(2.0, label="x")

# ── more derivatives ────────────────────────────────────────────────────────────────────────────


def several() -> tuple[list[Value], list[Value], list[Value]]:
    x, w = ([Value(number) for number in numbers] for numbers in ((0.3, -0.4, 0.9), (0.5, 1.5)))
    outputs = [x[0] * w[0] + x[1].sin(), (x[2] * w[1]).exp() / (x[0] + 2), w[0] * w[1] + x[1] ** 2]
    return [*outputs, x[0].tanh()], x, w


def eager_jacobian(samples: np.ndarray, wrt: str) -> np.ndarray:
    found = []
    for sample in samples:
        outputs, x, w = several()
        for leaf, number in zip(x, sample.tolist(), strict=True):
            leaf.data = number
        order = compile(outputs, x, w)._scalars.nodes
        rows = []
        for output in outputs:
            for node in order:
                node.grad = 0.0
                if node.primitive is not None:
                    node.data = node.primitive.evaluate(*(one.data for one in node._prev))
            output.backward()
            rows.append([leaf.grad for leaf in (x if wrt == "inputs" else w)])
        found.append(rows)
    return np.array(found)


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("wrt", ["inputs", "parameters"])
def test_jacobian_and_products_with_it_equal_the_scalars(wrt: str) -> None:
    program = compile(*several())
    generator = np.random.default_rng(0)
    samples = generator.uniform(-1, 1, (5, 3))
    right = eager_jacobian(samples, wrt)
    assert_allclose(program.jacobian(samples, wrt), right, **TOLERANCE)
    assert_allclose(program.jacobian(samples[0], wrt), right[0], **TOLERANCE)
    tangents = generator.normal(size=(5, right.shape[2]))
    cotangents = generator.normal(size=(5, 4))
    assert_allclose(
        program.jvp(samples, tangents, wrt), np.einsum("noi,ni->no", right, tangents), **TOLERANCE
    )
    assert_allclose(
        program.vjp(samples, cotangents, wrt),
        np.einsum("noi,no->ni", right, cotangents),
        **TOLERANCE,
    )
    assert_allclose(program.jvp(samples, tangents[0], wrt)[1], right[1] @ tangents[0], **TOLERANCE)
    assert_allclose(
        program.vjp(samples[2], cotangents[0], wrt), cotangents[0] @ right[2], **TOLERANCE
    )


def test_jacobian_of_few_leaves_goes_forward_and_of_few_outputs_backward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ways: list[str] = []
    for way in ("run", "tangents"):
        method = getattr(TapeMachine, way)

        def noted(
            self: TapeMachine, *args: object, _m: object = method, _way: str = way, **kw: object
        ) -> object:
            ways.append(_way)
            return _m(self, *args, **kw)  # type: ignore[operator]

        monkeypatch.setattr(TapeMachine, way, noted)
    x = [Value(0.1 * i) for i in range(10)]
    compile(F.dot(x, x), x).jacobian([1.0] * 10)
    compile([X * i for i in range(1, 11)], [X]).jacobian([1.0])
    assert ways == ["run", "tangents"]


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("wrt", ["inputs", "parameters"])
def test_hessian_and_products_with_it_equal_the_scalars(wrt: str) -> None:
    def graph() -> Graph:
        x, w = ([Value(a) for a in numbers] for numbers in ((0.3, -0.4), (0.5, 1.5, 0.7)))
        y = F.logsumexp([x[0] * w[0], x[1] * w[1], w[2] * x[0]]) + (x[0] * x[1] + w[2]).sin()
        return y + x[1] * 3, x, w

    program = compile(*graph())
    samples = np.random.default_rng(0).uniform(-1, 1, (3, 2))
    right = []
    for sample in samples.tolist():
        output, x, w = graph()
        y = output
        for leaf, number in zip(x, sample, strict=True):
            leaf.data = number
        x2, w2 = x, w
        y = (
            F.logsumexp([x2[0] * w2[0], x2[1] * w2[1], w2[2] * x2[0]])
            + (x2[0] * x2[1] + w2[2]).sin()
        )
        right.append(
            [
                [h.data if isinstance(h, Value) else h for h in row]
                for row in hessian(y + x2[1] * 3, x2 if wrt == "inputs" else w2)
            ]
        )
    right = np.array(right)
    assert_allclose(program.hessian(samples, wrt), right, rtol=1e-11, atol=1e-12)
    assert_allclose(program.hessian(samples[1], wrt), right[1], rtol=1e-11, atol=1e-12)
    v = np.random.default_rng(1).normal(size=right.shape[2])
    assert_allclose(program.hvp(samples, v, wrt), right @ v, rtol=1e-11, atol=1e-12)
    assert_allclose(program.hvp(samples[0], v, wrt), right[0] @ v, rtol=1e-11, atol=1e-12)


def test_derivatives_of_a_program_without_inputs() -> None:
    p = [Value(1.0), Value(2.0)]
    program = compile([p[0] * p[1], p[0] ** 3], [], p)
    assert program.jacobian(wrt="parameters").tolist() == [[2.0, 1.0], [3.0, 0.0]]
    assert program.vjp(None, [1.0, 1.0], "parameters").tolist() == [5.0, 1.0]
    assert program.jacobian(wrt="parameters", parameters=[2.0, 2.0]).tolist() == [[2, 2], [12, 0]]
    assert program.parameters.tolist() == [1.0, 2.0]


ERRORS: dict[str, tuple[Callable[[Program], object], type[Exception], str]] = {
    "wrt": (lambda p: p.jacobian([1.0] * 3, "x"), ChoiceError, "wrt is one of inputs, parameters"),
    "tangents": (
        lambda p: p.jvp([1.0] * 3, [1.0]),
        SizeError,
        r"tangents need shape \(3,\) or \(1, 3\), got \(1,\)",
    ),
    "cotangents": (lambda p: p.vjp(np.ones((2, 3)), np.ones((3, 4))), SizeError, "cotangents need"),
    "hessian of several": (lambda p: p.hessian([1.0] * 3), SizeError, "one output, got 4"),
    "hvp of several": (lambda p: p.hvp([1.0] * 3, [1.0] * 3), SizeError, "one output, got 4"),
    "samples": (lambda p: p.jacobian([1.0]), SizeError, "it needs shape"),
    "text": (lambda p: p.jvp([1.0] * 3, ["a"] * 3), OperandError, "array of real numbers"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_says_what_is_wrong_when(name: str) -> None:
    call, kind, text = ERRORS[name]
    with pytest.raises(kind, match=text):
        call(compile(*several()))


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


# ── numba's cache, and without numba ────────────────────────────────────────────────────────────

ONE = """
from scalargrad import Value, compile
from scalargrad.compiler.tape import native
import numpy as np
x = Value(0.5)
assert compile(x.tanh() * x, [x], machine="tape")(np.array([0.0])) == 0.0
stats = native.one().stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def test_machine_code_is_kept_for_other_processes(tmp_path: Path) -> None:
    def run() -> str:
        environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
        environment.pop("NUMBA_CACHE_DIR", None)
        done = subprocess.run(
            [sys.executable, "-c", ONE], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert [run(), run()] == ["0 1", "1 0"]


def test_source_is_kept_where_it_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "given"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    path = native._written("a.py", "x = 1\n")
    assert path == tmp_path / "given" / "scalargrad" / "a.py"
    assert path.read_text() == "x = 1\n"
    before = path.stat().st_mtime_ns
    assert native._written("a.py", "x = 1\n") == path
    assert path.stat().st_mtime_ns == before  # or numba would compile once more
    assert native._written("a.py", "x = 2\n").read_text() == "x = 2\n"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    if sys.platform == "linux":
        assert native._written("a.py", "").parent == tmp_path / "users" / "scalargrad"
    monkeypatch.setattr(native, "_users_cache", lambda: tmp_path / "file")
    assert native._written("a.py", "x = 3\n").read_text() == "x = 3\n"


def test_without_numba_it_is_said_once_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "is_installed", lambda: False)
    machine._say_what_is_missing.cache_clear()
    with pytest.warns(UserWarning, match="python -m pip install numba"):
        tape_of(pendulum(1)).value_and_grad(np.zeros(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tape_of(pendulum(1)).value_and_grad(np.zeros(4))


def test_numba_is_imported_when_a_tape_first_runs() -> None:
    code = ONE.split("assert")[0] + "import sys; compile(x * x, [x], machine='arrays')([1.0]);"
    code += "print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
