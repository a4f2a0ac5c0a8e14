"""The GPT of scalars: in microgpt's way, with its own style of Value or ours; eager or compiled."""

from __future__ import annotations

import sys

import numpy as np

from examples.gpt.model import GPT
from scalargrad import Value
from scalargrad.compiler import Program, compile

from .. import microgpt, microgpt_style
from ..gpt_work import Names
from . import Prepared
from .descent import of_array, of_values

RECURSION = 100_000  # for microgpt's `backward`, which recurses once for each level of the graph
VALUES = {"microgpt": microgpt_style.Value, "scalargrad": Value}


def prepare(work: Names, way: str) -> Prepared:
    """Return a step.

    Args:
        work: what it does.
        way: whose Value builds the graph in each step; or the machine of the compiled program.
    """
    return eager(work, way) if way in VALUES else compiled(work, way)


def eager(work: Names, way: str) -> Prepared:
    """Return a step that builds the graph of every name."""
    sys.setrecursionlimit(RECURSION)
    parameters = [VALUES[way](number) for number in work.parameters.tolist()]
    tables, names = microgpt.tables(work, parameters), work.samples.tolist()

    def objective() -> object:
        return sum(microgpt.loss(work, tables, name) for name in names) / len(names)

    return of_values(work, parameters, objective)


def compiled(work: Names, machine: str) -> Prepared:
    """Return a step by a program: of the one name, or for all of its length."""
    program = program_of(work, machine)
    samples = (fed(work),) if work.count > 1 else ()
    return of_array(work, program.parameters, lambda: program.value_and_grad(*samples))


def program_of(work: Names, machine: str) -> Program:
    """Compile the loss of the one name, whose letters are constants, or of letters to be fed."""
    model = GPT(
        work.tokens, work.longest,
        layers=work.layers, heads=work.heads, width=work.width, seed=0,
    )  # fmt: skip
    values = model.parameters()
    for p, number in zip(values, work.parameters.tolist(), strict=True):
        p.data = number
    letters: list[list[Value]] = []
    if work.count > 1:
        letters = [[Value(0.0) for _ in range(work.tokens)] for _ in range(work.places - 1)]
    name = [0, *letters, 0] if letters else work.samples[0].tolist()
    leaves = [number for letter in letters for number in letter]
    return compile(lambda _: model.loss(name), leaves, values, machine=machine, threads=1)


def fed(work: Names) -> np.ndarray:
    """Return the letters of all names one-hot, a row for each name."""
    return np.eye(work.tokens)[work.samples[:, 1:-1]].reshape(work.count, -1)
