"""Wrong arguments of the functions that layers are made of."""

import math

import numpy as np
import pytest

from scalargrad import Value
from scalargrad import functional as F
from scalargrad.errors import DivisionByZeroError, DomainError, OperandError, SizeError

# ── embedding ───────────────────────────────────────────────────────────────────────────────────
TABLE = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]

# ── wrong arguments ─────────────────────────────────────────────────────────────────────────────
NORMS = {"rms_norm": F.rms_norm, "layer_norm": F.layer_norm}
ROW = [Value(1.0), Value(2.0)]


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([],), SizeError, "needs at least one scalar, got none"),
        ((ROW[0],), OperandError, "needs a list of scalars, got Value"),
        ((3.0,), OperandError, "needs a list of scalars, got 3.0: put it into a list"),
        ((None,), OperandError, "needs a list of scalars, got None"),
        (("ab",), OperandError, "needs a list of scalars, got 'ab'"),
        ((np.eye(2),), OperandError, "needs a flat list of scalars, got one that holds ndarray"),
        (([ROW],), OperandError, "needs a flat list of scalars, got one that holds list"),
        ((ROW, [1.0]), SizeError, "of 2 values needs as many weights, got 1"),
        ((ROW, []), SizeError, "needs at least one scalar, got none"),
        ((ROW, 2.0), OperandError, "needs a list of scalars, got 2.0"),
    ],
)
def test_wrong_arguments_of_a_norm_are_named(name, arguments, error, message):
    with pytest.raises(error, match=f"^{name} {message}"):
        NORMS[name](*arguments)


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("epsilon", [-1, -1e-300, math.inf, math.nan, np.float64(-2)])
def test_an_epsilon_out_of_range_is_an_error(name, epsilon):
    with pytest.raises(DomainError, match=f"^{name} needs a finite epsilon of 0 or more, got "):
        NORMS[name](ROW, epsilon=epsilon)


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("epsilon", ["1e-5", None, 1j, [1e-5], Value(1e-5), [], np.zeros(2)])
def test_an_epsilon_that_is_no_number_is_an_error(name, epsilon):
    with pytest.raises(OperandError):
        NORMS[name](ROW, epsilon=epsilon)


def test_a_norm_of_nothing_but_zeros_needs_an_epsilon():
    for norm, row, kind in [
        (F.rms_norm, [0.0, -0.0], "rms_norm of zeros"),
        (F.layer_norm, [2.0, 2.0], "layer_norm of equal numbers"),
        (F.layer_norm, [5.0], "layer_norm of equal numbers"),
    ]:
        with pytest.raises(DivisionByZeroError, match=f"{kind} needs an epsilon greater than 0"):
            norm(row, epsilon=0)


def test_biases_are_as_many_as_values():
    with pytest.raises(SizeError, match="layer_norm of 2 values needs as many biases, got 3"):
        F.layer_norm(ROW, None, [1, 2, 3])


@pytest.mark.parametrize(
    ("index", "table", "error", "message"),
    [
        (2, TABLE, SizeError, "needs a row from 0 to 1, got 2"),
        (-1, TABLE, SizeError, "needs a row from 0 to 1, got -1"),
        (1.0, TABLE, OperandError, "needs the index of a row, which is an int, or a list .* 1.0$"),
        (Value(1.0), TABLE, OperandError, "needs the index of a row, .* got Value"),
        ("a", TABLE, OperandError, "needs the index of a row, .* got 'a'"),
        (None, TABLE, OperandError, "needs the index of a row, .* got None"),
        (np.array(1.0), TABLE, OperandError, "needs the index of a row"),
        ([1], TABLE, SizeError, "needs a scalar for each of the 2 rows, got 1"),
        ([[0, 1], [1, 0]], TABLE, OperandError, "needs a flat list of scalars"),
        (
            [0, 1],
            [[1.0, 2.0], [3.0]],
            SizeError,
            "needs a table of rows of the same length, got 1 and 2",
        ),
        ([0, 1], [1.0, 2.0], OperandError, "needs a table as a list of rows, got list"),
        (0, [1.0, 2.0], OperandError, "needs a table as a list of rows, got list"),
        (0, Value(1.0), OperandError, "needs a table as a list of rows, got Value"),
        (0, [], SizeError, "needs a table of at least one row, got none"),
        ([], [], SizeError, "needs a table of at least one row, got none"),
        (0, [[]], SizeError, "needs at least one scalar, got none"),
    ],
)
def test_wrong_arguments_of_an_embedding_are_named(index, table, error, message):
    with pytest.raises(error, match=f"^embedding {message}"):
        F.embedding(index, table)


ONE, TWO = [[1.0]], [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("queries", "keys", "values", "error", "message"),
    [
        ([], ONE, ONE, SizeError, "needs queries of at least one row, got none"),
        (ONE, [], ONE, SizeError, "needs keys of at least one row, got none"),
        (ONE, ONE, [[]], SizeError, "needs at least one scalar, got none"),
        ([1.0], ONE, ONE, OperandError, "needs queries as a list of rows, got list"),
        (ONE, Value(1.0), ONE, OperandError, "needs keys as a list of rows, got Value"),
        (ONE, ONE, "a", OperandError, "needs values as a list of rows, got str 'a'"),
        (ONE, [[1.0], [1.0, 2.0]], TWO, SizeError, "keys of rows of the same length, got 1 and 2"),
        ([[1.0, 2.0]], ONE, ONE, SizeError, "queries and keys of the same length, got 2 and 1"),
        (ONE, TWO, ONE, SizeError, "needs a value for each key, got 1 and 2"),
        (ONE, [ONE], ONE, OperandError, "needs a flat list of scalars"),
    ],
)
def test_wrong_arguments_of_attention_are_named(queries, keys, values, error, message):
    with pytest.raises(error, match=f"attention.*{message}"):
        F.attention(queries, keys, values)


def test_causal_attention_needs_a_query_for_each_key():
    with pytest.raises(SizeError, match="causal attention needs a query for each key, got 1 and 2"):
        F.attention(ONE, TWO, TWO, causal=True)


@pytest.mark.parametrize("function", [F.sum, F.mean, F.softmax, F.logsumexp, F.rms_norm])
def test_an_error_of_the_users_own_generator_is_passed_on(function):
    def numbers():
        yield 1.0
        raise TypeError("my own")

    with pytest.raises(TypeError, match="my own"):
        function(numbers())
