"""The command ``python -m scalargrad.grade``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scalargrad.errors import ScalargradError

from .exercises import copy_out, names
from .findings import Report
from .junit import junit
from .pages import page
from .points import Rubric, read_rubric
from .process import Limits, grade_file
from .terminal import class_table, columns, table

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if all is right, 1 if something is wrong, 2 if not checked."""
    parser = _parser()
    args = parser.parse_args(arguments)
    try:
        if args.new:
            print(f"{copy_out(args.new)}: what to do is at its top; then check it with\n"
                  f"python -m scalargrad.grade {args.new}.py")  # fmt: skip
            return 0
        if not args.files:
            parser.error("which file? Or --new NAME, for an exercise: " + ", ".join(names()))
        rubric = read_rubric(args.points) if args.points else None
    except ScalargradError as error:
        print(error, file=sys.stderr)
        return 2
    limits = Limits(args.seconds, args.memory)
    needed = args.need or (rubric.operations if rubric else None)

    def grade(file: str) -> Report:
        return grade_file(file, args.class_name, limits, needed)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reports = [*pool.map(grade, args.files)]
    print(_as_json(reports, rubric) if args.json else _as_text(reports, rubric))
    try:
        _write(args, reports, rubric)
    except OSError as error:
        print(f"the report cannot be written: {error}", file=sys.stderr)
        return 2
    return max(report.status for report in reports)


def _write(args: argparse.Namespace, reports: Sequence[Report], rubric: Rubric | None) -> None:
    """Write the files that are asked for."""
    if args.html:
        Path(args.html).write_text(page(reports, rubric), encoding="utf-8")
    if args.junit:
        Path(args.junit).write_text(junit(reports), encoding="utf-8")
    if args.pictures:
        from .pictures import save_pictures

        for report in reports:
            for path in save_pictures(report, Path(args.pictures)):
                print(f"picture: {path}", file=sys.stderr)


def _as_text(reports: Sequence[Report], rubric: Rubric | None) -> str:
    parts = [table(reports[0])] if len(reports) == 1 else [class_table(reports)]
    if rubric:
        rows = [["file", "points", f"of {rubric.total:g}"]]
        for report in reports:
            points = rubric.points(report)
            lost = ", ".join(f"{item.name} 0 of {item.worth:g}" for item, got in points if not got)
            rows.append([report.file, f"{sum(got for _, got in points):g}", lost])
        parts.append(columns(rows))
    return "\n\n".join(parts)


def _as_json(reports: Sequence[Report], rubric: Rubric | None) -> str:
    found = []
    for report in reports:
        found.append(report.as_dict())
        if rubric:
            found[-1]["points"] = {item.name: got for item, got in rubric.points(report)}
    return json.dumps(found[0] if len(found) == 1 else found, indent=2, ensure_ascii=False)


def _positive(kind: type) -> object:
    def read(text: str) -> object:
        try:
            number = kind(text)
            if 0 < number < float("inf"):
                return number
        except ValueError:
            pass  # no number at all
        raise argparse.ArgumentTypeError(f"needs a positive number, got {text!r}")

    return read


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scalargrad.grade",
        description="Check an engine that a student wrote: a Value as micrograd's, or the nodes of "
        "a miniflow. Exit status: 0 all right, 1 something is wrong, 2 a file cannot be checked.",
    )
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", help="Python files or notebooks; several make a table")
    add("--class", dest="class_name", default="", metavar="NAME", help="the class of the Value")
    add(
        "--need", nargs="+", metavar="OPERATION", help="what may not be missing, such as + '*' tanh"
    )
    add("--json", action="store_true", help="write the report as JSON")
    add("--html", metavar="FILE", help="write a page, in one file")
    add("--junit", metavar="FILE", help="write JUnit XML, for autograders")
    add("--points", metavar="RUBRIC", help="give points, by a rubric in TOML")
    add("--pictures", metavar="DIR", help="draw each mistake, the wrong edge marked")
    add("--seconds", type=_positive(float), default=5.0, help="for each check (%(default)g)")  # type: ignore[arg-type]
    add("--memory", type=_positive(int), default=2048, help="megabytes (%(default)s)")  # type: ignore[arg-type]
    add("--new", metavar="NAME", help=f"copy an exercise here: {', '.join(names())}")
    return parser
