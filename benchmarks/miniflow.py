"""Suite: one training step of a miniflow graph against the same step written by hand in NumPy.

A step is the loss of 100 samples, the gradients of all weights, and the update, in double
precision. All run in one process, in turn, BLAS on one thread.
"""

# ruff: noqa: N806  (weights are called W and their gradients dW, as in the formulas)

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded

from collections.abc import Callable
from itertools import pairwise
from timeit import Timer
from typing import Any

import numpy as np

from scalargrad.miniflow import (
    CrossEntropyWithSoftmax,
    Input,
    Linear,
    Node,
    Sigmoid,
    forward_and_backward,
    sgd_update,
    topological_sort,
    value_and_grad,
)

from .demo import installed
from .report import Table, ratio, spread

BATCH, RATE = 100, 0.1
NETWORKS = ([64, 10], [784, 10], [64, 32, 10])

Array = np.ndarray[Any, Any]
Step = Callable[[], float]


def data(sizes: list[int]) -> tuple[Array, Array, list[Array]]:
    """Return samples, labels, and weights and biases to start with."""
    rng = np.random.default_rng(0)
    weights = []
    for n, m in pairwise(sizes):
        weights += [rng.normal(scale=n**-0.5, size=(n, m)), rng.normal(size=m)]
    return rng.random((BATCH, sizes[0])), rng.integers(0, sizes[-1], BATCH), weights


# ── the contenders ──────────────────────────────────────────────────────────────────────────────


def graph(layers: int) -> tuple[Input, Input, list[Input], Node]:
    """Define a network; return the Inputs of samples, labels and weights, and the loss."""
    x, labels, weights = Input("x"), Input("labels"), []
    node: Node = x
    for i in range(layers):
        weights += [Input(f"W{i}"), Input(f"b{i}")]
        node = Linear(Sigmoid(node) if i else node, *weights[-2:])
    return x, labels, weights, CrossEntropyWithSoftmax(node, labels)


def in_one_call(x: Array, y: Array, arrays: list[Array]) -> Step:
    """Return a step with `value_and_grad`."""
    x_in, labels, weights, loss = graph(len(arrays) // 2)
    feed_dict = {x_in: x, labels: y, **dict(zip(weights, arrays, strict=True))}

    def step() -> float:
        value, gradients = value_and_grad(loss, feed_dict, wrt=weights)
        for array, gradient in zip(arrays, gradients, strict=True):
            array -= RATE * gradient
        return float(value)

    return step


def sorted_once(x: Array, y: Array, arrays: list[Array]) -> Step:
    """Return a step in the labs' first style, which also computes the gradient of the samples."""
    x_in, labels, weights, loss = graph(len(arrays) // 2)
    order = topological_sort({x_in: x, labels: y, **dict(zip(weights, arrays, strict=True))})

    def step() -> float:
        x_in.value, labels.value = x, y
        forward_and_backward(order)
        sgd_update(weights, RATE)
        return float(loss.value)

    return step


def by_hand(x: Array, y: Array, arrays: list[Array]) -> Step:
    """Return the step that one would write for this very network."""
    *hidden, W, b = arrays
    rows = np.arange(BATCH)

    def step() -> float:
        nonlocal W, b
        h = x
        if hidden:
            W1, b1 = hidden
            h = 1 / (1 + np.exp(-(x @ W1 + b1)))
        z = h @ W + b
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        totals = p.sum(axis=1, keepdims=True)
        loss = np.mean(np.log(totals[:, 0]) - z[rows, y])
        p /= totals
        p[rows, y] -= 1
        p /= BATCH
        dW, db = h.T @ p, p.sum(axis=0)
        if hidden:
            dh = p @ W.T * h * (1 - h)
            W1 -= RATE * (x.T @ dh)
            b1 -= RATE * dh.sum(axis=0)
        W -= RATE * dW
        b -= RATE * db
        return float(loss)

    return step


def in_torch(x: Array, y: Array, arrays: list[Array]) -> Step:
    """Return the step in PyTorch, eager, on one thread."""
    import torch

    torch.set_num_threads(1)
    samples, labels = torch.tensor(x), torch.tensor(y)
    weights = [torch.tensor(array, requires_grad=True) for array in arrays]
    optimizer = torch.optim.SGD(weights, lr=RATE)

    def step() -> float:
        h = samples
        for i in range(0, len(weights), 2):
            h = torch.addmm(weights[i + 1], torch.sigmoid(h) if i else h, weights[i])
        loss = torch.nn.functional.cross_entropy(h, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


# ── measuring ───────────────────────────────────────────────────────────────────────────────────

CALLS = 30  # in a row, so that each contender finds its own data in the caches


def measure(
    sizes: list[int], contenders: list[Callable[..., Step]], rounds: int
) -> list[list[float]]:
    """Return microseconds per step of each contender, one number a round.

    Raises:
        AssertionError: they do not find the same losses.
    """
    steps = [contender(*data(sizes)) for contender in contenders]
    losses = [[step() for _ in range(3)] for step in steps]
    if not np.allclose(losses, losses[0], rtol=1e-9):
        raise AssertionError(f"{sizes}: the losses differ, {losses}")
    timers = [Timer(step) for step in steps]
    times = [[1e6 * timer.timeit(CALLS) / CALLS for timer in timers] for _ in range(rounds)]
    return [list(column) for column in zip(*times, strict=True)]


def run(rounds: int = 100) -> Table:
    """Measure all networks, with PyTorch where it is installed."""
    contenders = [by_hand, in_one_call, sorted_once, *([in_torch] if installed("torch") else [])]
    columns = ("network", "by hand, µs", "value_and_grad, µs", "ratio", "two calls, µs", "ratio")
    columns += ("torch, µs", "ratio") if installed("torch") else ()
    rows = []
    for sizes in NETWORKS:
        hand, *others = measure(sizes, contenders, rounds)
        cells = [cell for times in others for cell in (spread(times), ratio(times, hand))]
        rows.append(("→".join(map(str, sizes)), spread(hand), *cells))
    return Table(
        f"A training step of a miniflow graph on {BATCH} samples",
        columns,
        rows,
        "Loss, gradients and update, in double precision. Median (least) of several rounds in "
        "turn, in one process, BLAS on one thread. By hand is NumPy; a ratio is to that, the "
        "median over the rounds. Two calls are `forward_and_backward` and `sgd_update`, which also "
        "compute the gradient of the samples.",
    )
