"""The works of scalars as array code, for JAX and torch alike, where a person would write it.

Each is a loss of one sample and of the flat parameters; ``xp`` is ``jax.numpy`` or ``torch``.
"""

# ruff: noqa: N806  (weights are called W, as in the formulas)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import scalar_works
from ..works import Work

Loss = Callable[[Any, Any], Any]  # of a sample and the parameters


def array_loss(xp: Any, work: Work) -> Loss | None:
    """Return the loss of a work as array code, if somebody would write it so."""
    make = LOSSES.get(type(work))
    return make(xp, work) if make else None


def neuron(xp: Any, _work: scalar_works.Neuron) -> Loss:
    return lambda x, p: xp.tanh(p[:2] @ x + p[2])


def recurrent(xp: Any, work: scalar_works.Recurrent) -> Loss:
    width = work.width

    def loss(sample: Any, p: Any) -> Any:
        W = p.reshape(width, width + 2)
        h = xp.zeros(width, dtype=p.dtype)
        for step in range(work.steps):
            h = xp.tanh(W[:, :width] @ h + W[:, width] * sample[step] + W[:, width + 1])
        return xp.sum(h * h)

    return loss


def lstm(xp: Any, work: scalar_works.LSTM) -> Loss:
    width = work.width

    def sigmoid(z: Any) -> Any:
        return 0.5 * xp.tanh(0.5 * z) + 0.5

    def loss(sample: Any, p: Any) -> Any:
        W = p.reshape(4 * width, width + 2)
        h = c = xp.zeros(width, dtype=p.dtype)
        for step in range(work.steps):
            z = W[:, :width] @ h + W[:, width] * sample[step] + W[:, width + 1]
            keep, write, read = (sigmoid(z[i * width : (i + 1) * width]) for i in range(3))
            c = keep * c + write * xp.tanh(z[3 * width :])
            h = read * xp.tanh(c)
        return xp.sum(h * h)

    return loss


def attention(xp: Any, work: scalar_works.Attention) -> Loss:
    width = work.width

    def loss(sample: Any, p: Any) -> Any:
        x, W = sample.reshape(work.tokens, width), p.reshape(3, width, width + 1)
        queries, keys, values = (x @ W[i, :, :width].T + W[i, :, width] for i in range(3))
        shares = xp.exp(queries @ keys.T * width**-0.5)
        found = shares @ values / xp.sum(shares, 1)[:, None]
        return xp.sum(found * found)

    return loss


def lennard_jones(xp: Any, work: scalar_works.LennardJones) -> Loss:
    first, second = map(xp.asarray, np.triu_indices(work.particles, 1))

    def loss(sample: Any, p: Any) -> Any:
        positions = p.reshape(work.particles, 3)
        apart = positions[first] - positions[second]
        s = sample[0] ** 2 / xp.sum(apart * apart, 1)
        s3 = s * s * s
        return 4 * xp.sum(s3 * s3 - s3)

    return loss


def mixture(xp: Any, work: scalar_works.Mixture) -> Loss:
    def loss(sample: Any, p: Any) -> Any:
        weights, means, logs = p.reshape(3, work.parts)
        z = (sample[:, None] - means) * xp.exp(-logs)
        parts = xp.exp(weights - logs) * xp.exp(-0.5 * z * z)
        return work.points * xp.log(xp.sum(xp.exp(weights))) - xp.sum(xp.log(xp.sum(parts, 1)))

    return loss


LOSSES: dict[type[Work], Callable[[Any, Any], Loss]] = {
    scalar_works.Neuron: neuron,
    scalar_works.Recurrent: recurrent,
    scalar_works.LSTM: lstm,
    scalar_works.Attention: attention,
    scalar_works.LennardJones: lennard_jones,
    scalar_works.Mixture: mixture,
}
