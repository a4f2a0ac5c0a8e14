"""The tape machine: runs a tape on one sample or on many, as machine code.

Each call takes a memory of its own from a pool, so several Python threads may run one tape side by
side. Many samples are shared out over threads in groups that depend on their number alone, and what
the groups find is added up in their order: results are the same for any number of threads.
(``python.py`` has the machine that needs no numba.)
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import numpy as np

from ...errors import OperandError
from ..passes.walk import Floats
from ..runs import MEAN, VALUES, Run, Shape, samples_in
from . import native
from .assembly import Tape
from .python import PythonMachine

__all__ = ["BLOCKS", "THREADS", "TapeMachine", "default_threads", "machine_of"]

#: The environment variable for how many threads compute a batch.
THREADS = "SCALARGRAD_THREADS"

#: A block has so many lanes at least, and as many more as fit into the cache, in bytes.
LEAST_LANES, MOST_LANES, CACHE = 32, 128, 1 << 20

#: A thread gets so many blocks at a time.
BLOCKS = 4

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


def machine_of(tape: Tape, threads: int, single: bool = False) -> TapeMachine | PythonMachine:
    """Return what runs a tape here: machine code if numba is installed, or else Python.

    Args:
        tape: what to run.
        threads: how many of them compute a batch.
        single: whether the only output is returned as a number, and not as an array of one.
    """
    if native.is_installed():
        return TapeMachine(tape, threads, single)
    _say_what_is_missing()
    return PythonMachine(tape, single)


class TapeMachine:
    """Runs a tape as machine code; `machine_of` tells what the arguments are."""

    def __init__(self, tape: Tape, threads: int, single: bool = False) -> None:
        self.tape, self.threads, self._single = tape, threads, single
        lanes = CACHE // (16 * tape.size) // 8 * 8
        self._lanes = min(max(lanes, LEAST_LANES), MOST_LANES)
        self._pools: dict[int, list[Floats]] = {1: [], self._lanes: []}
        self._code = native.code_of(tape)
        self._learned = bool((tape.asked >= tape.inputs).all())  # nothing else is asked for
        self._width = tape.parameters + (0 if self._learned else tape.inputs)

    # ── prepared runs ──

    def prepared(self, wanted: str, shape: Shape) -> Run:
        """Return the function that computes what is wanted for samples of a shape."""
        count = samples_in(shape)
        if wanted == VALUES:
            if count != 1:
                return self._values(count)
            run = self._one(None) if self._single else self._outputs()
            if shape is not None and len(shape) == 2:  # a batch of one
                return lambda x, p: np.array([run(x[0], p)])
        else:
            one = count == 1
            run = self._asked(self._one(self._width) if one else self._sum(count, wanted == MEAN))
            if count == 1 and shape is not None and len(shape) == 2:
                return lambda x, p: run(x[0], p)
        return run if shape is not None else lambda _, p: run(_NONE, p)

    def _outputs(self) -> Run:
        one, count = native.one(), len(self.tape.outputs)

        def run(x: Floats, p: Floats) -> Floats:
            values = np.empty(count)
            self._with_memory(1, one, _own(x), p, values, _NONE, _NONE)
            return values

        return run

    def _one(self, width: int | None) -> Run:
        """Return the function for the output alone, or with a gradient of some width.

        Such a call takes few microseconds, so what it does is not taken apart.
        """
        one, code, pool = native.one(), self._code, self._pools[1]
        empty, seed = np.empty, _ONE if width else _NONE

        def run(x: Floats, p: Floats) -> Any:
            x = x if x.flags.carray else np.array(x)
            gradient = empty(width) if width else _NONE
            try:
                memory = pool.pop()
            except IndexError:
                memory = self._memory(1)
            value = one(code, memory, x, p, _NONE, seed, gradient)
            pool.append(memory)
            return value if width is None else (value, gradient)

        return run

    def _values(self, count: int) -> Run:
        share, none = np.empty((1, 0)), np.empty((1, 0))
        compute = self._blocks(count)
        shape = count, len(self.tape.outputs)

        def run(x: Floats, p: Floats) -> Floats:
            values = np.empty(shape)
            compute(_own(x), p, values, share, none)
            return values[:, 0] if self._single else values

        return run

    def _sum(self, count: int, mean: bool) -> Run:
        share = np.full((1, 1), 1 / count if mean else 1.0)
        none = np.empty((count, 0))
        compute = self._blocks(count)
        shape = len(self._groups(count)), self._width

        def run(x: Floats, p: Floats) -> tuple[float, Floats]:
            gradients = np.empty(shape)
            x = x if x.flags.carray else np.array(x, order="C")
            value = compute(x, p, none, share, gradients)
            return value, gradients[0] if len(gradients) == 1 else gradients.sum(axis=0)

        return run

    def _asked(self, run: Run) -> Run:
        """Return a run that picks out of a gradient by all leaves what is asked for."""
        if self._learned:
            return run
        asked = self.tape.asked

        def picking(x: Floats, p: Floats) -> tuple[float, Floats]:
            value, gradient = run(x, p)
            return value, gradient[asked]

        return picking

    # ── for derivatives ──

    def run(self, x: Floats, p: Floats, cotangents: Floats | None = None) -> tuple[Floats, Floats]:
        """Compute the outputs of samples, and the gradients of these, weighted.

        Args:
            x: the samples, each a row.
            p: the parameters, in one piece.
            cotangents: the weights of the outputs: a row for each sample, or one for all. Without
                them there is no gradient.

        Returns:
            The outputs, a row for each sample; and the gradient by the inputs and then the
            parameters, a row for each sample.
        """
        tape, count, x = self.tape, len(x), _own(x)
        values = np.empty((count, len(tape.outputs)))
        width = tape.inputs + tape.parameters if cotangents is not None else 0
        gradient = np.empty((count, width))
        cotangents = np.empty((1, 0)) if cotangents is None else _own(cotangents)
        if count == 1:
            self._with_memory(1, native.one(), x[0], p, values[0], cotangents[0], gradient[0])
        else:
            self._blocks(count, each=True)(x, p, values, cotangents, gradient)
        return values, gradient

    def tangents(self, x: Floats, p: Floats, directions: Floats) -> tuple[Floats, Floats]:
        """Compute the outputs of samples, and how they change in a direction, for each a row."""
        x, directions, groups = _own(x), _own(directions), self._groups(len(x))
        values, slopes = (np.empty((len(x), len(self.tape.outputs))) for _ in range(2))

        def compute(number: int) -> None:
            arrays = x, *groups[number], p, values, directions, slopes
            self._with_memory(self._lanes, native.tangents(), *arrays)

        self._share_out(compute, len(groups))
        return values, slopes

    # ── memory and threads ──

    def _blocks(self, count: int, each: bool = False) -> Callable[..., float]:
        """Return the function that runs the tape on so many samples, and adds up the results.

        The gradient is that of each sample, or else of each group.
        """
        groups, blocks = self._groups(count), native.blocks()
        code, pool = self._code, self._pools[self._lanes]

        def some(start: int, stop: int, total: int, x: Floats, p: Floats, *to: Floats) -> Any:
            try:
                memory = pool.pop()
            except IndexError:
                memory = self._memory(self._lanes)
            result = blocks(code, memory, x, start, stop, p, *to, total)
            pool.append(memory)
            return result

        if len(groups) == 1:
            return partial(some, 0, count, -1 if each else 0)

        def compute(x: Floats, p: Floats, *to: Floats) -> float:
            def group(number: int) -> Any:
                return some(*groups[number], -1 if each else number, x, p, *to)

            total: float = sum(self._share_out(group, len(groups)))
            return total

        return compute

    def _memory(self, lanes: int) -> Floats:
        """Return a new memory: the factors, the numbers in the slots, and their derivatives."""
        tape = self.tape
        memory = np.zeros(len(tape.factors) + 2 * tape.size * lanes)
        memory[: len(tape.factors)] = tape.factors
        start = len(tape.factors)
        memory[start : start + lanes * len(tape.constants)] = np.repeat(tape.constants, lanes)
        return memory

    def _with_memory(self, lanes: int, function: Callable[..., Any], *arrays: Any) -> Any:
        """Call a function with a memory that no other thread uses meanwhile."""
        pool = self._pools[lanes]
        try:
            memory = pool.pop()
        except IndexError:
            memory = self._memory(lanes)
        result = function(self._code, memory, *arrays)
        pool.append(memory)
        return result

    def _groups(self, count: int) -> list[tuple[int, int]]:
        """Return the first sample of each group, and the one after its last."""
        size = BLOCKS * self._lanes
        return [(start, min(start + size, count)) for start in range(0, count, size)]

    def _share_out(self, compute: Callable[[int], Any], count: int) -> list[Any]:
        if count == 1 or self.threads == 1:
            return [*map(compute, range(count))]
        return [*_pool(self.threads).map(compute, range(count))]


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
        "without numba, scalars are computed in Python, ten times slower than by machine code: "
        "python -m pip install numba",
        stacklevel=2,
    )
