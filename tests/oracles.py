"""Independent sources of truth: nothing here reads a formula of the table under test.

An `Oracle` states an operation as mathematics does, in mpmath's numbers of 50 digits. Derivatives
come from mpmath's limit process, for one operation (`exact_slopes`) or for a whole expression
graph (`Program`), so no derivative rule is written down a second time.
"""

from __future__ import annotations

import gc
import math
import operator
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from scalargrad import Value
from scalargrad.functional import where

mp.dps = 50
EPSILON = sys.float_info.epsilon
RESOLUTION = 1e-30  # a limit in 50 digits tells no smaller numbers apart
ROOT = Path(__file__).parent.parent

#: Random, but the same in every run.
repeatable = settings(max_examples=40, deadline=None, derandomize=True)

Range = tuple[float, float]


class Oracle(NamedTuple):
    """What an operation is, and where a test may try it."""

    truth: Callable[..., mpf]  # the operation by its definition, in mpmath's numbers
    call: Callable[..., Value]  # the operation as a user writes it
    far: tuple[Range, ...]  # operands whose result and slopes are ordinary floats
    near: tuple[Range, ...]  # operands that central differences of floats can serve
    relative: float = 1e-14  # relative error of a result or a slope
    slack: float = 0.0  # absolute error that cancellation brings into a slope, in epsilons
    value_slack: float = 0.0  # the same for a result
    attribute: str = ""  # where the class keeps the row's function, if not under the row's name
    kink: Callable[..., float] = lambda *_: math.inf  # distance from a kink or a pole
    plain: int = -1  # the operand that is a plain number and has no derivative


def exact_value(oracle: Oracle, point: tuple[float, ...]) -> mpf:
    """Return the result at a point."""
    return oracle.truth(*[mpf(x) for x in point])


def exact_slopes(oracle: Oracle, point: tuple[float, ...]) -> list[mpf]:
    """Return the partial derivatives at a point by mpmath's limit process."""
    numbers = [mpf(x) for x in point]

    def slope(k: int) -> mpf:
        if k == oracle.plain:
            return mpf(0)
        return mp.diff(lambda t: oracle.truth(*numbers[:k], t, *numbers[k + 1 :]), numbers[k])

    return [slope(k) for k in range(len(numbers))]


def points(ranges: tuple[Range, ...], kink: Callable[..., float], gap: float = 1e-3) -> Any:
    """Return a strategy for operands within ranges, at least ``gap`` away from a kink."""
    return st.tuples(*[st.floats(*one) for one in ranges]).filter(lambda p: kink(*p) >= gap)


def _method(name: str) -> Callable[..., Value]:
    return lambda x, *rest: getattr(x, name)(*rest)


_WIDE, _NEAR, _UNIT, _POSITIVE = (-1e6, 1e6), (-2.0, 2.0), (-0.9, 0.9), (0.5, 2.0)


def _unary(name: str, truth: Callable[[mpf], mpf], far: Range, near: Range, **more: Any) -> Oracle:
    return Oracle(truth, _method(name), (far,), (near,), **more)


def _binary(truth: Callable[..., mpf], call: Callable[..., Value], **more: Any) -> Oracle:
    return Oracle(truth, call, **{"far": (_WIDE, _WIDE), "near": (_NEAR, _NEAR)} | more)


def _gap(x: float, y: float) -> float:
    return abs(x - y)


