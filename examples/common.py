"""What the examples share: their options, tables, and where pictures go."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from graphviz import Digraph


def parser(description: str, *, epochs: int, seed: int | None = 0) -> argparse.ArgumentParser:
    """Return a parser with the options that every example takes."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--seed", type=int, default=seed, help="of all random numbers")
    options.add_argument("--epochs", type=_count, default=epochs, help="default: %(default)s")
    options.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures")
    return options


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"needs a positive number, got {text}")
    return number


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


def save_svg(picture: Digraph, path: Path) -> Path:
    """Write a picture as SVG, into a folder that is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture.pipe(format="svg"))
    return path


def report(paths: Iterable[Path]) -> None:
    """Say where the pictures are."""
    print("\npictures:")
    for path in paths:
        print(f"  {path}")
