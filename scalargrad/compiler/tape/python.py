"""The tape machine without numba: Python for one sample, NumPy row by row for several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..passes.walk import Floats
from ..runs import MEAN, VALUES, Run, Shape, samples_in
from .assemble import Tape
from .plain import Plain

__all__ = ["ROWS", "PythonMachine"]

#: So many samples are computed at a time.
ROWS = 1024


class PythonMachine:
    """Runs a tape in Python; `machine_of` tells what the arguments are."""

    threads = 1

    def __init__(self, tape: Tape, single: bool = False) -> None:
        self.tape, self._single = tape, single
        self._plain = Plain(tape)

    def prepared(self, wanted: str, shape: Shape) -> Run:
        """Return the function that computes what is wanted for samples of a shape."""
        count = samples_in(shape)
        if shape is None or len(shape) == 1:
            run = self._value() if wanted == VALUES else self._one()
        else:
            run = self._values() if wanted == VALUES else self._sum(count, wanted == MEAN)
        return run if shape is not None else lambda _, p: run(np.empty(0), p)

    def _value(self) -> Run:
        def run(x: Floats, p: Floats) -> Any:
            values, _ = self._one_sample(x, p, ())
            return values[0] if self._single else np.array(values)

        return run

    def _one(self) -> Run:
        asked = self.tape.asked.tolist()

        def run(x: Floats, p: Floats) -> tuple[float, Floats]:
            values, gradient = self._one_sample(x, p, [1.0])
            return values[0], np.array([gradient[i] for i in asked])

        return run

    def _values(self) -> Run:
        def run(x: Floats, p: Floats) -> Floats:
            values, _ = self.run(x, p)
            return values[:, 0] if self._single else values

        return run

    def _sum(self, count: int, mean: bool) -> Run:
        share = 1 / count if mean else 1.0

        def run(x: Floats, p: Floats) -> tuple[float, Floats]:
            values, gradient = self.run(x, p, np.full((1, 1), share))
            return float(values.sum()) * share, gradient.sum(axis=0)[self.tape.asked]

        return run

    def run(self, x: Floats, p: Floats, cotangents: Floats | None = None) -> tuple[Floats, Floats]:
        """Compute the outputs of samples, and the gradients of these, weighted.

        What is taken and returned is what the other machine takes and returns.
        """
        tape = self.tape
        width = tape.inputs + tape.parameters if cotangents is not None else 0
        weights = np.empty((1, 0)) if cotangents is None else cotangents
        values, gradient = np.empty((len(x), len(tape.outputs))), np.empty((len(x), width))
        if len(x) == 1:
            values[0], gradient[0] = self._one_sample(x[0], p, weights[0].tolist())
            return values, gradient
        with np.errstate(all="ignore"):
            for start in range(0, len(x), ROWS):
                some = slice(start, start + ROWS)
                columns = [*weights[some].T] if len(weights) > 1 else weights[0].tolist()
                found = self._plain.rows(x[some].T, p, columns)
                for to, rows in zip((values, gradient), found, strict=True):
                    for number, row in enumerate(rows):
                        to[some, number] = row
        return values, gradient

    def tangents(self, x: Floats, p: Floats, directions: Floats) -> tuple[Floats, Floats]:
        """Compute the outputs of samples, and how they change in a direction, for each a row."""
        values, slopes = (np.empty((len(x), len(self.tape.outputs))) for _ in range(2))
        with np.errstate(all="ignore"):
            found = self._plain.tangents(x.T, p, directions.T)
            for to, rows in zip((values, slopes), found, strict=True):
                for number, row in enumerate(rows):
                    to[:, number] = row
        return values, slopes

    def _one_sample(
        self, x: Floats, p: Floats, cotangents: Sequence[float]
    ) -> tuple[list[float], list[float]]:
        try:
            return self._plain.one(x, p, cotangents)
        except (ArithmeticError, ValueError):
            # A float has no logarithm of 0, and the like; an array has.
            with np.errstate(all="ignore"):
                values, gradient = self._plain.rows(x[:, None], p, cotangents)
            return [float(np.ravel(v)[0]) for v in values], [
                float(np.ravel(g)[0]) for g in gradient
            ]
