"""NumPy with Values: an array computes element by element, and a function has its gradient."""

import operator
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import repeatable

from scalargrad import Value
from scalargrad.engine import parameter
from scalargrad.errors import OperandError
from scalargrad.ops import PRIMITIVES

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
ORDERS = [operator.lt, operator.le, operator.gt, operator.ge]
EQUALITIES = [operator.eq, operator.ne]

by_name = {"ids": lambda function: function.__name__}


def values(shape):
    array = np.empty(shape, object)
    for i, place in enumerate(np.ndindex(array.shape)):
        array[place] = Value(1.5 + i, label=f"v{i}")
    return array


ARRAYS = {
    "floats": lambda: np.array([1.0, 3.0, 0.5]),
    "ints": lambda: np.array([[1, 2], [3, 4]]),
    "bools": lambda: np.array([True, True]),
    "single precision": lambda: np.ones(2, np.float32),
    "wide": lambda: np.ones(2, np.longdouble),
    "no dimensions": lambda: np.array(2.0),
    "one Value": lambda: values(()),
    "Values": lambda: values(3),
    "table of Values": lambda: values((2, 2)),
    "numbers as objects": lambda: np.array([1, 2.5], object),
    "Values and numbers": lambda: np.array([Value(1.5), 2.0], object),
    "nothing": lambda: np.array([]),
    "every second": lambda: np.arange(1.0, 7.0)[::2],
    "read only": lambda: np.broadcast_to(2.0, (2, 3)),
}

each_array = pytest.mark.parametrize("make", ARRAYS.values(), ids=ARRAYS)


def assert_all_elements(result, want):
    """Check the elements of an array, or the one Value that an array without dimensions gives."""
    if isinstance(want, Value):
        assert type(result) is Value
        result, want = [result], [want]
    else:
        assert result.dtype == object
        assert result.shape == want.shape
        result, want = result.ravel(), want.ravel()
    for node, other in zip(result, want, strict=True):
        assert type(node) is Value
        assert type(node.data) is float
        assert (node.data, node._op) == (other.data, other._op)
        for x, y in zip(node._prev, other._prev, strict=True):
            assert x is y or (x.data, x.kind) == (y.data, y.kind)


def element_by_element(function, array):
    """Compute with the elements as Python has them: the answer to compare with."""
    if array.ndim == 0:
        return function(array.item())
    result = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        x = array[place]
        result[place] = function(x if isinstance(x, Value) else float(x))
    return result


# ── operators ───────────────────────────────────────────────────────────────────────────────────


@each_array
@pytest.mark.parametrize("function", OPERATORS, **by_name)
def test_operator_with_an_array_on_either_side_is_that_of_its_elements(function, make):
    array, x = make(), Value(2.5, label="x")
    left = element_by_element(lambda element: function(element, x), array)
    right = element_by_element(lambda element: function(x, element), array)
    assert_all_elements(function(array, x), left)
    assert_all_elements(function(x, array), right)


@each_array
@pytest.mark.parametrize("function", ORDERS + EQUALITIES, **by_name)
def test_comparison_with_an_array_is_that_of_its_elements(function, make):
    array, x = make(), Value(1.5)
    want = element_by_element(lambda element: function(element, x), array)
    assert np.array_equal(function(array, x), want)
    want = element_by_element(lambda element: function(x, element), array)
    assert np.array_equal(function(x, array), want)
    assert np.asarray(function(array, x)).dtype == bool


@pytest.mark.parametrize("function", OPERATORS, **by_name)
def test_arrays_of_nodes_and_of_numbers_compute_with_each_other(function):
    nodes, numbers = values(3), np.array([1.0, 3.0, 0.5])
    for left, right in [(nodes, numbers), (numbers, nodes), (nodes, nodes), (nodes, 2), (2, nodes)]:
        want = [function(x, y) for x, y in np.broadcast(left, right)]
        assert [node.data for node in function(left, right)] == [node.data for node in want]


