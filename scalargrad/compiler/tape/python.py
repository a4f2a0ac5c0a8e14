"""The tape machine without numba: Python for one sample, NumPy row by row for several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..passes.walk import Floats
from ..runs import MEAN, VALUES, Run, Shape, samples_in
from .assembly import Tape
from .plain import Plain, vocabulary
from .straight import LINES, ValueAndPullback, line_count, straight

__all__ = ["ROWS", "PythonMachine"]

#: So many samples are computed at a time.
ROWS = 2048

_NONE = np.empty(0)


class PythonMachine:
    """Runs a tape in Python; `machine_of` tells what the arguments are."""

    threads = 1

    def __init__(self, tape: Tape, single: bool = False) -> None:
        self.tape, self._single = tape, single
        self._plain = Plain(tape)
        self._made: dict[tuple[bool, int | None], ValueAndPullback] = {}
        # The first leaf whose gradient is wanted: where no input is, the parameters are.
        self._first = tape.inputs if (tape.asked >= tape.inputs).all() else 0

    def _value_and_pullback(self, rows: bool, leaves: int | None) -> ValueAndPullback:
        """Return the function for one sample or for rows; made when it is first needed."""
        key = rows, leaves
        if key not in self._made:
            if line_count(self.tape) > LINES:
                self._made[key] = self._plain.value_and_pullback(rows, leaves)
            else:
                self._made[key] = straight(self.tape, *vocabulary(rows), leaves, rows)
        return self._made[key]

    # ── prepared runs ──

    def prepared(self, wanted: str, shape: Shape) -> Run:
        """Return the function that computes what is wanted for samples of a shape."""
        if wanted == VALUES:
            run = self._value() if shape is None or len(shape) == 1 else self._values()
        else:
            count = samples_in(shape)
            run = self._one() if count == 1 else self._sum(count, wanted == MEAN)
            if shape is not None and len(shape) == 2 and count == 1:
                return lambda x, p: run(x[0], p)
        return run if shape is not None else lambda _, p: run(_NONE, p)

    def _value(self) -> Run:
        def run(x: Floats, p: Floats) -> Any:
            values, _ = self._one_sample(None, x, p, [])
            return values[0] if self._single else np.array(values)

        return run

    def _one(self) -> Run:
        first, asked = self._first, self.tape.asked

        def run(x: Floats, p: Floats) -> tuple[float, Floats]:
            (value,), found = self._one_sample(first, x, p, [1.0])
            gradient = np.array(found)
            return value, gradient if first else gradient[asked]

        return run

    def _values(self) -> Run:
        def run(x: Floats, p: Floats) -> Floats:
            values, _ = self.run(x, p)
            return values[:, 0] if self._single else values

        return run

    def _sum(self, count: int, mean: bool) -> Run:
        share = 1 / count if mean else 1.0
        first, asked = self._first, self.tape.asked - self._first

        def run(x: Floats, p: Floats) -> tuple[float, Floats]:
            value, gradient = 0.0, np.zeros(self.tape.inputs + self.tape.parameters - first)
            for columns in _blocks(x):
                (values,), found = self._rows(first, columns, p, [share])
                value += share * _total(values, columns.shape[1])
                gradient += [_total(row, columns.shape[1]) for row in found]
            return value, gradient[asked]

        return run

    # ── for derivatives ──

    def run(self, x: Floats, p: Floats, cotangents: Floats | None = None) -> tuple[Floats, Floats]:
        """Compute the outputs of samples, and the gradients of these, weighted.

        What is taken and returned is what the other machine takes and returns.
        """
        tape, leaves = self.tape, None if cotangents is None else 0
        width = 0 if leaves is None else tape.inputs + tape.parameters
        values, gradient = np.empty((len(x), len(tape.outputs))), np.empty((len(x), width))
        if len(x) == 1:
            weights = [] if cotangents is None else cotangents[0].tolist()
            values[0], gradient[0] = self._one_sample(leaves, x[0], p, weights)
            return values, gradient
        at, weights = 0, []
        for columns in _blocks(x):
            some = slice(at, at := at + columns.shape[1])
            if cotangents is not None:
                weights = [*(cotangents[some] if len(cotangents) > 1 else cotangents).T]
            found = self._rows(leaves, columns, p, weights)
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

    # ── one sample, and rows ──

    def _one_sample(
        self, leaves: int | None, x: Floats, p: Floats, cotangents: list[float]
    ) -> tuple[list[float], list[float]]:
        try:
            return self._value_and_pullback(False, leaves)(x.tolist(), p.tolist(), cotangents)
        except (ArithmeticError, ValueError):
            # A float has no logarithm of 0, and the like; an array has.
            found = self._rows(leaves, x[:, None], p, cotangents)
            values, gradient = ([float(np.ravel(z)[0]) for z in some] for some in found)
            return values, gradient

    def _rows(
        self, leaves: int | None, columns: Floats, p: Floats, cotangents: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        # Adjoints have to be as long as a row, since what arrives later is added in place; and the
        # parameters stay NumPy's numbers, whose 1 / 0 is no error.
        weights = [np.broadcast_to(weight, columns.shape[1:]) for weight in cotangents]
        with np.errstate(all="ignore"):
            return self._value_and_pullback(True, leaves)([*columns], [*p], weights)


def _blocks(x: Floats) -> Iterator[Floats]:
    """Yield some samples at a time, as columns."""
    for start in range(0, len(x), ROWS):
        yield np.ascontiguousarray(x[start : start + ROWS].T)


def _total(row: Any, count: int) -> float:
    """Add up a row; a number stands for the same in each sample."""
    return float(np.sum(row)) if np.ndim(row) else float(row) * count
