"""The report in the terminal: a table, what is wrong with its smallest example, and the class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .findings import FOLLOWS, MISSING, REMARK, RIGHT, WRONG, Finding, Report, how_often
from .misconceptions import sentence

__all__ = ["class_table", "columns", "details", "table"]

_MARKS = {RIGHT: "right", WRONG: "WRONG", MISSING: "missing", FOLLOWS: "follows", REMARK: "remark"}
_WORST = (WRONG, FOLLOWS, MISSING, REMARK, RIGHT)


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Return rows of texts as columns.

    >>> print(columns([["operation", "forward"], ["+", "right"]]))
    operation  forward
    +          right
    """
    rows = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def table(report: Report) -> str:
    """Return a report as text."""
    head = report.file + (f": {report.found}" if report.found else "")
    if report.trouble:
        return f"{report.file}\n  cannot be checked: {report.trouble}"
    parts = [head, columns(_rows(report.findings)), *map(_detail, details(report))]
    missing = [
        f.operation for f in report.findings if f.status == MISSING and f not in report.wrong
    ]
    if missing:
        parts.append(f"not there, and not needed: {', '.join(dict.fromkeys(missing))}")
    parts += [f"remark: {f.sentence}" for f in report.findings if f.status == REMARK]
    count = len({finding.operation for finding in report.wrong})
    parts.append("all right" if report.ok else f"{count} to be mended")
    return "\n\n".join(parts)


def _rows(findings: Sequence[Finding]) -> list[list[str]]:
    """Return the cells of the table: a row for an operation, a column for an aspect."""
    shown = [f for f in findings if f.status and f.aspect != "optional"]
    operations = dict.fromkeys(f.operation for f in shown)
    aspects = [*dict.fromkeys(f.aspect for f in shown)]
    cells: dict[tuple[str, str], str] = {}
    for finding in shown:
        key = finding.operation, finding.aspect
        cells[key] = min(cells.get(key, RIGHT), finding.status, key=_WORST.index)
    marks = {key: _MARKS[status] for key, status in cells.items()}
    rows = [
        [operation, *(marks.get((operation, x), "") for x in aspects)] for operation in operations
    ]
    return [["", *aspects], *rows]


def details(report: Report) -> list[Finding]:
    """Return what is wrong, each misconception of an operation once, and what is missing.

    What is wrong and not explained is left out where the same operation has something that is.
    """
    chosen: dict[tuple[str, str], Finding] = {}
    explained = {f.operation for f in report.wrong if f.misconception}
    for finding in report.wrong:
        plain = finding.status == MISSING or finding.operation not in explained
        if finding.misconception or plain:
            chosen.setdefault((finding.operation, finding.misconception), finding)
    return [*chosen.values()]


def _detail(finding: Finding) -> str:
    lines = [f"{finding.operation}: {finding.sentence}"]
    if finding.example:
        lines.append(f"    {finding.example}")
    if finding.expected or finding.got:
        lines.append(f"    expected {finding.expected or 'a result'}, got {finding.got or 'none'}")
    return "\n".join(lines)


def class_table(reports: Sequence[Report]) -> str:
    """Return a table of many files, and which misconception was found how often."""
    rows = [["file", "result", "wrong"]]
    for report in reports:
        result = {0: "all right", 1: "wrong", 2: "not checked"}[report.status]
        wrong = ", ".join(dict.fromkeys(finding.operation for finding in report.wrong))
        rows.append([report.file, result, report.trouble or wrong])
    parts = [columns(rows)]
    thought = [[str(count), key, sentence(key)] for key, count in how_often(reports)]
    if thought:
        parts.append(columns([["files", "misconception", ""], *thought]))
    right = sum(report.ok for report in reports)
    parts.append(f"{right} of {len(reports)} files are all right")
    return "\n\n".join(parts)
