"""What the examples share: their options, tables, and where pictures go."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from graphviz import Digraph

Number = TypeVar("Number", int, float)


def option(
    kind: Callable[[str], Number], fits: Callable[[Number], bool], needed: str
) -> Callable[[str], Number]:
    """Return what argparse calls with the text of an option, for a number or one clear sentence.

    >>> option(int, lambda number: number >= 2, "a whole number of at least 2")("3")
    3
    """

    def read(text: str) -> Number:
        try:
            number = kind(text)
            if fits(number):
                return number
        except ValueError:
            pass  # no number at all
        raise argparse.ArgumentTypeError(f"needs {needed}, got {text!r}")

    return read


count = option(int, lambda number: number >= 1, "a whole number of at least 1")
positive = option(float, lambda number: 0 < number < math.inf, "a positive number")  # and no nan
_seed = option(int, lambda number: 0 <= number < 2**32, f"a whole number from 0 to {2**32 - 1}")


def folder(text: str) -> Path:
    """Return a folder that can be written to, or made: to learn that after a training is too late.

    Raises:
        argparse.ArgumentTypeError: it is a file, or it is not for us to write to.
    """
    path = Path(text)
    there = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
    if not os.path.isdir(there):
        raise argparse.ArgumentTypeError(f"needs a folder, but {there} is none")
    if not os.access(there, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(f"needs a folder to write to, but {there} is read-only")
    return path


def parser(
    description: str, *, epochs: int | None = None, seed: int | None = 0
) -> argparse.ArgumentParser:
    """Return a parser with the options that every example takes, and --epochs if it has any."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--seed", type=_seed, default=seed, help="of all random numbers")
    if epochs is not None:
        options.add_argument("--epochs", type=count, default=epochs, help="default: %(default)s")
    # A text, since argparse checks the default, too, if it is one.
    options.add_argument("--out", type=folder, default="out", help="folder for the pictures")
    return options


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as text: first column to the left, numbers to the right.

    >>> print(table(["node", "data"], [["x1", 2.0], ["o", 0.70711]]))
    node    data
    x1    2.0000
    o     0.7071
    """
    cells = [header, *([_text(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for first, *rest in cells:
        right = [text.rjust(width) for text, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *right]).rstrip())
    return "\n".join(lines)


def _text(cell: object) -> str:
    return f"{cell:.4f}" if isinstance(cell, float) else str(cell)


def digits_that_count(number: float) -> str:
    """Write a positive number with at least two digits that count.

    >>> digits_that_count(0.0531), digits_that_count(2.04), digits_that_count(1234.5)
    ('0.053', '2.0', '1,234')
    """
    return f"{number:,.0f}" if number >= 9.95 else f"{number:#.2g}"


def save_svg(picture: Digraph, path: Path) -> Path:
    """Write a picture as SVG, into a folder that is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture.pipe(format="svg"))
    return path


def report(paths: Iterable[Path]) -> None:
    """Say where the pictures are: from here, if they lie below."""
    here = Path.cwd()
    print("\npictures:")
    for path in paths:
        print(f"  {path.relative_to(here) if path.is_relative_to(here) else path}")
