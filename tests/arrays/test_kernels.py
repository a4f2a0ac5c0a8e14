"""Kernels: the table of primitives on arrays, and that they are pure functions of arrays."""

from __future__ import annotations

import math
from itertools import product

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad.arrays.kernels import LINEAR, MSE, elementwise
from scalargrad.arrays.library import NUMPY
from scalargrad.arrays.special import erf, erfc
from scalargrad.arrays.translate import array_function
from scalargrad.ops import PRIMITIVES, float_function

pytestmark = pytest.mark.filterwarnings("error")

#: Borders, kinks and extremes, where branches matter.
EDGES = [-math.inf, -1000.0, -2.0, -1.0, -0.5, 0.0, 1e-300, 0.5, 1.0, 3.0, 1000.0, math.inf]


def by_floats(row, text, operands):
    """Evaluate a text as the scalar engine does; None where it says that there is no answer."""
    try:
        z = row.evaluate(*operands)
        return float(float_function(text, f"{row.operands}, z, g")(*operands, z, 2.0))
    except (ArithmeticError, ValueError):
        return None


@pytest.mark.parametrize("name", PRIMITIVES)
def test_texts_mean_the_same_on_arrays_as_on_floats(name):
    row = PRIMITIVES[name]
    points = list(product(EDGES, repeat=len(row.partials)))
    for text in (row.value, *row.partials, *row.pushes):
        known = [(p, answer) for p in points if (answer := by_floats(row, text, p)) is not None]
        assert len(known) >= len(EDGES) // 3
        columns = [np.array(column) for column in zip(*(p for p, _ in known), strict=True)]
        z = np.array([row.evaluate(*p) for p, _ in known])
        with np.errstate(all="ignore"):  # that kernels are quiet is another test
            found = array_function(row, text)(NUMPY, *columns, z=z, g=np.full(z.shape, 2.0))
        expected = [answer for _, answer in known]
        np.testing.assert_allclose(np.broadcast_to(found, z.shape), expected, rtol=4e-15)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_branches_that_are_thrown_away_give_no_warning(name):
    row = PRIMITIVES[name]
    kernel = elementwise(row)
    # At each of these points the other branch of a condition of some row is undefined.
    for x, y in ((1.0, 1.0), (0.0, 2.0), (0.5, 0.0), (0.0, 1.0)):
        if row.domain and not eval(row.domain, {"inf": math.inf, "x": x, "y": y}):
            continue
        if row.name == "reciprocal" and x == 0:
            continue  # infinite there
        point = {"x": x, "y": y, "c": y}
        pairs = [(point[letter], n) for letter, n in zip(row.letters, row.example, strict=True)]
        operands = list(map(np.array, pairs))
        z, kept = kernel.forward(NUMPY, *operands)
        gradients = [gradient(NUMPY, np.ones(2), kept, *operands) for gradient in kernel.gradients]
        assert np.all(np.isfinite(z))
        assert all(gradient.shape == (2,) for gradient in gradients)


@given(
    st.lists(st.floats(-30, 30), min_size=1, max_size=5),
    st.sampled_from([np.float64, np.float32]),
)
@settings(max_examples=100, deadline=None)
def test_error_functions_are_those_of_mpmath(numbers, dtype):
    x = np.array(numbers, dtype=dtype)
    exact = {
        erf: [float(mpmath.erf(float(number))) for number in x],
        erfc: [float(mpmath.erfc(float(number))) for number in x],
    }
    for function, expected in exact.items():
        found = function(np, x)
        assert found.dtype == dtype
        rtol, atol = (1e-15, 1e-300) if dtype == np.float64 else (1e-5, 1e-37)
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


def test_error_functions_hold_at_the_ends():
    x = np.array([-np.inf, -40.0, 0.0, 40.0, np.inf, np.nan])
    np.testing.assert_array_equal(erf(np, x), [-1, -1, 0, 1, 1, np.nan])
    np.testing.assert_array_equal(erfc(np, x), [2, 2, 1, 0, 0, np.nan])


# ── kernels run on anything with the operators and functions of the array API ──────────────────


class Recorded:
    """Something with a shape that writes down what is done to it."""

    def __init__(self, xp, name, shape):
        self.xp, self.name, self.shape, self.ndim = xp, name, shape, len(shape)

    @property
    def T(self):  # noqa: N802
        return self.xp.made(f"{self.name}.T", self.shape[::-1])

    def __matmul__(self, other):
        shape = (*self.shape[:-1], *other.shape[1:])
        return self.xp.made(f"{self.name} @ {other.name}", shape)


def _operator(symbol):
    def method(self, other):
        name = getattr(other, "name", str(other))
        shape = np.broadcast_shapes(self.shape, getattr(other, "shape", ()))
        return self.xp.made(f"{self.name} {symbol} {name}", shape)

    def reflected(self, other):
        return self.xp.made(f"{other} {symbol} {self.name}", self.shape)

    return method, reflected


for symbol, name in (("+", "add"), ("-", "sub"), ("*", "mul"), ("/", "truediv")):
    method, reflected = _operator(symbol)
    setattr(Recorded, f"__{name}__", method)
    setattr(Recorded, f"__r{name}__", reflected)


class Recorder:
    """A namespace that computes nothing."""

    def __init__(self):
        self.lines = []

    def made(self, text, shape):
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return Recorded(self, name, tuple(shape))

    def sum(self, x, *, axis=None, keepdims=False):
        result = np.sum(np.zeros(x.shape), axis=axis, keepdims=keepdims)
        return self.made(f"sum({x.name}, {axis})", result.shape)

    def mean(self, x):
        return self.made(f"mean({x.name})", ())

    def reshape(self, x, shape):
        return self.made(f"reshape({x.name}, {shape})", np.zeros(x.shape).reshape(shape).shape)


def test_kernels_can_be_recorded_instead_of_run():
    xp = Recorder()
    x, w, b = (
        Recorded(xp, name, shape) for name, shape in (("x", (100, 2)), ("w", (2, 3)), ("b", (3,)))
    )
    y = Recorded(xp, "y", (100, 3))
    z, kept = LINEAR.forward(xp, x, w, b)
    loss, difference = MSE.forward(xp, y, z)
    g = MSE.gradients[1](xp, Recorded(xp, "one", ()), difference, y, z)
    gradients = [gradient(xp, g, kept, x, w, b) for gradient in LINEAR.gradients]
    assert [array.shape for array in (loss, *gradients)] == [(), (100, 2), (2, 3), (3,)]
    assert xp.lines == [
        "v0 = x @ w",
        "v1 = v0 + b",
        "v2 = y - v1",
        "v3 = v2 * v2",
        "v4 = mean(v3)",
        f"v5 = {-2 / 300} * one",
        "v6 = v5 * v2",
        "v7 = w.T",
        "v8 = v6 @ v7",
        "v9 = x.T",
        "v10 = v9 @ v6",
        "v11 = sum(v6, (0,))",
    ]
