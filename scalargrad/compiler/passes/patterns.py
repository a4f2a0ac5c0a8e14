"""Patterns: which part of which blocks a table of places is.

A *block* is an array of scalars: the inputs, the parameters, or what one operation computes. An
operation on many scalars needs its operands as arrays, too. Their places are looked up here, and
mostly they form a pattern: a row of a matrix, every 17th number, the same number again and again.
Then the operand is a view of the block, made of slices and reshapes, and nothing is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np

from .walk import Floats, Ints

__all__ = [
    "CONSTANT",
    "LONG",
    "NOWHERE",
    "Block",
    "Constants",
    "Joined",
    "NoPatternError",
    "Operand",
    "Permute",
    "Places",
    "Reshape",
    "Slice",
    "View",
    "ViewStep",
    "pattern_steps",
]


@dataclass(eq=False)
class Block:
    """An array of scalars, with one more axis at the end if it depends on inputs: the batch."""

    number: int
    name: str
    shape: tuple[int, ...]  # without the batch
    batched: bool

    @property
    def size(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Slice:
    """A step of a view: the elements from start to stop along an axis of some length."""

    axis: int
    start: int
    stop: int
    length: int


@dataclass(frozen=True)
class Reshape:
    """A step of a view: the first axes in another shape, in row-major order."""

    before: int  # how many axes there are
    shape: tuple[int, ...]  # what they become


@dataclass(frozen=True)
class Permute:
    """A step of a view: the first axes in another order."""

    order: tuple[int, ...]


ViewStep: TypeAlias = "Slice | Reshape | Permute"


@dataclass(frozen=True)
class View:
    """Scalars of a block at start + Σ index · stride.

    A stride of 0 repeats: the axis has length 1 in the array, and broadcasts.
    """

    block: Block
    start: int
    strides: tuple[int, ...]
    shape: tuple[int, ...]
    steps: tuple[ViewStep, ...]  # from the block to the view

    @property
    def batched(self) -> bool:
        return self.block.batched

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks that it is made of."""
        return (self.block,)

    @property
    def repeats(self) -> bool:
        """Whether the last axis repeats one scalar."""
        return self.strides[-1] == 0 and self.shape[-1] > 1

    def __str__(self) -> str:
        if not self.steps or self.strides == _row_major(self.shape, self.block.size):
            return self.block.name
        if self.steps == (Permute((1, 0)),):
            return f"{self.block.name}.T"
        axes = [(n, s) for n, s in zip(self.shape, self.strides, strict=True) if s]
        last = self.start + sum((n - 1) * s for n, s in axes)
        if not axes:
            return f"{self.block.name}[{self.start}]"
        if len(axes) == 1 and axes[0][1] > 1:
            return f"{self.block.name}[{self.start}:{last + 1}:{axes[0][1]}]"
        dense = len(axes) == 1 or [s for _, s in axes] == [axes[1][0], 1]
        name = f"{self.block.name}[{self.start}:{last + 1}]"
        return name if dense else f"{name} by {','.join(str(s) for _, s in axes)}"


def _row_major(shape: tuple[int, ...], size: int) -> tuple[int, ...] | None:
    """Return the strides of an array of this shape that lies in one piece, if it has this size."""
    strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
    return strides if prod(shape) == size else None


@dataclass(frozen=True)
class Constants:
    """Numbers."""

    values: Floats
    batched = False
    repeats = False
    blocks = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)

    def __str__(self) -> str:
        distinct = np.unique(self.values)
        return f"{distinct[0]:g}" if len(distinct) == 1 else f"constants{self.shape}"


@dataclass(frozen=True)
class Joined:
    """Operands one after the other along the last axis."""

    parts: tuple[View | Constants, ...]

    @property
    def batched(self) -> bool:
        return any(part.batched for part in self.parts)

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(block for part in self.parts for block in part.blocks)

    @property
    def shape(self) -> tuple[int, ...]:
        *before, _ = self.parts[0].shape
        return (*map(int, before), sum(part.shape[-1] for part in self.parts))

    def __str__(self) -> str:
        return f"[{' '.join(map(str, self.parts))}]"


Operand: TypeAlias = "View | Constants | Joined"

CONSTANT, NOWHERE = -1, -2  # stand in for the number of a block

#: Scalars may be looked up in several pieces if these are so long on average.
LONG = 4


class NoPatternError(Exception):
    """Some scalars lie in no pattern."""


