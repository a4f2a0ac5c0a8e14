"""micrograd, with three functions that it lacks, written in its own style."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

from micrograd.engine import Value

from ..works import Functions, Work
from . import Prepared
from .descent import of_values

RECURSION = 100_000  # for `Value.backward`, which recurses once for each level of the graph


def function(name: str, f: Callable[[float], float], slope: Callable[[float, float], float]):
    """Return a function of a Value, given f and its derivative by x and y = f(x)."""

    def of(x: Value) -> Value:
        out = Value(f(x.data), (x,), name)

        def _backward() -> None:
            x.grad += slope(x.data, out.data) * out.grad

        out._backward = _backward
        return out

    return of


FUNCTIONS = Functions(
    tanh=function("tanh", math.tanh, lambda _x, y: 1 - y * y),
    relu=Value.relu,
    exp=function("exp", math.exp, lambda _x, y: y),
    log=function("log", math.log, lambda x, _y: 1 / x),
    sin=function("sin", math.sin, lambda x, _y: math.cos(x)),
    cos=function("cos", math.cos, lambda x, _y: -math.sin(x)),
    greatest=lambda zs: max(z.data for z in zs),  # as a number: it cancels in the gradient
    leaf=Value,
)


def prepare(work: Work) -> Prepared:
    """Return a step that builds the graph, runs backward and moves each parameter."""
    sys.setrecursionlimit(RECURSION)
    parameters = [Value(number) for number in work.parameters.tolist()]
    return of_values(work, parameters, lambda: work.objective(FUNCTIONS, parameters))
