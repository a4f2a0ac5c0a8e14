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

from ..passes.flatten import AFFINE, LOGSUMEXP, NO_FAMILY, Reduced
from ..passes.walk import ARITY, CODES, ROWS, Bools, Floats, Ints

__all__ = ["LONG", "PIECES", "SMOOTH_MAX", "SUM", "Tape", "assemble"]

#: The codes of what is no row of the table.
SUM, PIECES, SMOOTH_MAX = (len(ROWS) + i for i in range(3))

#: Products of neighbours are pieces where so many, on the average, are in one.
LONG = 4

_ARITY = np.append(ARITY, [0, 0, 0])
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
    asked: Ints  # whose gradient is asked for: numbers among the inputs, then the parameters
    outputs: Slots
    scalar: Ints  # for each slot the place of its scalar in the walk, or of its constant after that

    @property
    def size(self) -> int:
        """The number of slots; the last one is of no scalar, but for what is needed meanwhile."""
        return len(self.scalar) + 1


def assemble(reduced: Reduced) -> Tape:
    """Put the operations of a graph in order, and write them down."""
    ops = _in_order(reduced)
    slot, scalar = _slots(reduced, ops)
    constants = reduced.constants[scalar[scalar >= len(reduced.scalars)] - len(reduced.scalars)]
    terms = _terms(reduced, ops, slot)
    places, start = _places(ops, terms, slot)
    factors, first = _factors(reduced, ops, terms)

    slots = len(scalar) - len(ops.kept) + np.arange(len(ops.kept) + 1)
    same = np.column_stack([reduced.level[ops.kept], ops.code, ops.products, ops.scaled])
    heads = np.flatnonzero(np.r_[len(same) > 0, (same[1:] != same[:-1]).any(axis=1)])
    ends = np.r_[heads[1:], len(same)][: len(heads)]
    columns = ops.code, slots[:-1], start, ops.products, ops.scaled, first
    runs = np.column_stack([column[heads] for column in columns])
    return Tape(
        np.insert(runs, 2, slots[ends], axis=1).astype(np.uint64), places, factors, constants,
        len(reduced.scalars.inputs), len(reduced.scalars.wrt), reduced.scalars.asked,
        slot[reduced.outputs].astype(np.uint32), scalar,
    )  # fmt: skip


# ── the passes, each on whole arrays ────────────────────────────────────────────────────────────


@dataclass
class _Operations:
    """The operations in the order of the tape."""

    kept: Ints  # places
    code: Ints
    operands: list[Ints]  # of rows of the table: the places of all first ones, of the second, ...
    products: Ints  # of sums: how many there are, or, later, how many pieces
    scaled: Ints

    @property
    def width(self) -> Ints:
        """How many slots are written for a product, or for a piece."""
        return np.where(self.code == PIECES, 3, 2)


@dataclass
class _Terms:
    """The terms of sums and log-sum-exps: of each operation its products, then the others."""

    of: Ints  # the number of the operation
    term: Ints  # the number in `Reduced`
    scaled: Bools  # whether it is no product
    left: Ints  # slots
    right: Ints
    begins: Bools  # whether it is the first of a piece
    length: Ints  # of the piece that begins there


def _in_order(reduced: Reduced) -> _Operations:
    """Sort by level, and side by side what is of one kind."""
    kept = reduced.kept
    family, code = reduced.family[kept], reduced.scalars.op[kept].copy()
    code[family == AFFINE], code[family == LOGSUMEXP] = SUM, SMOOTH_MAX
    operands = list(reduced.operands[:, kept])
    _as_products(reduced, code, operands)
    of, term = _terms_of(reduced, kept)
    is_scaled = reduced.right[term] >= len(reduced.scalars)
    counts = [np.bincount(of[which], minlength=len(kept)) for which in (~is_scaled, is_scaled)]
    order = np.lexsort((kept, *counts[::-1], code, reduced.level[kept]))
    products, scaled = (count[order] for count in counts)
    operands = [side[order] for side in operands]
    return _Operations(kept[order], code[order], operands, products, scaled)


def _as_products(reduced: Reduced, code: Ints, operands: list[Ints]) -> None:
    """Turn x² into x · x, which takes no power."""
    numbers = np.concatenate([np.full(len(reduced.scalars), np.nan), reduced.constants])
    squares = (code == _POWER) & (numbers[operands[1]] == 2.0)
    code[squares] = _PRODUCT
    operands[1][squares] = operands[0][squares]


