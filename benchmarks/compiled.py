"""Compiled scalars against array code: one training step, batch 100, in double precision.

A step is the loss, all gradients and the update. The array code is what a person would write for
this very model in NumPy, with all buffers made once; it shifts its softmax as scalargrad does. Both
run in one process, in turn, BLAS on one thread.
"""

# ruff: noqa: N806  (weights are called W and their gradients dW, as in the formulas)

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded

import random
from collections.abc import Callable
from itertools import pairwise
from time import perf_counter
from timeit import Timer
from typing import Any, NamedTuple

import numpy as np

from scalargrad import MLP, Value
from scalargrad import functional as F
from scalargrad.compiler import Program, compile

from .demo import two_moons
from .report import Table, ratio, spread

BATCH, RATE = 100, 0.1
MOONS = [2, 16, 16, 1]

Array = np.ndarray[Any, Any]
Step = Callable[[], float]


class Case(NamedTuple):
    """A workload: the samples, and the parameters in the order of ``model.parameters()``."""

    name: str
    samples: Array
    parameters: Array
    program: Callable[[], Program]  # traces and compiles the model for one sample
    by_hand: Callable[[Array, Array], Step]


# ── scalars ─────────────────────────────────────────────────────────────────────────────────────


def moons_program() -> Program:
    model = MLP(2, MOONS[1:], activation="relu", seed=1)
    x, label = [Value(0.0), Value(0.0)], Value(0.0)
    penalty = 1e-4 * F.sum(p * p for p in model.parameters())
    return compile((1 - label * model(x)).relu() + penalty, [*x, label], model.parameters())


def unrolled_program() -> Program:
    model = MLP(2, MOONS[1:], activation="relu", seed=1)
    points = two_moons(BATCH)
    scores = [model(x) for x, _ in points]
    penalty = 1e-4 * F.sum(p * p for p in model.parameters())
    loss = F.hinge(scores, [label for _, label in points]) + penalty
    return compile(loss, [], model.parameters())


def digits_program(sizes: list[int]) -> Program:
    model = MLP(sizes[0], sizes[1:], seed=1)
    x, target = ([Value(0.0) for _ in range(n)] for n in (sizes[0], sizes[-1]))
    loss = F.cross_entropy(list(model(x)), target)
    return compile(loss, [*x, *target], model.parameters())


def compiled_step(program: Program, fed: Array | None) -> Step:
    """Return one training step of a program."""
    samples = () if fed is None else (fed,)

    def step() -> float:
        value, gradient = program.value_and_grad(*samples)
        gradient *= RATE
        program.parameters -= gradient
        return float(value)

    return step


# ── array code by hand ──────────────────────────────────────────────────────────────────────────


def layers(sizes: list[int], parameters: Array) -> tuple[Array, list[Array]]:
    """Return a flat array, and views of it: the weights (inputs, neurons) and biases of layers."""
    flat, views, start = np.empty_like(parameters), [], 0
    for n, m in pairwise(sizes):
        table = parameters[start : start + (n + 1) * m].reshape(m, n + 1)
        for part in (table[:, :n].T, table[:, n]):
            views.append(flat[start : start + part.size].reshape(part.shape))
            views[-1][:] = part
            start += part.size
    return flat, views


