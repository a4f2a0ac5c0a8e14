"""Measure, print, and write the tables into a README.

python -m benchmarks                            all suites
python -m benchmarks eager imports --rounds 3   these two, quickly
python -m benchmarks --write README.md          all, into the marked section of the README
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from .report import Table, report, with_section

SUITES = ("eager", "chains", "imports", "miniflow", "compiled", "stepper")


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
    parser.add_argument("--write", type=Path, metavar="README", help="put the tables in this file")
    options = parser.parse_args(arguments)
    if unknown := sorted({*options.suites} - {*SUITES}):
        parser.error(f"no suite is called {', '.join(unknown)}; there are {', '.join(SUITES)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds needs a number from 1 up, got {options.rounds}")
    if options.write:
        try:  # now, and not after minutes of measuring
            page = options.write.read_text(encoding="utf-8")
            with_section(page, "")
        except (OSError, ValueError) as error:
            parser.error(f"cannot write into {options.write}: {error}")

    tables = []
    for suite in options.suites or SUITES:
        for table in run(suite, options.rounds):
            tables.append(table)
            print(table, end="\n\n", flush=True)
    if options.write:
        options.write.write_text(with_section(page, report(tables)), encoding="utf-8")


if __name__ == "__main__":
    main()
