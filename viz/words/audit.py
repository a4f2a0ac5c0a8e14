"""What is wrong with a graph, or suspicious: in its numbers, its units and its gradients.

Each check is a function that looks at a graph and yields what it finds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product

from scalargrad.engine import Value, operands
from scalargrad.errors import OperandError
from scalargrad.evaluation import edited
from scalargrad.graph import use_counts
from scalargrad.nn import Module
from scalargrad.own import backward_faults

from ..neurons import neurons
from .findings import Audited, Finding, Report, lines_of, place_of
from .names import Names, listed, short, slope
from .steps import Step, edges, steps

__all__ = ["Finding", "Report", "audit"]


def audit(root: Value, parameters: Iterable[Value] | Module = (), *, names: Names = True) -> Report:
    """Look for what is wrong or suspicious in a graph.

    - no number: a ``.data`` or ``.grad`` to which a text, None, an array or a complex number was
      assigned. Then nothing else is looked at.
    - not finite: the first number that is infinite or NaN, and the operation that made it; the same
      for gradients on their way back.
    - edited: a node whose ``.data`` no longer is what its operation makes of its operands. Then the
      numbers do not belong together, and gradients are not looked at.
    - dead ReLU, saturated: a unit that passes no gradient, or less than a hundredth of what it
      could. Units that share a parameter (a neuron, over the samples of a batch) count as one, and
      are suspicious if this holds for all of them.
    - no effect: leaves that the result does not depend on, here, since all paths to them pass an
      edge with derivative 0; and ``parameters`` that are not in the graph.
    - wrong backward: an operation of one's own that sets gradients instead of adding to them, or
      does not pass its own on.
    - gradients: not computed yet, from another ``backward()``, or summed up over several, as they
      are without ``zero_grad()``.

    Args:
        root: the result.
        parameters: what a model learns, to be looked for in the graph: Values, or the model.
        names: whether a node without a label is called by the variable that holds it here; or the
            variables by hand, as ``names=locals()``.

    Raises:
        OperandError: ``root`` is no Value, or ``parameters`` are neither Values nor a model.

    >>> x, w = Value(0.0), Value(2.0)
    >>> y = (x * w).tanh()
    >>> y.backward()
    >>> audit(y)
    audit of y, 4 nodes: 1 finding
      no effect  y does not depend on w here: ∂v1/∂w = 0
    """
    graph = Audited(root, _listed(parameters), names)
    title = f"audit of {graph.names[root]}" if root in graph.names.titled else "audit"
    title = f"{title}, {len(graph.order):,} nodes"
    if findings := [*_no_number(graph)]:
        return Report(title, tuple(findings))  # nothing can be computed with it
    findings = [*_not_finite(graph), *_flat_units(graph), *_not_in_graph(graph)]
    findings += _wrong_backward(graph)
    changed = [*_edited(graph)]
    if changed:
        findings += [*changed, *_summed_up(graph, changed[0].nodes)]
    else:
        trail = list(steps(root, names=False))
        findings += [*_not_finite_gradient(graph, trail), *_without_effect(graph, trail)]
        findings += _gradients(graph, trail)
    return Report(title, tuple(findings))


def _listed(parameters: Iterable[Value] | Module) -> list[Value]:
    """Return what a model learns, or what is listed already."""
    found = parameters.parameters() if isinstance(parameters, Module) else parameters
    nodes = list(found) if isinstance(found, Iterable) else [found]
    for node in nodes:
        if not isinstance(node, Value):
            raise OperandError(f"audit looks for Values or those of a model, got {node!r:.60}")
    return nodes


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────


def _no_number(graph: Audited) -> Iterator[Finding]:
    """Find what was assigned to data or grad though a Value cannot be made of it."""
    nodes, lines = {}, []
    for node, attribute in product(graph.order, ("data", "grad")):
        x = getattr(node, attribute)
        try:
            Value(x)
        except (TypeError, OverflowError):
            nodes[node] = True
            found = f"{type(x).__name__} {repr(x).splitlines()[0]:.40}"
            name = f"{graph.names[node]}.{attribute}"
            lines.append(f"{name} is {found}, and no real number{place_of(node)}")
    if nodes:
        yield Finding("no number", tuple(nodes), lines_of(lines))


def _not_finite(graph: Audited) -> Iterator[Finding]:
    nodes = tuple(node for node in graph.order if not math.isfinite(node.data))
    if nodes:
        first = nodes[0]
        others = f"\nand {len(nodes) - 1:,} more after it" if len(nodes) > 1 else ""
        text = f"{graph.formula(first)} is {first.data}{graph.given(first)}"
        yield Finding("not finite", nodes, text + place_of(first) + others)


def _edited(graph: Audited) -> Iterator[Finding]:
    """Compute each node again from its operands, which must give the same number to the bit."""
    nodes, lines = [], []
    for node, now in edited(graph.order):
        nodes.append(node)
        changed = f"{short(node.data)}, but {short(now)} by now"
        lines.append(f"{graph.formula(node)} is {changed}{place_of(node)}")
    if nodes:
        advice = "some .data was changed after the graph was built: build it again"
        yield Finding("edited", tuple(nodes), f"{lines_of(lines)}\n{advice}")


# ── units ───────────────────────────────────────────────────────────────────────────────────────

#: Units that can get stuck, with the derivative up to which they are: a hundredth of its maximum.
_FLAT = {"relu": ("dead ReLU", 0.0), "tanh": ("saturated", 0.01), "sigmoid": ("saturated", 0.0025)}


def _flat_units(graph: Audited) -> Iterator[Finding]:
    units = [node for node in graph.order if _name(node) in _FLAT]
    slopes = {unit: unit.partials()[0] for unit in units}
    found: dict[str, list[list[Value]]] = {}
    for group in _same_neuron(units, graph):
        kind, most = _FLAT[_name(group[0])]
        if all(slopes[unit] <= most for unit in group):
            found.setdefault(kind, []).append(group)
    for kind, groups in found.items():
        lines = [
            f"{graph.formula(first)} has derivative {short(slopes[first])}{graph.given(first)}"
            + f"; {len(others):,} more of the same neuron are like it" * bool(others)
            + place_of(first)
            for first, *others in groups
        ]
        yield Finding(kind, tuple(unit for group in groups for unit in group), lines_of(lines))


def _name(node: Value) -> str:
    return node.primitive.name if node.primitive else ""


def _same_neuron(units: Iterable[Value], graph: Audited) -> Iterable[list[Value]]:
    """Group units by the parameters that they apply: those of one neuron, for several samples."""
    found = neurons(graph.order, use_counts(graph.order, operands), graph.learned)
    parameters = {node: {node} for node in graph.learned}
    parameters |= {neuron.result: {*neuron.parameters} for neuron in found}
    groups: dict[object, list[Value]] = {}
    for unit in units:
        applied = parameters.get(unit) or _applied(unit, parameters)
        groups.setdefault(frozenset(applied) or unit, []).append(unit)
    return groups.values()


def _applied(unit: Value, parameters: Mapping[Value, set[Value]]) -> set[Value]:
    """Return the parameters that sums and products bring into a unit, as a hinge has its output's.

    Without this, every hinge of a sample on the right side would be a dead unit.
    """
    applied, seen, stack = set[Value](), set[Value](), [*operands(unit)]
    while stack:
        node = stack.pop()
        if node in parameters:
            applied |= parameters[node]
        elif node._op in {"+", "-", "*"} and node not in seen:
            seen.add(node)
            stack += operands(node)
    return applied


# ── gradients ───────────────────────────────────────────────────────────────────────────────────


def _not_finite_gradient(graph: Audited, trail: Sequence[Step]) -> Iterator[Finding]:
    """Find where gradients first get lost, if the numbers are all finite."""
    if not all(math.isfinite(node.data) for node in graph.order):
        return
    for step in trail:
        if not math.isfinite(step.contribution):
            node = step.node
            edge = slope(graph.names[node], graph.names[step.parent])
            text = (
                f"the gradient becomes {step.contribution} by {edge} = {short(step.derivative)} "
                f"in {graph.formula(node)}{graph.given(node)}"
            )
            yield Finding("not finite", (node,), text + place_of(node))
            return


def _wrong_backward(graph: Audited) -> Iterator[Finding]:
    """Find operations of one's own that break the chain rule."""
    nodes, lines = [], []
    for node in graph.order:
        for operand, fault in backward_faults(node).items():
            nodes.append(node)
            fault = fault.format(x=graph.names[operand])
            lines.append(f"{graph.formula(node)} {fault}{place_of(node)}")
    if nodes:
        yield Finding("wrong backward", tuple(dict.fromkeys(nodes)), lines_of(lines))


