"""Suite: what is truly scalar, one evaluation with its gradient and a thousand samples of it.

Kinematics, a differential equation, a likelihood, recurrent nets, and a graph picked at random:
each is written once in scalars; JAX and torch have array code where a person would write it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import median

from scalargrad.graph import topological_sort

from .contest import Case, Measured, hold
from .peers import EAGER, ENGINES, ours
from .report import Table, number, ratio
from .scalar_works import (
    LSTM,
    Arm,
    Attention,
    LennardJones,
    Mixture,
    Neuron,
    Pendulum,
    Recurrent,
)
from .works import Irregular, Work

LIMIT = 60.0  # seconds to make an engine ready
SAMPLES = 1000
FEW = 5  # samples for an engine that builds a graph in every step

OURS, CASADI = "scalargrad, compiled", "CasADi, VM"
COMPILED = (OURS, CASADI, "heyoka, compact mode", "JAX, jit", "torch")

WORKS: Mapping[str, Work] = {
    "tanh neuron, 2 inputs": Neuron(),
    "robot arm, 6 joints": Arm(),
    "attention, 6 × 8": Attention(),
    "Lennard-Jones, 20 particles": LennardJones(),
    "LSTM, 10 steps of 8": LSTM(),
    "Gaussian mixture, 100 points": Mixture(),
    "recurrent net, 20 steps of 16": Recurrent(),
    "double pendulum, 100 Runge-Kutta steps": Pendulum(),
    "irregular graph": Irregular(count=1),
}

HOW = (
    "The median of all rounds in turn, in µs, and in brackets the ms until the first step is done "
    "(numba's compiled interpreter is on disk, as it is from the second program of a machine on). "
    "In double precision, on one thread, the collector at its default. CasADi and heyoka get the "
    "same scalars as scalargrad; JAX compiles array code where a person would write it; torch runs "
    "that eagerly, and else a tensor for each scalar. Eager scalargrad builds the graph each time. "
    f"What takes more than {LIMIT:g} s to be ready is left out (–). The last column is the median "
    "of the rounds' ratios: under 1, scalargrad is ahead."
)
BATCH_NOTES = (
    f"The mean loss of {SAMPLES:,} samples and its gradient, in µs a sample. Eager scalargrad does "
    f"{FEW} of them."
)


def size(work: Work) -> int:
    """Return how many scalars the graph of one sample has, leaves included."""
    _, loss = ours.model(work)
    return len(topological_sort([loss([0.5] * work.samples.shape[1])], lambda v: v._prev))


def measure(title: str, works: Mapping[str, Work], rounds: int, limit: float, notes: str) -> Table:
    """Measure works, and return a table with a row for each."""
    each = any(work.count > 1 for work in works.values())
    engines = (*COMPILED, EAGER)
    rows = []
    for name, work in works.items():
        case = Case(f"{title}: {name}", work, engines, few=FEW, each=each)
        rows.append((name, f"{size(work):,}", *cells(engines, hold(case, rounds, limit))))
    return Table(title, ("work", "scalars", *engines, f"× {CASADI}"), rows, notes)


def cells(engines: tuple[str, ...], measured: Measured) -> Iterator[str]:
    """Yield what a row says of each engine, and how ours compares with CasADi's machine."""
    for engine in engines:
        if engine in measured.reasons:
            yield "–"
            continue
        time = number(median(measured.times[engine]))
        ready = number(1e3 * measured.found[engine].ready)
        yield time if ENGINES[engine].builds else f"{time} ({ready})"
    times = measured.times
    yield ratio(times[OURS], times[CASADI]) if CASADI in times else "–"


def run(
    rounds: int = 10, works: Mapping[str, Work] = WORKS, limit: float = LIMIT
) -> Iterator[Table]:
    """Measure all works, on one sample and on many."""
    yield measure("Scalars: one evaluation with gradient", works, rounds, limit, HOW)
    many = {name: replace(work, count=SAMPLES) for name, work in works.items()}
    yield measure(f"Scalars: {SAMPLES:,} samples", many, rounds, limit, BATCH_NOTES)
