"""What `audit` looks at, and how it writes what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scalargrad.debugging import source_line
from scalargrad.engine import Value, operands

from .formula import operation
from .names import Names, listed, named, nodes_of, short

__all__ = ["Audited", "Finding", "Report", "lines_of", "place_of"]

MOST_LINES = 3  # of one finding; then the others are counted


class Finding(NamedTuple):
    """Something wrong or suspicious."""

    kind: str
    nodes: tuple[Value, ...]  # where
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """The findings of `audit`: to iterate over, and to print; it is true if there are any."""

    title: str
    findings: tuple[Finding, ...]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        if not self.findings:
            return f"{self.title}: nothing suspicious"
        column = max(len(finding.kind) for finding in self)
        lines = [f"{self.title}: {len(self)} {'finding' if len(self) == 1 else 'findings'}"]
        for finding in self:
            kinds = [finding.kind, *[""] * finding.text.count("\n")]
            for kind, text in zip(kinds, finding.text.split("\n"), strict=True):
                lines.append(f"  {kind:<{column}}  {text}")
        return "\n".join(lines)

    __repr__ = __str__


class Audited:
    """A graph to look at, with its nodes in order and by name."""

    def __init__(self, root: Value, parameters: Sequence[Value], names: Names) -> None:
        self.root, self.order = root, nodes_of(root, "audit")
        known = set(self.order)
        self.absent = [node for node in dict.fromkeys(parameters) if node not in known]
        self.names = named([*self.order, *self.absent], names)
        self.learned = {node for node in self.order if node.kind == "parameter"} | {*parameters}

    def formula(self, node: Value) -> str:
        """Write a node with what made it: ``v3 = a * b``."""
        made = f" = {operation(node, self.names)}" if node.kind == "op" else ""
        return f"{self.names[node]}{made}"

    def given(self, node: Value) -> str:
        """Write the numbers that a node was made from, except those that are seen anyway."""
        seen = [x for x in dict.fromkeys(operands(node)) if x.kind != "constant"]
        numbers = listed([f"{self.names[x]} = {short(x.data)}" for x in seen])
        return f", with {numbers}" if seen else ""


def lines_of(lines: Sequence[str]) -> str:
    """Write some lines, and how many more there are."""
    more = [f"and {len(lines) - MOST_LINES:,} more"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])


def place_of(node: Value) -> str:
    """Write where a node was made, if it was made under `scalargrad.debug`."""
    line = source_line(node)
    return f"\nmade in {line}" if line else ""
