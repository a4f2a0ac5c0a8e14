"""Suite: what an import costs, over a bare interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from operator import sub
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from .report import Table, number, spread

BARE = "pass"
IMPORTS = ("import scalargrad", "import scalargrad.nn", "import numpy")


def milliseconds(statement: str, bytecode: str) -> float:
    """Return how long a fresh interpreter takes to start, run a statement and end.

    Args:
        statement: what it runs.
        bytecode: a folder for compiled modules, so that they are compiled once, as usual.
    """
    environment = os.environ | {"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
    start = perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
    return 1e3 * (perf_counter() - start)


def run(rounds: int = 25, imports: Sequence[str] = IMPORTS) -> Table:
    """Time interpreters that import something, in turn with bare ones."""
    statements = (BARE, *imports)
    with TemporaryDirectory() as bytecode:
        turns = [
            [milliseconds(statement, bytecode) for statement in statements]
            for _ in range(rounds + 1)
        ][1:]  # the first one compiles
    times = dict(zip(statements, zip(*turns, strict=True), strict=True))
    bare = times[BARE]
    rows = [
        (
            f"`{statement}`",
            number(median(map(sub, times[statement], bare))),
            number(min(times[statement]) - min(bare)),
        )
        for statement in imports
    ]
    return Table(
        "What an import costs",
        ("statement", "extra ms", "at the least"),
        rows,
        f"Milliseconds that a fresh interpreter takes longer than a bare one, which takes "
        f"{spread(bare)}: the median over {rounds} rounds in turn, and the difference of the "
        f"least times.",
    )
