"""Engines of the benchmarks for the tests: each in a process of its own, as in a contest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pytest

from benchmarks.contest import Contender, Found
from benchmarks.demo import installed
from benchmarks.harness import Resident
from benchmarks.peers import Engine, Prepared


class Steps(NamedTuple):
    """What is found in two steps: so the update is in it."""

    losses: list[float]
    gradient: Any  # of the first


def two_steps(prepared: Prepared) -> Steps:
    loss, gradient = prepared.step(), prepared.gradient()
    return Steps([loss, prepared.step()], gradient)


def assert_same(theirs: Found, ours: Steps, slack: float) -> None:
    """Compare what two engines find; ``slack`` is that of a gradient, as a share of its largest."""
    assert theirs.losses == pytest.approx(ours.losses, rel=1e-12)
    size = np.abs(ours.gradient).max()
    assert 0 < size < np.inf
    # In JAX it is the difference of weights, which may be in the thousands.
    np.testing.assert_allclose(theirs.gradient, ours.gradient, rtol=1e-9, atol=slack * size)


class Contenders:
    """Whoever is asked for stays until another one is: a process takes half a second to start."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self._engines = engines
        self._name = ""
        self._resident: Resident

    def __call__(self, name: str) -> Resident:
        """Return the process of an engine, by its name; skip the test where it cannot be had."""
        engine = self._engines[name]
        if not installed(engine.package):
            pytest.skip(f"needs {engine.package}")
        if "generate" in engine.options and not shutil.which("cc"):
            pytest.skip("needs a C compiler")
        if name != self._name:
            self.close()
            self._name, self._resident = name, Resident(Contender, engine)
        return self._resident

    def close(self) -> None:
        if self._name:
            self._resident.close()


@contextmanager
def contenders(engines: Mapping[str, Engine]) -> Iterator[Contenders]:
    made = Contenders(engines)
    yield made
    made.close()
