"""The network of a model: its neurons in columns, found by their structure in the graph.

Neurons that people write themselves are found as those of `scalargrad.nn` are: sums of products,
each of a parameter and something else, with a parameter as bias and an activation on top. What
neurons are fed, and is no neuron, is a unit of its own: an input, or a feature computed from some.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from scalargrad.engine import Value, operands
from scalargrad.graph import topological_sort, use_counts
from scalargrad.ops import PRIMITIVES
from scalargrad.train import Traced

from ...words.formula import formula

__all__ = ["Unit", "network"]

_ADD, _MUL = PRIMITIVES["add"], PRIMITIVES["mul"]

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
    before: Value | None = None  # of a neuron: what its activation is applied to
    activation: str = ""  # the name of the activation's row
    bias: Value | None = None
    weights: list[tuple[Unit, Value]] = field(default_factory=list)
    links: list[Unit] = field(default_factory=list)  # what it is computed from, without weights
    formula: str = ""  # of what is computed, if it is short


@dataclass
class _Sum:
    """A sum that is the inner part of a neuron."""

    bias: Value | None
    products: list[tuple[Value, Value]]  # the weight, and what it weights


def network(traced: Traced) -> list[Unit]:
    """Return the units of a model, those that are fed first; none if it has no neurons."""
    order = topological_sort(traced.outputs, operands)
    uses = use_counts(order, operands)
    sums = _sums(order, uses, {*traced.parameters})
    if not sums:
        return []
    builder = _Builder(traced, order, uses, sums)
    for node in order:
        if node in builder.inner_of:
            builder.neuron(node)
    for output in traced.outputs:
        builder.unit(output)
    return builder.units


class _Builder:
    """Makes the units, each after those that it is computed from."""

    def __init__(
        self,
        traced: Traced,
        order: Sequence[Value],
        uses: dict[Value, int],
        sums: dict[Value, _Sum],
    ) -> None:
        self.traced, self.sums = traced, sums
        users: dict[Value, Value] = {}
        for node in order:
            for operand in operands(node):
                users[operand] = node
        #: By the result of a neuron what its activation is applied to.
        self.inner_of: dict[Value, Value] = {}
        for node in sums:
            user = users.get(node)
            alone = uses[node] == 1 and user is not None and len(operands(user)) == 1
            self.inner_of[user if alone and user is not None else node] = node
        self.known: dict[Value, Unit] = {}
        self.fed = {leaf: f"x{i}" for i, leaf in enumerate(traced.leaves)}

    @property
    def units(self) -> list[Unit]:
        return sorted(self.known.values(), key=lambda unit: unit.column)

    def neuron(self, node: Value) -> None:
        """Add the neuron whose result a node is."""
        before = self.inner_of[node]
        found = self.sums[before]
        weights = [(self.unit(source), weight) for weight, source in found.products]
        name = node.label or before.label or f"n{len(self.known)}"
        row = node.primitive.name if node is not before and node.primitive else ""
        column = 1 + max(source.column for source, _ in weights)
        self.known[node] = Unit(
            node, "neuron", name, column, before, row, found.bias, weights
        )  # fmt: skip

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


# ── sums of products ────────────────────────────────────────────────────────────────────────────


def _sums(
    order: Sequence[Value], uses: dict[Value, int], parameters: set[Value]
) -> dict[Value, _Sum]:
    """Return the sums that are neurons; a parameter that is used elsewhere, too, is none's."""
    inner = {
        operand
        for node in order
        if node.primitive is _ADD
        for operand in operands(node)
        if uses[operand] == 1 and operand.primitive in (_ADD, _MUL)
    }
    found = {}
    for node in order:
        if node not in inner and node.primitive in (_ADD, _MUL):
            sum_ = _sum(node, uses, parameters)
            if sum_:
                found[node] = sum_
    return found


def _sum(node: Value, uses: dict[Value, int], parameters: set[Value]) -> _Sum | None:
    bias, products = None, []
    for term in _terms(node, uses):
        if term in parameters and uses[term] == 1 and bias is None:
            bias = term
        elif term.primitive is _MUL and (term is node or uses[term] == 1):
            weights = [x for x in operands(term) if x in parameters and uses[x] == 1]
            sources = [x for x in operands(term) if x not in parameters]
            if len(weights) != 1 or len(sources) != 1 or sources[0].kind == "constant":
                return None
            products.append((weights[0], sources[0]))
        elif term.kind != "constant" or term.data:
            return None
    return _Sum(bias, products) if products else None


def _terms(node: Value, uses: dict[Value, int]) -> Iterator[Value]:
    """Yield the terms of a chain of additions, from left to right."""
    wanted = [node]
    while wanted:
        term = wanted.pop()
        if term.primitive is _ADD and (term is node or uses[term] == 1):
            wanted += operands(term)[::-1]
        else:
            yield term


def described(unit: Unit, number: dict[Unit, int], parameter: dict[Value, int]) -> dict[str, Any]:
    """Return a unit as the page reads it."""
    return {
        "name": unit.name,
        "kind": unit.kind,
        "column": unit.column,
        "activation": unit.activation,
        "bias": parameter[unit.bias] if unit.bias is not None else None,
        "weights": [[number[source], parameter[weight]] for source, weight in unit.weights],
        "links": [number[source] for source in unit.links],
        "formula": unit.formula,
    }
