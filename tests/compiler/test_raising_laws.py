"""Laws of raising: whatever the order and the pattern of loops, arrays compute what scalars do."""

from __future__ import annotations

import random

import numpy as np
import pytest
from compiled_graphs import Graph, check
from hypothesis import given
from hypothesis import strategies as st
from oracles import repeatable

from scalargrad import Value
from scalargrad import functional as F
from scalargrad.compiler import compile
from scalargrad.compiler.arrays.kernels import MOST, take

Table = np.ndarray  # of Values


@st.composite
def nests(draw: st.DrawFn) -> Graph:
    """Draw loops over arrays: axes in any order, strides, repeats, reductions, rows by a table."""
    seed = random.Random(draw(st.integers(0, 1000)))
    inputs, wrt = _leaves(seed, draw(st.integers(1, 6))), _leaves(seed, draw(st.integers(4, 12)))
    arrays = [_shaped(draw, leaves) for leaves in (inputs, wrt)]
    for _ in range(draw(st.integers(1, 6))):
        x = _rearranged(draw, seed, draw(st.sampled_from(arrays)))
        y = _rearranged(draw, seed, draw(st.sampled_from(arrays)))
        arrays.append(draw(st.sampled_from(STEPS))(seed, x, y))
    some = draw(st.lists(st.sampled_from(arrays), max_size=2))
    return F.sum([*inputs, *(v.tanh() for x in [arrays[-1], *some] for v in x.flat)]), inputs, wrt


def _leaves(seed: random.Random, count: int) -> list[Value]:
    return [Value(seed.uniform(-1, 1)) for _ in range(count)]


def _shaped(draw: st.DrawFn, leaves: list[Value]) -> Table:
    columns = draw(st.integers(1, min(4, len(leaves))))
    kept = len(leaves) // columns * columns
    return np.array(leaves[:kept], object).reshape(-1, columns)


def _rearranged(draw: st.DrawFn, seed: random.Random, x: Table) -> Table:
    """Return a table in another order: turned round, every other row, rows again and again."""
    how = draw(st.sampled_from(["whole", "transpose", "reverse", "stride", "rows", "shuffle"]))
    if how == "transpose":
        return x.T
    if how == "reverse":
        return x[::-1, ::-1]
    if how == "stride":
        return x[:: draw(st.integers(1, 3)), draw(st.integers(0, 1)) * (x.shape[1] > 1) :]
    if how == "rows":
        return x[[seed.randrange(len(x)) for _ in range(draw(st.integers(1, 5)))]]
    if how == "shuffle":
        flat = [*x.flat]
        seed.shuffle(flat)
        return np.array(flat, object).reshape(x.shape)
    return x


def _broadcast(_seed: random.Random, x: Table, y: Table) -> Table:
    """Multiply each row by a scalar of its own, which other rows may share."""
    return np.array([[a * y[i % len(y), 0] for a in row] for i, row in enumerate(x)], object)


def _differences(_seed: random.Random, x: Table, y: Table) -> Table:
    a, b = [*x.flat], [*y.flat]
    pairs = [(a[i], b[j]) for i in range(len(a)) for j in range(min(i, len(b)))][:12]
    return np.array([[(p - q) ** 2] for p, q in pairs or [(a[0], b[0])]], object)


def _product(_seed: random.Random, x: Table, y: Table) -> Table:
    count = min(x.shape[1], y.shape[1])
    return np.array(
        [[F.sum([p * q for p, q in zip(a[:count], b, strict=False)]) for b in y[:5]] for a in x[:5]]
    )


def _ragged(_seed: random.Random, x: Table, y: Table) -> Table:
    a, b = [*x.flat][:6], [*y.flat][:6]
    count = min(len(a), len(b))
    sums = [[F.sum([p * q for p, q in zip(a[:i], b[count - i :], strict=False)])]
            for i in range(1, count + 1)]  # fmt: skip
    return np.array([*sums, *([F.logsumexp(a[:i])] for i in range(1, count + 1))], object)


def _chosen(seed: random.Random, x: Table, y: Table) -> Table:
    other = [*y.flat]
    return np.array([[a.tanh() if seed.random() < 0.5 else a - other[i % len(other)] for a in row]
                     for i, row in enumerate(x)], object)  # fmt: skip


def _normed(_seed: random.Random, x: Table, _y: Table) -> Table:
    return np.array([[v / (1 + F.sum([u * u for u in row])) for v in row] for row in x], object)


STEPS = [_broadcast, _differences, _product, _ragged, _chosen, _normed]


@repeatable
@given(nests())
def test_nests_of_loops_equal_their_scalars(graph: Graph) -> None:
    check(graph, np.random.default_rng(0).uniform(-1, 1, (2, len(graph[1]))))


@pytest.mark.parametrize("counts", [[1], [3, 0, 2], [MOST + 1, 1], [1, 0, 40 * MOST, 3, 1]])
@pytest.mark.parametrize("rest", [(), (2,)])
def test_gradient_of_rows_by_a_table_adds_up(counts: list[int], rest: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    table = generator.permutation(np.repeat(np.arange(len(counts)), counts))
    x, weights = (generator.normal(size=(len(rows), *rest)) for rows in (counts, table))
    kernel = take(table, len(counts))
    value, kept = kernel.forward(np, x)
    gradient = kernel.gradients[0](np, weights, kept, x)
    expected = np.zeros_like(x)
    np.add.at(expected, table, weights)
    np.testing.assert_array_equal(value, x[table])
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12)


def test_the_order_of_samples_does_not_matter() -> None:
    """Labels that Python looked at, and rows of a table, give as many lines in any order."""
    lines = set()
    table = np.array(_leaves(random.Random(0), 30), object).reshape(10, 3).tolist()
    samples = [(token, token % 3 > 0) for token in range(10)] * 2
    for number in range(4):
        random.Random(number).shuffle(samples)
        losses = []
        for token, label in samples:
            p = F.sum(table[token]).sigmoid()
            losses.append(-p.log() if label else -(1 - p).log())
        program = compile(F.mean(losses), [], [v for row in table for v in row], machine="arrays")
        lines.add(len(str(program.listing).splitlines()))
    assert len(lines) == 1
