"""The table of primitives, row by row, against mathematics, central differences and PyTorch."""

import doctest
import math
import sys
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf, workdps
from oracles import (
    EPSILON,
    ORACLES,
    RESOLUTION,
    exact_slopes,
    exact_value,
    points,
    repeatable,
)

from scalargrad import Value
from scalargrad.errors import DivisionByZeroError, DomainError, RangeError
from scalargrad.ops import FLOATS, PRIMITIVES, float_function

inf, nan = math.inf, math.nan

each_row = pytest.mark.parametrize("name", PRIMITIVES)


def result_and_slopes(name, point):
    """Compute one operation with the engine: its result and the gradients of its operands."""
    result = ORACLES[name].call(*map(Value, point))
    result.backward()
    return result.data, tuple(operand.grad for operand in result._prev)


def same(got, want):
    return got == want or (math.isnan(got) and math.isnan(want))


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
def test_slopes_agree_with_central_differences(name, data):
    oracle, step = ORACLES[name], 1e-5
    point = data.draw(points(oracle.near, oracle.kink, gap=0.01))
    _, slopes = result_and_slopes(name, point)
    for k, slope in enumerate(slopes):
        if k == oracle.plain:
            continue

        def at(shift, k=k):
            nudged = [x + shift if i == k else x for i, x in enumerate(point)]
            return oracle.call(*map(Value, nudged)).data

        numeric = (at(step) - at(-step)) / (2 * step)
        assert slope == pytest.approx(numeric, rel=1e-8, abs=1e-8)


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


# ── kinks, borders, infinities: PyTorch's values ────────────────────────────────────────────────

