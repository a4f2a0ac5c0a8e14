"""The functions that the machine code of a tape calls, besides those of ``math``.

``native.py`` makes this text a part of the modules that it generates, where all is compiled.
"""

# mypy: ignore-errors

from math import exp, inf

from .marks import inlined, inlined_sum

__all__ = [
    *("ieee_pow", "inner", "larger", "max", "min", "moved", "outer", "power", "share", "whole"),
]


@inlined
def power(x, y):
    """Return x to the power of y, as IEEE 754 has it; cubes and the like without a logarithm."""
    if y == 2.0:
        return x * x
    if y == 3.0:
        return x * x * x
    return x**y


@inlined
def ieee_pow(x, y):
    """Return the same: in machine code there is no other power."""
    return power(x, y)


@inlined
def max(x, y):
    """Return what Python's ``max`` returns, also of nan."""
    return y if y > x else x


@inlined
def min(x, y):
    """Return what Python's ``min`` returns, also of nan."""
    return y if y < x else x


@inlined
def larger(x, y):
    """Return the larger number, or nan if one is."""
    return y if y > x or y != y else x


@inlined
def share(x, z):
    """Return exp(x - z): of equal infinities 1, and of -inf 0."""
    return exp(x - z) if x != z else 1.0 if x > -inf else 0.0


@inlined
def whole(total, z):
    """Return the sum of all shares of a result; 1 where it is infinite."""
    return total if abs(z) < inf else 1.0


@inlined
def moved(d, slope):
    """Return what moves by d, times its slope: 0 where nothing moves, also of an infinite slope."""
    return 0.0 if d == 0.0 else d * slope


@inlined_sum
def inner(v, i, w, j, n):
    """Return the sum of n products of neighbours."""
    total = 0.0
    for o in range(n):
        total += v[i + o] * w[j + o]
    return total


@inlined_sum
def outer(d, i, v, j, n, g):
    """Add n neighbours, each times g, to others."""
    for o in range(n):
        d[i + o] += g * v[j + o]
