"""Straight-line code: a graph written out as the calls of its kernels, one after the other.

When built-in nodes run again on arrays of the same kinds and shapes, there is nothing left to find
out: everything fits, and what has to be done is known. This code then does what the nodes' methods
do, without asking each of them again. For the loss of a linear layer it reads::

    def run(n0, n1, n2, n3, n4, n5):
        v0, v1, v2, v3 = n0.value, n1.value, n2.value, n3.value
        v4, k4 = forward4(xp, v0, v1, v2)
        n4.value, n4.operands, n4.kept = v4, (v0, v1, v2), k4
        ...
        g5 = v5**0
        n5.gradient = g5
        t5_0 = send5_0(xp, g5, k5, v4, v3)
        g4 = t5_0
        n5.gradients = {n4: t5_0}
        ...

where n are nodes, v values, k what a kernel has kept, t terms that nodes send to their operands,
and g the sums of those, the gradients. The nodes are arguments, so that the code, which they keep,
does not keep them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from .node import Input, Node, Op

__all__ = ["can_be_straight", "straight_line"]

#: To write and compile the code of a larger graph takes longer than it is likely to save.
_LARGEST = 1000


def can_be_straight(inputs: Sequence[Node], steps: Sequence[Node]) -> bool:
    """Say whether a graph that has just run is made of built-in nodes alone, on plain arrays."""
    known = {*inputs, *steps}
    return (
        0 < len(steps) <= _LARGEST
        and all(map(_is_built_in, known))
        and len({id(step.xp) for step in steps if isinstance(step, Op)}) == 1
        and all(
            node in known and operand is node.value  # it needed no conversion
            for step in steps
            if isinstance(step, Op)
            for node, operand in zip(step.inbound_nodes, step.operands, strict=True)
        )
    )


def _is_built_in(node: Node) -> bool:
    """Say whether a node's methods are those that the code does the work of."""
    base = Op if isinstance(node, Op) else Input
    return all(
        getattr(type(node), method) is getattr(base, method)
        for method in ("forward", "backward", "receive")
    )


def straight_line(
    inputs: Iterable[Node],
    steps: Iterable[Node],
    active: Collection[Node],
    idle: Iterable[Node],
    results: Iterable[Node],
) -> Callable[..., None]:
    """Return a function that runs a graph forward, and its active nodes backward.

    It is called with all nodes of the graph: the inputs and then the steps.

    Args:
        inputs: the Inputs of the graph.
        steps: its other nodes, operands first.
        active: the nodes that have a gradient to send back, in reverse order.
        idle: all others, which lose theirs of an earlier run.
        results: the active nodes where gradients start.
    """
    writer = _Writer()
    for node in inputs:
        writer.load(node)
    for step in steps:
        assert isinstance(step, Op)
        writer.forward(step)
    for node in idle:
        writer.forget(node)
    for node in results:
        writer.add(node, f"v{writer.numbers[node]}**0")
    for node in active:
        writer.backward(node, active)
    return writer.function()


class _Writer:
    """Writes line after line of the code, and keeps what the lines name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self.numbers: dict[Node, int] = {}
        self.begun: set[Node] = set()  # the nodes whose gradient has its first term

    def number(self, node: Node) -> int:
        """Give a node its number."""
        i = self.numbers[node] = len(self.numbers)
        return i

    def operands(self, node: Node) -> str:
        return ", ".join(f"v{self.numbers[operand]}" for operand in node.inbound_nodes)

    def load(self, node: Node) -> None:
        i = self.number(node)
        self.lines.append(f"v{i} = n{i}.value")

    def forward(self, node: Op) -> None:
        i, operands = self.number(node), self.operands(node)
        self.names |= {"xp": node.xp, f"forward{i}": node.kernel.forward}
        self.lines.append(f"v{i}, k{i} = forward{i}(xp, {operands})")
        self.lines.append(f"n{i}.value, n{i}.operands, n{i}.kept = v{i}, ({operands},), k{i}")
        if type(node).verify is not Op.verify:
            self.lines.append(f"n{i}.verify()")

    def forget(self, node: Node) -> None:
        i = self.numbers[node]
        self.lines.append(f"n{i}.gradient = None")
        if isinstance(node, Op):
            self.lines.append(f"n{i}.gradients = {{}}")

    def add(self, node: Node, term: str) -> None:
        """Add a term to a node's gradient."""
        g = f"g{self.numbers[node]}"
        self.lines.append(f"{g} = {g} + {term}" if node in self.begun else f"{g} = {term}")
        self.begun.add(node)

    def backward(self, node: Node, wanted: Collection[Node]) -> None:
        i = self.numbers[node]
        self.lines.append(f"n{i}.gradient = g{i}")
        if isinstance(node, Op):
            terms = self.send(node, wanted)
            for operand, term in terms.items():
                self.add(operand, term)
            pairs = ", ".join(f"n{self.numbers[x]}: {term}" for x, term in terms.items())
            self.lines.append(f"n{i}.gradients = {{{pairs}}}")

    def send(self, node: Op, wanted: Collection[Node]) -> dict[Node, str]:
        """Compute the terms that a node sends to its wanted operands; return their names."""
        i, terms = self.numbers[node], dict[Node, str]()
        for j, operand in enumerate(node.inbound_nodes):
            if operand not in wanted:
                continue
            self.names[f"send{i}_{j}"] = node.kernel.gradients[j]
            term = f"send{i}_{j}(xp, g{i}, k{i}, {self.operands(node)})"
            if operand in terms:
                term = f"{terms[operand]} + {term}"
            self.lines.append(f"t{i}_{j} = {term}")
            terms[operand] = f"t{i}_{j}"
        return terms

    def function(self) -> Callable[..., None]:
        nodes = ", ".join(f"n{i}" for i in self.numbers.values())
        exec(f"def run({nodes}):\n    " + "\n    ".join(self.lines), self.names)
        function: Callable[..., None] = self.names.pop("run")
        return function
