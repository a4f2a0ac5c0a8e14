"""The tape machine: runs a tape on one sample or on many, as machine code or in Python.

Each call takes a memory of its own from a pool, so several Python threads may run one tape side by
side. Many samples are shared out over threads in groups that depend on their number alone, and what
the groups find is added up in their order: results are the same for any number of threads.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from ...errors import OperandError
from ..passes.walk import Floats
from . import native
from .assemble import Tape
from .plain import Plain

__all__ = ["BLOCKS", "ROWS", "THREADS", "TapeMachine", "default_threads"]

#: The environment variable for how many threads compute a batch.
THREADS = "SCALARGRAD_THREADS"

#: A block has so many lanes at least, and as many more as fit into the cache, in bytes.
LEAST_LANES, MOST_LANES, CACHE = 32, 128, 1 << 20

#: A thread gets so many blocks at a time.
BLOCKS = 4

#: In Python so many samples are computed at a time.
ROWS = 1024

_NONE = np.empty(0)
_ONE = np.ones(1)


def default_threads() -> int:
    """Return how many threads compute a batch if nobody says: one for each processor.

    Raises:
        OperandError: the environment variable SCALARGRAD_THREADS is no number from 1 up.
    """
    given = os.environ.get(THREADS)
    if given is None:
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    if not given.isdecimal() or int(given) < 1:
        raise OperandError(
            f"the environment variable {THREADS} is a number from 1 up, got {given!r}"
        )
    return int(given)


class TapeMachine:
    """Runs a tape.

    Args:
        tape: what to run.
        threads: how many of them compute a batch.
    """

    def __init__(self, tape: Tape, threads: int) -> None:
        self.tape, self.threads = tape, threads
        self._first = tape.inputs  # of the parameters, in a gradient by all leaves
        lanes = CACHE // (16 * tape.size) // 8 * 8
        self._lanes = min(max(lanes, LEAST_LANES), MOST_LANES)
        self._pools: dict[int, list[Floats]] = {1: [], self._lanes: []}
        if native.is_installed():
            self._code, self._one = native.code_of(tape), native.one()
        else:
            _say_what_is_missing()
            self._plain = Plain(tape)

    # ── one sample ──

    def value_and_grad(self, x: Floats, p: Floats) -> tuple[float, Floats]:
        """Compute the first output of one sample, and its gradient by the parameters."""
        x, p, gradient = _own(x), _own(p), np.empty(len(p))
        if not native.is_installed():
            values, by_all = self._one_in_python(x, p, [1.0])
            gradient[:] = by_all[self._first :]
            return values[0], gradient
        pool = self._pools[1]
        try:
            memory = pool.pop()
        except IndexError:
            memory = self._memory(1)
        value = self._one(self._code, memory, x, p, _NONE, _ONE, gradient)
        pool.append(memory)
        return value, gradient

    def value(self, x: Floats, p: Floats) -> float:
        """Compute the first output of one sample."""
        if not native.is_installed():
            return self._one_in_python(x, p, ())[0][0]
        x, p = _own(x), _own(p)
        pool = self._pools[1]
        try:
            memory = pool.pop()
        except IndexError:
            memory = self._memory(1)
        value = self._one(self._code, memory, x, p, _NONE, _NONE, _NONE)
        pool.append(memory)
        return value

    def _one_in_python(self, x: Floats, p: Floats, cotangents: Any) -> tuple[list[float], Any]:
        try:
            return self._plain.one(x, p, cotangents)
        except (ArithmeticError, ValueError):
            # A float has no logarithm of 0, and the like; an array has.
            with np.errstate(all="ignore"):
                values, by_all = self._plain.rows(x[:, None], p, cotangents)
            return [float(np.ravel(v)[0]) for v in values], [float(np.ravel(g)[0]) for g in by_all]

    # ── samples ──

    def values(self, x: Floats, p: Floats) -> Floats:
        """Compute the outputs of samples, each a row."""
        return self.run(x, p)[0]

    def run(
        self, x: Floats, p: Floats, cotangents: Floats | None = None, each: bool = False
    ) -> tuple[Floats, Floats]:
        """Compute the outputs of samples, and the gradient of all of them, weighted.

        Args:
            x: the samples, each a row.
            p: the parameters.
            cotangents: the weights of the outputs: a row for each sample, or one for all. Without
                them there is no gradient.
            each: whether the gradient of each sample is wanted, and not that of their sum.

        Returns:
            The outputs, a row for each sample; the gradient by the inputs and then the parameters,
            a row for each sample or a single one.
        """
        tape, count, p = self.tape, len(x), _own(p)
        values = np.empty((count, len(tape.outputs)))
        width = tape.inputs + tape.parameters if cotangents is not None else 0
        cotangents = np.empty((1, 0)) if cotangents is None else _own(cotangents)
        x = _own(x)
        if not native.is_installed():
            return self._rows_in_python(x, p, values, cotangents, np.empty((count, width)), each)
        if count == 1:
            gradient = np.empty(width)
            self._with_memory(1, self._one, x[0], p, values[0], cotangents[0], gradient)
            return values, gradient[None]
        groups = [*self._groups(count)]
        gradient = np.empty((count if each else len(groups), width))

        def compute(number: int) -> None:
            start, stop = groups[number]
            total = -1 if each else number
            arrays = x, start, stop, p, values, cotangents, gradient, total
            self._with_memory(self._lanes, native.blocks(), *arrays)

        self._share_out(compute, len(groups))
        return values, gradient if each else gradient.sum(axis=0, keepdims=True)

    def tangents(self, x: Floats, p: Floats, directions: Floats) -> tuple[Floats, Floats]:
        """Compute the outputs of samples, and how they change in a direction, for each a row."""
        x, p, directions = _own(x), _own(p), _own(directions)
        values, slopes = (np.empty((len(x), len(self.tape.outputs))) for _ in range(2))
        if not native.is_installed():
            with np.errstate(all="ignore"):
                for to, columns in zip(
                    (values, slopes), self._plain.tangents(x.T, p, directions.T), strict=True
                ):
                    for number, column in enumerate(columns):
                        to[:, number] = column
            return values, slopes
        groups = [*self._groups(len(x))]

        def compute(number: int) -> None:
            arrays = x, *groups[number], p, values, directions, slopes
            self._with_memory(self._lanes, native.tangents(), *arrays)

        self._share_out(compute, len(groups))
        return values, slopes

    def _rows_in_python(
        self, x: Floats, p: Floats, values: Floats, cotangents: Floats, gradient: Floats, each: bool
    ) -> tuple[Floats, Floats]:
        if len(x) == 1:
            found, by_all = self._one_in_python(x[0], p, cotangents[0].tolist())
            values[0] = found
            gradient[0] = by_all
            return values, gradient
        with np.errstate(all="ignore"):
            for start in range(0, len(x), ROWS):
                some = slice(start, start + ROWS)
                weights = [*cotangents[some].T] if len(cotangents) > 1 else cotangents[0].tolist()
                columns, by_all = self._plain.rows(x[some].T, p, weights)
                for to, found in ((values, columns), (gradient, by_all)):
                    for number, column in enumerate(found):
                        to[some, number] = column
        return values, gradient if each else gradient.sum(axis=0, keepdims=True)

    # ── memory and threads ──

    def _memory(self, lanes: int) -> Floats:
        """Return a new memory: the factors, the numbers in the slots, and their derivatives."""
        tape = self.tape
        memory = np.zeros(len(tape.factors) + 2 * tape.size * lanes)
        memory[: len(tape.factors)] = tape.factors
        start = len(tape.factors)
        memory[start : start + lanes * len(tape.constants)] = np.repeat(tape.constants, lanes)
        return memory

    def _with_memory(self, lanes: int, function: Callable[..., Any], *arrays: Any) -> None:
        """Call a function with a memory that no other thread uses meanwhile."""
        pool = self._pools[lanes]
        try:
            memory = pool.pop()
        except IndexError:
            memory = self._memory(lanes)
        function(self._code, memory, *arrays)
        pool.append(memory)

    def _groups(self, count: int) -> Iterator[tuple[int, int]]:
        """Yield the first sample of each group, and the one after its last."""
        size = BLOCKS * self._lanes
        for start in range(0, count, size):
            yield start, min(start + size, count)

    def _share_out(self, compute: Callable[[int], None], count: int) -> None:
        if count == 1 or self.threads == 1:
            for number in range(count):
                compute(number)
        else:
            for _ in _pool(self.threads).map(compute, range(count)):
                pass


def _own(array: Floats) -> Floats:
    """Return an array as machine code takes it: in one piece, and not read-only."""
    return array if array.flags.carray else np.array(array, order="C")


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="scalargrad")


@cache
def _say_what_is_missing() -> None:
    """Say once how to make tapes fast."""
    warnings.warn(
        "without numba, scalars are computed in Python, 100 times slower than by machine code: "
        "python -m pip install numba",
        stacklevel=2,
    )
