"""Checking a file in a process of its own: whatever it does is a line of the report."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .findings import MISSING, REMARK, WRONG, Finding, Report, explained

__all__ = ["Limits", "grade_file"]

_MOST_STARTS = 6
_START = 30.0  # seconds for Python to start, on a busy machine


class Limits(NamedTuple):
    """What a student's file may take: seconds for each check, and megabytes."""

    seconds: float = 5.0
    megabytes: int = 2048


def grade_file(
    path: str | os.PathLike[str],
    class_name: str = "",
    limits: Limits = Limits(),  # noqa: B008  (it cannot change)
    needed: Sequence[str] | None = None,
) -> Report:
    """Check a file in a process of its own.

    When a check kills the process, or hangs where no alarm comes through, that is a finding, and
    the rest is checked in another process.

    Args:
        path: a Python file or a notebook.
        class_name: the class to take for the Value.
        limits: of time and memory.
        needed: operations that may not be missing, instead of the usual ones.
    """
    report = Report(str(path), needed=needed)
    if not Path(path).is_file():
        is_folder = Path(path).is_dir()
        report.trouble = f"{path} is a folder" if is_folder else f"there is no file {path}"
        return report
    done: list[str] = []  # the tasks that are not to be run again
    findings: list[Finding] = []
    for _ in range(_MOST_STARTS):
        if _run(report, findings, done, Path(path).resolve(), class_name, limits):
            break
    report.findings = explained(findings)
    if not report.trouble:
        found = {finding.operation for finding in findings}
        missing = [name for name in needed or () if name not in found]
        report.findings += [Finding(x, "forward", MISSING, f"{x} was not found") for x in missing]
    return report


def _run(
    report: Report, findings: list[Finding], done: list[str], path: Path, name: str, limits: Limits
) -> bool:
    """Run the tasks that are not done; return whether all has come to an end."""
    arguments = [str(path), name, str(limits.seconds), str(limits.megabytes), *done]
    command = [sys.executable, "-m", f"{__package__}.worker", *arguments]
    process = subprocess.Popen(
        command, cwd=path.parent, env=_environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    task, remark = "the file", False
    patience = _START
    try:
        while True:
            try:
                text = lines.get(timeout=patience)
            except queue.Empty:
                how = f"{task} does not come to its end within {limits.seconds:g} s"
                break
            if not text:
                how = f"{task} ends the whole process ({_ending(process.wait())})"
                break
            line: dict[str, Any] = json.loads(text)
            patience = 2 * limits.seconds + 1
            if "begin" in line:
                task, remark = line["begin"], line.get("remark", False)
                done.append(task)
            elif "finding" in line:
                found = line["finding"]
                tuples = {key: tuple(found[key]) for key in ("numbers", "calls")}
                findings.append(Finding(**found | tuples))
            elif "found" in line:
                report.found = line["found"]
            elif "trouble" in line:
                report.trouble = line["trouble"]
                return True
            else:
                return True
    finally:
        process.kill()
        process.wait()
    if task == "the file":
        report.trouble = how
        return True
    findings.append(Finding(task, "running", REMARK if remark else WRONG, how))
    return False


def _environment() -> dict[str, str]:
    """Return the environment: no windows, one thread, and this very scalargrad."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    quiet = {"MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return os.environ | quiet | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _read(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
    """Pass the lines on as they come, and then an empty one."""
    assert process.stdout
    with process.stdout as pipe:
        for line in pipe:
            lines.put(line)
    lines.put(b"")


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"
