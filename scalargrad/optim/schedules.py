"""Learning-rate schedules: functions from the number of steps taken to a learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .arguments import option

__all__ = ["cosine_decay", "linear_decay"]


def linear_decay(start: float, end: float, steps: int) -> Callable[[int], float]:
    """Return a schedule that goes from ``start`` to ``end`` on a line, and stays there.

    Raises:
        DomainError: ``start`` or ``end`` is negative, or ``steps`` is not positive.

    >>> rate = linear_decay(1.0, 0.1, steps=90)
    >>> rate(0), round(rate(45), 3), rate(1000)
    (1.0, 0.55, 0.1)
    """
    return _LinearDecay(*_checked_schedule(start, end, steps))


def cosine_decay(start: float, end: float, steps: int) -> Callable[[int], float]:
    """Return a schedule that goes from ``start`` to ``end`` on half a cosine, and stays there.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017.

    Raises:
        DomainError: ``start`` or ``end`` is negative, or ``steps`` is not positive.

    >>> rate = cosine_decay(1.0, 0.0, steps=100)
    >>> rate(0), round(rate(50), 3), rate(100)
    (1.0, 0.5, 0.0)
    """
    return _CosineDecay(*_checked_schedule(start, end, steps))


# Objects and not closures, so that an optimiser that has one can be pickled.


@dataclass(frozen=True, repr=False)
class _Decay:
    """A way from one number to another, in a number of steps."""

    start: float
    end: float
    steps: float

    def progress(self, step: int) -> float:
        return min(step / self.steps, 1.0)

    def shown(self, name: str) -> str:
        return f"{name}({self.start:g}, {self.end:g}, steps={self.steps:g})"


class _LinearDecay(_Decay):
    def __call__(self, step: int) -> float:
        progress = self.progress(step)
        return (1 - progress) * self.start + progress * self.end

    def __repr__(self) -> str:
        return self.shown("linear_decay")


class _CosineDecay(_Decay):
    def __call__(self, step: int) -> float:
        share = (1 + math.cos(math.pi * self.progress(step))) / 2
        return self.end + (self.start - self.end) * share

    def __repr__(self) -> str:
        return self.shown("cosine_decay")


def _checked_schedule(start: Any, end: Any, steps: Any) -> tuple[float, float, float]:
    """Check the ends of a schedule, and its length, which may be a fraction."""
    length = option("the length of a schedule", steps, "greater than 0", lambda x: x > 0)
    ends = option("the start of a schedule", start), option("the end of a schedule", end)
    return *ends, length
