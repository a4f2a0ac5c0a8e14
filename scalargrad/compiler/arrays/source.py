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
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from .buffers import ARITHMETIC, REDUCTIONS, Buffers, parts, view_text
from .notes import Notes
from .record import BOOL, ELEMENTWISE, VIEWS, Symbol, value_of

__all__ = ["LONG", "SMALL", "prepare", "write"]

#: A function that computes the results of a batch.
Step: TypeAlias = Callable[[Any], tuple[Any, ...]]

#: Sums of so many numbers are products with ones: faster, and exact enough without pairing.
LONG = 4096

#: Matrices of so many numbers may be copied for the sake of a faster product.
SMALL = 4096


def _numpy(op: str) -> str:
    """Return what NumPy itself calls an operation of the standard: arcsin, where that has asin."""
    name: str = ELEMENTWISE[op].__name__
    return name


def prepare(source: str, constants: Mapping[str, Any], p: np.ndarray[Any, Any]) -> Step:
    """Run the part of a source that runs once, and return the function that it makes."""
    names: dict[str, Any] = {"inf": math.inf, "nan": math.nan, **constants, "np": np}
    exec(source, names)
    step: Step = names["prepare"](p)
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
        self.views: dict[str, str] = {}  # names, by what they stand for
        self.counts: dict[str, int] = {}  # of the views of each array
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
            *(f"{name} = {text}" for text, name in self.views.items() if not _is_fed(text)),
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

    def named(self, text: str) -> str:
        """Return a name for the expression of a view or a number."""
        if text.isidentifier():
            return text
        if text not in self.views:
            base = re.match(r"\w+", text)[0]  # type: ignore[index]
            count = self.counts[base] = self.counts.get(base, -1) + 1
            self.views[text] = f"n{count}" if base == "np" else f"{base}_{count}"
            if _is_fed(text):
                self.lines.append(f"{self.views[text]} = {text}")
        return self.views[text]

    def array(self, symbol: Symbol) -> str:
        """Return what stands for an operand of an array operation."""
        if symbol.op == "number":
            return self.named(f"np.array({value_of(symbol)!r})")
        return (
            self.floats[symbol]
            if symbol in self.buffers.floats
            else self.named(self.buffers.text[symbol])
        )

    def row(self, symbol: Symbol) -> str | None:
        """Return the elements of an array that lies in one piece as a row; None for others."""
        if symbol not in self.buffers.dense:
            return None
        text = self.buffers.text[symbol]
        return self.named(text if symbol.ndim == 1 else f"{text}.ravel()")

    def ones(self, *shape: int) -> str:
        return self.named(f"np.ones({shape})")

    def float(self, symbol: Symbol) -> str:
        """Return what stands for a float, or a number."""
        if symbol.op == "broadcast":
            return self.float(symbol.args[0])
        return repr(value_of(symbol)) if symbol.op == "number" else self.floats[symbol]

    # ── operations ──

    def write(self, symbol: Symbol) -> None:
        """Write the lines that compute a symbol, if it takes any."""
        op = symbol.op
        if symbol in self.buffers.floats:
            self.write_float(symbol)
        elif op == "concat":
            self.write_concat(symbol)
        elif op == "broadcast":
            self.write_broadcast(symbol)
        elif op == "matmul":
            self.write_matmul(symbol)
        elif op in REDUCTIONS:
            self.write_reduction(symbol)
        elif op == "take":
            self.write_take(symbol)
        elif op == "where" and symbol is not self.buffers.answer:
            self.write_where(symbol)
        elif op in ELEMENTWISE:
            self.write_elementwise(symbol)
        elif symbol in self.buffers.copied:
            self.write_copy(symbol)

    def write_elementwise(self, symbol: Symbol) -> None:
        call = f"np.{_numpy(symbol.op)}({', '.join(map(self.array, symbol.args))}"
        if symbol is self.buffers.answer:
            self.line(f"answer = {call})", symbol)
        else:
            # NumPy deprecates a third positional argument of these two.
            out = "out=" if symbol.op in ("maximum", "minimum") else ""
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

    def write_copy(self, symbol: Symbol) -> None:
        (x,) = symbol.args
        if symbol.op == "reshape":  # of what is in pieces: put the pieces into the new array
            target = self.named(f"{self.buffers.text[symbol]}.reshape{x.shape}")
            self.line(f"{target}[...] = {self.array(x)}", symbol)
        else:
            self.line(f"{self.array(symbol)}[...] = {self.array(x)}{view_text(symbol)}", symbol)

    def write_concat(self, symbol: Symbol) -> None:
        for number, (part, where) in enumerate(parts(symbol)):
            if self.buffers.is_in_place(symbol, number):
                continue
            place = f"{self.buffers.text[symbol]}{where}"
            if part in self.buffers.floats:
                self.lines.append(f"{place} = {self.float(part)}")
            else:
                fed = part in self.buffers.fed  # a view that need not have a name
                array = self.buffers.text[part] if fed else self.array(part)
                self.lines.append(f"{self.named(place)}[...] = {array}")

    def write_broadcast(self, symbol: Symbol) -> None:
        (x,) = symbol.args
        if x in self.buffers.floats:
            self.line(f"{self.array(symbol)}.fill({self.float(x)})", symbol)
        elif x.op != "number":
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
        inner = matrix.args[0] if matrix.op == "permute" else matrix
        large = inner in self.buffers.fed or inner.size > SMALL
        return large and inner not in self.buffers.dense

    def write_take(self, symbol: Symbol) -> None:
        # With another mode than the default one, NumPy writes right into the result.
        if symbol.args[0] in self.buffers.floats:
            self.line(f"{self.array(symbol)}.fill({self.float(symbol.args[0])})", symbol)
            return
        x, numbers = map(self.array, symbol.args)
        self.line(f'{x}.take({numbers}, 0, {self.array(symbol)}, "clip")', symbol)

    def write_reduction(self, symbol: Symbol) -> None:
        (x,), (axes, *_) = symbol.args, _axes(symbol)
        axis = axes[0] if len(axes) == 1 else axes
        if symbol.op == "sum" and x.ndim == 2 and x in self.buffers.dense:
            # For matrices of this size the product with a row or column of ones is faster.
            ones = self.ones(x.shape[1], 1) if axis else self.ones(1, x.shape[0])
            factors = (self.array(x), ones) if axis else (ones, self.array(x))
            self.write_product(symbol, *factors)
            return
        function, least = _reduction(symbol)
        into = f"{axis}, None, {self.array(symbol)}, True{least}"
        self.line(f"{function}.reduce({self.array(x)}, {into})", symbol)

    # ── floats ──

    def write_float(self, symbol: Symbol) -> None:
        if symbol.op in VIEWS:
            self.floats[symbol] = self.float(symbol.args[0])
            return
        if symbol.op in REDUCTIONS:
            text = self.total(symbol)
        else:
            text = f" {ARITHMETIC[symbol.op]} ".join(map(self.float, symbol.args))
        self.floats[symbol] = f"s{symbol.number}"
        self.line(f"s{symbol.number} = {text}", symbol)

    def total(self, symbol: Symbol) -> str:
        """Return the expression of a reduction to a single number."""
        x, rows = symbol.args[0], [self.row(arg) for arg in symbol.args]
        if symbol.op == "dot" and None in rows:
            return f"np.vdot({', '.join(map(self.array, symbol.args))}).item()"
        if symbol.op == "sum" and x.size <= LONG:
            rows.append(self.ones(x.size))
        if len(rows) == 2 and None not in rows:
            return f"np.dot({rows[0]}, {rows[1]}).item()"
        function, least = _reduction(symbol)
        return f"{function}.reduce({self.array(x)}, None, None, None, False{least}).item()"

    # ── results ──

    def returned(self, symbol: Symbol) -> str:
        """Return the expression for a result: a float, or an array that belongs to the caller."""
        if symbol is self.buffers.answer:
            return "answer"
        if symbol in self.buffers.floats or symbol.op == "number":
            number = self.float(symbol)
            return f"np.full({symbol.shape}, {number})" if symbol.shape else number
        return f"{self.array(symbol)}.{'copy' if symbol.shape else 'item'}()"


def _is_fed(text: str) -> bool:
    return text.startswith(("x[", "x."))


def _axes(symbol: Symbol) -> tuple[Any, ...]:
    """Return the axes of a reduction, and after them what the result is at least, if anything."""
    return symbol.how if symbol.op == "bounded_max" else (symbol.how,)


def _reduction(symbol: Symbol) -> tuple[str, str]:
    """Return the function that reduces, and the argument for what the result is at least."""
    least = "".join(f", {number!r}" for number in _axes(symbol)[1:])
    return ("np.add" if symbol.op == "sum" else "np.maximum"), least
