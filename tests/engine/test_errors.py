"""Errors: the right type, also as the built-in one, and a sentence that helps."""

import builtins
import inspect
import math
import operator
import pickle
import re
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

import scalargrad
from scalargrad import SGD, Adam, Value, errors, grad, hessian
from scalargrad.engine import constant, parameter
from scalargrad.errors import (
    DivisionByZeroError,
    DomainError,
    OperandError,
    RangeError,
    ScalargradError,
)
from scalargrad.ops import PRIMITIVES

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
ORDERS = [operator.lt, operator.le, operator.gt, operator.ge]


def by_name(function):
    return function.__name__


# ── the hierarchy ───────────────────────────────────────────────────────────────────────────────

TREE = dict(re.findall(r"── (\w+) +\((\w+)\)", errors.__doc__))


def test_tree_in_the_docstring_shows_every_error():
    assert TREE.keys() | {"ScalargradError"} == set(errors.__all__)


@pytest.mark.parametrize("name", TREE)
def test_error_also_is_the_built_in_one(name):
    error, built_in = getattr(errors, name), getattr(builtins, TREE[name])
    assert error.__bases__ == (ScalargradError, built_in)
    assert not issubclass(ScalargradError, (ValueError, TypeError, ArithmeticError))
    with pytest.raises(built_in, match="what happened"):
        raise error("what happened")


@pytest.mark.parametrize("name", TREE)
def test_error_has_a_docstring_of_its_own_and_can_be_pickled(name):
    error = getattr(errors, name)
    assert inspect.getdoc(error)
    assert error.__doc__ != ScalargradError.__doc__
    twin = pickle.loads(pickle.dumps(error("what happened")))
    assert type(twin) is error
    assert str(twin) == "what happened"


# ── outside of a domain ─────────────────────────────────────────────────────────────────────────

POWER = "x > 0 or (x < 0 and y % 1 == 0) or (x == 0 and y >= 0)"


def node(data):
    return Value(data, label="loss")


