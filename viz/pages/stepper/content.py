"""What a page shows: the graph as data for its script, and as a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from xml.etree import ElementTree

from scalargrad.engine import Value, operands

from ...picture.folding import READABLE, Group, Limits, fold
from ...picture.shapes import elements, shapes
from ...picture.sketch import Sketch, box_names, headings, sketch_groups
from .entries import entry
from .second import second

__all__ = ["LARGEST_DRAWN", "Content", "content_of"]

#: A graph with more nodes is folded.
LARGEST_DRAWN = 500

#: What is drawn is not read at once but moved through, so it may be more than a picture holds.
_LIMITS = Limits(LARGEST_DRAWN, 2 * LARGEST_DRAWN, READABLE.way)

# The page writes numbers into the drawing as they come to be known, so it needs room for any.
_NUMBER = "-0.000e-00"
_RANGE = f"{_NUMBER} … {_NUMBER}"


@dataclass(frozen=True)
class Content:
    """What a page is made of."""

    graph: Mapping[str, object]  # for the script, in what JSON can hold
    svg: str
    notice: str  # what the drawing leaves out
    steps: int


def content_of(order: Sequence[Value], called: Mapping[Value, str]) -> Content:
    """Collect what a page shows of a graph.

    Args:
        order: the nodes, operands first, the root last.
        called: their names.
    """
    groups = fold(order, limits=_LIMITS)
    home = {node: group for group in groups for node in group.nodes}
    box = box_names(groups)
    sketch = sketch_groups(groups, partial(_rows, called), _room_for_slopes)
    index = {node: i for i, node in enumerate(order)}
    nodes = []
    for node in order:
        found = entry(node, called[node], index) | {"box": box[home[node]]}
        if node.kind == "op":
            found["arrows"] = _arrows(node, home, box)
        nodes.append(found)
    shown = {box[group]: [index[node] for node in group.results] for group in groups}
    steps = len(order) + 1 + sum(len(operands(node)) for node in order)
    graph = {"nodes": nodes, "boxes": shown, "second": second(order, called)}
    return Content(graph, _drawing(groups, sketch), sketch.notice, steps)


def _arrows(node: Value, home: Mapping[Value, Group], box: Mapping[Group, str]) -> list[str | None]:
    """Return the names of the arrows of a node's uses; None for what is folded into its box."""
    group = home[node]
    if not group.kind:
        return [f"{box[group]}-{place}" for place in range(len(group.operands))]
    places = {operand: f"{box[group]}-{place}" for place, operand in enumerate(group.operands)}
    return [places.get(home[operand]) for operand in operands(node)]


# ── the drawing ─────────────────────────────────────────────────────────────────────────────────


def _rows(called: Mapping[Value, str], group: Group) -> tuple[str, ...]:
    """Name a box, since formulas will use its name, and put the widest numbers in."""
    rows = headings(group, called)
    if group.results:
        room = _RANGE if len(group.results) > 1 else _NUMBER
        rows += [f"data {room}", f"grad {room}"]
    return tuple(rows)


def _room_for_slopes(node: Value) -> list[str]:
    return [f"∂ {_NUMBER}"] * len(operands(node))


def _drawing(groups: Sequence[Group], sketch: Sketch) -> str:
    """Draw a sketch with room for its numbers, which the page writes."""
    svg, canvas = shapes(sketch)
    svg.attrib |= {"role": "img", "aria-label": "The graph"}
    drawn = elements(canvas)
    for group, name in box_names(groups).items():
        for text in drawn[name].findall("text")[-2:] if group.results else ():
            text.text = ""
    for arrow in sketch.arrows:
        for text in drawn[arrow.name].findall("text"):
            text.text = ""
    return ElementTree.tostring(svg, encoding="unicode")
