"""NumPy by hand, and cleverer: samples are columns, and under each is a one for the bias.

A layer is then one matrix product, and so is its gradient, and the functions run along the samples,
of which there are more than neurons. Softmax is shifted by the greatest logit.
"""

# ruff: noqa: N806  (weights are called W and their gradients dW, as in the formulas)

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..works import DECAY, RATE, Array, Moons, Network
from . import Prepared


def prepare(work: Network) -> Prepared:
    """Return the training step of moons with two hidden layers, or of digits with one or none."""
    if isinstance(work, Moons):
        return moons(work)
    return regression(work) if len(work.sizes) == 2 else digits(work)


def tables(work: Network, numbers: Array) -> list[Array]:
    """Return views of flat parameters: of each layer [W b], a row for each neuron."""
    ends = np.cumsum([m * (n + 1) for n, m in pairwise(work.sizes)])
    parts = np.split(numbers, ends[:-1])
    return [part.reshape(m, -1) for part, m in zip(parts, work.sizes[1:], strict=True)]


def with_ones(rows: Array) -> Array:
    """Return an array with a row of ones under it, to be filled but for this row."""
    return np.concatenate([rows, np.ones((1, rows.shape[1]))])


def moons(work: Network) -> Prepared:
    """Two hidden layers of ReLU, and the max-margin loss with L2."""
    n, k1, k2, _ = work.sizes
    batch = work.count
    weights, gradient = work.parameters.copy(), np.empty_like(work.parameters)
    W1, W2, W3 = tables(work, weights)
    dW1, dW2, dW3 = tables(work, gradient)
    x, y = with_ones(work.samples.T[:n]), np.ascontiguousarray(work.samples.T[n:])
    decay = np.empty_like(weights)
    h1, h2 = with_ones(np.empty((k1, batch))), with_ones(np.empty((k2, batch)))
    a1, g1, m1 = h1[:-1], np.empty((k1, batch)), np.empty((k1, batch), bool)
    a2, g2, m2 = h2[:-1], np.empty((k2, batch)), np.empty((k2, batch), bool)
    s, g3, m3 = np.empty((1, batch)), np.empty((1, batch)), np.empty((1, batch), bool)
    push = y * (-1.0 / batch)
    xT, h1T, h2T, W2T, W3T = x.T, h1.T, h2.T, W2[:, :-1].T, W3[:, :-1].T

    def step() -> float:
        np.dot(W1, x, out=a1)
        np.maximum(a1, 0.0, out=a1)
        np.dot(W2, h1, out=a2)
        np.maximum(a2, 0.0, out=a2)
        np.dot(W3, h2, out=s)
        np.multiply(s, y, out=s)
        np.subtract(1.0, s, out=s)
        np.greater(s, 0.0, out=m3)
        np.maximum(s, 0.0, out=s)
        penalty = DECAY * float(np.dot(weights, weights))
        loss = float(np.add.reduce(s, axis=None)) / batch + penalty
        np.multiply(push, m3, out=g3)
        np.dot(g3, h2T, out=dW3)
        np.multiply(W3T, g3, out=g2)
        np.greater(a2, 0.0, out=m2)
        np.multiply(g2, m2, out=g2)
        np.dot(g2, h1T, out=dW2)
        np.dot(W2T, g2, out=g1)
        np.greater(a1, 0.0, out=m1)
        np.multiply(g1, m1, out=g1)
        np.dot(g1, xT, out=dW1)
        np.multiply(weights, 2 * DECAY, out=decay)
        np.add(gradient, decay, out=gradient)
        np.multiply(gradient, RATE, out=gradient)
        np.subtract(weights, gradient, out=weights)
        return loss

    return Prepared(step, lambda: gradient / RATE)


def regression(work: Network) -> Prepared:
    """Softmax and cross-entropy."""
    n, classes = work.sizes
    batch = work.count
    weights, gradient = work.parameters.copy(), np.empty_like(work.parameters)
    (W,), (dW,) = tables(work, weights), tables(work, gradient)
    x, target = with_ones(work.samples.T[:n]), np.ascontiguousarray(work.samples.T[n:])
    z, p = np.empty((classes, batch)), np.empty((classes, batch))
    top, total = np.empty(batch), np.empty(batch)
    xT = x.T

    def step() -> float:
        np.dot(W, x, out=z)
        np.maximum.reduce(z, axis=0, out=top)
        np.subtract(z, top, out=z)
        np.exp(z, out=p)
        np.add.reduce(p, axis=0, out=total)
        np.divide(p, total, out=p)
        np.log(total, out=total)
        loss = (float(np.add.reduce(total)) - float(np.vdot(z, target))) / batch
        np.subtract(p, target, out=p)
        np.multiply(p, RATE / batch, out=p)
        np.dot(p, xT, out=dW)
        np.subtract(weights, gradient, out=weights)
        return loss

    return Prepared(step, lambda: gradient / RATE)


def digits(work: Network) -> Prepared:
    """A hidden layer of tanh, softmax and cross-entropy."""
    n, k, classes = work.sizes
    batch = work.count
    weights, gradient = work.parameters.copy(), np.empty_like(work.parameters)
    (W1, W2), (dW1, dW2) = tables(work, weights), tables(work, gradient)
    x, target = with_ones(work.samples.T[:n]), np.ascontiguousarray(work.samples.T[n:])
    h, g = with_ones(np.empty((k, batch))), np.empty((k, batch))
    a = h[:-1]
    z, p = np.empty((classes, batch)), np.empty((classes, batch))
    top, total = np.empty(batch), np.empty(batch)
    xT, hT, W2T = x.T, h.T, W2[:, :-1].T

    def step() -> float:
        np.dot(W1, x, out=a)
        np.tanh(a, out=a)
        np.dot(W2, h, out=z)
        np.maximum.reduce(z, axis=0, out=top)
        np.subtract(z, top, out=z)
        np.exp(z, out=p)
        np.add.reduce(p, axis=0, out=total)
        np.divide(p, total, out=p)
        np.log(total, out=total)
        loss = (float(np.add.reduce(total)) - float(np.vdot(z, target))) / batch
        np.subtract(p, target, out=p)
        np.multiply(p, RATE / batch, out=p)
        np.dot(p, hT, out=dW2)
        np.dot(W2T, p, out=g)
        np.multiply(a, a, out=a)
        np.subtract(1.0, a, out=a)
        np.multiply(g, a, out=g)
        np.dot(g, xT, out=dW1)
        np.subtract(weights, gradient, out=weights)
        return loss

    return Prepared(step, lambda: gradient / RATE)
