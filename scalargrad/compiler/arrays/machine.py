"""The array machine: a miniflow graph, on NumPy as source that is prepared for a shape of samples.

The listing, the nodes and the source are made when they are first asked for, since to look for
structure takes a while. What is prepared uses buffers that are made once, so threads run in turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

from ...miniflow.node import Node
from ...miniflow.nodes import Mean, Sum
from ...miniflow.plan import sorted_to
from ...miniflow.run import value_and_grad
from ..collector import paused
from ..feed import Array, is_foreign
from ..passes.flatten import Reduced
from ..passes.raising import Raised, raise_
from ..passes.walk import Floats
from ..runs import MEAN, REDUCTIONS, VALUES, Run, Shape, samples_in
from .emit import Emitted, emit
from .notes import Notes
from .record import Symbol
from .simplify import Simplifier
from .source import prepare, write

__all__ = ["READABLE", "ArrayMachine"]

#: The source of programs of more operations goes without comments.
READABLE = 1000

_ANYWHERE: Mapping[str, Any] = {}

#: How samples become columns, by the number of their axes; without inputs there are none.
_COLUMNS: dict[int, Callable[[Array], Array]] = {
    0: lambda x: x,
    1: itemgetter((slice(None), None)),
    2: attrgetter("T"),
}


class ArrayMachine:
    """Runs a graph as operations on arrays.

    Args:
        reduced: the graph.
        parameters: the array from which prepared source reads the parameters.
        single: whether the only output is returned as it is, and not in a list of one.
    """

    def __init__(self, reduced: Reduced, parameters: Floats, single: bool) -> None:
        self._reduced, self._parameters, self._single = reduced, parameters, single
        self._targets: dict[str, Node] = {}
        self.running = threading.RLock()

    @cached_property
    def listing(self) -> Raised:
        """The operations on arrays."""
        with paused():
            return raise_(self._reduced)

    @cached_property
    def graph(self) -> Emitted:
        """The nodes of the operations."""
        return emit(self.listing)

    # ── NumPy ──

    def prepared(self, wanted: str, shape: Shape) -> Run:
        """Return the function that computes what is wanted for samples of a shape."""
        axes = 0 if shape is None else len(shape)
        text, constants = self.written(wanted, samples_in(shape) if axes else 0)
        step = prepare(text, constants, self._parameters)
        columns, answer, running = _COLUMNS[axes], self._answer(wanted, axes), self.running
        own = self._parameters

        def run(x: Array, p: Floats) -> Any:
            with running:
                if p is not own:
                    return elsewhere(x, p)
                return answer(step(columns(x)))

        def elsewhere(x: Array, p: Floats) -> Any:
            """Use other parameters for a while: the source reads them from one array."""
            before = own.copy()
            try:
                own[:] = p
                return answer(step(columns(x)))
            finally:
                own[:] = before

        return run

    def written(self, wanted: str, samples: int) -> tuple[str, Mapping[str, Any]]:
        """Run the graph on symbols, and write what they recorded as source, with its constants."""
        recorder = Simplifier()
        x = recorder.source("x", (len(self._reduced.scalars.inputs), samples))
        p = recorder.source("p", self._parameters.shape)
        with self.running, paused():
            results = self.computed(wanted, x, p, recorder)
            found = write(results, x, p, self._notes(wanted))
            self.graph.forget()
            return found

    def _notes(self, wanted: str) -> Notes:
        """Say of what was recorded which line of the listing it is, or the gradient of which."""
        notes, nodes = Notes(), self.graph.nodes
        if len(nodes) > READABLE:
            return notes
        for (block, operation), node in zip(self.listing.operations, nodes, strict=True):
            notes.value(node.value, f"{block.name} = {operation}")
            if isinstance(node.gradient, Symbol):
                notes.gradient(node.gradient, block.name)
        for node in sorted_to([self.target(wanted)]):
            for operand in node.inbound_nodes:
                notes.link(operand.value, node.value)
        return notes

    # ── arrays of any library ──

    def run(self, wanted: str, x: Array, p: Array) -> Any:
        """Compute what is wanted with the library that samples or parameters are of."""
        foreign = [array for array in (x, p) if is_foreign(array)]
        xp, where = array_namespace(*foreign), _dtype_and_device(foreign[0])
        axes = 0 if x is None else x.ndim
        with self.running:
            x = None if x is None else _COLUMNS[axes](xp.asarray(x, **where))
            results = self.computed(wanted, x, xp.asarray(p, **where), xp, where)
        return self._answer(wanted, axes)(results)

    def computed(
        self, wanted: str, x: Array, p: Array, xp: Any = np, where: Mapping[str, Any] = _ANYWHERE
    ) -> tuple[Array, ...]:
        """Run the nodes, forward and backward, on arrays; samples are columns."""
        graph, asked = self.graph, self._reduced.scalars.asked
        feed = {node: xp.asarray(c, **where) for node, c in graph.constants.items()} | {graph.p: p}
        if x is not None:
            feed[graph.x] = x
        fed = len(self._reduced.scalars.inputs)
        wrt = [graph.p] if (asked >= fed).all() else [graph.x, graph.p]
        with np.errstate(all="ignore"):
            wrt = wrt if wanted in REDUCTIONS else []
            value, gradients = value_and_grad(self.target(wanted), feed, wrt=wrt)
        if len(gradients) == 2:
            by_x, by_p = gradients
            gradients = [_picked(xp, [xp.sum(by_x, axis=1), by_p], asked)]
        return (value, *gradients)

    def target(self, wanted: str) -> Node:
        """Return the node of what is wanted."""
        if wanted == VALUES:
            return self.graph.output
        if wanted not in self._targets:
            node = Mean if wanted == MEAN and self.graph.batched else Sum
            self._targets[wanted] = node(self.graph.output)
        return self._targets[wanted]

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
