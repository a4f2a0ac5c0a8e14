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

from .symbols import (
    ADD,
    MULTIPLY,
    SUBTRACT,
    WHERE,
    Broadcast,
    Concatenated,
    DotProduct,
    Literal,
    MatrixProduct,
    Number,
    Part,
    Permuted,
    Reduction,
    Reshaped,
    Shape,
    Symbol,
    Taken,
    Ufunc,
    View,
    unbroadcast,
    value_of,
)

__all__ = ["ARITHMETIC", "Buffers", "Kind", "Made", "Place", "Slot", "parts", "view_text"]

#: What is computed of Python floats: it is done for floats of any size.
ARITHMETIC = {ADD: "+", SUBTRACT: "-", MULTIPLY: "*"}

_Reducing: TypeAlias = Reduction | DotProduct

#: What has to be computed into some place.
_Computed: TypeAlias = _Reducing | Ufunc | MatrixProduct | Taken


class Kind(NamedTuple):
    """What a buffer can be used for."""

    shape: Shape
    dtype: str


class Made(NamedTuple):
    """An array of constants, by the expression that makes it."""

    text: str

    def __str__(self) -> str:
        return self.text


class Place(NamedTuple):
    """Where an array lies: in a named array or in a made one, as a view of it."""

    base: str | Made
    views: tuple[View, ...] = ()

    def view(self, view: View) -> Place:
        """Return the place of a view of what lies here; two transposes are none."""
        if view == _TRANSPOSE == (self.views or (None,))[-1]:
            return Place(self.base, self.views[:-1])
        return Place(self.base, (*self.views, view))

    def __str__(self) -> str:
        return f"{self.base}{''.join(map(view_text, self.views))}"


_TRANSPOSE = Permuted((1, 0))


class Slot(NamedTuple):
    """Where in a concatenation an array is computed."""

    concat: Symbol
    part: int
    place: Place
    dense: bool


