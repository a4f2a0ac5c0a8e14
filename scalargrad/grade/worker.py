"""The process in which a student's file runs: it says, line by line, what it finds.

What the file prints goes nowhere, and it has no input. The limits are for accidents, an endless
loop or a list that grows for ever; they do not keep out somebody who means harm.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

from .driving import failure
from .findings import REMARK, WRONG, Finding
from .loading import load
from .subjects import Task, subject_of

__all__ = ["main"]


class _TooLongError(BaseException):
    """A task takes more than its time. No ``except Exception`` of a student catches it."""


def main(arguments: list[str]) -> None:
    """Check one file: its path, the class, the seconds for a task, megabytes, and tasks to skip."""
    path, class_name, seconds, megabytes, *skipped = arguments
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)

    def say(**line: Any) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    _limit_memory(int(megabytes))
    say(begin="the file")
    try:
        with _time_limit(float(seconds)):
            sys.argv = [path]
            subject = subject_of(load(path), class_name)
    except (Exception, SystemExit) as error:
        say(trouble=str(error) if type(error).__name__ == "OperandError" else _when_loaded(error))
        return
    except _TooLongError:
        say(trouble=f"the file does not come to its end within {float(seconds):g} s")
        return
    say(found="; ".join(subject.found))
    for task in subject.tasks:
        if task.name not in skipped:
            say(begin=task.name, remark=task.remark)
            for finding in _run(task, float(seconds)):
                say(finding=asdict(finding))
    say(end=True)


def _when_loaded(error: BaseException) -> str:
    where = error.lineno if isinstance(error, SyntaxError) else _last_line(error)
    return f"the file fails{f' in line {where}' if where else ''}: {failure(error)}"


def _last_line(error: BaseException) -> int | None:
    """Return the line of the student's file where an error came up."""
    trace, found = error.__traceback__, None
    while trace:
        if not trace.tb_frame.f_code.co_filename.startswith(("<frozen", os.path.dirname(__file__))):
            found = found or trace.tb_lineno
        trace = trace.tb_next
    return found


def _run(task: Task, seconds: float) -> list[Finding]:
    try:
        with _time_limit(seconds):
            return task.findings()
    except _TooLongError:
        text = f"{task.name} does not come to its end within {seconds:g} s"
    except MemoryError:
        text = f"{task.name} needs more memory than it may have"
    except BaseException as error:
        text = f"{task.name} leaves the program: {failure(error)}"
    return [Finding(task.name, "running", REMARK if task.remark else WRONG, text)]


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise an error in what takes too long, where the system has alarms; elsewhere wait."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: object) -> None:
        raise _TooLongError

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)  # again, if it was caught
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _limit_memory(megabytes: int) -> None:
    with suppress(ImportError, ValueError, OSError):  # not on every system
        import resource

        size = megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
