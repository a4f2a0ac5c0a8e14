"""Axes: in which order, and in which shape, the scalars of a group make their operands arrays.

The operands of a group are columns of numbers: where in its block the operand of each scalar is. If
the group is an array, then each column has one stride along each axis of it. So the scalars are
put into an order in which some column rises, and axes are read off from the inside out: as long as
all columns go on by the same steps, they are on one axis; and where they jump, again and again
after equally many scalars, the next axis begins. A stride of 0 repeats: the axis broadcasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd

import numpy as np

from .walk import Ints

__all__ = ["axes", "orders"]


def axes(rows: Ints) -> tuple[int, ...]:
    """Return the lengths of the axes along which all columns have constant strides, outermost last.

    The first length is that of the rest: of an axis on which the columns follow no pattern, or 1.

    >>> axes(np.array([[0, 7], [1, 7], [2, 7], [10, 8], [11, 8], [12, 8]]))
    (1, 2, 3)
    >>> axes(np.array([[0], [1], [10], [11], [13], [14]]))
    (3, 2)
    """
    lengths: list[int] = []
    while len(rows) > 1:
        steps = rows[1:] - rows[:-1]
        jumps = np.flatnonzero((steps != steps[0]).any(axis=1)) + 1
        length = gcd(len(rows), *jumps.tolist())
        if length == 1:
            break
        lengths.insert(0, length)
        rows = rows[::length]
    return (len(rows), *lengths)


def orders(columns: Sequence[Ints]) -> Iterator[Ints]:
    """Yield the orders in which some column rises, and that in which the scalars come.

    Args:
        columns: numbers by which the scalars can be sorted; those that do not vary are left out.
    """
    yield np.arange(len(columns[0]))
    for i, column in enumerate(columns):
        rest = [*columns[i + 1 :], *columns[:i]]
        yield np.lexsort([*rest[::-1], column])
