"""Forms: which operation on arrays a group of equal scalar operations is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

import numpy as np

from ...ops import Primitive
from .axes import axes, orders
from .operations import Combination, Dot, Elementwise, LogSumExp, Operation, Product
from .patterns import Constants, Gather, NoPatternError, Operand
from .places import CONSTANT, Places
from .sums import Sums
from .walk import Bools, Floats, Ints

__all__ = ["FEW", "Forms"]

#: Sums of up to so many terms are added up element by element if they are no matrix product.
FEW = 4


class Forms:
    """The ways to compute a group at once; each returns the group in the order of the result, too.

    Args:
        places: where the operands are.
        batched: which places depend on an input.
        gather: whether operands may be gathered where they lie in no pattern.
    """

    def __init__(self, places: Places, batched: Bools, gather: bool) -> None:
        self.places, self.batched, self.gather = places, batched, gather

    def elementwise(self, row: Primitive, group: Ints, columns: Ints) -> tuple[Ints, Operation]:
        """Return a row of the table for each element."""
        order, operands = self.arranged(columns)
        return group[order], Elementwise(row, tuple(operands))

    def logsumexp(self, group: Ints, values: Ints) -> tuple[Ints, Operation]:
        """Return the log-sum-exp of each row."""
        order, (rows,) = self.rows_arranged([values], alone=True)
        return group[order], LogSumExp(rows)

    # ── sums: each the dot product of a left and a right row of scalars ──

    def sums(self, sums: Sums) -> tuple[Ints, Operation]:
        """Find out what a group of sums is: dot products, or a few terms."""
        terms = sums.left.shape[1]
        plain = self.places.are_constant(sums.left) or self.places.are_constant(sums.right)
        shared = sums.complete and 1 not in sums.shape
        ways: list[Callable[[Sums], tuple[Ints, Operation]]] = []
        if len(sums.places) == 1 and terms > FEW and plain:
            ways.append(self.weighted)
        if shared or terms > (2 if len(sums.places) == 1 else FEW):
            ways.append(self.dots)
        if terms <= FEW or self.gather:
            ways.append(self.combination)
        for way in ways:
            try:
                return way(sums)
            except NoPatternError:
                continue
        raise NoPatternError

    def is_product(self, sums: Sums) -> bool:
        """Say whether sums may be a matrix product, on whose left nothing depends on inputs."""
        plain = self.places.are_constant(sums.left) or self.places.are_constant(sums.right)
        if not sums.complete or self.batched[sums.left].any() or (plain and 1 in sums.shape):
            return False
        moving = bool(self.batched[sums.right].any())
        return len(sums.places) > 1 or (sums.left.shape[1] > 2 and moving)

    def product(self, sums: Sums) -> tuple[Ints, Operation]:
        """Return the matrix product of all distinct left and right rows.

        The batch is the last axis, so if there is one, the result has a row for each right row.
        """
        rows, left = self.rows(sums.distinct[0], alone=False, single=False)
        columns, right = self.rows(sums.distinct[1], alone=len(sums.places) > 1)
        table = sums.table[rows][:, columns]
        if right.batched:
            table = table[:, 0] if len(right.shape) == 1 else table.T
        offset = _offset(sums.offset[table])
        return sums.places[table], Product(left, right, offset)

    def dots(self, sums: Sums) -> tuple[Ints, Operation]:
        """Return the dot product of each left row with its right row."""
        if sums.complete and 1 not in sums.shape:
            table = sums.table
            rows, _ = self.rows(sums.distinct[0], alone=False)
            columns, _ = self.rows(sums.distinct[1], alone=False)
            order = table[rows][:, columns]
            left = self.find(sums.distinct[0][rows][:, None], repeats=False)
            right = self.find(sums.distinct[1][columns][None], repeats=False)
        else:
            order, (left, right) = self.rows_arranged([sums.left, sums.right])
        if isinstance(left, Constants):
            left, right = right, left
        return sums.places[order], Dot(left, right, _offset(sums.offset[order]))

    def weighted(self, sums: Sums) -> tuple[Ints, Operation]:
        """Return a single sum of scalars and numbers: each scalar once, in the order of blocks."""
        scalars, numbers = sums.left[0], sums.right[0]
        if not self.places.are_constant(numbers):
            scalars, numbers = numbers, scalars
        distinct, number = np.unique(scalars, return_inverse=True)
        weights = np.zeros(len(distinct))
        np.add.at(weights, number, self.places.numbers(numbers))
        order = np.argsort(self.places.ranks(distinct))
        left = self.find(distinct[order], repeats=False)
        return sums.places, Dot(left, Constants(weights[order]), _offset(sums.offset))

    def combination(self, sums: Sums) -> tuple[Ints, Operation]:
        """Return the sum of all terms, each for all rows at once."""
        columns = np.stack([sums.left.T, sums.right.T], axis=1).reshape(-1, len(sums.places))
        order, operands = self.arranged(columns)
        terms = tuple(zip(operands[::2], operands[1::2], strict=True))
        return sums.places[order], Combination(terms, _offset(sums.offset[order]))

    # ── operands ──

    def find(self, places: Ints, repeats: bool = True, alone: bool = False) -> Operand:
        return self.places.find(places, repeats, alone, self.gather)

    def rows(self, rows: Ints, alone: bool, single: bool = True) -> tuple[Ints, Operand]:
        """Return rows as an operand, and in which order they are: of a single one the scalars.

        Args:
            rows: the scalars of each row.
            alone: whether a single row may consist of short pieces.
            single: whether a single row is no matrix.
        """
        if single and len(rows) == 1:
            return np.arange(1), self.find(rows[0], repeats=False, alone=alone)
        ranks = self.places.ranks(rows)
        found = [np.arange(len(rows)), np.lexsort(ranks.T[::-1])]
        order, (operand,) = self.best(found, lambda order: [self.find(rows[order], repeats=False)])
        return order, operand

    def rows_arranged(
        self, sides: Sequence[Ints], alone: bool = False
    ) -> tuple[Ints, list[Operand]]:
        """Return rows of scalars as operands that have the same order and shape but for the last.

        Args:
            sides: the scalars of each row of the operands.
            alone: whether a single row may consist of short pieces.
        """
        count = len(sides[0])
        if count == 1:
            return np.arange(1), [self.find(side[0], repeats=False, alone=alone) for side in sides]
        columns = np.concatenate([side.T for side in sides])

        def operands(order: Ints) -> list[Operand]:
            return [self.find(side[order], repeats=False) for side in sides]

        return self.best([np.arange(count), *self.shaped(columns)], operands)

    def arranged(self, columns: Ints) -> tuple[Ints, list[Operand]]:
        """Return operands in the order and shape in which they are patterns, and this order."""

        def operands(order: Ints) -> list[Operand]:
            return [self.find(column[order]) for column in columns]

        return self.best(self.candidates(columns), operands)

    def candidates(self, columns: Ints) -> Iterator[Ints]:
        """Yield orders of a group; the first is in the shape of the first operand that varies."""
        for column in columns:
            block, index = self.places.block_of[column[0]], self.places.index_of[column]
            if block != CONSTANT and (index != index[0]).any():
                order = np.argsort(index, kind="stable")
                shape = self.places.blocks[block].shape
                whole = np.array_equal(index[order], np.arange(prod(shape)))
                yield order.reshape(shape) if whole else order
                break
        else:
            yield np.arange(columns.shape[1])
        if columns.shape[1] > 1:
            yield from self.shaped(columns)

    def shaped(self, columns: Ints) -> Iterator[Ints]:
        """Yield orders of a group in shapes along which the operands have strides."""
        varying = [column for column in columns if (column != column[0]).any()]
        fixed = [self.places.are_constant(column) for column in varying]
        ranks = np.array([self.places.ranks(column) for column in varying])
        if not varying or all(fixed):
            return
        moving = ranks[~np.array(fixed)]
        for number, order in enumerate(orders([*ranks])):
            if number and fixed[number - 1]:
                continue  # numbers can be in any order, and so they say nothing of one
            rest, *inner = axes(moving[:, order].T)
            if rest == 1 or self.gather:
                yield order.reshape(*([rest] if rest > 1 or not inner else []), *inner)

    def best(
        self, found: Sequence[Ints] | Iterator[Ints], operands: Callable[[Ints], list[Operand]]
    ) -> tuple[Ints, list[Operand]]:
        """Return the first order in which all operands are patterns; or the least is gathered."""
        least: tuple[int, Ints, list[Operand]] | None = None
        for order in found:
            try:
                some = operands(order)
            except NoPatternError:
                continue
            gathered = sum(x.table.size for x in some if isinstance(x, Gather))
            if least is None or gathered < least[0]:
                least = gathered, order, some
            if not gathered:
                break
        if least is None:
            raise NoPatternError
        return least[1:]


def _offset(offset: Floats) -> Constants | None:
    return Constants(offset) if offset.any() else None
