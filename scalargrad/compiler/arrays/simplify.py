"""Pass 5, simplify: what is recorded gets shorter, by identities that the chain rule calls for.

The gradients that kernels send back are right for any operands, so with the operands at hand much
of them can be shortened: times one, plus zero, the sum of parts that were cut out of one array. A
`Simplifier` is a `Recorder` that looks for such an identity before it records. Each is a function
that returns an equal array which costs less, or None where it does not apply.

Some move numbers outwards: a mean divides the gradient of a batch by its size, and one division of
the parameters' gradient at the end replaces those of all arrays on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, prod
from typing import Any

import numpy as np

from .identities import (
    DIFFERENCES,
    PRODUCTS,
    SUMS,
    Identity,
    is_number,
    is_reduction,
    is_repeated,
    split,
)
from .record import Recorder, filled
from .symbols import (
    ADD,
    LESS_EQUAL,
    MULTIPLY,
    UFUNCS,
    Concatenated,
    DotProduct,
    MatrixProduct,
    Part,
    Permuted,
    Reduction,
    Reshaped,
    Symbol,
    common,
    unbroadcast,
    value_of,
)

__all__ = ["Simplifier"]


class Simplifier(Recorder):
    """An array namespace that records what is left after all identities.

    >>> xp = Simplifier()
    >>> x = xp.source("x", (3,))
    >>> xp.concat([x[:1], x[1:] * 1.0]) + xp.zeros((3,)) is x
    True
    """

    def applied(self, identities: Sequence[Identity], op: str, x: Any, y: Any) -> Symbol:
        """Return what the first identity that applies makes of two operands, or record them."""
        x, y = self.asarray(x), self.asarray(y)
        for identity in identities:
            result = identity(self, x, y)
            if result is not None:
                return result
        return self.elementwise(op, x, y)

    # ── elementwise ──

    def elementwise(self, op: str, *operands: Any) -> Symbol:
        """Record an elementwise operation; of numbers, compute it."""
        symbols = [self.asarray(x) for x in operands]
        numbers = [value_of(x) for x in symbols]
        if None in numbers:
            return super().elementwise(op, *symbols)
        with np.errstate(all="ignore"):
            return self.full(common(symbols), UFUNCS[op].function(*numbers).item())

    def add(self, x: Any, y: Any) -> Symbol:
        return self.applied(SUMS, "add", x, y)

    def subtract(self, x: Any, y: Any) -> Symbol:
        return self.applied(DIFFERENCES, "subtract", x, y)

    def multiply(self, x: Any, y: Any) -> Symbol:
        x, y = self.asarray(x), self.asarray(y)
        core = self.applied(PRODUCTS, "multiply", unbroadcast(x), unbroadcast(y))
        return self.broadcast_to(core, common([x, y]))

    def negative(self, x: Symbol) -> Symbol:
        """-x = x · -1"""
        return self.multiply(x, -1.0)

    def divide(self, x: Any, y: Any) -> Symbol:
        """x / number = x · 1/number,  x · number / y = x / y · number"""
        x, y = self.asarray(x), self.asarray(y)
        number = value_of(y)
        if number and isfinite(1.0 / number):
            return self.broadcast_to(self.multiply(x, 1.0 / number), common([x, y]))
        x, factor = split(x)
        return self.multiply(self.elementwise("divide", x, y), factor)

    def pow(self, x: Any, y: Any) -> Symbol:
        """x⁰ = 1,  x¹ = x,  x² = x · x"""
        x, y = self.asarray(x), self.asarray(y)
        exponent = value_of(y)
        if exponent not in (0.0, 1.0, 2.0):
            return self.elementwise("pow", x, y)
        power = (self.ones_like(x), x, self.multiply(x, x))[int(exponent)]
        return self.broadcast_to(power, common([x, y]))

    def maximum(self, x: Any, y: Any) -> Symbol:
        """max(max(x₁, x₂, …), number) is one reduction that starts with the number."""
        x, y = self.asarray(x), self.asarray(y)
        op, number = x.op, value_of(y)
        if not isinstance(op, Reduction) or not is_reduction(x, "max") or number is None:
            return self.elementwise("maximum", x, y)
        largest = self.make(Reduction("max", op.axes, number), x.args, x.shape)
        return self.broadcast_to(largest, common([x, y]))

    def logical_and(self, x: Symbol, y: Symbol) -> Symbol:
        """x & True = x,  x & False = False"""
        return self.logical("logical_and", x, y, unit=True)

    def logical_or(self, x: Symbol, y: Symbol) -> Symbol:
        """x | False = x,  x | True = True"""
        return self.logical("logical_or", x, y, unit=False)

    def logical(self, op: str, x: Symbol, y: Symbol, unit: bool) -> Symbol:
        for one, other in ((x, y), (y, x)):
            if (known := value_of(one)) is not None:
                return other if known == unit else one
        return self.elementwise(op, x, y)

    def where(self, test: Any, x: Any, y: Any) -> Symbol:
        """Of a known test its choice; where(y ≤ 0, 0, y) = max(y, 0)."""
        test, x, y = map(self.asarray, (test, x, y))
        known, inner = value_of(test), unbroadcast(test)
        if known is not None:
            return self.broadcast_to(x if known else y, common([test, x, y]))
        if value_of(x) != 0.0:
            return self.elementwise("where", test, x, y)
        if inner.op == LESS_EQUAL and inner.args[0] is y and value_of(inner.args[1]) == 0.0:
            return self.broadcast_to(self.maximum(y, 0.0), common([test, x, y]))
        y, number = split(y)
        return self.multiply(self.elementwise("where", test, x, y), number)

    # ── shapes: whatever repeats a single element still does, and numbers stay outside ──

    def reshape(self, x: Symbol, shape: Sequence[int], **_options: Any) -> Symbol:
        """A reshape of a reshape is one."""
        x, number = split(x)
        if number != 1.0:
            return self.multiply(self.reshape(x, shape), number)
        x = x.args[0] if isinstance(x.op, Reshaped) else x
        if value_of(x) is not None or is_repeated(x):
            single = super().reshape(unbroadcast(x), ())
            return self.broadcast_to(single, filled(shape, x.size))
        return super().reshape(x, shape)

    def permute_dims(self, x: Symbol, axes: Sequence[int]) -> Symbol:
        """A permutation of a permutation is one."""
        x, number = split(x)
        if number != 1.0:
            return self.multiply(self.permute_dims(x, axes), number)
        if is_repeated(x):
            return self.reshape(x, [x.shape[axis] for axis in axes])
        if isinstance(x.op, Permuted):
            return self.permute_dims(x.args[0], [x.op.axes[axis] for axis in axes])
        return super().permute_dims(x, axes)

    def part(self, x: Symbol, axis: int, start: int, stop: int) -> Symbol:
        """A part of parts is one; of a matrix product, it is a product of fewer rows or columns."""
        if (start, stop) == (0, x.shape[axis]):
            return x
        x, number = split(x)
        if number != 1.0:
            return self.multiply(self.part(x, axis, start, stop), number)
        if is_repeated(x):
            shape = (*x.shape[:axis], stop - start, *x.shape[axis + 1 :])
            return self.broadcast_to(x.args[0], shape)
        if isinstance(x.op, Part) and x.op.axis == axis:
            return self.part(x.args[0], axis, x.op.start + start, x.op.start + stop)
        if isinstance(x.op, Permuted):
            axes = x.op.axes
            return self.permute_dims(self.part(x.args[0], axes[axis], start, stop), axes)
        if x.op == Concatenated(axis):
            end = 0
            for piece in x.args:
                begin, end = end, end + piece.shape[axis]
                if begin <= start and stop <= end:
                    return self.part(piece, axis, start - begin, stop - begin)
        if (
            x.op == MatrixProduct()
            and x.ndim == x.args[0].ndim == x.args[1].ndim
            and axis >= x.ndim - 2
        ):
            left, right = x.args
            if axis == x.ndim - 2:
                return self.matmul(self.part(left, axis, start, stop), right)
            return self.matmul(left, self.part(right, axis, start, stop))
        return super().part(x, axis, start, stop)

    def concat(self, parts: Sequence[Symbol], *, axis: int = 0) -> Symbol:
        """Zeros beside zeros are one part, and the neighbouring parts of one array are, too."""
        pieces: list[Symbol] = []
        for part in parts:
            joined = self.joined(pieces[-1], part, axis) if pieces else None
            pieces[-1:] = [*pieces[-1:], part] if joined is None else [joined]
        numbers = {split(piece)[1] for piece in pieces if value_of(piece) != 0.0}
        if len(numbers) == 1 and numbers != {1.0}:
            inner = self.concat([split(piece)[0] for piece in pieces], axis=axis)
            return self.multiply(inner, *numbers)
        return super().concat(pieces, axis=axis)

    def joined(self, x: Symbol, y: Symbol, axis: int) -> Symbol | None:
        """Return two neighbours as one array, where that costs nothing."""
        if value_of(x) == value_of(y) == 0.0:
            length = x.shape[axis] + y.shape[axis]
            return self.zeros((*x.shape[:axis], length, *x.shape[axis + 1 :]))
        one, other = x.op, y.op
        if not (isinstance(one, Part) and isinstance(other, Part) and x.args[0] is y.args[0]):
            return None
        if one.axis == other.axis == axis and one.stop == other.start:
            return self.part(x.args[0], axis, one.start, other.stop)
        return None

    def take(self, x: Symbol, numbers: Symbol, *, axis: int = 0) -> Symbol:
        """Rows of what is times a number are rows times that number."""
        x, number = split(x)
        if is_repeated(x):
            rows = self.broadcast_to(x.args[0], (*numbers.shape, *x.shape[1:]))
        else:
            rows = super().take(x, numbers, axis=axis)
        return self.multiply(rows, number)

    # ── products and reductions ──

    def matmul(self, x: Symbol, y: Symbol) -> Symbol:
        (x, number), (y, other) = split(x), split(y)
        return self.multiply(super().matmul(x, y), number * other)

    def reduction(self, op: str, x: Symbol, axes: tuple[int, ...]) -> Symbol:
        """Σ x · y is a dot product, a sum of sums is one sum, and Σ (x · number) = Σ x · number."""
        shape = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
        whole, inner = prod(shape) == 1, unbroadcast(x)
        if shape == x.shape:
            return x
        if op == "sum" and inner.size == 1:
            total = self.multiply(self.reshape(inner, ()), x.size // prod(shape))
            return self.broadcast_to(total, shape)
        if op == "sum" and x.op == MULTIPLY:
            a, b = x.args
            if whole and a.shape == b.shape:
                return self.make(DotProduct(), (a, b), shape)
            if is_number(b):
                return self.multiply(self.reduction(op, a, axes), b)
        if op == "sum" and x.op == ADD and x.args[1].size == 1:
            a, b = (self.broadcast_to(arg, x.shape) for arg in x.args)
            return self.add(self.reduction(op, a, axes), self.reduction(op, b, axes))
        inner = x.args[0] if isinstance(x.op, Reshaped) else x
        if whole and is_reduction(inner, op):
            x = inner.args[0]
            return self.reshape(self.reduction(op, x, tuple(range(x.ndim))), shape)
        return super().reduction(op, x, axes)
