"""Regular programs stay arrays: how many lines the listings of programs have that people wrote."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from compiled_graphs import TOLERANCE, Graph

from scalargrad import MLP, Value
from scalargrad import functional as F
from scalargrad.calculus import grad
from scalargrad.compiler import compile

Row = list[Value]
Rows = list[Row]

#: Programs by name, and how many lines their listings may have.
PROGRAMS: dict[str, tuple[Callable[[], Graph], int]] = {}


def lines(most: int) -> Callable[[Callable[[], Graph]], Callable[[], Graph]]:
    def listed(program: Callable[[], Graph]) -> Callable[[], Graph]:
        PROGRAMS[program.__name__.replace("_", " ").strip()] = program, most
        return program

    return listed


def rows(count: int, width: int, seed: int = 0, scale: float = 0.5) -> Rows:
    generator = random.Random(seed)
    return [[Value(generator.gauss(0, scale)) for _ in range(width)] for _ in range(count)]


def row(width: int, seed: int = 0, scale: float = 0.5) -> Row:
    return rows(1, width, seed, scale)[0]


def numbers(count: int, width: int) -> list[list[float]]:
    return [[v.data for v in one] for one in rows(count, width, 1)]


def flat(*tables: Rows) -> Row:
    return [v for table in tables for one in table for v in one]


def linear(x: Sequence[Value], weights: Rows) -> Row:
    return [F.sum([w * v for w, v in zip(one, x, strict=True)]) for one in weights]


def rms_norm(x: Row) -> Row:
    scale = (sum(v * v for v in x) / len(x) + 1e-5) ** -0.5
    return [v * scale for v in x]


def tanh_sum(table: Rows) -> Value:
    return F.sum([v.tanh() for one in table for v in one])


# ── rows with a scale of their own, rows of tables ──────────────────────────────────────────────


@lines(8)
def rms_norm_6_16() -> Graph:
    x = rows(6, 16)
    return tanh_sum([rms_norm(one) for one in x]), flat(x), []


@lines(15)
def layer_norm_8_16() -> Graph:
    x, gain, bias = rows(8, 16), row(16, 1), row(16, 2)
    found = []
    for one in x:
        mean = sum(one) / len(one)
        normed = rms_norm([v - mean for v in one])
        found.append([g * v + b for g, v, b in zip(gain, normed, bias, strict=True)])
    return tanh_sum(found), flat(x), flat([gain, bias])


@lines(6)
def embedding_6_8() -> Graph:
    table = rows(10, 8)
    return tanh_sum([table[token] for token in [3, 1, 4, 1, 5, 9]]), [], flat(table)


def tokens_and_positions(data: str) -> Graph:
    table, positions, weights = rows(10, 8), rows(6, 8, 1), rows(4, 8, 2)
    tokens, fed = [3, 1, 4, 1, 5, 9], rows(6, 10, 3)
    found = []
    for i, token in enumerate(tokens):
        hot = fed[i] if data == "fed" else [Value(float(k == token)) for k in range(10)]
        one = table[token]
        if data != "looked up":
            one = [F.sum([h * t[j] for h, t in zip(hot, table, strict=True)]) for j in range(8)]
        found.append(linear([a + b for a, b in zip(one, positions[i], strict=True)], weights))
    return tanh_sum(found), flat(fed) if data == "fed" else [], flat(table, positions, weights)


for one in ("looked up", "one-hot", "fed"):
    PROGRAMS[f"tokens {one}"] = (lambda data=one: tokens_and_positions(data)), 9


@lines(7)
def gain_and_bias() -> Graph:
    x, gain, bias = rows(8, 16), row(16, 1), row(16, 2)
    found = [[(g * v + b) for g, v, b in zip(gain, one, bias, strict=True)] for one in x]
    return tanh_sum(found), flat(x), flat([gain, bias])


@lines(6)
def gain_and_bias_of_numbers() -> Graph:
    gain, bias = row(16, 1), row(16, 2)
    x = numbers(8, 16)
    found = [[(g * v + b) for g, v, b in zip(gain, one, bias, strict=True)] for one in x]
    return tanh_sum(found), [], flat([gain, bias])


@lines(9)
def softmax_of_rows() -> Graph:
    table = rows(6, 6)
    return F.sum([v * v for one in table for v in F.softmax(one)]), [], flat(table)


# ── pairs, grids ────────────────────────────────────────────────────────────────────────────────


def pairs(fed: bool) -> Graph:
    points, found = rows(20, 3), []
    for i in range(20):
        for j in range(i):
            square = sum((a - b) ** 2 for a, b in zip(points[i], points[j], strict=True))
            found.append(1 / (square + 0.1).sqrt())
    return F.sum(found), flat(points) * fed, flat(points) * (not fed)


PROGRAMS["pairs of parameters"] = (lambda: pairs(fed=False)), 20
PROGRAMS["pairs of inputs"] = (lambda: pairs(fed=True)), 20


@lines(12)
def grid() -> Graph:
    g, total = rows(16, 16), Value(0.0)
    for i in range(16):
        for j in range(16):
            total += (g[i + 1][j] - g[i][j]) ** 2 if i < 15 else 0.0
            total += (g[i][j + 1] - g[i][j]) ** 2 if j < 15 else 0.0
    return total, [], flat(g)


# ── losses ──────────────────────────────────────────────────────────────────────────────────────

LABELS = [random.Random(5).randrange(3) for _ in range(1)] + [(7 * i * i) % 3 for i in range(99)]


@lines(10)
def entropy() -> Graph:
    a = row(64, scale=0.3)
    halves = [((1 + v) / 2, (1 - v) / 2) for v in a]
    return F.sum([-p * p.log() - q * q.log() for p, q in halves]), [], a


@lines(12)
def label_chooses_the_loss() -> Graph:
    weights, bias, losses = row(3, 2), Value(0.1), []
    for x, label in zip(numbers(100, 3), LABELS, strict=True):
        p = (sum(w * v for w, v in zip(weights, x, strict=True)) + bias).sigmoid()
        losses.append(-p.log() if label else -(1 - p).log())
    return F.mean(losses), [], [*weights, bias]


@lines(14)
def label_chooses_the_class() -> Graph:
    weights, losses = rows(3, 3, 2), []
    for x, label in zip(numbers(100, 3), LABELS, strict=True):
        losses.append(-F.softmax(linear(list(map(Value, x)), weights))[label].log())
    return F.mean(losses), [], flat(weights)


@lines(10)
def label_chooses_the_sign() -> Graph:
    weights, losses = row(30, 2), []
    for x, label in zip(numbers(100, 30), LABELS, strict=True):
        z = F.sum([w * v for w, v in zip(weights, x, strict=True)])
        losses.append((-z if label else z).softplus())
    return F.mean(losses), [], weights


# ── networks ────────────────────────────────────────────────────────────────────────────────────


@lines(10)
def gates() -> Graph:
    weights, others, x = rows(32, 27), rows(32, 27, 1), row(27, 2)
    left, right = linear(x, weights), linear(x, others)
    products = [a.tanh() * b.tanh() for a, b in zip(left, right, strict=True)]
    return F.sum(products), x, flat(weights, others)


def small_groups(count: int) -> Graph:
    x, p = Value(0.3), rows(4, count)
    terms = [(x * a + b).sigmoid() * (x * c + d).sigmoid() for a, b, c, d in zip(*p, strict=True)]
    return F.sum(terms), [x], flat(p)


for size in (2, 3, 6):
    PROGRAMS[f"group of {size}"] = (lambda count=size: small_groups(count)), 7


@lines(60)
def elementwise_lstm() -> Graph:
    width = 48
    hidden, cell, gate = row(width, 1), row(width, 2), rows(8, width, 3)
    xs, found = rows(3, width, 11), []
    leaves = flat(xs, gate, [hidden, cell])

    def scaled(x: Row, number: int) -> Row:
        return [a * v + b for a, v, b in zip(gate[number], x, gate[number + 1], strict=True)]

    for x in xs:
        forget, keep = ([v.sigmoid() for v in scaled(*of)] for of in ((x, 0), (hidden, 2)))
        out, new = [v.sigmoid() for v in scaled(x, 4)], [v.tanh() for v in scaled(hidden, 6)]
        parts = zip(forget, cell, keep, new, strict=True)
        cell = [f * c + k * n for f, c, k, n in parts]
        hidden = [o * c.tanh() for o, c in zip(out, cell, strict=True)]
        total = F.logsumexp(hidden)
        found += [(v - total) * v for v in hidden]
    return F.sum(found), [], leaves


@lines(40)
def gradient_of_a_gradient() -> Graph:
    model, x = MLP(16, [16, 1], activation="tanh", seed=0), row(16)
    slopes = grad(model(x), x)
    outer = grad(F.sum([v * v for v in slopes]), model.parameters())
    return F.sum(outer), x, model.parameters()


@lines(60)
def laplacian() -> Graph:
    model, x = MLP(2, [16, 16, 1], activation="tanh", seed=0), row(2)
    slopes = grad(model(x), x)
    return (grad(slopes[0], x)[0] + grad(slopes[1], x)[1] - 1.0) ** 2, x, model.parameters()


def gpt(length: int, fed: bool = False, width: int = 16, heads: int = 4, words: int = 27) -> Graph:
    """One layer of a transformer as plainly as it can be written, token by token."""
    size = width // heads
    embedding, positions, head = (rows(n, width, n, 0.08) for n in (words, 16, words))
    query, key, value, out = (rows(width, width, seed, 0.08) for seed in range(4, 8))
    wide, narrow = rows(4 * width, width, 8, 0.08), rows(width, 4 * width, 9, 0.08)
    tokens = [(3 + 7 * i * i) % words for i in range(length + 1)]
    hot = rows(length + 1, words)
    keys, values, losses = [], [], []
    for p in range(length):
        x = embedding[tokens[p]]
        if fed:
            x = [F.sum([h * e[j] for h, e in zip(hot[p], embedding, strict=True)])
                 for j in range(width)]  # fmt: skip
        rest = rms_norm([a + b for a, b in zip(x, positions[p], strict=True)])
        x = rms_norm(rest)
        q = linear(x, query)
        keys.append(linear(x, key))
        values.append(linear(x, value))
        mixed = []
        for h in range(0, width, size):
            part = slice(h, h + size)
            scores = [F.dot(q[part], k[part]) / size**0.5 for k in keys]
            weights = F.softmax(scores)
            mixed += [F.dot(weights, [v[j] for v in values]) for j in range(h, h + size)]
        rest = [a + b for a, b in zip(linear(mixed, out), rest, strict=True)]
        x = [v.relu() for v in linear(rms_norm(rest), wide)]
        logits = linear([a + b for a, b in zip(linear(x, narrow), rest, strict=True)], head)
        losses.append(F.cross_entropy(logits, hot[p + 1] if fed else tokens[p + 1]))
    wrt = flat(embedding, positions, query, key, value, out, wide, narrow, head)
    return F.mean(losses), flat(hot) if fed else [], wrt


for length in (1, 2, 3, 8, 16):
    PROGRAMS[f"gpt of {length} tokens"] = (lambda length=length: gpt(length)), 150
    PROGRAMS[f"gpt of {length} fed tokens"] = (lambda length=length: gpt(length, fed=True)), 150


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_regular_program_has_a_short_listing(name: str) -> None:
    program, most = PROGRAMS[name]
    graph = program()
    arrays, tape = (compile(*graph, machine=machine) for machine in ("arrays", "tape"))
    assert len(str(arrays.listing).splitlines()) <= most
    generator = np.random.default_rng(0)
    for batch in ((), (3,)) if graph[1] else (None,):
        samples = None if batch is None else generator.normal(0, 0.3, (*batch, len(graph[1])))
        (value, gradient), (other, slopes) = (
            machine.value_and_grad(samples) for machine in (arrays, tape)
        )
        np.testing.assert_allclose(value, other, **TOLERANCE)
        np.testing.assert_allclose(gradient, slopes, **TOLERANCE)


# ── accuracy ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("machine", ["tape", "arrays"])
@pytest.mark.parametrize("total", [F.sum, sum, lambda terms: 100 * F.mean(terms)])
def test_difference_that_is_added_up_is_computed_as_a_difference(machine, total):
    draw = random.Random(1)
    q, r = ([1.7e9 + draw.random() for _ in range(100)] for _ in range(2))
    x = [Value(0.0) for _ in (*q, *r)]
    loss = total([a - b for a, b in zip(x[:100], x[100:], strict=True)])
    program = compile(loss, x, machine=machine)
    exact = math.fsum(a - b for a, b in zip(q, r, strict=True))
    assert program([*q, *r]) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("machine", ["tape", "arrays"])
def test_sum_of_what_is_missing_to_one_is_as_good_as_eager(machine):
    angles = [1e-4 * (i + 1) / 100 for i in range(100)]
    x = [Value(0.0) for _ in angles]
    program = compile(F.sum([1 - t.cos() for t in x]), x, machine=machine)
    assert program(angles) == pytest.approx(sum(1 - math.cos(t) for t in angles), rel=1e-12)


@pytest.mark.parametrize("machine", ["tape", "arrays"])
def test_chain_of_differences_stays_one_sum(machine):
    x = [Value(float(i)) for i in range(8)]
    z = Value(0.0) - x[0]
    for other in x[1:]:
        z = z - other
    program = compile(z, x, machine=machine)
    assert program(range(8)) == -28
    assert len(str(program).splitlines()) <= 5