# what fails, our error, the built-in one, the whole sentence
FAILURES = [
    (lambda: node(-2.0).log(), DomainError, ValueError,
     "log needs x > 0, got -2.0 (node 'loss')"),
    (lambda: node(0.0).log(), DomainError, ValueError,
     "log needs x > 0, got 0.0 (node 'loss')"),
    (lambda: Value(-2.0).log(), DomainError, ValueError,
     "log needs x > 0, got -2.0"),
    (lambda: node(-1.0).log1p(), DomainError, ValueError,
     "log1p needs x > -1, got -1.0 (node 'loss')"),
    (lambda: node(-4.0).sqrt(), DomainError, ValueError,
     "sqrt needs x >= 0, got -4.0 (node 'loss')"),
    (lambda: node(1.5).asin(), DomainError, ValueError,
     "asin needs abs(x) <= 1, got 1.5 (node 'loss')"),
    (lambda: node(-1.5).acos(), DomainError, ValueError,
     "acos needs abs(x) <= 1, got -1.5 (node 'loss')"),
    (lambda: node(math.inf).sin(), DomainError, ValueError,
     "sin needs abs(x) < inf, got inf (node 'loss')"),
    (lambda: node(-math.inf).cos(), DomainError, ValueError,
     "cos needs abs(x) < inf, got -inf (node 'loss')"),
    (lambda: node(math.inf).tan(), DomainError, ValueError,
     "tan needs abs(x) < inf, got inf (node 'loss')"),
    (lambda: node(-8.0) ** 0.5, DomainError, ValueError,
     f"x ** y needs {POWER}, got x = -8.0 (node 'loss') and y = 0.5"),
    (lambda: node(-8.0) ** Value(0.5, label="p"), DomainError, ValueError,
     f"x ** y needs {POWER}, got x = -8.0 (node 'loss') and y = 0.5 (node 'p')"),
    (lambda: (-8.0) ** node(0.5), DomainError, ValueError,
     f"x ** y needs {POWER}, got x = -8.0 and y = 0.5 (node 'loss')"),
    (lambda: node(1.0) / 0, DivisionByZeroError, ZeroDivisionError,
     "x / y divides by zero, got x = 1.0 (node 'loss') and y = 0.0"),
    (lambda: 1 / node(0.0), DivisionByZeroError, ZeroDivisionError,
     "x / y divides by zero, got x = 1.0 and y = 0.0 (node 'loss')"),
    (lambda: Value(3.0, label="a") / Value(-0.0, label="b"), DivisionByZeroError,
     ZeroDivisionError, "x / y divides by zero, got x = 3.0 (node 'a') and y = -0.0 (node 'b')"),
    (lambda: node(0.0) ** -1, DivisionByZeroError, ZeroDivisionError,
     "x ** y divides by zero, got x = 0.0 (node 'loss') and y = -1.0"),
    (lambda: 0 ** node(-0.5), DivisionByZeroError, ZeroDivisionError,
     "x ** y divides by zero, got x = 0.0 and y = -0.5 (node 'loss')"),
    (lambda: node(1000.0).exp(), RangeError, OverflowError,
     "exp is larger than the largest float, got 1000.0 (node 'loss')"),
    (lambda: node(1000.0).expm1(), RangeError, OverflowError,
     "expm1 is larger than the largest float, got 1000.0 (node 'loss')"),
    (lambda: node(-1000.0).sinh(), RangeError, OverflowError,
     "sinh is larger than the largest float, got -1000.0 (node 'loss')"),
    (lambda: node(1000.0).cosh(), RangeError, OverflowError,
     "cosh is larger than the largest float, got 1000.0 (node 'loss')"),
    (lambda: node(10.0) ** 400, RangeError, OverflowError,
     "x ** y is larger than the largest float, got x = 10.0 (node 'loss') and y = 400.0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fail", "error", "built_in", "message"), FAILURES, ids=[row[-1][:24] for row in FAILURES]
)
def test_operation_outside_of_its_domain_says_what_it_needs(fail, error, built_in, message):
    with pytest.raises(built_in) as caught:
        fail()
    assert type(caught.value) is error
    assert isinstance(caught.value, ScalargradError)
    assert str(caught.value) == message
    assert caught.value.__suppress_context__  # one traceback: that of the user's line
    assert caught.value.__cause__ is None


def test_every_row_with_a_domain_has_a_failure_in_the_table():
    messages = " ".join(row[-1] for row in FAILURES)
    for row in PRIMITIVES.values():
        assert not row.domain or row.domain in messages or row.name in ("div", "ieee_pow")


@pytest.mark.parametrize(
    "fail", [row[0] for row in FAILURES], ids=[row[-1][:24] for row in FAILURES]
)
def test_failed_operation_can_be_caught_as_one_of_ours(fail):
    with pytest.raises(ScalargradError):
        fail()


def test_failed_operation_leaves_its_operands_as_they_were():
    x, y = Value(-2.0, label="x"), Value(0.0, label="y")
    good = x * y
    good.backward()
    before = [(v.data, v.grad, v.label, v._prev, v.kind) for v in (x, y, good)]
    for fail in (x.log, lambda: x / y, lambda: x**0.5, lambda: y**x, lambda: (x * -500).exp()):
        with pytest.raises(ScalargradError):
            fail()
    assert before == [(v.data, v.grad, v.label, v._prev, v.kind) for v in (x, y, good)]
    good.backward()
    assert (x.grad, y.grad) == (0.0, -4.0)


@pytest.mark.parametrize("data", [None, "3", [1.0], {}])
@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x * 2.5,
        lambda x: 2.5 * x,
        lambda x: x.exp(),
        lambda x: x.max(1),
        lambda x: Value(1.0) - x,
    ],
)
def test_operation_on_data_that_is_no_number_says_so(data, operation):
    x = Value(1.0, label="loss")
    x.data = data
    with pytest.raises(OperandError) as caught:
        operation(x)
    got = f"{type(data).__name__} {data!r} (node 'loss'): "  # and what to do
    assert str(caught.value).startswith(f"data needs one real number, got {got}")
    assert caught.value.__suppress_context__


