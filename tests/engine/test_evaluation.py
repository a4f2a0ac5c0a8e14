"""A graph at other numbers gives what the same code gives for them, and stays as it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import programs, repeatable

from scalargrad import Value
from scalargrad.errors import OperandError


@repeatable
@given(programs(size=20), st.data())
def test_at_gives_what_the_code_gives_for_these_numbers(program, data):
    numbers = [data.draw(st.floats(0.5, 1.5)) for _ in program.inputs]
    leaves = [Value(x) for x in program.inputs]
    root = program.values(leaves)[-1]
    before = root.data
    try:
        expected = program.values([Value(x) for x in numbers])[-1].data
    except (ArithmeticError, ValueError):  # of some of several faults, in another order
        with pytest.raises((ArithmeticError, ValueError)):
            root.at(dict(zip(leaves, numbers, strict=True)))
    else:
        found = root.at(dict(zip(leaves, numbers, strict=True)))
        assert found == expected or (math.isnan(found) and math.isnan(expected))
    assert (root.data, [leaf.data for leaf in leaves]) == (before, list(program.inputs))


def test_leaves_that_are_not_given_keep_their_data():
    a, b = Value(2.0), Value(3.0)
    total = a * b + 1
    assert total.at({}) == 7.0
    assert total.at({a: 5}) == 16.0
    b.data = 10.0
    assert total.at({a: 5.0}) == 51.0
    assert total.data == 7.0


def test_a_leaf_is_its_own_graph():
    a = Value(2.0)
    assert a.at({a: 3}) == 3.0


def test_a_deep_graph_needs_no_recursion():
    x = y = Value(1.0)
    for _ in range(50_000):
        y = y + x
    assert y.at({x: 2.0}) == 100_002.0


A = Value(2.0, label="a")
TWO = A * 2
OWN = Value(4.0, (A,), "square")


@pytest.mark.parametrize(
    ("root", "numbers", "kind", "words"),
    [
        (TWO, 3.0, OperandError, r"at needs numbers by leaf, as in at\(\{a: 3\.0\}\), got float 3"),
        (TWO, {"a": 3.0}, OperandError, "at needs leaves of the graph, got str 'a' among them"),
        (TWO, {Value(1.0, label="b"): 3.0}, ValueError, r"label='b'\) is no leaf of the graph of "),
        (TWO + 1, {TWO: 3.0}, OperandError, r"is computed by \*: give its leaves"),
        (TWO, {TWO._prev[1]: 3.0}, OperandError, "is a constant of the expression"),
        (TWO, {A: "3"}, OperandError, "a Value holds one real number, got str '3'"),
        (OWN + 1, {A: 3.0}, OperandError, "square is an operation of your own"),
        (A.log(), {A: -1.0}, ValueError, r"log needs x > 0, got -1\.0 \(node 'a'\)"),
        (1 / A, {A: 0.0}, ZeroDivisionError, "divides by zero"),
        (A.exp(), {A: 1000.0}, OverflowError, "larger than the largest float"),
    ],
)
def test_what_cannot_be_computed_gets_a_sentence(root, numbers, kind, words):
    with pytest.raises(kind, match=words):
        root.at(numbers)


def test_an_operation_of_ones_own_that_does_not_depend_on_it_keeps_its_number():
    b = Value(1.0)
    assert (OWN + b).at({b: 2.0}) == 6.0
