"""Derivatives of several outputs, by inputs or parameters: what a tape finds in two ways.

Backward through the tape with weights of the outputs gives a row of the Jacobian matrix, forward
with a direction of the leaves a column. Many rows or columns are computed side by side, as if each
were a sample of its own.
"""

from __future__ import annotations

import numpy as np

from .passes.walk import Floats
from .tape import TapeMachine

__all__ = ["WRT", "jacobian", "jvp", "vjp"]

#: By which leaves a derivative is taken.
WRT = ("inputs", "parameters")

#: What it costs to go through a tape forward and backward, and forward with a direction.
BACKWARD, FORWARD = 3, 2


def vjp(tape: TapeMachine, x: Floats, p: Floats, cotangents: Floats, leaves: slice) -> Floats:
    """Return for each sample the sum of its outputs' gradients, each times a number."""
    return tape.run(x, p, cotangents, each=True)[1][:, leaves]


def jvp(tape: TapeMachine, x: Floats, p: Floats, tangents: Floats, leaves: slice) -> Floats:
    """Return for each sample how its outputs change when the leaves move in a direction."""
    directions = np.zeros((len(x), tape.tape.inputs + tape.tape.parameters))
    directions[:, leaves] = tangents
    return tape.tangents(x, p, directions)[1]


def jacobian(tape: TapeMachine, x: Floats, p: Floats, leaves: slice) -> Floats:
    """Return for each sample the derivative of each output by each leaf: rows, or else columns."""
    count, outputs = len(x), len(tape.tape.outputs)
    width = len(range(tape.tape.inputs + tape.tape.parameters)[leaves])
    if outputs * BACKWARD <= width * FORWARD:
        weights = np.tile(np.eye(outputs), (count, 1))
        rows = vjp(tape, np.repeat(x, outputs, axis=0), p, weights, leaves)
        return rows.reshape(count, outputs, width)
    directions = np.tile(np.eye(width), (count, 1))
    columns = jvp(tape, np.repeat(x, width, axis=0), p, directions, leaves)
    return columns.reshape(count, width, outputs).swapaxes(1, 2).copy()
