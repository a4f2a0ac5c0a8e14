"""The gradient check for programs: the first line of the listing that is wrong, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..differences import compare, fault
from ..errors import GradientError, OperandError
from ..evaluation import replayed
from ..graph import topological_sort
from ..miniflow.check import first_wrong
from .arrays.graph import miniflow_nodes
from .arrays.machine import READABLE
from .cost import NEVER
from .feed import as_floats
from .passes.walk import Floats, named
from .program import Program
from .runs import MEAN

__all__ = ["check_program_gradients"]


def check_program_gradients(
    program: Program,
    X: Any = None,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
) -> float:
    """Compare a program with its scalars and with central differences; name the line that is wrong.

    Each line of the listing has to compute what the scalars do that it stands for, one by one. (Of
    a large graph that always runs on the tape, the outputs have to be those of the scalars.) Then
    each leaf in ``wrt`` is moved a little to both sides, and the program's value has to move as its
    gradient says. It runs on NumPy, and costs two evaluations for each leaf.

    Args:
        program: with one output.
        X: samples, as for ``program.value_and_grad``; the gradient is that of the mean.
        rtol, atol: how far the two may be apart, as for `scalargrad.check_gradients`.

    Returns:
        The largest difference between the two gradients, relative to the larger of 1 and the slope.

    Raises:
        GradientError (an AssertionError): a value or a gradient differs, or is not finite.
        OperandError: there is nothing in ``wrt``.
        SizeError: as for ``program.value_and_grad``.

    >>> from scalargrad import Value, compile
    >>> x, w = Value(0.0, label="x"), Value(3.0, label="w")
    >>> check_program_gradients(compile((w * x).tanh(), [x], wrt=[w]), [[0.1], [0.2]]) < 1e-9
    True
    """
    if not program._scalars.asked.size:
        raise OperandError("the program has no gradient to check: compile it with wrt=parameters")
    samples = None if X is None else np.asarray(as_floats(X))
    value, gradient = program.value_and_grad(samples)
    if not math.isfinite(value):
        where = program.first_nonfinite(samples)
        raise GradientError(f"the program gives {value}, so it has no derivative: {where}")
    parts = (_Lines if _has_lines(program) else _Scalars)(program, samples)
    parts.check_values(rtol, atol)

    worst = 0.0
    for leaf, ours in zip(program._scalars.asked.tolist(), gradient.tolist(), strict=True):
        name, at, result = _moved(program, samples, leaf)
        moves = compare(result, at, value, ours, rtol, atol * max(1.0, abs(value)))
        if not moves[-1].agrees(rtol, atol * max(1.0, abs(value))):
            wrong = parts.wrong_gradient(gradient, rtol, atol)
            raise GradientError(wrong or fault(moves, "the program", name))
        worst = max(worst, abs(moves[-1].error) / max(1.0, abs(moves[-1].slope)))
    return worst


def _has_lines(program: Program) -> bool:
    """Say whether to look for array code: not in a large graph that never runs as such."""
    return program._choice.start != NEVER or len(program._reduced.kept) <= READABLE


def _moved(
    program: Program, samples: Any, leaf: int
) -> tuple[str, float, Callable[[float], float]]:
    """Return the name of a leaf, where it is, and the program's value as a function of that.

    An input has another number in each sample: all of these are moved alike.
    """
    number = leaf - program._inputs
    if number < 0:

        def by_input(at: float) -> float:
            moved = samples.copy()
            moved[..., leaf] += at - first
            return float(program.value_and_grad(moved)[0])

        first = float(samples[..., leaf].flat[0])
        return f"input {leaf}", first, by_input

    def by_parameter(at: float) -> float:
        moved = program.parameters.copy()
        moved[number] = at
        return float(program.value_and_grad(samples, parameters=moved)[0])

    return f"parameter {number}", float(program.parameters[number]), by_parameter


class _Scalars:
    """The scalars of a program that runs on the tape: its outputs are what can be compared."""

    def __init__(self, program: Program, samples: Any) -> None:
        self.program = program
        self.samples = np.empty((1, 0)) if samples is None else np.atleast_2d(samples)

    def check_values(self, rtol: float, atol: float) -> None:
        """Raise an error if the program computes other numbers than its scalars, one by one."""
        program = self.program
        outputs = program._scalars.outputs.tolist()
        values = program() if not program._inputs else program(self.samples)
        for sample, (found, data) in enumerate(
            zip(np.reshape(values, (-1, len(outputs))).tolist(), self.data(), strict=True)
        ):
            for number, place in zip(found, outputs, strict=True):
                if not math.isnan(data[place]) and not _close(number, data[place], rtol, atol):
                    scalar = named(program._scalars.nodes[place], data[place])
                    raise GradientError(
                        f"the program is wrong: it gives {number:.6g} for {scalar}, which is "
                        f"{data[place]:.6g} in sample {sample}"
                    )

    def data(self) -> Iterator[Sequence[float]]:
        """Yield the data of all scalars for each sample; nan where a float has none."""
        scalars = self.program._scalars
        inputs, wrt = ([scalars.nodes[i] for i in some] for some in (scalars.inputs, scalars.wrt))
        parameters = dict(zip(wrt, self.program.parameters.tolist(), strict=True))
        for sample in self.samples.tolist():
            numbers = parameters | dict(zip(inputs, sample, strict=True))
            yield replayed(scalars.nodes, numbers, lambda _: math.nan)

    def wrong_gradient(self, _gradient: Floats, _rtol: float, _atol: float) -> str:
        """Say what does not differentiate itself; the tape has no parts to ask."""
        return ""


class _Lines(_Scalars):
    """The lines of a listing, each with the steps that compute it, after a run."""

    def __init__(self, program: Program, samples: Any) -> None:
        super().__init__(program, samples)
        self.machine = program._arrays
        self.steps, _ = self.machine.steps(MEAN)
        columns = self.samples.T if program._inputs else None
        self.computed = self.machine.computed(MEAN, columns, program.parameters)
        self.texts = [f"{block.name} = {line}" for block, line in program.listing.operations]

    def check_values(self, rtol: float, atol: float) -> None:
        """Raise an error if a line computes other numbers than its scalars, one by one.

        All lines are compared before one is blamed, since scalars are not in their order.
        """
        places, values = self.program.listing.places, self._values()
        wrong: dict[int, str] = {}
        nodes = self.program._scalars.nodes
        for sample, data in enumerate(self.data()):
            for place, expected in enumerate(places.complete(data).tolist()):
                line, index = int(places.block_of[place]) - _SOURCES, int(places.index_of[place])
                if line < 0 or line in wrong or math.isnan(expected):
                    continue
                batched = self.program.listing.operations[line][0].batched
                found = values[line][index, sample if batched else 0]
                if not _close(found, expected, rtol, atol):
                    of_scalar = place < len(nodes)
                    scalar = named(nodes[place], expected) if of_scalar else "a sum of products"
                    wrong[line] = (
                        f"{self.texts[line]} is wrong: it gives {found:.6g} for {scalar}, which is "
                        f"{expected:.6g} in sample {sample}"
                    )
        if wrong:
            raise GradientError(wrong[min(wrong)])

    def _values(self) -> list[Floats]:
        """Return what each line computes: a row for each scalar, with the samples side by side."""
        blocks = [block for block, _ in self.program.listing.operations]
        return [
            np.reshape(self.computed.way.values[number], (block.size, -1))
            for block, number in zip(blocks, self.machine.emitted.lines, strict=True)
        ]

    def wrong_gradient(self, gradient: Floats, rtol: float, atol: float) -> str:
        """Say which line does not differentiate itself, if one does not."""
        nodes = miniflow_nodes(self.steps, self.machine.emitted.constants)
        for node, value in zip(nodes, self.computed.way.values, strict=True):
            node.value = value
        for node in nodes:
            node.forward()
        lines = self._lines()
        order = sorted(range(len(nodes)), key=lines.__getitem__)  # which leaves operands first
        arrived = {nodes[number]: g for number, g in self.computed.gradients.items()}
        wrong = first_wrong([nodes[number] for number in order], arrived, rtol, atol)
        if wrong is not None:
            node, found = wrong
            line = lines[nodes.index(node)]
            text = self.texts[line] if line < len(self.texts) else "the mean of the outputs"
            return fault(found.moves, text, found.by)
        own = self.computed.results[1]
        if not np.allclose(gradient, own, rtol=rtol, atol=atol):
            arrays = self.program._choice.is_arrays(len(self.samples))
            what = "program.source" if arrays else "the tape"
            return f"{what} computes another gradient than the lines of the listing"
        return ""

    def _lines(self) -> list[int]:
        """Return the number of the first line that each step leads to."""
        found = [len(self.texts)] * len(self.steps)
        for line, last in reversed([*enumerate(self.machine.emitted.lines)]):
            for number in topological_sort([last], lambda i: self.steps[i].operands):
                found[number] = line
        return found


_SOURCES = 2  # the blocks of inputs and parameters come before those of the lines


def _close(x: float, y: float, rtol: float, atol: float) -> bool:
    near = abs(x - y) <= rtol * max(abs(x), abs(y)) + atol
    return near or x == y or (math.isnan(x) and math.isnan(y))
