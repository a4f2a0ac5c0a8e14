"""Differences: what the numbers on both sides of a point say about a derivative there.

A rule may disagree with differences for other reasons than being wrong: the point is a kink or a
jump, where there is no derivative, or the step is too wide or too narrow to see it. What happens
when the step shrinks tells them apart. A wrong rule stays as far off as it was; at a kink the
slopes on both sides stay apart; at a jump the slope grows; and where none of this can be seen, the
differences are not accurate enough to judge.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

__all__ = ["Move", "cause", "compare", "fault", "mirrored", "slopes", "steps"]

_EPSILON = sys.float_info.epsilon
_NARROWER = (1e-1, 1e-2, 1e-3, 1e-4)


def steps(x: float) -> list[float]:
    """Return steps to move a number by, from the best in general to others that may serve better.

    The cube root of the machine epsilon balances the errors of central differences (Press et al.,
    Numerical Recipes, section 5.7), relative to 1 or to the number. Narrower ones are for functions
    that change fast, or have a kink or a border close by.

    >>> [f"{step:.0e}" for step in steps(0.01)]
    ['6e-06', '6e-08', '6e-09', '6e-10', '6e-11', '6e-12']
    """
    best = math.cbrt(_EPSILON)
    first = [best * max(1.0, abs(x))] + ([best * abs(x)] if 0 < abs(x) < 1 else [])
    return first + [first[-1] * narrower for narrower in _NARROWER]


def slopes(data: tuple[float, float, float], step: float) -> tuple[float, float, float]:
    """Return the slopes between three points: to the left, to both sides, and to the right.

    >>> slopes((0.0, 0.0, 1.0), 1.0)
    (0.0, 0.5, 1.0)
    """
    lower, middle, upper = data
    return (
        _slope(lower, middle, step), _slope(lower, upper, 2 * step), _slope(middle, upper, step)
    )  # fmt: skip


def _slope(before: float, after: float, width: float) -> float:
    # An infinity that stays where it is does not move, though inf - inf is nan.
    return 0.0 if before == after else (after - before) / width


def mirrored(lower: float, middle: float, upper: float) -> tuple[float, float]:
    """Return the ends of a move: where nothing moves, as far away as on the other side.

    >>> mirrored(0.0, 0.0, 0.5), mirrored(-0.25, 0.0, 0.5)
    ((-0.5, 0.5), (-0.25, 0.5))
    """
    if lower == middle:
        return 2 * middle - upper, upper
    return lower, 2 * middle - lower if upper == middle else upper


class Move(NamedTuple):
    """A result at three points, one step apart, and the slopes that it should have.

    The slopes are those to the left, to both sides, and to the right; they differ if an operand has
    a kink here.
    """

    step: float
    data: tuple[float, float, float]
    rules: tuple[float, float, float]
    bend: float | None = None  # how much the slope changes, if these numbers cannot tell
    size: float = 0.0  # of the numbers that the result is a sum of, if it is one

    @property
    def slopes(self) -> tuple[float, float, float]:
        """The differences to the left, to both sides (the central one), and to the right."""
        return slopes(self.data, self.step)

    @property
    def slope(self) -> float:
        """The central difference."""
        return self.slopes[1]

    @property
    def rule(self) -> float:
        """What the central difference should be."""
        return self.rules[1]

    @property
    def height(self) -> float:
        """How far it has moved from one end to the other."""
        return self.data[2] - self.data[0]

    @property
    def error(self) -> float:
        """How far the central difference is from the rule."""
        return self.slope - self.rule

    @property
    def gap(self) -> float:
        """How much more the slope changes at the point than the operands' slopes account for."""
        if self.bend is not None:
            return self.bend
        left, _, right = (slope - rule for slope, rule in zip(self.slopes, self.rules, strict=True))
        return right - left

    def agrees(self, rtol: float, atol: float) -> bool:
        """Say whether slope and rule are as close as the tolerances want it."""
        allowed = rtol * max(abs(self.slope), abs(self.rule)) + atol
        return abs(self.error) <= allowed < math.inf

    @property
    def rounding(self) -> float:
        """What rounding may do to the central difference."""
        return 4 * _EPSILON * max(self.size, *map(abs, self.data)) / self.step

    def is_seen(self) -> bool:
        """Say whether the disagreement is more than rounding could make of it."""
        return 8 * self.rounding < abs(self.error) < math.inf