# A slope such as 1 - z * z carries the rounding of z, however small the slope is: that is `slack`.
# The exponents in exp(-x * x) and power(x, y - 1) are rounded before the function multiplies their
# error, by x * x and by log(x) * y: there `relative` is larger.
ORACLES = {
    "add": _binary(lambda x, y: x + y, operator.add, attribute="__add__"),
    "sub": _binary(lambda x, y: x - y, operator.sub, attribute="__sub__"),
    "mul": _binary(lambda x, y: x * y, operator.mul, attribute="__mul__"),
    "div": _binary(
        lambda x, y: x / y,
        operator.truediv,
        near=(_NEAR, _POSITIVE),
        attribute="__truediv__",
        kink=lambda _x, y: abs(y),
    ),
    "pow": _binary(
        lambda x, y: x**y,
        operator.pow,
        far=((1e-2, 1e2), (-10.0, 10.0)),
        near=(_POSITIVE, _NEAR),
        relative=2e-14,
        attribute="_pow",
    ),
    "pow_number": _binary(
        lambda x, y: x**y,
        lambda x, y: x**y.data,
        far=((1e-2, 1e2), (-10.0, 10.0)),
        near=(_POSITIVE, _NEAR),
        relative=2e-14,
        attribute="_pow_number",
        plain=1,
    ),
    "neg": _unary("__neg__", operator.neg, _WIDE, _NEAR, attribute="__neg__"),
    "abs": _unary("__abs__", abs, _WIDE, _NEAR, attribute="__abs__", kink=abs),
    "max": _binary(max, _method("max"), kink=_gap),
    "min": _binary(min, _method("min"), kink=_gap),
    "greater": _binary(lambda x, y: mpf(x > y), _method("greater"), kink=_gap),
    "clamped_log": _unary(
        "clamped_log",
        lambda x: mpf(-100) if 0 <= x < mp.exp(-100) else mp.log(x),
        (1e-6, 1e6),
        _POSITIVE,
    ),
    "where": Oracle(
        lambda c, x, y: x if c != 0 else y,
        where,
        far=((-3.0, 3.0), _WIDE, _WIDE),
        near=((-3.0, 3.0), _NEAR, _NEAR),
        attribute="_where",
        kink=lambda c, _x, _y: abs(c),
    ),
    "ieee_pow": _binary(
        lambda x, y: x**y,
        _method("_ieee_pow"),
        far=((1e-2, 1e2), (-10.0, 10.0)),
        near=(_POSITIVE, _NEAR),
        relative=2e-14,
        attribute="_ieee_pow",
    ),
    "reciprocal": _unary(
        "_reciprocal", lambda x: 1 / x, (1e-6, 1e6), _POSITIVE, attribute="_reciprocal"
    ),
    "exp": _unary("exp", mp.exp, (-60.0, 700.0), _NEAR),
    "expm1": _unary("expm1", mp.expm1, (-60.0, 700.0), _NEAR, slack=1),
    "log": _unary("log", mp.log, (1e-6, 1e6), _POSITIVE),
    "log1p": _unary("log1p", mp.log1p, (-0.999, 1e6), (-0.5, 2.0)),
    "sqrt": _unary("sqrt", mp.sqrt, (1e-6, 1e6), _POSITIVE),
    "sin": _unary("sin", mp.sin, (-100.0, 100.0), _NEAR),
    "cos": _unary("cos", mp.cos, (-100.0, 100.0), _NEAR),
    "tan": _unary("tan", mp.tan, (-100.0, 100.0), (-1.0, 1.0)),
    "asin": _unary("asin", mp.asin, (-0.999, 0.999), _UNIT),
    "acos": _unary("acos", mp.acos, (-0.999, 0.999), _UNIT),
    "atan": _unary("atan", mp.atan, _WIDE, _NEAR),
    "sinh": _unary("sinh", mp.sinh, (-700.0, 700.0), _NEAR),
    "cosh": _unary("cosh", mp.cosh, (-700.0, 700.0), _NEAR),
    "tanh": _unary("tanh", mp.tanh, (-60.0, 60.0), _NEAR, slack=2),
    "sigmoid": _unary("sigmoid", lambda x: 1 / (1 + mp.exp(-x)), (-60.0, 60.0), _NEAR, slack=1),
    "relu": _unary("relu", lambda x: max(x, mpf(0)), _WIDE, _NEAR, kink=abs),
    "leaky_relu": _binary(
        lambda x, y: x if x > 0 else x * y,
        _method("leaky_relu"),
        far=(_WIDE, (0.0, 1.0)),
        near=(_NEAR, (0.0, 1.0)),
        attribute="_leaky_relu",
        kink=lambda x, _y: abs(x),
    ),
    "softplus": _unary("softplus", lambda x: mp.log1p(mp.exp(x)), (-60.0, 700.0), _NEAR),
    "erf": _unary("erf", mp.erf, (-6.0, 6.0), _NEAR, relative=2e-14),
    "erfc": _unary("erfc", mp.erfc, (-6.0, 8.0), _NEAR, relative=5e-14),
    "gelu": _unary("gelu", lambda x: x * mp.ncdf(x), (-10.0, 30.0), _NEAR, slack=2, relative=5e-14),
    "logaddexp": _binary(
        lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
        _method("logaddexp"),
        far=((-30.0, 30.0), (-30.0, 30.0)),
        value_slack=1,
    ),
}

