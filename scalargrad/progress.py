"""How far a training is: a bar on a terminal and in a notebook, one line in a log."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

__all__ = ["Bar"]


class Bar(tqdm):  # type: ignore[misc]
    """tqdm's bar; where nobody watches it move, its last state is written as one line.

    A file or a pipe keeps every state that a terminal overwrites, which makes a hundred lines of
    one. A notebook's streams are no terminals, but its session is interactive.

    >>> with Bar(total=2, desc="epochs", file=sys.stdout, bar_format="{desc}: {n}") as bar:
    ...     bar.update()
    ...     bar.update()
    epochs: 2
    """

    ncols: int | None  # of the terminal, as far as tqdm knows
    nrows: int | None

    @property
    def is_watched(self) -> bool:
        """Whether somebody sees it move."""
        is_terminal = hasattr(self.fp, "isatty") and self.fp.isatty()
        return is_terminal or hasattr(sys, "ps1")

    def display(self, msg: str | None = None, pos: int | None = None) -> Any:
        """Write the bar anew, or, where nobody watches, only when it is closed."""
        # In containers a terminal may not know its size; tqdm takes one off and shows nothing.
        self.ncols = None if self.ncols == -1 else self.ncols
        self.nrows = None if self.nrows == -1 else self.nrows
        if self.is_watched:
            return super().display(msg, pos)
        if self.disable:  # tqdm says so before the last time, and then ends the line
            self.fp.write(str(self))
        return True

    def clear(self, nolock: bool = False) -> None:
        """Make room for another line, where the bar takes one."""
        if self.is_watched:
            super().clear(nolock)
