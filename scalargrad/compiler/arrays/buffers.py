"""Pass 6, buffers: where each recorded array lies while the program runs.

What is computed goes into a buffer that is made once. When an array is not needed any more, its
buffer is used again, also by the very operation that needs it last. Views have no buffer of their
own, and the parts of a concatenation are computed right where they belong, so that concatenating
costs nothing. Reductions to a single number, and what is added up or multiplied of these, are
Python floats and lie nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .record import ELEMENTWISE, VIEWS, Symbol, unbroadcast, value_of

__all__ = ["ARITHMETIC", "REDUCTIONS", "Buffers", "Place", "parts", "view_text"]

REDUCTIONS = frozenset({"sum", "max", "bounded_max", "dot"})

#: What is computed of Python floats: it is done for floats of any size.
ARITHMETIC = {"add": "+", "subtract": "-", "multiply": "*"}

_COMPUTED = REDUCTIONS | {*ELEMENTWISE, "matmul", "take"}

#: What a buffer can be used for: a shape, and floats or truths.
Kind: TypeAlias = tuple[tuple[int, ...], str]


class Place(NamedTuple):
    """Where in a concatenation an array is computed."""

    concat: Symbol
    part: int
    text: str
    dense: bool


class Buffers:
    """The texts that stand for arrays, such as ``p``, ``a3`` or ``a1[0:16].T``.

    The results of a program are never written over: what comes first of them as an operation that
    nothing else needs is computed into a new array, the ``answer``.
    """

    def __init__(self, results: Sequence[Symbol], x: Symbol, p: Symbol) -> None:
        self.order = _leading_to(results)
        self.users: dict[Symbol, list[Symbol]] = {symbol: [] for symbol in self.order}
        for symbol in self.order:
            for arg in dict.fromkeys(symbol.args):
                self.users[arg].append(symbol)
        self.floats = _floats(self.order)
        self.text = {x: "x", p: "p"}
        self.dense = {p}  # arrays whose elements lie in one piece; x need not
        self.fed = {x}  # arrays that are others in each call: what is fed, and its views
        self.kinds: dict[str, Kind] = {}  # of all buffers, by name
        self.constants: dict[str, np.ndarray[Any, Any]] = {}  # by name
        self.numbers: list[tuple[str, float]] = []  # what parts of concatenations are full of
        self.copied: set[Symbol] = set()  # views that are copied
        wanted = set(results)
        self.answer = next((s for s in self.order if s in wanted and self._is_free(s)), None)

        self._placed: dict[Symbol, Place] = {}
        self._held: dict[Symbol, str] = {}  # the buffers that can be used again, ...
        self._free: dict[Kind, list[str]] = {}  # ... and those that may be now
        self._base, self._ends = self._lives(results)
        self._settle_all()

    def _settle_all(self) -> None:
        for symbol in self.order:
            if symbol.op == "concat":
                self._place_parts(symbol)
        for symbol in self.order:
            self._settle(symbol)
            for ended in self._ends.get(symbol, ()):
                if ended in self._held:
                    self._free.setdefault(_kind(ended), []).append(self._held.pop(ended))

    def is_in_place(self, concat: Symbol, number: int) -> bool:
        """Say whether a part of a concatenation is computed there, or was written there once."""
        part = concat.args[number]
        if value_of(part) is not None:
            return True
        while part.op in ("reshape", "permute") and part not in self._placed:
            part = part.args[0]
        place = self._placed.get(part)
        return place is not None and place.concat is concat and place.part == number

    # ── lives ──

    def _is_free(self, symbol: Symbol) -> bool:
        """Say whether a result can be a new array."""
        return symbol.op in ELEMENTWISE and not self.users[symbol] and symbol.size > 1

    def _lives(
        self, results: Sequence[Symbol]
    ) -> tuple[dict[Symbol, Symbol], dict[Symbol, dict[Symbol, None]]]:
        """Return the array that each symbol is a view of, and the arrays that end with a symbol."""
        base: dict[Symbol, Symbol] = {}
        last: dict[Symbol, Symbol] = {}
        for symbol in self.order:
            base[symbol] = base[symbol.args[0]] if symbol.op in VIEWS else symbol
            for arg in (symbol, *symbol.args):
                last[base[arg]] = symbol
        for result in results:
            last.pop(base[result], None)
        ends: dict[Symbol, dict[Symbol, None]] = {}  # not lists, which would compare by ==
        for symbol, user in last.items():
            ends.setdefault(user, {})[symbol] = None
        return base, ends

    # ── places ──

    def _place_parts(self, concat: Symbol) -> None:
        """Find the arrays that can be computed right where a concatenation has them."""
        name = self.text[concat] = self._new(concat)
        self.dense.add(concat)
        whole = prod(concat.shape[: concat.how]) == 1
        for number, (part, where) in enumerate(parts(concat)):
            text, dense = f"{name}{where}", whole
            if (constant := value_of(part)) is not None:
                self.numbers.append((text, constant))
                continue
            while part.op == "reshape" and dense:
                part = part.args[0]
                text = f"{name}{where}.reshape{part.shape}"
            if part.op == "permute":
                axes = tuple(part.how.index(axis) for axis in range(part.ndim))
                text, part, dense = f"{text}{_transpose(axes)}", part.args[0], False
            if part.op in _COMPUTED and part not in self.floats:
                self._placed.setdefault(part, Place(concat, number, text, dense))

    def _settle(self, symbol: Symbol) -> None:
        """Decide where a symbol lies, when all before it are settled."""
        if symbol in self.text or symbol.op == "number" or symbol in self.floats:
            return
        if symbol.op == "array":
            name = f"c{len(self.constants)}"
            self.constants[name] = np.array(symbol.how).reshape(symbol.shape)
            self._put(symbol, name)
        elif symbol.op == "broadcast" and symbol.args[0].op == "number":
            self._put(symbol, f"np.full({symbol.shape}, {value_of(symbol)!r})")
        elif symbol.op in VIEWS and not self._must_copy(symbol):
            self._view(symbol)
        elif symbol is self.answer:
            self._put(symbol, "answer")
        elif symbol in self._placed:
            place = self._placed[symbol]
            self._put(symbol, place.text, place.dense)
        else:
            if symbol.op in VIEWS:
                self.copied.add(symbol)
            self._put(symbol, self._buffer(symbol))

    def _put(self, symbol: Symbol, text: str, dense: bool = True) -> None:
        self.text[symbol] = text
        if dense:
            self.dense.add(symbol)

    def _view(self, symbol: Symbol) -> None:
        (x,) = symbol.args
        text = f"{self.text[x]}{view_text(symbol)}".removesuffix(".T.T")
        leading = symbol.op == "part" and prod(x.shape[: symbol.how[0]]) == 1
        self._put(symbol, text, x in self.dense and (symbol.op == "reshape" or leading))
        if x in self.fed:
            self.fed.add(symbol)

    def _must_copy(self, symbol: Symbol) -> bool:
        """Say whether a view cannot be one, or had better not be one.

        What is fed does not lie in one piece; to copy it once is faster than to use it twice.
        """
        (x,) = symbol.args
        if symbol.op == "reshape" and x not in self.dense and not _splits(x.shape, symbol.shape):
            return True
        uses = sum(user.op in ELEMENTWISE or user.op in REDUCTIONS for user in self.users[symbol])
        return x in self.fed and uses > 1

    # ── buffers ──

    def _buffer(self, symbol: Symbol) -> str:
        """Return the name of a buffer for a result: its operand's, a free one, or a new one."""
        ending = self._ending_operand(symbol)
        if ending is not None:
            name = self._held.pop(ending)
        else:
            free = self._free.get(_kind(symbol))
            name = free.pop() if free else self._new(symbol)
        self._held[symbol] = name
        return name

    def _new(self, symbol: Symbol) -> str:
        name = f"a{len(self.kinds)}"
        self.kinds[name] = _kind(symbol)
        return name

    def _ending_operand(self, symbol: Symbol) -> Symbol | None:
        """Return an operand that nothing needs after an elementwise operation on it, if any."""
        if symbol.op not in ELEMENTWISE:
            return None
        # A choice is written over its last operand, so that one is the first to be read.
        for arg in symbol.args[2:] if symbol.op == "where" else symbol.args:
            alone = sum(self._base[other] is arg for other in dict.fromkeys(symbol.args)) == 1
            fits = arg in self._held and _kind(arg) == _kind(symbol)
            if fits and alone and arg in self._ends.get(symbol, ()):
                return arg
        return None


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


