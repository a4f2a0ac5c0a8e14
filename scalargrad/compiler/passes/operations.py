"""Operations on blocks: what the lines of a listing are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ...ops import Primitive
from .patterns import Constants, Operand

__all__ = ["Combination", "Dot", "Elementwise", "LogSumExp", "Operation", "Product"]

_SIGNS = {"mul": " · ", "div": " / ", "pow_number": "**", "pow": "**"}


@dataclass(frozen=True)
class Elementwise:
    """A row of the table of primitives, for each element."""

    row: Primitive
    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        operands = list(map(str, self.operands))
        if self.row.name in _SIGNS:
            return _SIGNS[self.row.name].join(operands)
        return f"{self.row.name}({', '.join(operands)})"


@dataclass(frozen=True)
class Combination:
    """A sum of operands, each times a number, or of products of two operands, and an offset."""

    terms: tuple[tuple[Operand, Operand], ...]
    offset: Constants | None

    @property
    def operands(self) -> tuple[Operand, ...]:
        return tuple(side for term in self.terms for side in term)

    def __str__(self) -> str:
        shown = " + ".join(_times(x, y) for x, y in self.terms)
        shown += f" + {self.offset}" if self.offset else ""
        return shown.replace(" + -", " - ")


@dataclass(frozen=True)
class _OfTwo:
    """A product of two operands, summed up in some way, and an offset."""

    left: Operand
    right: Operand
    offset: Constants | None

    @property
    def operands(self) -> tuple[Operand, ...]:
        return self.left, self.right

    def __str__(self) -> str:
        return self.product + (f" + {self.offset}" if self.offset else "")

    @property
    def product(self) -> str:
        raise NotImplementedError


class Product(_OfTwo):
    """A matrix product: each row of the left operand with each row of the right one."""

    @property
    def product(self) -> str:
        return f"{self.left} @ {self.right}"

    @property
    def shapes(self) -> str:
        return ", ".join("×".join(map(str, side.shape)) for side in (self.left, self.right))


class Dot(_OfTwo):
    """The dot products of rows: the sum of left · right over the last axis."""

    @property
    def product(self) -> str:
        return f"sum({self.left}{'' if str(self.right) == '1' else f' · {self.right}'})"


@dataclass(frozen=True)
class LogSumExp:
    """The logarithm of the sum of exponentials over the last axis."""

    operand: Operand

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (self.operand,)

    def __str__(self) -> str:
        return f"logsumexp({self.operand})"


def _times(x: Operand, y: Operand) -> str:
    """Write x · y, and a factor that is a number first: 2·x, -x."""
    if isinstance(x, Constants):
        x, y = y, x
    factor = {"1": "", "-1": "-"}.get(str(y))
    if factor is None:
        factor = f"{y}·"
    return f"{factor}{x}"


Operation: TypeAlias = "Elementwise | Combination | Product | Dot | LogSumExp"
