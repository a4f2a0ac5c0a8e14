"""What a program costs on each machine: an estimate from counts, which decides where it runs.

Nothing is timed here, so the same graph runs on the same machine wherever numba is installed alike.
The numbers are nanoseconds of a step with gradient, fitted to the works of the benchmark.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .flatten import NO_FAMILY, Reduced
from .walk import ROWS

__all__ = [
    "ALWAYS",
    "CACHE",
    "LANE",
    "MACHINES",
    "NEVER",
    "Samples",
    "Work",
    "on_arrays",
    "work_of",
]

#: Where a program may run.
MACHINES = ("auto", "tape", "arrays")

#: Array code, forward and backward: a line; an operand, which is one of a product; and a scalar,
#: where all of them fit into the cache, or not.
LINE, ARRAY_OPERAND, ARRAY_SCALAR, FAR_SCALAR = 3000.0, 0.1, 1.0, 10.0

#: The bytes of scalars and derivatives that fit into the cache.
CACHE = 1_500_000

#: A tape on one sample: an operation, an operand, a run, and a call; as machine code, in Python.
NATIVE_ONE, PYTHON_ONE = (3.0, 0.5, 5.0, 1000.0), (200.0, 200.0, 500.0, 5000.0)

#: A tape on a sample of many: an operation or an operand.
LANE = 0.5

#: More lines than this are array code only if each does so many scalars, on the average; or else
#: there is no structure of arrays, and to look for it takes longer than it saves.
MANY, STRUCTURE = 200, 4


class Samples(NamedTuple):
    """How many samples at a time array code is the better machine for."""

    least: float
    most: float

    def __contains__(self, count: object) -> bool:
        return isinstance(count, int) and self.least <= count <= self.most


ALWAYS, NEVER = Samples(0, math.inf), Samples(math.inf, 0)


class Work(NamedTuple):
    """What there is to do for one sample."""

    operations: int
    operands: int
    groups: int  # of equal operations on a level: so many lines of array code at least


_ARITY = np.array([len(row.partials) for row in ROWS])


def work_of(reduced: Reduced) -> Work:
    """Count the work of a graph."""
    kept, family = reduced.kept, reduced.family[reduced.kept]
    alone = family == NO_FAMILY
    op = np.where(alone, reduced.scalars.op[kept], -family)
    operands = _ARITY[op[alone]].sum() + 2 * (reduced.last - reduced.first)[kept[~alone]].sum()
    groups = len(np.unique(reduced.level[kept] * (len(ROWS) + 3) + op))
    return Work(len(kept), int(operands), groups)


def on_arrays(work: Work, lines: int, native: bool) -> Samples:
    """Return for how many samples array code is cheaper than the tape.

    Args:
        work: what there is to do for one sample.
        lines: how many lines the array code has. More of them never make it cheaper.
        native: whether tapes run as machine code.
    """
    operation, operand, run, call = NATIVE_ONE if native else PYTHON_ONE
    fixed, factors = LINE * lines, ARRAY_OPERAND * work.operands
    near, far = (each * work.operations + factors for each in (ARRAY_SCALAR, FAR_SCALAR))
    one = operation * work.operations + operand * work.operands + run * work.groups + call
    least = 1 if fixed + near < one else 2
    if not native:  # rows of samples are computed by NumPy, in either machine
        return Samples(least, math.inf)
    tape = LANE * (work.operations + work.operands)
    if tape <= near or (lines > MANY and work.operations < STRUCTURE * lines):
        return Samples(1, 1) if least == 1 else NEVER
    most = math.inf if far < tape else CACHE // (16 * work.operations)
    found = Samples(least if least == 1 else max(2, math.ceil(fixed / (tape - near))), most)
    return found if found.least <= found.most else NEVER
