"""What the lines of the tape's interpreter do as machine code: what they do in Python."""

import importlib.util
import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from scalargrad.errors import TextError

pytest.importorskip("numba")

MODULE = """
import math
from math import *

import numpy as np
from numba import njit
from scalargrad.compiler.tape.lower import lowered
from scalargrad.compiler.tape.marks import inlined, inlined_sum

u1 = np.uint64(1)

@inlined
def cube(x):
    "Return early."
    if x == 0.0:
        return x
    if not x < 2.0:
        return x**3
    x = x * x * x
    return x

@inlined
def both(x):
    x = abs(x)
    return x, -x

@inlined
def doubled(x, n):
    n = n >> 1
    return x * np.int64((n + n + 1023) << 52).view(np.float64)

@inlined
def found(v, n):
    any_ = False
    for i in range(n):
        any_ |= not abs(v[i]) < 10.0
    return any_

@inlined_sum
def summed(v, n):
    total = 0.0
    for i in range(n):
        total += v[i]
    return total

def what(places, v, w):
    {lines}

def run(places, v, w):
    lower(places, v, w)

lower = lowered(what)
compiled = njit(error_model="numpy")(run)
"""

LINES = {
    "arithmetic": "w[0, 0] = (v[0] + 2) * v[1] - v[2] / 3 - -v[3]",
    "power": "w[0, 0] = abs(v[0]) ** v[1]",
    "integer becomes float": "w[0, 0] = 3; w[0, 1] = -1; w[0, 2] = np.float64(len(v))",
    "constants": "w[0, 0] = pi; w[0, 1] = -inf; w[0, 2] = nan; w[0, 3] = math.e",
    "functions of math": "w[0, 0] = tanh(v[0]) + math.erf(v[1]) + atan2(v[2], v[3]) + exp(-100)",
    "places": "i = places[0]; j = places[u1]; w[1, i] = v[j]; w[1, j] += v[i]",
    "floor": "w[0, 0] = np.floor(v[0]); w[0, 1] = np.int64(np.floor(v[1])) & 3",
    "comparisons": """
    w[0, 0] = 1.0 if v[0] < v[1] else 2.0
    w[0, 1] = 1.0 if v[0] != v[1] else 2.0
    w[0, 2] = 1.0 if 0.0 < v[0] <= 1.0 else 2.0
    w[0, 3] = 1.0 if v[0] > 1 or v[1] >= 1 and v[2] == v[2] else 2.0
    w[1, 0] = 1.0 if not v[0] < 1 else 2
    w[1, 1] = 1.0 if len(v) == 4 else 2.0""",
    "choice of one": "w[0, 0] = exp(v[0]) if v[0] < 0 else v[1] ** 2 if v[1] > 0 else v[2]",
    "early return": "w[0, 0] = cube(v[0]); w[0, 1] = cube(v[1]); w[0, 2] = cube(v[2])",
    "several results": "a, b = both(v[0]); a, b = b, a; w[0, 0] = a; w[0, 1] = b",
    "bits": "w[0, 0] = doubled(v[0], places[0]); w[0, 1] = doubled(v[1], places[1])",
    "truth": "w[0, 0] = 1.0 if found(v, 4) else 0.0",
    "sum": "w[0, 0] = summed(v, 2)",
    "loops": """
    at = u1
    for r in range(len(places) - 1, -1, -1):
        k = places[r]
        for s in range(1, k):
            w[0, s] += v[k] * (s + r)
            at += u1
        for s in range(0):
            w[0, 0] = nan
    w[1, 0] = at""",
    "branches": """
    for s in range(4):
        if s == 0:
            g = v[s]
        elif s == 2:
            g = -v[s]
        else:
            if v[s] > 0:
                g = 5.0
        w[0, s] = g""",
}

NUMBERS = [0.0, -0.0, 0.7, -1.3, 2.5, math.inf, -math.inf, math.nan]


def module(path, lines):
    """Return a generated module."""
    path.write_text(MODULE.replace("{lines}", lines), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize("name", LINES)
@np.errstate(all="ignore")
def test_lines_do_the_same_as_machine_code(name, tmp_path):
    made = module(tmp_path / "lines.py", LINES[name])
    places = np.array([3, 2], np.uint32)
    for numbers in itertools.chain(itertools.product(NUMBERS[1:], repeat=2), [(0.0, 0.0)]):
        v = np.array([*numbers, 0.3, 1.7])
        found, expected = (np.full((2, 4), 0.25) for _ in range(2))
        made.compiled(places, v, found)
        made.what(places.astype(np.int64), v, expected)
        assert_allclose(found, expected, rtol=1e-14)
        assert_array_equal(np.signbit(found[found == 0]), np.signbit(expected[expected == 0]))


def test_arrays_are_in_one_piece(tmp_path):
    made = module(tmp_path / "strided.py", "w[0, 0] = v[0]")
    with pytest.raises(TypeError, match="arrays in one piece, got v"):
        made.compiled(np.zeros(2, np.uint32), np.zeros(8)[::2], np.zeros((2, 4)))


def test_function_without_machine_code_is_named(tmp_path):
    made = module(tmp_path / "unknown.py", "w[0, 0] = prod(v[0])")
    with pytest.raises(TextError, match="numba has no machine code for prod of 1 floats"):
        made.compiled(np.zeros(2, np.uint32), np.zeros(4), np.zeros((2, 4)))