def test_array_as_data_is_named_where_an_operation_cannot_compute_with_it():
    x = Value(1.0, label="loss")
    x.data = np.array([1.0, 2.0])
    with pytest.raises(OperandError, match=r"real number, got ndarray.* \(node 'loss'\): make one"):
        x.exp()


def test_hostile_label_stays_on_one_line_of_the_message():
    with pytest.raises(DomainError) as caught:
        Value(-1.0, label="a\nb 'c'").log()
    assert "\n" not in str(caught.value)
    assert r"a\nb 'c'" in str(caught.value)


def test_plain_arithmetic_overflows_to_infinity_as_floats_do():
    x = Value(1e308)
    assert [(x + x).data, (x * -10).data, (-x - x).data, (x / 0.1).data] == [
        math.inf,
        -math.inf,
        -math.inf,
        math.inf,
    ]


# ── wrong types ─────────────────────────────────────────────────────────────────────────────────

#: What is not a number, and what the message advises.
WRONG = [
    ("3", r"float\(text\)"),
    (b"3", r"float\(text\)"),
    (None, "an int or a float"),
    (1j, "complex numbers are not supported"),
    (np.complex128(1j), "complex numbers are not supported"),
    (np.complex64(1j), "complex numbers are not supported"),
    ([1.0, 2.0], "one Value for each element"),
    ((1.0,), "one Value for each element"),
    ({1.0: 2.0}, "one Value for each element"),
    ({1.0}, "one Value for each element"),
    (Decimal("1.5"), "an int or a float"),
    (object(), "an int or a float"),
    (math.sin, "call it first"),
]

#: What operators take element by element, but a Value does not hold.
ARRAYS = [
    (np.array([1.0, 2.0]), "one Value for each element"),
    (np.array([[1, 2]]), "one Value for each element"),
    (np.array(2.0), r"\.item\(\)"),
    (np.array(["a"]), "one Value for each element"),
]


def each(things):
    ids = [f"{type(thing).__name__}{k}" for k, (thing, _) in enumerate(things)]
    return pytest.mark.parametrize(("thing", "advice"), things, ids=ids)


each_wrong_type, each_wrong_type_or_array = each(WRONG), each(WRONG + ARRAYS)


@each_wrong_type_or_array
@pytest.mark.parametrize("make", [Value, constant, parameter], ids=by_name)
def test_wrong_type_is_refused_with_advice(make, thing, advice):
    with pytest.raises(TypeError, match=advice) as caught:
        make(thing)
    assert type(caught.value) is OperandError
    assert type(thing).__name__ in str(caught.value)
    assert "\n" not in str(caught.value)


@each_wrong_type
@pytest.mark.parametrize("function", OPERATORS, ids=by_name)
def test_wrong_type_is_refused_on_either_side_of_an_operator(function, thing, advice):
    x = Value(2.0)
    with pytest.raises(OperandError, match=advice):
        function(x, thing)
    with pytest.raises(OperandError, match=advice):
        function(thing, x)
    assert (x.data, x.grad) == (2.0, 0.0)


@each_wrong_type
@pytest.mark.parametrize("function", ORDERS, ids=by_name)
def test_wrong_type_is_refused_on_either_side_of_a_comparison(function, thing, advice):
    with pytest.raises(OperandError, match=advice):
        function(Value(2.0), thing)
    with pytest.raises(OperandError, match=advice):
        function(thing, Value(2.0))


@each_wrong_type_or_array
@pytest.mark.parametrize("method", ["max", "min", "logaddexp", "leaky_relu"])
def test_wrong_type_is_refused_by_a_method(method, thing, advice):
    with pytest.raises(OperandError, match=advice):
        getattr(Value(2.0), method)(thing)


