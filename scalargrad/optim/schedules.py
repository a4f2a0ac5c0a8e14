"""Learning-rate schedules: functions from the number of steps taken to a learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
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

    start, end, length = _checked_schedule(start, end, steps)

    def rate(step: int) -> float:
        progress = min(step / length, 1.0)
        return (1 - progress) * start + progress * end

    return _titled(rate, f"linear_decay({start:g}, {end:g}, steps={steps:g})")


def cosine_decay(start: float, end: float, steps: int) -> Callable[[int], float]:
    """Return a schedule that goes from ``start`` to ``end`` on half a cosine, and stays there.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017.

    Raises:
        DomainError: ``start`` or ``end`` is negative, or ``steps`` is not positive.

    >>> rate = cosine_decay(1.0, 0.0, steps=100)
    >>> rate(0), round(rate(50), 3), rate(100)
    (1.0, 0.5, 0.0)
    """
    start, end, length = _checked_schedule(start, end, steps)

    def rate(step: int) -> float:
        return end + (start - end) * (1 + math.cos(math.pi * min(step / length, 1.0))) / 2

    return _titled(rate, f"cosine_decay({start:g}, {end:g}, steps={steps:g})")


def _checked_schedule(start: Any, end: Any, steps: Any) -> tuple[float, float, float]:
    """Check the ends of a schedule, and its length, which may be a fraction."""
    length = option("the length of a schedule", steps, "greater than 0", lambda x: x > 0)
    return option("the start of a schedule", start), option("the end of one", end), length


def _titled(rate: Callable[[int], float], title: str) -> Callable[[int], float]:
    rate.__qualname__ = title  # what the repr of an optimiser shows
    return rate
