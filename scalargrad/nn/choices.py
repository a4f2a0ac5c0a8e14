"""Activations and ways to draw the first weights, by name."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from operator import index
from typing import Any, TypeAlias, cast

from ..engine import Value
from ..errors import ChoiceError, OperandError
from ..ops import PRIMITIVES

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "activation_of",
    "common",
    "generator",
    "initializer",
    "title",
]

Activation: TypeAlias = "str | Callable[[Value], Value] | None"
Seed: TypeAlias = "int | random.Random | None"

#: The activations that can be asked for by name; None is for a linear neuron.
ACTIVATIONS = ("tanh", "relu", "sigmoid", "leaky_relu", "softplus", "gelu", "sin")


def _uniform(rng: random.Random, _nin: int, _nout: int) -> float:
    """Draw from (-1, 1), as micrograd does."""
    return rng.uniform(-1.0, 1.0)


def _xavier(rng: random.Random, nin: int, nout: int) -> float:
    """Draw as Glorot and Bengio 2010 do, for tanh and sigmoid."""
    return math.sqrt(6.0 / (nin + nout)) * rng.uniform(-1.0, 1.0)


def _he(rng: random.Random, nin: int, _nout: int) -> float:
    """Draw as He et al. 2015 do, for relu and its kin."""
    return math.sqrt(2.0 / nin) * rng.gauss(0.0, 1.0)


#: How weights can be drawn, by name, for a neuron with nin inputs in a layer of nout neurons.
INITIALIZERS = {"uniform": _uniform, "xavier": _xavier, "he": _he}


def generator(seed: Any) -> random.Random:
    """Return the generator that a seed stands for."""
    if seed is None or seed is random:
        # The module itself is a generator, too: random.seed(1337) then gives micrograd's weights.
        return cast(random.Random, random)
    if isinstance(seed, random.Random):
        return seed
    try:
        return random.Random(index(seed))
    except TypeError:
        raise OperandError(f"a seed is an int, a random.Random or None, got {seed!r}") from None


def initializer(name: str) -> Callable[[random.Random, int, int], float]:
    """Return the function that draws a weight, by its name."""
    if not isinstance(name, str) or name not in INITIALIZERS:
        raise ChoiceError(f"init is one of {', '.join(INITIALIZERS)}, got {name!r}")
    return INITIALIZERS[name]


def activation_of(activation: Activation) -> Callable[[Value], Value] | None:
    """Return the function of an activation; None for a linear neuron."""
    if activation is None or callable(activation):
        return activation
    if activation not in ACTIVATIONS:
        names = ", ".join(ACTIVATIONS)
        raise ChoiceError(
            f"an activation is a function, None or one of {names}; got {activation!r}"
        )
    method: Callable[[Value], Value] = getattr(Value, activation)
    return method


def common(activations: Sequence[Any]) -> Any:
    """Return what all have in common, or all of them."""
    first = activations[0] if activations else None
    return first if all(one == first for one in activations) else list(activations)


def title(activation: Activation) -> str:
    """Return an activation as the first word of a neuron: TanhNeuron."""
    if activation is None:
        return "Linear"
    if callable(activation):
        return getattr(activation, "__name__", "Custom").strip("<>").capitalize()
    return "".join(word[0].upper() + word[1:] for word in PRIMITIVES[activation].symbol.split())
