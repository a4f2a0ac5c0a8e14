"""The network of a model: its neurons in columns.

What neurons are fed, and is no neuron, is a unit of its own: an input, or a feature computed from
some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scalargrad.engine import Value, operands
from scalargrad.graph import topological_sort, use_counts
from scalargrad.train import Traced

from ...neurons import Neuron, neurons
from ...words.formula import formula

__all__ = ["Unit", "network"]

#: So long may be the formula that names a unit, ...
_LONGEST = 24
#: ... and of so many nodes may be one that is written at all.
_SHORT = 24


@dataclass(eq=False)
class Unit:
    """A neuron, an input, or what is computed between them."""

    node: Value  # its result
    kind: str  # "input", "neuron" or "computed"
    name: str
    column: int = 0
    neuron: Neuron | None = None
    sources: list[Unit] = field(default_factory=list)  # the inputs of the neuron, as units
    links: list[Unit] = field(default_factory=list)  # what it is computed from, without weights
    formula: str = ""  # of what is computed, if it is short


def network(traced: Traced) -> list[Unit]:
    """Return the units of a model, those that are fed first; none if it has no neurons.

    A parameter has one place in a picture: neurons that share some or are fed one are not drawn.
    """
    order = topological_sort(traced.outputs, operands)
    uses, learned = use_counts(order, operands), {*traced.parameters}
    builder = _Builder(traced)
    for neuron in neurons(order, uses, learned):
        alone = all(uses[parameter] == 1 for parameter in neuron.parameters)
        if alone and learned.isdisjoint(neuron.inputs):
            builder.neuron(neuron)
    if builder.known:
        for output in traced.outputs:
            builder.unit(output)
    return builder.units


class _Builder:
    """Makes the units, each after those that it is computed from."""

    def __init__(self, traced: Traced) -> None:
        self.known: dict[Value, Unit] = {}
        self.fed = {*traced.leaves}

    @property
    def units(self) -> list[Unit]:
        return sorted(self.known.values(), key=lambda unit: unit.column)

    def neuron(self, neuron: Neuron) -> None:
        """Add a neuron."""
        node, sources = neuron.result, [self.unit(source) for source in neuron.inputs]
        name = node.label or neuron.total.label or f"n{len(self.known)}"
        column = 1 + max(source.column for source in sources)
        self.known[node] = Unit(node, "neuron", name, column, neuron, sources)

    def unit(self, node: Value) -> Unit:
        """Return the unit of a node; what is none yet is an input or computed."""
        if node not in self.known:
            if node in self.fed:
                self.known[node] = Unit(node, "input", node.label)
            else:
                self.known[node] = self.computed(node)
        return self.known[node]

    def computed(self, node: Value) -> Unit:
        """Return the unit of what is computed from other units, or from inputs that are none."""
        links, names = list[Unit](), list[str]()
        seen, wanted = {node}, [*operands(node)]
        while wanted:
            part = wanted.pop()
            if part in seen:
                continue
            seen.add(part)
            if part in self.known:
                links.append(self.known[part])
                names.append(self.known[part].name)
            elif part in self.fed:
                names.append(part.label)
            else:
                wanted += operands(part)
        column = 1 + max((unit.column for unit in links if unit.kind != "input"), default=-1)
        written = str(formula(node)) if len(seen) < _SHORT else ""
        name = node.label or _name(written, names[::-1])
        return Unit(node, "computed", name, column, links=links[::-1], formula=written)


def _name(written: str, names: Sequence[str]) -> str:
    """Name what is computed: by its formula if that is short, or by what goes in."""
    right = written.rpartition(" = ")[2]
    if 0 < len(right) <= _LONGEST and "\n" not in written:  # of lines, the last is of a part
        return right
    return f"f({', '.join(names[:2])}{', …' * (len(names) > 2)})"


def described(
    unit: Unit, number: dict[Unit, int], parameter: dict[Value, int], slot: dict[Value, int]
) -> dict[str, Any]:
    """Return a unit as the page reads it, by the numbers of units and parameters and by slots."""
    neuron = unit.neuron or Neuron(unit.node)
    activation, settings = neuron.activation, operands(neuron.result)[1:]
    row = activation.primitive if activation is not None else None
    weights = zip(unit.sources, neuron.weights, strict=True)
    return {
        "name": unit.name,
        "kind": unit.kind,
        "column": unit.column,
        "activation": row.name if row else "",
        "settings": [setting.data for setting in settings] if row else [],
        "bias": parameter[neuron.bias] if neuron.bias is not None else None,
        "weights": [[number[source], parameter[weight]] for source, weight in weights],
        "links": [number[source] for source in unit.links],
        "formula": unit.formula,
        "slot": slot[unit.node],
        "before": slot[neuron.total] if unit.neuron is not None else None,
    }
