"""Pass 2, flatten: chains of ``+`` become sums, their products dot products, constants numbers.

A chain such as ``((b + w0 * x0) + w1 * x1)`` is one sum of three terms. Every term is a product of
two scalars, left and right; a term without a factor has a constant on its right. So a sum is the
dot product of two rows, however it was written::

    left     w0   w1   b
    right    x0   x1   1

In the same way a chain of ``logaddexp`` is one log-sum-exp of many scalars. All of this happens to
whole arrays at a time, so thousands of scalars take a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...errors import DomainError
from ...variables import held
from .walk import ARITY, CODES, LEAF, ROWS, Bools, Floats, Ints, Scalars, counted, named

__all__ = ["AFFINE", "LINES", "LOGSUMEXP", "NO_FAMILY", "Reduced", "flatten", "unmerged"]

#: So many operations are written; of more, the first and the last.
LINES = 40

#: Operations of a family form chains.
NO_FAMILY, AFFINE, LOGSUMEXP = 0, 1, 2
_ADD, _SUB, _NEG, _MUL, _DIV = (CODES[name] for name in ("add", "sub", "neg", "mul", "div"))
_LOGADDEXP = CODES["logaddexp"]


@dataclass
class Reduced:
    """A graph of scalars, sums and log-sum-exps.

    A scalar is known by its place in the walk, a constant by a place after all of these.
    """

    scalars: Scalars
    operands: Ints  # of those that are neither a sum nor a log-sum-exp, a row for each
    batched: Bools  # which of them depend on an input
    level: Ints  # the length of the longest way from a leaf
    kept: Ints  # the places of the operations, in topological order
    family: Ints  # of each place
    first: Ints  # where the terms of a place start
    last: Ints  # and end
    left: Ints  # the terms: places
    right: Ints
    offset: Floats  # the number that is added to a sum
    constants: Floats  # by place, from len(scalars) on
    outputs: Ints  # places

    def __str__(self) -> str:
        count = counted(len(self.kept), "operation")
        return "\n".join([f"{counted(len(self.scalars), 'scalar')} in {count}", *self.lines(LINES)])

    def lines(self, most: int) -> list[str]:
        """Write the operations in the user's names, the first and the last where there are many."""
        left_out = max(0, len(self.kept) - most)
        half = len(self.kept) if not left_out else most // 2
        name = self._namer()
        first, last = (
            [f"{name(place)} = {self._shown(place, name)}" for place in part]
            for part in (self.kept[:half], self.kept[half + left_out :])
        )
        return [*first, *([f"... {counted(left_out, 'line')} left out"] if left_out else []), *last]

    def _shown(self, place: int, name: Callable[[int], str]) -> str:
        if self.family[place] == NO_FAMILY:
            row = ROWS[self.scalars.op[place]]
            operands = self.operands[: len(row.partials), place]
            return f"{row.name} {' '.join(map(name, operands))}"
        terms = slice(self.first[place], self.last[place])
        names = [list(map(name, side[terms])) for side in (self.left, self.right)]
        shown = [x if y == "1" else f"{x}·{y}" for x, y in zip(*names, strict=True)]
        shown += [f"{self.offset[place]:g}"] if self.offset[place] else []
        return f"{'sum' if self.family[place] == AFFINE else 'logsumexp'} {' '.join(shown)}"

    def _namer(self) -> Callable[[int], str]:
        """Return what names places: by label, by the variable where this is asked, by number."""
        nodes = self.scalars.nodes
        labels = {node: node.label for node in nodes if node.label}
        labels |= held([node for node in nodes if not node.label], taken={*labels.values()})

        def name(place: int) -> str:
            if place >= len(nodes):
                return f"{self.constants[place - len(nodes)]:g}"
            return labels.get(nodes[place]) or f"#{place}"

        return name