def _floats(order: Sequence[Symbol]) -> set[Symbol]:
    """Return the symbols that are computed as Python floats."""
    floats: set[Symbol] = set()
    for symbol in order:
        if symbol.size != 1:
            continue
        args = [unbroadcast(arg) for arg in symbol.args]
        moved = symbol.op in VIEWS or symbol.op in ARITHMETIC
        of_floats = any(arg in floats for arg in args) and all(
            arg in floats or arg.op == "number" for arg in args
        )
        if symbol.op in REDUCTIONS or (moved and of_floats):
            floats.add(symbol)
    return floats


def _kind(symbol: Symbol) -> Kind:
    return symbol.shape, symbol.kind


# ── texts ───────────────────────────────────────────────────────────────────────────────────────


def parts(concat: Symbol) -> Iterator[tuple[Symbol, str]]:
    """Yield the parts of a concatenation, and where in it each is."""
    start = 0
    for part in concat.args:
        stop = start + part.shape[concat.how]
        yield part, _slice(concat.how, start, stop)
        start = stop


def view_text(symbol: Symbol) -> str:
    """Return what makes a view of an array, as it stands behind the array's name."""
    if symbol.op == "reshape":
        return f".reshape({symbol.shape})" if not symbol.shape else f".reshape{symbol.shape}"
    return _transpose(symbol.how) if symbol.op == "permute" else _slice(*symbol.how)


def _slice(axis: int, start: int, stop: int) -> str:
    return f"[{':, ' * axis}{start}:{stop}]"


def _transpose(axes: tuple[int, ...]) -> str:
    return ".T" if axes == (1, 0) else f".transpose{axes}"


def _splits(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Say whether a shape only splits axes of another one, so that no element has to move."""
    lengths = [length for length in new if length != 1]
    for length in old:
        if length == 1:
            continue
        reach = 1
        while reach < length and lengths:
            reach *= lengths.pop(0)
        if reach != length:
            return False
    return not lengths
