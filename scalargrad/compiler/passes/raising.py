"""Pass 3, raise: equal scalar operations side by side become one operation on arrays.

Scalars are taken level by level: those of a level do not depend on each other. Those with the same
operation, whose operands lie in the same blocks, form a group, and a group becomes a new block:

- rows of sums that share their operands, each left row with each right row, a matrix product;
- other sums a sum over an axis, or a few terms added up element by element;
- log-sum-exps one over an axis; everything else works element by element.

A group whose operands lie in no pattern falls apart into single scalars. Whatever uses these falls
apart, too, so an irregular graph stays what it is: one operation for each scalar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from operator import itemgetter

import numpy as np

from ...ops import Primitive
from .flatten import AFFINE, LOGSUMEXP, NO_FAMILY, Reduced
from .patterns import CONSTANT, LONG, Block, Constants, NoPatternError, Operand, Places
from .walk import ROWS, Floats, Ints, counted

__all__ = ["FEW", "Combination", "Dot", "Elementwise", "LogSumExp", "Product", "Raised", "raise_"]

_SIGNS = {"mul": " · ", "div": " / ", "pow_number": "**", "pow": "**"}

#: Sums of up to so many terms are added up element by element if they are no matrix product.
FEW = 4


@dataclass(frozen=True)
class Elementwise:
    """A row of the table of primitives, for each element."""

    row: Primitive
    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        operands = list(map(str, self.operands))
        if self.row.name in _SIGNS:
            return _SIGNS[self.row.name].join(operands)
        return f"{self.row.name}({', '.join(operands)})"


@dataclass(frozen=True)
class Combination:
    """A sum of operands, each times a number, or of products of two operands, and an offset."""

    terms: tuple[tuple[Operand, Operand], ...]
    offset: Constants | None

    @property
    def operands(self) -> tuple[Operand, ...]:
        return tuple(side for term in self.terms for side in term)

    def __str__(self) -> str:
        shown = " + ".join(_times(x, y) for x, y in self.terms)
        shown += f" + {self.offset}" if self.offset else ""
        return shown.replace(" + -", " - ")


@dataclass(frozen=True)
class Product:
    """A matrix product: each row of the left operand with each row of the right one."""

    left: Operand
    right: Operand
    offset: Constants | None

    @property
    def operands(self) -> tuple[Operand, ...]:
        return self.left, self.right

    def __str__(self) -> str:
        return f"{self.left} @ {self.right}" + (f" + {self.offset}" if self.offset else "")

    @property
    def shapes(self) -> str:
        return ", ".join("×".join(map(str, side.shape)) for side in (self.left, self.right))


@dataclass(frozen=True)
class Dot:
    """The dot products of rows: the sum of left · right over the last axis."""

    left: Operand
    right: Operand
    offset: Constants | None

    @property
    def operands(self) -> tuple[Operand, ...]:
        return self.left, self.right

    def __str__(self) -> str:
        times = "" if str(self.right) == "1" else f" · {self.right}"
        return f"sum({self.left}{times})" + (f" + {self.offset}" if self.offset else "")


@dataclass(frozen=True)
class LogSumExp:
    """The logarithm of the sum of exponentials over the last axis."""

    operand: Operand

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (self.operand,)

    def __str__(self) -> str:
        return f"logsumexp({self.operand})"


def _times(x: Operand, y: Operand) -> str:
    """Write x · y, and a factor that is a number first: 2·x, -x."""
    if isinstance(x, Constants):
        x, y = y, x
    factor = {"1": "", "-1": "-"}.get(str(y))
    if factor is None:
        factor = f"{y}·"
    return f"{factor}{x}"


Operation = Elementwise | Combination | Product | Dot | LogSumExp


@dataclass
class Raised:
    """A program on blocks: the inputs x, the parameters p, and one block for each operation."""

    places: Places
    operations: list[tuple[Block, Operation]]
    output: Operand

    @property
    def sources(self) -> list[tuple[Block, str]]:
        """The blocks that come from outside, and what they are; without those that are empty."""
        named = zip(self.places.blocks, ("input", "parameter"), strict=False)
        return [(block, counted(block.size, name)) for block, name in named if block.size]

    def __str__(self) -> str:
        lines = [f"{block.name} = {text}" for block, text in self.sources]
        for block, operation in self.operations:
            shapes = f"   ({operation.shapes})" if isinstance(operation, Product) else ""
            lines.append(f"{block.name} = {operation}{shapes}")
        return "\n".join([*lines, f"output {self.output}"])


def raise_(reduced: Reduced) -> Raised:
    """Group equal work, level by level, and find the structure of each group."""
    raising = _Raising(reduced)
    order = reduced.kept[np.argsort(reduced.level[reduced.kept], kind="stable")]
    starts = np.flatnonzero(np.diff(reduced.level[order])) + 1
    for level in np.split(order, starts):
        for group in raising.groups(level):
            raising.add(group)
    assert not raising.places.are_nowhere(reduced.kept), "a scalar was lost while raising"
    output = raising.places.find(reduced.outputs, alone=True)
    return Raised(raising.places, raising.operations, output)


class _Raising:
    """The state of the pass: what is raised already, and where each scalar is."""

    def __init__(self, reduced: Reduced) -> None:
        scalars = reduced.scalars
        self.reduced = reduced
        self.operations: list[tuple[Block, Operation]] = []
        self.places = Places(len(scalars), reduced.constants)
        self.places.add("x", scalars.inputs, batched=True)
        self.places.add("p", scalars.wrt, batched=False)
        #: What is computed twice is computed once: for each place the one that stands for it.
        self.same = np.arange(len(self.places.block_of))
        self.batched = np.concatenate([reduced.batched, np.zeros(len(reduced.constants), bool)])

    def groups(self, level: Ints) -> Iterable[Ints]:
        """Return the scalars of a level that do the same to scalars of the same blocks."""
        found: dict[object, list[int]] = {}
        for place in level.tolist():
            blocks = self.places.block_of[self.keys(place)].tobytes()
            family, op = self.reduced.family[place], self.reduced.scalars.op[place]
            same = (family, op if family == NO_FAMILY else None, self.batched[place], blocks)
            found.setdefault(same, []).append(place)
        return map(np.array, found.values())

    def keys(self, place: int) -> Ints:
        """Return the places of a scalar's operands; of sums all left ones, then the right ones."""
        reduced = self.reduced
        if reduced.family[place] == NO_FAMILY:
            keys = reduced.operands[:, place]
        else:
            terms = slice(reduced.first[place], reduced.last[place])
            keys = np.concatenate([reduced.left[terms], reduced.right[terms]])
        same: Ints = self.same[keys]
        return same

    def add(self, group: Ints) -> None:
        """Turn a group into one operation; if there is no pattern, into one for each scalar."""
        keys = np.stack([self.keys(place) for place in group.tolist()])
        offset = self.reduced.offset[group]
        if self.is_identity(group[0], keys, offset):
            self.stand_in(group, keys[:, 0])
            return
        first, same = _distinct(np.column_stack([keys, offset.view(np.int64)]))
        try:
            places, operation = self.operation(group[first], keys[first], offset[first])
        except NoPatternError:
            if len(group) == 1:
                raise  # a single scalar always has an operation
            for part in self.parts(group, keys):
                self.add(part)
            return
        batched = bool(self.batched[group[0]])
        block = self.places.add(f"v{len(self.operations)}", places, batched)
        self.operations.append((block, operation))
        self.stand_in(group, group[first][same])

    def is_identity(self, place: int, keys: Ints, offset: Floats) -> bool:
        """Say whether sums are nothing but their only term, such as a mean of one scalar."""
        if self.reduced.family[place] != AFFINE or keys.shape[1] != 2 or offset.any():
            return False
        right = keys[:, 1]
        return self.places.are_constant(right) and bool((self.places.numbers(right) == 1).all())

    def stand_in(self, group: Ints, others: Ints) -> None:
        """Let some scalars stand for those that equal them."""
        self.same[group] = others
        for where in (self.places.block_of, self.places.index_of):
            where[group] = where[others]

    def parts(self, group: Ints, keys: Ints) -> Iterable[Ints]:
        """Split a group without a pattern: sums by the rows they share, others into runs."""
        if self.reduced.family[group[0]] == AFFINE and len(group) > 1:
            left, right = np.split(keys, 2, axis=1)
            sums = _Sums(group, left, right, np.zeros(len(group)))
            if parts := sums.parts or sums.slices:
                return (group[part] for part in parts)
        index = np.where(self.places.block_of[keys] == CONSTANT, 0, self.places.index_of[keys])
        runs = _runs(index)
        if len(runs) == 1 or len(runs) * LONG > len(group):
            return (np.array([place]) for place in group)
        return (group[run] for run in runs)

    def operation(self, places: Ints, keys: Ints, offset: Floats) -> tuple[Ints, Operation]:
        """Return the operation that computes a group, and the group in the order of the result."""
        reduced = self.reduced
        if reduced.family[places[0]] == AFFINE:
            left, right = np.split(keys, 2, axis=1)
            return self.sums(places, left, right, offset)
        if reduced.family[places[0]] == LOGSUMEXP:
            values = np.split(keys, 2, axis=1)[0]
            return places, LogSumExp(self.find_rows(values, alone=True))
        row = ROWS[reduced.scalars.op[places[0]]]
        operands = keys[:, : len(row.partials)].T
        order = self.arranged(operands)
        return places[order], Elementwise(row, tuple(self.find(x[order]) for x in operands))

    def find(self, places: Ints) -> Operand:
        return self.places.find(places)

    def find_rows(self, places: Ints, alone: bool = False) -> Operand:
        """Return rows as an operand; of a single row only the scalars.

        Args:
            places: the scalars of each row.
            alone: whether a single row may consist of short pieces.
        """
        if len(places) == 1:
            return self.places.find(places[0], repeats=False, alone=alone)
        return self.places.find(places, repeats=False)

    def arranged(self, columns: Ints) -> Ints:
        """Return a group's numbers in the order and shape of the first operand that varies."""
        for column in columns:
            block, index = self.places.block_of[column[0]], self.places.index_of[column]
            if block != CONSTANT and (index != index[0]).any():
                order = np.argsort(index, kind="stable")
                shape = self.places.blocks[block].shape
                whole = np.array_equal(index[order], np.arange(prod(shape)))
                return order.reshape(shape) if whole else order
        return np.arange(columns.shape[1])

    # ── sums: each the dot product of a left and a right row of scalars ──

    def sums(self, places: Ints, left: Ints, right: Ints, offset: Floats) -> tuple[Ints, Operation]:
        """Find out what a group of sums is: a matrix product, dot products, or a few terms."""
        if self.batched[left[0]].any() and not self.batched[right[0]].any():
            left, right = right, left
        sums = _Sums(places, left, right, offset)
        plain = self.places.are_constant(left) or self.places.are_constant(right)
        ways = [self.combination]
        if len(places) == 1 and left.shape[1] > FEW and plain:
            ways.insert(0, self.weighted)
        shared = sums.complete and 1 not in sums.shape
        if shared or left.shape[1] > (2 if len(places) == 1 else FEW):
            ways.insert(0, self.dots)
        if sums.parts:
            raise NoPatternError
        fixed = sums.complete and not self.batched[left].any() and not (plain and 1 in sums.shape)
        if fixed and (len(places) > 1 or (left.shape[1] > 2 and self.batched[right].any())):
            ways.insert(0, self.product)
        for way in ways:
            try:
                return way(sums)
            except NoPatternError:
                continue
        raise NoPatternError

    def product(self, sums: _Sums) -> tuple[Ints, Operation]:
        """Return the matrix product of all distinct left and right rows.

        The batch is the last axis, so if there is one, the result has a row for each right row.
        """
        left = self.places.find(sums.distinct[0], repeats=False)
        right = self.find_rows(sums.distinct[1], alone=len(sums.places) > 1)
        table = sums.table
        if right.batched:
            table = table[:, 0] if len(right.shape) == 1 else table.T
        offset = _offset(sums.offset[table])
        return sums.places[table], Product(left, right, offset)

    def dots(self, sums: _Sums) -> tuple[Ints, Operation]:
        """Return the dot product of each left row with its right row."""
        if sums.complete and 1 not in sums.shape:
            places, offset = sums.places[sums.table], sums.offset[sums.table]
            rows, columns = sums.distinct
            left = self.places.find(rows[:, None], repeats=False)
            right = self.places.find(columns[None], repeats=False)
        else:
            places, offset = sums.places, sums.offset
            left, right = self.find_rows(sums.left), self.find_rows(sums.right)
        if isinstance(left, Constants):
            left, right = right, left
        return places, Dot(left, right, _offset(offset))

    def weighted(self, sums: _Sums) -> tuple[Ints, Operation]:
        """Return a single sum of scalars and numbers: each scalar once, in the order of blocks."""
        scalars, numbers = sums.left[0], sums.right[0]
        if not self.places.are_constant(numbers):
            scalars, numbers = numbers, scalars
        distinct, number = np.unique(scalars, return_inverse=True)
        weights = np.zeros(len(distinct))
        np.add.at(weights, number, self.places.numbers(numbers))
        order = np.lexsort((self.places.index_of[distinct], self.places.block_of[distinct]))
        left = self.find_rows(distinct[None, order])
        return sums.places, Dot(left, Constants(weights[order]), _offset(sums.offset))

    def combination(self, sums: _Sums) -> tuple[Ints, Operation]:
        """Return the sum of all terms, each for all rows at once."""
        order = self.arranged(np.concatenate([sums.left.T, sums.right.T]))
        columns = zip(sums.left.T, sums.right.T, strict=True)
        terms = tuple((self.find(x[order]), self.find(y[order])) for x, y in columns)
        return sums.places[order], Combination(terms, _offset(sums.offset[order]))


