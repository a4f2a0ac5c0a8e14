"""What a program costs on each machine: an estimate from counts, which decides where it runs.

Nothing is timed here, so the same graph runs on the same machine wherever numba is installed alike.
The numbers are nanoseconds of a step with gradient, fitted to the works of the benchmark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from .passes.flatten import NO_FAMILY, Reduced
from .passes.operations import Combination, Dot, LogSumExp, Operation, Product
from .passes.patterns import Gather, Joined, Operand
from .passes.raising import Raised
from .passes.walk import ARITY, ROWS
from .tape import native

__all__ = [
    "GATHERED",
    "MACHINES",
    "NEVER",
    "Choice",
    "Code",
    "Work",
    "arrays_from",
    "code_of",
    "least_code_of",
    "work_of",
]

#: Where a program may run.
MACHINES = ("auto", "tape", "arrays")

#: The number of samples from which on a program runs as array code if it never does.
NEVER = math.inf

#: Array code, forward and backward: a call of NumPy; and for each sample a number that it computes
#: or adds up, and a factor of a matrix product.
CALL, NUMBER, FACTOR = 1500.0, 1.5, 0.1

#: A number that is gathered by a table, and its gradient, which is added up where it came from.
GATHERED = 12.0

#: A tape on one sample: an operation, an operand, a run, and a call; as machine code, in Python.
NATIVE_ONE, PYTHON_ONE = (3.0, 0.5, 5.0, 1000.0), (25.0, 25.0, 0.0, 1500.0)

#: A tape on a batch: the call, and an operation or an operand on each sample; as machine code, and
#: in Python, where it takes a call of NumPy for each, as array code does for several at once.
BATCH, LANE, ROW = 5000.0, 0.5, 1.2

#: More lines than this are array code only if each does so many scalars, on the average; or else
#: there is no structure of arrays, and to look for it takes longer than it saves.
MANY, STRUCTURE = 200, 4


class Work(NamedTuple):
    """What there is to do for one sample."""

    operations: int
    operands: int
    groups: int  # of equal operations on a level: so many lines of array code at least


def work_of(reduced: Reduced) -> Work:
    """Count the work of a graph."""
    kept, family = reduced.kept, reduced.family[reduced.kept]
    alone = family == NO_FAMILY
    op = np.where(alone, reduced.scalars.op[kept], -family)
    operands = ARITY[op[alone]].sum() + 2 * (reduced.last - reduced.first)[kept[~alone]].sum()
    groups = len(np.unique(reduced.level[kept] * (len(ROWS) + 3) + op))
    return Work(len(kept), int(operands), groups)


class Code(NamedTuple):
    """What array code does: calls of NumPy, and nanoseconds for each sample besides."""

    calls: int
    each: float


def least_code_of(work: Work) -> Code:
    """Return what array code does at least, before its structure is known."""
    return Code(work.groups, 0.0)


def code_of(listing: Raised) -> Code:
    """Count what the code of a listing does."""
    costs = [
        (calls + more, each + further)
        for block, operation in listing.operations
        for calls, each in [_cost(operation, math.prod(block.shape))]
        for more, further in [_gathering(operation.operands)]
    ]
    batched = [block.batched for block, _ in listing.operations]
    each = sum(each for (_, each), many in zip(costs, batched, strict=True) if many)
    return Code(sum(calls for calls, _ in costs), each)


def _cost(operation: Operation, size: int) -> tuple[int, float]:
    """Return the calls of an operation, and what it costs for each sample."""
    match operation:
        case Product(left, _, _):
            return 1, FACTOR * size * left.shape[-1] + NUMBER * size
        case Combination(terms, _):
            return len(terms), NUMBER * size * len(terms)
        case Dot(left, right, _):
            return 1, NUMBER * math.prod(np.broadcast_shapes(left.shape, right.shape))
        case LogSumExp(operand):
            return 4, NUMBER * math.prod(operand.shape)
    return 1, NUMBER * size * len(operation.operands)


def _gathering(operands: Iterable[Operand]) -> tuple[int, float]:
    """Return the calls that gather operands, and what it costs for each sample."""
    parts = [p for x in operands for p in (x.parts if isinstance(x, Joined) else [x])]
    tables = [x for x in parts if isinstance(x, Gather)]
    numbers = sum(x.table.size * math.prod(x.source.shape[1:]) for x in tables)
    return len(tables), GATHERED * numbers


def arrays_from(work: Work, code: Code, native: bool) -> float:
    """Return the number of samples from which on array code is cheaper than the tape; or NEVER.

    Args:
        work: what there is to do for one sample.
        code: what array code does.
        native: whether tapes run as machine code.
    """
    operation, operand, run, call = NATIVE_ONE if native else PYTHON_ONE
    one = operation * work.operations + operand * work.operands + run * work.groups + call
    if CALL * code.calls + code.each < one:
        return 1
    saved = (LANE if native else ROW) * (work.operations + work.operands) - code.each
    if saved <= 0 or (code.calls > MANY and work.operations < STRUCTURE * code.calls):
        return NEVER
    if not native:
        return 2
    return max(2, math.ceil((CALL * code.calls - BATCH) / saved))


class Choice:
    """Which machine runs a program on NumPy arrays, for each number of samples.

    Structure is looked for when the answer depends on it, and not before.

    Args:
        asked: what was asked for, one of `MACHINES`.
        reduced: the graph.
        listing: returns its operations on arrays.
    """

    def __init__(self, asked: str, reduced: Reduced, listing: Callable[[], Raised]) -> None:
        self.asked, self._listing = asked, listing
        self._work = work_of(reduced)
        # Arrays are the machine from so many samples on: not before this, ...
        self._start = self._estimate(least_code_of(self._work))
        self._is_settled = asked != "auto" or self._start == NEVER  # ... or exactly

    def _estimate(self, code: Code) -> float:
        if self.asked != "auto":
            return NEVER if self.asked == "tape" else 0
        return arrays_from(self._work, code, native.is_installed())

    @property
    def start(self) -> float:
        """From how many samples on arrays are the machine; or `NEVER`."""
        if not self._is_settled:
            self._start = self._estimate(code_of(self._listing()))
            self._is_settled = True
        return self._start

    def is_arrays(self, samples: int) -> bool:
        """Say whether so many samples are for the array machine."""
        return samples >= self._start and samples >= self.start