@given(
    shape=st.lists(st.integers(0, 3), max_size=3).map(tuple),
    function=st.sampled_from(OPERATORS),
    swapped=st.booleans(),
)
@repeatable
def test_gradients_through_arrays_are_those_of_their_elements(shape, function, swapped):
    array, nodes = np.linspace(0.5, 1.5, np.prod(shape, dtype=int)).reshape(shape), values(shape)
    for operand in (array, nodes):
        x, y = Value(1.25), Value(1.25)
        result = function(operand, x) if swapped else function(x, operand)
        for node in np.ravel(result):
            node.backward()
        for element in np.ravel(operand):
            (function(element, y) if swapped else function(y, element)).backward()
        assert x.grad == y.grad


def test_array_of_nodes_computes_element_by_element():
    x = np.array([Value(1.0), Value(2.0)])
    w = np.array([[Value(3.0), Value(4.0)], [Value(5.0), Value(6.0)]])
    assert x.dtype == w.dtype == object
    y = np.tanh(w @ x * 0.1 + np.array([0.5, 1.5])).sum()
    assert type(y) is Value
    y.backward()
    assert all(type(node.grad) is float and node.grad for node in [*x, *w.flat])


def test_dot_outer_and_sums_give_nodes():
    x, numbers = Value(2.0), np.array([1.0, 3.0])
    assert np.dot(numbers, values(2)).data == 1.5 + 7.5
    assert [node.data for node in np.multiply.outer(numbers, x)] == [2.0, 6.0]
    assert (np.sum(x), np.mean([x, x]).data, np.add.reduce(x)) == (x, 2.0, x)
    assert sum(numbers * x).data == 8.0


def test_arrays_of_nodes_change_in_place_and_arrays_of_numbers_do_not():
    nodes, numbers, x = values(2), np.array([1.0, 3.0]), Value(2.0)
    nodes *= x
    assert [node.data for node in nodes] == [3.0, 5.0]
    with pytest.raises(
        OperandError, match=r"cannot hold Values: write array = array \+ value, and"
    ):
        numbers += x
    with pytest.raises(OperandError, match="cannot hold Values"):
        np.add(numbers, x, out=numbers)
    assert numbers.tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    ("array", "advice"),
    [
        (np.array(["1"]), "convert text first"),
        (np.array([1j]), "complex numbers are not supported"),
        (np.array([None]), "give it an int or a float"),
        (np.complex128(1j), "complex numbers are not supported"),
        (np.datetime64("2020-01-01"), "give it an int or a float"),
    ],
)
def test_elements_that_are_no_numbers_are_refused(array, advice):
    for function in (lambda: array * Value(1.0), lambda: Value(1.0) * array):
        with pytest.raises(OperandError, match=advice):
            function()


@pytest.mark.parametrize("method", ["max", "min", "logaddexp", "greater", "leaky_relu"])
def test_no_array_ends_up_in_a_node(method):
    array = np.array([1.0, 2.0])
    for call in (lambda: getattr(Value(1.0), method)(array), lambda: Value(array)):
        with pytest.raises(OperandError, match=r"write|make one Value for each element"):
            call()


def test_lists_are_no_arrays():
    for call in (lambda: Value(1.0) * [1, 2], lambda: [1, 2] * Value(1.0)):
        with pytest.raises(OperandError, match="make one Value for each element"):
            call()


def test_columns_of_a_table_compute_element_by_element():
    pandas = pytest.importorskip("pandas")
    column, x = pandas.Series([1.0, 3.0], index=["a", "b"]), Value(2.0)
    for result in (column * x, x * column):
        assert list(result.index) == ["a", "b"]
        assert [node.data for node in result] == [2.0, 6.0]
    assert (column < x).tolist() == (x > column).tolist() == [True, False]


# ── functions ───────────────────────────────────────────────────────────────────────────────────

