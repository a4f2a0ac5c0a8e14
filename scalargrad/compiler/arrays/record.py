"""Pass 5, record: arrays that write down what is done to them instead of doing it.

A miniflow graph runs on any array that follows the array API, so it also runs on a `Symbol`,
forward and backward. What is left is the list of all array operations that the kernels made: the
program, gradient included, without a derivative written a second time. Equal operations are
recorded once. (``simplify.py`` records less.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from ...arrays.library import NUMPY
from ...arrays.translate import standard_functions
from ...errors import OperandError

__all__ = [
    "BOOL",
    "ELEMENTWISE",
    "FLOAT",
    "INDEX",
    "VIEWS",
    "Recorder",
    "Symbol",
    "common",
    "filled",
    "unbroadcast",
    "value_of",
]

FLOAT, BOOL, INDEX = "float64", "bool", "int64"

Shape: TypeAlias = tuple[int, ...]
Number: TypeAlias = "bool | float"


class Symbol:
    """A recorded array: an operation, its operands, and the shape of the result.

    ``how`` says more about the operation: the new shape, the axes, where a slice starts and stops.
    """

    __slots__ = ("args", "how", "kind", "number", "op", "recorder", "shape")

    def __init__(
        self,
        recorder: Recorder,
        number: int,
        op: str,
        args: tuple[Symbol, ...],
        how: Any,
        shape: Shape,
        kind: str,
    ) -> None:
        self.recorder, self.number, self.op, self.args = recorder, number, op, args
        self.how, self.shape, self.kind = how, shape, kind

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
        how = "" if self.how is None else f" {self.how}"
        return f"#{self.number} = {self.op}({args}){how} of shape {self.shape}"


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

#: What is recorded element by element: NumPy's function for each name of the standard. The texts of
#: the table say which functions there are, besides arithmetic.
_ARITHMETIC = (
    *("negative", "trunc", "add", "subtract", "multiply", "divide", "maximum", "minimum"),
    *("abs", "where", "pow", "exp", "log"),
)
_TESTS = (
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
    *("logical_and", "logical_or", "logical_not"),
)
ELEMENTWISE: dict[str, Callable[..., Any]] = {
    name: getattr(NUMPY, name) for name in sorted({*_ARITHMETIC, *_TESTS} | standard_functions())
}

#: What makes a view of its operand.
VIEWS = frozenset({"reshape", "part", "permute"})


class Recorder:
    """An array namespace whose functions record; the symbols are numbered in their order.

    >>> xp = Recorder()
    >>> x = xp.source("x", (3, 2))
    >>> xp.sum(xp.exp(x) * 2.0, axis=0)
    #5 = reshape(#4) (2,) of shape (2,)
    """

    __name__ = __name__

    def __init__(self) -> None:
        self.known: dict[Any, Symbol] = {}

    def make(
        self, op: str, args: Sequence[Symbol], how: Any, shape: Sequence[int], kind: str = FLOAT
    ) -> Symbol:
        """Return the symbol of an operation; the same one if it was recorded before."""
        shape = tuple(shape)
        key = op, tuple([arg.number for arg in args]), how, shape
        symbol = self.known.get(key)
        if symbol is None:
            symbol = Symbol(self, len(self.known), op, tuple(args), how, shape, kind)
            self.known[key] = symbol
        return symbol

    def source(self, name: str, shape: Shape) -> Symbol:
        """Return an array that comes from outside."""
        return self.make("source", (), name, shape)

    # ── numbers and constant arrays ──

    def number(self, value: Number) -> Symbol:
        """Return the symbol of a number, of shape ()."""
        kind = BOOL if isinstance(value, (bool, np.bool_)) else FLOAT
        # By its text, since 0.0 equals -0.0, and nan does not equal itself.
        text = repr(bool(value) if kind is BOOL else float(value))
        return self.make("number", (), text, (), kind)

    def asarray(self, value: Any, **_options: Any) -> Symbol:
        if isinstance(value, Symbol):
            return value
        if isinstance(value, (bool, int, float)):
            return self.number(value)
        array = np.asarray(value)
        if array.dtype == np.int64:  # places in an array
            return self.make("array", (), tuple(array.ravel().tolist()), array.shape, INDEX)
        array = array if array.dtype == bool else array.astype(float)
        if array.size and (array == array.flat[0]).all():
            return self.broadcast_to(self.number(array.flat[0].item()), array.shape)
        return self.make("array", (), tuple(array.ravel().tolist()), array.shape)

    def full(self, shape: Any, value: Any, **_options: Any) -> Symbol:
        return self.broadcast_to(self.asarray(value), shape)

    def zeros(self, shape: Any, **_options: Any) -> Symbol:
        return self.full(shape, 0.0)

    def full_like(self, x: Symbol, value: Any, **_options: Any) -> Symbol:
        return self.full(x.shape, value)

    def zeros_like(self, x: Symbol, **_options: Any) -> Symbol:
        return self.full(x.shape, 0.0)

    def ones_like(self, x: Symbol, **_options: Any) -> Symbol:
        return self.full(x.shape, 1.0)

    # ── elementwise ──

    def elementwise(self, op: str, *operands: Any) -> Symbol:
        """Record an elementwise operation; what repeats along an axis is computed once."""
        symbols = [self.asarray(x) for x in operands]
        inner = [unbroadcast(x) for x in symbols]
        kind = BOOL if op in _TESTS else FLOAT
        result = self.make(op, inner, None, common(inner), kind)
        return self.broadcast_to(result, common(symbols))

    def multiply(self, x: Any, y: Any) -> Symbol:
        return self.elementwise("multiply", x, y)

    # ── shapes ──

    def broadcast_to(self, x: Symbol, shape: Sequence[int]) -> Symbol:
        shape, x = tuple(shape), unbroadcast(x)
        return x if x.shape == shape else self.make("broadcast", (x,), shape, shape, x.kind)

    def reshape(self, x: Symbol, shape: Sequence[int], **_options: Any) -> Symbol:
        shape = filled(shape, x.size)
        return x if x.shape == shape else self.make("reshape", (x,), shape, shape, x.kind)

    def permute_dims(self, x: Symbol, axes: Sequence[int]) -> Symbol:
        axes = tuple(axes)
        if axes == tuple(range(x.ndim)):
            return x
        return self.make("permute", (x,), axes, [x.shape[axis] for axis in axes], x.kind)

    def matrix_transpose(self, x: Symbol) -> Symbol:
        return self.permute_dims(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))

    def expand_dims(self, x: Symbol, *, axis: int) -> Symbol:
        axis %= x.ndim + 1
        return self.reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))

    def squeeze(self, x: Symbol, axis: int) -> Symbol:
        axis %= x.ndim
        return self.reshape(x, (*x.shape[:axis], *x.shape[axis + 1 :]))

    def part(self, x: Symbol, axis: int, start: int, stop: int) -> Symbol:
        """Record a slice along an axis."""
        shape = (*x.shape[:axis], stop - start, *x.shape[axis + 1 :])
        return self.make("part", (x,), (axis, start, stop), shape, x.kind)

    def concat(self, parts: Sequence[Symbol], *, axis: int = 0) -> Symbol:
        if len(parts) == 1:
            return parts[0]
        length = sum(part.shape[axis] for part in parts)
        shape = (*parts[0].shape[:axis], length, *parts[0].shape[axis + 1 :])
        return self.make("concat", parts, axis, shape)

    def take(self, x: Symbol, numbers: Symbol, *, axis: int = 0) -> Symbol:
        """Record rows of an array by their numbers."""
        if axis != 0 or numbers.kind != INDEX:
            raise NotImplementedError("only rows by an array of numbers are recorded")
        return self.make("take", (x, numbers), None, (*numbers.shape, *x.shape[1:]), x.kind)

    # ── products and reductions ──

    def matmul(self, x: Symbol, y: Symbol) -> Symbol:
        stack = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
        return self.make("matmul", (x, y), None, (*stack, x.shape[-2], y.shape[-1]))

    def sum(
        self, x: Symbol, *, axis: Any = None, keepdims: bool = False, **_options: Any
    ) -> Symbol:
        return self.reduced("sum", x, axis, keepdims)

    def max(self, x: Symbol, *, axis: Any = None, keepdims: bool = False) -> Symbol:
        return self.reduced("max", x, axis, keepdims)

    def reduced(self, op: str, x: Symbol, axis: Any, keepdims: bool) -> Symbol:
        given = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(sorted(a % x.ndim for a in given))
        kept = self.reduction(op, x, axes)
        if keepdims:
            return kept
        return self.reshape(kept, [n for a, n in enumerate(x.shape) if a not in axes])

    def reduction(self, op: str, x: Symbol, axes: Shape) -> Symbol:
        """Record a sum or a largest element over some axes, which get length 1."""
        shape = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
        return x if shape == x.shape else self.make(op, (x,), axes, shape)

    def mean(self, x: Symbol, *, axis: Any = None, keepdims: bool = False) -> Symbol:
        total = self.sum(x, axis=axis, keepdims=keepdims)
        return self.multiply(total, total.size / x.size)


def _recorded(name: str) -> Callable[..., Symbol]:
    def function(self: Recorder, *operands: Any) -> Symbol:
        return self.elementwise(name, *operands)

    return function


for _name in ELEMENTWISE.keys() - {"multiply"}:
    setattr(Recorder, _name, _recorded(_name))


def value_of(x: Symbol) -> Any:
    """Return the number that an array is full of; None if there is no such number."""
    x = unbroadcast(x)
    if x.op != "number":
        return None
    return x.how == "True" if x.kind == BOOL else float(x.how)


def unbroadcast(x: Symbol) -> Symbol:
    """Return what an array repeats; others as they are."""
    return x.args[0] if x.op == "broadcast" else x


def filled(shape: Sequence[int], size: int) -> Shape:
    """Return the shape of an array of a size, where the length -1 stands for what is left."""
    rest = -prod(shape)
    return tuple(size // rest if length == -1 else length for length in shape)


def common(symbols: Sequence[Symbol]) -> Shape:
    """Return the shape to which symbols broadcast."""
    shape = symbols[0].shape
    for symbol in symbols:
        if symbol.shape != shape:
            return np.broadcast_shapes(*{symbol.shape for symbol in symbols})
    return shape
