"""Suite: a training step of a character GPT, on one name and on 32, and the listing of its program.

The network is microgpt's, 4,192 parameters; scalargrad compiles the same scalars that microgpt
computes one by one. The peers have array code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter

from scalargrad.compiler import Program

from .contest import Case, Measured, hold
from .gpt_work import Names
from .peers import Engine, gpt_scalars
from .report import Table, number, ratio, spread

JAX, OURS = "JAX, jit", "scalargrad, compiled"

#: The engines, by the name that they have in a table; the first one says what is right.
ENGINES = {
    "NumPy by hand": Engine("gpt_by_hand"),
    OURS: Engine("gpt_scalars", options={"way": "auto"}),
    "scalargrad, tape": Engine("gpt_scalars", options={"way": "tape"}),
    "scalargrad, arrays": Engine("gpt_scalars", options={"way": "arrays"}),
    JAX: Engine("gpt_jax", "jax"),
    "torch": Engine("gpt_torch", "torch"),
    "scalargrad, eager": Engine("gpt_scalars", options={"way": "scalargrad"}, builds=True),
    "microgpt style": Engine("gpt_scalars", options={"way": "microgpt"}, builds=True),
}

HOW = (
    "Loss, all gradients and the update, in double precision, on one thread, the garbage collector "
    "at its default. Ready: to trace, compile and do the first step, when the library has done "
    "something tiny. The median of all rounds in turn (in brackets the least), each engine in a "
    "process of its own; a ratio is the median of the rounds' ratios. First, all must find the "
    "same losses and gradients. Lines are those of the listing of array code. By hand, "
    "JAX: one-hot letters times a table, which is faster there than to gather rows; torch: "
    "`embedding`, `rms_norm`, `scaled_dot_product_attention`. scalargrad compiles the GPT of "
    "`examples/gpt`; in microgpt's style it is written anew, and eager scalargrad runs that, too."
)
CASES = (
    Case("GPT: a training step on one name of 9 places", Names(), tuple(ENGINES), notes=HOW),
    Case(
        "GPT: a training step on 32 names of 9 places",
        Names(count=32),
        tuple(ENGINES),
        few=2,
        notes="One program for all names of a length, whose letters are fed one-hot. Who builds a "
        "graph for every scalar does 2 of the names; that time is multiplied.",
    ),
)
PLACES = (4, 9, 16)


def run(
    rounds: int = 20, cases: Sequence[Case] = CASES, places: Sequence[int] = PLACES
) -> Iterator[Table]:
    """Measure all cases, then count the lines of listings."""
    for case in cases:
        case = case._replace(known=ENGINES)
        yield table(case, hold(case, rounds))
    if places:
        yield listings(places)


def table(case: Case, measured: Measured) -> Table:
    """Return the table of what was measured: a row for each engine."""
    rows: list[tuple[str, ...]] = []
    rival = measured.times.get(JAX, [])
    for engine in case.engines:
        if engine in measured.reasons:
            rows.append((engine, measured.reasons[engine], "", "", ""))
            continue
        times, builds = measured.times[engine], ENGINES[engine].builds
        ready = "" if builds else number(1e3 * measured.found[engine].ready)
        rows.append(
            (
                engine,
                ready,
                spread(times),
                ratio(times, rival) if rival else "",
                lines(case.work, ENGINES[engine]),
            )
        )
    return Table(case.title, ("engine", "ready, ms", "µs", f"× {JAX}", "lines"), rows, case.notes)


def lines(work: Names, engine: Engine) -> str:
    """Return how many lines the listing of an engine has, if it is ours and runs on arrays."""
    if engine.options.get("way") != "arrays":
        return ""
    return str(length(gpt_scalars.program_of(work, "arrays")))


def length(program: Program) -> int:
    """Return the number of operations in a listing."""
    return sum(line.startswith("v") for line in str(program.listing).splitlines())


def listings(places: Sequence[int]) -> Table:
    """Return a table of listings: for names of several lengths, the lines and how long they take.

    The time is that of tracing the loss and finding its arrays, here, once.
    """
    rows = []
    for count in places:
        cells = []
        for names in (1, 2):
            started = perf_counter()
            program = gpt_scalars.program_of(Names(count=names, places=count), "arrays")
            cells += [str(length(program)), number(1e3 * (perf_counter() - started))]
        rows.append((str(count), f"{len(program):,}", *cells))
    return Table(
        "GPT: lines of the listing",
        ("places", "scalars", "of one name", "ms", "of fed letters", "ms"),
        rows,
        'With `machine="arrays"`; ms to trace the loss of a name and to find its arrays, once.',
    )
