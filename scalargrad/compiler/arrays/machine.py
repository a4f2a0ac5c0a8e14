"""The array machine: calls of kernels, on NumPy as source that is prepared for a shape of samples.

The listing, the calls and the source are made when they are first asked for, since to look for
structure takes a while.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace, device

from ...arrays.calls import Call, Forward, Step, backward, forward
from ...arrays.kernels import MEAN as MEAN_KERNEL
from ...arrays.kernels import sum_over
from ...arrays.library import NUMPY, copied
from ...miniflow.node import Node
from ..collector import paused
from ..feed import Array, is_foreign
from ..passes.flatten import Reduced
from ..passes.raising import Raised, raise_
from ..passes.walk import Floats
from ..runs import MEAN, REDUCTIONS, VALUES, Run, Shape, samples_in
from .emit import INPUTS, PARAMETERS, Emitted, emit
from .graph import miniflow_nodes
from .notes import Notes
from .simplify import Simplifier
from .source import Prepared, prepare, write

__all__ = ["READABLE", "ArrayMachine", "Computed"]

#: The source of programs of more operations goes without comments.
READABLE = 1000

_ANYWHERE: Mapping[str, Any] = {}

#: How samples become columns, by the number of their axes; without inputs there are none.
_COLUMNS: dict[int, Callable[[Array], Array]] = {
    0: lambda x: x,
    1: itemgetter((slice(None), None)),
    2: attrgetter("T"),
}


class Computed(NamedTuple):
    """What a run on arrays computes: the results, and what came of each step on the way."""

    results: tuple[Array, ...]
    way: Forward
    gradients: Mapping[int, Array]  # by the numbers of steps


class ArrayMachine:
    """Runs a graph as operations on arrays.

    Args:
        reduced: the graph.
        parameters: the array from which prepared source reads the parameters.
        single: whether the only output is returned as it is, and not in a list of one.
    """

    def __init__(self, reduced: Reduced, parameters: Floats, single: bool) -> None:
        self._reduced, self._parameters, self._single = reduced, parameters, single

    @cached_property
    def listing(self) -> Raised:
        """The operations on arrays."""
        with paused():
            return raise_(self._reduced)

    @cached_property
    def emitted(self) -> Emitted:
        """The calls of kernels that compute the operations."""
        return emit(self.listing)

    @cached_property
    def graph(self) -> Node:
        """The miniflow node that computes the outputs."""
        return miniflow_nodes(self.emitted.steps, self.emitted.constants)[self.emitted.output]

    def steps(self, wanted: str) -> tuple[list[Step], int]:
        """Return the steps for what is wanted, and the number of the result."""
        emitted, steps = self.emitted, [*self.emitted.steps]
        if wanted == VALUES:
            return steps, emitted.output
        kernel = MEAN_KERNEL if wanted == MEAN and emitted.batched else sum_over()
        return [*steps, Call(kernel, (emitted.output,))], len(steps)

    # ── NumPy ──

    def prepared(self, wanted: str, shape: Shape) -> Run:
        """Return the function that computes what is wanted for samples of a shape.

        What is prepared uses buffers that are made once, so threads run it in turn.
        """
        axes = 0 if shape is None else len(shape)
        text, constants = self.written(wanted, samples_in(shape) if axes else 0)
        own, other = self._parameters, np.empty_like(self._parameters)
        columns, answer, running = _COLUMNS[axes], self._answer(wanted, axes), threading.Lock()
        step = prepare(text, constants, own)
        other_step: Prepared | None = None

        def run(x: Array, p: Floats) -> Any:
            with running:
                return answer((step if p is own else elsewhere(p))(columns(x)))

        def elsewhere(p: Floats) -> Prepared:
            """Return the step at other parameters; it reads them from an array of its own."""
            nonlocal other_step
            other[:] = p
            other_step = other_step or prepare(text, constants, other)
            return other_step

        return run

    def written(self, wanted: str, samples: int) -> tuple[str, Mapping[str, Any]]:
        """Run the calls on symbols, and write what they recorded as source, with its constants."""
        recorder = Simplifier()
        x = recorder.source("x", (len(self._reduced.scalars.inputs), samples))
        p = recorder.source("p", self._parameters.shape)
        with paused():
            computed = self.computed(wanted, x, p, recorder)
            return write(computed.results, x, p, self._notes(wanted, computed))

    def _notes(self, wanted: str, computed: Computed) -> Notes:
        """Say of what was recorded which line of the listing it is, or the gradient of which."""
        notes, lines, (_, way, gradients) = Notes(), self.emitted.lines, computed
        if len(lines) > READABLE:
            return notes
        for (block, operation), number in zip(self.listing.operations, lines, strict=True):
            notes.value(way.values[number], f"{block.name} = {operation}")
            if number in gradients:
                notes.gradient(gradients[number], block.name)
        for step, value in zip(self.steps(wanted)[0], way.values, strict=True):
            for operand in step.operands:
                notes.link(way.values[operand], value)
        return notes

    # ── arrays of any library ──

    def run(self, wanted: str, x: Array, p: Array) -> Any:
        """Compute what is wanted with the library that samples or parameters are of."""
        foreign = [array for array in (x, p) if is_foreign(array)]
        xp, where = array_namespace(*foreign), _dtype_and_device(foreign[0])
        axes = 0 if x is None else x.ndim
        x = None if x is None else _COLUMNS[axes](xp.asarray(x, **where))
        computed = self.computed(wanted, x, xp.asarray(p, **where), xp, where)
        return self._answer(wanted, axes)(tuple(map(copied, computed.results)))  # may be views

    def computed(
        self, wanted: str, x: Array, p: Array, xp: Any = NUMPY, where: Mapping[str, Any] = _ANYWHERE
    ) -> Computed:
        """Make the calls, forward and backward, on arrays; samples are columns."""
        steps, result = self.steps(wanted)
        feed = {i: xp.asarray(values, **where) for i, values in self.emitted.constants.items()}
        with np.errstate(all="ignore"):
            way = forward(xp, steps, feed | {INPUTS: x, PARAMETERS: p})
            if wanted not in REDUCTIONS:
                return Computed((way.values[result],), way, {})
            gradients = backward(xp, steps, way, result, self._moving)
        return Computed((way.values[result], self._asked(xp, gradients)), way, gradients)

    @cached_property
    def _moving(self) -> list[int]:
        """The sources that leaves in ``wrt`` lie in."""
        scalars = self._reduced.scalars
        fed = bool((scalars.asked < len(scalars.inputs)).any())
        return [INPUTS, PARAMETERS] if fed else [PARAMETERS]

    def _asked(self, xp: Any, gradients: Mapping[int, Array]) -> Array:
        """Return the gradient by the leaves in ``wrt``: an input moves in all samples alike."""
        by_p = gradients[PARAMETERS]
        if INPUTS not in self._moving:
            return by_p
        by_x = xp.sum(gradients[INPUTS], axis=1)
        return _picked(xp, [by_x, by_p], self._reduced.scalars.asked)

    def _answer(self, wanted: str, axes: int) -> Callable[[tuple[Array, ...]], Any]:
        """Return what makes of results what a program returns."""
        if wanted in REDUCTIONS:
            return lambda results: (_item(results[0]), results[1])
        if axes == 0:
            return lambda found: _item(found[0][0]) if self._single else found[0]
        if axes == 1:
            return lambda found: _item(found[0][0, 0]) if self._single else found[0][:, 0]
        return lambda found: found[0][0, :] if self._single else found[0].T


def _picked(xp: Any, parts: list[Array], numbers: Any) -> Array:
    """Return some of the numbers in arrays that follow each other, neighbours at a time."""
    whole = xp.concat(parts, axis=0)
    starts = np.flatnonzero(np.diff(numbers, prepend=-2) != 1)
    runs = zip(numbers[starts].tolist(), np.diff(np.r_[starts, len(numbers)]).tolist(), strict=True)
    return xp.concat([whole[start : start + count] for start, count in runs], axis=0)


def _dtype_and_device(array: Array) -> dict[str, Any]:
    return {"dtype": array.dtype, "device": device(array)}


def _item(value: Any) -> Any:
    """Return the number in an array of NumPy; another library's array, and a number, as it is."""
    return value.item() if isinstance(value, (np.ndarray, np.generic)) else value
