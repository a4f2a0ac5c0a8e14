"""Measuring: each measurement in a process of its own, several rounds of all of them in turn.

In one process, one engine's cyclic garbage is collected on another's clock. In turn, because a
shared machine is faster at one minute than at the next.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from itertools import product
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, TypeVar

from tqdm import tqdm

Case = TypeVar("Case", bound=tuple[Any, ...])
Answer = TypeVar("Answer")

#: One thread for the matrix products of whatever library, which reads this when it is loaded.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}


def alone(function: Callable[..., Answer], *arguments: Any) -> Answer:
    """Call a module's function in a fresh Python process and return its answer."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as process:
        return process.submit(function, *arguments).result()


def in_turn(
    measure: Callable[..., Answer], cases: Sequence[Case], rounds: int
) -> dict[Case, list[Answer]]:
    """Measure every case once a round, each time alone; return the answers of all rounds.

    Args:
        measure: a module's function, called with a case as its arguments.
        cases: the arguments of each measurement.
        rounds: how often to go through the cases.
    """
    answers: dict[Case, list[Answer]] = {case: [] for case in cases}
    turns = list(product(range(rounds), cases))
    for _, case in tqdm(turns, desc=measure.__module__, leave=False, disable=None):
        answers[case].append(alone(measure, *case))
    return answers


# ── a process that stays ────────────────────────────────────────────────────────────────────────


class Resident:
    """An object in a process of its own, which stays for as long as a ``with`` does.

    For what takes long to prepare and is then measured many times, in turn with others. BLAS has
    one thread there. What it asks `tempfile` for is removed with it.

    Args:
        make: a module's class or function, called in that process to make the object.
        arguments: what it is called with.
    """

    def __init__(self, make: Callable[..., Any], *arguments: Any) -> None:
        fresh = multiprocessing.get_context("spawn")
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._pipe, theirs = fresh.Pipe()
        self._process = fresh.Process(target=_serve, args=(theirs, self._folder.name), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.send((make, arguments))

    def call(self, method: str, *arguments: Any, limit: float | None = None) -> Any:
        """Call a method of the object and return its answer.

        Args:
            method: its name.
            arguments: what it is called with.
            limit: so many seconds to wait at the most; then the process ends.

        Raises:
            Exception: the method has raised it, or the making of the object.
            TimeoutError: it takes longer.
            ChildProcessError: the process has died, or was ended.
        """
        if self._pipe.closed:
            raise ChildProcessError(f"{method} is called, but the process has ended")
        try:
            self._pipe.send((method, arguments))
            if not self._pipe.poll(limit):
                self.close()
                raise TimeoutError(f"{method} takes more than {limit:g} s")
            answer, error = self._pipe.recv()
        except (EOFError, ConnectionError) as death:
            self._process.join()
            code = self._process.exitcode
            raise ChildProcessError(f"the process has died in {method}, code {code}") from death
        if error is not None:
            raise error
        return answer

    def __enter__(self) -> Resident:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and what it has started."""
        if self._pipe.closed:
            return
        with suppress(AttributeError, ProcessLookupError):  # Windows has no groups of processes
            os.killpg(self._process.pid, signal.SIGKILL)  # a compiler, for example
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._folder.cleanup()


def _serve(pipe: Connection, folder: str) -> None:
    """Make the object that is sent first, and call its methods for as long as somebody asks."""
    with suppress(AttributeError):
        os.setsid()
    os.environ.update(ONE_THREAD)  # before the object's module is loaded, and NumPy with it
    tempfile.tempdir = folder
    with suppress(EOFError):
        thing, failure = _answer(*pipe.recv())
        while True:
            method, arguments = pipe.recv()
            pipe.send((None, failure) if failure else _answer(getattr(thing, method), arguments))


def _answer(function: Callable[..., Any], arguments: Sequence[Any]) -> tuple[Any, Exception | None]:
    """Return what a function returns, or else what it raises."""
    try:
        return function(*arguments), None
    except Exception as error:
        error.add_note(traceback.format_exc())
        return None, error
