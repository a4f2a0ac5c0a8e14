"""Recording: arrays that write down what is done to them instead of doing it.

A miniflow graph runs on any array that follows the array API, so it also runs on a `Symbol`,
forward and backward. What is left is the list of all array operations that the kernels made: the
program, gradient included, without a derivative written a second time.

Equal operations are recorded once, and a few identities are applied on the way, those that the
chain rule brings along: times one, plus zero, the sum of parts that were cut out of one array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from ..errors import OperandError

__all__ = ["ELEMENTWISE", "FLOAT", "LEAST", "Recorder", "Symbol", "value_of"]

FLOAT, BOOL = "float64", "bool"

Number: TypeAlias = "bool | float"

#: The least size of a number that is moved to the end.
LEAST = 1e-6


class Symbol:
    """A recorded array: an operation, its operands, and the shape of the result."""

    __slots__ = ("args", "how", "kind", "number", "op", "recorder", "shape")

    def __init__(
        self,
        recorder: Recorder,
        number: int,
        op: str,
        args: tuple[Symbol, ...],
        how: Any,
        shape: tuple[int, ...],
        kind: str,
    ) -> None:
        self.recorder, self.number, self.op, self.args = recorder, number, op, args
        self.how, self.shape, self.kind = how, shape, kind

    @property
    def dtype(self) -> tuple[str, Recorder]:
        """What is in the array; other recordings have other dtypes, since they must not mix."""
        return self.kind, self.recorder

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

    def __array_namespace__(self, *, api_version: str | None = None) -> Recorder:
        return self.recorder

    def __bool__(self) -> bool:
        raise OperandError("a recorded array has no truth: a kernel must not branch on data")

    def __getitem__(self, key: Any) -> Symbol:
        keys = key if isinstance(key, tuple) else (key,)
        result = self
        for axis, part in enumerate(key for key in keys if key is not Ellipsis):
            start, stop, step = part.indices(self.shape[axis])
            if step != 1:
                raise NotImplementedError("only slices without a step are recorded")
            result = self.recorder.part(result, axis, start, stop)
        return result

    def __neg__(self) -> Symbol:
        return self.recorder.negative(self)

    def __matmul__(self, other: Symbol) -> Symbol:
        return self.recorder.matmul(self, other)


def _binary(name: str) -> tuple[Callable[..., Symbol], Callable[..., Symbol]]:
    def method(self: Symbol, other: Any) -> Symbol:
        result: Symbol = getattr(self.recorder, name)(self, other)
        return result

    def reflected(self: Symbol, other: Any) -> Symbol:
        result: Symbol = getattr(self.recorder, name)(other, self)
        return result

    return method, reflected


_OPERATORS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "pow": "pow",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
    "and": "logical_and",
    "or": "logical_or",
}
for _python, _standard in _OPERATORS.items():
    _method, _reflected = _binary(_standard)
    setattr(Symbol, f"__{_python}__", _method)
    if _python in {"add", "sub", "mul", "truediv", "pow", "and", "or"}:
        setattr(Symbol, f"__r{_python}__", _reflected)

#: Elementwise functions that are recorded as they are, with the functions that fold numbers.
_UNARY = {
    **{name: getattr(np, name) for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos")},
    **{name: getattr(np, name) for name in ("tan", "sinh", "cosh", "tanh", "negative", "trunc")},
    "abs": np.abs,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "logical_not": np.logical_not,
}
_BINARY = {
    **{name: getattr(np, name) for name in ("add", "subtract", "multiply", "divide", "maximum")},
    "minimum": np.minimum,
    "pow": np.power,
}
_COMPARISONS = {
    name: getattr(np, name)
    for name in ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
} | {"logical_and": np.logical_and, "logical_or": np.logical_or}
ELEMENTWISE: dict[str, Callable[..., Any]] = {**_UNARY, **_BINARY, **_COMPARISONS}


class Recorder:
    """An array namespace whose functions record; the symbols are numbered in their order."""

    __name__ = __name__

    def __init__(self) -> None:
        self.known: dict[Any, Symbol] = {}

    def make(
        self, op: str, args: Sequence[Symbol], how: Any, shape: Sequence[int], kind: str = FLOAT
    ) -> Symbol:
        """Return the symbol of an operation; the same one if it was recorded before."""
        shape = tuple(shape)
        key = op, tuple(arg.number for arg in args), how, shape
        if key not in self.known:
            number = len(self.known)
            self.known[key] = Symbol(self, number, op, tuple(args), how, shape, kind)
        return self.known[key]

    def source(self, name: str, shape: tuple[int, ...]) -> Symbol:
        """Return an array that comes from outside."""
        return self.make("source", (), name, shape)

    # ── numbers and constant arrays ──

    def number(self, value: Number) -> Symbol:
        value = value.item() if isinstance(value, np.generic) else value
        key = value if isinstance(value, bool) else float(value)
        return self.make(
            "number",
            (),
            (type(key), repr(key)),
            (),
            BOOL if key is value and isinstance(value, bool) else FLOAT,
        )

    def asarray(self, value: Any, **_options: Any) -> Symbol:
        if isinstance(value, Symbol):
            return value
        array = np.asarray(value, dtype=None if np.asarray(value).dtype == bool else float)
        if array.size and (array == array.flat[0]).all():
            return self.broadcast_to(self.number(array.flat[0].item()), array.shape)
        return self.make("array", (), tuple(array.ravel().tolist()), array.shape)

    def full(self, shape: Any, value: Any, **_options: Any) -> Symbol:
        return self.broadcast_to(self.asarray(value), shape)

    def zeros(self, shape: Any, **_options: Any) -> Symbol:
        return self.full(shape, 0.0)

    def zeros_like(self, x: Symbol, **_options: Any) -> Symbol:
        return self.full(x.shape, 0.0)

    def ones_like(self, x: Symbol, **_options: Any) -> Symbol:
        return self.full(x.shape, 1.0)

    def full_like(self, x: Symbol, value: Any, **_options: Any) -> Symbol:
        return self.full(x.shape, value)

    def isdtype(self, dtype: tuple[str, Recorder], kind: Any) -> bool:
        kinds = kind if isinstance(kind, tuple) else (kind,)
        return ("bool" if dtype[0] == BOOL else "real floating") in kinds

    def result_type(self, *dtypes: tuple[str, Recorder]) -> tuple[str, Recorder]:
        return dtypes[0]

    # ── elementwise ──

    def elementwise(self, op: str, *operands: Any) -> Symbol:
        """Record an elementwise operation; what is the same all over is computed once."""
        symbols = [self.asarray(x) for x in operands]
        shape = _common(symbols)
        inner = [_unbroadcast(x) for x in symbols]
        if all(x.op == "number" for x in inner) and op != "where":
            with np.errstate(all="ignore"):
                result = self.number(ELEMENTWISE[op](*map(value_of, inner)))
        else:
            core = _common(inner)
            kind = BOOL if op in _COMPARISONS or op == "logical_not" else FLOAT
            result = self.make(op, inner, None, core, kind)
        return self.broadcast_to(result, shape)

    def add(self, x: Any, y: Any) -> Symbol:
        x, y = self.asarray(x), self.asarray(y)
        if x.shape == y.shape:
            if _is(x, 0.0) or _is(y, 0.0):
                term: Symbol = y if _is(x, 0.0) else x
                return term
            if x is y:
                return self.multiply(x, 2.0)
            if x.op == y.op == "reshape" and x.args[0].shape == y.args[0].shape:
                return self.reshape(self.add(x.args[0], y.args[0]), x.shape)
            if x.op == y.op == "concat":
                merged = self._added_parts(x, y)
                if merged is not None:
                    return merged
            (a, number), (b, other) = _split(x), _split(y)
            if abs(number) == abs(other) != 1.0:
                both = self.add(a, b) if number == other else self.subtract(a, b)
                return self.multiply(both, number)
            if x.op == "add" and b.op == "concat" and _split(x.args[1])[0].op == "concat":
                return self.add(x.args[0], self.add(x.args[1], y))
            if a.op == "concat" and b.op != "concat":
                x, y = y, x
        for one, other in ((x, y), (y, x)):
            inner = _unbroadcast(one)
            if inner.op == "multiply" and _is(inner.args[1], -1.0):
                return self.subtract(other, self.broadcast_to(inner.args[0], one.shape))
        return self.elementwise("add", x, y)

    def _added_parts(self, x: Symbol, y: Symbol) -> Symbol | None:
        """Add two concatenations part by part, if no part that is not zero has to be cut."""
        axis: int = x.how
        if y.how != axis:
            return None
        pieces: list[Symbol] = []
        left, right = list(x.args[::-1]), list(y.args[::-1])
        while left:
            a, b = left.pop(), right.pop()
            length = min(a.shape[axis], b.shape[axis])
            for piece, pile in ((a, left), (b, right)):
                if piece.shape[axis] > length:
                    if not _is(piece, 0.0):
                        return None
                    pile.append(self.part(piece, axis, length, piece.shape[axis]))
            a, b = (self.part(piece, axis, 0, length) for piece in (a, b))
            pieces.append(self.add(a, b))
        return self.concat(pieces, axis=axis)

    def subtract(self, x: Any, y: Any) -> Symbol:
        x, y = self.asarray(x), self.asarray(y)
        if x.shape == y.shape:
            if _is(y, 0.0):
                return self.asarray(x)
            (a, number), (b, other) = _split(x), _split(y)
            if abs(number) == abs(other) != 1.0:
                both = self.subtract(a, b) if number == other else self.add(a, b)
                return self.multiply(both, number)
        return self.elementwise("subtract", x, y)

    def negative(self, x: Symbol) -> Symbol:
        return self.multiply(x, -1.0)

    def multiply(self, x: Any, y: Any) -> Symbol:
        x, y = self.asarray(x), self.asarray(y)
        shape = _common([x, y])
        a, b = _unbroadcast(x), _unbroadcast(y)
        if a.op == "number":
            a, b = b, a
        if b.op == "number":
            number = value_of(b)
            if number == 1.0:
                return self.broadcast_to(a, shape)
            if number == 0.0:
                return self.full(shape, 0.0)
            if a.op == "multiply" and a.args[1].op == "number":
                return self.multiply(
                    self.broadcast_to(a.args[0], shape), value_of(a.args[1]) * number
                )
        for mask, other in ((a, b), (b, a)):
            # A test chooses 0 or a number, times something: it may choose that at once.
            if mask.op == "where" and _is(mask.args[1], 0.0) and mask.args[2].op == "number":
                scaled = self.multiply(other, mask.args[2])
                return self.broadcast_to(self.where(mask.args[0], 0.0, scaled), shape)
            # Numbers gather in front: (x · 2) · y is (x · y) · 2.
            if mask.op == "multiply" and mask.args[1].op == "number" and other.op != "number":
                return self.multiply(
                    self.broadcast_to(self.multiply(mask.args[0], other), shape), mask.args[1]
                )
        return self.broadcast_to(self.elementwise("multiply", a, b), shape)

    def divide(self, x: Any, y: Any) -> Symbol:
        divisor = _unbroadcast(self.asarray(y))
        if divisor.op == "number" and value_of(divisor) != 0.0:
            return self.multiply(x, 1.0 / value_of(divisor))
        x, number = _split(self.asarray(x))
        return self.multiply(self.elementwise("divide", x, y), number)

    def pow(self, x: Any, y: Any) -> Symbol:
        x, exponent = self.asarray(x), _unbroadcast(self.asarray(y))
        number = value_of(exponent)
        if number in (0.0, 1.0, 2.0):
            return (self.ones_like(x), x, self.multiply(x, x))[int(number)]
        return self.elementwise("pow", x, y)

    def logical_and(self, x: Symbol, y: Symbol) -> Symbol:
        for one, other in ((x, y), (y, x)):
            if (known := value_of(_unbroadcast(one))) is not None:
                return other if known else one
        return self.elementwise("logical_and", x, y)

    def where(self, test: Any, x: Any, y: Any) -> Symbol:
        test, x, y = map(self.asarray, (test, x, y))
        inner = [_unbroadcast(a) for a in (test, x, y)]
        if inner[0].op == "number":
            shape = _common([test, x, y])
            return self.broadcast_to(x if value_of(inner[0]) else y, shape)
        if (
            inner[0].op == "less_equal"
            and _is(x, 0.0)
            and inner[0].args[0] is y
            and _is(inner[0].args[1], 0.0)
        ):
            return self.maximum(y, 0.0)
        if _is(x, 0.0):
            y, number = _split(y)
            return self.multiply(self.elementwise("where", test, x, y), number)
        return self.elementwise("where", test, x, y)

    # ── shapes ──

    def broadcast_to(self, x: Symbol, shape: Sequence[int]) -> Symbol:
        shape = tuple(shape)
        x = _unbroadcast(x)
        return x if x.shape == shape else self.make("broadcast", (x,), shape, shape, x.kind)

    def reshape(self, x: Symbol, shape: Sequence[int], **_options: Any) -> Symbol:
        shape = tuple(shape)
        if -1 in shape:
            rest = -prod(shape)
            shape = tuple(x.size // rest if length == -1 else length for length in shape)
        if x.op == "reshape":
            x = x.args[0]
        if x.shape == shape:
            return x
        if x.op == "broadcast" and x.args[0].size == 1:
            return self.broadcast_to(self.reshape(x.args[0], ()), shape)
        if x.op == "number":
            return self.broadcast_to(x, shape)
        x, number = _split(x)
        return self.multiply(self.make("reshape", (x,), shape, shape, x.kind), number)

    def permute_dims(self, x: Symbol, axes: Sequence[int]) -> Symbol:
        axes = tuple(axes)
        if axes == tuple(range(x.ndim)):
            return x
        shape = [x.shape[axis] for axis in axes]
        if x.op == "broadcast" and x.args[0].size == 1:
            return self.broadcast_to(self.reshape(x.args[0], ()), shape)
        if x.op == "permute":
            return self.permute_dims(x.args[0], [x.how[axis] for axis in axes])
        x, number = _split(x)
        return self.multiply(self.make("permute", (x,), axes, shape, x.kind), number)

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
        if (start, stop) == (0, x.shape[axis]):
            return x
        inner, number = _split(x)
        if number != 1.0:
            return self.multiply(self.part(inner, axis, start, stop), number)
        shape = (*x.shape[:axis], stop - start, *x.shape[axis + 1 :])
        if x.op == "broadcast" and x.args[0].size == 1:
            return self.broadcast_to(x.args[0], shape)
        if x.op == "part" and x.how[0] == axis:
            first = x.how[1]
            return self.part(x.args[0], axis, first + start, first + stop)
        if x.op == "concat" and x.how == axis:
            end = 0
            for piece in x.args:
                end += piece.shape[axis]
                if start < end:
                    begin = end - piece.shape[axis]
                    if stop <= end:
                        return self.part(piece, axis, start - begin, stop - begin)
                    break
        if x.op == "permute":
            return self.permute_dims(self.part(x.args[0], x.how[axis], start, stop), x.how)
        if x.op == "matmul" and x.ndim == x.args[0].ndim == x.args[1].ndim and axis >= x.ndim - 2:
            # Rows of a product are the product of rows.
            left, right = x.args
            if axis == x.ndim - 2:
                return self.matmul(self.part(left, axis, start, stop), right)
            return self.matmul(left, self.part(right, axis, start, stop))
        return self.make("part", (x,), (axis, start, stop), shape, x.kind)

    def concat(self, parts: Sequence[Symbol], *, axis: int = 0) -> Symbol:
        pieces: list[Symbol] = []
        for part in parts:
            if pieces and _is(part, 0.0) and _is(pieces[-1], 0.0):
                length = pieces.pop().shape[axis] + part.shape[axis]
                part = self.zeros((*part.shape[:axis], length, *part.shape[axis + 1 :]))
            pieces.append(part)
        if len(pieces) == 1:
            return pieces[0]
        numbers = {_split(piece)[1] for piece in pieces if not _is(piece, 0.0)}
        if len(numbers) == 1 and numbers != {1.0}:
            inner = self.concat([_split(piece)[0] for piece in pieces], axis=axis)
            return self.multiply(inner, *numbers)
        length = sum(piece.shape[axis] for piece in pieces)
        shape = (*pieces[0].shape[:axis], length, *pieces[0].shape[axis + 1 :])
        return self.make("concat", pieces, axis, shape)

    # ── products and reductions ──

    def matmul(self, x: Symbol, y: Symbol) -> Symbol:
        stack = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
        (x, number), (y, other) = _split(x), _split(y)
        product = self.make("matmul", (x, y), None, (*stack, x.shape[-2], y.shape[-1]))
        return self.multiply(product, number * other)

    def sum(
        self, x: Symbol, *, axis: Any = None, keepdims: bool = False, **_options: Any
    ) -> Symbol:
        axes, shape = _reduced(x, axis, keepdims)
        if _unbroadcast(x).size == 1:
            count = x.size // prod(shape)
            return self.broadcast_to(self.multiply(self.reshape(_unbroadcast(x), ()), count), shape)
        return self.reduction("sum", x, axes, shape)

    def max(self, x: Symbol, *, axis: Any = None, keepdims: bool = False) -> Symbol:
        return self.reduction("max", x, *_reduced(x, axis, keepdims))

    def reduction(
        self, op: str, x: Symbol, axes: tuple[int, ...], shape: tuple[int, ...]
    ) -> Symbol:
        kept = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
        if kept == x.shape:
            return self.reshape(x, shape)
        a, b = x.args if op == "sum" and x.op == "multiply" else (x, x)
        if prod(kept) == 1 and a.shape == b.shape and x.op == "multiply":
            return self.reshape(self.make("dot", (a, b), None, kept), shape)
        inner = x.args[0] if x.op == "reshape" else x
        if prod(kept) == 1 and inner.op == op:  # a sum of sums
            return self.reduction(op, inner.args[0], tuple(range(inner.args[0].ndim)), shape)
        if op == "sum" and x.op == "add" and x.args[1].size == 1:
            total = self.reduction(op, self.broadcast_to(x.args[0], x.shape), axes, shape)
            return self.add(
                total,
                self.sum(
                    self.broadcast_to(x.args[1], x.shape), axis=axes, keepdims=len(shape) == x.ndim
                ),
            )
        if op == "sum" and x.op == "multiply" and x.args[1].op == "number":
            inner = self.broadcast_to(x.args[0], x.shape)
            return self.multiply(self.reduction(op, inner, axes, shape), x.args[1])
        return self.reshape(self.make(op, (x,), (axes, None), kept), shape)

    def maximum(self, x: Any, y: Any) -> Symbol:
        x, y = self.asarray(x), self.asarray(y)
        if x.op == "max" and x.how[1] is None and y.op == "number":
            return self.make("max", x.args, (x.how[0], value_of(y)), x.shape)
        return self.elementwise("maximum", x, y)

    def mean(self, x: Symbol, *, axis: Any = None, keepdims: bool = False) -> Symbol:
        total = self.sum(x, axis=axis, keepdims=keepdims)
        return self.multiply(total, total.size / x.size)


def _recorded(name: str) -> Callable[..., Symbol]:
    def function(self: Recorder, *operands: Any) -> Symbol:
        return self.elementwise(name, *operands)

    return function


for _name in ELEMENTWISE:
    if not hasattr(Recorder, _name):
        setattr(Recorder, _name, _recorded(_name))


def value_of(x: Symbol) -> Any:
    """Return the number behind a symbol that is one; of others None."""
    if x.op != "number":
        return None
    kind, text = x.how
    return float(text) if kind is float else text == "True"


def _unbroadcast(x: Symbol) -> Symbol:
    return x.args[0] if x.op == "broadcast" else x


def _split(x: Symbol) -> tuple[Symbol, float]:
    """Return an array and the number that it is multiplied with: 1 where there is none.

    Numbers are moved to the end, where one product with all of a gradient replaces many. Large and
    small ones stay, since without them an intermediate result might overflow.
    """
    if x.op == "multiply" and x.args[1].op == "number" and x.args[0].shape == x.shape:
        number: float = value_of(x.args[1])
        if LEAST < abs(number) < 1 / LEAST:
            return x.args[0], number
    return x, 1.0


def _common(symbols: Sequence[Symbol]) -> tuple[int, ...]:
    """Return the shape to which symbols broadcast."""
    shapes = {x.shape for x in symbols}  # mostly one
    return shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)


def _is(x: Symbol, number: float) -> bool:
    return bool(value_of(_unbroadcast(x)) == number)


def _reduced(x: Symbol, axis: Any, keepdims: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the axes of a reduction and the shape of its result."""
    given = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(sorted(a % x.ndim for a in given))
    if keepdims:
        return axes, tuple(1 if a in axes else n for a, n in enumerate(x.shape))
    return axes, tuple(n for a, n in enumerate(x.shape) if a not in axes)
