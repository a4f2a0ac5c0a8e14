"""Calls: a computation on arrays as a list, which two pure functions run forward and backward.

A step of the list is a `Source`, which comes from outside, or a `Call` of a kernel with earlier
arrays, by their numbers. Here is Σ w · x, and its slopes by w:

>>> import numpy as np
>>> from ..ops import PRIMITIVES
>>> from .kernels import elementwise, sum_over
>>> product = Call(elementwise(PRIMITIVES["mul"]), (0, 1))
>>> steps = [Source("x"), Source("w"), product, Call(sum_over(), (2,))]
>>> way = forward(np, steps, {0: np.array([1.0, 2.0]), 1: np.array([3.0, 4.0])})
>>> float(way.values[3]), backward(np, steps, way, 3, wrt=[1])[1].tolist()
(11.0, [1.0, 2.0])

The list holds nothing of a run, so threads share it, and it runs on whatever has the operators and
functions of the array API: on arrays of any library, and on something that only records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from .kernels import Kernel
from .library import Array

__all__ = ["Call", "Forward", "Source", "Step", "backward", "forward"]


class Source(NamedTuple):
    """An array that comes from outside."""

    name: str
    operands: tuple[int, ...] = ()  # none


class Call(NamedTuple):
    """A kernel and the numbers of its operands; the name is for pictures."""

    kernel: Kernel
    operands: tuple[int, ...]
    name: str = ""


Step: TypeAlias = Source | Call


class Forward(NamedTuple):
    """What the way forward leaves, for each step: its value, and what its kernel has kept."""

    values: list[Array]
    kept: list[Any]


def forward(xp: Any, steps: Iterable[Step], feed: Mapping[int, Array]) -> Forward:
    """Compute all steps.

    Args:
        xp: the namespace of the library that the arrays are of.
        steps: operands come before what uses them.
        feed: the arrays of the sources, by number: all floats, of one library.
    """
    way = Forward([], [])
    for number, step in enumerate(steps):
        value, kept = feed.get(number), None
        if isinstance(step, Call):
            value, kept = step.kernel.forward(xp, *[way.values[i] for i in step.operands])
        way.values.append(value)
        way.kept.append(kept)
    return way


def backward(
    xp: Any, steps: Sequence[Step], way: Forward, result: int, wrt: Iterable[int]
) -> dict[int, Array]:
    """Return the gradients of a result's sum, by number: of ``wrt``, and of all on the way there.

    What does not lead to the result has zeros, and for what depends on none of ``wrt`` nothing is
    computed.
    """
    wrt = tuple(wrt)
    moving = _depending(steps, wrt)
    gradients = {result: xp.ones_like(way.values[result])} if result in moving else {}
    for number in range(result, -1, -1):
        step = steps[number]
        if isinstance(step, Call) and number in gradients:
            for operand, term in _sent(xp, step, way, number, gradients[number], moving).items():
                known = gradients.get(operand)
                gradients[operand] = term if known is None else known + term
    for number in wrt:
        if number not in gradients:
            gradients[number] = xp.zeros_like(way.values[number])
    return gradients


def _depending(steps: Iterable[Step], wrt: Iterable[int]) -> set[int]:
    """Return the numbers of all that depends on some arrays, these included."""
    moving = set(wrt)
    for number, step in enumerate(steps):
        if not moving.isdisjoint(step.operands):
            moving.add(number)
    return moving


def _sent(
    xp: Any, call: Call, way: Forward, number: int, g: Array, moving: set[int]
) -> dict[int, Array]:
    """Return what a call sends back to its operands that move, each of them once."""
    operands = [way.values[i] for i in call.operands]
    terms: dict[int, Array] = {}
    for operand, send in zip(call.operands, call.kernel.gradients, strict=True):
        if operand in moving:
            term = send(xp, g, way.kept[number], *operands)
            terms[operand] = terms[operand] + term if operand in terms else term
    return terms
