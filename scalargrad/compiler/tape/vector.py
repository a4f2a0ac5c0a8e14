"""Elementary functions without branches, which a compiler turns into vector instructions.

``math`` computes a number at a time, and numba as pip installs it has nothing else. This text
becomes a part of the modules for blocks of samples, where it takes the place of functions of
``math``. Results are good to a few units in the last place.

The arguments are reduced as in Cody and Waite's "Software Manual for the Elementary Functions"
(1980); the polynomials are Taylor's, and for the logarithm and for sine and cosine those of fdlibm
(Sun Microsystems, 1993).
"""

# mypy: ignore-errors

from math import inf, nan

import numpy as np

from .marks import inlined

__all__ = [
    *("cos", "exp", "exp_parts", "expm1", "expm1_near", "far", "log", "log1p", "near_quarter"),
    *("rounded", "scaled", "sin", "tan", "tanh"),
]


@inlined
def scaled(x, n):
    """Return x · 2ⁿ, for n from -2044 to 2046: in two steps, since one may be out of range."""
    half = n >> 1
    first = np.int64((half + 1023) << 52).view(np.float64)
    second = np.int64((n - half + 1023) << 52).view(np.float64)
    return x * first * second


@inlined
def expm1_near(x):
    """Return exp(x) - 1 for |x| <= 0.35."""
    p = x * (1 / 6227020800) + 1 / 479001600
    p = p * x + 1 / 39916800
    p = p * x + 1 / 3628800
    p = p * x + 1 / 362880
    p = p * x + 1 / 40320
    p = p * x + 1 / 5040
    p = p * x + 1 / 720
    p = p * x + 1 / 120
    p = p * x + 1 / 24
    p = p * x + 1 / 6
    p = p * x + 0.5
    return x + x * x * p


@inlined
def rounded(x):
    """Return x as the nearest whole number, and its bits after a large one: 1.5 · 2⁵² + n."""
    large = x + 6755399441055744.0
    return large - 6755399441055744.0, np.float64(large).view(np.int64)


@inlined
def exp_parts(x):
    """Return n and exp(r) - 1 where x = n · log(2) + r, for x within reach."""
    x = -746.0 if x < -746.0 else x
    x = 710.0 if x > 710.0 else x
    n, bits = rounded(x * 1.4426950408889634)
    r = (x - n * 0.693145751953125) - n * 1.42860682030941723212e-6
    return bits - 0x4338000000000000, expm1_near(r)


@inlined
def exp(x):
    """Return the exponential of x."""
    n, near = exp_parts(x)
    z = scaled(1.0 + near, n)
    z = inf if x > 709.782712893384 else z
    return z if x == x else x


@inlined
def expm1(x):
    """Return exp(x) - 1, exact near 0."""
    n, near = exp_parts(x)
    z = near if n == 0 else scaled(1.0 + near, n) - 1.0
    z = inf if x > 709.782712893384 else z
    z = x if abs(x) < 1e-17 else z  # also of -0
    return z if x == x else x


@inlined
def tanh(x):
    """tanh |x| = -t / (2 + t) where t = exp(-2 |x|) - 1 = 2ⁿ · (exp(r) - 1) + (2ⁿ - 1)"""
    size = abs(x)
    size = 20.0 if size > 20.0 else size
    n, bits = rounded(size * -2.8853900817779268)
    r = (-2.0 * size - n * 0.693145751953125) - n * 1.42860682030941723212e-6
    two = ((bits + 1023) << 52).view(np.float64)
    t = two * expm1_near(r) + (two - 1.0)
    z = t / (2.0 + t)
    z = -z if x > 0.0 else z
    z = x if size < 1e-9 else z
    return z if x == x else x


@inlined
def log(x):
    """Return n · log(2) + log(1 + f) where x = 2ⁿ · (1 + f)"""
    small = x < 2.2250738585072014e-308
    bits = np.float64(x * 18014398509481984.0 if small else x).view(np.int64)
    bits += 0x3FF0000000000000 - 0x3FE6A09E667F3BCD  # so that 1 + f is from √½ to √2
    n = np.float64((bits >> 52) - 1023) - (54.0 if small else 0.0)
    bits = (bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD
    f = np.int64(bits).view(np.float64) - 1.0
    s = f / (2.0 + f)
    w = s * s
    p = w * 1.479819860511658591e-01 + 1.531383769920937332e-01
    p = p * w + 1.818357216161805012e-01
    p = p * w + 2.222219843214978396e-01
    p = p * w + 2.857142874366239149e-01
    p = p * w + 3.999999999940941908e-01
    p = p * w + 6.666666666666735130e-01
    half = 0.5 * f * f
    z = n * 6.93147180369123816490e-01 - (
        (half - (s * (half + w * p) + n * 1.90821492927058770002e-10)) - f
    )
    z = inf if x == inf else z
    z = -inf if x == 0.0 else z
    return nan if x < 0.0 or x != x else z


@inlined
def log1p(x):
    """log u + (x - (u - 1)) / u where u = 1 + x, rounded"""
    u = 1.0 + x
    z = log(u)
    z = z + (x - (u - 1.0)) / u if 0.0 < u < inf else z
    return x if x == 0.0 else z  # also of -0


@inlined
def near_quarter(x):
    """Return n modulo 4, and the sine and cosine of r, where x = n · π/2 + r, for |x| < FAR."""
    n, bits = rounded(x * 0.6366197723675814)
    r = x - n * 1.57079632673412561417
    w = n * 6.07710050630396597660e-11
    r, rest = r - w, (r - (r - w)) - w
    w = n * 2.02226624879595063154e-21 - rest
    r = r - w
    z = r * r
    p = z * 1.58969099521155010221e-10 - 2.50507602534068634195e-08
    p = p * z + 2.75573137070700676789e-06
    p = p * z - 1.98412698298579493134e-04
    p = p * z + 8.33333333332248946124e-03
    p = p * z - 1.66666666666666324348e-01
    sine = r + r * z * p
    p = z * -1.13596475577881948265e-11 + 2.08757232129817482790e-09
    p = p * z - 2.75573143513906633035e-07
    p = p * z + 2.48015872894767294178e-05
    p = p * z - 1.38888888888741095749e-03
    p = p * z + 4.16666666666666019037e-02
    cosine = 1.0 - (0.5 * z - z * z * p)
    return bits & 3, sine, cosine


@inlined
def sin(x):
    """Return the sine of x, if that is not far."""
    n, sine, cosine = near_quarter(x)
    z = sine if n & 1 == 0 else cosine
    z = -z if n & 2 else z
    return x if x == 0.0 else z


@inlined
def cos(x):
    """Return the cosine of x, if that is not far."""
    n, sine, cosine = near_quarter(x)
    z = cosine if n & 1 == 0 else sine
    return -z if n == 1 or n == 2 else z


@inlined
def tan(x):
    """Return the tangent of x, if that is not far."""
    return sin(x) / cos(x)


@inlined
def far(v, i, width):
    """Say whether an angle is too large for the functions of this file, or is no number."""
    found = False
    for s in range(width):
        found |= not abs(v[i, s]) < 1e6
    return found
