"""Suite: deep graphs. Chains ``y = y * a + b``: time, memory, and time to free them."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from statistics import median
from time import process_time
from typing import Any, NamedTuple

from .demo import ENGINES, installed, value_class
from .harness import alone, in_turn
from .report import Table, number, spread


class Timing(NamedTuple):
    """How long a chain took."""

    forward: float  # µs a step
    backward: float  # µs a step
    free: float  # seconds


def chain(value: Any, length: int) -> Any:
    """Return the end of a chain of steps ``y = y * a + b``: two nodes of two operands each."""
    a, b, y = value(0.999), value(0.001), value(2.0)
    for _ in range(length):
        y = y * a + b
    return y


def timing(engine: str, length: int, collector: bool) -> Timing:
    """Build a chain, run backward and free it in this process."""
    value = value_class(engine)
    if not collector:
        gc.disable()
    start = process_time()
    y = chain(value, length)
    built = process_time()
    y.backward()
    pushed = process_time()
    del y
    freed = process_time()
    return Timing(1e6 * (built - start) / length, 1e6 * (pushed - built) / length, freed - pushed)


def memory(engine: str, length: int) -> tuple[float, float]:
    """Return the bytes per node that a chain holds after backward, and at the highest."""
    value = value_class(engine)
    tracemalloc.start()
    y = chain(value, length)
    y.backward()
    held, peak = tracemalloc.get_traced_memory()
    return held / (2 * length), peak / (2 * length)


def goes_through(engine: str, length: int) -> bool:
    """Say whether an engine's recursion is deep enough for a chain, or it needs none."""
    try:
        alone(timing, engine, length, False)
    except RecursionError:
        return False
    return True


def run(rounds: int = 5, lengths: Sequence[int] = (10_000, 100_000, 1_000_000)) -> Table:
    """Measure the engines that are installed, each on the chains that it can go through."""
    engines = [engine for engine in ENGINES if installed(ENGINES[engine])]
    chains = [
        (engine, n)
        for engine in engines
        for n in takewhile(partial(goes_through, engine), sorted(lengths))
    ]
    cases = [(*which, collector) for which in chains for collector in (True, False)]
    timings = in_turn(timing, cases, rounds)
    rows: list[tuple[str, ...]] = []
    for engine, n in chains:
        on, off = timings[engine, n, True], timings[engine, n, False]
        cells = (
            spread([t.forward + t.backward for t in on]),
            number(median(t.forward for t in on)),
            number(median(t.backward for t in on)),
            number(median(t.forward + t.backward for t in off)),
            number(median(t.free for t in on)),
            *map(number, alone(memory, engine, n)),
        )
        rows.append((engine, f"{n:,}", *cells))
    for engine in engines:
        beyond = [n for n in sorted(lengths) if (engine, n) not in chains]
        rows += [(engine, f"{n:,}", "RecursionError", *[""] * 6) for n in beyond[:1]]
    return Table(
        "Chains of steps y = y * a + b",
        (
            *("engine", "steps", "µs a step", "forward", "backward", "collector off"),
            *("seconds to free", "bytes per node", "at the peak"),
        ),
        rows,
        f"A step makes two nodes of two operands. CPU time of forward and backward together, the "
        f"median of {rounds} rounds in turn (in brackets the least), each in a process of its "
        f"own. Bytes are those that tracemalloc counts: held after backward, and the highest "
        f"during it.",
    )
