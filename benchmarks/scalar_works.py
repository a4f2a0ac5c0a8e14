"""The works of the benchmark of scalars: what has no array code, or gains little from it.

Each is written once, in scalars of any library (`works.Functions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any, ClassVar

import numpy as np

from .works import Array, Functions, Scalar, Work

__all__ = [
    "LSTM",
    "Arm",
    "Attention",
    "LennardJones",
    "Mixture",
    "Neuron",
    "Pendulum",
    "Recurrent",
]

Rows = Sequence[Sequence[Scalar]]


@dataclass(frozen=True)
class Scalars(Work):
    """A work without an update: one evaluation with its gradient, or the mean over samples."""

    rate: ClassVar[float] = 0.0

    count: int = 1
    spread: float = 0.5  # of samples and parameters

    @property
    def sizes(self) -> tuple[int, int]:
        """How many numbers a sample has, and how many parameters there are."""
        raise NotImplementedError

    @cached_property
    def samples(self) -> Array:
        return np.random.default_rng(0).uniform(-1, 1, (self.count, self.sizes[0])) * self.spread

    @cached_property
    def parameters(self) -> Array:
        return np.random.default_rng(1).uniform(-1, 1, self.sizes[1]) * self.spread


def table(numbers: Sequence[Scalar], width: int) -> list[Sequence[Scalar]]:
    """Return the rows of a table."""
    return [numbers[i : i + width] for i in range(0, len(numbers), width)]


def affine(functions: Functions, rows: Rows, x: Sequence[Scalar]) -> list[Scalar]:
    """Return weights times x, plus a bias: the last number of each row."""
    return [
        functions.total([*(w * v for w, v in zip(row[:-1], x, strict=True)), row[-1]])
        for row in rows
    ]


def squares(functions: Functions, values: Sequence[Scalar]) -> Scalar:
    return functions.total([v * v for v in values])


@dataclass(frozen=True)
class Neuron(Scalars):
    """A tanh neuron of two inputs."""

    sizes: ClassVar[tuple[int, int]] = 2, 3

    def tiny(self) -> Neuron:
        return self

    def loss(self, functions: Functions, sample: Any, parameters: Any) -> Scalar:
        return functions.tanh(affine(functions, [parameters], sample)[0])


@dataclass(frozen=True)
class Recurrent(Scalars):
    """A recurrent network of tanh neurons, unrolled; an input in each step."""

    steps: int = 20
    width: int = 16

    @property
    def sizes(self) -> tuple[int, int]:
        return self.steps, self.width * (self.width + 2)

    def tiny(self) -> Recurrent:
        return replace(self, steps=2, width=2)

    def loss(self, functions: Functions, sample: Any, parameters: Any) -> Scalar:
        rows, h = table(parameters, self.width + 2), [functions.leaf(0.0)] * self.width
        for x in sample:
            h = [functions.tanh(z) for z in affine(functions, rows, [*h, x])]
        return squares(functions, h)


@dataclass(frozen=True)
class LSTM(Scalars):
    """A long short-term memory, unrolled; an input in each step."""

    steps: int = 10
    width: int = 8

    @property
    def sizes(self) -> tuple[int, int]:
        return self.steps, 4 * self.width * (self.width + 2)

    def tiny(self) -> LSTM:
        return replace(self, steps=2, width=2)

    def loss(self, functions: Functions, sample: Any, parameters: Any) -> Scalar:
        rows = table(parameters, self.width + 2)
        tanh = functions.tanh
        h = c = [functions.leaf(0.0)] * self.width

        def sigmoid(z: Scalar) -> Scalar:
            return 0.5 * tanh(0.5 * z) + 0.5

        for x in sample:
            gates = table(affine(functions, rows, [*h, x]), self.width)
            keep, write, read = ([sigmoid(z) for z in gate] for gate in gates[:3])
            new = map(tanh, gates[3])
            c = [k * old + w * n for k, old, w, n in zip(keep, c, write, new, strict=True)]
            h = [r * tanh(z) for r, z in zip(read, c, strict=True)]
        return squares(functions, h)


@dataclass(frozen=True)
class Attention(Scalars):
    """Softmax attention of tokens to each other."""

    tokens: int = 6
    width: int = 8

    @property
    def sizes(self) -> tuple[int, int]:
        return self.tokens * self.width, 3 * self.width * (self.width + 1)

    def tiny(self) -> Attention:
        return replace(self, tokens=2, width=2)

    def loss(self, functions: Functions, sample: Any, parameters: Any) -> Scalar:
        rows = table(table(parameters, self.width + 1), self.width)
        queries, keys, values = (
            [affine(functions, part, x) for x in table(sample, self.width)] for part in rows
        )
        found = []
        for query in queries:
            scores = [
                functions.total([q * k for q, k in zip(query, key, strict=True)]) * self.width**-0.5
                for key in keys
            ]
            shares = [functions.exp(score) for score in scores]
            whole = functions.total(shares)
            for column in zip(*values, strict=True):
                dot = functions.total([s * v for s, v in zip(shares, column, strict=True)])
                found.append(dot / whole)
        return squares(functions, found)


@dataclass(frozen=True)
class LennardJones(Scalars):
    """The energy of particles in space, by their positions."""

    particles: int = 20

    @property
    def sizes(self) -> tuple[int, int]:
        return 1, 3 * self.particles

    def tiny(self) -> LennardJones:
        return replace(self, particles=3)

    @cached_property
    def samples(self) -> Array:
        """Each a distance at which two particles have no energy."""
        return np.random.default_rng(0).uniform(0.9, 1.0, (self.count, 1))

    @cached_property
    def parameters(self) -> Array:
        """Positions near the points of a grid."""
        grid = np.array(list(np.ndindex(3, 3, 3)), float)[: self.particles] * 1.1
        return (grid + np.random.default_rng(1).uniform(-0.1, 0.1, grid.shape)).ravel()

    def loss(self, functions: Functions, sample: Any, parameters: Any) -> Scalar:
        (sigma,) = sample
        energies = []
        for a, b in combinations(table(parameters, 3), 2):
            distance = squares(functions, [p - q for p, q in zip(a, b, strict=True)])
            s = sigma * sigma / distance
            s3 = s * s * s
            energies.append(s3 * s3 - s3)
        return 4 * functions.total(energies)


@dataclass(frozen=True)
class Mixture(Scalars):
    """The negative log-likelihood of numbers under a mixture of normal distributions."""

    points: int = 100
    parts: int = 4

    @property
    def sizes(self) -> tuple[int, int]:
        return self.points, 3 * self.parts

    def tiny(self) -> Mixture:
        return replace(self, points=2, parts=2)

    def loss(self, functions: Functions, sample: Any, parameters: Any) -> Scalar:
        weights, means, logs = table(parameters, self.parts)
        exp, log, total = functions.exp, functions.log, functions.total
        inverses = [exp(-s) for s in logs]
        shares = [exp(w - s) for w, s in zip(weights, logs, strict=True)]
        norm = log(total([exp(w) for w in weights]))
        found = []
        for x in sample:
            scaled = [(x - m) * i for m, i in zip(means, inverses, strict=True)]
            parts = [p * exp(-0.5 * z * z) for p, z in zip(shares, scaled, strict=True)]
            found.append(norm - log(total(parts)))
        return total(found)


@dataclass(frozen=True)
class Arm(Scalars):
    """The squared distance of a robot's hand from a point, by the angles of its joints."""

    joints: int = 6

    @property
    def sizes(self) -> tuple[int, int]:
        return 3, self.joints

    def tiny(self) -> Arm:
        return replace(self, joints=2)

    def loss(self, functions: Functions, sample: Any, parameters: Any) -> Scalar:
        rotation = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
        hand: list[Scalar] = [0.0, 0.0, 0.0]
        for number, angle in enumerate(parameters):
            c, s = functions.cos(angle), functions.sin(angle)
            turn = (
                [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]],
                [[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]],
                [[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]],
            )[number % 3]
            columns = list(zip(*turn, strict=True))
            rotation = [
                [
                    functions.total([a * b for a, b in zip(row, column, strict=True)])
                    for column in columns
                ]
                for row in rotation
            ]
            hand = [h + 0.3 * row[0] + 0.1 * row[2] for h, row in zip(hand, rotation, strict=True)]
        return squares(functions, [h - t for h, t in zip(hand, sample, strict=True)])


