"""Pass 5, on NumPy: a recording becomes straight-line source, with buffers that are made once.

Of what was recorded only that is written which leads to a result. Every array gets a buffer; one
whose array is not needed any more is used again. The parts of a concatenation are computed where
they belong, so concatenating costs nothing. What has a single element is a Python float.

The source is what a person would write, but for some habits that save a tenth of a microsecond or
more in each call: results are passed as positional arguments, numbers that meet arrays are arrays
without axes, and long sums are products with a row of ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from ..ops import SLOPES
from .record import BOOL, ELEMENTWISE, Symbol, value_of

__all__ = ["LONG", "SMALL", "prepare", "write"]

#: A function that computes the results of a batch.
Step: TypeAlias = Callable[[Any], tuple[Any, ...]]

#: Sums of so many numbers are products with ones: faster, and exact enough without pairing.
LONG = 4096

#: Matrices of so many numbers may be copied for the sake of a faster product.
SMALL = 4096

_VIEWS = {"reshape", "part", "permute"}
_ELEMENTWISE = {*ELEMENTWISE, "where"}
_REDUCTIONS = {"sum", "max", "dot"}
_COMPUTED = {*_ELEMENTWISE, *_REDUCTIONS, "matmul"}
_COPIED = _ELEMENTWISE | _REDUCTIONS
_FLOATS = _ELEMENTWISE | _VIEWS | _REDUCTIONS  # what of a single element is a Python float

#: The names of NumPy where they differ from those of the standard.
_NUMPY = {"abs": "absolute", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "pow": "power"}

#: Operations on floats that name each operand once.
_ONCE = {*ELEMENTWISE} - {"maximum", "minimum"}

#: How floats are computed, where it is not by a function of the same name.
_FLOAT = {
    name: f"{{0}} {symbol} {{1}}"
    for name, symbol in {
        "add": "+",
        "subtract": "-",
        "multiply": "*",
        "divide": "/",
        "less": "<",
        "less_equal": "<=",
        "greater": ">",
        "greater_equal": ">=",
        "equal": "==",
        "not_equal": "!=",
        "logical_and": "and",
        "logical_or": "or",
    }.items()
} | {
    "negative": "-{0}",
    "logical_not": "not {0}",
    "maximum": "{0} if {0} >= {1} or {0} != {0} else {1}",
    "minimum": "{0} if {0} <= {1} or {0} != {0} else {1}",
    "where": "{1} if {0} else {2}",
    "pow": "power({0}, {1})",
    "trunc": "float(int({0}))",
}


def prepare(source: str, constants: dict[str, Any], p: np.ndarray[Any, Any]) -> Step:
    """Run the part of a source that runs once, and return the function that it makes."""
    names: dict[str, Any] = {**SLOPES, **constants, "np": np}
    exec(source, names)
    step: Step = names["prepare"](p)
    return step


def write(results: Sequence[Symbol], x: Symbol, p: Symbol) -> tuple[str, dict[str, Any]]:
    """Write the source of a function that computes some results; also return its constants.

    Args:
        results: what it returns; arrays are new ones in each call.
        x: the source that the function gets as its argument.
        p: the source that is the same array in all calls.
    """
    return _Writer(results, x, p).run()


class _Writer:
    """The state of the pass. Symbols are written in the order in which they were recorded."""

    def __init__(self, results: Sequence[Symbol], x: Symbol, p: Symbol) -> None:
        self.results, self.wanted = list(results), set(results)
        self.order = _leading_to(results)
        self.users: dict[Symbol, list[Symbol]] = {symbol: [] for symbol in self.order}
        for symbol in self.order:
            for arg in dict.fromkeys(symbol.args):
                self.users[arg].append(symbol)
        self.once: list[str] = []  # lines that run once
        self.always: list[str] = []  # lines that run in each call
        self.text = {x: "x", p: "p"}  # how each symbol is called
        self.moving = {x}  # arrays that are others in each call, and their views
        self.dense = {p}  # arrays whose elements lie in one piece
        self.views: dict[str, str] = {}  # names, by what they stand for
        self.items: dict[Symbol, str] = {}  # names of the elements of arrays that have only one
        self.lists: set[Symbol] = set()  # sources of which there is a list
        self.placed: dict[Symbol, tuple[str, bool]] = {}  # arrays that are parts of another
        self.buffer: dict[Symbol, str] = {}  # of each array that can give it back
        self.free: dict[Any, list[str]] = {}  # buffers that were given back
        self.buffers = 0
        self.constants: dict[str, Any] = {}

    def run(self) -> tuple[str, dict[str, Any]]:
        self.base, ends = self.lives()
        self.ends = ends
        for symbol in self.order:
            if symbol.op == "concat":
                self.place_parts(symbol)
            if symbol.op == "source":
                self.list_elements(symbol)
        for symbol in self.order:
            self.write(symbol)
            for ended in ends.get(symbol, ()):
                if ended in self.buffer:
                    self.free.setdefault(_kind(ended), []).append(self.buffer.pop(ended))
        answer = ", ".join(map(self.returned, self.results))
        return "\n".join([
            "def prepare(p):",
            *(f"    {line}" for line in self.once),
            "",
            '    @np.errstate(all="ignore")',
            "    def step(x):",
            *(f"        {line}" for line in self.always),
            f"        return {answer},",
            "",
            "    return step",
            "",
        ]), self.constants  # fmt: skip

    def lives(self) -> tuple[dict[Symbol, Symbol], dict[Symbol, dict[Symbol, None]]]:
        """Return the array that each symbol is a view of, and the arrays that end with a symbol."""
        base: dict[Symbol, Symbol] = {}
        last: dict[Symbol, Symbol] = {}
        for symbol in self.order:
            base[symbol] = base[symbol.args[0]] if symbol.op in _VIEWS else symbol
            for arg in (symbol, *symbol.args):
                last[base[arg]] = symbol
        for result in self.results:
            last.pop(base[result], None)
        ends: dict[Symbol, dict[Symbol, None]] = {}
        for symbol, user in last.items():
            ends.setdefault(user, {})[symbol] = None
        return base, ends

    def place_parts(self, concat: Symbol) -> None:
        """Find the arrays that can be computed right where a concatenation has them."""
        name = self.text[concat] = self.allocated(concat)
        self.dense.add(concat)
        for part, where, dense in _parts(concat):
            place = f"{name}{where}"
            if (number := _same_all_over(part)) is not None:
                self.once.append(f"{place} = {_literal(number)}")
                continue
            while part.op == "reshape" and dense:
                part = part.args[0]
                place = f"{name}{where}.reshape{part.shape}"
            if part.op == "permute":
                axes = tuple(part.how.index(axis) for axis in range(part.ndim))
                place, part, dense = f"{place}.transpose{axes}", part.args[0], False
            if part.op in _COMPUTED and not _is_scalar(part):
                self.placed.setdefault(part, (place, dense))

    def list_elements(self, source: Symbol) -> None:
        """Make a list of a source whose elements are used one by one."""
        if sum(map(_is_scalar, self.users[source])) > 3:
            self.lists.add(source)
            self.always.append(f"{self.text[source]}_ = {self.text[source]}.ravel().tolist()")

    # ── names ──

    def allocated(self, symbol: Symbol) -> str:
        name = f"a{self.buffers}"
        self.buffers += 1
        dtype = ", bool" if symbol.kind == BOOL else ""
        self.once.append(f"{name} = np.empty({symbol.shape}{dtype})")
        return name

    def view(self, text: str, moving: bool = False) -> str:
        """Return a name for an expression that makes a view."""
        if text not in self.views:
            self.views[text] = f"v{len(self.views)}"
            (self.always if moving else self.once).append(f"{self.views[text]} = {text}")
        return self.views[text]

    def operand(self, symbol: Symbol) -> str:
        """Return what stands for an operand of an array operation."""
        if symbol.op == "number":
            return self.view(f"np.array({_literal(value_of(symbol))})")
        return self.text[symbol]

    def flat(self, symbol: Symbol) -> str | None:
        """Return the elements of an array that lies in one piece as a row; None for others."""
        if symbol.op == "number" or symbol not in self.dense or symbol in self.moving:
            return None
        return self.text[symbol] if symbol.ndim == 1 else self.view(f"{self.text[symbol]}.ravel()")

    def item(self, symbol: Symbol) -> str:
        """Return what stands for the only element of an operand, as a float."""
        if symbol.op == "broadcast":
            return self.item(symbol.args[0])
        if symbol.op == "number":
            return _literal(value_of(symbol))
        if _is_scalar(symbol):
            return self.text[symbol]
        if symbol not in self.items:
            self.items[symbol] = f"s{symbol.number}"
            self.always.append(f"s{symbol.number} = {self.text[symbol]}.item()")
        return self.items[symbol]

    def target(self, symbol: Symbol) -> str:
        """Return the name of the buffer that takes a result."""
        if symbol in self.placed:
            place, dense = self.placed[symbol]
            self.text[symbol] = self.view(place)
            if dense:
                self.dense.add(symbol)
            return self.text[symbol]
        self.dense.add(symbol)
        inplace = self.ending_operand(symbol)
        if inplace is not None:
            name = self.buffer.pop(inplace)
        else:
            free = self.free.get(_kind(symbol))
            name = free.pop() if free else self.allocated(symbol)
        self.buffer[symbol] = self.text[symbol] = name
        return name

    def ending_operand(self, symbol: Symbol) -> Symbol | None:
        """Return an operand that nothing needs after an elementwise operation on it, if any."""
        if symbol.op not in _ELEMENTWISE:
            return None
        # A choice is written over its last operand, so that one is the first to be read.
        for arg in symbol.args[2:] if symbol.op == "where" else symbol.args:
            alone = sum(self.base[other] is arg for other in dict.fromkeys(symbol.args)) == 1
            fits = arg in self.buffer and _kind(arg) == _kind(symbol)
            if fits and alone and arg in self.ends.get(symbol, ()):
                return arg
        return None

    # ── operations ──

    def write(self, symbol: Symbol) -> None:
        if symbol.op in ("source", "number") or self.is_unused(symbol):
            return
        if symbol.op == "array":
            self.text[symbol] = f"c{len(self.constants)}"
            self.constants[self.text[symbol]] = np.array(symbol.how).reshape(symbol.shape)
            self.dense.add(symbol)
        elif _is_scalar(symbol):
            self.write_scalar(symbol)
        elif symbol.op in _VIEWS:
            self.write_view(symbol)
        elif symbol.op == "concat":
            self.write_concat(symbol)
        elif symbol.op == "broadcast":
            self.write_broadcast(symbol)
        elif symbol.op == "matmul":
            self.write_matmul(symbol)
        elif symbol.op in ("sum", "max"):
            self.write_reduction(symbol)
        elif self.is_new(symbol):
            self.text[symbol] = "answer"
            self.always.append(f"answer = {self.call(symbol)})")
        elif symbol.op == "where":
            self.write_where(symbol)
        else:
            # NumPy deprecates a third positional argument of these two.
            out = "out=" if symbol.op in ("maximum", "minimum") else ""
            self.always.append(f"{self.call(symbol)}, {out}{self.target(symbol)})")

    def is_unused(self, symbol: Symbol) -> bool:
        """Say whether a constant is needed only where it is written by another name."""
        users = self.users[symbol]
        return (
            symbol.op == "broadcast"
            and symbol.args[0].op == "number"
            and symbol not in self.wanted
            and all(user.op == "concat" for user in users)
        )

    def is_new(self, symbol: Symbol) -> bool:
        """Say whether a symbol is a result alone, so that it is computed into a new array."""
        return (
            symbol in self.wanted
            and symbol.op in ELEMENTWISE
            and not self.users[symbol]
            and "answer" not in self.text.values()
        )

    def call(self, symbol: Symbol) -> str:
        return f"np.{_NUMPY.get(symbol.op, symbol.op)}({', '.join(map(self.operand, symbol.args))}"

    def write_scalar(self, symbol: Symbol) -> None:
        name = f"s{symbol.number}"
        args = symbol.args
        if symbol.op in _VIEWS:
            if _is_scalar(args[0]) or args[0].size == 1:
                self.text[symbol] = self.item(args[0])
                return
            if symbol.op == "part" and args[0] in self.lists:
                value = f"{self.text[args[0]]}_[{symbol.how[1]}]"
            else:
                value = f"{self.text[args[0]]}{_view_text(symbol)}.item()"
        elif symbol.op in _REDUCTIONS:
            value = self.total(symbol)
        elif symbol.op in _FLOAT:
            value = _FLOAT[symbol.op].format(*map(self.item, args))
        else:
            value = f"{symbol.op}({', '.join(map(self.item, args))})"
        if self.is_inner(symbol, value):
            self.text[symbol] = f"({value})"
            return
        self.text[symbol] = name
        self.always.append(f"{name} = {value}")

    def is_inner(self, symbol: Symbol, value: str) -> bool:
        """Say whether a float needs no name, since only one other expression uses it, once."""
        users = self.users[symbol]
        return (
            symbol.op in _ELEMENTWISE
            and len(users) == 1
            and users[0].op in _ONCE
            and _is_scalar(users[0])
            and symbol not in self.wanted
            and sum(arg is symbol for arg in users[0].args) == 1
            and len(value) < 60
        )

    def total(self, symbol: Symbol) -> str:
        rows = [self.flat(x) for x in symbol.args]
        if symbol.op == "dot":
            if None in rows:
                return f"np.vdot({', '.join(map(self.operand, symbol.args))}).item()"
            return f"np.dot({', '.join(map(str, rows))}).item()"
        (x,) = symbol.args
        if symbol.op == "sum" and rows[0] and x.size <= LONG:
            return f"np.dot({rows[0]}, {self.ones((x.size,))}).item()"
        function, least = _reduction(symbol)
        return f"{function}.reduce({self.operand(x)}, None, None, None, False{least}).item()"

    def write_view(self, symbol: Symbol) -> None:
        (x,) = symbol.args
        if symbol.op == "reshape" and x not in self.dense and not _splits(x.shape, symbol.shape):
            target = self.target(symbol)
            target = self.view(f"{target}.reshape{x.shape}")
            self.always.append(f"{target}[...] = {self.text[x]}")
            return
        if x in self.moving and sum(user.op in _COPIED for user in self.users[symbol]) > 1:
            # What is fed does not lie in one piece; to copy it once is faster than to use it twice.
            self.always.append(f"{self.target(symbol)}[...] = {self.text[x]}{_view_text(symbol)}")
            return
        if x in self.moving:
            self.moving.add(symbol)
        leading = symbol.op == "part" and prod(x.shape[: symbol.how[0]]) == 1
        if x in self.dense and (symbol.op == "reshape" or leading):
            self.dense.add(symbol)
        self.text[symbol] = self.view(f"{self.text[x]}{_view_text(symbol)}", x in self.moving)

    def write_concat(self, symbol: Symbol) -> None:
        for part, where, _dense in _parts(symbol):
            source = part
            while source.op in ("reshape", "permute") and source not in self.placed:
                source = source.args[0]
            if _same_all_over(part) is None and not self.placed.get(source, ("",))[0].startswith(
                f"{self.text[symbol]}{where}"
            ):
                place = f"{self.text[symbol]}{where}"
                if _is_scalar(part):
                    self.always.append(f"{place} = {self.item(part)}")
                else:
                    self.always.append(f"{self.view(place)}[...] = {self.text[part]}")

    def write_broadcast(self, symbol: Symbol) -> None:
        (x,) = symbol.args
        if x.op == "number":
            self.text[symbol] = self.view(f"np.full({symbol.shape}, {self.item(x)})")
            self.dense.add(symbol)
        elif _is_scalar(x):
            self.always.append(f"{self.target(symbol)}.fill({self.item(x)})")
        else:
            self.always.append(f"{self.target(symbol)}[...] = {self.operand(x)}")

    def write_matmul(self, symbol: Symbol) -> None:
        x, y = symbol.args
        for one, other in ((x, y), (y, x)):
            if one.size == 1 and one.ndim == 2 == other.ndim:
                number, array = self.item(one), self.operand(other)
                self.always.append(f"np.multiply({array}, {number}, {self.target(symbol)})")
                return
        copied = self.is_copied(x) or self.is_copied(y)
        self.write_product(symbol, self.operand(x), self.operand(y), copied)

    def write_product(self, symbol: Symbol, left: str, right: str, copied: bool = False) -> None:
        target = self.target(symbol)
        # Of matrices dot is faster, but what lies in pieces it copies, and so it must not be large.
        dot = symbol.ndim == 2 and symbol in self.dense and not copied
        self.always.append(f"np.{'dot' if dot else 'matmul'}({left}, {right}, {target})")

    def ones(self, shape: tuple[int, ...]) -> str:
        return self.view(f"np.ones({shape})")

    def is_copied(self, matrix: Symbol) -> bool:
        """Say whether dot would copy a large matrix: a part of what is fed, or of a batch."""
        inner = matrix.args[0] if matrix.op == "permute" else matrix
        return inner not in self.dense and (inner in self.moving or inner.size > SMALL)

    def write_reduction(self, symbol: Symbol) -> None:
        function, least = _reduction(symbol)
        (x,), (axes, _) = symbol.args, symbol.how
        axis = axes[0] if len(axes) == 1 else axes
        if symbol.op == "sum" and x.ndim == 2 and x in self.dense:
            # For matrices of this size the product with a row or column of ones is faster.
            ones = self.ones((x.shape[1], 1) if axis else (1, x.shape[0]))
            factors = (self.text[x], ones) if axis else (ones, self.text[x])
            self.write_product(symbol, *factors)
            return
        into = f"{axis}, None, {self.target(symbol)}, True{least}"
        self.always.append(f"{function}.reduce({self.operand(x)}, {into})")

    def write_where(self, symbol: Symbol) -> None:
        test, x, _y = symbol.args
        names = [self.operand(arg) for arg in symbol.args]
        target = self.target(symbol)
        if target != names[2]:
            self.always.append(f"{target}[...] = {names[2]}")
        if test.shape == symbol.shape and not x.shape:
            self.always.append(f"np.putmask({target}, {names[0]}, {names[1]})")
        else:
            self.always.append(f"np.copyto({target}, {names[1]}, where={names[0]})")

    def returned(self, symbol: Symbol) -> str:
        """Return the expression for a result: a float, or an array that belongs to the caller."""
        if symbol.size == 1 and (symbol.op == "number" or _is_scalar(symbol)):
            return (
                self.item(symbol)
                if not symbol.shape
                else f"np.full({symbol.shape}, {self.item(symbol)})"
            )
        if self.text.get(symbol) == "answer":
            return "answer"
        return f"{self.text[symbol]}.copy()"


def _leading_to(results: Sequence[Symbol]) -> list[Symbol]:
    """Return the symbols that some results need, in the order in which they were recorded."""
    needed: set[Symbol] = set()
    stack = list(results)
    while stack:
        symbol = stack.pop()
        if symbol not in needed:
            needed.add(symbol)
            stack.extend(symbol.args)
    return sorted(needed, key=lambda symbol: symbol.number)


def _is_scalar(symbol: Symbol) -> bool:
    """Say whether a symbol is computed as a Python float."""
    return symbol.op in _FLOATS and symbol.size == 1


def _reduction(symbol: Symbol) -> tuple[str, str]:
    """Return the function that reduces, and the argument for what the result is at least."""
    least = symbol.how[1]
    initial = "" if least is None else f", {_literal(least)}"
    return ("np.add" if symbol.op == "sum" else "np.maximum"), initial


def _kind(symbol: Symbol) -> tuple[tuple[int, ...], str]:
    return symbol.shape, symbol.kind


def _parts(concat: Symbol) -> Iterator[tuple[Symbol, str, bool]]:
    """Yield the parts of a concatenation, where each is, and whether it lies in one piece."""
    axis, start = concat.how, 0
    dense = prod(concat.shape[:axis]) == 1
    for part in concat.args:
        stop = start + part.shape[axis]
        yield part, f"[{':, ' * axis}{start}:{stop}]", dense
        start = stop


def _same_all_over(symbol: Symbol) -> float | None:
    inner = symbol.args[0] if symbol.op == "broadcast" else symbol
    number: float | None = value_of(inner)
    return number


def _view_text(symbol: Symbol) -> str:
    if symbol.op == "reshape":
        return f".reshape{symbol.shape}"
    if symbol.op == "permute":
        return ".T" if symbol.how == (1, 0) else f".transpose{symbol.how}"
    axis, start, stop = symbol.how
    return f"[{':, ' * axis}{start}:{stop}]"


def _splits(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Say whether a shape only splits axes of another one, so that no element has to move."""
    parts = [length for length in new if length != 1]
    for length in old:
        if length == 1:
            continue
        reach = 1
        while reach < length and parts:
            reach *= parts.pop(0)
        if reach != length:
            return False
    return not parts


def _literal(number: Any) -> str:
    if isinstance(number, float) and not math.isfinite(number):
        return "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"
    return repr(number)
