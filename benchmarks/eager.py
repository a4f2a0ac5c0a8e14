"""Suite: one eager training step, and the memory of its graph."""

from __future__ import annotations

import gc
import tracemalloc
from time import process_time
from typing import Any

from .demo import ENGINES, OWN_NETWORK, installed, loss, make_model, step, two_moons
from .harness import alone, in_turn
from .report import Table, number, ratio, spread

CONTENDERS = ("scalargrad", OWN_NETWORK, "microgpt style", "micrograd")


def milliseconds_per_step(contender: str, collector: bool, samples: int, steps: int) -> float:
    """Train in this process; return the mean over consecutive steps, after one to warm up.

    The mean and not the median, since the collector's work falls on some steps for all.
    """
    value, network = make_model(contender)
    points = two_moons(samples)
    step(value, network, points)
    if not collector:
        gc.disable()
    seconds = 0.0
    for _ in range(steps):
        start = process_time()
        step(value, network, points)
        seconds += process_time() - start
        if not collector:
            gc.collect()  # off the clock: cyclic garbage would fill the memory
    return 1e3 * seconds / steps


def bytes_per_node(contender: str, samples: int) -> float:
    """Return the memory that a loss holds after backward, for each node made on the way."""
    value, network = make_model(contender)
    points = two_moons(samples)
    tracemalloc.start()
    result = loss(value, network, points)
    result.backward()
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    return held / (count_nodes(result) - len(network.parameters()))


def count_nodes(root: Any) -> int:
    """Count the nodes that a result was computed from, itself included."""
    seen, stack = {root}, [root]
    while stack:
        new = set(stack.pop()._prev) - seen
        seen |= new
        stack.extend(new)
    return len(seen)


def run(rounds: int = 5, samples: int = 100, steps: int = 5) -> Table:
    """Measure the contenders that are installed."""
    here = [name for name in CONTENDERS if installed(ENGINES.get(name, name))]
    cases = [(name, on, samples, steps) for name in here for on in (True, False)]
    times = in_turn(milliseconds_per_step, cases, rounds)
    rows: list[tuple[str, ...]] = []
    for name in here:
        cells = []
        for on in (True, False):
            theirs, ours = times[name, on, samples, steps], times["scalargrad", on, samples, steps]
            cells += [spread(theirs), ratio(theirs, ours)]
        rows.append((name, *cells, number(alone(bytes_per_node, name, samples))))
    rows += [(name, "not installed", *[""] * 4) for name in CONTENDERS if name not in here]
    return Table(
        f"One training step of MLP(2, [16, 16, 1]) on {samples} samples",
        ("engine", "ms", "ratio", "ms, collector off", "ratio", "bytes per node"),
        rows,
        f"micrograd's demo: max-margin loss with L2; forward, zero_grad, backward, update. "
        f"Milliseconds are CPU time, the mean of {steps} consecutive steps in a process of their "
        f"own: the median of {rounds} rounds in turn (in brackets the least). A ratio is the "
        f"median of the rounds' ratios to scalargrad's time. All rows run the same code on their "
        f"own `Value`; only {OWN_NETWORK} takes the network from there, too. Bytes are those "
        f"that tracemalloc counts after backward.",
    )
