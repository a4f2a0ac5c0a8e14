"""A graph as plain boxes and arrows: what a picture shows, before anybody decides how it looks.

This is the only room of the drawing that reads Values, the array nodes of miniflow and programs;
other kinds of graph can be drawn by making a `Sketch` of them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from scalargrad.engine import Value, operands
from scalargrad.graph import topological_sort
from scalargrad.variables import held

from ..words.names import Names, nodes_with_numbers, number, shown, spread, titled
from .folding import READABLE, Group, fold

if TYPE_CHECKING:
    from scalargrad.compiler import Program
    from scalargrad.compiler.passes.patterns import Block, Operand
    from scalargrad.miniflow import Node

__all__ = [
    "Arrow", "Box", "Sketch", "box_names", "headings", "sketch_groups", "sketch_nodes",
    "sketch_program", "sketch_values",
]  # fmt: skip

#: A program of more operations is drawn without its inputs and parameters: the formulas name them,
#: and arrows from there to everywhere are a thicket that takes Graphviz most of its time.
FEW = 50

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Box:
    """A box with rows of text.

    Args:
        name: tells boxes apart; made here, never from a label.
        rows: lines of text.
        kind: of a node "leaf", "parameter", "constant" or "op" (a result); of many "neuron",
            "layer" or "rest"; "symbol" if the box stands for an operation.
        heat: the size of the gradient in the last row, from 0 to 1 (the largest of the picture).
        root: whether everything else leads to it.
    """

    name: str
    rows: tuple[str, ...]
    kind: str
    heat: float = 0.0
    root: bool = False


@dataclass(frozen=True)
class Arrow:
    """An arrow from a box to another, by name.

    Args:
        tail, head: the names of the boxes.
        text: what is written on it.
        use: tells the arrows to a result apart: its operands' places, or "out" from its symbol.
        fault: it is drawn so that nobody overlooks it.
    """

    tail: str
    head: str
    text: str = ""
    use: int | str = 0
    fault: bool = False

    @property
    def name(self) -> str:
        """The use that the arrow stands for: of the result in this box, the operand at this place.

        >>> Arrow("n0", "n2op", use=1).name
        'n2-1'
        """
        return f"{self.head.removesuffix('op')}-{self.use}"


@dataclass
class Sketch:
    """All that a picture shows, what it leaves out, and what to do to have that as well."""

    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    notice: str = ""
    advice: str = ""


def sketch_values(
    root: Value,
    local_derivatives: bool = False,
    asked_to_fold: bool | None = None,
    called: Names = False,
) -> Sketch:
    """Make the sketch of a graph of Values."""
    order = nodes_with_numbers(root, "draw_dot")
    groups, titles = fold(order, asked_to_fold), titled(order, called)
    heats = _heats(groups)
    texts = _slope_texts if local_derivatives else _no_texts
    sketch = sketch_groups(groups, lambda group: _rows(group, titles), texts)
    sketch.boxes = [replace(box, heat=heats.get(box.name, 0.0)) for box in sketch.boxes]
    sketch.advice = "draw_dot(root, fold=False) draws every node"
    return sketch


def box_names(groups: Sequence[Group]) -> Mapping[Group, str]:
    """Name the box of each group."""
    return {group: f"n{i}" for i, group in enumerate(groups)}


def sketch_groups(
    groups: Sequence[Group],
    rows: Callable[[Group], tuple[str, ...]],
    texts: Callable[[Value], Sequence[str]],
) -> Sketch:
    """Make the sketch of a folded graph of Values.

    Args:
        groups: operands first.
        rows: what is written into the box of a group, ...
        texts: ... and on the arrows from the operands of a result that is drawn by itself.
    """
    names = box_names(groups)
    sketch = Sketch(notice=_notice(groups))
    for group, name in names.items():
        kind = group.kind if group.kind not in ("", "leaves") else group.results[0].kind
        sketch.boxes.append(Box(name, rows(group), kind, root=group is groups[-1]))
        head, written = name, _no_texts(group)
        if kind == "op":
            (node,) = group.results
            written = texts(node)
            if node._op:
                head = f"{name}op"
                sketch.boxes.append(Box(head, (shown(node._op),), "symbol"))
                sketch.arrows.append(Arrow(head, name, use="out"))
        for place, (operand, text) in enumerate(zip(group.operands, written, strict=True)):
            sketch.arrows.append(Arrow(names[operand], head, text, place))
    return sketch


def headings(group: Group, called: Mapping[Value, str]) -> list[str]:
    """Return the title of a group, and the name of the only result that it shows.

    A bare number has no name but its own.
    """
    rows = [group.title] if group.title else []
    if len(group.results) == 1:
        (node,) = group.results
        if node in called and (group.kind or node.kind != "constant" or node.label):
            rows.append(called[node])
    return rows


def _rows(group: Group, titles: Mapping[Value, str]) -> tuple[str, ...]:
    rows = headings(group, titles)
    if group.results:
        rows.append(f"data {spread([node.data for node in group.results])}")
        rows.append(f"grad {spread([node.grad for node in group.results])}")
    return tuple(rows)


def _heats(groups: Sequence[Group]) -> dict[str, float]:
    """Compare each group's largest gradient with the largest of all; what is not finite is hot."""
    names = box_names(groups)
    sizes = {name: [abs(node.grad) for node in group.results] for group, name in names.items()}
    largest = _largest(size for each in sizes.values() for size in each)
    return {
        name: max((_heat(size, largest) for size in each), default=0.0)
        for name, each in sizes.items()
    }


