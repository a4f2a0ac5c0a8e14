"""The GPT in JAX: array code and the update in one compiled function, on the CPU, on one thread."""

# ruff: noqa: N803  (weights are called W, as in the formulas)

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..gpt_work import EPSILON, Names
from ..works import RATE
from . import Prepared
from .jax import jax, jnp  # set up for the CPU and one thread, before it was loaded

Tables = dict[str, jax.Array]


def norm(x: jax.Array) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + EPSILON)


def prepare(work: Names) -> Prepared:
    """Return the training step, compiled as a whole."""
    tables = {name: jnp.array(table) for name, table in work.tables(work.parameters).items()}
    one_hot = jnp.array(np.eye(work.tokens)[work.samples])  # faster than to gather and to scatter
    loss = loss_of(work)

    def update(W: Tables, names: jax.Array) -> tuple[jax.Array, Tables]:
        value, gradient = jax.value_and_grad(loss)(W, names)
        return value, jax.tree.map(lambda p, g: p - RATE * g, W, gradient)

    compiled = jax.jit(update, donate_argnums=0)

    def step() -> float:
        nonlocal tables
        value, tables = jax.block_until_ready(compiled(tables, one_hot))
        return float(value)

    def flat() -> np.ndarray:
        return np.concatenate([np.asarray(tables[name]).ravel() for name, _ in work.shapes])

    # What was donated is gone, so the gradient is read from the change.
    return Prepared(step, lambda: (work.parameters - flat()) / RATE)


def loss_of(work: Names) -> Callable[[Tables, jax.Array], jax.Array]:
    """Return the mean loss of names, one-hot, as a function of the tables."""
    places, size = work.places, work.width // work.heads
    seen = jnp.tril(jnp.ones((places, places), bool))

    def heads(x: jax.Array) -> jax.Array:
        return x.reshape(work.count, places, work.heads, size).transpose(0, 2, 1, 3)

    def loss(W: Tables, names: jax.Array) -> jax.Array:
        x = norm(names[:, :-1] @ W["letters"] + W["places"][:places])
        for layer in range(work.layers):
            y = norm(x)
            q, k, v = (heads(y @ W[f"{name}{layer}"].T) for name in ("query", "key", "value"))
            scores = jnp.where(seen, q @ k.swapaxes(-1, -2) * size**-0.5, -jnp.inf)
            o = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(x.shape)
            x = x + o @ W[f"mix{layer}"].T
            x = x + jax.nn.relu(norm(x) @ W[f"up{layer}"].T) @ W[f"down{layer}"].T
        chances = jax.nn.log_softmax(x @ W["head"].T)
        return -jnp.sum(names[:, 1:] * chances) / (work.count * places)

    return loss
