"""Graphs for the tape machine, and what they are compared with."""

from __future__ import annotations

from compiled_graphs import Graph

from benchmarks import scalar_works
from benchmarks.peers.ours import FUNCTIONS
from scalargrad import Value
from scalargrad.compiler import Program, compile


def tape_of(graph: Graph, **options: int) -> Program:
    return compile(*graph, machine="tape", **options)


def pendulum(steps: int = 3) -> Graph:
    work = scalar_works.Pendulum(steps=steps)
    x, p = ([Value(a) for a in numbers.tolist()] for numbers in (work.samples[0], work.parameters))
    return work.loss(FUNCTIONS, x, p), x, p


X = Value(2.0, label="x")
