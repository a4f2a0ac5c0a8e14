"""What derivatives of the table are compared with."""

import math

import pytest

from scalargrad.ops import PRIMITIVES

inf, nan = math.inf, math.nan
each_row = pytest.mark.parametrize("row", PRIMITIVES.values(), ids=PRIMITIVES)
each_machine = pytest.mark.parametrize("machine", ["arrays", "tape"])
SHORT = [0.0, -0.0, 1.0, -1.0, 2.0, 1e-300, inf]


def is_defined(row, point):
    try:
        return not math.isnan(row.evaluate(*point))
    except (ArithmeticError, ValueError):
        return False
