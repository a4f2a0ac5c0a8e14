"""Identities: equal arrays that cost less, each a function with its formula.

Each takes an array library and two operands, and returns an equal array of that library, or None
where it does not apply. They are tried in their order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from .symbols import (
    ADD,
    MULTIPLY,
    WHERE,
    Broadcast,
    Concatenated,
    Number,
    Reduction,
    Reshaped,
    Symbol,
    unbroadcast,
    value_of,
)

if TYPE_CHECKING:
    from .simplify import Simplifier

__all__ = [
    "DIFFERENCES",
    "LEAST",
    "PRODUCTS",
    "SUMS",
    "Identity",
    "is_number",
    "is_reduction",
    "is_repeated",
    "split",
]

#: A number is moved outwards if it is no smaller than this, and no larger than the inverse. Without
#: others an intermediate result might overflow.
LEAST = 1e-6

Identity: TypeAlias = "Callable[[Simplifier, Symbol, Symbol], Symbol | None]"


def split(x: Symbol) -> tuple[Symbol, float]:
    """Return an array and the number that it is multiplied with: 1 where there is none to move."""
    if x.op == MULTIPLY and isinstance(x.args[1].op, Number) and x.args[0].shape == x.shape:
        number = x.args[1].op.value
        if LEAST < abs(number) < 1 / LEAST:
            return x.args[0], number
    return x, 1.0


def is_number(x: Symbol) -> bool:
    """Say whether a symbol is a number, of shape ()."""
    return isinstance(x.op, Number)


def is_reduction(x: Symbol, name: str) -> bool:
    """Say whether an array is a sum or a largest element, and no other number has come to it."""
    return isinstance(x.op, Reduction) and x.op.name == name and x.op.least is None


def is_repeated(x: Symbol) -> bool:
    """Say whether an array repeats a single element."""
    return isinstance(x.op, Broadcast) and x.args[0].size == 1


# ── identities of sums ──────────────────────────────────────────────────────────────────────────


def _plus_zero(_xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """x + 0 = x"""
    if x.shape == y.shape:
        if value_of(y) == 0.0:
            return x
        if value_of(x) == 0.0:
            return y
    return None


def _doubled(xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """x + x = x · 2"""
    return xp.multiply(x, 2.0) if x is y else None


def _reshaped_alike(xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """reshape(x) + reshape(y) = reshape(x + y)"""
    if isinstance(x.op, Reshaped) and x.op == y.op and x.args[0].shape == y.args[0].shape:
        return xp.reshape(xp.add(x.args[0], y.args[0]), x.shape)
    return None


def _part_by_part(xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """[x₁ x₂] + [y₁ y₂] = [x₁ + y₁  x₂ + y₂], if nothing but zeros has to be cut for that."""
    if not (isinstance(x.op, Concatenated) and x.op == y.op and x.shape == y.shape):
        return None
    axis, sums = x.op.axis, []
    left, right = list(x.args[::-1]), list(y.args[::-1])
    while left:
        a, b = left.pop(), right.pop()
        length = min(a.shape[axis], b.shape[axis])
        for piece, rest in ((a, left), (b, right)):
            if piece.shape[axis] > length:
                if value_of(piece) != 0.0:
                    return None
                rest.append(xp.part(piece, axis, length, piece.shape[axis]))
        sums.append(xp.add(xp.part(a, axis, 0, length), xp.part(b, axis, 0, length)))
    return xp.concat(sums, axis=axis)


def _same_factor(same: str, opposite: str) -> Identity:
    """x · number ± y · number = (x ± y) · number"""

    def identity(xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
        (a, number), (b, other) = split(x), split(y)
        if x.shape != y.shape or abs(number) != abs(other) or abs(number) == 1.0:
            return None
        both = getattr(xp, same if number == other else opposite)(a, b)
        return xp.multiply(both, number)

    return identity


def _parts_first(xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """(x + [y₁ y₂]) + [z₁ z₂] = x + [y₁ + z₁  y₂ + z₂]"""
    for one, other in ((x, y), (y, x)):
        if one.op == ADD and x.shape == y.shape and _is_concat(other):
            for rest, parts in (one.args, one.args[::-1]):
                both = xp.add(parts, other) if _is_concat(parts) else rest
                if _is_concat(both) and both is not rest:
                    return xp.add(rest, both)
    return None


def _is_concat(x: Symbol) -> bool:
    return isinstance(split(x)[0].op, Concatenated)


def _plus_negative(xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """x + -y = x - y"""
    for one, other in ((x, y), (y, x)):
        inner = unbroadcast(one)
        if inner.op == MULTIPLY and value_of(inner.args[1]) == -1.0:
            return xp.subtract(other, xp.broadcast_to(inner.args[0], one.shape))
    return None


SUMS: tuple[Identity, ...] = (
    _plus_zero,
    _doubled,
    _reshaped_alike,
    _part_by_part,
    _same_factor("add", "subtract"),
    _parts_first,
    _plus_negative,
)


# ── identities of differences ───────────────────────────────────────────────────────────────────


def _minus_zero(_xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """x - 0 = x"""
    return x if x.shape == y.shape and value_of(y) == 0.0 else None


DIFFERENCES: tuple[Identity, ...] = (
    _minus_zero,
    _same_factor("subtract", "add"),
)


# ── identities of products ──────────────────────────────────────────────────────────────────────


def _number_last(xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """number · x = x · number"""
    return xp.multiply(y, x) if is_number(x) and not is_number(y) else None


def _times_one(_xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """x · 1 = x, but x · 0 stays: it is nan where x is infinite or nan"""
    return x if is_number(y) and value_of(y) == 1.0 else None


def _times_numbers(xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """(x · number) · other = x · (number · other)"""
    if is_number(y) and x.op == MULTIPLY and is_number(x.args[1]):
        return xp.multiply(x.args[0], value_of(x.args[1]) * value_of(y))
    return None


def _chosen(xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """where(test, 0, number) · y = where(test, 0, y · number)"""
    for one, other in ((x, y), (y, x)):
        if one.op == WHERE and value_of(one.args[1]) == 0.0 and is_number(one.args[2]):
            test, zero, number = one.args
            return xp.where(test, zero, xp.multiply(other, number))
    return None


def _numbers_outside(xp: Simplifier, x: Symbol, y: Symbol) -> Symbol | None:
    """(x · number) · (y · other) = (x · y) · (number · other)"""
    (a, number), (b, other) = split(x), split(y)
    if number == other == 1.0 or is_number(y):
        return None
    return xp.multiply(xp.multiply(a, b), number * other)


PRODUCTS: tuple[Identity, ...] = (
    _number_last,
    _times_one,
    _times_numbers,
    _chosen,
    _numbers_outside,
)
