"""Derivatives of several outputs, by inputs or parameters: what a tape finds in two ways.

Backward through the tape with weights of the outputs gives a row of the Jacobian matrix, forward
with a direction of the leaves a column. Many rows or columns are computed side by side, as if each
were a sample of its own. Second derivatives are those of the gradient, which is a graph, too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..calculus import grad
from ..engine import Value
from ..errors import ChoiceError, OperandError, SizeError
from .collector import paused
from .feed import Array, is_foreign, parameters_of, rows, samples_of
from .passes.flatten import Reduced, flatten
from .passes.walk import Floats, Scalars, walk
from .tape import PythonMachine, TapeMachine, assemble, machine_of

__all__ = ["WRT", "Derivatives", "Point"]

#: By which leaves a derivative is taken.
INPUTS, PARAMETERS = WRT = ("inputs", "parameters")

#: What it costs to go through a tape forward and backward, and forward with a direction.
BACKWARD, FORWARD = 3, 2


class Point(NamedTuple):
    """Where a derivative is taken, and by what."""

    x: Floats  # a row for each sample
    p: Floats
    leaves: slice  # of the inputs and parameters, those in question
    width: int  # how many these are
    alone: bool  # whether it is one sample that was not in a batch

    def answer(self, found: Floats) -> Floats:
        """Return what was found for each sample; of one the thing itself."""
        return found[0] if self.alone else found


class Derivatives:
    """The derivatives of a program: each is a method, and they share their arguments.

    Args:
        X: NumPy arrays, as for a call of the program; None for a program without inputs.
        tangents, cotangents, v: what the derivative is multiplied with: a row for each sample, or
            one for all.
        wrt: by which leaves the derivative is taken, the "inputs" or the "parameters".
        parameters: as for a call.

    They return what they say for each sample, along the first axis; of one sample that was not in a
    batch without that axis.

    Raises:
        SizeError: as for a call; or what to multiply with does not fit, or ``hessian`` and ``hvp``
            are asked of several outputs.
        OperandError: as for a call; or the arrays are of another library than NumPy.
        ChoiceError: ``wrt`` is unknown.
    """

    _scalars: Scalars
    _reduced: Reduced
    _wrt: list[Value]  # the parameters
    _parameters: Floats
    _threads: int
    _single: bool
    _gradients: dict[str, TapeMachine | PythonMachine]

    @cached_property
    def _tape(self) -> TapeMachine | PythonMachine:
        """The machine for scalars, made when it is first needed."""
        with paused():
            return machine_of(assemble(self._reduced), self._threads, self._single)

    def jvp(
        self, X: Array, tangents: Array, wrt: str = "inputs", *, parameters: Array = None
    ) -> Floats:
        """Compute how the outputs change when the leaves move: J · tangents, of shape (outputs,).

        >>> from scalargrad import Value, compile
        >>> x = [Value(1.0), Value(2.0)]
        >>> compile([x[0] * x[1], x[0] ** 2], x).jvp([3.0, 4.0], [1.0, 0.0])
        array([4., 6.])
        """
        at = self._point("jvp", X, wrt, parameters)
        directions = rows("the tangents", tangents, len(at.x), at.width)
        return at.answer(_forward(self._tape, at, directions))

    def vjp(
        self, X: Array, cotangents: Array, wrt: str = "inputs", *, parameters: Array = None
    ) -> Floats:
        """Compute the gradient of the outputs, each times a number: cotangents · J.

        >>> from scalargrad import Value, compile
        >>> x = [Value(1.0), Value(2.0)]
        >>> compile([x[0] * x[1], x[0] ** 2], x).vjp([3.0, 4.0], [1.0, 10.0])
        array([64.,  3.])
        """
        at = self._point("vjp", X, wrt, parameters)
        weights = rows("the cotangents", cotangents, len(at.x), len(self._scalars.outputs))
        return at.answer(_backward(self._tape, at, weights))

    def jacobian(self, X: Array = None, wrt: str = "inputs", *, parameters: Array = None) -> Floats:
        """Compute the derivative of each output by each leaf: ∂zᵢ/∂xⱼ, of shape (outputs, leaves).

        Of a single output that was not given as a list the shape is (leaves,): by the parameters of
        a loss this is the gradient of each sample. It is found row by row or column by column,
        whichever is cheaper.

        >>> from scalargrad import Value, compile
        >>> x = [Value(1.0), Value(2.0)]
        >>> compile([x[0] * x[1], x[0] ** 2], x).jacobian([3.0, 4.0])
        array([[4., 3.],
               [6., 0.]])
        """
        at = self._point("jacobian", X, wrt, parameters)
        found = _jacobian(self._tape, at)
        return at.answer(found[:, 0] if self._single else found)

    def hessian(self, X: Array = None, wrt: str = "inputs", *, parameters: Array = None) -> Floats:
        """Compute the second derivatives of the output: ∂²z/∂xᵢ∂xⱼ, of shape (leaves, leaves).

        >>> from scalargrad import Value, compile
        >>> x = [Value(1.0), Value(2.0)]
        >>> compile(x[0] ** 2 * x[1], x).hessian([3.0, 4.0])
        array([[8., 6.],
               [6., 0.]])
        """
        at = self._point("hessian", X, wrt, parameters)
        return at.answer(_jacobian(self._gradient_of("hessian", wrt), at))

    def hvp(self, X: Array, v: Array, wrt: str = "inputs", *, parameters: Array = None) -> Floats:
        """Compute the Hessian matrix times a vector, without the matrix: H · v.

        >>> from scalargrad import Value, compile
        >>> x = [Value(1.0), Value(2.0)]
        >>> compile(x[0] ** 2 * x[1], x).hvp([3.0, 4.0], [1.0, 1.0])
        array([14.,  6.])
        """
        at = self._point("hvp", X, wrt, parameters)
        directions = rows("v", v, len(at.x), at.width)
        return at.answer(_forward(self._gradient_of("hvp", wrt), at, directions))

    def _point(self, what: str, X: Array, wrt: str, parameters: Array) -> Point:
        """Check what all derivatives are given."""
        if not isinstance(wrt, str) or wrt not in WRT:
            raise ChoiceError(f"wrt is one of {', '.join(WRT)}, got {wrt!r}")
        inputs, count = len(self._scalars.inputs), len(self._parameters)
        x = samples_of(X, inputs)
        p = self._parameters if parameters is None else parameters_of(parameters, count)
        if is_foreign(x) or is_foreign(p):
            raise OperandError(
                f"{what} takes NumPy arrays: of another library's arrays, that library derives "
                "program(X, parameters=p)"
            )
        x = np.empty(0) if x is None else x
        leaves, width = (slice(inputs), inputs) if wrt == INPUTS else (slice(inputs, None), count)
        return Point(np.atleast_2d(x), p, leaves, width, x.ndim == 1)

    def _gradient_of(self, what: str, wrt: str) -> TapeMachine | PythonMachine:
        """Return the tape of the gradient as a graph, made when it is first asked for."""
        nodes, places = self._scalars.nodes, self._scalars.outputs
        if len(places) != 1:
            raise SizeError(f"{what} needs a program with one output, got {len(places)}")
        if wrt not in self._gradients:
            output, inputs = nodes[places[0]], [nodes[i] for i in self._scalars.inputs]
            with paused():
                slopes = grad(output, inputs if wrt == INPUTS else self._wrt)
                # With the output itself, all inputs are reached.
                tape = assemble(flatten(walk([*slopes, output], inputs, self._wrt)))
            tape = replace(tape, outputs=tape.outputs[:-1])
            self._gradients[wrt] = machine_of(tape, self._threads)
        return self._gradients[wrt]


def _backward(tape: TapeMachine | PythonMachine, at: Point, cotangents: Floats) -> Floats:
    """Return for each sample the sum of its outputs' gradients, each times a number."""
    return tape.run(at.x, at.p, cotangents)[1][:, at.leaves]


