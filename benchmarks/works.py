"""The works of the benchmark of compiled scalars: data, parameters, and the loss in scalars.

A work is described once, for any library. Libraries of scalars take its loss from here; those of
arrays write the same network in their own way (``peers/``), and the benchmark checks that all find
the same numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import pairwise
from operator import add, mul, sub
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from .demo import two_moons

BATCH, RATE, DECAY = 100, 0.1, 1e-4

Array = np.ndarray[Any, Any]
Scalar = Any
Same = TypeVar("Same", bound="Work")
Net = TypeVar("Net", bound="Network")


def total(terms: Sequence[Scalar]) -> Scalar:
    """Add up scalars of any library, from first to last."""
    return reduce(add, terms)


class Functions(NamedTuple):
    """What a library of scalars offers, besides its operators.

    Args:
        tanh, relu, exp, log, sin, cos: of a scalar.
        greatest: of several; it may be a number, since softmax's shift cancels in the gradient.
        total: the sum of several.
        leaf: makes a scalar of a number, where the library does not do it by itself.
    """

    tanh: Callable[[Scalar], Scalar]
    relu: Callable[[Scalar], Scalar]
    exp: Callable[[Scalar], Scalar]
    log: Callable[[Scalar], Scalar]
    sin: Callable[[Scalar], Scalar]
    cos: Callable[[Scalar], Scalar]
    greatest: Callable[[Sequence[Scalar]], Scalar] = max
    total: Callable[[Sequence[Scalar]], Scalar] = total
    leaf: Callable[[float], Scalar] = float


@dataclass(frozen=True)
class Work:
    """The mean of a loss over samples, its gradient by the parameters, and perhaps the update.

    Args:
        count: how many samples there are.
        unrolled: compile the graph of all samples, and not that of one.
    """

    rate: ClassVar[float]  # of gradient descent; 0 for none
    samples: ClassVar[Any]  # Array, shape (count, numbers of a sample)
    parameters: ClassVar[Any]  # Array, flat

    count: int = BATCH
    unrolled: bool = False

    def only(self: Same, count: int) -> Same:
        """Return the same work on fewer samples, or more."""
        return replace(self, count=count)

    def tiny(self: Same) -> Same:
        """Return a work of this kind to warm up with."""
        raise NotImplementedError

    def loss(
        self, functions: Functions, sample: Sequence[Scalar], parameters: Sequence[Scalar]
    ) -> Scalar:
        """Return the loss of one sample."""
        raise NotImplementedError

    def penalty(self, functions: Functions, parameters: Sequence[Scalar]) -> Scalar | None:
        """Return what is added to the mean of the losses, if anything is."""

    def objective(self, functions: Functions, parameters: Sequence[Scalar]) -> Scalar:
        """Return all of it as one graph: the mean over the samples, and the penalty."""
        samples = [list(map(functions.leaf, sample)) for sample in self.samples.tolist()]
        losses = [self.loss(functions, sample, parameters) for sample in samples]
        mean = functions.total(losses) * (1 / len(losses))
        penalty = self.penalty(functions, parameters)
        return mean if penalty is None else mean + penalty


# ── networks ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Network(Work):
    """A training step of a network.

    Args:
        sizes: inputs, neurons of each layer.
        scale: of the weights, so that logits may be large.
    """

    activation: ClassVar[str]
    rate: ClassVar[float] = RATE

    sizes: tuple[int, ...] = ()
    scale: float = 1.0

    def tiny(self: Net) -> Net:
        hidden = [3] * (len(self.sizes) - 2)
        return replace(self, count=4, sizes=(2, *hidden, min(2, self.sizes[-1])))

    @cached_property
    def parameters(self) -> Array:
        """For each neuron its weights and then its bias, as ``Module.parameters`` has them."""
        generator = np.random.default_rng(1)
        tables = [
            generator.normal(scale=self.scale * n**-0.5, size=(m, n + 1))
            for n, m in pairwise(self.sizes)
        ]
        return flat((table[:, :-1], table[:, -1]) for table in tables)

    def layers(self, parameters: Any) -> list[tuple[Any, Any]]:
        """Return views of flat parameters: of each layer its weights (neurons, inputs), biases."""
        found, start = [], 0
        for n, m in pairwise(self.sizes):
            table = parameters[start : start + m * (n + 1)].reshape(m, n + 1)
            found.append((table[:, :n], table[:, n]))
            start += m * (n + 1)
        return found

    def outputs(
        self, functions: Functions, x: Sequence[Scalar], parameters: Sequence[Scalar]
    ) -> Sequence[Scalar]:
        """Return what the neurons of the last layer say, neuron by neuron."""
        numbers = iter(parameters)
        activation = getattr(functions, self.activation)
        for depth, m in enumerate(self.sizes[1:]):
            last = depth == len(self.sizes) - 2
            sums = [
                functions.total([*[next(numbers) * v for v in x], next(numbers)]) for _ in range(m)
            ]
            x = sums if last else [activation(z) for z in sums]
        return x


def flat(layers: Any) -> Array:
    """Return the weights and biases of layers as flat parameters."""
    return np.concatenate([np.column_stack([W, b]).ravel() for W, b in layers])


@dataclass(frozen=True)
class Moons(Network):
    """micrograd's demo: two classes told apart by the max-margin loss, with an L2 penalty."""

    activation: ClassVar[str] = "relu"

    @cached_property
    def samples(self) -> Array:
        """Each a point, and its label 1 or -1."""
        return np.array([[*x, label] for x, label in two_moons(self.count)], float)

    def loss(
        self, functions: Functions, sample: Sequence[Scalar], parameters: Sequence[Scalar]
    ) -> Scalar:
        *x, label = sample
        (score,) = self.outputs(functions, x, parameters)
        return functions.relu(1 - label * score)

    def penalty(self, functions: Functions, parameters: Sequence[Scalar]) -> Scalar:
        return functions.total([p * p for p in parameters]) * DECAY


