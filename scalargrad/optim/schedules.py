"""Learning-rate schedules: functions from the number of steps taken to a learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..arguments import option

__all__ = ["cosine_decay", "linear_decay"]


def linear_decay(start: float, end: float, steps: int) -> Callable[[int], float]:
    """Return a schedule that goes from ``start`` to ``end`` on a line, and stays there.

    Raises:
        DomainError: ``start`` or ``end`` is negative, or ``steps`` is not positive.

    >>> rate = linear_decay(1.0, 0.1, steps=90)
    >>> rate(0), round(rate(45), 3), rate(1000)
    (1.0, 0.55, 0.1)
    """
    return _decay("linear_decay", start, end, steps, _linear)


def cosine_decay(start: float, end: float, steps: int) -> Callable[[int], float]:
    """Return a schedule that goes from ``start`` to ``end`` on half a cosine, and stays there.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017.

    Raises:
        DomainError: ``start`` or ``end`` is negative, or ``steps`` is not positive.

    >>> rate = cosine_decay(1.0, 0.0, steps=100)
    >>> rate(0), round(rate(50), 3), rate(100)
    (1.0, 0.5, 0.0)
    """
    return _decay("cosine_decay", start, end, steps, _half_a_cosine)


def _linear(done: float) -> float:
    return 1 - done


def _half_a_cosine(done: float) -> float:
    return (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True, repr=False)
class _Decay:
    """A way from one number to another: no closure, so that an optimiser with it can be pickled."""

    name: str
    start: float
    end: float
    steps: float
    left: Callable[[float], float]  # of the way, by how much of the steps is done

    def __call__(self, step: int) -> float:
        share = self.left(min(step / self.steps, 1.0))
        return share * self.start + (1 - share) * self.end

    def __repr__(self) -> str:
        return f"{self.name}({self.start:g}, {self.end:g}, steps={self.steps:g})"


def _decay(name: str, start: Any, end: Any, steps: Any, left: Callable[[float], float]) -> _Decay:
    length = option("the length of a schedule", steps, "greater than 0", lambda x: x > 0)
    first, last = option("the start of a schedule", start), option("the end of one", end)
    return _Decay(name, first, last, length, left)
