"""Symbols: arrays that are written down instead of computed, each with the operation behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ...arrays.calls import Source
from ...arrays.library import NUMPY
from ...arrays.translate import standard_functions
from ...errors import OperandError

if TYPE_CHECKING:
    from .record import Recorder

__all__ = [
    "ADD",
    "BOOL",
    "FLOAT",
    "INDEX",
    "LESS_EQUAL",
    "MULTIPLY",
    "SUBTRACT",
    "TESTS",
    "UFUNCS",
    "WHERE",
    "Broadcast",
    "Concatenated",
    "DotProduct",
    "Literal",
    "MatrixProduct",
    "Number",
    "Operation",
    "Part",
    "Permuted",
    "Reduction",
    "Reshaped",
    "Shape",
    "Symbol",
    "Taken",
    "Ufunc",
    "View",
    "common",
    "unbroadcast",
    "value_of",
]

FLOAT, BOOL, INDEX = "float64", "bool", "int64"

Shape: TypeAlias = tuple[int, ...]


# ── operations ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Number:
    """A number, told from others by its text: 0.0 equals -0.0, and nan does not equal itself."""

    text: str
    value: bool | float = field(compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """An array of constants: their type and their bytes."""

    dtype: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Ufunc:
    """What is computed element by element; the name is the standard's."""

    name: str

    @property
    def function(self) -> Callable[..., Any]:
        """NumPy's function, which may have another name: arcsin, where the standard has asin."""
        function: Callable[..., Any] = getattr(NUMPY, self.name)
        return function


@dataclass(frozen=True, slots=True)
class Broadcast:
    """An array repeated along some axes, as far as the symbol's shape says."""


@dataclass(frozen=True, slots=True)
class Reshaped:
    """The same elements in another shape."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Permuted:
    """The same elements with other axes: the i-th is the one that was the ``axes[i]``-th."""

    axes: Shape


@dataclass(frozen=True, slots=True)
class Part:
    """A slice along an axis."""

    axis: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Concatenated:
    """Arrays one after the other along an axis."""

    axis: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows of the first array by the numbers in the second."""


@dataclass(frozen=True, slots=True)
class MatrixProduct:
    """The product of two matrices, or of each pair in two stacks of them."""


@dataclass(frozen=True, slots=True)
class DotProduct:
    """Σ x · y over all elements, with as many axes, each of length 1."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """The sum or the largest element over some axes, which get length 1."""

    name: str  # "sum" or "max"
    axes: Shape
    least: float | None = None  # what the largest element is at least


View: TypeAlias = Reshaped | Permuted | Part
Operation: TypeAlias = (
    Source | Number | Literal | Ufunc | Broadcast | View | Concatenated | Taken
    | MatrixProduct | DotProduct | Reduction
)  # fmt: skip

#: What is computed element by element. The texts of the table say what there is besides arithmetic.
_ARITHMETIC = (
    *("negative", "trunc", "add", "subtract", "multiply", "divide", "maximum", "minimum"),
    *("abs", "where", "pow", "exp", "log"),
)
TESTS = (
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
    *("logical_and", "logical_or", "logical_not"),
)
UFUNCS = {name: Ufunc(name) for name in sorted({*_ARITHMETIC, *TESTS} | standard_functions())}
ADD, SUBTRACT, MULTIPLY = UFUNCS["add"], UFUNCS["subtract"], UFUNCS["multiply"]
WHERE, LESS_EQUAL = UFUNCS["where"], UFUNCS["less_equal"]


# ── symbols ─────────────────────────────────────────────────────────────────────────────────────


class Symbol:
    """A recorded array: an operation, its operands, and the shape and kind of the result."""

    __slots__ = ("args", "kind", "number", "op", "recorder", "shape")

    def __init__(
        self,
        recorder: Recorder,
        number: int,
        op: Operation,
        args: tuple[Symbol, ...],
        shape: Shape,
        kind: str,
    ) -> None:
        self.recorder, self.number, self.op, self.args = recorder, number, op, args
        self.shape, self.kind = shape, kind

    @property
    def dtype(self) -> str:
        """What is in the array."""
        return self.kind

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def device(self) -> None:
        return None

    @property
    def T(self) -> Symbol:  # noqa: N802  (its name in the standard)
        return self.recorder.matrix_transpose(self)

    def __bool__(self) -> bool:
        raise OperandError("a recorded array has no truth: a kernel must not branch on data")

    def __getitem__(self, key: Any) -> Symbol:
        keys = key if isinstance(key, tuple) else (key,)
        result = self
        for axis, part in enumerate(key for key in keys if key is not Ellipsis):
            start, stop, step = part.indices(self.shape[axis])
            if step != 1:
                raise NotImplementedError("only slices without a step are recorded")
            if (start, stop) != (0, result.shape[axis]):
                result = self.recorder.part(result, axis, start, stop)
        return result

    def __repr__(self) -> str:
        args = ", ".join(f"#{arg.number}" for arg in self.args)
        return f"#{self.number} = {self.op} of ({args}), shape {self.shape}"


def _operator(name: str) -> Callable[..., Symbol]:
    def method(self: Symbol, *others: Any) -> Symbol:
        result: Symbol = getattr(self.recorder, name)(self, *others)
        return result

    return method


def _reflected(name: str) -> Callable[..., Symbol]:
    def method(self: Symbol, other: Any) -> Symbol:
        result: Symbol = getattr(self.recorder, name)(other, self)
        return result

    return method


_REFLECTED = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "pow": "pow",
    "and": "logical_and",
    "or": "logical_or",
}
_OPERATORS = _REFLECTED | {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
    "neg": "negative",
    "matmul": "matmul",
}
for _python, _standard in _OPERATORS.items():
    setattr(Symbol, f"__{_python}__", _operator(_standard))
for _python, _standard in _REFLECTED.items():
    setattr(Symbol, f"__r{_python}__", _reflected(_standard))


def value_of(x: Symbol) -> Any:
    """Return the number that an array is full of; None if there is no such number."""
    op = unbroadcast(x).op
    return op.value if isinstance(op, Number) else None


def unbroadcast(x: Symbol) -> Symbol:
    """Return what an array repeats; others as they are."""
    return x.args[0] if isinstance(x.op, Broadcast) else x


def common(symbols: Sequence[Symbol]) -> Shape:
    """Return the shape to which symbols broadcast."""
    shape = symbols[0].shape
    for symbol in symbols:
        if symbol.shape != shape:
            return np.broadcast_shapes(*{symbol.shape for symbol in symbols})
    return shape