def _largest(sizes: Iterable[float]) -> float:
    """Return the largest of the sizes that are finite."""
    return max((size for size in sizes if size < math.inf), default=0.0)


def _heat(size: float, largest: float) -> float:
    return 0.0 if not size else size / largest if size < math.inf else 1.0


def _no_texts(node: Value | Group) -> Sequence[str]:
    return [""] * len(node.operands if isinstance(node, Group) else operands(node))


def _slope_texts(node: Value) -> Sequence[str]:
    return [f"∂ {number(slope)}" for slope in _slopes(node)]


def _slopes(node: Value) -> Sequence[float]:
    """Return the local derivatives; NaN where numbers were edited so that there are none."""
    try:
        return node.partials()
    except (ArithmeticError, ValueError):
        return [math.nan] * len(operands(node))


def _notice(groups: Sequence[Group]) -> str:
    """Say what the picture of the groups folds and leaves out."""
    sizes: dict[str, int] = {}
    for group in groups:
        sizes[group.kind] = sizes.get(group.kind, 0) + group.size
    folded = [f"{kind}s" for kind in ("neuron", "layer") if kind in sizes]
    parts = [f"{' and '.join(folded)} folded"] if folded else []
    if "rest" in sizes:
        parts.append(f"the {sizes['rest']:,} farthest from the root left out")
    if not parts:
        return ""
    return f"{sum(sizes.values()):,} nodes in {len(groups):,} boxes: {', '.join(parts)}"


def _nearest(
    order: Sequence[Key], operands: Callable[[Key], Iterable[Key]], everything: bool
) -> Sequence[Key]:
    """Return the last nodes of a graph, as many as can be read and drawn without a long wait.

    Args:
        order: the nodes, operands first.
        operands: gives those of a node.
        everything: return all of them, however many.
    """
    kept: list[Key] = []
    users: defaultdict[Key, list[int]] = defaultdict(list)  # how far they are from the end
    arrows = way = 0
    for node in reversed(order):
        far = 1 + max(users[node], default=-1)
        arrows += len(users[node])
        way += sum(far - user for user in users[node])
        crowded = len(kept) == READABLE.boxes or arrows > READABLE.arrows or way > READABLE.way
        if crowded and not everything:
            break
        kept.append(node)
        for operand in operands(node):
            users[operand].append(far)
    return kept[::-1]


# ── miniflow ────────────────────────────────────────────────────────────────────────────────────


