"""What a node is: a leaf or a result, its order, its text, and no float by accident."""

import cmath
import linecache
import math
import operator
from math import log1p

import numpy as np
import pytest

from scalargrad import Value
from scalargrad.engine import constant, operands, parameter
from scalargrad.errors import OperandError
from scalargrad.ops import PRIMITIVES


def test_leaf_has_no_operands_and_no_symbol():
    leaf = Value(3)
    assert (leaf._prev, leaf._op, leaf.kind, leaf.primitive) == ((), "", "leaf", None)
    assert (leaf.data, leaf.grad, leaf.label) == (3.0, 0.0, "")
    assert type(leaf.data) is type(leaf.grad) is float


def test_kinds_of_leaves():
    assert (constant(1.0).kind, parameter(1.0, "w").kind) == ("constant", "parameter")
    assert parameter(1.0, "w").label == "w"


@pytest.mark.parametrize(
    "function",
    [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow],
    ids=lambda function: function.__name__,
)
def test_number_operand_is_an_unlabelled_constant_leaf(function):
    x = Value(3.0, label="x")
    for result, place in [(function(x, 2), 1), (function(2, x), 0)]:
        assert result._prev[1 - place] is x
        number = result._prev[place]
        assert (number.data, number.label, number.kind, number._prev) == (2.0, "", "constant", ())


@pytest.mark.parametrize("method", ["max", "min", "logaddexp", "leaky_relu"])
def test_number_operand_of_a_method_is_a_constant_leaf(method):
    result = getattr(Value(3.0), method)(2)
    assert (result._prev[1].data, result._prev[1].kind) == (2.0, "constant")


def test_default_slope_of_leaky_relu_is_an_operand():
    assert Value(-2.0).leaky_relu()._prev[1].data == 0.01


def test_operands_keep_order_and_duplicates():
    a, b = Value(1.0), Value(2.0)
    assert (b - a)._prev == operands(b - a) == (b, a)
    assert (a / a)._prev == (a, a)
    assert Value(0.0, [b, a, b], "mine")._prev == (b, a, b)


def test_equality_and_hash_are_identity():
    a, b = Value(1.0), Value(1.0)
    assert a == a
    assert a != b
    assert a != 1.0
    assert len({a, b, a}) == 2
    assert {a: "a", b: "b"}[b] == "b"


@pytest.mark.parametrize(
    "function",
    [operator.lt, operator.le, operator.gt, operator.ge],
    ids=lambda function: function.__name__,
)
@pytest.mark.parametrize(("x", "y"), [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0), (1.0, math.nan)])
def test_order_looks_at_data(function, x, y):
    want = function(x, y)
    assert function(Value(x), Value(y)) is want
    assert function(Value(x), y) is want
    assert function(x, Value(y)) is want


def test_sorting_and_the_largest_give_back_the_nodes():
    a, b, c = Value(3.0), Value(1.0), Value(2.0)
    assert sorted([a, b, c]) == [b, c, a]
    assert max([a, b, c]) is a
    assert min(b, 5.0) is b


def test_node_serves_as_a_number():
    x = Value(2.718, label="e")
    assert round(x, 2) == 2.72
    assert type(round(x)) is int
    assert round(x) == 3
    assert f"{x:.1f}|{x:8.3f}|{x:e}" == "2.7|   2.718|2.718000e+00"
    assert f"{x}" == str(x) == repr(x)
    assert (bool(x), bool(Value(0.0)), bool(Value(-0.0))) == (True, False, False)


NAMED = {
    "math.exp": (lambda x: math.exp(x), "exp"),
    "math.tanh of a result": (lambda x: 3 * math.tanh(x * 2) + 1, "tanh"),
    "a name alone": (lambda x: log1p(x), "log1p"),
    "another library": (lambda x: cmath.sqrt(x), "sqrt"),
    "in a comprehension": (lambda x: [math.sin(y) for y in [x]], "sin"),
}
UNNAMED = {
    "float": float,
    "complex": complex,
    "math.pow": lambda x: math.pow(x, 2),
    "math.floor": math.floor,
    "math.isnan": math.isnan,
    "math.fsum": lambda x: math.fsum([x]),
    "a function by another name": lambda x: next(map(math.exp, [x])),
    "percent": lambda x: "%.2f" % x,  # noqa: UP031
    "array of floats": lambda x: np.array([x, x], float),
    "asarray": lambda x: np.asarray(x, float),
    "astype": lambda x: np.array([[x]]).astype(float),
    "numpy scalar": np.float64,
    "element of an array": lambda x: np.zeros(1).__setitem__(0, x),
    "code without a source": eval("lambda x: math.exp(x)", {"math": math}),
}


@pytest.mark.parametrize("name", NAMED)
def test_function_that_would_lose_the_gradient_says_which_method_keeps_it(name):
    call, method = NAMED[name]
    with pytest.raises(OperandError) as caught:
        call(Value(0.5, label="x"))
    assert str(caught.value).endswith(
        f" loses its gradient if it becomes a float: write value.{method}(), or value.data for the "
        "bare number"
    )


@pytest.mark.parametrize("name", UNNAMED)
def test_number_is_asked_for_by_its_name(name):
    x = Value(0.5, label="x")
    with pytest.raises(OperandError) as caught:
        UNNAMED[name](x)
    assert str(caught.value) == (
        "Value(data=0.5, grad=0.0, label='x') loses its gradient if it becomes a float: use "
        "methods such as value.exp(), or value.data for the bare number"
    )


@pytest.mark.parametrize("call", [int, lambda x: np.array([x], int)])
def test_int_of_a_node_is_refused_as_well(call):
    with pytest.raises(OperandError, match="loses its gradient if it becomes an int: use methods"):
        call(Value(2.0))


@pytest.mark.parametrize("name", [n for n in vars(math) if n in PRIMITIVES and hasattr(Value, n)])
def test_every_function_of_math_that_has_a_method_names_it(name):
    file, text = f"<{name}>", f"math.{name}(x)"
    linecache.cache[file] = (len(text), None, [text], file)
    with pytest.raises(OperandError, match=rf": write value\.{name}\(\), or value\.data"):
        exec(compile(text, file, "exec"), {"math": math, "x": Value(0.5)})


def test_repr_is_one_line_with_label_data_and_gradient():
    x = Value(2.0, label='a "hostile"\nlabel \\')
    x.grad = 0.5
    assert repr(x) == "Value(data=2.0, grad=0.5, label='a \"hostile\"\\nlabel \\\\')"
    assert repr(Value(-0.1)) == "Value(data=-0.1, grad=0.0)"


def test_sum_of_nodes_is_a_node():
    nodes = [Value(k) for k in range(4)]
    total = sum(nodes)
    total.backward()
    assert total.data == 6.0
    assert [node.grad for node in nodes] == [1.0] * 4


def test_assignment_operators_make_new_nodes():
    x = y = Value(8.0)
    y += 1
    y -= 2
    y *= 3
    y /= 7
    y **= 2
    y.backward()
    assert (x.data, y.data) == (8.0, 9.0)
    assert x.grad == pytest.approx(2 * 3 * 3 / 7, rel=1e-15)
