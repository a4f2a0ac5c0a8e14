"""Reporting: tables in Markdown, for the terminal and for the page of results alike."""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from operator import truediv
from statistics import median

INTRODUCTION = """\
# Results

scalargrad beside other engines, all measured in turn on one machine. `make bench` installs them,
measures on yours, and writes this page."""


@dataclass(frozen=True)
class Table:
    """An answer of a suite.

    Args:
        title: what was measured.
        columns: the headings; the first column holds names, all others hold numbers.
        rows: as many cells as there are columns, each as text.
        notes: how it was measured, in whole sentences, if there is more to say.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: str = ""

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        lines = [
            f"| {' | '.join(align(row, widths))} |" for row in (self.columns, rule, *self.rows)
        ]
        notes = ["", self.notes] if self.notes else []
        return "\n".join([f"## {self.title}", "", *lines, *notes])


def align(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Pad a row: the name to the left, the numbers to the right."""
    return [
        cells[0].ljust(widths[0]),
        *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)),
    ]


def number(x: float) -> str:
    """Return a number with three digits that count.

    >>> number(1234.5), number(12.345), number(0.012345)
    ('1,234', '12.3', '0.0123')
    """
    return f"{x:,.0f}" if abs(x) >= 99.95 else f"{x:#.3g}"


def spread(times: Sequence[float]) -> str:
    """Return the median of several measurements and, in brackets, the least.

    >>> spread([2.5, 3.25, 4.5])
    '3.25 (2.50)'
    """
    return f"{number(median(times))} ({number(min(times))})"


def ratio(times: Sequence[float], others: Sequence[float]) -> str:
    """Return how often the other time goes into each, round by round: the median.

    >>> ratio([4.0, 9.0, 8.0], [2.0, 3.0, 4.0])
    '2.00'
    """
    return number(median(map(truediv, times, others)))


def report(tables: Sequence[Table]) -> str:
    """Return the page of results: all tables, and when and on what they were measured."""
    return page(tables, f"Measured on {date.today()}: {machine()}.")


def page(tables: Sequence[Table], measured: str) -> str:
    """Put tables on a page, under a line that says when and on what they were measured."""
    return "\n\n".join([INTRODUCTION, measured, *map(str, tables)]) + "\n"


def machine() -> str:
    """Describe what the tables depend on."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    collector = f"garbage collector at its default {gc.get_threshold()} where it is not off"
    return f"{python}, {os.cpu_count()} CPUs ({platform.machine()}), {collector}"


def tables_of(text: str) -> list[Table]:
    """Return the tables of a page of results."""
    tables = []
    for part in text.split("\n## ")[1:]:
        title, lines, *notes = part.strip().split("\n\n")
        columns, _, *rows = (
            tuple(cell.strip() for cell in line[1:-1].split("|")) for line in lines.splitlines()
        )
        tables.append(Table(title, columns, rows, "\n\n".join(notes)))
    return tables
