"""Kernels that blocks need beyond those of the labs: views, tables, sums and products."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import device

from ...arrays.kernels import Kernel, summed
from ...arrays.library import Array
from ..passes.patterns import Reshape, Slice, ViewStep
from ..passes.walk import Ints

__all__ = ["MOST", "PRODUCT", "combine", "concat", "logsumexp", "rearrange", "take"]


# ── views ───────────────────────────────────────────────────────────────────────────────────────


def rearrange(steps: Sequence[ViewStep]) -> Kernel:
    """Return the kernel of a view of an array: a part of it, in another shape, with other axes."""

    def forward(xp: Any, x: Array) -> tuple[Array, list[tuple[int, ...]]]:
        shapes = []
        for step in steps:
            shapes.append(x.shape)
            x = _forth(xp, step, x)
        return x, shapes

    def gradient(xp: Any, g: Array, shapes: list[tuple[int, ...]], _x: Array) -> Array:
        for step, shape in zip(reversed(steps), reversed(shapes), strict=True):
            g = _back(xp, step, g, shape)
        return g

    return Kernel("Rearrange", forward, (gradient,))


def _forth(xp: Any, step: ViewStep, x: Array) -> Array:
    if isinstance(step, Slice):
        return x[(*[slice(None)] * step.axis, slice(step.start, step.stop), ...)]
    if isinstance(step, Reshape):
        return xp.reshape(x, (*step.shape, *x.shape[step.before :]))
    return xp.permute_dims(x, (*step.order, *range(len(step.order), x.ndim)))


def _back(xp: Any, step: ViewStep, g: Array, shape: tuple[int, ...]) -> Array:
    if isinstance(step, Slice):
        before, after = (
            [xp.zeros((*shape[: step.axis], length, *shape[step.axis + 1 :]), dtype=g.dtype)]
            if length
            else []
            for length in (step.start, step.length - step.stop)
        )
        return xp.concat([*before, g, *after], axis=step.axis)
    if isinstance(step, Reshape):
        return xp.reshape(g, shape)
    inverse = [step.order.index(axis) for axis in range(len(step.order))]
    return xp.permute_dims(g, (*inverse, *range(len(inverse), g.ndim)))


def concat(count: int, axis: int) -> Kernel:
    """Return the kernel of arrays one after the other; along other axes they broadcast."""

    def forward(xp: Any, *parts: Array) -> tuple[Array, list[int]]:
        common = np.broadcast_shapes(*((*x.shape[:axis], 1, *x.shape[axis + 1 :]) for x in parts))
        shapes = [(*common[:axis], part.shape[axis], *common[axis + 1 :]) for part in parts]
        ends = [0]
        for part in parts:
            ends.append(ends[-1] + part.shape[axis])
        wide = [xp.broadcast_to(part, shape) for part, shape in zip(parts, shapes, strict=True)]
        return xp.concat(wide, axis=axis), ends

    def gradient(i: int) -> Any:
        def part(xp: Any, g: Array, ends: list[int], *parts: Array) -> Array:
            g = _forth(xp, Slice(axis, ends[i], ends[i + 1], ends[-1]), g)
            return summed(xp, g, parts[i].shape)

        return part

    return Kernel("Concat", forward, tuple(map(gradient, range(count))))


#: Tables that add up gradients have no more columns; more gradients are added up in several steps.
MOST = 16


def take(table: Ints, rows: int) -> Kernel:
    """Return the kernel of rows by a table of their numbers: z[i, j, …] = x[table[i, j], …].

    The gradient of a row is the sum of what comes back from wherever it went. NumPy adds at places
    given by a table one by one; here each row of x fetches its gradients instead, by a table of
    where these are, and those that have fewer fetch zeros.
    """
    tables = _fetching(table.ravel(), rows)

    def forward(xp: Any, x: Array) -> tuple[Array, None]:
        return xp.reshape(_take(xp, x, table.ravel()), (*table.shape, *x.shape[1:])), None

    def gradient(xp: Any, g: Array, _kept: None, x: Array) -> Array:
        g = xp.reshape(g, (table.size, *x.shape[1:]))
        for numbers in tables:
            if (numbers == g.shape[0]).any():
                g = xp.concat([g, xp.zeros((1, *x.shape[1:]), dtype=g.dtype)], axis=0)
            fetched = _take(xp, g, numbers.ravel())
            g = xp.sum(xp.reshape(fetched, (*numbers.shape, *x.shape[1:])), axis=0)
        return g

    return Kernel("Take", forward, (gradient,))


def _take(xp: Any, x: Array, numbers: Ints) -> Array:
    if np.array_equal(numbers, np.arange(x.shape[0])):
        return x
    return xp.take(x, xp.asarray(numbers, device=device(x)), axis=0)


def _fetching(numbers: Ints, rows: int) -> list[Ints]:
    """Return tables of which the columns say where each row is found among numbers.

    A place after all numbers stands for a zero. With more than one table, those before the last add
    up some of the places at a time, and the next goes on with these sums.

    >>> _fetching(np.array([2, 0, 2]), 4)
    [array([[1, 3, 0, 3],
           [3, 3, 2, 3]])]
    """
    tables: list[Ints] = []
    while True:
        order = np.argsort(numbers, kind="stable")
        counts = np.bincount(numbers, minlength=rows)
        within = np.arange(len(numbers)) - np.repeat(np.cumsum(counts) - counts, counts)
        most = int(counts.max())
        if most <= MOST or most * rows <= 2 * len(numbers):
            table = np.full((most, rows), len(numbers))
            table[within, numbers[order]] = order
            return [*tables, table]
        first = np.flatnonzero(within % MOST == 0)  # of each part of the places of a row
        part = np.searchsorted(first, np.arange(len(numbers)), side="right") - 1
        table = np.full((MOST, len(first)), len(numbers))
        table[within % MOST, part] = order
        tables.append(table)
        numbers = numbers[order][first]


# ── sums ────────────────────────────────────────────────────────────────────────────────────────


def combine(weights: Sequence[float]) -> Kernel:
    """Return the kernel of operands, each times a number, added up; they broadcast."""

    def forward(_xp: Any, *operands: Array) -> tuple[Array, None]:
        z: Any = None
        for weight, x in zip(weights, operands, strict=True):
            if z is None:
                z = x if weight == 1.0 else -x if weight == -1.0 else weight * x
            elif weight == -1.0:
                z = z - x
            else:
                z = z + (x if weight == 1.0 else weight * x)
        return z, None

    def gradient(i: int) -> Any:
        def weighted(xp: Any, g: Array, _kept: None, *operands: Array) -> Array:
            term = g if weights[i] == 1.0 else weights[i] * g
            return summed(xp, term, operands[i].shape)

        return weighted

    return Kernel("Combine", forward, tuple(map(gradient, range(len(weights)))))


#: Larger than any sum of exponentials of finite numbers, of which the largest is 1.
_HUGE = 1e150


def logsumexp(axis: int, keepdims: bool = False) -> Kernel:
    """Return the kernel of log Σ exp(x) over an axis; the largest is subtracted first.

    With infinite operands it is what the rows of logaddexp give, one after the other: each +inf has
    slope 1, and each -inf slope 0.
    """

    def forward(xp: Any, x: Array) -> tuple[Array, tuple[Array, Array]]:
        # The largest, if it is infinite, minus itself would be no number.
        top = xp.maximum(xp.max(x, axis=axis, keepdims=True), -sys.float_info.max)
        shift = xp.minimum(top, sys.float_info.max)
        exponentials = xp.exp(x - shift)
        total = xp.sum(exponentials, axis=axis, keepdims=True)
        z = xp.log(total) + shift
        # The slope of +inf, inf / inf, shall be 1; that of -inf among nothing else, 0 / 0, be 0.
        slopes = xp.minimum(exponentials, _HUGE), xp.maximum(xp.minimum(total, _HUGE), 1 / _HUGE)
        return z if keepdims else xp.squeeze(z, axis=axis), slopes

    def gradient(xp: Any, g: Array, kept: tuple[Array, Array], _x: Array) -> Array:
        exponentials, total = kept
        return exponentials * ((g if keepdims else xp.expand_dims(g, axis=axis)) / total)

    return Kernel("LogSumExp", forward, (gradient,))


def _product_x(xp: Any, g: Array, _kept: None, x: Array, y: Array) -> Array:
    return summed(xp, xp.matmul(g, xp.matrix_transpose(y)), x.shape)


def _product_y(xp: Any, g: Array, _kept: None, x: Array, y: Array) -> Array:
    return summed(xp, xp.matmul(xp.matrix_transpose(x), g), y.shape)


#: Matrix products of x, a matrix, with each of the matrices that y is a stack of.
PRODUCT = Kernel("Product", lambda xp, x, y: (xp.matmul(x, y), None), (_product_x, _product_y))
