"""Reporting: a table in Markdown, for the terminal and for the README alike."""

from __future__ import annotations

import gc
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from operator import truediv
from statistics import median

START, END = "<!-- bench -->", "<!-- /bench -->"
SECTION = re.compile(f"{START}.*?{END}", re.DOTALL)


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
        return "\n".join([f"**{self.title}**", "", *lines, *notes])


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
    """Return all tables, under a line that says when and on what they were measured."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    collector = f"garbage collector at its default {gc.get_threshold()} where it is not off"
    machine = f"{python}, {os.cpu_count()} CPUs ({platform.machine()}), {collector}"
    return "\n\n".join([f"Measured on {date.today()}: {machine}.", *map(str, tables)])


def with_section(page: str, text: str) -> str:
    """Return a page with a new text between its two marks.

    Raises:
        ValueError: the page does not have one pair of marks.
    """
    new, count = SECTION.subn(lambda _: f"{START}\n\n{text}\n\n{END}", page)
    if count != 1:
        raise ValueError(f"the page needs one {START} with an {END} after it, it has {count}")
    return new
