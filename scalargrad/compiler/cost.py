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

__all__ = ["MACHINES", "NEVER", "Work", "arrays_from", "work_of"]

#: Where a program may run.
MACHINES = ("auto", "tape", "arrays")

#: The number of samples from which on a program runs as array code if it never does.
NEVER = math.inf

#: A line of array code, forward and backward; a scalar that it computes; and an operand of that.
LINE, ARRAY_SCALAR, ARRAY_TERM = 2500.0, 1.0, 0.1

#: An operation of a tape on one sample, an operand, a run, and a call; as machine code, in Python.
NATIVE_ONE, PYTHON_ONE = (3.0, 0.5, 5.0, 1000.0), (200.0, 200.0, 500.0, 5000.0)

#: An operation of a tape on each sample of a batch, and an operand.
LANE_OPERATION, LANE_OPERAND = 1.2, 0.3

#: More lines than this are array code only if each does so many scalars, on the average; or else
#: there is no structure of arrays, and to look for it takes longer than it saves.
MANY, STRUCTURE = 200, 4


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


def arrays_from(work: Work, lines: int, native: bool) -> float:
    """Return the number of samples from which on array code is cheaper than the tape; or NEVER.

    Args:
        work: what there is to do for one sample.
        lines: how many lines the array code has; the tape is certainly better if it is so for a
            number that is too small.
        native: whether tapes run as machine code.
    """
    operation, operand, run, call = NATIVE_ONE if native else PYTHON_ONE
    each = ARRAY_SCALAR * work.operations + ARRAY_TERM * work.operands
    one = operation * work.operations + operand * work.operands + run * work.groups + call
    if LINE * lines + each < one:
        return 1
    if not native:  # rows of samples are computed by NumPy, in either machine
        return 2
    saved = LANE_OPERATION * work.operations + LANE_OPERAND * work.operands - each
    if saved <= 0 or (lines > MANY and work.operations < STRUCTURE * lines):
        return NEVER
    return max(2, math.ceil(LINE * lines / saved))
