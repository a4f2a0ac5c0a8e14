"""A difference that the user wrote is computed as a difference, on both machines."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from scalargrad import Value
from scalargrad import functional as F
from scalargrad.compiler import compile

Term = Callable[[Value, Value], Value]

_random = random.Random(0)
#: Near 1.7e9, as times in seconds are; the second number of a pair is a little less.
TIMES = [(at, at - _random.random() / 10) for at in (1.7e9 + 0.37 * i for i in range(100))]
ANGLES = [(1e-4 * (i + 1), 1e-4 * (i + 2)) for i in range(100)]

#: A name, the numbers, a term in Values, and in floats.
SUMS: dict[str, tuple[list[tuple[float, float]], Term, Callable[[float, float], float]]] = {
    "difference": (TIMES, lambda q, r: q - r, lambda q, r: q - r),
    "scaled": (TIMES, lambda q, r: 2 * q - 2 * r, lambda q, r: 2 * q - 2 * r),
    "half": (TIMES, lambda q, r: (q - r) / 2, lambda q, r: (q - r) / 2),
    "two in a row": (TIMES, lambda q, r: q - r - 0.5 * (q - r), lambda q, r: (q - r) - (q - r) / 2),
    "small angles": (
        ANGLES,
        lambda s, t: (1 - s.cos()) + (1 - t.cos()),
        lambda s, t: (1 - math.cos(s)) + (1 - math.cos(t)),
    ),
    "product": (TIMES, lambda q, r: q * q - q * r, lambda q, r: q * q - q * r),
}


@pytest.mark.parametrize("machine", ["tape", "arrays"])
@pytest.mark.parametrize("total", [F.sum, sum], ids=["F.sum", "sum"])
@pytest.mark.parametrize("fed", [True, False], ids=["inputs", "parameters"])
@pytest.mark.parametrize("name", SUMS)
def test_what_cancels_in_a_term_cancels_there(
    name: str, fed: bool, total: Callable[[list[Value]], Value], machine: str
) -> None:
    numbers, term, of_floats = SUMS[name]
    pairs = [(Value(q), Value(r)) for q, r in numbers]
    leaves = [v for pair in pairs for v in pair]
    out = total([term(q, r) for q, r in pairs])
    program = compile(out, leaves if fed else [], [] if fed else leaves, machine=machine)
    found = program([v.data for v in leaves]) if fed else program(None)
    terms = [of_floats(q, r) for q, r in numbers]
    rounding = len(terms) * math.ulp(math.fsum(map(abs, terms)))
    assert abs(float(found) - math.fsum(terms)) <= rounding
