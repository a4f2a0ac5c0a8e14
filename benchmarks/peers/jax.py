"""JAX: array code and the update in one compiled function, on the CPU, on one thread.

Samples are columns, which here is faster than rows; a call does not go through another thread, and
the parameters' memory is reused, both of which make small steps faster, too.
"""

# ruff: noqa: N806  (weights are called W, as in the formulas)

from __future__ import annotations

import os

os.environ["JAX_PLATFORMS"] = "cpu"  # all before JAX is loaded
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ..works import DECAY, RATE, Array, Moons, Network, Work, flat
from . import Prepared, Unable
from .array_works import array_loss
from .descent import of_array

jax.config.update("jax_cpu_enable_async_dispatch", False)

ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu}

Layers = list[tuple[jax.Array, jax.Array]]


def prepare(work: Work) -> Prepared:
    """Compile a work as a whole."""
    return network(work) if isinstance(work, Network) else scalars(work)


def scalars(work: Work) -> Prepared:
    """Return the mean loss and its gradient.

    Raises:
        Unable: nobody would write this as array code.
    """
    loss = array_loss(jnp, work)
    if loss is None:
        raise Unable("no array code")

    def mean(p: jax.Array, samples: jax.Array) -> jax.Array:
        return jnp.mean(jax.vmap(loss, (0, None))(samples, p))

    compiled = jax.jit(jax.value_and_grad(mean))
    samples, parameters = jnp.array(work.samples), jnp.array(work.parameters)

    def evaluate() -> tuple[float, Array]:
        value, gradient = jax.block_until_ready(compiled(parameters, samples))
        return float(value), np.asarray(gradient)

    return of_array(work, work.parameters.copy(), evaluate)


def network(work: Network) -> Prepared:
    """Return the training step, compiled as a whole."""
    x, target = (jnp.array(part) for part in np.split(work.samples.T, [work.sizes[0]]))
    layers = [(jnp.array(W), jnp.array(b)) for W, b in work.layers(work.parameters)]
    loss = loss_of(work)

    def update(layers: Layers, x: jax.Array, target: jax.Array) -> tuple[jax.Array, Layers]:
        value, gradient = jax.value_and_grad(loss)(layers, x, target)
        return value, jax.tree.map(lambda p, g: p - RATE * g, layers, gradient)

    compiled = jax.jit(update, donate_argnums=0)

    def step() -> float:
        nonlocal layers
        value, layers = jax.block_until_ready(compiled(layers, x, target))
        return float(value)

    # What was donated is gone, so the gradient is read from the change.
    return Prepared(step, lambda: (work.parameters - flat(layers)) / RATE)


def loss_of(work: Network) -> Callable[[Layers, jax.Array, jax.Array], jax.Array]:
    """Return the loss of a network as a function of its layers, the samples and what is right."""
    activation = ACTIVATIONS[work.activation]

    def outputs(layers: Layers, h: jax.Array) -> jax.Array:
        for i, (W, b) in enumerate(layers):
            h = W @ (activation(h) if i else h) + b[:, None]
        return h

    def max_margin(layers: Layers, x: jax.Array, label: jax.Array) -> jax.Array:
        penalty = sum(jnp.sum(p * p) for layer in layers for p in layer)
        return jnp.mean(jax.nn.relu(1 - label * outputs(layers, x))) + DECAY * penalty

    def cross_entropy(layers: Layers, x: jax.Array, target: jax.Array) -> jax.Array:
        chances = jax.nn.log_softmax(outputs(layers, x), axis=0)
        return -jnp.mean(jnp.sum(target * chances, axis=0))

    return max_margin if isinstance(work, Moons) else cross_entropy
