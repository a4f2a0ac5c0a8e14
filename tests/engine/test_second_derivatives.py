"""Second and third derivatives, at infinities and at choices, too."""

import math
from itertools import product

import numpy as np
import pytest
from compiled_graphs import apply
from mpmath import mp, mpf, workdps
from oracles import ORACLES
from slopes import SHORT, each_machine, each_row, inf, is_defined, nan

import scalargrad
from scalargrad import Value, grad, hessian
from scalargrad import functional as F
from scalargrad.ops import PRIMITIVES

# ── second and third derivatives ────────────────────────────────────────────────────────────────
KINKED = {
    "abs": lambda x: x == 0, "relu": lambda x: x == 0, "leaky_relu": lambda x, _y: x == 0,
    "max": lambda x, y: x == y, "min": lambda x, y: x == y, "greater": lambda x, y: x == y,
    "where": lambda c, _x, _y: c == 0,
}  # fmt: skip
#: Where a domain ends, derivatives are one-sided, and stand in tables of their own.
BORDERS = {
    "sqrt": lambda x: x == 0, "asin": lambda x: abs(x) == 1, "acos": lambda x: abs(x) == 1,
    "clamped_log": lambda x: x == 0, "pow": lambda x, _y: x <= 0,
    "pow_number": lambda x, y: x == 0 and y % 1 > 0, "ieee_pow": lambda x, _y: x <= 0,
    "reciprocal": lambda x: x == 0,
}  # fmt: skip


def nowhere(*_point):
    return False


def smooth_points(row, numbers):
    """Return points within the domain that are at no kink or border and have no infinities."""
    kink, border = KINKED.get(row.name, nowhere), BORDERS.get(row.name, nowhere)
    points = product(numbers, repeat=len(row.partials))
    return [p for p in points if is_defined(row, p) and not kink(*p) and not border(*p)]


def exact(name, point, order):
    """Return a partial derivative of some order in each operand, by mpmath's limit process."""
    oracle = ORACLES[name]
    plain = [x for i, x in enumerate(point) if i != oracle.plain]
    where = [i for i in range(len(point)) if i != oracle.plain]

    def function(*moving):
        numbers = [mpf(x) for x in point]
        for i, x in zip(where, moving, strict=True):
            numbers[i] = x
        return oracle.truth(*numbers)

    order = tuple(n for i, n in enumerate(order) if i != oracle.plain)
    with workdps(120):
        if len(plain) > 1:
            return mp.diff(function, tuple(map(mpf, plain)), order)
        return mp.diff(function, mpf(plain[0]), order[0])


def exact_far(name, x):
    """Return the second derivative at a tiny or huge number: by its factor, in many digits."""
    with workdps(1300):
        return mp.diff(lambda t: ORACLES[name].truth(x * t), mpf(1), 2) / mpf(x) ** 2


def derivative_by_grad(row, point, order):
    leaves = [Value(x) for x in point]
    result = apply(row.name, *leaves)
    for leaf, times in zip(leaves, order, strict=True):
        for _ in range(times):
            (result,) = grad(result, [leaf])
    return result.data


def agrees(got, want, scale=1.0):
    if math.isinf(got) or abs(want) > 1e300:
        return abs(want) > 1e300 and (got > 0) == (want > 0)
    return abs(got - want) <= 1e-11 * abs(want) + 1e-14 * scale


FINITE = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 2.0, 3.0, 30.0]


@each_row
def test_second_derivatives_agree_with_mathematics(row):
    count = len(row.partials)
    orders = [o for o in product(range(3), repeat=count) if sum(o) == 2]
    points = smooth_points(row, FINITE if count < 3 else SHORT[:5])
    assert points
    for point in points:
        for order in orders:
            if any(n and i == ORACLES[row.name].plain for i, n in enumerate(order)):
                continue
            got, want = derivative_by_grad(row, point, order), exact(row.name, point, order)
            assert agrees(got, want, max(1.0, abs(row.evaluate(*point)))), (point, order, got, want)


@pytest.mark.parametrize("row", [r for r in PRIMITIVES.values() if len(r.partials) == 1])
def test_second_derivatives_of_tiny_and_huge_numbers_agree_with_mathematics(row):
    for point in smooth_points(row, [1e-300, -1e-300, 1e-9, 1e5, -1e5]):
        got, want = derivative_by_grad(row, point, (2,)), exact_far(row.name, *point)
        scale = min(max(1.0, abs(row.evaluate(*point))), 1e20)
        assert agrees(got, want, scale), (point, got, mp.nstr(want, 15))


