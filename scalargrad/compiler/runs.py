"""What a machine is asked for: prepared runs, one for each thing wanted and each shape of samples.

A machine has this one way to run. It is told once what is wanted and the shape of what will be fed,
and returns a function of samples and parameters that checks nothing and decides nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from .passes.walk import Floats

__all__ = ["MEAN", "REDUCTIONS", "SUM", "VALUES", "Machine", "samples_in"]

#: What can be wanted: all outputs, or the mean or the sum of the only one and its gradient.
VALUES, MEAN, SUM = "values", "mean", "sum"
REDUCTIONS = (MEAN, SUM)

#: Of what is fed: (samples, inputs), or (inputs,) of one sample; None where there are no inputs.
Shape: TypeAlias = "tuple[int, ...] | None"

#: A function of samples, as they are fed, and of parameters, which lie in one piece.
Run: TypeAlias = Callable[[Any, Floats], Any]


class Machine(Protocol):
    """What runs a program on NumPy arrays."""

    def prepared(self, wanted: str, shape: Shape) -> Run:
        """Return the function that computes what is wanted for samples of a shape.

        Values are returned as ``Program.__call__`` returns them; means and sums with their gradient
        by the leaves in ``wrt``.
        """


def samples_in(shape: Shape) -> int:
    """Return how many samples are fed."""
    return 1 if shape is None or len(shape) == 1 else shape[0]
