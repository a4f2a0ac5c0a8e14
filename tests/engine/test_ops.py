"""The table of operations: whole, right at random points, strict about its domains."""

import doctest
import math
import sys
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf, workdps
from oracles import EPSILON, ORACLES, RESOLUTION, exact_slopes, exact_value, points, repeatable
from rows import inf, nan, result_and_slopes

from scalargrad import Value
from scalargrad.errors import DivisionByZeroError, DomainError, RangeError
from scalargrad.ops import FLOATS, PRIMITIVES, float_function

each_row = pytest.mark.parametrize("name", PRIMITIVES)

# ── the table is whole ──────────────────────────────────────────────────────────────────────────


def test_every_row_has_an_oracle_and_every_oracle_a_row():
    assert ORACLES.keys() == PRIMITIVES.keys()


@each_row
def test_row_is_reached_by_its_method_or_operator(name):
    row, oracle = PRIMITIVES[name], ORACLES[name]
    operands = [Value(x) for x in row.example]
    result = oracle.call(*operands)
    assert result.primitive is row
    assert result._op == row.symbol
    assert row.name == name
    assert [operand.data for operand in result._prev] == list(row.example)


@each_row
def test_result_starts_without_gradient_and_label(name):
    operands = [Value(x, label="operand") for x in PRIMITIVES[name].example]
    for operand in operands:
        operand.grad = 7.0
    result = ORACLES[name].call(*operands)
    assert (result.grad, result.label) == (0.0, "")
    assert [operand.grad for operand in operands] == [7.0] * len(operands)


@each_row
def test_docstring_example_gives_its_printed_answer(name):
    docstring = getattr(Value, ORACLES[name].attribute or name).__doc__
    (example,) = doctest.DocTestParser().get_examples(docstring)
    test = doctest.DocTest([example], {"Value": Value}, name, None, None, docstring)
    report = []
    failures = doctest.DocTestRunner(verbose=False).run(test, out=report.append).failed
    assert failures == 0, "".join(report)
    want = exact_value(ORACLES[name], PRIMITIVES[name].example)
    assert float(example.want) == pytest.approx(float(want), rel=1e-15)


@each_row
def test_docstring_states_formula_slopes_and_domain(name):
    row = PRIMITIVES[name]
    docstring = getattr(Value, ORACLES[name].attribute or name).__doc__
    for fact in (row.about, row.value, *row.partials, row.domain):
        assert fact in docstring


@each_row
def test_texts_name_only_what_the_float_functions_provide(name):
    row = PRIMITIVES[name]
    for text in (row.value, *row.partials):
        used = set(compile(text, name, "eval").co_names)
        assert used <= {*row.letters, "z"} | FLOATS.keys()


# ── values and first derivatives at random points ───────────────────────────────────────────────


@each_row
@given(data=st.data())
@repeatable
def test_result_and_slopes_agree_with_mathematics(name, data):
    oracle = ORACLES[name]
    point = data.draw(points(oracle.far, oracle.kink))
    result, slopes = result_and_slopes(name, point)
    want = exact_value(oracle, point)
    tolerance = oracle.relative * abs(want) + oracle.value_slack * EPSILON + RESOLUTION
    assert abs(result - want) <= tolerance
    for slope, exact in zip(slopes, exact_slopes(oracle, point), strict=True):
        tolerance = oracle.relative * abs(exact) + oracle.slack * EPSILON + RESOLUTION
        assert abs(slope - exact) <= tolerance


@each_row
@given(data=st.data())
@repeatable
def test_partials_are_what_backward_adds(name, data):
    oracle = ORACLES[name]
    operands = [Value(x) for x in data.draw(points(oracle.far, oracle.kink))]
    result = oracle.call(*operands)
    seed = data.draw(st.floats(-10.0, 10.0))
    result.grad = seed
    result._backward()
    partials = result.partials()
    assert all(type(partial) is float for partial in partials)
    got = [operand.grad for operand in result._prev]
    assert got == pytest.approx([seed * partial for partial in partials], rel=1e-15, abs=0)


@each_row
def test_table_evaluates_as_the_engine_does(name):
    row = PRIMITIVES[name]
    result, slopes = result_and_slopes(name, row.example)
    assert row.evaluate(*row.example) == result
    assert row.slopes(*row.example, result) == slopes


@pytest.mark.parametrize(
    ("name", "number", "slope"),
    [
        # Where 1 - z * z, z * (1 - z) and z + 1 cancel, what is left is exact to one epsilon of 1.
        ("tanh", 18.0, 4 * math.exp(-36)),
        ("sigmoid", 36.0, math.exp(-36)),
        ("expm1", -36.0, math.exp(-36)),
        # Nothing cancels on the other side.
        ("sigmoid", -700.0, math.exp(-700)),
        ("expm1", 700.0, math.exp(700)),
        ("softplus", -700.0, math.exp(-700)),
        ("erfc", 26.0, -2 / math.sqrt(math.pi) * math.exp(-676)),
    ],
)
def test_slope_far_out_in_a_tail(name, number, slope):
    _, (got,) = result_and_slopes(name, (number,))
    assert got == pytest.approx(slope, rel=1e-12, abs=ORACLES[name].slack * EPSILON)


