"""Kinks, borders and infinities of the table: PyTorch's values."""

import math

import pytest
from oracles import ORACLES
from rows import inf, nan, result_and_slopes

from scalargrad import Value
from scalargrad.errors import DivisionByZeroError, DomainError, RangeError


def same(got, want):
    return got == want or (math.isnan(got) and math.isnan(want))


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