class Places:
    """Where the scalars are: in which block, and at which index of it."""

    def __init__(self, count: int, constants: Floats) -> None:
        self.blocks: list[Block] = []
        self.constants = constants
        self.block_of = np.full(count + len(constants), NOWHERE)
        self.block_of[count:] = CONSTANT
        self.index_of = np.arange(len(self.block_of)) - count

    def add(self, name: str, places: Ints, batched: bool) -> Block:
        """Put scalars into a new block of the same shape."""
        block = Block(len(self.blocks), name, places.shape, batched)
        self.blocks.append(block)
        self.block_of[places] = block.number
        self.index_of[places] = np.arange(places.size).reshape(places.shape)
        return block

    def are_constant(self, places: Ints) -> bool:
        """Say whether none of the scalars is computed."""
        return bool((self.block_of[places] == CONSTANT).all())

    def are_nowhere(self, places: Ints) -> bool:
        """Say whether some scalars are in no block yet."""
        return bool((self.block_of[places] == NOWHERE).any())

    def numbers(self, places: Ints) -> Floats:
        """Return the numbers behind scalars that are constant."""
        return self.constants[self.index_of[places]]

    def find(self, places: Ints, repeats: bool = True, alone: bool = False) -> Operand:
        """Return the operand that has these scalars in this shape.

        Args:
            places: the scalars.
            repeats: whether the last axis may repeat one scalar, and so have length 1.
            alone: whether these scalars are the operand of a single one, so that they cannot be
                found in another way, however many pieces they consist of.

        Raises:
            NoPatternError: they form none, or one of many short pieces.
        """
        owners, indices = self.block_of[places], self.index_of[places]
        if (owners == owners.flat[0]).all():
            whole = self._piece(owners, indices)
            if whole is not None and not (whole.repeats and (alone or not repeats)):
                return whole
        row = owners.reshape(-1, owners.shape[-1])[0]
        cuts = _cuts(row, indices.reshape(-1, len(row))[0])
        computed = (row[[0, *cuts]] != CONSTANT).sum()  # how many pieces are no numbers
        long = computed == 1 or places.size >= LONG * computed
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
        return _view(self.blocks[owners.flat[0]], indices)


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


def _view(block: Block, index: Ints) -> View | None:
    start = int(index.flat[0])
    strides = []
    expected = np.asarray(start)
    for axis, length in enumerate(index.shape):
        second = tuple(int(a == axis and length > 1) for a in range(index.ndim))
        strides.append(int(index[second]) - start)
        along = np.arange(length).reshape(-1, *[1] * (index.ndim - axis - 1))
        expected = expected + strides[-1] * along
    if min(strides, default=0) < 0 or not np.array_equal(expected, index):
        return None
    steps = pattern_steps(block.shape, start, strides, index.shape)
    return None if steps is None else View(block, start, tuple(strides), index.shape, tuple(steps))


def pattern_steps(
    shape: Sequence[int], start: int, strides: Sequence[int], lengths: Sequence[int]
) -> list[ViewStep] | None:
    """Return the steps from an array to its elements at start + Σ index · stride, if there are any.

    The strides count elements in row-major order. An axis with stride 0 gets length 1.

    >>> pattern_steps((8,), 1, [0, 4], [3, 2])        # the elements 1 and 5, as a row
    [Reshape(before=1, shape=(2, 4)), Slice(axis=1, start=1, stop=2, length=4), \
Reshape(before=2, shape=(1, 2))]
    """
    steps: list[ViewStep] = []
    now = tuple(shape)
    done: tuple[int, ...] = ()
    rest = prod(shape)  # the last axis is still to be cut; those before it are ready

    def reshape(new: tuple[int, ...]) -> None:
        nonlocal now
        if new != now:
            steps.append(Reshape(len(now), new))
            now = new

    def narrow(window: int) -> None:
        nonlocal now, start
        first = min(start, rest - window)
        start -= first
        if window < rest:
            reshape((*done, rest))
            steps.append(Slice(len(done), first, first + window, rest))
            now = (*done, window)

    moving = [axis for axis, stride in enumerate(strides) if stride]
    nested = sorted(moving, key=lambda axis: -strides[axis])
    for axis in nested:
        window = lengths[axis] * strides[axis]
        if window > rest:
            return None
        narrow(window)
        rest, done = strides[axis], (*done, lengths[axis])
    narrow(1)
    if start:
        return None
    if nested != moving:
        reshape(done)
        steps.append(Permute(tuple(nested.index(axis) for axis in moving)))
        now = tuple(lengths[axis] for axis in moving)
    reshape(tuple(n if stride else 1 for n, stride in zip(lengths, strides, strict=True)))
    return steps