@dataclass(frozen=True)
class Pendulum(Scalars):
    """Where a double pendulum is after steps of Runge and Kutta, by its masses and lengths."""

    steps: int = 100
    sizes: ClassVar[tuple[int, int]] = 4, 5

    def tiny(self) -> Pendulum:
        return replace(self, steps=1)

    @cached_property
    def parameters(self) -> Array:
        """Two masses, two lengths, gravity."""
        return np.array([1.0, 0.8, 1.1, 0.9, 9.81])

    def loss(self, functions: Functions, sample: Any, parameters: Any) -> Scalar:
        state, dt = list(sample), 0.01
        for _ in range(self.steps):
            slopes: list[list[Scalar]] = []
            for share in (0.0, 0.5, 0.5, 1.0):
                moved = state
                if slopes:
                    moved = [s + share * dt * k for s, k in zip(state, slopes[-1], strict=True)]
                slopes.append(self.slope(functions, moved, parameters))
            state = [
                s + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
                for s, k1, k2, k3, k4 in zip(state, *slopes, strict=True)
            ]
        return squares(functions, state[:2])

    @staticmethod
    def slope(functions: Functions, state: Sequence[Scalar], parameters: Any) -> list[Scalar]:
        """Return the speeds and accelerations of both angles."""
        one, two, speed, speed2 = state
        m, n, a, b, gravity = parameters
        sin, cos = functions.sin, functions.cos
        gap = one - two
        s, c = sin(gap), cos(gap)
        whole = m + n * s * s
        pull, pull2 = gravity * sin(one), gravity * sin(two)
        swing, swing2 = a * speed * speed, b * speed2 * speed2
        up = (-n * s * (swing * c + swing2) - (m + n) * pull + n * pull2 * c) / (a * whole)
        up2 = ((m + n) * (swing * s + pull * c) + n * swing2 * s * c - (m + n) * pull2) / (
            b * whole
        )
        return [speed, speed2, up, up2]
