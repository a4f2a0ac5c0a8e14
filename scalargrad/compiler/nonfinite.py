"""Where an infinity or a nan comes from: the scalars of one sample, computed one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .walk import LEAF, ROWS, Scalars, named

__all__ = ["first_nonfinite"]


def first_nonfinite(
    scalars: Scalars, sample: Sequence[float], parameters: Sequence[float]
) -> str | None:
    """Name the first scalar that is not finite, in the order of evaluation, if there is one."""
    data = scalars.data.tolist()
    for places, numbers in ((scalars.inputs, sample), (scalars.wrt, parameters)):
        for place, number in zip(places.tolist(), numbers, strict=True):
            data[place] = number
    rows = zip(scalars.op.tolist(), *scalars.operands.tolist(), strict=True)
    for place, (code, *above) in enumerate(rows):
        count = 0 if code == LEAF else len(ROWS[code].partials)
        operands = [data[x] for x in above[:count]]
        if operands:
            data[place] = _result(code, operands)
        if not math.isfinite(data[place]):
            of = f" of {' and '.join(map(repr, operands))}" if operands else ""
            return f"{named(scalars.nodes[place], data[place])}{of} is not finite"
    return None


def _result(code: int, operands: Sequence[float]) -> float:
    """Return what an array would hold where a float raises."""
    try:
        return ROWS[code].evaluate(*operands)
    except OverflowError:
        return math.inf
    except (ArithmeticError, ValueError):
        return math.nan