class _Sums:
    """A group of sums, each a row of left and a row of right operands."""

    def __init__(self, places: Ints, left: Ints, right: Ints, offset: Floats) -> None:
        self.places, self.left, self.right, self.offset = places, left, right, offset
        (self.rows, self.row), (self.columns, self.column) = _distinct(left), _distinct(right)
        self.shape = len(self.rows), len(self.columns)
        #: Whether every left row meets every right row, and once: sums may differ in their offset.
        pairs = self.row * len(self.columns) + self.column
        self.complete = len(places) == prod(self.shape) == len(np.unique(pairs))

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


def _runs(index: Ints) -> list[Ints]:
    """Return the numbers of the rows that follow each other at a constant stride in all columns."""
    first = index[:, index.max(axis=0).argmax()]
    _, label = _distinct(index - first[:, None])
    order = np.lexsort((first, label))
    label, first = label[order], first[order]
    starts = [0]
    for i in range(1, len(order)):
        start, new = starts[-1], label[i] != label[i - 1]
        if new or (i > start + 1 and first[i] - first[i - 1] != first[start + 1] - first[start]):
            starts.append(i)
    return np.split(order, starts[1:])


def _distinct(rows: Ints) -> tuple[Ints, Ints]:
    """Return the number of the first of each distinct row, and for each row which one it equals."""
    known: dict[bytes, int] = {}
    firsts: list[int] = []
    same = []
    for i, row in enumerate(np.ascontiguousarray(rows)):
        number = known.setdefault(row.tobytes(), len(known))
        if number == len(firsts):
            firsts.append(i)
        same.append(number)
    return np.array(firsts), np.array(same)


def _offset(offset: Floats) -> Constants | None:
    return Constants(offset) if offset.any() else None