def sketch_nodes(root: Node, everything: bool = False, called: Names = False) -> Sketch:
    """Make the sketch of a graph of array nodes: what each is, its shape and size.

    The sizes are Euclidean norms, of the value and of the gradient of the last run.
    """
    order = topological_sort([root], attrgetter("inbound_nodes"))
    kept = _nearest(order, attrgetter("inbound_nodes"), everything)
    names = {node: f"n{i}" for i, node in enumerate(kept)}
    norms = {node: _norm(node.gradient) for node in kept}
    own = {node: node.name for node in kept if node.name}
    own |= held([node for node in kept if not node.name], called, taken={*own.values()})
    largest = _largest(norm or 0.0 for norm in norms.values())
    sketch = Sketch()
    for node, name in names.items():
        norm = norms[node]
        heat = _heat(norm or 0.0, largest)
        kind = "op" if node.inbound_nodes else "leaf"
        row = _node_rows(node, norm, own.get(node, ""))
        sketch.boxes.append(Box(name, row, kind, heat, node is root))
        uses = enumerate(node.inbound_nodes)
        sketch.arrows += [Arrow(names[x], name, use=i) for i, x in uses if x in names]
    if len(kept) < len(order):
        sketch.notice = f"{len(order):,} nodes, of which the last {len(kept):,} are drawn"
        sketch.advice = "draw_dot(root, fold=False) draws every node"
    return sketch


def _node_rows(node: Node, gradient_norm: float | None, name: str) -> tuple[str, ...]:
    rows = [type(node).__name__]
    if name:
        rows.append(shown(name))
    value_norm = _norm(node.value)
    if value_norm is not None:
        rows.append(f"shape {tuple(getattr(node.value, 'shape', ()))}")
        rows.append(f"value norm {number(value_norm)}")
    if gradient_norm is not None:
        rows.append(f"grad norm {number(gradient_norm)}")
    return tuple(rows)


def _norm(array: Any) -> float | None:
    """Return the Euclidean norm of an array of any library; None where there is none."""
    if array is None:
        return None
    from scalargrad.arrays.library import unify

    xp, (x,) = unify([array])
    return math.sqrt(float(xp.sum(x * x)))


# ── programs ────────────────────────────────────────────────────────────────────────────────────


def sketch_program(program: Program, everything: bool = False) -> Sketch:
    """Make the sketch of a compiled program: the lines of its listing, and the shapes of arrays."""
    listing, sketch = program.listing, Sketch()
    output, operations = listing.output, dict(listing.operations)
    operands = {block: _blocks(operation.operands) for block, operation in operations.items()}
    kept = _nearest([*operations], operands.__getitem__, everything)
    used = {x for block in kept for x in operands[block]} | {*output.blocks}
    sources = {block: text for block, text in listing.sources if block in used}
    only_named = [*sources] if len(kept) > FEW and not everything else []
    drawn = [block for block in [*sources, *kept] if block not in only_named]
    names = {block: f"n{i}" for i, block in enumerate(drawn)}
    whole = [block for block in output.blocks if str(output) == block.name]

    def add(name: str, rows: Sequence[str], kind: str, of: Sequence[Block] = ()) -> None:
        is_root = name in ("output", *map(names.get, whole))
        sketch.boxes.append(Box(name, tuple(rows), kind, root=is_root))
        uses = enumerate(of)
        sketch.arrows.extend(Arrow(names[x], name, use=i) for i, x in uses if x in names)

    for block, name in names.items():
        if block in sources:
            kind = "leaf" if block.batched else "parameter"
            add(name, [block.name, sources[block]], kind)
        else:
            rows = [block.name, shown(operations[block]), _lengths(block)]
            add(name, rows, "op", operands[block])
    if not whole:
        add("output", ["output", shown(output)], "op", _blocks([output]))
    sketch.notice = _omitted(len(operations), len(kept), [block.name for block in only_named])
    sketch.advice = "draw_dot(program, fold=False) draws everything"
    return sketch


def _blocks(operands: Iterable[Operand]) -> Sequence[Block]:
    """Return the blocks that operands are made of, each of them once."""
    return [*dict.fromkeys(block for operand in operands for block in operand.blocks)]


def _omitted(count: int, kept: int, only_named: Sequence[str]) -> str:
    """Say what the picture of a program's operations leaves out."""
    parts = [f"the last {kept:,} are drawn"] if kept < count else []
    if only_named:
        verb = "is" if len(only_named) == 1 else "are"
        parts.append(f"{' and '.join(only_named)} {verb} in the formulas alone")
    if not parts:
        return ""
    return f"{count:,} operations, {', '.join(parts)}"


def _lengths(block: Block) -> str:
    return " × ".join([*map(str, block.shape), *(["batch"] if block.batched else [])])
