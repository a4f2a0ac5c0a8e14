"""Where an infinity or a nan comes from: every scalar of the graph, computed sample by sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .passes.flatten import unmerged
from .passes.walk import LEAF, ROWS, Floats, Scalars, named
from .tape import assemble, machine_of

__all__ = ["AT_A_TIME", "first_nonfinite"]

#: So many numbers are held at a time.
AT_A_TIME = 1_000_000


def first_nonfinite(
    scalars: Scalars, samples: Floats, parameters: Floats
) -> tuple[str, int] | None:
    """Name the first scalar that is not finite, in the order of evaluation, if there is one.

    Args:
        scalars: the graph.
        samples: what is fed, each a row.
        parameters: of the program.

    Returns:
        A sentence, and the number of the sample.
    """
    machine = machine_of(assemble(unmerged(scalars)), threads=1)
    size = max(1, AT_A_TIME // len(scalars))
    for start in range(0, len(samples), size):
        numbers, _ = machine.run(samples[start : start + size], parameters)
        wrong = ~np.isfinite(numbers)
        if wrong.any():
            row = int(wrong.any(axis=1).argmax())
            place = int(wrong[row].argmax())
            return _sentence(scalars, place, numbers[row]), start + row
    return None


def _sentence(scalars: Scalars, place: int, numbers: Floats) -> str:
    operands = [repr(float(numbers[i])) for i in _operands(scalars, place)]
    of = f" of {' and '.join(operands)}" if operands else ""
    return f"{named(scalars.nodes[place], float(numbers[place]))}{of} is not finite"


def _operands(scalars: Scalars, place: int) -> Iterator[int]:
    code = scalars.op[place]
    if code != LEAF:
        yield from scalars.operands[: len(ROWS[code].partials), place].tolist()