class Buffers:
    """The places of arrays, such as ``p``, ``a3`` or ``a1[0:16].T``.

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
        self.place = {x: Place("x"), p: Place("p")}
        self.dense = {p}  # arrays whose elements lie in one piece; x need not
        self.fed = {x}  # arrays that are others in each call: what is fed, and its views
        self.kinds: dict[str, Kind] = {}  # of all buffers, by name
        self.constants: dict[str, np.ndarray[Any, Any]] = {}  # by name
        self.numbers: list[tuple[Place, float]] = []  # what parts of concatenations are full of
        self.copied: set[Symbol] = set()  # views that are copied
        wanted = set(results)
        self.answer = next((s for s in self.order if s in wanted and self._is_free(s)), None)

        self._slots: dict[Symbol, Slot] = {}
        self._held: dict[Symbol, str] = {}  # the buffers that can be used again, ...
        self._free: dict[Kind, list[str]] = {}  # ... and those that may be now
        self._base, self._ends = self._lives(results)
        self._settle_all()

    def _settle_all(self) -> None:
        for symbol in self.order:
            if isinstance(symbol.op, Concatenated):
                self._place_parts(symbol, symbol.op.axis)
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
        while isinstance(part.op, Reshaped | Permuted) and part not in self._slots:
            part = part.args[0]
        slot = self._slots.get(part)
        return slot is not None and slot.concat is concat and slot.part == number

    # ── lives ──

    def _is_free(self, symbol: Symbol) -> bool:
        """Say whether a result can be a new array."""
        return isinstance(symbol.op, Ufunc) and not self.users[symbol] and symbol.size > 1

    def _lives(
        self, results: Sequence[Symbol]
    ) -> tuple[dict[Symbol, Symbol], dict[Symbol, dict[Symbol, None]]]:
        """Return the array that each symbol is a view of, and the arrays that end with a symbol."""
        base: dict[Symbol, Symbol] = {}
        last: dict[Symbol, Symbol] = {}
        for symbol in self.order:
            base[symbol] = base[symbol.args[0]] if isinstance(symbol.op, View) else symbol
            for arg in (symbol, *symbol.args):
                last[base[arg]] = symbol
        for result in results:
            last.pop(base[result], None)
        ends: dict[Symbol, dict[Symbol, None]] = {}  # not lists, which would compare by ==
        for symbol, user in last.items():
            ends.setdefault(user, {})[symbol] = None
        return base, ends

    # ── places ──

    def _place_parts(self, concat: Symbol, axis: int) -> None:
        """Find the arrays that can be computed right where a concatenation has them."""
        name = self._new(concat)
        self._put(concat, Place(name))
        whole = prod(concat.shape[:axis]) == 1
        for number, (part, where) in enumerate(parts(concat)):
            place, dense = Place(name).view(where), whole
            if (constant := value_of(part)) is not None:
                self.numbers.append((place, constant))
                continue
            while isinstance(part.op, Reshaped) and dense:
                part = part.args[0]
                place = Place(name, (where, Reshaped(part.shape)))
            if isinstance(part.op, Permuted):
                axes = part.op.axes
                inverse = Permuted(tuple(axes.index(axis) for axis in range(part.ndim)))
                place, part, dense = place.view(inverse), part.args[0], False
            if isinstance(part.op, _Computed) and part not in self.floats:
                self._slots.setdefault(part, Slot(concat, number, place, dense))

    def _settle(self, symbol: Symbol) -> None:
        """Decide where a symbol lies, when all before it are settled."""
        op = symbol.op
        if symbol in self.place or isinstance(op, Number) or symbol in self.floats:
            return
        if isinstance(op, Literal):
            name = f"c{len(self.constants)}"
            self.constants[name] = np.frombuffer(op.data, op.dtype).reshape(symbol.shape)
            self._put(symbol, Place(name))
        elif isinstance(op, Broadcast) and (number := value_of(symbol)) is not None:
            self._put(symbol, Place(Made(f"np.full({symbol.shape}, {number!r})")))
        elif isinstance(op, View) and not self._must_copy(symbol):
            self._view(symbol, op)
        elif symbol is self.answer:
            self._put(symbol, Place("answer"))
        elif symbol in self._slots:
            slot = self._slots[symbol]
            self._put(symbol, slot.place, slot.dense)
        else:
            if isinstance(op, View):
                self.copied.add(symbol)
            self._put(symbol, Place(self._buffer(symbol)))

    def _put(self, symbol: Symbol, place: Place, dense: bool = True) -> None:
        self.place[symbol] = place
        if dense:
            self.dense.add(symbol)

    def _view(self, symbol: Symbol, view: View) -> None:
        (x,) = symbol.args
        leading = isinstance(view, Part) and prod(x.shape[: view.axis]) == 1
        dense = x in self.dense and (isinstance(view, Reshaped) or leading)
        self._put(symbol, self.place[x].view(view), dense)
        if x in self.fed:
            self.fed.add(symbol)

    def _must_copy(self, symbol: Symbol) -> bool:
        """Say whether a view cannot be one, or had better not be one.

        What is fed does not lie in one piece; to copy it once is faster than to use it twice.
        """
        (x,) = symbol.args
        if (
            isinstance(symbol.op, Reshaped)
            and x not in self.dense
            and not _splits(x.shape, symbol.shape)
        ):
            return True
        uses = sum(isinstance(user.op, Ufunc | _Reducing) for user in self.users[symbol])
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
        if not isinstance(symbol.op, Ufunc):
            return None
        # A choice is written over its last operand, so that one is the first to be read.
        for arg in symbol.args[2:] if symbol.op == WHERE else symbol.args:
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
        moved = isinstance(symbol.op, View) or symbol.op in ARITHMETIC
        of_floats = any(arg in floats for arg in args) and all(
            arg in floats or isinstance(arg.op, Number) for arg in args
        )
        if isinstance(symbol.op, _Reducing) or (moved and of_floats):
            floats.add(symbol)
    return floats


def _kind(symbol: Symbol) -> Kind:
    return Kind(symbol.shape, symbol.kind)


def parts(concat: Symbol) -> Iterator[tuple[Symbol, Part]]:
    """Yield the parts of a concatenation, and where in it each is."""
    assert isinstance(concat.op, Concatenated)
    axis, start = concat.op.axis, 0
    for part in concat.args:
        stop = start + part.shape[axis]
        yield part, Part(axis, start, stop)
        start = stop


def view_text(view: View) -> str:
    """Return what makes a view of an array, as it stands behind the array's name."""
    match view:
        case Part(axis, start, stop):
            return f"[{':, ' * axis}{start}:{stop}]"
        case Permuted((1, 0)):
            return ".T"
        case Permuted(axes):
            return f".transpose{axes}"
        case Reshaped((-1,)):
            return ".ravel()"
        case Reshaped(()):
            return ".reshape(())"
    return f".reshape{view.shape}"


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