# (name, operands, result, slopes): printed by torch 2.13.0 in float64. PyTorch gives no slope for
# a plain number: the exponent of pow_number, the second operand of leaky_relu. It has no derivative
# of greater, and clamps logarithms only within its binary cross-entropy.
PYTORCH = [
    ("relu", (0.0,), 0.0, (0.0,)),
    ("relu", (-0.0,), -0.0, (0.0,)),
    ("relu", (-1.0,), 0.0, (0.0,)),
    ("relu", (inf,), inf, (1.0,)),
    ("relu", (-inf,), 0.0, (0.0,)),
    ("relu", (nan,), nan, (1.0,)),
    ("abs", (0.0,), 0.0, (0.0,)),
    ("abs", (-0.0,), 0.0, (0.0,)),
    ("abs", (inf,), inf, (1.0,)),
    ("abs", (-inf,), inf, (-1.0,)),
    ("abs", (nan,), nan, (0.0,)),
    ("max", (1.0, 1.0), 1.0, (0.5, 0.5)),
    ("max", (0.0, -0.0), 0.0, (0.5, 0.5)),
    ("max", (2.0, 1.0), 2.0, (1.0, 0.0)),
    ("max", (1.0, 2.0), 2.0, (0.0, 1.0)),
    ("max", (inf, inf), inf, (0.5, 0.5)),
    ("max", (-inf, 1.0), 1.0, (0.0, 1.0)),
    ("max", (nan, 1.0), nan, (1.0, 1.0)),
    ("max", (1.0, nan), nan, (1.0, 1.0)),
    ("max", (nan, nan), nan, (1.0, 1.0)),
    ("min", (1.0, 1.0), 1.0, (0.5, 0.5)),
    ("min", (0.0, -0.0), 0.0, (0.5, 0.5)),
    ("min", (2.0, 1.0), 1.0, (0.0, 1.0)),
    ("min", (1.0, 2.0), 1.0, (1.0, 0.0)),
    ("min", (-inf, -inf), -inf, (0.5, 0.5)),
    ("min", (inf, 1.0), 1.0, (0.0, 1.0)),
    ("min", (nan, 1.0), nan, (1.0, 1.0)),
    ("min", (1.0, nan), nan, (1.0, 1.0)),
    ("min", (nan, nan), nan, (1.0, 1.0)),
    ("leaky_relu", (0.0, 0.01), 0.0, (0.01,)),
    ("leaky_relu", (-0.0, 0.01), -0.0, (0.01,)),
    ("leaky_relu", (-1.0, 0.01), -0.01, (0.01,)),
    ("leaky_relu", (nan, 0.01), nan, (0.01,)),
    ("leaky_relu", (-1.0, 0.0), -0.0, (0.0,)),
    ("leaky_relu", (inf, 0.01), inf, (1.0,)),
    ("leaky_relu", (-inf, 0.01), -inf, (0.01,)),
    ("pow_number", (0.0, 0.0), 1.0, (0.0,)),
    ("pow_number", (0.0, 0.5), 0.0, (inf,)),
    ("pow_number", (0.0, 1.0), 0.0, (1.0,)),
    ("pow_number", (0.0, 1.5), 0.0, (0.0,)),
    ("pow_number", (0.0, 2.0), 0.0, (0.0,)),
    ("pow_number", (0.0, 3.0), 0.0, (0.0,)),
    ("pow_number", (-2.0, 0.0), 1.0, (0.0,)),
    ("pow_number", (-2.0, 1.0), -2.0, (1.0,)),
    ("pow_number", (-2.0, 3.0), -8.0, (12.0,)),
    ("pow_number", (-2.0, -1.0), -0.5, (-0.25,)),
    ("pow_number", (nan, 0.0), 1.0, (0.0,)),
    ("pow_number", (nan, 2.0), nan, (nan,)),
    ("pow_number", (inf, 2.0), inf, (inf,)),
    ("pow_number", (inf, -1.0), 0.0, (-0.0,)),
    ("pow_number", (-inf, 3.0), -inf, (inf,)),
    ("pow_number", (1.0, nan), 1.0, (nan,)),
    ("pow_number", (2.0, inf), inf, (inf,)),
    ("pow", (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("pow", (0.0, 0.5), 0.0, (inf, 0.0)),
    ("pow", (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("pow", (0.0, 2.0), 0.0, (0.0, 0.0)),
    ("pow", (1.0, 0.0), 1.0, (0.0, 0.0)),
    ("pow", (-2.0, 0.0), 1.0, (0.0, nan)),
    ("pow", (-2.0, 2.0), 4.0, (-4.0, nan)),
    ("pow", (-2.0, 3.0), -8.0, (12.0, nan)),
    ("pow", (nan, 0.0), 1.0, (0.0, nan)),
    ("pow", (nan, 1.0), nan, (1.0, nan)),
    ("pow", (1.0, nan), 1.0, (nan, 0.0)),
    ("pow", (inf, 2.0), inf, (inf, inf)),
    ("pow", (2.0, inf), inf, (inf, inf)),
    ("pow", (0.5, inf), 0.0, (nan, -0.0)),
    ("pow", (2.0, -inf), 0.0, (nan, 0.0)),
    ("sqrt", (0.0,), 0.0, (inf,)),
    ("sqrt", (inf,), inf, (0.0,)),
    ("sqrt", (nan,), nan, (nan,)),
    ("asin", (1.0,), 1.5707963267948966, (inf,)),
    ("asin", (-1.0,), -1.5707963267948966, (inf,)),
    ("asin", (nan,), nan, (nan,)),
    ("acos", (1.0,), 0.0, (-inf,)),
    ("acos", (-1.0,), 3.141592653589793, (-inf,)),
    ("acos", (nan,), nan, (nan,)),
    ("exp", (-inf,), 0.0, (0.0,)),
    ("exp", (inf,), inf, (inf,)),
    ("exp", (nan,), nan, (nan,)),
    ("exp", (-1000.0,), 0.0, (0.0,)),
    ("expm1", (-inf,), -1.0, (0.0,)),
    ("expm1", (inf,), inf, (inf,)),
    ("expm1", (nan,), nan, (nan,)),
    ("log", (inf,), inf, (0.0,)),
    ("log", (nan,), nan, (nan,)),
    ("log1p", (inf,), inf, (0.0,)),
    ("log1p", (nan,), nan, (nan,)),
    ("sin", (nan,), nan, (nan,)),
    ("cos", (nan,), nan, (nan,)),
    ("tan", (nan,), nan, (nan,)),
    ("atan", (inf,), 1.5707963267948966, (0.0,)),
    ("atan", (-inf,), -1.5707963267948966, (0.0,)),
    ("atan", (nan,), nan, (nan,)),
    ("sinh", (inf,), inf, (inf,)),
    ("sinh", (-inf,), -inf, (inf,)),
    ("sinh", (nan,), nan, (nan,)),
    ("cosh", (inf,), inf, (inf,)),
    ("cosh", (-inf,), inf, (-inf,)),
    ("cosh", (nan,), nan, (nan,)),
    ("tanh", (inf,), 1.0, (0.0,)),
    ("tanh", (-inf,), -1.0, (0.0,)),
    ("tanh", (1000.0,), 1.0, (0.0,)),
    ("tanh", (nan,), nan, (nan,)),
    ("sigmoid", (inf,), 1.0, (0.0,)),
    ("sigmoid", (-inf,), 0.0, (0.0,)),
    ("sigmoid", (1000.0,), 1.0, (0.0,)),
    ("sigmoid", (-1000.0,), 0.0, (0.0,)),
    ("sigmoid", (nan,), nan, (nan,)),
    ("softplus", (inf,), inf, (1.0,)),
    ("softplus", (-inf,), 0.0, (0.0,)),
    ("softplus", (1000.0,), 1000.0, (1.0,)),
    ("softplus", (-1000.0,), 0.0, (0.0,)),
    ("softplus", (nan,), nan, (nan,)),
    ("erf", (inf,), 1.0, (0.0,)),
    ("erf", (-inf,), -1.0, (0.0,)),
    ("erf", (nan,), nan, (nan,)),
    ("erfc", (inf,), 0.0, (-0.0,)),
    ("erfc", (-inf,), 2.0, (-0.0,)),
    ("erfc", (nan,), nan, (nan,)),
    ("gelu", (0.0,), 0.0, (0.5,)),
    ("gelu", (inf,), inf, (nan,)),
    ("gelu", (-inf,), nan, (nan,)),
    ("gelu", (1000.0,), 1000.0, (1.0,)),
    ("gelu", (nan,), nan, (nan,)),
    ("logaddexp", (0.0, -inf), 0.0, (1.0, 0.0)),
    ("logaddexp", (-inf, 0.0), 0.0, (0.0, 1.0)),
    ("logaddexp", (inf, 0.0), inf, (1.0, 0.0)),
    ("logaddexp", (1000.0, -1000.0), 1000.0, (1.0, 0.0)),
    ("logaddexp", (nan, 0.0), nan, (nan, nan)),
    ("logaddexp", (0.0, nan), nan, (nan, nan)),
    ("add", (inf, -inf), nan, (1.0, 1.0)),
    ("add", (1e308, 1e308), inf, (1.0, 1.0)),
    ("sub", (inf, inf), nan, (1.0, -1.0)),
    ("mul", (0.0, inf), nan, (inf, 0.0)),
    ("mul", (1e308, 10.0), inf, (10.0, 1e308)),
    ("mul", (nan, 0.0), nan, (0.0, nan)),
    ("div", (inf, inf), nan, (0.0, nan)),
    ("div", (1.0, inf), 0.0, (0.0, -0.0)),
    ("div", (1e308, 0.1), inf, (10.0, -inf)),
    ("div", (nan, 1.0), nan, (1.0, nan)),
    ("greater", (1.0, 1.0), 0.0, (0.0, 0.0)),
    ("greater", (1.0, -1.0), 1.0, (0.0, 0.0)),
    ("greater", (-inf, inf), 0.0, (0.0, 0.0)),
    ("greater", (nan, 0.0), nan, (0.0, 0.0)),
    ("clamped_log", (0.0,), -100.0, (0.0,)),
    ("clamped_log", (1e-300,), -100.0, (0.0,)),
    ("clamped_log", (inf,), inf, (0.0,)),
    ("clamped_log", (nan,), nan, (0.0,)),
]


each_border = pytest.mark.parametrize(
    ("name", "point", "result", "slopes"), PYTORCH, ids=[f"{row[0]}{row[1]}" for row in PYTORCH]
)


@each_border
def test_kinks_and_borders_take_the_values_of_pytorch(name, point, result, slopes):
    got, gradients = result_and_slopes(name, point)
    assert same(got, result)
    assert all(map(same, gradients, slopes)), f"got {gradients}, PyTorch has {slopes}"


@each_border
def test_partials_at_kinks_and_borders_are_the_gradients(name, point, result, slopes):
    node = ORACLES[name].call(*map(Value, point))
    assert same(node.data, result)
    assert all(map(same, node.partials(), slopes)), f"got {node.partials()}"


# (name, operands, what we do instead): where PyTorch has an infinity or a NaN and we speak up.
STRICTER = [
    ("log", (0.0,), DomainError),  # PyTorch: -inf
    ("log", (-1.0,), DomainError),  # nan
    ("log1p", (-1.0,), DomainError),  # -inf
    ("sqrt", (-1.0,), DomainError),  # nan
    ("asin", (1.5,), DomainError),  # nan
    ("sin", (inf,), DomainError),  # nan
    ("div", (1.0, 0.0), DivisionByZeroError),  # inf
    ("div", (0.0, 0.0), DivisionByZeroError),  # nan
    ("pow_number", (0.0, -1.0), DivisionByZeroError),  # inf
    ("pow", (0.0, -1.0), DivisionByZeroError),  # inf
    ("pow_number", (-8.0, 1 / 3), DomainError),  # nan
    ("pow", (-8.0, 0.5), DomainError),  # nan
    ("exp", (1000.0,), RangeError),  # inf
    ("expm1", (1000.0,), RangeError),  # inf
    ("sinh", (-1000.0,), RangeError),  # -inf
    ("cosh", (1000.0,), RangeError),  # inf
    ("pow", (10.0, 400.0), RangeError),  # inf
    ("pow_number", (1e-200, -2.0), RangeError),  # inf
]


@pytest.mark.parametrize(("name", "point", "error"), STRICTER)
def test_where_pytorch_answers_inf_or_nan_an_error_is_raised(name, point, error):
    with pytest.raises(error):
        ORACLES[name].call(*map(Value, point))


@pytest.mark.parametrize(("number", "slope"), [(inf, 1.0), (-inf, 0.0)])
def test_logaddexp_of_equal_infinities_has_the_slope_of_each_alone(number, slope):
    """As in JAX for inf; PyTorch: nan. So it is the same in whatever order many are added."""
    assert result_and_slopes("logaddexp", (number, number)) == (number, (slope, slope))


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
EVERYWHERE = [
    float(x)
    for x in "-inf -1e308 -2 -1.5 -1 -0.5 -5e-324 -0 0 5e-324 0.5 1 1.5 2 1e308 inf".split()
]


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
