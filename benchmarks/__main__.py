"""Measure, print, and write the tables to a page.

python -m benchmarks                                 all suites
python -m benchmarks eager imports --rounds 3        these two, quickly
python -m benchmarks --write benchmarks/RESULTS.md   all, to this page, in place of what it held
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from .report import Table, report

SUITES = (
    "eager", "chains", "imports", "miniflow", "compiled", "scalars", "gpt", "stepper", "playground",
)  # fmt: skip


def run(suite: str, rounds: int | None) -> Iterator[Table]:
    """Run a suite by name; without a number of rounds it takes its own."""
    tables = import_module(f"benchmarks.{suite}").run(*([rounds] if rounds else []))
    yield from [tables] if isinstance(tables, Table) else tables


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("suites", nargs="*", metavar="suite", help=f"of {', '.join(SUITES)}")
    parser.add_argument("--rounds", type=int, help="how often to measure everything in turn")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the file of the tables")
    options = parser.parse_args(arguments)
    if unknown := sorted({*options.suites} - {*SUITES}):
        parser.error(f"no suite is called {', '.join(unknown)}; there are {', '.join(SUITES)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds needs a number from 1 up, got {options.rounds}")
    if options.write and not _is_writable(options.write):  # now, not after minutes of measuring
        parser.error(f"cannot write to {options.write}: it needs a file in a folder to write to")

    tables = []
    for suite in options.suites or SUITES:
        for table in run(suite, options.rounds):
            tables.append(table)
            print(table, end="\n\n", flush=True)
    if options.write:
        options.write.write_text(report(tables), encoding="utf-8")


def _is_writable(path: Path) -> bool:
    return not path.is_dir() and os.access(path if path.exists() else path.parent, os.W_OK)


if __name__ == "__main__":
    main()