def flatten(scalars: Scalars) -> Reduced:
    """Fold constants, merge chains, and merge products that are used once into their sums."""
    live, batched = _dependence(scalars)
    data = _folded(scalars, live)
    chains = _chains(scalars, live, data)
    root, weight, plain = _merged(len(scalars), chains)

    # What joins no chain is a term of the chain that uses it.
    ends = ~chains.joins
    term = chains.to[ends]
    of = root[chains.of[ends]]
    scale = weight[chains.of[ends]] * chains.weight[ends]
    unscaled = plain[chains.of[ends]] & chains.plain[ends]
    family = np.where(root == np.arange(len(scalars)), chains.family, NO_FAMILY)

    added = (family[of] == AFFINE) & ~live[term]
    offset = np.zeros(len(scalars))
    with np.errstate(invalid="ignore"):  # a constant may be infinite
        np.add.at(offset, of[added], scale[added] * data[term[added]])
    term, of, scale, unscaled = (a[~added] for a in (term, of, scale, unscaled))

    number = _Numbering(len(scalars))
    place = np.where(live, np.arange(len(scalars)), 0)
    place[~live] = number(data[~live])
    operands = place[scalars.operands]

    product = (scalars.op[term] == _MUL) & live[scalars.operands[:2, term]].all(axis=0)
    product &= (family[of] == AFFINE) & unscaled & (chains.uses[term] == 1)
    left = np.where(product, operands[0, term], place[term])
    right = np.where(product, operands[1, term], number(scale))
    left, right, rank = _oriented(scalars, batched, left, right)
    order = np.lexsort((rank[right], rank[left], of))
    of = of[order]

    merged = np.zeros(len(scalars), bool)
    merged[chains.to[chains.joins]] = True
    merged[term[product]] = True
    kept = np.flatnonzero(live & (scalars.op != LEAF) & ~merged)
    first, last = (np.searchsorted(of, np.arange(len(scalars)), side) for side in ("left", "right"))
    return Reduced(
        scalars, operands, batched, _levels(scalars, live, merged), kept, family,
        first, last, left[order], right[order], offset, number.values(), place[scalars.outputs],
    )  # fmt: skip


def unmerged(scalars: Scalars) -> Reduced:
    """Return the same graph without sums: every scalar is an operation, and all are outputs."""
    count, none = len(scalars), np.zeros(0, np.int64)
    fed = np.zeros(count, bool)
    fed[scalars.inputs] = fed[scalars.wrt] = True
    operation, number = scalars.op != LEAF, _Numbering(count)
    place = np.arange(count)
    place[~operation & ~fed] = number(scalars.data[~operation & ~fed])
    merged, zeros = np.zeros(count, bool), np.zeros(count, np.int64)
    return Reduced(
        scalars, place[scalars.operands], fed | operation,
        _levels(scalars, operation, merged), np.flatnonzero(operation), zeros, zeros, zeros,
        none, none, np.zeros(count), number.values(), place,
    )  # fmt: skip


def _dependence(scalars: Scalars) -> tuple[Bools, Bools]:
    """Say which scalars depend on an input or a parameter, and which on an input."""
    marks = np.zeros(len(scalars), np.int64)
    marks[scalars.wrt] = 1
    marks[scalars.inputs] = 2
    mark = marks.tolist()
    for i, x, y, last in _operations(scalars, scalars.op != LEAF):
        mark[i] |= mark[x] | mark[y] | mark[last]
    marks = np.array(mark)
    return marks > 0, marks > 1


def _operations(scalars: Scalars, which: Bools) -> zip[tuple[int, ...]]:
    """Return the places of some scalars, and of their three operands."""
    places = np.flatnonzero(which)
    return zip(places.tolist(), *scalars.operands[:, places].tolist(), strict=True)


def _folded(scalars: Scalars, live: Bools) -> Floats:
    """Return the data of all scalars, with the constant ones computed anew from their leaves.

    Raises:
        DomainError: a leaf was given a number of which there is no such result.
    """
    data = scalars.data.copy()
    for i, *operands in _operations(scalars, ~live & (scalars.op != LEAF)):
        row = ROWS[scalars.op[i]]
        try:
            data[i] = row.evaluate(*data[operands[: len(row.partials)]].tolist())
        except (ArithmeticError, ValueError) as error:
            node = named(scalars.nodes[i])
            raise DomainError(f"{node} is a constant, and cannot be computed: {error}") from None
    return data


# ── chains ──────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Chains:
    """The uses of scalars by the operations that form chains."""

    of: Ints  # the operation
    to: Ints  # its operand
    weight: Floats  # times which number
    plain: Bools  # whether without any number
    joins: Bools  # whether the operand is a link of the same chain
    family: Ints  # of each place
    uses: Ints  # of each place


