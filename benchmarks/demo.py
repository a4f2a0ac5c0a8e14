"""The workload: micrograd's own demo, written for any engine with a ``Value``.

A network MLP(2, [16, 16, 1]) with ReLU learns to tell two moons apart, by the max-margin loss
with an L2 penalty. Every engine starts from the same weights and sees the same points, so all
must find the same loss and the same gradients.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from math import cos, pi, sin
from typing import Any

NINPUT, SIZES = 2, [16, 16, 1]

#: The engines, by the name that they have in a table: where their ``Value`` is.
ENGINES = {
    "scalargrad": "scalargrad.engine",
    "microgpt style": "benchmarks.microgpt_style",
    "micrograd": "micrograd.engine",
}

#: A second row: scalargrad with the network of its own ``nn`` instead of the one written here.
OWN_NETWORK = "scalargrad.nn"


def installed(module: str) -> bool:
    """Say whether the package of a module can be imported."""
    return find_spec(module.split(".")[0]) is not None


def value_class(engine: str) -> Any:
    """Return the ``Value`` of an engine."""
    return import_module(ENGINES[engine]).Value


class MLP:
    """micrograd's network over the ``Value`` of any engine: ReLU inside, linear at the end."""

    def __init__(self, value: Any) -> None:
        self.layers = [
            [([value(0.0) for _ in range(nin)], value(0.0)) for _ in range(nout)]
            for nin, nout in pairwise([NINPUT, *SIZES])
        ]

    def __call__(self, x: Sequence[Any]) -> Any:
        for layer in self.layers:
            x = [
                sum((wi * xi for wi, xi in zip(weights, x, strict=True)), bias)
                for weights, bias in layer
            ]
            if layer is not self.layers[-1]:
                x = [z.relu() for z in x]
        return x[0]

    def parameters(self) -> list[Any]:
        return [p for layer in self.layers for weights, bias in layer for p in (*weights, bias)]


def make_model(contender: str) -> tuple[Any, Any]:
    """Return the ``Value`` and the network of a contender; every network has the same weights."""
    if contender == OWN_NETWORK:
        value = value_class("scalargrad")
        network: Any = import_module(OWN_NETWORK).MLP(NINPUT, SIZES, activation="relu")
    else:
        value = value_class(contender)
        network = MLP(value)
    generator = random.Random(1)
    for parameter in network.parameters():
        parameter.data = generator.uniform(-1, 1)
    return value, network


def two_moons(count: int) -> list[tuple[list[float], int]]:
    """Return points on two half circles that reach into each other, with labels 1 and -1."""
    generator = random.Random(2)
    points = []
    for i in range(count):
        angle, label = pi * generator.random(), 1 if i % 2 else -1
        x, y = (1 - cos(angle), 0.5 - sin(angle)) if i % 2 else (cos(angle), sin(angle))
        points.append(([x + generator.gauss(0, 0.1), y + generator.gauss(0, 0.1)], label))
    return points


def loss(value: Any, network: Any, points: list[tuple[list[float], int]]) -> Any:
    """Return the mean of max(0, 1 - label * score), plus 1e-4 times the squares of all weights."""
    scores = [network([value(x) for x in point]) for point, _ in points]
    margins = [
        (1 + -label * score).relu() for score, (_, label) in zip(scores, points, strict=True)
    ]
    penalty = 1e-4 * sum(p * p for p in network.parameters())
    return sum(margins) * (1.0 / len(margins)) + penalty


def step(value: Any, network: Any, points: list[tuple[list[float], int]]) -> float:
    """Train by one full step: forward, zero the gradients, backward, update."""
    result = loss(value, network, points)
    for p in network.parameters():
        p.grad = 0.0
    result.backward()
    for p in network.parameters():
        p.data -= 0.1 * p.grad
    number: float = result.data
    return number