@pytest.mark.parametrize("name", ["expm1", "log1p", "sin", "tan", "asin", "atan", "sinh", "tanh"])
@pytest.mark.parametrize("number", [1e-300, -1e-17, 1e-9])
def test_result_near_zero_keeps_its_digits(name, number):
    result, (slope,) = result_and_slopes(name, (number,))
    assert result == pytest.approx(float(exact_value(ORACLES[name], (number,))), rel=1e-15)
    assert slope == pytest.approx(1.0, abs=2e-9)


@pytest.mark.parametrize("name", ["erfc", "gelu", "softplus", "sigmoid"])
def test_result_far_left_or_right_keeps_its_digits(name):
    far = {"erfc": 25.0, "gelu": -35.0, "softplus": -700.0, "sigmoid": -700.0}[name]
    with workdps(400):
        want = float(ORACLES[name].truth(mpf(far)))
    assert result_and_slopes(name, (far,))[0] == pytest.approx(want, rel=1e-12)


# ── domains ─────────────────────────────────────────────────────────────────────────────────────
NUMBERS = [-1e5, -1000.0, -8.0, -2.0, -1.0, -0.5, -1e-300, 0.0, 1e-300, 1 / 3, 0.5, 1.0, 2.0]
NUMBERS += [3.0, 1000.0, 1e5]


def exact_or_none(name, point):
    """Return the result if mathematics has a finite real one."""
    try:
        with workdps(50):
            result = exact_value(ORACLES[name], point)
    except ZeroDivisionError:
        return None
    return result if isinstance(result, mpf) and mp.isfinite(result) else None


def all_points(name):
    return product(NUMBERS, repeat=len(ORACLES[name].far))


#: Rows that slopes are made of, which have poles where others raise.
INFINITE = {"ieee_pow", "reciprocal"}


@pytest.mark.parametrize("name", sorted(PRIMITIVES.keys() - INFINITE))
def test_operation_answers_exactly_where_its_result_is_real(name):
    row = PRIMITIVES[name]
    for point in all_points(name):
        exact = exact_or_none(name, point)
        defined = float_function(row.domain or "True", row.operands)(*point)
        assert bool(defined) == (exact is not None), (point, row.domain)
        try:
            result = ORACLES[name].call(*map(Value, point)).data
        except (DomainError, DivisionByZeroError):
            assert exact is None, point
        except RangeError:
            assert abs(exact) > sys.float_info.max, point
        else:
            assert exact is not None, point
            assert math.isfinite(result) or abs(exact) > sys.float_info.max, point


@each_row
def test_backward_never_raises_where_the_result_exists(name):
    borders = [math.nextafter(710.4758600739439, 0), 710.4758600739439, 709.782712893384]
    borders += [math.nextafter(-1, 0), math.nextafter(1, 0), 5e-324, -5e-324, sys.float_info.max]
    borders += [*NUMBERS, inf, -inf, nan]
    for point in product(borders, repeat=len(ORACLES[name].far)):
        try:
            result = ORACLES[name].call(*map(Value, point))
        except (DomainError, DivisionByZeroError, RangeError):
            continue
        result.backward()
        assert all(type(node.grad) is float for node in result._prev)


@each_row
def test_nan_operand_gives_nan_not_an_error(name):
    count = len(ORACLES[name].far)
    for k in range(count):
        point = tuple(nan if i == k else 1.5 for i in range(count))
        if (name, k) in {("leaky_relu", 1), ("where", 0), ("where", 2)}:
            continue  # it does not matter at 1.5; a condition that is nan is not 0
        assert math.isnan(ORACLES[name].call(*map(Value, point)).data)


# ── the compiled texts ──────────────────────────────────────────────────────────────────────────


def test_float_function_computes_a_text():
    assert float_function("x - 2 * y", "x, y")(7.0, 2.0) == 3.0


def test_slopes_answer_infinity_where_a_power_would_raise():
    power = PRIMITIVES["ieee_pow"].evaluate
    assert PRIMITIVES["reciprocal"].evaluate(0.0) == PRIMITIVES["reciprocal"].evaluate(-0.0) == inf
    assert power(0.0, -1.0) == inf
    assert power(10.0, 400.0) == inf
    assert power(-10.0, 401.0) == -inf
    assert power(-10.0, 400.0) == inf


#: Numbers inside of domains and outside, on their borders, tiny, huge and infinite.
POSITIVE = (5e-324, 0.5, 1.0, 1.5, 2.0, 1e308, math.inf)
EVERYWHERE = (*(-x for x in POSITIVE), -0.0, 0.0, *POSITIVE)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_row_answers_inside_of_its_domain_and_nowhere_else(name):
    row = PRIMITIVES[name]
    for point in product(EVERYWHERE, repeat=len(row.letters)):
        operands = dict(zip(row.letters, point, strict=True))
        inside = eval(row.domain, dict(FLOATS), operands) if row.domain else True
        try:
            row.slopes(*point, row.evaluate(*point))
        except OverflowError:
            continue  # the result, or its slope, is larger than the largest float
        except (ValueError, ZeroDivisionError):
            assert not inside, point
        else:
            assert inside, point