@dataclass(frozen=True)
class Digits(Network):
    """Classes told apart by softmax and cross-entropy; the data are random."""

    activation: ClassVar[str] = "tanh"

    @cached_property
    def samples(self) -> Array:
        """Each a row of pixels, and a probability for each class: 1 for the right one, else 0."""
        generator = np.random.default_rng(0)
        classes = generator.integers(0, self.sizes[-1], self.count)
        pixels = generator.random((self.count, self.sizes[0]))
        return np.concatenate([pixels, np.eye(self.sizes[-1])[classes]], axis=1)

    def loss(
        self, functions: Functions, sample: Sequence[Scalar], parameters: Sequence[Scalar]
    ) -> Scalar:
        x, target = sample[: self.sizes[0]], sample[self.sizes[0] :]
        logits = self.outputs(functions, x, parameters)
        shift = functions.greatest(logits)
        shifted = [z - shift for z in logits]
        right = functions.total([t * z for t, z in zip(target, shifted, strict=True)])
        return functions.log(functions.total([functions.exp(z) for z in shifted])) - right


# ── irregular graphs ────────────────────────────────────────────────────────────────────────────


class Operation(NamedTuple):
    """An operation of an irregular graph, on scalars that have numbers."""

    name: str
    x: int
    y: int


@dataclass(frozen=True)
class Irregular(Work):
    """A graph without structure: each level picks its operations and operands at random.

    Args:
        width: operations of a level.
        depth: levels, with the last ones that add up.
        leaves: numbers of a sample, and as many parameters.
    """

    rate: ClassVar[float] = 0.0

    width: int = 51
    depth: int = 200
    leaves: int = 20

    def tiny(self) -> Irregular:
        return replace(self, count=min(4, self.count), width=6, depth=6, leaves=2)

    @cached_property
    def samples(self) -> Array:
        return np.random.default_rng(0).uniform(-1, 1, (self.count, self.leaves))

    @cached_property
    def parameters(self) -> Array:
        return np.random.default_rng(1).uniform(-1, 1, self.leaves)

    @cached_property
    def operations(self) -> list[Operation]:
        """What is computed, in order; the scalars are numbered, the leaves first."""
        generator = random.Random(3)
        leaves = range(2 * self.leaves)
        level, found = [*leaves], []

        def operate(name: str, x: int, y: int) -> int:
            found.append(Operation(name, x, y))
            return len(leaves) + len(found) - 1

        additions = (self.width - 1).bit_length()  # levels, at the end
        for _ in range(self.depth - additions):
            # All of the level below are first operands, so that nothing is computed for nothing.
            # Factors are leaves, which are small, so that 200 levels do not run to infinity.
            generator.shuffle(level)
            firsts = [level[i % len(level)] for i in range(self.width)]
            names = generator.choices(("add", "sub", "mul", "mul", "tanh"), k=self.width)
            level = [
                operate(name, x, generator.choice(leaves if name == "mul" else level))
                for name, x in zip(names, firsts, strict=True)
            ]
        while len(level) > 1:
            half = len(level) // 2
            pairs = zip(level[:half], level[half : 2 * half], strict=True)
            level = [operate("add", x, y) for x, y in pairs] + level[2 * half :]
        return found

    def loss(
        self, functions: Functions, sample: Sequence[Scalar], parameters: Sequence[Scalar]
    ) -> Scalar:
        table = {"add": add, "sub": sub, "mul": mul, "tanh": lambda x, _: functions.tanh(x)}
        scalars = [*sample, *parameters]
        for name, x, y in self.operations:
            scalars.append(table[name](scalars[x], scalars[y]))
        return scalars[-1]
