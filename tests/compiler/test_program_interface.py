"""Programs as they are called: parameters, batches, several outputs, threads, the collector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import array_api_strict
import numpy as np
import pytest
from compiled_graphs import TOLERANCE, Graph, classifier, hinge_loss, random_graphs
from hypothesis import assume, given, settings

from scalargrad import SGD, Value, check_gradients
from scalargrad import functional as F
from scalargrad.compiler import Program, compile
from scalargrad.compiler.cost import MACHINES
from scalargrad.errors import OperandError, SizeError


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


X, W = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]

#: Results that may be views of what is given.
VIEWS: list[tuple[Value | list[Value], list[Value]]] = [
    (X[0], X[:1]),
    ([X[1], X[0]], X),
    (W[0] + 0 * X[0], X[:1]),
    ([W[0], W[1] * X[0]], X[:1]),
    (W[0] + W[1], []),
]


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_arrays_of_another_library_belong_to_the_caller_too(number: int) -> None:
    outputs, inputs = VIEWS[number]
    program = compile(outputs, inputs, wrt=W)
    asarray = array_api_strict.asarray
    given = asarray(program.parameters, copy=True)
    samples = [asarray(np.full((2, len(inputs)), 0.5))] * bool(inputs)
    found = [program(*samples, parameters=given), program(*samples, parameters=program.parameters)]
    if isinstance(outputs, Value):
        found.append(program.value_and_grad(*samples, parameters=given)[1])
    for array in found:
        if not isinstance(array, float):
            array[...] = 7.0
    assert program.parameters.tolist() == np.asarray(given).tolist() == [3.0, 4.0]
    assert all((np.asarray(array) == 0.5).all() for array in samples)


@settings(max_examples=50, deadline=None)
@given(random_graphs())
def test_no_samples_have_no_outputs_in_any_library(graph: Graph) -> None:
    output, inputs, wrt = graph
    assume(inputs)
    for asarray in (np.asarray, array_api_strict.asarray):
        none = asarray(np.empty((0, len(inputs))))
        program = compile(output, inputs, wrt, machine="arrays")
        assert tuple(program(none).shape) == (0,)
        with pytest.raises(SizeError, match="needs at least one sample, got none"):
            program.value_and_grad(none)
        program = compile([output, output * 2], inputs, wrt, machine="arrays")
        assert tuple(program(none).shape) == (0, 2)


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


@pytest.mark.parametrize("kind", ["arrays", "tape"])
def test_threads_may_run_the_same_program(kind: str) -> None:
    program, asarray = compile(*hinge_loss(), machine=kind), array_api_strict.asarray
    batches = [np.random.default_rng(i).normal(size=(200, 3)) for i in range(8)]
    others = [program.parameters + i for i in range(8)]
    expected = [program.value_and_grad(x) for x in batches]
    at_others = [
        program.value_and_grad(x, parameters=p) for x, p in zip(batches, others, strict=True)
    ]

    def run(i: int) -> None:
        for _ in range(20):
            x, p = batches[i], others[i]
            found = program.value_and_grad(x), program.value_and_grad(x, parameters=p)
            for (value, gradient), right in zip(found, (expected[i], at_others[i]), strict=True):
                assert value == right[0]
                np.testing.assert_array_equal(gradient, right[1])
            value, gradient = program.value_and_grad(asarray(x), parameters=asarray(p))
            np.testing.assert_allclose(np.asarray(gradient), at_others[i][1], **TOLERANCE)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(8)))


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