@each_row
def test_third_derivatives_agree_with_mathematics_at_special_points(row):
    count = len(row.partials)
    orders = [o for o in product(range(4), repeat=count) if sum(o) == 3]
    for point in smooth_points(row, [0.0, 1.0, 2.0]):
        for order in orders:
            if any(n and i == ORACLES[row.name].plain for i, n in enumerate(order)):
                continue
            got, want = derivative_by_grad(row, point, order), exact(row.name, point, order)
            assert agrees(got, want, max(1.0, abs(row.evaluate(*point)))), (point, order, got, want)


def derivatives(function, x, count):
    """Return some derivatives of a function of one Value, of increasing order."""
    leaf, found = Value(x), []
    result = function(leaf)
    for _ in range(count):
        (result,) = grad(result, [leaf])
        found.append(result.data)
    return found


@pytest.mark.parametrize(
    ("function", "at", "orders"),
    [
        (lambda x: x.sqrt(), 0.0, [inf, -inf, inf]),
        (lambda x: x**0.5, 0.0, [inf, -inf, inf]),
        (lambda x: x**1.5, 0.0, [0.0, inf, -inf]),
        (lambda x: x**1, 0.0, [1.0, 0.0, 0.0]),
        (lambda x: x**2, 0.0, [0.0, 2.0, 0.0]),
        (lambda x: x**0, 0.0, [0.0, 0.0, 0.0]),
        (lambda x: x.asin(), 1.0, [inf, inf, inf]),
        (lambda x: x.asin(), -1.0, [inf, -inf, inf]),
        (lambda x: x.acos(), 1.0, [-inf, -inf, -inf]),
        (lambda x: x.acos(), -1.0, [-inf, inf, -inf]),
        (lambda x: x.clamped_log(), 0.0, [0.0, 0.0, 0.0]),
        (lambda x: x.relu(), 0.0, [0.0, 0.0, 0.0]),
        (lambda x: x.max(0), 0.0, [0.5, 0.0, 0.0]),
        (lambda x: x.abs(), 0.0, [0.0, 0.0, 0.0]),
    ],
)  # fmt: skip
def test_derivatives_at_borders_and_kinks(function, at, orders):
    assert derivatives(function, at, 3) == orders


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (23.0, 0.0, [[0.0, 1 / 23], [1 / 23, math.log(23) ** 2]]),
        (2.0, 1.0, [[0.0, 1 + math.log(2)], [1 + math.log(2), 2 * math.log(2) ** 2]]),
        (0.0, 2.0, [[2.0, 0.0], [0.0, 0.0]]),
    ],
)
def test_hessian_of_a_power(x, y, expected):
    a, b = Value(x), Value(y)
    found = [[h.data for h in row] for row in hessian(a**b, [a, b])]
    for got, want in zip(found, expected, strict=True):
        assert got == pytest.approx(want, rel=1e-14)


@pytest.mark.parametrize("order", ["xxy", "xyx", "yxx"])
def test_third_derivative_of_a_power_is_the_same_in_any_order(order):
    leaves = {"x": Value(2.0), "y": Value(1.0)}
    result = leaves["x"] ** leaves["y"]
    for letter in order:
        (result,) = grad(result, [leaves[letter]])
    assert result.data == pytest.approx(0.5, rel=1e-15)


def test_hessian_of_cross_entropy_at_a_tie():
    z = [Value(0.5), Value(0.5)]
    found = [[h.data for h in row] for row in hessian(F.cross_entropy(z, 0), z)]
    assert found == [[0.25, -0.25], [-0.25, 0.25]]


