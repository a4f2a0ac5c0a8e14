"""Levels: which scalars are raised together, since none of them needs another.

The level of a scalar is the length of the longest way that leads to it from a leaf. What is alike
may still lie on different levels: among sequences that run through the same layers, the shortest
skips a step, and from there on it is ahead of all others. So equal operations that are not needed
yet wait for their like on one of the next levels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .flatten import NO_FAMILY, Reduced
from .sums import distinct
from .walk import ARITY, Ints

__all__ = ["kinds", "levels"]


def kinds(reduced: Reduced, places: Ints) -> Ints:
    """Return for each scalar a row: family, operation, how many operands, whether batched."""
    family, op = reduced.family[places], reduced.scalars.op[places]
    single = family == NO_FAMILY
    count = np.where(single, ARITY[op], (reduced.last - reduced.first)[places])
    kind = [family, np.where(single, op, 0), count, reduced.batched[places]]
    return np.stack(kind, axis=1)


def levels(reduced: Reduced) -> Sequence[Ints]:
    """Return the scalars of each level, in topological order."""
    kept = reduced.kept
    if not len(kept):
        return []
    level = _settled(reduced)[kept]
    order = np.argsort(level, kind="stable")
    return np.split(kept[order], np.flatnonzero(np.diff(level[order])) + 1)


def _settled(reduced: Reduced) -> Ints:
    """Return the levels of all places, when those that can wait have found their like."""
    natural, level = reduced.level, reduced.level.copy()
    users, used = _uses(reduced)
    starts = np.searchsorted(natural[users], np.arange(natural.max() + 2)).tolist()
    latest = _latest(reduced, users, used, starts)
    _, kind = distinct(kinds(reduced, reduced.kept))
    kind_of = np.zeros(len(level), np.int64)
    kind_of[reduced.kept] = kind
    count = np.zeros((kind.max() + 1, len(starts)), np.int64)  # of each kind on each level
    np.add.at(count, (kind, natural[reduced.kept]), 1)

    kinds_apart = (count > 0).sum(axis=1) > 1
    can_wait = (latest > natural) & kinds_apart[kind_of]
    if not can_wait[reduced.kept].any():
        return natural

    order = reduced.kept[np.argsort(natural[reduced.kept], kind="stable")]
    for places in np.split(order, np.flatnonzero(np.diff(natural[order])) + 1):
        number = natural[places[0]]
        edges = slice(starts[number], starts[number + 1])
        np.maximum.at(level, users[edges], level[used[edges]] + 1)  # operands may be later
        waiting = places[can_wait[places]]
        _, same = distinct(np.stack([kind_of[waiting], level[waiting]], axis=1))
        for group in (waiting[same == i] for i in range(same.max(initial=-1) + 1)):
            what, now = kind_of[group[0]], level[group[0]]
            count[what, number] -= len(group)
            if not (now == number and count[what, number]):
                there = np.flatnonzero(count[what, now : latest[group].min() + 1])
                now += there[0] if len(there) else 0
            level[group] = now
            count[what, now] += len(group)
    return level


def _uses(reduced: Reduced) -> tuple[Ints, Ints]:
    """Return pairs of a scalar and an operand of it, in the order of the levels of the scalars."""
    kept, scalars = reduced.kept, len(reduced.scalars)
    sums = kept[reduced.family[kept] != NO_FAMILY]
    others = kept[reduced.family[kept] == NO_FAMILY]
    counts = (reduced.last - reduced.first)[sums]
    terms = np.repeat(reduced.first[sums] - np.cumsum(counts) + counts, counts) + np.arange(
        counts.sum()
    )
    of = np.repeat(sums, counts)
    users = np.concatenate([of, of, others, others, others])
    used = np.concatenate([reduced.left[terms], reduced.right[terms], *reduced.operands[:, others]])
    order = np.argsort(reduced.level[users], kind="stable")
    order = order[used[order] < scalars]
    return users[order], used[order]


def _latest(reduced: Reduced, users: Ints, used: Ints, starts: Sequence[int]) -> Ints:
    """Return the last level on which each place is still in time for whatever needs it."""
    top = int(reduced.level.max())
    latest = np.full(len(reduced.level), top)
    for number in range(top, 0, -1):
        edges = slice(starts[number], starts[number + 1])
        np.minimum.at(latest, used[edges], latest[users[edges]] - 1)
    return latest
