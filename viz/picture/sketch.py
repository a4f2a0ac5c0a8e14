"""A graph as plain boxes and arrows: what a picture shows, before anybody decides how it looks.

This is the only room of the drawing that reads Values, the array nodes of miniflow and programs;
other kinds of graph can be drawn by making a `Sketch` of them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from scalargrad.engine import Value, operands
from scalargrad.graph import topological_sort
from scalargrad.variables import held

from ..words.names import Names, number, shown, titled, walk
from .folding import LARGEST, LONGEST_WAY, MOST_ARROWS, Block, fold

if TYPE_CHECKING:
    from scalargrad.compiler import Program
    from scalargrad.compiler.passes.patterns import Block as ArrayBlock
    from scalargrad.compiler.passes.patterns import Operand
    from scalargrad.miniflow import Node

__all__ = ["Arrow", "Box", "Sketch", "sketch_nodes", "sketch_program", "sketch_values"]

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
    """An arrow from a box to another, by name, with or without a text on it."""

    tail: str
    head: str
    text: str = ""


@dataclass
class Sketch:
    """All that a picture shows; the notice says what it leaves out."""

    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    notice: str = ""


def sketch_values(
    root: Value,
    local_derivatives: bool = False,
    asked_to_fold: bool | None = None,
    called: Names = False,
) -> Sketch:
    """Make the sketch of a graph of Values."""
    order = walk(root, "draw_dot")
    blocks, titles = fold(order, asked_to_fold), titled(order, called)
    names = {block: f"n{i}" for i, block in enumerate(blocks)}
    heats = _heats(blocks)
    sketch = Sketch(notice=_notice(blocks))
    for block, name in names.items():
        kind = block.kind if block.kind not in ("", "leaves") else block.results[0].kind
        box = Box(name, _rows(block, titles), kind, heats[block], block is blocks[-1])
        sketch.boxes.append(box)
        head, texts = name, [""] * len(block.operands)
        if kind == "op":
            (node,) = block.results
            if node._op:
                head = f"{name}op"
                sketch.boxes.append(Box(head, (shown(node._op),), "symbol"))
                sketch.arrows.append(Arrow(head, name))
            if local_derivatives:
                texts = [f"∂ {number(slope)}" for slope in _slopes(node)]
        for operand, text in zip(block.operands, texts, strict=True):
            sketch.arrows.append(Arrow(names[operand], head, text))
    return sketch


def _rows(block: Block, titles: Mapping[Value, str]) -> tuple[str, ...]:
    rows = [block.title] if block.title else []
    if len(block.results) == 1 and block.results[0] in titles:
        rows.append(titles[block.results[0]])
    if block.results:
        rows.append(f"data {_range([node.data for node in block.results])}")
        rows.append(f"grad {_range([node.grad for node in block.results])}")
    return tuple(rows)


def _range(numbers: Sequence[float]) -> str:
    """Write the smallest and the largest of some numbers; if one is NaN, just that."""
    if any(map(math.isnan, numbers)):
        return "nan"
    low, high = number(min(numbers)), number(max(numbers))
    return low if low == high else f"{low} … {high}"


def _heats(blocks: Sequence[Block]) -> dict[Block, float]:
    """Compare each block's largest gradient with the largest of all; what is not finite is hot."""
    sizes = {block: [abs(node.grad) for node in block.results] for block in blocks}
    largest = max((size for each in sizes.values() for size in each if size < math.inf), default=0)
    return {
        block: max((size / largest if size < math.inf else 1.0 for size in each if size), default=0)
        for block, each in sizes.items()
    }


def _slopes(node: Value) -> Sequence[float]:
    """Return the local derivatives; NaN where numbers were edited so that there are none."""
    try:
        return node.partials()
    except (ArithmeticError, ValueError):
        return [math.nan] * len(operands(node))


def _notice(blocks: Sequence[Block]) -> str:
    """Say what the picture of the blocks folds and leaves out."""
    sizes: dict[str, int] = {}
    for block in blocks:
        sizes[block.kind] = sizes.get(block.kind, 0) + block.size
    folded = [f"{kind}s" for kind in ("neuron", "layer") if kind in sizes]
    parts = [f"{' and '.join(folded)} folded"] if folded else []
    if "rest" in sizes:
        parts.append(f"the {sizes['rest']:,} farthest from the root left out")
    if not parts:
        return ""
    return (
        f"{sum(sizes.values()):,} nodes in {len(blocks):,} boxes: {', '.join(parts)}; "
        "draw_dot(root, fold=False) draws every node"
    )


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
        crowded = len(kept) == LARGEST or arrows > MOST_ARROWS or way > LONGEST_WAY
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
    largest = max((norm for norm in norms.values() if norm and norm < math.inf), default=0.0)
    sketch = Sketch()
    for node, name in names.items():
        norm = norms[node]
        heat = 0.0 if not norm else norm / largest if norm < math.inf else 1.0
        kind = "op" if node.inbound_nodes else "leaf"
        sketch.boxes.append(
            Box(name, _node_rows(node, norm, own.get(node, "")), kind, heat, node is root)
        )
        sketch.arrows += [Arrow(names[x], name) for x in node.inbound_nodes if x in names]
    if len(kept) < len(order):
        sketch.notice = (
            f"{len(order):,} nodes, of which the last {len(kept):,} are drawn; "
            "draw_dot(root, fold=False) draws every node"
        )
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
    from scalargrad.miniflow.arrays import unify

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

    def add(name: str, rows: Sequence[str], kind: str, of: Sequence[ArrayBlock] = ()) -> None:
        is_root = name in ("output", *map(names.get, whole))
        sketch.boxes.append(Box(name, tuple(rows), kind, root=is_root))
        sketch.arrows.extend(Arrow(names[x], name) for x in of if x in names)

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
    return sketch


def _blocks(operands: Iterable[Operand]) -> Sequence[ArrayBlock]:
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
    return (
        f"{count:,} operations, {', '.join(parts)}; draw_dot(program, fold=False) draws everything"
    )


def _lengths(block: ArrayBlock) -> str:
    return " × ".join([*map(str, block.shape), *(["batch"] if block.batched else [])])
