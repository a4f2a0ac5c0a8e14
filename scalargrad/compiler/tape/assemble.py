"""Assemble: sums, log-sum-exps and rows of the table become a tape, which is a few flat arrays.

Every number that a program computes has a *slot* in its memory: first the constants, then the
inputs, the parameters, and the results in the order in which they are computed. A *run* is some
operations of one kind side by side, none of which needs another; their results lie in slots that
follow each other, and their operands in ``places``, operation by operation:

- of a row of the table: the slots of its operands;
- of a sum: the slots left and right of each product, then of each scaled term; and in ``factors``
  what is added to the sum, then what the terms are scaled by;
- of a sum of pieces, where neighbours are multiplied with neighbours: instead of each product the
  slots left and right of the first one of a piece, and how many there are;
- of a log-sum-exp: the slots of its terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..flatten import AFFINE, LOGSUMEXP, NO_FAMILY, Reduced
from ..walk import CODES, ROWS, Bools, Floats, Ints

__all__ = ["LONG", "PIECES", "SMOOTH_MAX", "SUM", "Tape", "assemble"]

#: The codes of what is no row of the table.
SUM, PIECES, SMOOTH_MAX = (len(ROWS) + i for i in range(3))

#: Products of neighbours are pieces where so many, on the average, are in one.
LONG = 4

_ARITY = np.array([len(row.partials) for row in ROWS] + [0, 0, 0])
_POWER, _PRODUCT = CODES["pow_number"], CODES["mul"]

Runs = np.ndarray[Any, np.dtype[np.uint64]]
Slots = np.ndarray[Any, np.dtype[np.uint32]]


@dataclass(frozen=True)
class Tape:
    """A graph of scalars as flat arrays."""

    #: For each run: its code, its first slot and the one after its last, where its operands start
    #: in ``places``; of sums, how many products (or pieces) and scaled terms each has; and where
    #: its numbers start in ``factors``.
    runs: Runs  # (runs, 7)
    places: Slots
    factors: Floats
    constants: Floats
    inputs: int
    parameters: int
    outputs: Slots
    scalar: Ints  # for each slot the place of its scalar in the walk, or of its constant after that

    @property
    def size(self) -> int:
        """The number of slots; the last one is of no scalar, but for what is needed meanwhile."""
        return len(self.scalar) + 1


def assemble(reduced: Reduced) -> Tape:
    """Put the operations of a graph in order, and write them down."""
    scalars, kept = reduced.scalars, reduced.kept
    family, code = reduced.family[kept], scalars.op[kept].copy()
    code[family == AFFINE], code[family == LOGSUMEXP] = SUM, SMOOTH_MAX
    operands = [side[kept] for side in (reduced.x, reduced.y)]
    _as_products(reduced, code, operands)

    of, term = _terms(reduced, kept)
    scaled = reduced.right[term] >= len(scalars)
    products, scales = (np.bincount(of[which], minlength=len(kept)) for which in (~scaled, scaled))
    order = np.lexsort((kept, scales, products, code, reduced.level[kept]))
    kept, code, products, scales = (a[order] for a in (kept, code, products, scales))
    operands = [side[order] for side in operands]
    of, term = _terms(reduced, kept)
    scaled = reduced.right[term] >= len(scalars)
    order = np.lexsort((scaled, of))  # products first
    of, term, scaled = of[order], term[order], scaled[order]

    slot, scalar, constants = _slots(reduced, kept, code, operands)
    left, right = slot[reduced.left[term]], slot[reduced.right[term]]
    begins, length, pieces = _pieces(of, left, right, ~scaled, products)
    code[pieces] = PIECES
    in_pieces = pieces[of]
    products[pieces] = np.bincount(of[begins & in_pieces], minlength=len(kept))[pieces]

    width = np.where(pieces, 3, 2)
    sizes = _ARITY[code] + width * products + scales
    start = np.cumsum(sizes) - sizes
    places = np.zeros(int(sizes.sum()), np.uint32)
    for number, side in enumerate(operands):
        has = _ARITY[code] > number
        places[start[has] + number] = slot[side[has]]
    listed = ~scaled & (begins | ~in_pieces)
    where = start[of[listed]] + width[of[listed]] * _ranks(of[listed])
    places[where], places[where + 1] = left[listed], right[listed]
    places[where[in_pieces[listed]] + 2] = length[listed & in_pieces]
    rank = _ranks(of[scaled])
    places[start[of[scaled]] + (width * products)[of[scaled]] + rank] = left[scaled]

    numbers = np.where((code == SUM) | (code == PIECES), scales + 1, 0)
    first = np.cumsum(numbers) - numbers
    factors = np.zeros(int(numbers.sum()))
    sums = numbers > 0
    factors[first[sums]] = reduced.offset[kept[sums]]
    weighted = sums[of[scaled]]
    factors[(first[of[scaled]] + 1 + rank)[weighted]] = reduced.constants[
        reduced.right[term[scaled]] - len(scalars)
    ][weighted]

    same = np.column_stack([reduced.level[kept], code, products, scales])
    heads = np.flatnonzero(np.r_[len(kept) > 0, (same[1:] != same[:-1]).any(axis=1)])
    slots = len(scalar) - len(kept) + np.arange(len(kept) + 1)
    ends = np.r_[heads[1:], len(kept)][: len(heads)]
    columns = (code, slots[:-1], start, products, scales, first)
    runs = np.column_stack([column[heads] for column in columns]).astype(np.uint64)
    runs = np.insert(runs, 2, slots[ends], axis=1)
    return Tape(
        runs, places, factors, constants, len(scalars.inputs), len(scalars.wrt),
        slot[reduced.outputs].astype(np.uint32), scalar,
    )  # fmt: skip


def _as_products(reduced: Reduced, code: Ints, operands: list[Ints]) -> None:
    """Turn x² into x · x, which takes no power."""
    numbers = np.concatenate([np.full(len(reduced.scalars), np.nan), reduced.constants])
    squares = (code == _POWER) & (numbers[operands[1]] == 2.0)
    code[squares] = _PRODUCT
    operands[1][squares] = operands[0][squares]


def _terms(reduced: Reduced, kept: Ints) -> tuple[Ints, Ints]:
    """Return the terms of some operations, and for each the number of its operation."""
    families = reduced.family[kept] != NO_FAMILY
    counts = np.where(families, reduced.last[kept] - reduced.first[kept], 0)
    of = np.repeat(np.arange(len(kept)), counts)
    return of, _ranks(of) + reduced.first[kept][of]


def _ranks(of: Ints) -> Ints:
    """Number what belongs to the same: (3, 3, 5, 5, 5) becomes (0, 1, 0, 1, 2)."""
    if not len(of):
        return of
    heads = np.flatnonzero(np.r_[True, of[1:] != of[:-1]])
    ranks: Ints = np.arange(len(of)) - np.repeat(heads, np.diff(np.r_[heads, len(of)]))
    return ranks


def _slots(
    reduced: Reduced, kept: Ints, code: Ints, operands: list[Ints]
) -> tuple[Ints, Ints, Floats]:
    """Return for each place its slot, for each slot its place, and the constants that have one."""
    scalars = reduced.scalars
    used = [side[_ARITY[code] > number] for number, side in enumerate(operands)]
    used = np.unique(np.concatenate([*used, reduced.left, reduced.outputs]))
    fixed = used[used >= len(scalars)]
    scalar = np.concatenate([fixed, scalars.inputs, scalars.wrt, kept])
    slot = np.zeros(len(scalars) + len(reduced.constants), np.int64)
    slot[scalar] = np.arange(len(scalar))
    return slot, scalar, reduced.constants[fixed - len(scalars)]


def _pieces(
    of: Ints, left: Ints, right: Ints, product: Bools, products: Ints
) -> tuple[Bools, Ints, Bools]:
    """Find the products of neighbours.

    Returns:
        which terms begin a piece; how long it is; and which sums are better taken piece by piece.
    """
    follows = np.zeros(len(of), bool)
    follows[1:] = (of[1:] == of[:-1]) & product[1:] & product[:-1]
    for side in (left, right):
        follows[1:] &= side[1:] == side[:-1] + 1
    begins = ~follows
    heads = np.flatnonzero(begins)
    length = np.zeros(len(of), np.int64)
    length[heads] = np.diff(np.r_[heads, len(of)])
    count = np.bincount(of[begins & product], minlength=len(products))
    return begins, length, (products >= LONG) & (count * LONG <= products)
