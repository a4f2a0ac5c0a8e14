"""NumPy by hand: what a person would write for these very networks, with all buffers made once.

Samples are rows; softmax is shifted by the greatest logit. ``by_hand_ones.py`` is cleverer.
"""

# ruff: noqa: N806  (weights are called W and their gradients dW, as in the formulas)

from __future__ import annotations

import numpy as np

from ..works import DECAY, RATE, Array, Moons, Network, flat
from . import Prepared


def prepare(work: Network) -> Prepared:
    """Return the training step of moons with two hidden layers, or of digits with one or none."""
    if isinstance(work, Moons):
        return moons(work)
    return regression(work) if len(work.sizes) == 2 else digits(work)


def arrays(work: Network) -> tuple[Array, list[Array]]:
    """Return all weights (inputs, neurons) and biases in turn, and the flat array they lie in."""
    parts = [part for W, b in work.layers(work.parameters) for part in (W.T, b)]
    ends = np.cumsum([part.size for part in parts])
    weights = np.concatenate([part.ravel() for part in parts])
    pieces = np.split(weights, ends[:-1])  # views
    return weights, [piece.reshape(part.shape) for piece, part in zip(pieces, parts, strict=True)]


def in_order(slopes: list[Array]) -> Array:
    """Return gradients, which were multiplied by the rate, in the order of the parameters."""
    return flat((dW.T, db) for dW, db in zip(slopes[::2], slopes[1::2], strict=True)) / RATE


def moons(work: Network) -> Prepared:
    """Two hidden layers of ReLU, and the max-margin loss with L2."""
    n, k1, k2, _ = work.sizes
    batch = work.count
    weights, (W1, b1, W2, b2, W3, b3) = arrays(work)
    gradient, slopes = arrays(work)
    dW1, db1, dW2, db2, dW3, db3 = slopes
    decay = np.empty_like(weights)
    x, y = (np.ascontiguousarray(part) for part in np.split(work.samples, [n], axis=1))
    h1, g1, m1 = np.empty((batch, k1)), np.empty((batch, k1)), np.empty((batch, k1), bool)
    h2, g2, m2 = np.empty((batch, k2)), np.empty((batch, k2)), np.empty((batch, k2), bool)
    s, g3, m3 = np.empty((batch, 1)), np.empty((batch, 1)), np.empty((batch, 1), bool)
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
        penalty = DECAY * float(np.dot(weights, weights))
        loss = float(np.add.reduce(s, axis=None)) / batch + penalty
        np.multiply(y, -1.0 / batch, out=g3)
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
        np.multiply(weights, 2 * DECAY, out=decay)
        np.add(gradient, decay, out=gradient)
        np.multiply(gradient, RATE, out=gradient)
        np.subtract(weights, gradient, out=weights)
        return loss

    return Prepared(step, lambda: in_order(slopes))


def regression(work: Network) -> Prepared:
    """Softmax and cross-entropy."""
    n, classes = work.sizes
    batch = work.count
    weights, (W, b) = arrays(work)
    gradient, slopes = arrays(work)
    dW, db = slopes
    x, target = (np.ascontiguousarray(part) for part in np.split(work.samples, [n], axis=1))
    z, p = np.empty((batch, classes)), np.empty((batch, classes))
    top, total = np.empty((batch, 1)), np.empty((batch, 1))
    xT = x.T

    def step() -> float:
        np.dot(x, W, out=z)
        np.add(z, b, out=z)
        np.maximum.reduce(z, axis=1, out=top, keepdims=True)
        np.subtract(z, top, out=z)
        np.exp(z, out=p)
        np.add.reduce(p, axis=1, out=total, keepdims=True)
        np.divide(p, total, out=p)
        np.log(total, out=total)
        right = float(np.vdot(z, target))
        loss = (float(np.add.reduce(total, axis=None)) - right) / batch
        np.subtract(p, target, out=p)
        np.multiply(p, 1.0 / batch, out=p)
        np.dot(xT, p, out=dW)
        np.add.reduce(p, axis=0, out=db)
        np.multiply(gradient, RATE, out=gradient)
        np.subtract(weights, gradient, out=weights)
        return loss

    return Prepared(step, lambda: in_order(slopes))


def digits(work: Network) -> Prepared:
    """A hidden layer of tanh, softmax and cross-entropy."""
    n, k, classes = work.sizes
    batch = work.count
    weights, (W1, b1, W2, b2) = arrays(work)
    gradient, slopes = arrays(work)
    dW1, db1, dW2, db2 = slopes
    x, target = (np.ascontiguousarray(part) for part in np.split(work.samples, [n], axis=1))
    h, g = np.empty((batch, k)), np.empty((batch, k))
    z, p = np.empty((batch, classes)), np.empty((batch, classes))
    top, total = np.empty((batch, 1)), np.empty((batch, 1))
    xT, hT, W2T = x.T, h.T, W2.T

    def step() -> float:
        np.dot(x, W1, out=h)
        np.add(h, b1, out=h)
        np.tanh(h, out=h)
        np.dot(h, W2, out=z)
        np.add(z, b2, out=z)
        np.maximum.reduce(z, axis=1, out=top, keepdims=True)
        np.subtract(z, top, out=z)
        np.exp(z, out=p)
        np.add.reduce(p, axis=1, out=total, keepdims=True)
        np.divide(p, total, out=p)
        np.log(total, out=total)
        right = float(np.vdot(z, target))
        loss = (float(np.add.reduce(total, axis=None)) - right) / batch
        np.subtract(p, target, out=p)
        np.multiply(p, 1.0 / batch, out=p)
        np.dot(hT, p, out=dW2)
        np.add.reduce(p, axis=0, out=db2)
        np.dot(p, W2T, out=g)
        np.multiply(h, h, out=h)
        np.subtract(1.0, h, out=h)
        np.multiply(g, h, out=g)
        np.dot(xT, g, out=dW1)
        np.add.reduce(g, axis=0, out=db1)
        np.multiply(gradient, RATE, out=gradient)
        np.subtract(weights, gradient, out=weights)
        return loss

    return Prepared(step, lambda: in_order(slopes))
