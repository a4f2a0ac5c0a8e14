"""The error function on arrays: the array API has none, so it is made of what the standard has.

The rational approximations are those of W. J. Cody, "Rational Chebyshev approximations for the
error function", Mathematics of Computation 23 (1969), pages 631-637, with the coefficients of his
program CALERF; they are good to a few units in the last place of a double.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["erf", "erfc"]

Array = Any

#: Up to here erf itself is a polynomial quotient; from there to the next, and beyond, erfc is.
_SMALL, _LARGE = 0.46875, 4.0

_SMALL_P = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2,
            3.77485237685302021e2, 3.20937758913846947e3)  # fmt: skip
_SMALL_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
            2.84423683343917062e3)  # fmt: skip
_MIDDLE_P = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
             6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
             1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3)  # fmt: skip
_MIDDLE_Q = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
             1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
             3.43936767414372164e3, 1.23033935480374942e3)  # fmt: skip
_LARGE_P = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
            1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4)  # fmt: skip
_LARGE_Q = (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1,
            6.05183413124413191e-2, 2.33520497626869185e-3)  # fmt: skip


def erf(xp: Any, x: Array) -> Array:
    """Return the error function of an array of floats, 2 / √π · ∫₀ˣ exp(-t²) dt.

    >>> import numpy as np
    >>> erf(np, np.asarray([0.0, 0.5, 1.0])).round(6).tolist()
    [0.0, 0.5205, 0.842701]
    """
    beyond = 1 - _erfc_of_size(xp, x)
    return xp.where(xp.abs(x) <= _SMALL, _erf_near_zero(xp, x), xp.where(x < 0, -beyond, beyond))


def erfc(xp: Any, x: Array) -> Array:
    """Return 1 - erf(x) of an array of floats, exact to the last places for large x too.

    >>> import numpy as np
    >>> print(f"{erfc(np, np.asarray(5.0)):.12g} {math.erfc(5.0):.12g}")
    1.53745979443e-12 1.53745979443e-12
    """
    beyond = _erfc_of_size(xp, x)
    beyond = xp.where(x < 0, 2 - beyond, beyond)
    return xp.where(xp.abs(x) <= _SMALL, 1 - _erf_near_zero(xp, x), beyond)


def _erf_near_zero(xp: Any, x: Array) -> Array:
    near = xp.minimum(xp.maximum(x, -_SMALL), _SMALL)
    return near * _quotient(_SMALL_P, _SMALL_Q, near * near)


def _erfc_of_size(xp: Any, x: Array) -> Array:
    """Return erfc(|x|) for |x| beyond the small: exp(-x²) times a slowly changing factor."""
    size = xp.minimum(xp.maximum(xp.abs(x), _SMALL), 30.0)  # erfc(30) is 0 in floats
    middle = _quotient(_MIDDLE_P, _MIDDLE_Q, xp.minimum(size, _LARGE))
    large = xp.maximum(size, _LARGE)
    inverse = 1 / (large * large)
    tail = 1 / math.sqrt(math.pi) - inverse * _quotient(_LARGE_P, _LARGE_Q, inverse)
    # In two factors, since the rounding of size² alone would cost some digits of the exponential.
    rough = xp.trunc(size * 16) / 16
    decay = xp.exp(-rough * rough) * xp.exp(-(size - rough) * (size + rough))
    return decay * xp.where(size <= _LARGE, middle, tail / large)


def _quotient(p: tuple[float, ...], q: tuple[float, ...], x: Array) -> Array:
    return _polynomial(p, x) / _polynomial(q, x)


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """Evaluate a polynomial by Horner's rule, highest power first."""
    first, *rest = coefficients
    value = first * x + rest[0]
    for coefficient in rest[1:]:
        value = value * x + coefficient
    return value
