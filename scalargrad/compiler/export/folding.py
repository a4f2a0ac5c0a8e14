"""Fold: what repeats itself becomes loops.

An element of a program is a *shape*, which says what is done, and *starts*, which say where: the
places of its result and its operands. Elements of one shape whose starts move in equal steps are a
loop over one of them, and so are groups of elements; and since a loop is an element again, loops
become loops of loops. So a layer is folded however it was written, and steps in time as well::

    v0 = tanh(x0)                       for i in 0 ... 3:
    v1 = tanh(x1)        becomes            v[i] = tanh(x[i])
    v2 = tanh(x2)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["GROUP", "REPEATS", "Element", "Loop", "fold"]

#: What is found so often, in equal steps, becomes a loop.
REPEATS = 4

#: A loop has so many elements at most, but for loops within.
GROUP = 24


class Element(NamedTuple):
    """What is done, and where."""

    shape: Hashable
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Loop:
    """The shape of elements that are repeated."""

    count: int
    steps: tuple[int, ...]  # by which the starts move, those of all elements in a row
    body: tuple[Hashable, ...]  # the shapes


def fold(elements: Sequence[Element], group: int = GROUP) -> list[Element]:
    """Fold elements into loops, without changing what is done after what.

    >>> fold([Element("square", (i, 3 * i)) for i in range(5)])
    [Element(shape=Loop(count=5, steps=(1, 3), body=('square',)), starts=(0, 0))]
    """
    folded, size = list(elements), 1
    while size <= min(group, len(folded) // REPEATS):
        shorter = _folded(folded, size)
        # What was folded may repeat itself in turn.
        size = 1 if len(shorter) < len(folded) else size + 1
        folded = shorter
    return folded


def _folded(elements: list[Element], size: int) -> list[Element]:
    """Fold groups of one size."""
    folded: list[Element] = []
    shapes, at = _numbered(elements), 0
    while at < len(elements):
        count = _repeats(elements, shapes, at, size)
        if count >= REPEATS:
            folded.append(_loop(elements, at, size, count))
            at += size * count
        else:
            folded.append(elements[at])
            at += 1
    return folded


def _numbered(elements: list[Element]) -> list[int]:
    """Give equal shapes equal numbers, which are quick to compare."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(element.shape, len(numbers)) for element in elements]


def _repeats(elements: list[Element], shapes: list[int], at: int, size: int) -> int:
    """Return how often the group that starts at a place is repeated."""
    end = at + size
    while end < len(elements) and shapes[end] == shapes[end - size]:
        if end >= at + 2 * size and _steps(elements, end, size) != _steps(
            elements, end - size, size
        ):
            break
        end += 1
    return (end - at) // size


def _steps(elements: list[Element], at: int, size: int) -> tuple[int, ...]:
    """Return how far the starts of an element are from those a group before."""
    here, before = elements[at].starts, elements[at - size].starts
    return tuple(x - y for x, y in zip(here, before, strict=True))


def _loop(elements: list[Element], at: int, size: int, count: int) -> Element:
    group = elements[at : at + size]
    steps = [
        step for place in range(at, at + size) for step in _steps(elements, place + size, size)
    ]
    starts = tuple(start for element in group for start in element.starts)
    return Element(Loop(count, tuple(steps), tuple(one.shape for one in group)), starts)