def test_hessian_of_a_smooth_maximum_of_three_equal_numbers():
    z = [Value(2.0) for _ in range(3)]
    found = [[h.data for h in row] for row in hessian(F.logsumexp(z), z)]
    expected = [[2 / 9 if i == j else -1 / 9 for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


# ── infinities ──────────────────────────────────────────────────────────────────────────────────
MASKED = [-inf, -1.0, 0.0, 2.0, inf]


@each_machine
@pytest.mark.parametrize("count", [2, 3, 4])
def test_compiled_logsumexp_of_infinities_is_the_eager_one(count, machine):
    leaves = [Value(0.0) for _ in range(count)]
    program = scalargrad.compile(F.logsumexp(leaves), [], leaves, machine=machine)
    for point in product(MASKED, repeat=count):
        z = [Value(x) for x in point]
        total = F.logsumexp(z)
        total.backward()
        value, gradient = program.value_and_grad(parameters=np.array(point))
        np.testing.assert_allclose(value, total.data, rtol=1e-13)
        np.testing.assert_allclose(gradient, [x.grad for x in z], rtol=1e-13, err_msg=str(point))


@each_machine
@pytest.mark.parametrize("target", [0, 2, "mask"])
def test_compiled_softmax_and_cross_entropy_of_masked_logits_are_the_eager_ones(target, machine):
    def loss(z):
        if target == "mask":
            return F.sum(p * w for p, w in zip(F.softmax(z), (1.0, 2.0, 3.0), strict=True))
        return F.cross_entropy(z, target)

    weights = [Value(0.0) for _ in range(3)]
    inputs = [Value(0.0) for _ in range(3)]
    logits = [w + x for w, x in zip(weights, inputs, strict=True)]
    program = scalargrad.compile(loss(logits), inputs, weights, machine=machine)
    samples = [p for p in product([-inf, 0.3, 1.0], repeat=3) if max(p) > -inf]
    for sample in samples:
        leaves = [Value(0.0) for _ in range(3)]
        output = loss([w + x for w, x in zip(leaves, sample, strict=True)])
        output.backward()
        value, gradient = program.value_and_grad(np.array([sample]))
        np.testing.assert_allclose(value, output.data, rtol=1e-12, err_msg=str(sample))
        np.testing.assert_allclose(gradient, [w.grad for w in leaves], rtol=1e-12, atol=1e-15)
    values = program(np.array(samples))
    np.testing.assert_allclose(values, [program(x) for x in np.array(samples)], rtol=1e-12)


@each_machine
def test_unreachable_state_gives_the_eager_value_and_gradient_compiled(machine):
    numbers, m = (0.3, 0.4, 0.5), Value(-inf)

    def forward(a, b, t):
        return ((m + a).logaddexp(m + b) + t).logaddexp(a * b)

    leaves = [Value(x) for x in numbers]
    program = scalargrad.compile(forward(*leaves), [], leaves, machine=machine)
    value, gradient = program.value_and_grad()
    assert value == pytest.approx(0.12, rel=1e-15)
    np.testing.assert_allclose(gradient, [0.4, 0.3, 0.0], rtol=1e-15)


@pytest.mark.parametrize(
    ("x", "y", "expected"), [(1.0, inf, inf), (-inf, -inf, -inf), (-inf, 2.0, 2.0)]
)
@each_machine
def test_compiled_logaddexp_of_infinities(x, y, expected, machine):
    leaves = [Value(0.0), Value(1.0)]
    program = scalargrad.compile(leaves[0].logaddexp(leaves[1]), leaves, machine=machine)
    assert program([x, y]) == expected


# ── where ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("condition", [1.0, 0.0, -3.0, inf, nan])
def test_where_takes_the_branch_and_sends_its_gradient_there(condition):
    c, x, y = Value(condition), Value(2.0), Value(5.0)
    z = F.where(c, x, y)
    (z * 3).backward()
    chosen = condition != 0
    assert z.data == (2.0 if chosen else 5.0)
    assert (c.grad, x.grad, y.grad) == (0.0, 3.0 * chosen, 3.0 * (not chosen))


@pytest.mark.parametrize("lost", [inf, -inf, nan])
def test_where_gives_the_other_branch_exactly_no_gradient_whatever_it_holds(lost):
    x, y = Value(2.0), Value(lost)
    z = F.where(1, x, y) * Value(inf)
    z.backward()
    assert y.grad == 0.0
    assert [g.data for g in grad(z, [x, y])] == [inf, 0.0]


def test_where_with_the_safe_idiom_has_no_nan_anywhere():
    def safe_log(x):
        inside = x.greater(0)
        return F.where(inside, F.where(inside, x, 1).log(), 0)

    for number, slopes in [(2.0, [0.5, -0.25]), (0.0, [0.0, 0.0]), (-3.0, [0.0, 0.0])]:
        assert derivatives(safe_log, number, 2) == slopes


@pytest.mark.parametrize("condition", [True, False, np.True_])
def test_where_refuses_a_condition_that_python_has_decided(condition):
    with pytest.raises(TypeError, match=r"write a\.greater\(b\) instead of a > b"):
        F.where(condition, Value(1.0), 2)


def test_where_takes_numbers_and_refuses_what_is_no_scalar():
    assert F.where(0, 1, 2).data == 2.0
    with pytest.raises(TypeError, match="a Value holds one real number, got list"):
        F.where(1, [1.0], 2)


def test_compiled_function_that_branches_names_where():
    x = Value(1.0)
    with pytest.raises(TypeError, match=r"where\(a\.greater\(b\), x, y\)"):
        scalargrad.compile(lambda v: v[0] if v[0] > 0 else -v[0], [x])