def _terms_of(reduced: Reduced, kept: Ints) -> tuple[Ints, Ints]:
    """Return for each term of some operations the number of its operation, and its own."""
    is_sum = reduced.family[kept] != NO_FAMILY
    counts = np.where(is_sum, reduced.last[kept] - reduced.first[kept], 0)
    of = np.repeat(np.arange(len(kept)), counts)
    return of, _ranks(of) + reduced.first[kept][of]


def _ranks(of: Ints) -> Ints:
    """Number what belongs to the same: (3, 3, 5, 5, 5) becomes (0, 1, 0, 1, 2)."""
    if not len(of):
        return of
    heads = np.flatnonzero(np.r_[True, of[1:] != of[:-1]])
    ranks: Ints = np.arange(len(of)) - np.repeat(heads, np.diff(np.r_[heads, len(of)]))
    return ranks


def _slots(reduced: Reduced, ops: _Operations) -> tuple[Ints, Ints]:
    """Return for each place its slot, and for each slot its place."""
    scalars = reduced.scalars
    used = [side[_ARITY[ops.code] > number] for number, side in enumerate(ops.operands)]
    places = np.unique(np.concatenate([*used, reduced.left, reduced.outputs]))
    constants = places[places >= len(scalars)]
    scalar = np.concatenate([constants, scalars.inputs, scalars.wrt, ops.kept])
    slot = np.zeros(len(scalars) + len(reduced.constants), np.int64)
    slot[scalar] = np.arange(len(scalar))
    return slot, scalar


def _terms(reduced: Reduced, ops: _Operations, slot: Ints) -> _Terms:
    """Look up the terms, and find the pieces: products of neighbours with neighbours.

    Sums that are better taken piece by piece get their code.
    """
    of, term = _terms_of(reduced, ops.kept)
    scaled = reduced.right[term] >= len(reduced.scalars)
    order = np.lexsort((scaled, of))
    of, term, scaled = of[order], term[order], scaled[order]
    left, right = slot[reduced.left[term]], slot[reduced.right[term]]

    follows = np.zeros(len(of), bool)
    follows[1:] = (of[1:] == of[:-1]) & ~scaled[1:] & ~scaled[:-1]
    for side in (left, right):
        follows[1:] &= side[1:] == side[:-1] + 1
    heads = np.flatnonzero(~follows)
    length = np.zeros(len(of), np.int64)
    length[heads] = np.diff(np.r_[heads, len(of)])
    count = np.bincount(of[~follows & ~scaled], minlength=len(ops.kept))
    pieces = (ops.products >= LONG) & (count * LONG <= ops.products)
    ops.code[pieces], ops.products[pieces] = PIECES, count[pieces]
    return _Terms(of, term, scaled, left, right, ~follows, length)


def _places(ops: _Operations, terms: _Terms, slot: Ints) -> tuple[Slots, Ints]:
    """Return the operands of all operations, and where those of each start."""
    of, width, pieces = terms.of, ops.width, ops.code[terms.of] == PIECES
    sizes = _ARITY[ops.code] + width * ops.products + ops.scaled
    start = np.cumsum(sizes) - sizes
    places = np.zeros(int(sizes.sum()), np.uint32)
    for number, side in enumerate(ops.operands):
        has = _ARITY[ops.code] > number
        places[start[has] + number] = slot[side[has]]
    listed = ~terms.scaled & (terms.begins | ~pieces)
    at = start[of[listed]] + width[of[listed]] * _ranks(of[listed])
    places[at], places[at + 1] = terms.left[listed], terms.right[listed]
    places[at[pieces[listed]] + 2] = terms.length[listed & pieces]
    of = of[terms.scaled]
    places[start[of] + (width * ops.products)[of] + _ranks(of)] = terms.left[terms.scaled]
    return places, start


def _factors(reduced: Reduced, ops: _Operations, terms: _Terms) -> tuple[Floats, Ints]:
    """Return what is added to sums and what scales their terms, and where those of each start."""
    sums = (ops.code == SUM) | (ops.code == PIECES)
    sizes = np.where(sums, ops.scaled + 1, 0)
    start = np.cumsum(sizes) - sizes
    factors = np.zeros(int(sizes.sum()))
    factors[start[sums]] = reduced.offset[ops.kept[sums]]
    of, term = terms.of[terms.scaled], terms.term[terms.scaled]
    at = start[of] + 1 + _ranks(of)
    number = reduced.constants[reduced.right[term] - len(reduced.scalars)]
    factors[at[sums[of]]] = number[sums[of]]
    return factors, start
