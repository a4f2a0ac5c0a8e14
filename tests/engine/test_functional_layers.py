"""Norms, embeddings and attention against mpmath: values, first and second derivatives, borders."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf
from oracles import repeatable

from scalargrad import Value, check_gradients, compile, grad, hessian
from scalargrad import functional as F
from scalargrad.engine import operands
from scalargrad.graph import topological_sort


def rows(numbers, width):
    return [list(numbers[i : i + width]) for i in range(0, len(numbers), width)]


# ── what is true, by the definitions ────────────────────────────────────────────────────────────


def exact_rms_norm(xs, weights, epsilon):
    size = mp.sqrt(mp.fsum(x * x for x in xs) / len(xs) + mpf(epsilon))
    return [w * x / size for w, x in zip(weights, xs, strict=True)]


def exact_layer_norm(xs, weights, biases, epsilon):
    middle = mp.fsum(xs) / len(xs)
    size = mp.sqrt(mp.fsum((x - middle) ** 2 for x in xs) / len(xs) + mpf(epsilon))
    places = zip(xs, weights, biases, strict=True)
    return [w * (x - middle) / size + b for x, w, b in places]


def exact_attention(queries, keys, values, causal):
    found = []
    for i, query in enumerate(queries):
        seen = range(i + 1 if causal else len(keys))
        scores = [mp.fdot(query, keys[j]) / mp.sqrt(len(query)) for j in seen]
        shares = [mp.exp(s) for s in scores]
        whole, columns = mp.fsum(shares), zip(*values, strict=True)
        found += [mp.fdot(shares, column[: len(seen)]) / whole for column in columns]
    return found


def exact_embedding(shares, table):
    return [mp.fdot(shares, column) for column in zip(*table, strict=True)]


class Case(NamedTuple):
    """A function of flat numbers that returns several, as it is called and as it is defined."""

    count: int
    call: object
    truth: object


def flat(matrix):
    return [z for row in matrix for z in row]


CASES = {
    "rms_norm": Case(4, lambda x: F.rms_norm(x), lambda x: exact_rms_norm(x, [1] * len(x), 1e-5)),
    "rms_norm, weights": Case(
        6,
        lambda x: F.rms_norm(x[:3], x[3:], epsilon=0.25),
        lambda x: exact_rms_norm(x[:3], x[3:], 0.25),
    ),
    "layer_norm": Case(
        4, lambda x: F.layer_norm(x), lambda x: exact_layer_norm(x, [1] * 4, [0] * 4, 1e-5)
    ),
    "layer_norm, weights and biases": Case(
        9,
        lambda x: F.layer_norm(x[:3], x[3:6], x[6:], epsilon=0.25),
        lambda x: exact_layer_norm(x[:3], x[3:6], x[6:], 0.25),
    ),
    "embedding": Case(
        8,
        lambda x: F.embedding(x[:2], rows(x[2:], 3)),
        lambda x: exact_embedding(x[:2], rows(x[2:], 3)),
    ),
    "attention": Case(  # 2 queries, 3 keys of 2 numbers, values of 1
        13,
        lambda x: flat(F.attention(rows(x[:4], 2), rows(x[4:10], 2), rows(x[10:], 1))),
        lambda x: exact_attention(rows(x[:4], 2), rows(x[4:10], 2), rows(x[10:], 1), False),
    ),
    "causal attention": Case(  # 3 of each, of 1 number, values of 2
        12,
        lambda x: flat(F.attention(rows(x[:3], 1), rows(x[3:6], 1), rows(x[6:], 2), causal=True)),
        lambda x: exact_attention(rows(x[:3], 1), rows(x[3:6], 1), rows(x[6:], 2), True),
    ),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def points(case):
    number = st.floats(-3.0, 3.0).map(lambda x: round(x, 3))  # zeros and ties, too
    return st.lists(number, min_size=case.count, max_size=case.count)


def weighted(numbers):
    """Add up results with weights that let none of them cancel another."""
    return sum((k + 1) * z for k, z in enumerate(numbers))


@each_case
@repeatable
@given(st.data())
def test_values_are_those_of_the_definition(case, data):
    point = data.draw(points(case))
    found = [z.data for z in case.call([Value(x) for x in point])]
    expected = [float(z) for z in case.truth([mpf(x) for x in point])]
    # Where equal numbers become a mean that is rounded, the rest is divided by √ε.
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


@each_case
@repeatable
@given(st.data())
def test_gradients_are_the_limits_of_differences(case, data):
    point = data.draw(points(case))
    leaves = [Value(x) for x in point]
    weighted(case.call(leaves)).backward()
    exact = [mpf(x) for x in point]

    def slope(k):
        return mp.diff(lambda t: weighted(case.truth([*exact[:k], t, *exact[k + 1 :]])), exact[k])

    expected = [float(slope(k)) for k in range(case.count)]
    size = max(1.0, *map(abs, expected))
    assert [v.grad for v in leaves] == pytest.approx(expected, rel=1e-10, abs=1e-11 * size)


@each_case
def test_second_derivatives_are_the_limits_of_differences(case):
    rng = np.random.default_rng(3)
    point = rng.uniform(-1.5, 1.5, case.count).round(3).tolist()
    leaves = [Value(x) for x in point]
    found = [[z.data for z in row] for row in hessian(weighted(case.call(leaves)), leaves)]
    for i in range(case.count):
        for j in range(i, case.count):
            order = [int(k == i) + int(k == j) for k in range(case.count)]
            expected = mp.diff(
                lambda *x: weighted(case.truth(list(x))), [mpf(x) for x in point], tuple(order)
            )
            assert found[i][j] == pytest.approx(float(expected), rel=1e-9, abs=1e-9)
            assert found[j][i] == pytest.approx(found[i][j], rel=1e-9, abs=1e-10)


@each_case
@pytest.mark.parametrize("machine", ["tape", "arrays"])
def test_compiled_they_are_what_they_are_eagerly(case, machine):
    rng = np.random.default_rng(5)
    points, leaves = rng.uniform(-2, 2, (3, case.count)), [Value(0.5) for _ in range(case.count)]
    program = compile(case.call(leaves), leaves, machine=machine)
    eager = [[z.data for z in case.call([Value(x) for x in point])] for point in points.tolist()]
    assert program(points) == pytest.approx(np.array(eager), rel=1e-12, abs=1e-13)


@each_case
def test_graph_does_not_depend_on_data(case):
    def ops(numbers):
        outputs = case.call([Value(x) for x in numbers])
        return [node._op for node in topological_sort(outputs, operands)]

    assert ops([0.0] * case.count) == ops(range(case.count)) == ops([-1.0] * case.count)


@each_case
def test_they_pass_the_gradient_check(case):
    numbers = np.random.default_rng(7).uniform(-1, 1, case.count)
    assert check_gradients(lambda x: F.dot(case.call(x), case.call(x)), numbers) < 1e-7


# ── norms ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("norm", [F.rms_norm, F.layer_norm])
def test_a_row_of_zeros_becomes_zeros_with_the_slope_of_epsilon(norm):
    leaves = [Value(0.0) for _ in range(4)]
    found = norm(leaves, epsilon=0.0625)
    assert [z.data for z in found] == [0.0] * 4
    slopes = [g.data for g in grad(found[0], leaves)]
    mean = 0.25 if norm is F.layer_norm else 0.0
    assert slopes == [4 * (1 - mean)] + [4 * (0 - mean)] * 3
    curvature = hessian(found[0], leaves)
    assert [z.data for row in curvature for z in row] == [0.0] * 16


def test_layer_norm_of_equal_numbers_is_the_bias_however_large_they_are():
    for number in (0.0, 1.0, -7e15, 1e100):
        found = F.layer_norm([number] * 4, [2.0] * 4, [1.0, -1.0, 0.0, 0.5])
        assert [z.data for z in found] == [1.0, -1.0, 0.0, 0.5]


def test_layer_norm_does_not_lose_a_small_variance_beside_a_large_mean():
    found = [z.data for z in F.layer_norm([1e8 - 1, 1e8, 1e8 + 1], epsilon=0.0)]
    assert found == pytest.approx([-math.sqrt(1.5), 0.0, math.sqrt(1.5)], rel=1e-12)


@given(st.lists(st.floats(-1e100, 1e100).filter(lambda x: abs(x) > 1e-100), min_size=1, max_size=8))
def test_normed_rows_have_mean_square_one_whatever_their_size(data):
    found = [z.data for z in F.rms_norm(data, epsilon=0)]
    assert sum(z * z for z in found) / len(found) == pytest.approx(1.0, rel=1e-12)


@given(st.floats(-5, 5), st.floats(0.1, 5), st.lists(st.integers(-9, 9), min_size=2, max_size=6))
def test_layer_norm_does_not_see_a_shift_nor_a_positive_scale(shift, scale, data):
    if len({*data}) == 1:
        data = [*data, data[0] + 1]
    one = [z.data for z in F.layer_norm(data, epsilon=0)]
    other = [z.data for z in F.layer_norm([shift + scale * x for x in data], epsilon=0)]
    assert one == pytest.approx(other, rel=1e-9, abs=1e-9)


# ── embedding ───────────────────────────────────────────────────────────────────────────────────
TABLE = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


@pytest.mark.parametrize("index", [1, np.int64(1), np.array(1), np.uint8(1), True])
def test_embedding_is_the_row_of_an_index_itself(index):
    table = [[Value(x) for x in row] for row in TABLE]
    found = F.embedding(index, table)
    assert all(z is v for z, v in zip(found, table[1], strict=True))
    found.append(Value(0.0))
    assert len(table[1]) == 3  # the list belongs to the caller


@pytest.mark.parametrize("shares", [[0, 1], (0.0, 1.0), np.array([0, 1]), iter([0, 1])])
def test_embedding_of_one_hot_numbers_is_that_of_the_index(shares):
    assert [z.data for z in F.embedding(shares, TABLE)] == TABLE[1]
    assert [z.data for z in F.embedding(1, np.array(TABLE))] == TABLE[1]


def test_one_program_serves_all_tokens_by_one_hot_inputs():
    table = [[Value(x) for x in row] for row in TABLE]
    token, parameters = [Value(0.0), Value(0.0)], [v for row in table for v in row]
    program = compile(F.embedding(token, table), token, parameters)
    assert program(np.eye(2)).tolist() == TABLE


def test_embedding_by_index_does_not_look_at_the_rest_of_a_table():
    table = [[Value(1.0)], ["not", "looked", "at"]]
    assert F.embedding(0, table) == table[0]


# ── attention ───────────────────────────────────────────────────────────────────────────────────


def by_hand(queries, keys, values, causal):
    scores = queries @ keys.T / math.sqrt(queries.shape[1])
    if causal:
        scores[np.triu_indices(len(scores), 1)] = -np.inf
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True) @ values


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("size", [1.0, 1000.0])
def test_attention_is_that_of_numpy_for_scores_of_any_size(causal, size):
    rng = np.random.default_rng(0)
    queries, keys, values = (size * rng.normal(size=(5, n)) for n in (4, 4, 3))
    found = F.attention(queries, keys, values, causal=causal)
    numbers = np.array([[z.data for z in row] for row in found])
    assert numbers == pytest.approx(by_hand(queries, keys, values, causal), rel=1e-9, abs=1e-12)


def test_weights_of_attention_are_what_the_rows_of_an_identity_matrix_give():
    rng = np.random.default_rng(1)
    queries, keys = rng.normal(size=(4, 2)), rng.normal(size=(4, 2))
    shares = F.attention(queries, keys, np.eye(4), causal=True)
    numbers = np.array([[z.data for z in row] for row in shares])
    assert numbers.sum(axis=1) == pytest.approx(np.ones(4), rel=1e-15)
    assert (numbers[np.triu_indices(4, 1)] == 0).all()
    assert (numbers[np.tril_indices(4)] > 0).all()


def test_what_comes_later_has_no_gradient_in_causal_attention():
    queries, keys, values = (
        [[Value(float(i + j)) for j in range(2)] for i in range(3)] for _ in "qkv"
    )
    F.sum(F.attention(queries, keys, values, causal=True)[1]).backward()
    assert all(v.grad == 0 for rows in (keys, values) for v in rows[2])
    assert all(v.grad != 0 for v in values[1])


def test_one_query_sees_as_many_keys_as_it_is_given():
    rng = np.random.default_rng(2)
    queries, keys, values = rng.normal(size=(3, 4, 2))
    whole = F.attention(queries, keys, values, causal=True)
    for i in range(4):
        (alone,) = F.attention([queries[i]], keys[: i + 1], values[: i + 1])
        assert [z.data for z in alone] == [z.data for z in whole[i]]
