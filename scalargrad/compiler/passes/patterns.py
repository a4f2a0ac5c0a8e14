"""Patterns: what an operand can be, and which part of a block some numbers of it are.

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
    "SHOWN",
    "Block",
    "Constants",
    "Gather",
    "Joined",
    "NoPatternError",
    "Operand",
    "Permute",
    "Reshape",
    "Slice",
    "View",
    "ViewStep",
    "pattern_steps",
    "view_of",
]

#: Of so many places of a table all are written; of more, the first and the last.
SHOWN = 8


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

    parts: tuple[View | Constants | Gather, ...]

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


@dataclass(frozen=True, eq=False)
class Gather:
    """Rows of a source, or scalars of it, by a table of their numbers.

    Like that of a view, an axis that repeats has length 1 in the table, and broadcasts.
    """

    source: View | Constants | Joined
    table: Ints
    shape: tuple[int, ...]

    @property
    def batched(self) -> bool:
        return self.source.batched

    @property
    def blocks(self) -> tuple[Block, ...]:
        return self.source.blocks

    @property
    def repeats(self) -> bool:
        return False

    def __str__(self) -> str:
        source, table = str(self.source), self.table.ravel()
        if isinstance(self.source, View) and len(self.source.shape) == 1:
            source, table = self.source.block.name, table + self.source.start
        numbers = list(map(str, table.tolist()))
        if len(numbers) > SHOWN:
            numbers[SHOWN // 2 : -1] = ["..."]
        return f"{source}[{' '.join(numbers)}{', :' * (len(self.source.shape) > 1)}]"


Operand: TypeAlias = "View | Constants | Joined | Gather"


class NoPatternError(Exception):
    """Some scalars lie in no pattern."""


def view_of(block: Block, index: Ints) -> View | None:
    """Return the scalars of a block at some indices as a view, if they are one."""
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