def _forward(tape: TapeMachine | PythonMachine, at: Point, tangents: Floats) -> Floats:
    """Return for each sample how its outputs change when the leaves move in a direction."""
    directions = np.zeros((len(at.x), tape.tape.inputs + tape.tape.parameters))
    directions[:, at.leaves] = tangents
    return tape.tangents(at.x, at.p, directions)[1]


def _jacobian(tape: TapeMachine | PythonMachine, at: Point) -> Floats:
    """Return for each sample the derivative of each output by each leaf: rows, or else columns."""
    if len(tape.tape.outputs) * BACKWARD > at.width * FORWARD:
        return _columns(tape, at)
    found = _rows(tape, at)
    # Side by side, outputs that a row is not of have the weight 0, whose product with an infinite
    # slope is nan. A column has no part of theirs.
    unclear = np.isnan(found).any(axis=(1, 2))
    if len(tape.tape.outputs) > 1 and unclear.any():
        found[unclear] = _columns(tape, at._replace(x=at.x[unclear]))
    return found


def _rows(tape: TapeMachine | PythonMachine, at: Point) -> Floats:
    count, outputs = len(at.x), len(tape.tape.outputs)
    weights = np.tile(np.eye(outputs), (count, 1))
    many = at._replace(x=np.repeat(at.x, outputs, axis=0))
    return _backward(tape, many, weights).reshape(count, outputs, at.width)


def _columns(tape: TapeMachine | PythonMachine, at: Point) -> Floats:
    count, outputs = len(at.x), len(tape.tape.outputs)
    directions = np.tile(np.eye(at.width), (count, 1))
    many = at._replace(x=np.repeat(at.x, at.width, axis=0))
    columns = _forward(tape, many, directions)
    return columns.reshape(count, at.width, outputs).swapaxes(1, 2).copy()
