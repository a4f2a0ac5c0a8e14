"""Drills: expressions made by chance, whose gradients are asked for edge by edge."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from string import ascii_lowercase

from scalargrad.engine import Value
from scalargrad.errors import ChoiceError, OperandError

from ..words.names import named, nodes_of
from .stepper import Stepper
from .stepper.content import content_of
from .stepper.page import write

__all__ = ["HARDEST", "drill", "expression"]

#: The highest level.
HARDEST = 5

_LEAVES = (-3.0, -2.0, -1.0, 0.5, 2.0, 3.0, 4.0)
_LARGEST = 60.0  # a number that one can still compute with in one's head

_Step = Callable[[Value, Value], Value]

#: What each level adds to those before it, and how many operations it has.
_OPERATIONS: tuple[tuple[_Step, ...], ...] = (
    (lambda x, y: x + y, lambda x, y: x * y),
    (lambda x, y: x - y,),
    (lambda x, _: x**2, lambda x, _: x.relu()),
    (lambda x, y: x / y, lambda x, _: -x),
    (lambda x, _: x.tanh(), lambda x, _: x.exp()),
)


def drill(seed: int = 0, level: int = 1, path: str | os.PathLike[str] | None = None) -> Stepper:
    """Make an expression by chance, and its stepper page, which asks for each gradient.

    The page begins at the backward pass, in its Predict mode. At its end it says what to do next: a
    harder one if at least four of five answers were right, else one of the same kind.

    Level 1 is sums and products, each number used once; from level 2 on some are used twice, and
    with each level come more operations, at last division, tanh and exp.

    Args:
        seed: the same seed and level give the same expression.
        level: from 1 to 5.
        path: the file to write, if any.

    Raises:
        ChoiceError: there is no such level.
        OperandError: the seed is no whole number.

    >>> drill(seed=3, level=2)
    <drill 3 of level 2, 6 gradients; not saved yet: use .save(path)>
    """
    if level not in range(1, HARDEST + 1):
        raise ChoiceError(f"a drill has a level from 1 to {HARDEST}, got {level!r}")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise OperandError(f"the seed of a drill is a whole number, got {seed!r:.60}")
    root = expression(random.Random(f"drill {seed} {level}"), level)
    order = nodes_of(root, "drill")
    called = named(order, False)
    found = content_of(order, called)
    again = f"viz.drill({seed + 1}, level={level})"
    harder = f"viz.drill({seed}, level={level + 1})" if level < HARDEST else again
    nexts = {"harder": harder, "again": again}
    found = replace(found, graph={**found.graph, "drill": nexts})
    asked = found.steps - len(order) - 1
    title = f"drill {seed} of level {level}"
    html = write(found, called[root], f"{title.capitalize()}: the gradients of {{}}")
    return Stepper(html, f"{title}, {asked} gradients", path)


def expression(rng: random.Random, level: int) -> Value:
    """Return a result whose numbers can be computed with by hand, and whose gradients are not 0."""
    while True:
        try:
            root = _attempt(rng, level)
        except ArithmeticError:  # as a division by zero
            continue
        order = nodes_of(root, "drill")
        root.backward()
        if all(abs(x) <= _LARGEST for node in order for x in (node.data, node.grad)) and all(
            node.grad for node in order if node.kind == "leaf"
        ):
            for node in order:
                node.grad = 0.0
            return root


def _attempt(rng: random.Random, level: int) -> Value:
    """Apply operations to leaves and results, and at last join what has not been used."""
    letters = iter(ascii_lowercase)
    nodes = [Value(x, label=next(letters)) for x in rng.sample(_LEAVES, max(3, 2 + level // 2))]
    allowed = [step for row in _OPERATIONS[:level] for step in row]
    steps = [rng.choice(_OPERATIONS[level - 1]), *(rng.choice(allowed) for _ in range(level))]
    rng.shuffle(steps)
    unused = [*nodes]
    while steps or len(unused) > 1:
        x = rng.choice(unused)
        others = nodes if steps and level > 1 else unused
        y = rng.choice([node for node in others if node is not x])
        made = (steps.pop() if steps else rng.choice(_OPERATIONS[0]))(x, y)
        made.label = next(letters)
        nodes.append(made)
        unused = [node for node in unused if node not in made._prev] + [made]
    return unused[0]
