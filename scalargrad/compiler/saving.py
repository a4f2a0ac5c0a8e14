"""Save a program to a file, and load it: numbers and names, as JSON, and never code.

A file has two lines. The first says what it is, which version of it, and the SHA-256 of the second;
this has the graph as a table, a column for each thing that is known of a scalar. So what is
damaged, of a later version, or no program at all is told apart before anything is read.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ..copies import blank, connect
from ..engine import Value, operands
from ..errors import CheckpointError
from ..files import replace
from ..ops import PRIMITIVES
from ..rules import RULES
from .cost import MACHINES
from .passes.walk import Scalars

if TYPE_CHECKING:
    from .program import Program

__all__ = ["FORMAT", "VERSION", "load_program", "save"]

FORMAT, VERSION = "scalargrad program", 1


def save(program: Program, path: str | os.PathLike[str]) -> None:
    """Write a program to a file.

    Raises:
        OSError: the file cannot be written, for example since its folder is missing.
    """
    body = json.dumps(_table(program), separators=(",", ":"), ensure_ascii=True)
    head = {"format": FORMAT, "version": VERSION, "sha256": _hash(body)}
    replace(os.fsdecode(path), f"{json.dumps(head)}\n{body}\n".encode())


def load_program(path: str | os.PathLike[str]) -> Program:
    """Load a program that ``program.save(path)`` wrote.

    It is what it was: the same operations on the same machines, with the parameters that it had.
    The Values that it pushes to and pulls from are its own, with the labels of those that were
    compiled; ``threads`` are those of this machine. No code runs that is in the file.

    Raises:
        CheckpointError: the file is damaged, is of a later version, or is no saved program; or it
            has an operation that is not in the table of primitives here.
        OSError: the file cannot be read, for example since it is missing.

    >>> import os, tempfile
    >>> from scalargrad import Value, compile
    >>> w = Value(3.0, label="w")
    >>> path = os.path.join(tempfile.mkdtemp(), "square.program")
    >>> compile(w * w, [], wrt=[w]).save(path)
    >>> load_program(path).value_and_grad()
    (9.0, array([6.]))
    """
    path = os.fsdecode(path)
    table = _read(path)
    try:
        return _program(table)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is damaged: {type(error).__name__}: {error}") from None


# ── from programs to tables ─────────────────────────────────────────────────────────────────────


def _table(program: Program) -> dict[str, Any]:
    scalars: Scalars = program._scalars
    nodes = scalars.nodes
    place = {node: i for i, node in enumerate(nodes)}
    names = sorted({node._rule.name for node in nodes})
    number = {name: i for i, name in enumerate(names)}
    return {
        "rules": names,
        "rule": [number[node._rule.name] for node in nodes],
        "operands": [[place[operand] for operand in operands(node)] for node in nodes],
        "data": scalars.data.tolist(),  # as they were compiled, whatever the Values are now
        "labels": {i: node.label for i, node in enumerate(nodes) if node.label},
        "inputs": scalars.inputs.tolist(),
        "wrt": _asked(scalars),
        "outputs": scalars.outputs.tolist(),
        "single": program._single,
        "machine": program._choice.asked,
        "parameters": program.parameters.tolist(),
    }


def _asked(scalars: Scalars) -> list[int]:
    """Return the places of the leaves in ``wrt``, in their order."""
    places: list[int] = np.concatenate([scalars.inputs, scalars.wrt])[scalars.asked].tolist()
    return places


# ── from tables to programs ─────────────────────────────────────────────────────────────────────


def _program(table: dict[str, Any]) -> Program:
    from .program import Program

    names = table["rules"]
    if table["machine"] not in MACHINES:
        raise ValueError(f"there is no machine {table['machine']!r}")
    for name in names:
        if name not in RULES and name not in PRIMITIVES:
            raise CheckpointError(
                f"the program has the operation {name!r}, which is not in the table of primitives"
            )
    nodes: list[Value] = []
    columns = table["rule"], table["operands"], table["data"]
    for rule, places, data in zip(*columns, strict=True):
        row = PRIMITIVES.get(names[rule])
        if len(places) != (len(row.partials) if row else 0):
            raise ValueError(f"{names[rule]} has {len(places)} operands")
        if any(not 0 <= place < len(nodes) for place in places):
            raise ValueError("an operand comes after its result")
        node = blank(Value)
        connect(node, names[rule], [nodes[place] for place in places])
        node.data = float(data)
        nodes.append(node)
    for place, label in table["labels"].items():
        nodes[int(place)].label = str(label)
    outputs, inputs, wrt = (
        [nodes[place] for place in table[name]] for name in ("outputs", "inputs", "wrt")
    )
    program = Program(outputs[0] if table["single"] else outputs, inputs, wrt, table["machine"])
    program.parameters = table["parameters"]
    program.push()
    return program


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def _hash(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _read(path: str) -> dict[str, Any]:
    """Return the table that a file holds, after it is known to be whole."""
    with open(path, "rb") as file:
        head, _, body = file.read().partition(b"\n")
    try:
        about = json.loads(head)
    except ValueError:
        about = None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise CheckpointError(f"{path} is no program that program.save wrote, or is damaged")
    version = about.get("version")
    if not isinstance(version, int) or version < 1:
        raise CheckpointError(f"{path} is damaged: it says to be of version {version!r}")
    if version > VERSION:
        raise CheckpointError(
            f"{path} is of version {version}, from a later scalargrad; this one reads up to "
            f"version {VERSION}: update scalargrad, or save the program by this one"
        )
    text = body.decode("ascii", "replace").removesuffix("\n")
    if about.get("sha256") != _hash(text):
        raise CheckpointError(
            f"{path} is damaged: its content is not what was written; save the program once more"
        )
    table: dict[str, Any] = json.loads(text)
    return table
