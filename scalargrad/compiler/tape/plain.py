"""The tape without numba: the interpreter's lines as Python, on floats or on rows of NumPy.

For one sample a slot holds a float; for several it holds an array with a number for each, and the
same lines add and multiply these. What the table computes of arrays is translated as it is for the
nodes of miniflow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import mul
from typing import Any

import numpy as np

from ...miniflow.translate import array_function
from ...ops import FLOATS, Primitive
from ...texts import names_in, parse
from ..passes.walk import Floats
from .assemble import Tape
from .interpreter import BACKWARD, FORWARD, TANGENT, WAYS, Writer, as_it_is, bodies

__all__ = ["Plain"]

Number = Any  # a float, or a row
Run = Callable[..., None]


class Plain:
    """Runs a tape in Python."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._runs = [tuple(run) for run in tape.runs.tolist()]
        self._arrays = tape.places.tolist(), tape.factors.tolist()
        self._before = tape.constants.tolist()
        self._after = [0.0] * (tape.size - len(self._before) - tape.inputs - tape.parameters)
        self._outputs = tape.outputs.tolist()

    def one(
        self, x: Floats, p: Floats, cotangents: Sequence[float]
    ) -> tuple[list[float], list[float]]:
        """Compute the outputs of one sample, and the gradient by inputs and parameters.

        Raises:
            ArithmeticError, ValueError: a float has no logarithm of 0, and the like; rows have.
        """
        return self._run(x.tolist(), p.tolist(), cotangents, _functions_of_floats())

    def rows(
        self, x: Floats, p: Floats, cotangents: Sequence[Number]
    ) -> tuple[list[Number], list[Number]]:
        """Compute the outputs of samples, each a column, and the gradients."""
        return self._run([*x], p.tolist(), cotangents, _functions_of_rows())

    def tangents(
        self, x: Floats, p: Floats, directions: Iterable[Number]
    ) -> tuple[list[Number], list[Number]]:
        """Compute the outputs of samples, each a column, and how they change in some directions."""
        functions = _functions_of_rows()
        v = self._forward([*x], p.tolist(), functions)
        d = [*([0.0] * len(self._before)), *directions, *self._after]
        for code, start, stop, *at in self._runs:
            functions[TANGENT][code](start, stop, *at, *self._arrays, v, d)
        return [v[k] for k in self._outputs], [d[k] for k in self._outputs]

    def _forward(self, x: list[Number], p: list[float], functions: dict[str, Any]) -> list[Number]:
        v = [*self._before, *x, *p, *self._after]
        forward = functions[FORWARD]
        for code, start, stop, *at in self._runs:
            forward[code](start, stop, *at, *self._arrays, v)
        return v

    def _run(
        self,
        x: list[Number],
        p: list[float],
        cotangents: Sequence[Number],
        functions: dict[str, Any],
    ) -> tuple[list[Number], list[Number]]:
        v = self._forward(x, p, functions)
        values = [v[k] for k in self._outputs]
        if not len(cotangents):
            return values, []
        d: list[Number] = [0.0] * len(v)
        for k, g in zip(self._outputs, cotangents, strict=True):
            d[k] = d[k] + g
        backward = functions[BACKWARD]
        for code, start, stop, *at in reversed(self._runs):
            if code in backward:
                backward[code](start, stop, *at, *self._arrays, v, d)
        first = len(self._before)
        return values, d[first : first + len(x) + len(p)]


# ── the functions of each code ──────────────────────────────────────────────────────────────────


def _compiled(names: dict[str, Any], written: Writer) -> dict[str, Any]:
    """Return for each way a function of each code."""
    texts = bodies(lanes=False, written=written)
    found: dict[str, dict[int, Run]] = {}
    for way, of_codes in texts.items():
        scope = {**names, **{f"u{n}": n for n in range(9)}}
        found[way] = {}
        for code, lines in of_codes.items():
            head = f"def run(start, stop, at, p, q, w, places, factors, {WAYS[way]}):"
            exec("\n    ".join([head, *lines]), scope)
            found[way][code] = scope["run"]
    return found


@cache
def _functions_of_floats() -> dict[str, Any]:
    helpers: dict[str, Any] = {
        "larger": lambda x, y: y if y > x or y != y else x,
        "share": _share,
        "whole": lambda total, z: total if abs(z) < math.inf else 1.0,
        "inner": lambda v, i, w, j, n: sum(map(mul, v[i : i + n], w[j : j + n])),
        "outer": _outer,
    }
    return _compiled({**FLOATS, **helpers}, as_it_is)


@cache
def _functions_of_rows() -> dict[str, Any]:
    names: dict[str, Any] = {
        "inf": math.inf,
        "log": np.log,
        "larger": np.maximum,
        "share": lambda x, z: np.where(x == z, np.where(x == -np.inf, 0.0, 1.0), np.exp(x - z)),
        "whole": lambda total, z: np.where(np.abs(z) < np.inf, total, 1.0),
        "inner": lambda v, i, w, j, n: sum(v[i + o] * w[j + o] for o in range(n)),
        "outer": _outer,
        "np": np,
    }

    def written(row: Primitive, text: str) -> str:
        """Write a call of the function that the text becomes for arrays."""
        if text in ("0.0", "g", "-g"):
            return text
        name, known = f"array_{len(names)}", names_in(parse(text))
        names[name] = array_function(row, text)
        return f"{name}(np, {row.operands}, {', '.join(f'{x}={x}' for x in 'zg' if x in known)})"

    return _compiled(names, written)


def _share(x: float, z: float) -> float:
    """Return exp(x - z): of equal infinities 1, and of -inf 0."""
    return math.exp(x - z) if x != z else float(x > -math.inf)


def _outer(d: list[Number], i: int, v: list[Number], j: int, n: int, g: Number) -> None:
    for o in range(n):
        d[i + o] += g * v[j + o]
