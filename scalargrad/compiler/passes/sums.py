"""Sums: what a group of sums shares, and which of them belong together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import prod
from operator import itemgetter

import numpy as np

from .walk import Bools, Floats, Ints

__all__ = ["Sums", "distinct"]


class Sums:
    """A group of sums, each a row of left and a row of right operands."""

    def __init__(self, places: Ints, left: Ints, right: Ints, offset: Floats) -> None:
        self.places, self.left, self.right, self.offset = places, left, right, offset
        (self.rows, self.row), (self.columns, self.column) = distinct(left), distinct(right)
        self.shape = len(self.rows), len(self.columns)
        #: Whether every left row meets every right row, and once: sums may differ in their offset.
        pairs = self.row * len(self.columns) + self.column
        self.complete = len(places) == prod(self.shape) == len(np.unique(pairs))

    @property
    def is_table(self) -> bool:
        """Whether the sums are those of several left rows with several right rows."""
        return self.complete and 1 not in self.shape

    @property
    def distinct(self) -> tuple[Ints, Ints]:
        """The distinct rows on the left and on the right."""
        return self.left[self.rows], self.right[self.columns]

    @property
    def table(self) -> Ints:
        """For each pair of distinct rows the number of its sum, if they are complete."""
        table = np.full(self.shape, -1)
        table[self.row, self.column] = np.arange(len(self.places))
        return table

    @property
    def slices(self) -> list[Ints]:
        """The numbers of the sums with the same left or the same right row, if all are complete.

        What cannot be a product may be one with a single row: a convolution, for each filter.
        """
        if not self.complete or 1 in self.shape:
            return []
        few, same = min((self.shape[0], self.row), (self.shape[1], self.column), key=itemgetter(0))
        return [np.flatnonzero(same == i) for i in range(few)]

    @property
    def parts(self) -> list[Ints]:
        """The numbers of the sums that are connected by shared rows, if these may be products."""
        if self.complete or max(self.shape) == len(self.places):
            return []
        label = list(range(len(self.places)))

        def top(i: int) -> int:
            while label[i] != i:
                label[i] = i = label[label[i]]
            return i

        for number in (self.row, self.column):
            first: dict[int, int] = {}
            for i, shared in enumerate(number.tolist()):
                one, other = top(first.setdefault(shared, i)), top(i)
                label[max(one, other)] = min(one, other)
        _, label_of = np.unique([top(i) for i in range(len(label))], return_inverse=True)
        count = label_of.max() + 1
        return [np.flatnonzero(label_of == i) for i in range(count)] if count > 1 else []

    def cores(self, blocks: Ints) -> Iterator[tuple[Bools, Sums]]:
        """Yield sums of some of the terms, which every left row of them has with every right row.

        A term that keeps the sums from being products has operands of its own for each sum, such
        as what goes past a layer and is added to it; those of a core are shared by equally many.

        Args:
            blocks: of the left and the right operands of each term.

        Yields:
            Which terms they have, and the distinct sums of these.
        """
        counts = [[len(np.unique(column)) for column in side.T] for side in (self.left, self.right)]
        _, kind = distinct(np.stack([*blocks, *counts], axis=1))
        for number in np.argsort(-np.bincount(kind), kind="stable").tolist():
            terms = kind == number
            left, right = self.left[:, terms], self.right[:, terms]
            first, _ = distinct(np.column_stack([left, right]))
            core = Sums(first, left[first], right[first], np.zeros(len(first)))
            if not terms.all() and core.complete:
                yield terms, core


def distinct(rows: Ints) -> tuple[Ints, Ints]:
    """Return the number of the first of each distinct row, and for each row which one it equals.

    Rows are told apart by a random number for each, and only then compared.

    >>> distinct(np.array([[5, 1], [2, 2], [5, 1]]))
    (array([0, 1]), array([0, 1, 0]))
    """
    if len(rows) == 1:
        return np.zeros(1, np.int64), np.zeros(1, np.int64)
    sums = rows @ _random(rows.shape[1])
    _, first, same = np.unique(sums, return_index=True, return_inverse=True)
    if not np.array_equal(rows[first[same]], rows):
        _, first, same = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)  # as they come
    return first[order], np.argsort(order)[same.ravel()]


@cache
def _random(count: int) -> Ints:
    return np.random.default_rng(count).integers(1 << 62, size=count)