@pytest.mark.parametrize("make", [Value, parameter, constant], ids=by_name)
def test_value_of_a_value_is_refused_with_advice(make):
    with pytest.raises(OperandError, match="is a Value already, use it as it is"):
        make(Value(3.0, label="x"))


def test_span_of_time_which_numpy_calls_an_integer_is_refused_with_advice():
    with pytest.raises(OperandError, match="an int or a float"):
        Value(np.timedelta64(3, "s"))


@pytest.mark.parametrize(
    "number",
    [10**400, -(10**400), Fraction(10**400, 3), 10**5000],
    ids=["large", "-large", "fraction", "too long to print"],
)
@pytest.mark.parametrize("use", [Value, lambda n: Value(2.0) * n, lambda n: n - Value(2.0)])
def test_number_beyond_the_largest_float_is_a_range_error(use, number):
    with pytest.raises(OverflowError) as caught:
        use(number)
    assert type(caught.value) is RangeError


def test_message_about_a_long_thing_is_short():
    with pytest.raises(OperandError) as caught:
        Value(["x" * 1000] * 1000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("children", [(1.0,), ["a"], [Value(1.0), None]])
def test_operands_of_an_own_operation_must_be_values(children):
    with pytest.raises(OperandError, match="operands of a Value are Values"):
        Value(1.0, children, "mine")


def test_lone_value_as_operands_is_refused_with_advice():
    with pytest.raises(OperandError, match="operands"):
        Value(1.0, Value(2.0), "mine")


@pytest.mark.parametrize("thing", [None, 3.0, "step"])
def test_step_that_cannot_be_called_is_refused(thing):
    y = Value(1.0) * 2
    with pytest.raises(OperandError, match="_backward needs a function"):
        y._backward = thing
    y.backward()
    assert y._prev[0].grad == 2.0


@pytest.mark.parametrize("name", ["_prev", "_op", "kind", "primitive"])
def test_what_a_node_is_cannot_be_reassigned(name):
    with pytest.raises(AttributeError):
        setattr(Value(1.0), name, ())


@pytest.mark.parametrize("function", [operator.mod, operator.floordiv, operator.matmul, divmod])
def test_operator_without_a_derivative_is_a_type_error(function):
    with pytest.raises(TypeError):
        function(Value(3.0), 2)
    with pytest.raises(TypeError):
        function(2, Value(3.0))


def test_error_in_an_own_operation_comes_through_as_it_is():
    x = Value(2.0)
    y = Value(4.0, (x,), "mine")
    y._backward = lambda: [][0]
    with pytest.raises(IndexError):
        (y * 2).backward()


# ── what was assigned to data is found by whoever computes with it ───────────────────────────────


def _learning(x, w):
    return scalargrad.compile(x * w, [x], wrt=[w])


READERS = {
    "backward": lambda x, w: (x * w).backward,
    "grad": lambda x, w: partial(grad, x * w, [x]),
    "hessian": lambda x, w: partial(hessian, x * w, [x]),
    "compile, with a parameter": lambda x, w: partial(scalargrad.compile, x * w, [x], wrt=[w]),
    "compile, with a constant": lambda x, w: partial(scalargrad.compile, x * w, [x]),
    "program.pull": lambda x, w: _learning(x, w).pull,
    "SGD.step": lambda *leaves: SGD(leaves, 0.1).step,
    "Adam.step": lambda *leaves: Adam(leaves).step,
}


@pytest.mark.parametrize("data", [None, "5", 1j, [1.0], np.ones(1), np.array(1.0), Value(1.0)])
@pytest.mark.parametrize("reader", READERS)
def test_data_that_is_no_number_is_found_by_whoever_computes_with_it(reader, data):
    x, w = Value(3.0, label="x"), Value(2.0, label="w")
    read = READERS[reader](x, w)
    w.data = data
    with pytest.raises(OperandError, match=r"^data needs one real number, got .* \(node 'w'\): "):
        read()
    assert w.data is data
