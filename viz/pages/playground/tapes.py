"""The program of a page: the tape of the loss of one sample, in what JSON can hold."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from scalargrad.compiler.passes.flatten import flatten
from scalargrad.compiler.passes.walk import ROWS, Floats, Ints, walk
from scalargrad.compiler.tape.assembly import PIECES, SMOOTH_MAX, SUM, Tape, assemble
from scalargrad.engine import Value, operands
from scalargrad.graph import topological_sort
from scalargrad.train import Traced

from ..shared.page import in_json

__all__ = ["CODES_OF_SUMS", "VARIES", "numbers", "program"]

#: What is no row of the table, by the names that the page has for it.
CODES_OF_SUMS = {"SUM": SUM, "PIECES": PIECES, "SMOOTH_MAX": SMOOTH_MAX}

#: What is known of a slot: it is another number for each sample; it depends on the sample's
#: targets; it depends on a parameter, so that its derivative is needed.
VARIES, BY_TARGET, LEARNS = 1, 2, 4


def program(traced: Traced, watched: Sequence[Value]) -> tuple[dict[str, Any], list[int]]:
    """Write down how the loss of a sample is computed.

    Args:
        traced: the loss, and the leaves that are fed.
        watched: nodes whose numbers the page shows.

    Returns:
        what the page reads; and the slots of the watched nodes.
    """
    roots = [traced.loss, *traced.outputs, *watched]
    reached = {*topological_sort(roots, operands)}
    columns = [i for i, leaf in enumerate(traced.leaves) if leaf in reached]
    fed = [traced.leaves[i] for i in columns]
    reduced = flatten(walk(roots, fed, traced.parameters))
    tape = assemble(reduced)
    targets = {*traced.leaves[traced.samples.x.shape[1] :]}
    marks = _marks(tape, [leaf in targets for leaf in fed])
    loss, *slots = tape.outputs.tolist()
    count, codes = len(traced.outputs), sorted({*tape.runs[:, 0].tolist()})
    written = {
        "runs": _split(tape, marks),
        "places": b64encode(tape.places.astype("<u4").tobytes()).decode(),
        "factors": numbers(tape.factors),
        "constants": numbers(tape.constants),
        "marks": "".join(map(str, marks.tolist())),
        "columns": columns,
        "parameters": tape.parameters,
        "size": tape.size,
        "loss": loss,
        "outputs": slots[:count],
        "symbols": {code: ROWS[code].name for code in codes if code < len(ROWS)},
    }
    return written, slots[count:]


def numbers(array: Floats) -> list[Any]:
    """Return floats as JSON has them, whole ones without a point; what is not finite as a word.

    >>> numbers(np.array([1.0, 0.5, -0.0, np.inf]))
    [1, 0.5, -0.0, 'Infinity']
    """
    found = array.astype(object)
    whole = (
        (array == np.trunc(array)) & (np.abs(array) < 2**53) & ~(np.signbit(array) & (array == 0))
    )
    found[whole] = array[whole].astype(np.int64)
    for place in np.flatnonzero(~np.isfinite(array)):
        found[place] = in_json(float(array[place]))
    listed: list[Any] = found.tolist()
    return listed


def _marks(tape: Tape, is_target: Sequence[bool]) -> Ints:
    """Find out what is known of each slot, in the order in which they are computed."""
    marks = np.zeros(tape.size, np.int64)
    first = len(tape.constants)
    for i, target in enumerate(is_target):
        marks[first + i] = VARIES | BY_TARGET * target
    learned = first + tape.inputs
    marks[learned : learned + tape.parameters] = LEARNS
    for slot, places in _operations(tape):
        marks[slot] = np.bitwise_or.reduce(marks[places])
    return marks


def _operations(tape: Tape) -> Iterator[tuple[int, Ints]]:
    """Yield the slot of each operation, and those of its operands."""
    for code, start, stop, at, p, q, _ in tape.runs.astype(np.int64).tolist():
        width = _width(code, p, q)
        for slot in range(start, stop):
            places = tape.places[at : at + width].astype(np.int64)
            if code == PIECES:
                pieces = places[: 3 * p].reshape(p, 3).tolist()
                spans = [range(side, side + n) for i, j, n in pieces for side in (i, j)]
                places = np.r_[np.concatenate([np.array(span) for span in spans]), places[3 * p :]]
            yield slot, places
            at += width


def _width(code: int, p: int, q: int) -> int:
    """Return how many places an operation has."""
    if code in (SUM, SMOOTH_MAX):
        return 2 * p + q
    return 3 * p + q if code == PIECES else len(ROWS[code].partials)


def _split(tape: Tape, marks: Ints) -> list[list[int]]:
    """Split the runs, so that the same is known of all slots of one; it comes last in the run."""
    runs = []
    for code, start, stop, at, p, q, w in tape.runs.astype(np.int64).tolist():
        cuts = np.flatnonzero(np.diff(marks[start:stop])) + 1
        heads = [0, *cuts.tolist(), stop - start]
        for a, b in pairwise(heads):
            step, factors = _width(code, p, q), q + 1 if code in (SUM, PIECES) else 0
            part = [code, start + a, start + b, at + a * step, p, q, w + a * factors]
            runs.append([*part, int(marks[start + a])])
    return runs
