"""Pass 1, walk: the graph of Values as a table of numbers, one row for each scalar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from ...arguments import assigned_data
from ...debugging import source_line
from ...engine import Value, operands
from ...errors import OperandError, SizeError
from ...graph import topological_sort
from ...ops import PRIMITIVES

__all__ = ["ARITY", "CODES", "LEAF", "ROWS", "Scalars", "counted", "named", "walk"]

#: Rows of the table of primitives by number, and their numbers by name; a leaf has number -1.
ROWS = list(PRIMITIVES.values())
CODES = {row.name: code for code, row in enumerate(ROWS)}
LEAF = -1

#: How many operands each row has.
ARITY = np.array([len(row.partials) for row in ROWS])

Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass
class Scalars:
    """A graph of scalars; a scalar is known by its place in the topological order."""

    nodes: list[Value]
    op: Ints  # the number of its row in the table of primitives, or LEAF
    operands: Ints  # places: of the first operands, or of leaves themselves; of the second and the
    # third operands, or of the first again where there are fewer
    data: Floats
    inputs: Ints  # places
    wrt: Ints  # of the parameters: what is in ``wrt`` and not fed
    outputs: Ints
    asked: Ints  # of each leaf in ``wrt`` its number among the inputs, then the parameters

    def __len__(self) -> int:
        return len(self.nodes)

    def __str__(self) -> str:
        codes, counts = np.unique(self.op, return_counts=True)
        names = [ROWS[code].name if code >= 0 else "leaves" for code in codes]
        parts = ", ".join(f"{count} {name}" for name, count in zip(names, counts, strict=True))
        return f"{len(self)} scalars: {parts}"


def walk(outputs: Sequence[Value], inputs: Sequence[Value], wrt: Sequence[Value]) -> Scalars:
    """Sort the graph that leads to some outputs, and write it down as numbers.

    A leaf may be an input and in ``wrt``: then it is fed, and is no parameter.

    Raises:
        OperandError: an output is no Value, an input or one of ``wrt`` is no leaf or is there
            twice, an operation was defined by hand, or the data of a leaf were set to what is no
            number.
        SizeError: there is no output, or an input does not reach any.
    """
    _check(outputs, inputs, wrt)
    reached = topological_sort(outputs, operands)
    place = {node: i for i, node in enumerate(reached)}
    for number, node in enumerate(inputs):
        if node not in place:
            raise SizeError(
                f"{named(node)}, input {number}, does not reach the output: leave it out"
            )
    fed = {node: number for number, node in enumerate(inputs)}
    learned = [node for node in wrt if node not in fed]
    numbers = fed | {node: len(fed) + i for i, node in enumerate(learned)}
    nodes = [*reached, *(node for node in learned if node not in place)]
    place |= {node: len(reached) + i for i, node in enumerate(nodes[len(reached) :])}

    rules = list(map(attrgetter("_rule"), nodes))
    codes = {
        rule: LEAF if rule.primitive is None else CODES[rule.primitive.name] for rule in set(rules)
    }
    op = np.fromiter(map(codes.__getitem__, rules), np.int64, len(nodes))
    by_hand = {rule for rule in codes if rule.kind == "op" and rule.primitive is None}
    if by_hand:
        raise OperandError(_by_hand(next(node for node in nodes if node._rule in by_hand)))
    for i in np.flatnonzero(op == LEAF).tolist():
        assigned_data(nodes[i])  # NumPy would make nan of None, and 5.0 of "5"
    data = np.fromiter(map(attrgetter("data"), nodes), np.float64, len(nodes))
    fed_at, learned_at, outputs_at = (
        np.array([place[node] for node in group], np.int64) for group in (inputs, learned, outputs)
    )
    asked = np.array([numbers[node] for node in wrt], np.int64)
    found = _operands(nodes, op, place)
    return Scalars(nodes, op, found, data, fed_at, learned_at, outputs_at, asked)


def _operands(nodes: Sequence[Value], op: Ints, place: Mapping[Value, int]) -> Ints:
    """Return the places of all operands, in a row for the first, the second and the third."""
    own = range(len(nodes))
    x = np.fromiter(map(place.get, map(attrgetter("_x"), nodes), own), np.int64)
    y = np.fromiter(map(place.get, map(attrgetter("_y"), nodes), x.tolist()), np.int64)
    places = np.stack([x, y, x])
    for i in np.flatnonzero((op != LEAF) & (x == own)).tolist():  # these have three
        places[:, i] = [place[operand] for operand in operands(nodes[i])]
    return places


def _check(outputs: Sequence[Value], inputs: Sequence[Value], wrt: Sequence[Value]) -> None:
    if not outputs:
        raise SizeError("compile needs at least one output, got none")
    for node in outputs:
        if not isinstance(node, Value):
            raise OperandError(f"the outputs of compile are Values, got {node!r}")
    leaves = all(isinstance(x, Value) and x._rule.kind != "op" for x in (*inputs, *wrt))
    if leaves and all(len({*group}) == len(group) for group in (inputs, wrt)):
        return
    for what, group in (("an input", inputs), ("in wrt", wrt)):
        seen: set[Value] = set()
        for number, node in enumerate(group):
            _check_leaf(node, f"{what} (number {number})", seen)
            seen.add(node)


def _check_leaf(node: Any, what: str, seen: set[Value]) -> None:
    if not isinstance(node, Value):
        raise OperandError(f"the inputs and wrt of compile are Values, got {node!r}")
    if node.kind == "op":
        raise OperandError(
            f"{named(node)} is {what} and has operands: only leaves can be fed or learned"
        )
    if node in seen:
        raise OperandError(f"{named(node)} is {what} and was given before: each leaf is given once")


def counted(count: int, noun: str) -> str:
    """Write a count and its noun.

    >>> counted(1, "input"), counted(2, "input")
    ('1 input', '2 inputs')
    """
    return f"{count} {noun}{'s' * (count != 1)}"


def named(node: Value, data: float | None = None) -> str:
    """Name a node in a sentence: by its op and its label, or its number, and by its source line."""
    label = repr(node.label) if node.label else f"with data {node.data if data is None else data!r}"
    line = source_line(node)
    if node.kind != "op":
        return f"the leaf {label} (made in {line})" if line else f"the leaf {label}"
    return f"{node._op or 'op'} (node {label}{f', made in {line}' if line else ''})"


def _by_hand(node: Value) -> str:
    backward: Any = node._rule.backward
    cells = [cell.cell_contents for cell in backward.__closure__ or ()]
    codes = [cell.__code__ for cell in cells if hasattr(cell, "__code__")]
    where = f" at {codes[0].co_filename}:{codes[0].co_firstlineno}" if codes else ""
    return (
        f"{named(node)} is an operation defined by hand{where}: compile knows only the "
        "primitives of the table, so build it from these"
    )
