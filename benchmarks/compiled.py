"""Suite: compiled scalars against array code by hand and against other libraries, work by work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .contest import LIMIT, Case, Measured, hold
from .peers import BY_HAND, ENGINES, MICROGRAD
from .report import Table, number, ratio, spread
from .works import Digits, Moons


def measure(case: Case, rounds: int, limit: float) -> Table:
    """Measure a case, and return its table."""
    return table(case, hold(case, rounds, limit))


def table(case: Case, measured: Measured) -> Table:
    """Return the table of what was measured: a row for each engine."""
    by_hand, slowest = (measured.times.get(engine, []) for engine in (BY_HAND, MICROGRAD))
    rows: list[tuple[str, ...]] = []
    for engine in case.engines:
        if engine in measured.reasons:
            rows.append((engine, measured.reasons[engine], "", "", ""))
            continue
        times = measured.times[engine]
        ready = "" if ENGINES[engine].builds else number(1e3 * measured.found[engine].ready)
        factor = ratio(slowest, times) if slowest else ""
        rows.append((engine, ready, spread(times), ratio(times, by_hand), factor))
    columns = ("engine", "ready, ms", "µs", f"× {BY_HAND}", f"{MICROGRAD} takes ×")
    return Table(case.title, columns, rows, case.notes)


# ── the cases ───────────────────────────────────────────────────────────────────────────────────


HOW = (
    "A step on 100 samples is the loss, all gradients and the update: in double precision, on one "
    "thread, the garbage collector at its default. Ready: to trace, compile and do the first step, "
    "when data and model are there and the library has done something tiny; what takes more than "
    f"{LIMIT:g} s is cut off. Then the median of all rounds in turn (in brackets the least), each "
    "engine in a process of its own; slow ones take part in fewer rounds. A ratio is the median of "
    "the rounds' ratios. First, all must find the same losses and gradients. Every softmax is "
    "shifted by the greatest logit. By hand, buffers are made once; with a row of ones, samples "
    "are columns. JAX: the step in one `jit`, samples as columns, which is faster. torch: eager, "
    "layers as in `nn.Linear`. heyoka and CasADi get the loss of one sample in scalars; the mean "
    "is NumPy's in heyoka and `Function.map`'s in CasADi; C is compiled by `cc -O2`. micrograd "
    "lacks exp, log and tanh, which are written in its style."
)
FEW = "micrograd and eager scalargrad do {} of the samples; their time is multiplied."

CASES = (
    Case(
        "Compiled: a training step of MLP 2→16→16→1, max-margin loss with L2",
        Moons(sizes=(2, 16, 16, 1)),
        notes=HOW,
    ),
    Case(
        "Compiled: the same from the graph of all 100 samples, unrolled",
        Moons(sizes=(2, 16, 16, 1), unrolled=True),
        notes="66,000 scalars, for whom has scalars. Array code is what it was.",
    ),
    Case(
        "Compiled: a training step of softmax regression 64→10, cross-entropy",
        Digits(sizes=(64, 10)),
    ),
    Case(
        "Compiled: a training step of MLP 64→32→10, cross-entropy",
        Digits(sizes=(64, 32, 10)),
        few=20,
        notes=FEW.format(20),
    ),
    Case(
        "Compiled: a training step of softmax regression 784→10, cross-entropy",
        Digits(sizes=(784, 10)),
        few=5,
        notes=FEW.format(5),
    ),
)


def run(rounds: int = 20, cases: Sequence[Case] = CASES, limit: float = LIMIT) -> Iterator[Table]:
    """Measure all cases, one after the other."""
    for case in cases:
        yield measure(case, rounds, limit)
