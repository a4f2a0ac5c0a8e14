"""Statements: a tape, read as the elements that a file is written from, with loops folded.

A place is an input, a parameter or a result; what is constant stands in the shapes as a number. An
operand is *learned* if it depends on what a gradient is asked for, so that it takes part in the
backward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...ops import Primitive
from ..passes.walk import ROWS
from ..tape.assembly import PIECES, SMOOTH_MAX, SUM, Tape
from .folding import Element, Loop, fold

__all__ = [
    "Bound",
    "Call",
    "Number",
    "Operand",
    "Place",
    "ProductTerm",
    "SmoothMax",
    "Statements",
    "Sum",
    "read",
]

#: Terms of sums are grouped in so small groups.
_TERMS = 4


@dataclass(frozen=True)
class Number:
    """A constant, as text: -0.0 is another one than 0.0, and nan the same as nan."""

    text: str


@dataclass(frozen=True)
class Place:
    """An operand that is somewhere."""

    among: str  # "x", the inputs; "p", the parameters; "v", the results
    learned: bool


Operand: TypeAlias = Number | Place


@dataclass(frozen=True)
class Call:
    """A row of the table, of operands. Starts: of the result, and of each place."""

    row: Primitive
    operands: tuple[Operand, ...]
    learned: bool


@dataclass(frozen=True)
class ProductTerm:
    """A term of a sum: one operand times another, which may be a number."""

    left: Operand
    right: Operand


@dataclass(frozen=True)
class Sum:
    """A number and terms, which are products or loops of them. Starts: the result's, the terms'."""

    offset: Number
    terms: tuple[Hashable, ...]
    learned: bool


@dataclass(frozen=True)
class SmoothMax:
    """The same of log-sum-exps: their terms are operands or loops of them."""

    terms: tuple[Hashable, ...]
    learned: bool


@dataclass(frozen=True)
class Bound:
    """An operand with its place; of a number there is none."""

    operand: Operand
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Statements:
    """What a file is written from."""

    elements: list[Element]
    outputs: list[Bound]
    labels: list[str]  # of inputs, parameters and results
    inputs: int
    parameters: int
    results: int
    asked: list[str]  # where the gradient is, as in dp[0]

    @property
    def length(self) -> int:
        """The number of statements that stand in the file, without those of loops over terms."""
        return sum(_length(element.shape) for element in self.elements)


def _length(shape: Hashable) -> int:
    return sum(map(_length, shape.body)) if isinstance(shape, Loop) else 1


def read(tape: Tape, label: Callable[[int], str]) -> Statements:
    """Read a tape.

    Args:
        tape: what is to be written.
        label: returns the label of a scalar, by its place in the walk.
    """
    constants = tape.constants.tolist()
    first = len(constants) + tape.inputs + tape.parameters  # of the results
    learned = [False] * tape.size
    for leaf in tape.asked.tolist():
        learned[len(constants) + leaf] = True

    def bound(slot: int) -> Bound:
        if slot < len(constants):
            return Bound(Number(repr(constants[slot])), ())
        for among, start, end in (
            ("x", len(constants), len(constants) + tape.inputs),
            ("p", len(constants) + tape.inputs, first),
            ("v", first, tape.size),
        ):
            if start <= slot < end:
                return Bound(Place(among, learned[slot]), (slot - start,))
        raise AssertionError("a slot lies within the tape")

    elements = []
    for slot, operation in _operations(tape, bound):
        element = _element(slot - first, operation)
        learned[slot] = element.shape.learned  # type: ignore[attr-defined]
        elements.append(element)
    labels = [label(place) for place in tape.scalar[len(constants) :].tolist()]
    return Statements(
        fold(elements), [bound(slot) for slot in tape.outputs.tolist()], labels,
        tape.inputs, tape.parameters, len(elements), [*_asked(tape)],
    )  # fmt: skip


def _asked(tape: Tape) -> Iterator[str]:
    for leaf in tape.asked.tolist():
        yield f"dx[{leaf}]" if leaf < tape.inputs else f"dp[{leaf - tape.inputs}]"


# ── operations of a tape ────────────────────────────────────────────────────────────────────────

#: A row and its operands; or the number and the terms of a sum; or the terms of a log-sum-exp.
Operation: TypeAlias = "tuple[Any, list[Bound]] | tuple[Number | None, list[tuple[Bound, ...]]]"


def _operations(
    tape: Tape, bound: Callable[[int], Bound]
) -> Iterator[tuple[int, tuple[Any, list[Any]]]]:
    """Yield the slot of each result and what is computed: a head, and operands or terms."""
    places, factors = tape.places.tolist(), tape.factors.tolist()
    for code, start, stop, at, products, scaled, factor in tape.runs.tolist():
        for slot in range(start, stop):
            if code == SMOOTH_MAX:
                yield slot, (None, [(bound(place),) for place in places[at : at + scaled]])
                at += scaled
            elif code in (SUM, PIECES):
                width, terms = 3 if code == PIECES else 2, []
                for piece in range(at, at + width * products, width):
                    left, right = places[piece : piece + 2]
                    length = places[piece + 2] if code == PIECES else 1
                    terms += [(bound(left + o), bound(right + o)) for o in range(length)]
                at += width * products
                for number, place in enumerate(places[at : at + scaled]):
                    by = Bound(Number(repr(factors[factor + 1 + number])), ())
                    terms.append((by, bound(place)))
                yield slot, (Number(repr(factors[factor])), terms)
                at, factor = at + scaled, factor + scaled + 1
            else:
                row = ROWS[code]
                operands = places[at : at + len(row.partials)]
                yield slot, (row, [bound(place) for place in operands])
                at += len(row.partials)


def _element(result: int, operation: tuple[Any, list[Any]]) -> Element:
    head, parts = operation
    if isinstance(head, Primitive):
        operands = tuple(part.operand for part in parts)
        starts = [start for part in parts for start in part.starts]
        return Element(Call(head, operands, _learned(operands)), (result, *starts))
    learned = any(_learned([part.operand for part in term]) for term in parts)
    terms = fold([_term(term) for term in parts], _TERMS)
    shapes = tuple(term.shape for term in terms)
    starts = [start for term in terms for start in term.starts]
    shape = SmoothMax(shapes, learned) if head is None else Sum(head, shapes, learned)
    return Element(shape, (result, *starts))


def _term(term: tuple[Bound, ...]) -> Element:
    operands = [part.operand for part in term]
    shape = ProductTerm(*operands) if len(operands) == 2 else operands[0]
    return Element(shape, tuple(start for part in term for start in part.starts))


def _learned(operands: Any) -> bool:
    return any(isinstance(operand, Place) and operand.learned for operand in operands)
