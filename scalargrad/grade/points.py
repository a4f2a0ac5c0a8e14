"""Points: what each operation is worth, by a small rubric that a teacher writes.

A rubric is a TOML file. Each line of the table ``points`` is an operation, or ``operation.aspect``
in quotes, and what it is worth; it is had if nothing of it is wrong or missing::

    [points]
    "+" = 1
    tanh = 2
    backward = 3
    "*.twice" = 1
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import NamedTuple

from scalargrad.errors import ChoiceError

from .findings import FOLLOWS, MISSING, WRONG, Report

__all__ = ["Item", "Rubric", "read_rubric"]


class Item(NamedTuple):
    """One line of a rubric."""

    name: str
    operation: str
    aspect: str  # empty: all of them
    worth: float


class Rubric(NamedTuple):
    """The lines of a rubric."""

    items: tuple[Item, ...]

    @property
    def total(self) -> float:
        """All points that can be had."""
        return sum(item.worth for item in self.items)

    @property
    def operations(self) -> list[str]:
        """The operations that it names: these may not be missing."""
        return [*dict.fromkeys(item.operation for item in self.items)]

    def points(self, report: Report) -> list[tuple[Item, float]]:
        """Return what a report has of each line."""
        return [(item, item.worth if self._is_right(item, report) else 0.0) for item in self.items]

    def _is_right(self, item: Item, report: Report) -> bool:
        """Whether it was checked, and all is right.

        What cannot be told apart from the mistake of another operation counts as right.
        """
        of_it = [f for f in report.findings if f.operation == item.operation]
        if item.aspect:
            both = item.aspect, "running"
            of_it = [f for f in of_it if f.aspect in both or f.status == MISSING]
        bad = {WRONG, MISSING} | ({FOLLOWS} if item.aspect else set())
        return bool(of_it) and not any(finding.status in bad for finding in of_it)


def read_rubric(path: str | os.PathLike[str]) -> Rubric:
    """Read a rubric.

    Raises:
        ChoiceError: the file cannot be read, or is no rubric.
    """
    try:
        points = tomllib.loads(Path(path).read_text(encoding="utf-8")).get("points")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ChoiceError(f"the rubric {path} cannot be read: {error}") from None
    if not isinstance(points, dict) or not points:
        raise ChoiceError(f"the rubric {path} needs a table [points], such as: tanh = 2")
    items = []
    for name, worth in points.items():
        if isinstance(worth, bool) or not isinstance(worth, (int, float)) or not 0 <= worth < 1e9:
            raise ChoiceError(
                f"the rubric {path} needs a number of points for {name!r}, got {worth!r}"
            )
        operation, _, aspect = name.partition(".")
        items.append(Item(name, operation, aspect, float(worth)))
    return Rubric(tuple(items))
