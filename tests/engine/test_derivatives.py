"""Gradients as graphs: traced at one point, right at another, eager and compiled."""

import math
from itertools import product
from math import isnan

import numpy as np
import pytest
from compiled_graphs import apply
from duals import Dual, derivative
from hypothesis import given, settings
from hypothesis import strategies as st
from slopes import SHORT, each_machine, each_row, inf, is_defined, nan

import scalargrad
from scalargrad import Value, grad
from scalargrad import functional as F
from scalargrad.engine import operands
from scalargrad.graph import topological_sort

#: Zeros, ones, ties with each other, tiny and huge numbers, infinities.
GRID = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 2.0, 3.0, 1e-300, 1e5, inf, -inf]


def grid(row):
    """Return the points of a grid at which a row has a result."""
    numbers = {1: GRID, 2: GRID, 3: SHORT}[len(row.partials)]
    return [p for p in product(numbers, repeat=len(row.partials)) if is_defined(row, p)]


def eager(row, point):
    """Return what backward() gives to each operand."""
    leaves = [Value(x) for x in point]
    apply(row.name, *leaves).backward()
    return [leaf.grad for leaf in leaves]


def computed_anew(outputs, leaves, point):
    """Give leaves other numbers and return what a graph makes of them, by the table alone."""
    for leaf, x in zip(leaves, point, strict=True):
        leaf.data = x
    for node in topological_sort(outputs, operands):
        if node.primitive is not None:
            node.data = node.primitive.evaluate(*(operand.data for operand in operands(node)))
    return [output.data for output in outputs]


# ── traced at one point, fed with another ───────────────────────────────────────────────────────


@each_machine
@each_row
def test_compiled_gradient_is_the_eager_one_wherever_it_was_traced(row, machine):
    points = grid(row)
    expected = np.array([eager(row, point) for point in points])
    traced_at = points if len(row.partials) == 1 else points[::7]
    for traced in traced_at:
        leaves = [Value(x) for x in traced]
        slopes = grad(apply(row.name, *leaves), leaves)
        # An input that no slope depends on cannot be fed.
        program = scalargrad.compile(
            [s + 0 * F.sum(leaves) for s in slopes], leaves, machine=machine
        )
        finite = [i for i, point in enumerate(points) if all(map(math.isfinite, point))]
        found = program([points[i] for i in finite])
        np.testing.assert_allclose(found, expected[finite], rtol=1e-12, atol=0, err_msg=str(traced))


@each_row
def test_graph_of_a_gradient_is_computed_anew_as_backward_computes_it(row):
    points = grid(row)
    expected = [eager(row, point) for point in points]
    for traced in points if len(row.partials) == 1 else points[::5]:
        leaves = [Value(x) for x in traced]
        slopes = grad(apply(row.name, *leaves), leaves)
        found = [computed_anew(slopes, leaves, point) for point in points]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0, err_msg=str(traced))


@each_machine
@each_row
def test_program_of_a_row_has_the_eager_gradient_at_every_point(row, machine):
    points = grid(row)
    leaves = [Value(x) for x in points[0]]
    program = scalargrad.compile(apply(row.name, *leaves), [], leaves, machine=machine)
    for point in points:
        value, gradient = program.value_and_grad(parameters=np.array(point))
        np.testing.assert_allclose(value, row.evaluate(*point), rtol=1e-13, err_msg=str(point))
        np.testing.assert_allclose(gradient, eager(row, point), rtol=1e-12, err_msg=str(point))


def points_with_nan(row):
    """Return points of a grid with a nan among the operands, but where a row raises.

    nan to the power of 0 is 1, with slope 0: that a graph cannot tell from 0 to the power of 0.
    """
    points = [p for p in product([*SHORT, nan], repeat=len(row.partials)) if any(map(isnan, p))]
    if row.symbol == "**":
        points = [(x, y) for x, y in points if not (isnan(x) and y == 0)]
    return [p for p in points if not (row.name == "div" and p[1] == 0)]


@each_row
def test_slopes_of_nan_are_those_of_backward_whoever_computes_them(row):
    programs = []
    for machine in ("arrays", "tape"):
        leaves = [Value(x) for x in row.example]
        output = apply(row.name, *leaves)
        programs.append(scalargrad.compile(output, [], leaves, machine=machine))
    for point in points_with_nan(row):
        leaves = [Value(x) for x in point]
        slopes = [s.data for s in grad(apply(row.name, *leaves), leaves)]
        found = [program.value_and_grad(parameters=np.array(point))[1] for program in programs]
        for other in (slopes, *found):
            np.testing.assert_allclose(other, eager(row, point), rtol=1e-12, err_msg=str(point))


@each_row
def test_graph_of_derivatives_is_the_same_whatever_the_numbers(row):
    """Only constants may decide what a gradient is made of."""

    def shape(point):
        leaves = [Value(x) for x in point]
        slopes = grad(apply(row.name, *leaves), leaves)
        curvatures = [c for slope in slopes for c in grad(slope, leaves)]
        order = topological_sort([*slopes, *curvatures], operands)
        place = {node: i for i, node in enumerate(order)}
        return [(node._op, *(place[x] for x in operands(node))) for node in order]

    shapes = [shape(point) for point in grid(row) if all(map(math.isfinite, point))]
    assert all(one == shapes[0] for one in shapes)


