"""Places: where each scalar is, and how to get at many of them as one operand.

The places of an operand mostly form a pattern: a row of a matrix, every 17th number, the same
number again and again. Then it is a view of the block. Others are gathered, by a table of places.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .patterns import Block, Constants, Gather, Joined, NoPatternError, Operand, View, view_of
from .walk import Floats, Ints

__all__ = ["CONSTANT", "LONG", "NOWHERE", "PIECES", "Places"]

CONSTANT, NOWHERE = -1, -2  # stand in for the number of a block

#: Scalars may be looked up in several pieces if these are so long on average, and no more.
LONG, PIECES = 4, 8

_BLOCK = 1 << 40  # more than any block has scalars


class Places:
    """Where the scalars are: in which block, and at which index of it.

    After the places of scalars come those of constants, and after these such of sums that no scalar
    holds, which only bring together what the user's scalars are computed from.
    """

    def __init__(self, count: int, constants: Floats) -> None:
        self.blocks: list[Block] = []
        self.constants = constants
        self.block_of = np.full(count + len(constants), NOWHERE)
        self.block_of[count:] = CONSTANT
        self.index_of = np.arange(len(self.block_of)) - count
        #: The places that no scalar has, with the operands of each: it is the sum of left · right.
        self.parts: list[tuple[Ints, Ints, Ints]] = []

    def add(self, name: str, places: Ints, batched: bool) -> Block:
        """Put scalars into a new block of the same shape."""
        block = Block(len(self.blocks), name, places.shape, batched)
        self.blocks.append(block)
        self.block_of[places] = block.number
        self.index_of[places] = np.arange(places.size).reshape(places.shape)
        return block

    def more(self, left: Ints, right: Ints) -> Ints:
        """Return places for sums that are a part of those of the scalars."""
        start, count = len(self.block_of), len(left)
        self.block_of = np.concatenate([self.block_of, np.full(count, NOWHERE)])
        self.index_of = np.concatenate([self.index_of, np.zeros(count, np.int64)])
        places = np.arange(start, start + count)
        self.parts.append((places, left, right))
        return places

    def complete(self, data: Sequence[float]) -> Floats:
        """Return the numbers of all places, given those of the scalars."""
        added = [np.zeros(len(places)) for places, *_ in self.parts]
        numbers: Floats = np.concatenate([data, self.constants, *added])
        for places, left, right in self.parts:
            numbers[places] = (numbers[left] * numbers[right]).sum(axis=1)
        return numbers

    def are_constant(self, places: Ints) -> bool:
        """Say whether none of the scalars is computed."""
        return bool((self.block_of[places] == CONSTANT).all())

    def are_nowhere(self, places: Ints) -> bool:
        """Say whether some scalars are in no block yet."""
        return bool((self.block_of[places] == NOWHERE).any())

    def numbers(self, places: Ints) -> Floats:
        """Return the numbers behind scalars that are constant."""
        return self.constants[self.index_of[places]]

    def ranks(self, places: Ints) -> Ints:
        """Return numbers that are in the order of blocks, and in a block in the order of places."""
        ranks: Ints = self.block_of[places] * _BLOCK + self.index_of[places]
        return ranks

    def find(
        self, places: Ints, repeats: bool = True, alone: bool = False, gather: bool = False
    ) -> Operand:
        """Return the operand that has these scalars in this shape.

        Args:
            places: the scalars.
            repeats: whether the last axis may repeat one scalar, and so have length 1.
            alone: whether these scalars are the operand of a single one, so that they cannot be
                found in another way, however many pieces they consist of.
            gather: whether they may be gathered, if they lie in no pattern.

        Raises:
            NoPatternError: they form none, or one of many short pieces.
        """
        owners, indices = self.block_of[places], self.index_of[places]
        if (owners == owners.flat[0]).all():
            whole = self._piece(owners, indices)
            if whole is not None and not (whole.repeats and (alone or not repeats)):
                return whole
        try:
            return self._joined(owners, indices, alone and not gather)
        except NoPatternError:
            if gather and places.size >= LONG * len(np.unique(owners)):
                return self._fetched(owners, indices, repeats and not alone)
            if not (gather and alone):
                raise
            return self._joined(owners, indices, alone)

    # ── pieces ──

    def _joined(self, owners: Ints, indices: Ints, alone: bool) -> Joined:
        row = owners.reshape(-1, owners.shape[-1])[0]
        cuts = _cuts(row, indices.reshape(-1, len(row))[0])
        computed = (row[[0, *cuts]] != CONSTANT).sum()  # how many pieces are no numbers
        long = computed == 1 or (computed <= PIECES and owners.size >= LONG * computed)
        if (owners != row).any() or not (alone or (cuts and long)):
            raise NoPatternError
        spans = zip([0, *cuts], [*cuts, len(row)], strict=True)
        return Joined(tuple(p for i, j in spans for p in self._pieces(owners, indices, i, j)))

    def _pieces(self, owners: Ints, indices: Ints, i: int, j: int) -> list[View | Constants]:
        """Return the columns from i to j as a piece, or if it reaches too far, the last in another.

        The elements 0, 2 and 4 of five are such a case: no reshape makes them a column.
        """
        piece = self._piece(owners[..., i:j], indices[..., i:j])
        if piece is not None:
            return [piece]
        if j - i == 1:
            raise NoPatternError
        return [p for a, b in ((i, j - 1), (j - 1, j)) for p in self._pieces(owners, indices, a, b)]

    def _piece(self, owners: Ints, indices: Ints) -> View | Constants | None:
        if owners.flat[0] == CONSTANT:
            return Constants(self.constants[indices])
        return view_of(self.blocks[owners.flat[0]], indices)

    # ── tables of places ──

    def _fetched(self, owners: Ints, indices: Ints, repeats: bool) -> Operand:
        """Return scalars by tables: one for each block, if these are side by side in each row."""
        row = owners.reshape(-1, owners.shape[-1])[0]
        ends = [0, *(np.flatnonzero(row[1:] != row[:-1]) + 1).tolist(), len(row)]
        if len(ends) == 2 or (owners != row).any() or owners.size < LONG * (len(ends) - 1):
            return self._gathered(owners, indices, repeats)
        parts: list[View | Constants | Gather] = []
        for i, j in pairwise(ends):
            some = owners[..., i:j], indices[..., i:j]
            piece = self._piece(*some)
            found = piece is not None and not piece.repeats
            parts.append(piece if piece and found else self._gathered(*some, repeats=False))
        return Joined(tuple(parts))

    def _gathered(self, owners: Ints, indices: Ints, repeats: bool) -> Gather:
        """Return scalars of one or several blocks by a table; along an axis that repeats, once."""
        shape = owners.shape
        for axis in range(owners.ndim - (not repeats)):
            once = [slice(None)] * axis + [slice(0, 1)]
            first = owners[(*once, ...)], indices[(*once, ...)]
            if (owners == first[0]).all() and (indices == first[1]).all():
                owners, indices = first
        numbers = np.unique(owners).tolist()
        if len(numbers) == 1:
            starts, inner = _rows(indices)
            lowest, width = int(starts.min()), int(np.prod(inner, dtype=int))
            count = (int(starts.max()) - lowest) // width + 1
            source = self._whole(numbers[0], lowest, (count, *inner))
            return Gather(source, (starts - lowest) // width, shape)
        parts, table, start = [], np.zeros(indices.shape, np.int64), 0
        for number in numbers:
            here = owners == number
            lowest, highest = int(indices[here].min()), int(indices[here].max())
            parts.append(self._whole(number, lowest, (highest - lowest + 1,)))
            table[here] = indices[here] - lowest + start
            start += highest - lowest + 1
        return Gather(Joined(tuple(parts)), table, shape)

    def _whole(self, number: int, start: int, shape: tuple[int, ...]) -> View | Constants:
        """Return numbers that follow each other, in some shape."""
        indices = start + np.arange(np.prod(shape)).reshape(shape)
        piece = self._piece(np.full(shape, number), indices)
        assert piece is not None, "what lies in one piece is a view"
        return piece


def _rows(indices: Ints) -> tuple[Ints, tuple[int, ...]]:
    """Return where rows start, if a table consists of whole rows of a matrix; and their shape.

    >>> _rows(np.array([[4, 5], [0, 1], [8, 9]]))
    (array([4, 0, 8]), (2,))
    """
    for axis in range(1, indices.ndim):
        inner = indices.shape[axis:]
        rows = indices.reshape(*indices.shape[:axis], -1)
        starts, width = rows[..., 0], rows.shape[-1]
        whole = width > 1 and not ((starts - starts.min()) % width).any()
        if whole and np.array_equal(rows, starts[..., None] + np.arange(width)):
            return starts, inner
    return indices, ()


def _cuts(owners: Ints, indices: Ints) -> list[int]:
    """Return where a row has to be cut so that each part has one owner and one stride."""
    cuts: list[int] = []
    start = 0
    for i in range(1, len(owners)):
        broken = owners[i] != owners[start]
        if not broken and owners[i] != CONSTANT:
            stride = indices[i] - indices[i - 1]
            broken = stride <= 0 or stride != indices[start + 1] - indices[start]
        if broken:
            cuts.append(i)
            start = i
    return cuts
