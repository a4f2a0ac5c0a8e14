"""The tape without numba: what its lines call, and the interpreter's lines as Python.

For one sample a slot holds a float; for several it holds an array with a number for each, and the
same lines add and multiply these. What the table computes of arrays is translated as it is for the
nodes of miniflow. (``straight.py`` writes a line for each operation; this is for longer tapes.)
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache, reduce
from operator import mul
from typing import Any

import numpy as np

from ...arrays.translate import array_function
from ...ops import FLOATS, Primitive
from ...texts import names_in, parse
from .assembly import Tape
from .interpreter import BACKWARD, FORWARD, TANGENT, WAYS, Writer, as_it_is, bodies
from .straight import ValueAndPullback

__all__ = ["Plain", "vocabulary"]

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

    def value_and_pullback(self, rows: bool, leaves: int | None) -> ValueAndPullback:
        """Return the function that `straight` returns."""
        functions = _functions(rows)

        def step(
            x: list[Number], p: list[Number], cotangents: list[Number]
        ) -> tuple[list[Number], list[Number]]:
            v = self._forward(x, p, functions)
            values = [v[k] for k in self._outputs]
            if leaves is None:
                return values, []
            d: list[Number] = [0.0] * len(v)
            for k, g in zip(self._outputs, cotangents, strict=True):
                d[k] = d[k] + g
            backward = functions[BACKWARD]
            for code, start, stop, *at in reversed(self._runs):
                if code in backward:
                    backward[code](start, stop, *at, *self._arrays, v, d)
            first = len(self._before)
            return values, d[first + leaves : first + len(x) + len(p)]

        return step

    def tangents(
        self, x: Iterable[Number], p: Iterable[Number], directions: Iterable[Number]
    ) -> tuple[list[Number], list[Number]]:
        """Compute the outputs of samples, each a column, and how they change in some directions."""
        functions = _functions(rows=True)
        v = self._forward([*x], [*p], functions)
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


# ── the functions of each code ──────────────────────────────────────────────────────────────────


@cache
def _functions(rows: bool) -> dict[str, Any]:
    """Return for each way a function of each code."""
    names, written = vocabulary(rows)
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


def vocabulary(rows: bool) -> tuple[dict[str, Any], Writer]:
    """Return what lines call, and how a text of the table is written into them."""
    if not rows:
        helpers: dict[str, Any] = {
            "larger": lambda x, y: y if y > x or y != y else x,
            "share": _share,
            "whole": lambda total, z: total if abs(z) < math.inf else 1.0,
            "moved": lambda d, slope: 0.0 if d == 0.0 else d * slope,
            "inner": lambda v, i, w, j, n: sum(map(mul, v[i : i + n], w[j : j + n])),
            "outer": _outer,
        }
        return _with_smooth_max({**FLOATS, **helpers}), as_it_is
    names: dict[str, Any] = {
        "inf": math.inf,
        "nan": math.nan,
        "log": np.log,
        "larger": np.maximum,
        "share": lambda x, z: np.where(x == z, np.where(x == -np.inf, 0.0, 1.0), np.exp(x - z)),
        "whole": lambda total, z: np.where(np.abs(z) < np.inf, total, 1.0),
        "moved": lambda d, slope: np.where(d == 0.0, 0.0, d * slope)[()],
        "inner": lambda v, i, w, j, n: sum(v[i + o] * w[j + o] for o in range(n)),
        "outer": _outer,
        "np": np,
    }

    def written(row: Primitive, text: str) -> str:
        """Write a call of the function that the text becomes for arrays; arithmetic as it is."""
        if _is_arithmetic(text):
            return text
        name, known = f"array_{len(names)}", names_in(parse(text))
        names[name] = array_function(row, text)
        return f"{name}(np, {row.operands}, {', '.join(f'{x}={x}' for x in 'zg' if x in known)})"

    return _with_smooth_max(names), written


def _is_arithmetic(text: str) -> bool:
    """Say whether a text does nothing but add, subtract, multiply and divide."""
    far = ast.Call, ast.IfExp, ast.Compare, ast.Pow
    return not any(isinstance(node, far) for node in ast.walk(ast.parse(text)))


def _with_smooth_max(names: dict[str, Any]) -> dict[str, Any]:
    """Add the log-sum-exp of a list, in terms of the other functions."""
    larger, share, log = names["larger"], names["share"], names["log"]

    def smooth_max(numbers: Sequence[Number]) -> Number:
        top = reduce(larger, numbers)
        return top + log(sum(share(x, top) for x in numbers))

    names["smooth_max"] = smooth_max
    return names


def _share(x: float, z: float) -> float:
    """Return exp(x - z): of equal infinities 1, and of -inf 0."""
    return math.exp(x - z) if x != z else float(x > -math.inf)


def _outer(d: list[Number], i: int, v: list[Number], j: int, n: int, g: Number) -> None:
    for o in range(n):
        d[i + o] += g * v[j + o]