def compare(
    result: Callable[[float], float],
    x: float,
    middle: float,
    rule: float,
    rtol: float,
    atol: float,
    size: float = 0.0,
) -> list[Move]:
    """Move a number, by ever narrower steps, until the result moves as a rule says.

    Args:
        result: computes the result of a number.
        x: the number.
        middle: its result.
        rule: the derivative, as it should be.
        rtol, atol: as for ``Move.agrees``.
        size: as for `Move`.

    Returns:
        The moves, widest step first. If the rule agrees with any, then with the last one.

    >>> moves = compare(math.sin, 0.0, 0.0, 1.0, rtol=1e-5, atol=1e-8)
    >>> len(moves), moves[-1].agrees(1e-5, 1e-8)
    (1, True)
    """
    moves: list[Move] = []
    for step in steps(x):
        upper, lower = x + step, x - step
        data = result(lower), middle, result(upper)
        moves.append(Move((upper - lower) / 2, data, (rule,) * 3, size=size))
        if moves[-1].agrees(rtol, atol):
            break
    return moves


def cause(moves: Sequence[Move]) -> str:
    """Say why a rule agrees with the differences for no step: wrong, kink, jump, border or coarse.

    Args:
        moves: the disagreements, from the widest step to the narrowest.

    >>> def moves(f, x, rule):
    ...     return [Move(h, (f(x - h), f(x), f(x + h)), (rule,) * 3) for h in steps(x)]
    >>> cause(moves(lambda x: x * x, 3.0, 5.0)), cause(moves(abs, 0.0, 1.0))
    ('wrong', 'kink')
    """
    seen = _seen(moves)
    if not any(math.isfinite(move.slope) for move in moves) or _borders(moves):
        return "border"
    if not seen:
        return "coarse" if math.isfinite(moves[-1].rule) else "wrong"
    widest, narrowest = seen[0], seen[-1]
    if len(seen) > 1 and not any(_is_settled(*pair) for pair in pairwise(seen)):
        height = abs(narrowest.height)
        same = all(abs(move.height - narrowest.height) < 0.5 * height for move in seen)
        return "jump" if same else "coarse"
    # At a kink the rule is one of the slopes between those of both sides, which stay apart.
    between = abs(narrowest.error) <= 0.55 * abs(narrowest.gap)
    return "kink" if between and abs(narrowest.gap) > 0.5 * abs(widest.gap) else "wrong"


def _borders(moves: Sequence[Move]) -> bool:
    """Say whether there is nothing on the side that could not be seen."""
    return any(move.bend is not None and math.isnan(move.bend) for move in moves)


def _seen(moves: Sequence[Move]) -> list[Move]:
    """Return the moves that show more than rounding, each at most half as wide as the one before.

    A rule that is not finite is seen in none.
    """
    seen: list[Move] = []
    for move in moves:
        if move.is_seen() and not (seen and move.step > 0.5 * seen[-1].step):
            seen.append(move)
    return seen


def _is_settled(wide: Move, narrow: Move) -> bool:
    """Say whether a narrower step gives the same slope, as far as rounding lets it."""
    change, size = abs(wide.slope - narrow.slope), max(abs(wide.slope), abs(narrow.slope))
    return change <= 0.05 * size + wide.rounding + narrow.rounding


def fault(moves: Sequence[Move], name: str, by: str) -> str:
    """Return the sentence about a cause.

    Args:
        moves: the disagreements, from the widest step to the narrowest.
        name: what disagrees ...
        by: ... and what was moved.
    """
    usable = _seen(moves) or moves
    wide, narrow = usable[0], usable[-1]
    match cause(moves):
        case "kink":
            left, _, right = narrow.slopes
            return (
                f"{name} is at a kink: with respect to {by} its slope is {left:.6g} to the "
                f"left and {right:.6g} to the right, so it has no derivative there "
                f"({narrow.rule:.6g} by its rule)"
            )
        case "jump":
            lower, _, upper = narrow.data
            return (
                f"{name} is at a jump: it goes from {lower:.6g} to {upper:.6g} when "
                f"{by} moves by {2 * narrow.step:.1g}, so it has no derivative there "
                f"({narrow.rule:.6g} by its rule)"
            )
        case "border":
            return (
                f"{name} is at the border of its domain: it is not finite when {by} moves by "
                f"{narrow.step:.1g} to either side"
            )
        case "coarse":
            return (
                f"{name} cannot be checked here: with respect to {by} it is {wide.rule:.6g} by its "
                f"rule, but central differences give {wide.slope:.6g} with a step of "
                f"{wide.step:.1g} and {narrow.slope:.6g} with one of {narrow.step:.1g}, so no step "
                "is accurate enough to judge"
            )
    # The best difference is the one that has changed least by its last step.
    changes = {abs(wide.slope - narrow.slope): narrow for wide, narrow in pairwise(usable)}
    best = changes[min(changes)] if changes else narrow
    return (
        f"{name} has a wrong derivative: with respect to {by} it is {best.rule:.6g} by its rule "
        f"and {best.slope:.6g} by central differences"
    )
