"""Pass 5, record: an array library whose functions write down what is asked for.

Kernels run on any array that follows the array API, so they also run on a `Symbol`, forward and
backward. What is left is the list of all array operations that they made: the program, gradient
included, without a derivative written a second time. Equal operations are recorded once.
(``simplify.py`` records less.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from ...arrays.calls import Source
from .symbols import (
    BOOL,
    FLOAT,
    INDEX,
    TESTS,
    UFUNCS,
    Broadcast,
    Concatenated,
    Literal,
    MatrixProduct,
    Number,
    Operation,
    Part,
    Permuted,
    Reduction,
    Reshaped,
    Shape,
    Symbol,
    Taken,
    common,
    unbroadcast,
)

__all__ = ["Recorder", "filled"]


class Recorder:
    """An array namespace whose functions record; the symbols are numbered in their order.

    >>> xp = Recorder()
    >>> x = xp.source("x", (3, 2))
    >>> xp.sum(xp.exp(x) * 2.0, axis=0)
    #5 = Reshaped(shape=(2,)) of (#4), shape (2,)
    """

    __name__ = __name__

    def __init__(self) -> None:
        self.known: dict[Any, Symbol] = {}

    def make(
        self, op: Operation, args: Sequence[Symbol], shape: Sequence[int], kind: str = FLOAT
    ) -> Symbol:
        """Return the symbol of an operation; the same one if it was recorded before."""
        shape = tuple(shape)
        key = op, tuple([arg.number for arg in args]), shape
        symbol = self.known.get(key)
        if symbol is None:
            symbol = Symbol(self, len(self.known), op, tuple(args), shape, kind)
            self.known[key] = symbol
        return symbol

    def source(self, name: str, shape: Shape) -> Symbol:
        """Return an array that comes from outside."""
        return self.make(Source(name), (), shape)

    # ── numbers and constant arrays ──

    def number(self, value: bool | float) -> Symbol:
        """Return the symbol of a number, of shape ()."""
        if isinstance(value, (bool, np.bool_)):
            return self.make(Number(repr(bool(value)), bool(value)), (), (), BOOL)
        return self.make(Number(repr(float(value)), float(value)), (), ())

    def asarray(self, value: Any, **_options: Any) -> Symbol:
        if isinstance(value, Symbol):
            return value
        if isinstance(value, (bool, int, float)):
            return self.number(value)
        array = np.asarray(value)
        if array.dtype not in (bool, np.int64):  # truths, and places in an array
            array = array.astype(float)
        if array.dtype != np.int64 and array.size and (array == array.flat[0]).all():
            return self.broadcast_to(self.number(array.flat[0].item()), array.shape)
        kind = str(array.dtype)
        return self.make(Literal(kind, array.tobytes()), (), array.shape, kind)

    def full(self, shape: Any, value: Any, **_options: Any) -> Symbol:
        return self.broadcast_to(self.asarray(value), shape)

    def zeros(self, shape: Any, **_options: Any) -> Symbol:
        return self.full(shape, 0.0)

    def full_like(self, x: Symbol, value: Any, **_options: Any) -> Symbol:
        return self.full(x.shape, value)

    def zeros_like(self, x: Symbol, **_options: Any) -> Symbol:
        return self.full(x.shape, 0.0)

    def ones_like(self, x: Symbol, **_options: Any) -> Symbol:
        return self.full(x.shape, 1.0)

    # ── elementwise ──

    def elementwise(self, op: str, *operands: Any) -> Symbol:
        """Record an elementwise operation; what repeats along an axis is computed once."""
        symbols = [self.asarray(x) for x in operands]
        inner = [unbroadcast(x) for x in symbols]
        kind = BOOL if op in TESTS else FLOAT
        result = self.make(UFUNCS[op], inner, common(inner), kind)
        return self.broadcast_to(result, common(symbols))

    def multiply(self, x: Any, y: Any) -> Symbol:
        return self.elementwise("multiply", x, y)

    # ── shapes ──

    def broadcast_to(self, x: Symbol, shape: Sequence[int]) -> Symbol:
        shape, x = tuple(shape), unbroadcast(x)
        return x if x.shape == shape else self.make(Broadcast(), (x,), shape, x.kind)

    def reshape(self, x: Symbol, shape: Sequence[int], **_options: Any) -> Symbol:
        shape = filled(shape, x.size)
        return x if x.shape == shape else self.make(Reshaped(shape), (x,), shape, x.kind)

    def permute_dims(self, x: Symbol, axes: Sequence[int]) -> Symbol:
        axes = tuple(axes)
        if axes == tuple(range(x.ndim)):
            return x
        return self.make(Permuted(axes), (x,), [x.shape[axis] for axis in axes], x.kind)

    def matrix_transpose(self, x: Symbol) -> Symbol:
        return self.permute_dims(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))

    def expand_dims(self, x: Symbol, *, axis: int) -> Symbol:
        axis %= x.ndim + 1
        return self.reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))

    def squeeze(self, x: Symbol, axis: int) -> Symbol:
        axis %= x.ndim
        return self.reshape(x, (*x.shape[:axis], *x.shape[axis + 1 :]))

    def part(self, x: Symbol, axis: int, start: int, stop: int) -> Symbol:
        """Record a slice along an axis."""
        shape = (*x.shape[:axis], stop - start, *x.shape[axis + 1 :])
        return self.make(Part(axis, start, stop), (x,), shape, x.kind)

    def concat(self, parts: Sequence[Symbol], *, axis: int = 0) -> Symbol:
        if len(parts) == 1:
            return parts[0]
        length = sum(part.shape[axis] for part in parts)
        shape = (*parts[0].shape[:axis], length, *parts[0].shape[axis + 1 :])
        return self.make(Concatenated(axis), parts, shape)

    def take(self, x: Symbol, numbers: Symbol, *, axis: int = 0) -> Symbol:
        """Record rows of an array by their numbers."""
        if axis != 0 or numbers.kind != INDEX:
            raise NotImplementedError("only rows by an array of numbers are recorded")
        return self.make(Taken(), (x, numbers), (*numbers.shape, *x.shape[1:]), x.kind)

    # ── products and reductions ──

    def matmul(self, x: Symbol, y: Symbol) -> Symbol:
        stack = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
        return self.make(MatrixProduct(), (x, y), (*stack, x.shape[-2], y.shape[-1]))

    def sum(
        self, x: Symbol, *, axis: Any = None, keepdims: bool = False, **_options: Any
    ) -> Symbol:
        return self.reduced("sum", x, axis, keepdims)

    def max(self, x: Symbol, *, axis: Any = None, keepdims: bool = False) -> Symbol:
        return self.reduced("max", x, axis, keepdims)

    def reduced(self, op: str, x: Symbol, axis: Any, keepdims: bool) -> Symbol:
        given = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(sorted(a % x.ndim for a in given))
        kept = self.reduction(op, x, axes)
        if keepdims:
            return kept
        return self.reshape(kept, [n for a, n in enumerate(x.shape) if a not in axes])

    def reduction(self, op: str, x: Symbol, axes: Shape) -> Symbol:
        """Record a sum or a largest element over some axes, which get length 1."""
        shape = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
        return x if shape == x.shape else self.make(Reduction(op, axes), (x,), shape)

    def mean(self, x: Symbol, *, axis: Any = None, keepdims: bool = False) -> Symbol:
        total = self.sum(x, axis=axis, keepdims=keepdims)
        return self.multiply(total, total.size / x.size)


def _recorded(name: str) -> Callable[..., Symbol]:
    def function(self: Recorder, *operands: Any) -> Symbol:
        return self.elementwise(name, *operands)

    return function


for _name in UFUNCS.keys() - {"multiply"}:
    setattr(Recorder, _name, _recorded(_name))


def filled(shape: Sequence[int], size: int) -> Shape:
    """Return the shape of an array of a size, where the length -1 stands for what is left."""
    rest = -prod(shape)
    return tuple(size // rest if length == -1 else length for length in shape)