def _without_effect(graph: Audited, trail: Sequence[Step]) -> Iterator[Finding]:
    """Find leaves without a path on which all derivatives differ from 0."""
    reached = {graph.root}
    barrier: dict[Value, Step] = {}  # for a node that is not reached: a step that stops
    for step in trail:
        if step.node in reached and step.derivative != 0.0:
            reached.add(step.parent)
        else:
            barrier.setdefault(step.parent, step if step.node in reached else barrier[step.node])
    nodes = [
        node for node in graph.order if node.kind in {"leaf", "parameter"} and node not in reached
    ]
    behind: dict[tuple[Value, Value], list[str]] = {}  # leaves, by the edge that stops
    for node in nodes:
        step = barrier[node]
        behind.setdefault((step.node, step.parent), []).append(graph.names[node])
    if nodes:
        lines = [
            f"{graph.names[graph.root]} does not depend on {listed(leaves)} here: "
            f"{slope(graph.names[above], graph.names[below])} = 0"
            for (above, below), leaves in behind.items()
        ]
        yield Finding("no effect", tuple(nodes), lines_of(lines))


def _not_in_graph(graph: Audited) -> Iterator[Finding]:
    if graph.absent:
        absent = listed([graph.names[node] for node in graph.absent])
        text = f"{graph.names[graph.root]} is computed without {absent}"
        yield Finding("not in graph", tuple(graph.absent), text)