def _chains(scalars: Scalars, live: Bools, data: Floats) -> _Chains:
    op, (x, y, _) = scalars.op, scalars.operands
    active = live & (op != LEAF)
    used = [places[active & (ARITY[op] > i)] for i, places in enumerate(scalars.operands)]
    uses = np.bincount(np.concatenate([*used, scalars.outputs]), minlength=len(scalars))

    def where(code: int) -> Bools:
        found: Bools = active & (op == code)
        return found

    with np.errstate(divide="ignore", over="ignore"):
        inverse = 1.0 / data
    times_x, times_y = where(_MUL) & ~live[x], where(_MUL) & ~live[y]
    over_y = where(_DIV) & ~live[y] & np.isfinite(inverse[y])
    scaled = times_x | times_y | over_y | where(_NEG)
    both = where(_ADD) | where(_SUB) | where(_LOGADDEXP)
    family = np.where(scaled | where(_ADD) | where(_SUB), AFFINE, NO_FAMILY)
    family[where(_LOGADDEXP)] = LOGSUMEXP

    uses_x, uses_y = np.flatnonzero(both | scaled & ~times_x), np.flatnonzero(both | times_x)
    weight_x = np.where(times_y, data[y], np.where(over_y, inverse[y], 1.0))
    weight_x[where(_NEG)] = -1.0
    weight_y = np.where(times_x, data[x], np.where(where(_SUB), -1.0, 1.0))
    of = np.concatenate([uses_x, uses_y])
    to = np.concatenate([x[uses_x], y[uses_y]])
    weight = np.concatenate([weight_x[uses_x], weight_y[uses_y]])
    # A scaled sum stays a sum on its own: -(w · x) keeps the dot product that the user wrote. What
    # joins depends on the operations alone and not on numbers, so equal code gives equal sums.
    plain = ~scaled[of] & ~(where(_SUB)[of] & (np.arange(len(of)) >= len(uses_x)))
    joins = (uses[to] == 1) & (family[of] == family[to]) & (scaled[to] | plain)
    # A difference that is added up is computed as one, before digits are lost in the sum; but
    # ((a - b) - c) goes on as it began.
    first = np.arange(len(of)) < len(uses_x)
    joins &= ~where(_SUB)[to] | (where(_SUB)[of] & first)
    return _Chains(of, to, weight, plain, joins & live[to], family, uses)


def _merged(count: int, chains: _Chains) -> tuple[Ints, Floats, Bools]:
    """Return the root of each link's chain, the link's weight there, and whether it has none.

    Each round doubles the way that every link looks ahead, so a chain of n links takes log n.
    """
    root, weight, plain = np.arange(count), np.ones(count), np.ones(count, bool)
    links = chains.to[chains.joins]
    root[links] = chains.of[chains.joins]
    weight[links], plain[links] = chains.weight[chains.joins], chains.plain[chains.joins]
    while not np.array_equal(further := root[root], root):
        weight, plain, root = weight * weight[root], plain & plain[root], further
    return root, weight, plain


# ── terms ───────────────────────────────────────────────────────────────────────────────────────


class _Numbering:
    """Gives places to constants, after those of the scalars; equal numbers get the same."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.known: dict[float, int] = {}

    def __call__(self, numbers: Floats) -> Ints:
        distinct, inverse = np.unique(numbers, return_inverse=True)
        places = [self.known.setdefault(x, len(self.known)) for x in distinct.tolist()]
        return self.start + np.array(places, np.int64)[inverse]

    def values(self) -> Floats:
        return np.array(list(self.known), float)


def _oriented(scalars: Scalars, batched: Bools, left: Ints, right: Ints) -> tuple[Ints, Ints, Ints]:
    """Put parameters on the left and what depends on inputs, or is constant, on the right.

    Also return a rank for each place, by which terms can be sorted: parameters in their order.
    """
    count = len(scalars)
    side = np.full(max(count, int(max(left.max(initial=0), right.max(initial=0))) + 1), 3)
    side[:count] = np.where(batched, 2, 1)
    side[scalars.wrt] = 0
    rank = np.arange(len(side)) + len(scalars.wrt)
    rank[scalars.wrt] = np.arange(len(scalars.wrt))
    swap = side[left] > side[right]
    return np.where(swap, right, left), np.where(swap, left, right), rank


def _levels(scalars: Scalars, live: Bools, merged: Bools) -> Ints:
    """Return for each scalar the length of the longest way from a leaf; merged ones add nothing."""
    level = [0] * len(scalars)
    step = (~merged).tolist()
    for i, x, y, last in _operations(scalars, live & (scalars.op != LEAF)):
        a, b, c = level[x], level[y], level[last]
        a = a if a > b else b  # max() would take half of the time of this pass
        level[i] = (a if a > c else c) + step[i]
    return np.array(level)
