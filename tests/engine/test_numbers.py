"""Numbers of other types, as operands and as what is assigned to data and grad."""

import math
import operator
from fractions import Fraction

import numpy as np
import pytest

from scalargrad import Value
from scalargrad.engine import constant, parameter
from scalargrad.errors import OperandError
from scalargrad.nn import Neuron

# ── numbers of other types ──────────────────────────────────────────────────────────────────────
NUMPY_TYPES = "int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble"
NUMBERS = [getattr(np, name)(2) for name in [*NUMPY_TYPES.split(), "bool_"]]
NUMBERS += [2, 2.0, True, Fraction(1, 3)]
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
ORDERS = [operator.lt, operator.le, operator.gt, operator.ge]
each_number = pytest.mark.parametrize("number", NUMBERS, ids=lambda x: type(x).__name__)


@each_number
def test_any_real_number_becomes_a_float(number):
    x = Value(number)
    assert type(x.data) is float
    assert x.data == float(number)


@each_number
@pytest.mark.parametrize("function", OPERATORS, ids=lambda function: function.__name__)
def test_any_real_number_works_on_either_side_of_an_operator(function, number):
    x = Value(3.0)
    for result, want in [
        (function(x, number), function(3.0, float(number))),
        (function(number, x), function(float(number), 3.0)),
    ]:
        assert type(result) is Value
        assert type(result.data) is float
        assert result.data == want
        result.backward()
        assert all(type(node.data) is type(node.grad) is float for node in result._prev)


@each_number
@pytest.mark.parametrize("function", ORDERS, ids=lambda function: function.__name__)
def test_any_real_number_works_on_either_side_of_a_comparison(function, number):
    x = Value(2.0)
    assert function(x, number) is function(2.0, float(number))
    assert function(number, x) is function(float(number), 2.0)


@each_number
def test_number_is_never_equal_to_a_node(number):
    x = Value(number)
    assert (operator.eq(x, number), operator.eq(number, x)) == (False, False)
    assert (operator.ne(x, number), operator.ne(number, x)) == (True, True)


# ── what was assigned to data ───────────────────────────────────────────────────────────────────
NO_NUMBERS = {
    "text": ("5", r"got str '5'.*: convert text first, as in Value\(float\(text\)\)"),
    "complex": (1j, r"got complex 1j.*: complex numbers are not supported"),
    "array": (np.ones(2), r"got ndarray array\(\[1\., 1\.\]\).*: make one Value for each element"),
    "array without dimensions": (np.array(2.0), r"got ndarray.*: take the number out of it with"),
    "list": ([1.0], r"got list \[1\.0\].*: make one Value for each element"),
    "Value": (Value(3.0), r"got Value Value\(data=3\.0, grad=0\.0\).*: use its data"),
    "function": (abs, r"got builtin_function_or_method.*: call it first"),
}


@pytest.mark.parametrize("kind", NO_NUMBERS)
@pytest.mark.parametrize("make", [Value, constant, parameter])
def test_backward_finds_a_leaf_that_holds_no_number_and_changes_no_leaf(kind, make):
    data, message = NO_NUMBERS[kind]
    leaf, other = make(2.0), Value(3.0)
    y = leaf * other
    other.grad = 7.0
    leaf.label, leaf.data = "w", data
    with pytest.raises(OperandError, match=f"^data needs one real number, {message}") as caught:
        y.backward()
    assert "(node 'w')" in str(caught.value)
    assert (leaf.grad, other.grad, leaf.data is data) == (0.0, 7.0, True)


@pytest.mark.parametrize("kind", ["none", *NO_NUMBERS])
@pytest.mark.parametrize("make", [Value, constant, parameter])
def test_backward_finds_a_leaf_whose_gradient_is_no_number_and_changes_no_leaf(kind, make):
    grad = None if kind == "none" else NO_NUMBERS[kind][0]
    leaf, other = make(2.0), Value(3.0)
    y = leaf * other
    leaf.label, leaf.grad, other.grad = "w", grad, 7.0
    message = r"^grad needs one real number, got .* \(node 'w'\): set it to 0\.0, or call zero_grad"
    with pytest.raises(OperandError, match=message):
        y.backward()
    assert (leaf.grad is grad, other.grad, leaf.data) == (True, 7.0, 2.0)


@pytest.mark.parametrize("number", [2, True, np.float64(0.5), np.float32(0.5), Fraction(1, 2)])
def test_backward_adds_to_a_gradient_as_to_a_float(number):
    x = Value(2.0)
    x.grad = number
    (x * 0.1).backward()
    assert (x.grad, type(x.grad)) == (float(number) + 0.1, float)


def test_text_that_was_added_to_text_is_found():
    a = Value(2.0, label="a")
    a.data = "5"
    total = a + a
    assert total.data == "55"
    with pytest.raises(OperandError, match=r"got str '5' \(node 'a'\)"):
        total.backward()


def test_result_that_holds_no_number_is_found_where_it_began():
    x = Value(2.0)
    y = x * 3
    y.label, y.data = "y", 1j
    with pytest.raises(OperandError, match=r"got complex 1j \(node 'y'\)"):
        (y * 2 + 1).backward()


@pytest.mark.parametrize("number", [2, True, np.float64(0.5), np.float32(0.5), Fraction(1, 2)])
def test_number_that_was_assigned_becomes_a_float(number):
    w, x = Value(2.0), Value(3.0)
    w.data = number
    y = w * x + w
    y.backward()
    assert [type(node.data) for node in (w, x, y)] == [float] * 3
    assert (w.data, w.grad, x.grad) == (float(number), 4.0, float(number))
    assert type(x.grad) is float


def test_step_with_numbers_of_numpy_leaves_floats_at_the_next_backward():
    w = Value(2.0)
    for slope in np.array([0.5, 0.25]):
        w.data -= 0.1 * slope
        w.grad = 0.0
        (w * w).backward()
    assert type(w.data) is type(w.grad) is float


def test_plus_sign_leaves_a_value_as_it_is():
    x = Value(-2.0)
    assert +x is x


FORWARD = {
    "*": lambda x, w: w * x,
    "* 2": lambda _, w: w * 2,
    "+": lambda x, w: x + w,
    "/": lambda x, w: x / w,
    "**": lambda x, w: w**x,
    "tanh": lambda _, w: w.tanh(),
    "relu": lambda _, w: w.relu(),
    "log": lambda _, w: w.log(),
    "max": lambda x, w: w.max(x),
    "tanh of a sum": lambda x, w: (w * x + 1.0).tanh(),
    "a neuron": lambda x, w: Neuron(2, seed=0)([w, x]),
}


@pytest.mark.parametrize("data", [None, "5", 1j, [1.0], Value(1.0)], ids=repr)
@pytest.mark.parametrize("operation", FORWARD)
def test_an_operation_that_fails_on_what_was_assigned_names_it(operation, data):
    """As ``p.data = p - rate * p.grad``, which makes a Value of the data."""
    x, w = Value(3.0, label="x"), Value(2.0, label="w")
    w.data = data
    # What Python can compute with it is found by whoever computes on.
    with pytest.raises(OperandError, match=r"^data needs one real number, got .* \(node 'w'\): "):
        FORWARD[operation](x, w).backward()


def test_an_operation_that_fails_on_anything_else_keeps_its_error():
    with pytest.raises(OperandError, match="a Value holds one real number, got str 'x'"):
        Value(2.0) * "x"
    with pytest.raises(OperandError, match=r"write value\.exp\(\)"):
        math.exp(Value(2.0))
