"""Notes: which lines of the listing a line of the source computes, and the gradients of which.

Where the recording does the work of several lines at once, the line that does it has all of their
notes: so each line of the listing is found in the source, also where its value is a gradient of
another one, or where it is summed up in the same breath.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .identities import split
from .symbols import Reshaped, Symbol, unbroadcast

__all__ = ["Notes"]


class Notes:
    """Comments on what was recorded."""

    def __init__(self) -> None:
        self._values: list[tuple[Symbol, str]] = []
        self._gradients: list[tuple[Symbol, str]] = []
        self._user: dict[Symbol, Symbol] = {}  # what does the work of a symbol that has no line

    def value(self, symbol: Symbol, line: str) -> None:
        """Note which line of the listing computes a symbol."""
        self._values.append(_noted(symbol, line))

    def gradient(self, symbol: Symbol, name: str) -> None:
        """Note of which block a symbol is the gradient."""
        self._gradients.append(_noted(symbol, f"∂{name}"))

    def link(self, symbol: Symbol, user: Symbol) -> None:
        """Note that a symbol is used to compute another one."""
        one, other = _base(symbol)[0], _base(user)[0]
        if one is not other:
            self._user.setdefault(one, other)

    def placed(self, written: Collection[Symbol]) -> Iterator[tuple[Symbol | None, str]]:
        """Yield each note with the symbol whose line it belongs to.

        That of a value may be one that uses it; or None, if it takes no line at all, as a result
        that is fed. A gradient without a line, such as a number, has no note.

        Args:
            written: the symbols that have a line.
        """
        for symbol, text in self._values:
            seen = set[Symbol]()
            place: Symbol | None = symbol
            while place is not None and place not in written and place not in seen:
                seen.add(place)
                place = self._user.get(place)
            yield (place if place in written else None), text
        for symbol, text in self._gradients:
            if symbol in written:
                yield symbol, text


def _noted(symbol: Symbol, text: str) -> tuple[Symbol, str]:
    """Say in a note by which number its symbol is multiplied later, if it is."""
    symbol, number = _base(symbol)
    return symbol, text if number == 1.0 else f"{text} (· {number:.4g})"


def _base(symbol: Symbol) -> tuple[Symbol, float]:
    """Return what has to be computed for a symbol, and the number that it is multiplied with."""
    symbol, number = split(unbroadcast(symbol))
    while isinstance(symbol.op, Reshaped):
        symbol = symbol.args[0]
    return symbol, number
