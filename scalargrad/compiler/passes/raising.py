"""Pass 3, raise: equal scalar operations side by side become one operation on arrays.

Scalars are taken level by level: those of a level do not depend on each other. Those with the same
operation, whose operands lie in the same blocks, form a group, and a group becomes a new block:

- rows of sums that share their operands, each left row with each right row, a matrix product;
- other sums a sum over an axis, or a few terms added up element by element;
- log-sum-exps one over an axis; everything else works element by element.

The operands are views of blocks where the group has axes along which they have strides. A group of
sums may have to be split for that, into parts or into some of the terms and the rest. Where nothing
helps the operands are gathered by a table; a few scalars that lie in no pattern stay single ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .flatten import AFFINE, LOGSUMEXP, NO_FAMILY, Reduced
from .forms import FEW, Forms
from .levels import kinds, levels
from .operations import Operation, Product
from .patterns import Block, NoPatternError, Operand
from .places import CONSTANT, LONG, Places
from .sums import Sums, distinct
from .walk import ARITY, CODES, ROWS, Bools, Floats, Ints, counted

__all__ = ["Raised", "raise_"]

#: More groups of equal operations on a level become one, if only the blocks of their operands
#: differ, or how many these are; then with no more than so many times the terms.
SEVERAL, THIN = 2, 3

_MUL = CODES["mul"]


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
    for level in levels(reduced):
        for group in raising.groups(level):
            raising.add(group)
    assert not raising.places.are_nowhere(reduced.kept), "a scalar was lost while raising"
    output = raising.places.find(reduced.outputs, alone=True, gather=True)
    return Raised(raising.places, raising.operations, output)


@dataclass(eq=False)
class _Group:
    """Scalars that do the same to scalars of the same blocks."""

    family: int
    op: int  # of those that are no sums
    places: Ints
    keys: Ints  # of each a row: its operands; of sums all left ones, then the right ones
    offset: Floats

    def __len__(self) -> int:
        return len(self.places)

    def part(self, numbers: Ints) -> _Group:
        """Return some of the scalars."""
        rest = self.places[numbers], self.keys[numbers], self.offset[numbers]
        return _Group(self.family, self.op, *rest)

    @property
    def sums(self) -> Sums:
        left, right = np.split(self.keys, 2, axis=1)
        return Sums(self.places, left, right, self.offset)


class _Raising:
    """The state of the pass: what is raised already, and where each scalar is."""

    def __init__(self, reduced: Reduced) -> None:
        scalars = reduced.scalars
        self.reduced = reduced
        self.operations: list[tuple[Block, Operation]] = []
        numbers = np.concatenate([reduced.constants, [1.0, 0.0, -np.inf]])
        self.places = Places(len(scalars), numbers)
        self.places.add("x", scalars.inputs, batched=True)
        self.places.add("p", scalars.wrt, batched=False)
        #: What is computed twice is computed once: for each place the one that stands for it.
        self.same = np.arange(len(self.places.block_of))
        self.one, self.zero, self.nothing = range(len(self.same) - 3, len(self.same))
        self.batched = np.concatenate([reduced.batched, np.zeros(len(numbers), bool)])

    # ── groups ──

    def groups(self, level: Ints) -> Iterable[_Group]:
        """Return the groups of a level, in the order of their first scalars."""
        kind = kinds(self.reduced, level)
        _, same = distinct(kind)
        alike: dict[object, list[_Group]] = {}
        for number in range(same.max() + 1):
            places = level[same == number]
            what, row, count, batched = kind[same == number][0].tolist()
            keys = self.operands(row, places) if what == NO_FAMILY else self.terms(places, count)
            group = _Group(what, row, places, keys, self.reduced.offset[places])
            for part in self.by_blocks(group):
                blocks = np.unique(self.places.block_of[part.keys]).tobytes()
                other = len(alike) if what == NO_FAMILY else (what, batched, blocks)
                alike.setdefault(other, []).append(part)
        found = [group for groups in alike.values() for group in self.filled(groups)]
        return sorted(found, key=lambda group: int(group.places[0]))

    def by_blocks(self, group: _Group) -> list[_Group]:
        """Split a group by the blocks of its operands; not if that gives many small groups."""
        blocks = self.places.block_of[group.keys]
        first, same = distinct(blocks)
        if len(first) > SEVERAL and len(group) >= LONG * len(np.unique(blocks)):
            return [group]
        return [group.part(np.flatnonzero(same == i)) for i in range(len(first))]

    def filled(self, groups: list[_Group]) -> list[_Group]:
        """Fill short sums up to the length of long ones, where there are many lengths."""
        if len(groups) <= SEVERAL:
            return groups
        products = [group for group in groups if group.family == AFFINE and group.sums.is_table]
        rest = [group for group in groups if group not in products]
        most = max((group.keys.shape[1] for group in rest), default=0)
        full = sum(len(group) for group in rest) * most
        lengths = {group.keys.shape[1] for group in rest}
        if len(lengths) <= SEVERAL or full > THIN * sum(group.keys.size for group in rest):
            return groups
        fill = self.zero if rest[0].family == AFFINE else self.nothing
        keys = [self.wide(group.keys, most // 2, fill) for group in rest]
        places = np.concatenate([group.places for group in rest])
        offset = np.concatenate([group.offset for group in rest])
        whole = _Group(rest[0].family, 0, places, np.concatenate(keys), offset)
        return [*products, whole.part(np.argsort(places))]

    def wide(self, keys: Ints, count: int, fill: int) -> Ints:
        """Return rows of left and right operands of some length, filled up at the end."""
        more = (0, 0), (0, count - keys.shape[1] // 2)
        wide = [np.pad(side, more, constant_values=fill) for side in np.split(keys, 2, axis=1)]
        return np.concatenate(wide, axis=1)

    def operands(self, op: int, places: Ints) -> Ints:
        """Return the operands of some scalars, in rows; factors in the order of their blocks."""
        keys: Ints = self.same[self.reduced.operands[: ARITY[op], places].T]
        if op == _MUL:
            block = self.places.block_of[keys]
            swap = (block[:, 0] != block[:, 1]) & self.before(keys[:, 1], keys[:, 0])
            keys[swap] = keys[swap][:, ::-1]
        return keys

    def terms(self, places: Ints, count: int) -> Ints:
        """Return the terms of some sums, those of the same blocks in the order of the left ones.

        The blocks are in the order of their numbers, or in the user's if the terms are few.
        """
        terms = self.reduced.first[places][:, None] + np.arange(count)
        left, right = self.same[self.reduced.left[terms]], self.same[self.reduced.right[terms]]
        swap = self.before(right, left)
        left, right = np.where(swap, right, left), np.where(swap, left, right)
        keys = [self.places.ranks(right), self.places.ranks(left)]
        if count <= FEW:
            blocks = np.stack([self.places.block_of[left], self.places.block_of[right]])
            alike = (blocks[:, :, :, None] == blocks[:, :, None]).all(axis=0)
            keys.append(alike.argmax(axis=2))  # the first of the same blocks
        order = np.lexsort(keys, axis=1)
        sides = [np.take_along_axis(side, order, axis=1) for side in (left, right)]
        return np.concatenate(sides, axis=1)

    def before(self, x: Ints, y: Ints) -> Bools:
        """Say which operands belong to the left of others: parameters first, and numbers last."""
        sides = []
        for places in (x, y):
            block = self.places.block_of[places]
            sides.append(np.where(block == CONSTANT, len(self.places.blocks), block))
        earlier: Bools = self.batched[x] < self.batched[y]
        alike = self.batched[x] == self.batched[y]
        first = earlier & (sides[0] < len(self.places.blocks)) | alike & (sides[0] < sides[1])
        return np.asarray(first)

    # ── operations ──

    def add(self, group: _Group) -> None:
        """Turn a group into one operation; if there is no pattern, into several."""
        if self.is_identity(group):
            self.stand_in(group.places, group.keys[:, 0])
            return
        first, same = distinct(np.column_stack([group.keys, group.offset.view(np.int64)]))
        self.add_distinct(group.part(first))
        self.stand_in(group.places, group.places[first][same])

    def add_sums(self, places: Ints, left: Ints, right: Ints, offset: Floats) -> None:
        self.add(_Group(AFFINE, 0, places, np.concatenate([left, right], axis=1), offset))

    def add_distinct(self, group: _Group) -> None:
        plain, gathering = (Forms(self.places, self.batched, gather) for gather in (False, True))
        if self.put(group, plain) or self.split(group):
            return
        if parts := self.parts(group, plain):
            for part in parts:
                self.put(part, plain)
        elif not (len(group) >= LONG or group.family != NO_FAMILY) or not self.put(
            group, gathering
        ):
            for number in range(len(group)):
                if not self.put(group.part(np.array([number])), plain):
                    self.put(group.part(np.array([number])), gathering)

    def put(self, group: _Group, forms: Forms) -> bool:
        """Add the operation of a group, if there is one."""
        try:
            places, operation = self.operation(group, forms)
        except NoPatternError:
            return False
        batched = bool(self.batched[group.places[0]])
        block = self.places.add(f"v{len(self.operations)}", places, batched)
        self.operations.append((block, operation))
        return True

    def is_identity(self, group: _Group) -> bool:
        """Say whether sums are nothing but their only term, such as a mean of one scalar."""
        if group.family != AFFINE or group.keys.shape[1] != 2 or group.offset.any():
            return False
        right = group.keys[:, 1]
        return self.places.are_constant(right) and bool((self.places.numbers(right) == 1).all())

    def stand_in(self, group: Ints, others: Ints) -> None:
        """Let some scalars stand for those that equal them."""
        self.same[group] = others
        for where in (self.places.block_of, self.places.index_of):
            where[group] = where[others]

    def operation(self, group: _Group, forms: Forms) -> tuple[Ints, Operation]:
        """Return the operation that computes a group, and the group in the order of the result."""
        if group.family == NO_FAMILY:
            return forms.elementwise(ROWS[group.op], group.places, group.keys.T)
        if group.family == LOGSUMEXP:
            return forms.logsumexp(group.places, np.split(group.keys, 2, axis=1)[0])
        sums = group.sums
        if forms.is_product(sums):
            try:
                return forms.product(sums)
            except NoPatternError:
                pass
        if not forms.gather and (sums.parts or self.core(sums) is not None):
            raise NoPatternError
        return forms.sums(sums)

    # ── splitting ──

    def core(self, sums: Sums) -> tuple[Bools, Sums] | None:
        """Return the terms of some sums that make matrix products, and these."""
        forms = Forms(self.places, self.batched, gather=True)
        if sums.left.shape[1] <= FEW or forms.is_product(sums):
            return None
        blocks = self.places.block_of[sums.left[0]], self.places.block_of[sums.right[0]]
        for terms, core in sums.cores(np.stack(blocks)):
            if forms.is_product(core) and terms.sum() > FEW // 2 and core.shape[0] > 1:
                return terms, core
        return None

    def split(self, group: _Group) -> bool:
        """Compute the products of some terms first, and add up these and the rest."""
        if group.family != AFFINE:
            return False
        sums = group.sums
        found = self.core(sums)
        if found is None:
            return False
        terms, core = found
        products = self.more(core)
        self.add_sums(products, core.left, core.right, core.offset)
        _, same = distinct(np.column_stack([sums.left[:, terms], sums.right[:, terms]]))
        left = np.column_stack([products[same], sums.left[:, ~terms]])
        right = np.column_stack([np.full(len(group), self.one), sums.right[:, ~terms]])
        self.add_sums(group.places, left, right, group.offset)
        return True

    def more(self, sums: Sums) -> Ints:
        """Return places for sums that no scalar holds."""
        places = self.places.more(sums.left, sums.right)
        batched = np.full(len(places), self.batched[sums.right].any())
        self.same = np.concatenate([self.same, places])
        self.batched = np.concatenate([self.batched, batched])
        return places

    def parts(self, group: _Group, forms: Forms) -> list[_Group]:
        """Split a group without a pattern: sums by the rows they share, others into runs."""
        ways: list[list[Ints]] = []
        if group.family == AFFINE:
            ways += [group.sums.parts, group.sums.slices]
        keys = group.keys
        ways.append(
            _runs(np.where(self.places.block_of[keys] == CONSTANT, 0, self.places.index_of[keys]))
        )
        for numbers in ways:
            if 1 < len(numbers) <= FEW and len(numbers) * LONG <= len(group):
                parts = [group.part(part) for part in numbers]
                try:
                    for part in parts:
                        self.operation(part, forms)
                except NoPatternError:
                    continue
                return parts
        return []


def _runs(index: Ints) -> list[Ints]:
    """Return the numbers of the rows that follow each other at a constant stride in all columns."""
    first = index[:, index.max(axis=0).argmax()]
    _, label = distinct(index - first[:, None])
    order = np.lexsort((first, label))
    label, first = label[order], first[order]
    starts = [0]
    for i in range(1, len(order)):
        start, new = starts[-1], label[i] != label[i - 1]
        if new or (i > start + 1 and first[i] - first[i - 1] != first[start + 1] - first[start]):
            starts.append(i)
    return np.split(order, starts[1:])