UFUNCS = {name: f for name, f in vars(np).items() if isinstance(f, np.ufunc)}

#: What NumPy calls what Values can do.
MEANINGS = {name: name for name in PRIMITIVES if name in UFUNCS and hasattr(Value, name)}
MEANINGS |= {"arcsin": "asin", "arccos": "acos", "arctan": "atan"}
MEANINGS |= {"asin": "asin", "acos": "acos", "atan": "atan"} if "asin" in UFUNCS else {}
MEANINGS |= {"maximum": "max", "minimum": "min", "absolute": "abs", "abs": "abs", "fabs": "abs"}
MEANINGS |= {"negative": "neg"}
MEANINGS.pop("greater")
SYMBOLS = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul}
SYMBOLS |= {"divide": operator.truediv, "true_divide": operator.truediv, "power": operator.pow}
SYMBOLS |= {"pow": operator.pow} if "pow" in UFUNCS else {}
SYMBOLS |= {"positive": operator.pos, "square": lambda x: x * x, "reciprocal": lambda x: 1 / x}
ANSWERS = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}


@pytest.mark.parametrize("name", sorted(MEANINGS | SYMBOLS))
def test_function_of_numpy_is_the_operation_with_its_gradient(name):
    def ours(*nodes):
        return (
            SYMBOLS[name](*nodes)
            if name in SYMBOLS
            else getattr(nodes[0], MEANINGS[name])(*nodes[1:])
        )

    nodes, twins = ([parameter(x) for x in (0.5, 0.75)][: UFUNCS[name].nin] for _ in range(2))
    got, want = UFUNCS[name](*nodes), ours(*twins)
    assert type(got) is Value
    got.backward()
    want.backward()
    assert (got.data, got._op) == (want.data, want._op)
    assert [node.grad for node in nodes] == [node.grad for node in twins]


@pytest.mark.parametrize("name", sorted(UFUNCS))
def test_function_of_numpy_gives_a_node_a_truth_or_a_sentence(name):
    ufunc, x = UFUNCS[name], Value(0.5)
    operands = list(product([x, 0.25, np.array([0.25, 0.5])], repeat=ufunc.nin))
    for inputs in operands:
        if not any(one is x for one in inputs):
            continue
        if name in MEANINGS or name in SYMBOLS or name in ANSWERS:
            for one in np.ravel(ufunc(*inputs)):
                assert type(one) is Value or name in ANSWERS
        else:
            with pytest.raises(OperandError, match=f"np.{ufunc.__name__} is no operation of Valu"):
                ufunc(*inputs)


@pytest.mark.parametrize("name", sorted(MEANINGS))
def test_function_of_numpy_works_with_arrays_on_the_other_side(name):
    if UFUNCS[name].nin == 2:
        x, array = Value(0.5), np.array([0.25, 0.75])
        for result in (UFUNCS[name](x, array), UFUNCS[name](array, x)):
            want = [getattr(x, MEANINGS[name])(one).data for one in array]
            assert [node.data for node in result] == want


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan"])
def test_function_of_an_array_of_nodes_is_that_of_its_elements(name):
    nodes = values((2, 2))
    result = UFUNCS[name](nodes)
    assert [node._op for node in result.flat] == [name] * 4
    assert [node._prev[0] for node in result.flat] == list(nodes.flat)


@pytest.mark.parametrize("name", ["arcsin", "arccos", "arctan"])
def test_inverse_functions_of_arrays_of_nodes_are_those_of_their_elements(name):
    x = Value(0.25)
    (result,) = UFUNCS[name](np.array([x]))
    assert result.data == getattr(x, name.replace("arc", "a"))().data


def test_errors_of_operations_come_through():
    with pytest.raises(ValueError, match=r"log needs x > 0, got -1\.0"):
        np.log(Value(-1.0))
    with pytest.raises(ZeroDivisionError, match="x / y divides by zero"):
        np.array([1.0]) / Value(0.0)
