"""Gradient descent as engines need it: on a flat array of parameters, or on objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..works import Array, Work
from . import Prepared


def of_array(
    work: Work, parameters: Array, evaluate: Callable[[], tuple[float, Array]]
) -> Prepared:
    """Prepare a work for an engine that returns a value and a gradient.

    Args:
        work: names the learning rate; without one, nothing is updated.
        parameters: are changed by each step.
        evaluate: computes the loss of these parameters, and its gradient.
    """
    gradient, change = np.empty_like(parameters), np.empty_like(parameters)

    def step() -> float:
        nonlocal gradient
        value, gradient = evaluate()
        if work.rate:
            np.multiply(gradient, work.rate, out=change)
            np.subtract(parameters, change, out=parameters)
        return value

    return Prepared(step, lambda: gradient.copy())


def of_values(work: Work, parameters: Sequence[Any], objective: Callable[[], Any]) -> Prepared:
    """Prepare a work for an engine whose scalars have ``data``, ``grad`` and ``backward``.

    Args:
        work: names the learning rate; without one, nothing is updated.
        parameters: the scalars to train.
        objective: builds the graph of the loss.
    """

    def step() -> float:
        loss = objective()
        for p in parameters:
            p.grad = 0.0
        loss.backward()
        if work.rate:
            for p in parameters:
                p.data -= work.rate * p.grad
        return float(loss.data)

    return Prepared(step, lambda: np.array([p.grad for p in parameters]))