def moons_by_hand(samples: Array, parameters: Array) -> Step:
    weights, (W1, b1, W2, b2, W3, b3) = layers(MOONS, parameters)
    gradient, (dW1, db1, dW2, db2, dW3, db3) = layers(MOONS, parameters)
    decay = np.empty_like(weights)
    x, y = np.ascontiguousarray(samples[:, :2]), np.ascontiguousarray(samples[:, 2:])
    h1, h2, g1, g2 = (np.empty((BATCH, 16)) for _ in range(4))
    m1, m2 = (np.empty((BATCH, 16), bool) for _ in range(2))
    s, g3 = np.empty((BATCH, 1)), np.empty((BATCH, 1))
    m3 = np.empty((BATCH, 1), bool)
    xT, h1T, h2T, W2T, W3T = x.T, h1.T, h2.T, W2.T, W3.T

    def step() -> float:
        np.dot(x, W1, out=h1)
        np.add(h1, b1, out=h1)
        np.maximum(h1, 0.0, out=h1)
        np.dot(h1, W2, out=h2)
        np.add(h2, b2, out=h2)
        np.maximum(h2, 0.0, out=h2)
        np.dot(h2, W3, out=s)
        np.add(s, b3, out=s)
        np.multiply(s, y, out=s)
        np.subtract(1.0, s, out=s)
        np.greater(s, 0.0, out=m3)
        np.maximum(s, 0.0, out=s)
        penalty = float(np.dot(weights, weights))
        loss = float(np.add.reduce(s, axis=None)) / BATCH + 1e-4 * penalty
        np.multiply(y, -1.0 / BATCH, out=g3)
        np.multiply(g3, m3, out=g3)
        np.dot(h2T, g3, out=dW3)
        np.add.reduce(g3, axis=0, out=db3)
        np.dot(g3, W3T, out=g2)
        np.greater(h2, 0.0, out=m2)
        np.multiply(g2, m2, out=g2)
        np.dot(h1T, g2, out=dW2)
        np.add.reduce(g2, axis=0, out=db2)
        np.dot(g2, W2T, out=g1)
        np.greater(h1, 0.0, out=m1)
        np.multiply(g1, m1, out=g1)
        np.dot(xT, g1, out=dW1)
        np.add.reduce(g1, axis=0, out=db1)
        np.multiply(weights, 2e-4, out=decay)
        np.add(gradient, decay, out=gradient)
        np.multiply(gradient, RATE, out=gradient)
        np.subtract(weights, gradient, out=weights)
        return loss

    return step


def digits_by_hand(sizes: list[int]) -> Callable[[Array, Array], Step]:
    def prepare(samples: Array, parameters: Array) -> Step:
        n, classes = sizes[0], sizes[-1]
        x, target = np.ascontiguousarray(samples[:, :n]), np.ascontiguousarray(samples[:, n:])
        weights, (*hidden, W, b) = layers(sizes, parameters)
        gradient, (*hidden_gradients, dW, db) = layers(sizes, parameters)
        z, p = np.empty((BATCH, classes)), np.empty((BATCH, classes))
        top, total = np.empty((BATCH, 1)), np.empty((BATCH, 1))
        if hidden:
            W1, b1 = hidden
            dW1, db1 = hidden_gradients
            h, g = np.empty((BATCH, sizes[1])), np.empty((BATCH, sizes[1]))

        def step() -> float:
            last = x
            if hidden:
                np.dot(x, W1, out=h)
                np.add(h, b1, out=h)
                np.tanh(h, out=h)
                last = h
            np.dot(last, W, out=z)
            np.add(z, b, out=z)
            np.maximum.reduce(z, axis=1, out=top, keepdims=True)
            np.subtract(z, top, out=z)
            np.exp(z, out=p)
            np.add.reduce(p, axis=1, out=total, keepdims=True)
            np.divide(p, total, out=p)
            np.log(total, out=total)
            right = float(np.vdot(z, target))
            loss = (float(np.add.reduce(total, axis=None)) - right) / BATCH
            np.subtract(p, target, out=p)
            np.multiply(p, 1.0 / BATCH, out=p)
            np.dot(last.T, p, out=dW)
            np.add.reduce(p, axis=0, out=db)
            if hidden:
                np.dot(p, W.T, out=g)
                np.multiply(h, h, out=h)
                np.subtract(1.0, h, out=h)
                np.multiply(g, h, out=g)
                np.dot(x.T, g, out=dW1)
                np.add.reduce(g, axis=0, out=db1)
            np.multiply(gradient, RATE, out=gradient)
            np.subtract(weights, gradient, out=weights)
            return loss

        return step

    return prepare


# ── irregular graphs ────────────────────────────────────────────────────────────────────────────


OPERATIONS: list[Callable[[Value, Value], Value]] = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, _y: x.tanh(),
]


def irregular(leaves: list[Value], width: int = 80, depth: int = 200) -> Value:
    """Return a scalar of a graph without structure: each level picks its operands at random."""
    generator = random.Random(3)
    level = leaves
    for _ in range(depth):
        nodes = [
            generator.choice(OPERATIONS)(generator.choice(level), generator.choice(level))
            for _ in range(width)
        ]
        level = [*nodes, *generator.sample(leaves, 5)]
    return F.mean(node.tanh() for node in level)


