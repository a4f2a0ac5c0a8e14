"""Pass 7, source: a recording, written out as straight-line NumPy.

The source is what a person would write, but for some habits that save a tenth of a microsecond or
more in each call: results are passed as positional arguments, numbers that meet arrays are arrays
without axes, and long sums are products with a row of ones. Comments say where the lines come from:
``v1 = relu(v0)`` is a line of the listing, and ``∂v1`` the gradient that comes back to it.

Names: p are the parameters and x what is fed, a are buffers and c constants, n numbers, s floats.
A view is called by what it is a view of, as ``a1_0``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from .buffers import ARITHMETIC, Buffers, Made, Place, parts, view_text
from .notes import Notes
from .symbols import (
    BOOL,
    WHERE,
    Broadcast,
    Concatenated,
    DotProduct,
    MatrixProduct,
    Number,
    Part,
    Permuted,
    Reduction,
    Reshaped,
    Symbol,
    Taken,
    Ufunc,
    View,
)

__all__ = ["LONG", "SMALL", "prepare", "write"]

#: A function that computes the results of a batch.
Prepared: TypeAlias = Callable[[Any], tuple[Any, ...]]

#: Sums of so many numbers are products with ones: faster, and exact enough without pairing.
LONG = 4096

#: Matrices of so many numbers may be copied for the sake of a faster product.
SMALL = 4096


def prepare(source: str, constants: Mapping[str, Any], p: np.ndarray[Any, Any]) -> Prepared:
    """Run the part of a source that runs once, and return the function that it makes."""
    names: dict[str, Any] = {"inf": math.inf, "nan": math.nan, **constants, "np": np}
    exec(source, names)
    step: Prepared = names["prepare"](p)
    return step


def write(
    results: Sequence[Symbol], x: Symbol, p: Symbol, notes: Notes
) -> tuple[str, Mapping[str, Any]]:
    """Write the source of a function that computes some results; also return its constants.

    Args:
        results: what it returns; arrays are new ones in each call.
        x: the source that the function gets as its argument.
        p: the source that is the same array in all calls.
        notes: comments on what is computed.
    """
    buffers = Buffers(results, x, p)
    return _Writer(buffers, results, notes).source(), buffers.constants


class _Writer:
    """The state of the pass. Symbols are written in the order in which they were recorded."""

    def __init__(self, buffers: Buffers, results: Sequence[Symbol], notes: Notes) -> None:
        self.buffers, self.results, self.notes = buffers, dict.fromkeys(results), notes
        self.returns = results
        self.names: dict[Place, str] = {}  # of views and of made arrays
        self.counts: dict[str, int] = {}  # of the names of each array
        self.made: list[str] = []  # the lines that give names to what does not change
        self.floats: dict[Symbol, str] = {}  # what stands for a float
        self.lines: list[str] = []  # of the function
        self.at: dict[Symbol, int] = {}  # the numbers of the lines that compute symbols

    def source(self) -> str:
        for symbol in self.buffers.order:
            self.write(symbol)
        answers = "".join(f"{self.returned(symbol)}, " for symbol in self.returns)
        self.lines.append(f"return {answers.rstrip()}")
        self.comment()
        return "\n".join([
            "def prepare(p):",
            *(f"    {line}" for line in self.once()),
            "",
            '    @np.errstate(all="ignore")',
            "    def step(x):",
            *(f"        {line}" for line in self.lines),
            "",
            "    return step",
            "",
        ])  # fmt: skip

    def once(self) -> list[str]:
        """Return the lines that make buffers, and views of what does not change."""
        kinds = self.buffers.kinds.items()
        return [
            *(f"{a} = np.empty({shape}{', bool' * (kind == BOOL)})" for a, (shape, kind) in kinds),
            *(f"{place} = {number!r}" for place, number in self.buffers.numbers),
            *self.made,
        ]

    def line(self, text: str, symbol: Symbol) -> None:
        """Add the line to the function that computes a symbol."""
        self.at[symbol] = len(self.lines)
        self.lines.append(text)

    def comment(self) -> None:
        """Write behind the lines what they compute; what none does is an operand or a result."""
        comments: dict[int, list[str]] = {}
        for symbol, text in self.notes.placed(self.at):
            number = len(self.lines) - 1 if symbol is None else self.at[symbol]
            comments.setdefault(number, []).append(text)
        for number, texts in comments.items():
            self.lines[number] = f"{self.lines[number]:<42}  # {'; '.join(texts)}"

    # ── names ──

    def named(self, place: Place) -> str:
        """Return a name for what lies in a place."""
        base = place.base
        if not place.views and isinstance(base, str):
            return base
        if place not in self.names:
            stem = "n" if isinstance(base, Made) else base
            number = self.counts[stem] = self.counts.get(stem, -1) + 1
            name = f"n{number}" if isinstance(base, Made) else f"{base}_{number}"
            self.names[place] = name
            lines = self.lines if base == "x" else self.made  # what is fed is another in each call
            lines.append(f"{name} = {place}")
        return self.names[place]

    def constant(self, text: str) -> str:
        """Return a name for a made array."""
        return self.named(Place(Made(text)))

    def array(self, symbol: Symbol) -> str:
        """Return what stands for an operand of an array operation."""
        if isinstance(symbol.op, Number):
            return self.constant(f"np.array({symbol.op.value!r})")
        if symbol in self.buffers.floats:
            return self.floats[symbol]
        return self.named(self.buffers.place[symbol])

    def row(self, symbol: Symbol) -> str | None:
        """Return the elements of an array that lies in one piece as a row; None for others."""
        if symbol not in self.buffers.dense:
            return None
        place = self.buffers.place[symbol]
        return self.named(place if symbol.ndim == 1 else place.view(Reshaped((-1,))))

    def ones(self, *shape: int) -> str:
        return self.constant(f"np.ones({shape})")

    def float(self, symbol: Symbol) -> str:
        """Return what stands for a float, or a number."""
        if isinstance(symbol.op, Broadcast):
            return self.float(symbol.args[0])
        return repr(symbol.op.value) if isinstance(symbol.op, Number) else self.floats[symbol]

    # ── operations ──

    def write(self, symbol: Symbol) -> None:
        """Write the lines that compute a symbol, if it takes any."""
        if symbol in self.buffers.floats:
            self.write_float(symbol)
            return
        match symbol.op:
            case Concatenated():
                self.write_concat(symbol)
            case Broadcast():
                self.write_broadcast(symbol)
            case MatrixProduct():
                self.write_matmul(symbol)
            case Reduction() as reduction:
                self.write_reduction(symbol, reduction)
            case Taken():
                self.write_take(symbol)
            case Ufunc() as ufunc if ufunc != WHERE or symbol is self.buffers.answer:
                self.write_elementwise(symbol, ufunc)
            case Ufunc():
                self.write_where(symbol)
            case Reshaped() | Permuted() | Part() as view if symbol in self.buffers.copied:
                self.write_copy(symbol, view)

    def write_elementwise(self, symbol: Symbol, ufunc: Ufunc) -> None:
        call = f"np.{ufunc.function.__name__}({', '.join(map(self.array, symbol.args))}"
        if symbol is self.buffers.answer:
            self.line(f"answer = {call})", symbol)
        else:
            # NumPy deprecates a third positional argument of these two.
            out = "out=" if ufunc.name in ("maximum", "minimum") else ""
            self.line(f"{call}, {out}{self.array(symbol)})", symbol)

    def write_where(self, symbol: Symbol) -> None:
        test, x, _y = symbol.args
        names, target = [self.array(arg) for arg in symbol.args], self.array(symbol)
        if target != names[2]:
            self.lines.append(f"{target}[...] = {names[2]}")
        if test.shape == symbol.shape and not x.shape:
            self.line(f"np.putmask({target}, {names[0]}, {names[1]})", symbol)
        else:
            self.line(f"np.copyto({target}, {names[1]}, where={names[0]})", symbol)

    def write_copy(self, symbol: Symbol, view: View) -> None:
        (x,) = symbol.args
        if isinstance(view, Reshaped):  # of what is in pieces: put the pieces into the new array
            target = self.named(self.buffers.place[symbol].view(Reshaped(x.shape)))
            self.line(f"{target}[...] = {self.array(x)}", symbol)
        else:
            self.line(f"{self.array(symbol)}[...] = {self.array(x)}{view_text(view)}", symbol)

    def write_concat(self, symbol: Symbol) -> None:
        for number, (part, where) in enumerate(parts(symbol)):
            if self.buffers.is_in_place(symbol, number):
                continue
            place = self.buffers.place[symbol].view(where)
            if part in self.buffers.floats:
                self.lines.append(f"{place} = {self.float(part)}")
            else:
                fed = part in self.buffers.fed  # a view that need not have a name
                array = self.buffers.place[part] if fed else self.array(part)
                self.lines.append(f"{self.named(place)}[...] = {array}")

    def write_broadcast(self, symbol: Symbol) -> None:
        (x,) = symbol.args
        if x in self.buffers.floats:
            self.line(f"{self.array(symbol)}.fill({self.float(x)})", symbol)
        elif not isinstance(x.op, Number):
            self.line(f"{self.array(symbol)}[...] = {self.array(x)}", symbol)

    def write_matmul(self, symbol: Symbol) -> None:
        x, y = symbol.args
        for one, other in ((x, y), (y, x)):
            if one.size == 1 and one.ndim == 2 == other.ndim:
                factors = f"{self.array(other)}, {self.array(one)}"
                self.line(f"np.multiply({factors}, {self.array(symbol)})", symbol)
                return
        copied = self.is_copied(x) or self.is_copied(y)
        self.write_product(symbol, self.array(x), self.array(y), copied)

    def write_product(self, symbol: Symbol, left: str, right: str, copied: bool = False) -> None:
        # Of matrices dot is faster, but what lies in pieces it copies, and so it must not be large.
        dot = symbol.ndim == 2 and symbol in self.buffers.dense and not copied
        name = "dot" if dot else "matmul"
        self.line(f"np.{name}({left}, {right}, {self.array(symbol)})", symbol)

    def is_copied(self, matrix: Symbol) -> bool:
        """Say whether dot would copy a large matrix: a part of what is fed, or of a batch."""
        inner = matrix.args[0] if isinstance(matrix.op, Permuted) else matrix
        large = inner in self.buffers.fed or inner.size > SMALL
        return large and inner not in self.buffers.dense

    def write_take(self, symbol: Symbol) -> None:
        # With another mode than the default one, NumPy writes right into the result.
        if symbol.args[0] in self.buffers.floats:
            self.line(f"{self.array(symbol)}.fill({self.float(symbol.args[0])})", symbol)
            return
        x, numbers = map(self.array, symbol.args)
        self.line(f'{x}.take({numbers}, 0, {self.array(symbol)}, "clip")', symbol)

    def write_reduction(self, symbol: Symbol, reduction: Reduction) -> None:
        (x,), axes = symbol.args, reduction.axes
        axis = axes[0] if len(axes) == 1 else axes
        if reduction.name == "sum" and x.ndim == 2 and x in self.buffers.dense:
            # For matrices of this size the product with a row or column of ones is faster.
            ones = self.ones(x.shape[1], 1) if axis else self.ones(1, x.shape[0])
            factors = (self.array(x), ones) if axis else (ones, self.array(x))
            self.write_product(symbol, *factors)
            return
        function, least = _reducing(reduction)
        into = f"{axis}, None, {self.array(symbol)}, True{least}"
        self.line(f"{function}.reduce({self.array(x)}, {into})", symbol)

    # ── floats ──

    def write_float(self, symbol: Symbol) -> None:
        match symbol.op:
            case Reduction() | DotProduct() as reduction:
                text = self.total(symbol, reduction)
            case Ufunc() as ufunc:
                text = f" {ARITHMETIC[ufunc]} ".join(map(self.float, symbol.args))
            case _:  # a view
                self.floats[symbol] = self.float(symbol.args[0])
                return
        self.floats[symbol] = f"s{symbol.number}"
        self.line(f"s{symbol.number} = {text}", symbol)

    def total(self, symbol: Symbol, reduction: Reduction | DotProduct) -> str:
        """Return the expression of a reduction to a single number."""
        x, rows = symbol.args[0], [self.row(arg) for arg in symbol.args]
        if isinstance(reduction, DotProduct):
            if None in rows:
                return f"np.vdot({', '.join(map(self.array, symbol.args))}).item()"
        elif reduction.name == "sum" and x.size <= LONG:
            rows.append(self.ones(x.size))
        if len(rows) == 2 and None not in rows:
            return f"np.dot({rows[0]}, {rows[1]}).item()"
        assert isinstance(reduction, Reduction)
        function, least = _reducing(reduction)
        return f"{function}.reduce({self.array(x)}, None, None, None, False{least}).item()"

    # ── results ──

    def returned(self, symbol: Symbol) -> str:
        """Return the expression for a result: a float, or an array that belongs to the caller."""
        if symbol is self.buffers.answer:
            return "answer"
        if symbol in self.buffers.floats or isinstance(symbol.op, Number):
            number = self.float(symbol)
            return f"np.full({symbol.shape}, {number})" if symbol.shape else number
        return f"{self.array(symbol)}.{'copy' if symbol.shape else 'item'}()"


def _reducing(reduction: Reduction) -> tuple[str, str]:
    """Return the function that reduces, and the argument for what the result is at least."""
    least = "" if reduction.least is None else f", {reduction.least!r}"
    return ("np.add" if reduction.name == "sum" else "np.maximum"), least