#: Operations of Values alone that have derivatives of every order wherever they are defined.
SMOOTH = sorted(
    ORACLES.keys() - {"abs", "max", "min", "greater", "relu", "leaky_relu", "pow_number", "where"}
)


# ── whole graphs ────────────────────────────────────────────────────────────────────────────────


class Program(NamedTuple):
    """An expression graph as data: number ``k`` is an input, or made by a step of earlier ones."""

    inputs: list[float]
    steps: list[tuple[str, tuple[int, ...]]]  # name of the operation, positions of its operands

    def values(self, inputs: list[Value]) -> list[Value]:
        """Compute all numbers with the engine."""
        nodes = list(inputs)
        for name, places in self.steps:
            nodes.append(ORACLES[name].call(*[nodes[k] for k in places]))
        return nodes

    def exact(self, place: int = -1, number: mpf | None = None) -> list[mpf]:
        """Compute all numbers exactly, with the one at ``place`` replaced."""
        numbers = [mpf(x) for x in self.inputs]
        if 0 <= place < len(numbers):
            numbers[place] = number
        for name, places in self.steps:
            result = ORACLES[name].truth(*[numbers[k] for k in places])
            numbers.append(number if len(numbers) == place else result)
        return numbers

    def exact_gradients(self) -> list[mpf]:
        """Return the derivative of the last number with respect to each, by nudging that one."""
        numbers = self.exact()
        return [
            mp.diff(lambda t, place=place: self.exact(place, t)[-1], number)
            for place, number in enumerate(numbers)
        ]


@st.composite
def programs(draw: Any, size: int = 15) -> Program:
    """Return a strategy for graphs of smooth operations on numbers that they can take.

    Operands are drawn from all earlier numbers, so subexpressions are shared. What is left unused
    is summed up at the end, so the last number depends on all others.
    """
    inputs = draw(st.lists(st.floats(0.5, 1.5), min_size=2, max_size=4))
    numbers, steps, used = list(inputs), [], set()

    def step(name: str, places: tuple[int, ...]) -> None:
        steps.append((name, places))
        used.update(places)
        numbers.append(float(ORACLES[name].truth(*[mpf(numbers[k]) for k in places])))

    for _ in range(size):
        name = draw(st.sampled_from(SMOOTH))
        fits = [
            [k for k, number in enumerate(numbers) if low <= number <= high]
            for low, high in ORACLES[name].near
        ]
        if all(fits):
            step(name, tuple(draw(st.sampled_from(places)) for places in fits))
    ends = [k for k in range(len(numbers)) if k not in used]
    for end in ends[:-1]:
        step("add", (end, len(numbers) - 1))
    return Program(inputs, steps)


def recursive_topological_sort(roots: list[Any], parents: Callable[[Any], Any]) -> list[Any]:
    """Return the depth-first post-order, in the way of a textbook."""
    order: list[Any] = []

    def visit(node: Any) -> None:
        if node not in order:
            for parent in parents(node):
                visit(parent)
            order.append(node)

    for root in roots:
        visit(root)
    return order


# ── processes and memory ────────────────────────────────────────────────────────────────────────


def python(code: str, *, isolated: bool = False, **environment: str) -> str:
    """Run code in a fresh interpreter that sees the checkout and return what it prints.

    An isolated one has loaded nothing but its core: no site-packages, no ``sitecustomize``.
    """
    path = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    command = [sys.executable, *(["-I", "-S"] if isolated else []), "-c", path + code]
    process = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | environment, cwd=ROOT, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def settle() -> None:
    """Collect garbage, and let no later collection walk what there is now."""
    gc.collect()
    if sys.platform != "emscripten":  # in Pyodide, hypothesis overflows the stack after it
        gc.freeze()


@contextmanager
def collector_off() -> Iterator[None]:
    """Leave freeing to reference counts alone."""
    settle()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