def _gradients(graph: Audited, trail: Sequence[Step]) -> Iterator[Finding]:
    """Compare the gradients in the nodes with those of a first backward()."""
    root, called = graph.root, graph.names
    call = f"{called[root]}.backward()"
    fresh = {step.parent: step.after for step in trail}
    inner = [node for node in graph.order if node.kind == "op" or node is root]
    leaves = [node for node in graph.order if node.kind in {"leaf", "parameter"}]

    def wrong(kind: str, nodes: Sequence[Value], advice: str) -> Iterator[Finding]:
        return _different(
            graph, kind, {node: fresh[node] for node in nodes}, f"{call} gives", advice
        )

    if not any(node.grad for node in inner):
        yield Finding("no gradients", tuple(inner), f"all gradients are 0: use {call}")
        return
    stale = [*wrong("other gradients", inner, "the gradients are of another backward()")]
    yield from stale or wrong("leaf gradients", leaves, _SUMMED)


_SUMMED = "those of leaves add up over several backward() until set to 0.0: use zero_grad()"


def _different(
    graph: Audited, kind: str, fresh: Mapping[Value, float], source: str, advice: str
) -> Iterator[Finding]:
    """Compare the gradients in some nodes with what they should be, and with where that is from."""
    found = [node for node, gradient in fresh.items() if _differ(node.grad, gradient)]
    lines = [
        f"{graph.names[x]}.grad is {short(x.grad)}, but {source} {short(fresh[x])}" for x in found
    ]
    if found:
        yield Finding(kind, tuple(found), f"{lines_of(lines)}\n{advice}")


def _summed_up(graph: Audited, edited: Sequence[Value]) -> Iterator[Finding]:
    """Compare the gradients of leaves with those of the last pass, in a graph that was edited.

    After an optimiser's step that is what is left of it: nodes on the way have the gradients of
    one pass alone, and what they have sent to a leaf is known, unless it depends on a number that
    was edited.
    """
    if graph.root.grad != 1.0:
        return  # there was no pass from here
    changed = _changed(graph, edited)
    last: dict[Value, float] = {}
    unknown: set[Value] = set()
    for node in graph.order:
        leaves = [x for x in operands(node) if x.kind in {"leaf", "parameter"}]
        if not leaves or node.primitive is None:
            unknown.update(leaves)
            continue
        numbers = dict(zip(node.primitive.operands.split(", "), operands(node), strict=True))
        numbers["z"] = node
        for edge, text in zip(edges(node), node.primitive.partials, strict=True):
            used = {numbers[name] for name in _names(text) if name in numbers}
            if not used.isdisjoint(changed):
                unknown.add(edge.parent)
            last[edge.parent] = last.get(edge.parent, 0.0) + edge.push(node.grad)
    known = {x: last[x] for x in last if x.kind in {"leaf", "parameter"} and x not in unknown}
    if any(x.grad for x in known):
        yield from _different(graph, "leaf gradients", known, "the last backward() gave", _SUMMED)


def _changed(graph: Audited, edited: Sequence[Value]) -> set[Value]:
    """Guess what was changed to make some nodes differ: what is learned, or else leaves."""
    changed: set[Value] = set()
    for node in edited:
        leaves = [x for x in operands(node) if x.kind in {"leaf", "parameter"}]
        changed.update([x for x in leaves if x in graph.learned] or leaves or [node])
    return changed


@cache
def _names(text: str) -> tuple[str, ...]:
    return compile(text, "partial", "eval").co_names


def _differ(x: float, y: float) -> bool:
    return not (math.isclose(x, y, rel_tol=1e-9) or (math.isnan(x) and math.isnan(y)))
