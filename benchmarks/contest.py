"""A contest: engines do the same work, each in a process of its own that stays, in turn.

So one's garbage and threads are not on another's clock. Each does something tiny first, and is then
timed until its first step is done. What it found is checked before its steps are measured, in turn
with those of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from .harness import Resident
from .peers import ENGINES, Engine, Prepared, Unable
from .works import BATCH, Array, Work

LIMIT = 120.0  # seconds to make an engine ready
TURN = 0.02  # seconds of steps in a row, at the least
PATIENCE = 2.0  # seconds: whose steps have taken so long together, takes part in no more rounds

Times = dict[str, list[float]]  # µs, of each engine, one of each round


class Case(NamedTuple):
    """A work, and who does it.

    Args:
        title: what the work is.
        work: what each engine does; the first one says what is right.
        engines: by their names.
        few: so many samples for engines that build a graph in every step; their time is scaled.
        each: whether the time of a sample is wanted, and not that of a step.
        notes: what there is to say about it.
        known: all engines, by their names.
    """

    title: str
    work: Work
    engines: Sequence[str] = tuple(ENGINES)
    few: int = BATCH
    each: bool = False
    notes: str = ""
    known: Mapping[str, Engine] = ENGINES

    def share(self, engine: str) -> Work:
        """Return the work that is given to an engine."""
        builds = self.known[engine].builds and self.few < self.work.count
        return self.work.only(self.few) if builds else self.work

    def microseconds(self, engine: str, seconds: float) -> float:
        """Return what the table shows of the time of an engine's step."""
        return 1e6 * seconds * (1 if self.each else self.work.count) / self.share(engine).count


class Measured(NamedTuple):
    """What came of a contest: for each engine what it found and its times, or why it could not."""

    found: dict[str, Found]
    times: Times
    reasons: dict[str, str]


# ── in the process of an engine ─────────────────────────────────────────────────────────────────


class Found(NamedTuple):
    """What an engine finds in its first steps, and how long it takes to get there."""

    ready: float  # seconds
    losses: list[float]  # of two steps, so that the update is in it
    gradient: Array  # of the first

    def agrees(self, other: Found) -> bool:
        """Say whether the numbers are the same, but for rounding."""
        size = np.abs(other.gradient).max()
        return np.allclose(self.losses, other.losses, rtol=1e-9, atol=1e-12) and np.allclose(
            self.gradient, other.gradient, rtol=1e-7, atol=1e-9 * size
        )


class Contender:
    """An engine that does a work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._prepared: Prepared
        self._calls = 1

    def warm_up(self, work: Work) -> None:
        """Load the library, and do something tiny with it."""
        self._engine.prepare(work.tiny()).step()

    def prepare(self, work: Work) -> Found:
        """Make a work ready, and do two steps."""
        begun = self._engine.begin(work)
        started = perf_counter()
        self._prepared = self._engine.prepare(work, begun)
        loss = self._prepared.step()
        ready = perf_counter()
        gradient = self._prepared.gradient()
        again = perf_counter()
        losses = [loss, self._prepared.step()]
        self._plan(perf_counter() - again)
        return Found(ready - started, losses, gradient)

    def turn(self) -> float:
        """Return the seconds of a step: the mean of some in a row, after others to warm up."""
        step = self._prepared.step
        for _ in range(self._calls // 4):
            step()
        started = perf_counter()
        for _ in range(self._calls):
            step()
        seconds = (perf_counter() - started) / self._calls
        self._plan(seconds)
        return seconds

    def _plan(self, seconds: float) -> None:
        """Choose the number of steps in the next turn by the time of one."""
        self._calls = max(1, int(TURN / seconds))


# ── in the process that asks ────────────────────────────────────────────────────────────────────


def start(resident: Resident, work: Work, limit: float) -> Found:
    """Let a contender make a work ready.

    Raises:
        Unable: it cannot do it, or takes too long.
    """
    resident.call("warm_up", work)
    try:
        found: Found = resident.call("prepare", work, limit=limit)
    except TimeoutError:
        raise Unable(f"not ready in {limit:g} s") from None
    return found


def check(case: Case, found: dict[str, Found]) -> None:
    """Compare what engines have found with what the first of them finds, on as many samples.

    Raises:
        AssertionError: somebody finds something else.
    """
    first = next(iter(found), "")
    right = {case.share(engine): theirs for engine, theirs in found.items() if engine == first}
    for engine, theirs in found.items():
        work = case.share(engine)
        if work not in right:
            with Resident(Contender, case.known[first]) as resident:
                right[work] = start(resident, work, LIMIT)
        if not theirs.agrees(right[work]):
            raise AssertionError(f"{case.title}: {engine} {theirs}, but {first} {right[work]}")


def take_turns(residents: dict[str, Resident], case: Case, rounds: int) -> Times:
    """Measure all contenders once a round."""
    seconds: Times = {engine: [] for engine in residents}
    for _ in tqdm(range(rounds), desc=case.title, leave=False, disable=None):
        for engine, resident in residents.items():
            if sum(seconds[engine]) < PATIENCE:
                seconds[engine].append(resident.call("turn"))
    return {
        engine: [case.microseconds(engine, one) for one in measured]
        for engine, measured in seconds.items()
    }


def hold(case: Case, rounds: int, limit: float = LIMIT) -> Measured:
    """Let all engines of a case get ready, compare what they find, and measure them in turn."""
    found: dict[str, Found] = {}
    reasons: dict[str, str] = {}
    with ExitStack() as stack:
        residents: dict[str, Resident] = {}
        for engine in tqdm(case.engines, desc=case.title, leave=False, disable=None):
            resident = stack.enter_context(Resident(Contender, case.known[engine]))
            try:
                found[engine] = start(resident, case.share(engine), limit)
                residents[engine] = resident
            except Unable as reason:
                reasons[engine] = str(reason)
        check(case, found)
        return Measured(found, take_turns(residents, case, rounds), reasons)