# ── compiled away from where it was traced ──────────────────────────────────────────────────────


def slope_program(function, traced, machine):
    """Compile the first slope of a function, traced at a point, as a program of its operands."""
    leaves = [Value(x) for x in traced]
    slope = grad(function(*leaves), leaves)[0]
    return scalargrad.compile(slope + 0 * F.sum(leaves), leaves, machine=machine)


@pytest.mark.parametrize(
    ("function", "traced", "fed", "expected"),
    [
        (lambda x: x * x.sqrt(), (0.0,), (4.0,), 3.0),
        (lambda x, y: x.logaddexp(y), (0.0, 0.0), (0.0, 5.0), 1 / (1 + math.exp(5))),
        (lambda x, y: x**y, (2.0, 0.0), (2.0, 3.0), 12.0),
        (lambda x, y: x**y, (2.0, 3.0), (0.0, 0.0), 0.0),
        (lambda p: F.binary_cross_entropy([p], [1.0]), (0.5,), (1.0,), -1.0),
        (lambda x: F.where(x.greater(0), x * x, -x), (1.0,), (-2.0,), -1.0),
        (lambda x: F.where(x.greater(0), x * x, -x), (-1.0,), (3.0,), 6.0),
    ],
)
@each_machine
def test_compiled_slope_fed_with_other_numbers(function, traced, fed, expected, machine):
    found = slope_program(function, traced, machine)(list(fed))
    assert found == pytest.approx(expected, rel=1e-13)


@each_machine
def test_compiled_logsumexp_of_zeros_with_its_gradient(machine):
    z = [Value(0.0) for _ in range(3)]
    total = F.logsumexp(z)
    program = scalargrad.compile([total, *grad(total, z)], z, machine=machine)
    fed = [1000.0, -1000.0, 999.0]
    largest = 1000 + math.log1p(math.exp(-1))
    softmax = [math.exp(x - largest) for x in fed]
    np.testing.assert_allclose(program(fed), [largest, *softmax], rtol=1e-13)


# ── random graphs, against dual numbers ─────────────────────────────────────────────────────────
UNARY = ["tanh", "sin", "sigmoid", "softplus", "relu", "abs", "atan", "square", "smooth_abs"]
BINARY = ["add", "mul", "sub", "max", "min", "logaddexp", "chosen", "power"]


@st.composite
def expressions(draw):
    """Draw operations on three numbers, as (name, places of operands)."""
    steps = []
    for count in range(3, 3 + draw(st.integers(2, 10))):
        name = draw(st.sampled_from(UNARY + BINARY))
        places = st.integers(0, count - 1)
        steps.append((name, [draw(places) for _ in range(1 if name in UNARY else 2)]))
    return steps


SPECIAL = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -0.3])
NUMBERS = st.lists(SPECIAL | st.floats(-2, 2, allow_subnormal=False), min_size=3, max_size=3)


def on_values(name, x, *y):
    match name:
        case "square":
            return x**2
        case "smooth_abs":
            return (x * x + 1).sqrt()
        case "chosen":
            return F.where(x.greater(*y), x * y[0], y[0] - x)
        case "power":
            return (1 + x * x) ** y[0].tanh()
    return apply(name, x, *y)


def run(steps, numbers, function):
    found = list(numbers)
    for name, places in steps:
        found.append(function(name, *[found[k] for k in places]))
    return found[-1]


@each_machine
@given(steps=expressions(), traced=NUMBERS, fed=NUMBERS)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_compiled_graph_of_a_gradient_agrees_with_dual_numbers(machine, steps, traced, fed):
    """Two leaves are fed, one is learned; a kink within 1e-6 of the fed point is left out."""
    leaves = [Value(x) for x in traced]
    output = run(steps, leaves, on_values)
    slopes = grad(output, leaves)
    objective = F.sum(s * w for s, w in zip(slopes, (1.0, -0.7, 0.3), strict=True))
    program = scalargrad.compile(
        [objective + 0 * F.sum(leaves), *slopes], leaves[:2], leaves[2:], machine=machine
    )
    program.parameters = fed[2:]
    found = program(fed[:2])
    expected = [derivative(steps, run, fed, [i]) for i in range(3)]
    if any(x is None for x in expected):
        return  # at a kink
    np.testing.assert_allclose(found[1:], expected, rtol=1e-9, atol=1e-9)

    single = scalargrad.compile(
        objective + 0 * F.sum(leaves), leaves[:2], leaves[2:], machine=machine
    )
    single.parameters = fed[2:]
    _, (second,) = single.value_and_grad(fed[:2])
    mixed = [derivative(steps, run, fed, [i, 2]) for i in range(3)]
    want = sum(m * w for m, w in zip(mixed, (1.0, -0.7, 0.3), strict=True))
    np.testing.assert_allclose(second, want, rtol=1e-8, atol=1e-8)


def test_dual_numbers_are_right_on_a_function_done_by_hand():
    x = Dual(Dual(0.5, 1.0), Dual(1.0, 0.0))
    y = x * x * x
    assert (y.real.real, y.real.dual, y.dual.real, y.dual.dual) == (0.125, 0.75, 0.75, 3.0)