# ── the cases ───────────────────────────────────────────────────────────────────────────────────


def moons_case(program: Callable[[], Program] = moons_program, name: str = "") -> Case:
    points = two_moons(BATCH)
    samples = np.array([[*x, label] for x, label in points], float)
    parameters = moons_program().parameters.copy()
    return Case(f"MLP 2→16→16→1, hinge{name}", samples, parameters, program, moons_by_hand)


def digits_case(sizes: list[int]) -> Case:
    generator = np.random.default_rng(0)
    targets = np.eye(sizes[-1])[generator.integers(0, sizes[-1], BATCH)]
    samples = np.concatenate([generator.random((BATCH, sizes[0])), targets], axis=1)
    parameters = digits_program(sizes).parameters.copy()
    name = f"{'softmax regression' if len(sizes) == 2 else 'MLP'} {'→'.join(map(str, sizes))}"
    return Case(name, samples, parameters, lambda: digits_program(sizes), digits_by_hand(sizes))


def cases() -> list[Case]:
    return [
        moons_case(),
        moons_case(unrolled_program, ", unrolled"),
        *map(digits_case, ([64, 10], [64, 32, 10], [784, 10])),
    ]


def measure(case: Case, rounds: int) -> tuple[str, ...]:
    """Return the row of a case: time to trace, compile and run once, then a step of each."""
    ready = []
    for _ in range(5):
        start = perf_counter()
        program = case.program()
        fed = case.samples if program.has_inputs else None
        program.value_and_grad() if fed is None else program.value_and_grad(fed)
        ready.append(1e3 * (perf_counter() - start))
    steps = [compiled_step(program, fed), case.by_hand(case.samples, case.parameters)]
    losses = [[step() for _ in range(3)] for step in steps]
    if not np.allclose(*losses, rtol=1e-9):
        raise AssertionError(f"{case.name}: the losses differ, {losses}")
    times = in_turn(steps, rounds)
    return case.name, spread(ready), *map(spread, times), ratio(*times)


def measure_irregular(rounds: int) -> list[tuple[str, ...]]:
    """Return the rows of the irregular graph, for one sample and for many."""
    leaves = [Value(random.Random(i).uniform(-1, 1)) for i in range(40)]

    def eager() -> float:
        output = irregular(leaves)
        output.backward()
        return output.data

    start = perf_counter()
    output = irregular(leaves)
    inputs = leaves[:20]
    program = compile(output, inputs, leaves[20:])
    one = np.array([leaf.data for leaf in inputs])
    program.value_and_grad(one)
    ready = [1e3 * (perf_counter() - start)]
    many = np.random.default_rng(0).uniform(-1, 1, (1000, len(inputs)))
    program.value_and_grad(many)
    times = in_turn([lambda: program.value_and_grad(one), eager], rounds, calls=3)
    (batch,) = in_turn([lambda: program.value_and_grad(many)], rounds, calls=1)
    sample = [time / len(many) for time in batch]
    name = f"irregular, {len(program)} scalars"
    return [
        (f"{name}, one sample (against eager)", spread(ready), *map(spread, times), ratio(*times)),
        (f"{name}, 1,000 samples, each", "", spread(sample), "", ""),
    ]


def in_turn(steps: list[Callable[[], object]], rounds: int, calls: int = 30) -> list[list[float]]:
    """Return microseconds per call of each step, one number a round."""
    timers = [Timer(step) for step in steps]
    times = [[1e6 * timer.timeit(calls) / calls for timer in timers] for _ in range(rounds)]
    return [list(column) for column in zip(*times, strict=True)]


def run(rounds: int = 30) -> Table:
    """Measure all cases."""
    rows = [measure(case, rounds) for case in cases()]
    rows += measure_irregular(max(3, rounds // 5))
    return Table(
        "Compiled scalars: a training step of 100 samples",
        ("work", "ready, ms", "scalargrad, µs", "by hand, µs", "ratio"),
        rows,
        "Median (least) of several rounds in turn, in one process, BLAS on one thread. Ready: to "
        "trace, compile and run the first time. The ratio is the median over the rounds.",
    )
