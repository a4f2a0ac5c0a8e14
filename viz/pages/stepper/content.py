"""What a page shows: the graph as data for its script, and as a drawing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from xml.etree import ElementTree

from scalargrad.engine import Value, operands

from ...picture.drawing import picture
from ...picture.folding import Block, fold
from ...picture.sketch import Sketch, sketch_values
from ...words.names import symbol
from ...words.steps import edges
from ..shared.page import in_json

__all__ = ["LARGEST_DRAWN", "Content", "content"]

#: A graph with more nodes is folded.
LARGEST_DRAWN = 500

# The page writes numbers into the drawing as they come to be known, so it needs room for any.
_NUMBER = "-0.000e-00"
_RANGE = f"{_NUMBER} … {_NUMBER}"

_WITHOUT_NUMBERS = {"symbol", "rest"}

_SVG = "{http://www.w3.org/2000/svg}"
_KEPT = {
    "ellipse": ("cx", "cy", "rx", "ry"),
    "path": ("d",),
    "polygon": ("points",),
    "polyline": ("points",),
    "text": ("x", "y"),
}
_DECIMAL = re.compile(r"-?\d+\.?\d*")


@dataclass(frozen=True)
class Content:
    """What a page is made of."""

    graph: Mapping[str, object]  # for the script, in what JSON can hold
    svg: str
    notice: str  # what the drawing leaves out
    steps: int


def content(order: Sequence[Value], called: Mapping[Value, str]) -> Content:
    """Collect what a page shows of a graph.

    Args:
        order: the nodes, operands first, the root last.
        called: their names.
    """
    folded = len(order) > LARGEST_DRAWN
    blocks = fold(order, folded)
    home = _homes(order, blocks)
    box = {block: f"n{i}" for i, block in enumerate(blocks)}
    titles = {box[home[node]]: called[node] for node in order if not home[node].kind}
    sketch = _with_room(sketch_values(order[-1], asked_to_fold=folded), titles)
    place = _Places(sketch)
    index = {node: i for i, node in enumerate(order)}
    nodes = []
    for node in order:
        entry: dict[str, object] = {"name": called[node], "kind": node.kind}
        entry |= {"data": in_json(node.data), "box": box[home[node]]}
        if symbol(called[node]) != called[node]:
            entry["odd"] = True  # it could be taken for more than a name
        if node.kind == "op":
            uses = edges(node)
            tails = [box[home[use.parent]] for use in uses]
            entry["op"] = node._op or "op"
            entry["row"] = node.primitive.name if node.primitive else None
            entry["operands"] = [index[use.parent] for use in uses]
            entry["slopes"] = [in_json(use.derivative) for use in uses]
            entry["arrows"] = place.arrows(tails, box[home[node]])
            entry["result"] = place.results.get(box[home[node]])
        nodes.append(entry)
    shown = {box[block]: [index[node] for node in block.results] for block in blocks}
    notice = sketch.notice.partition(";")[0]  # the rest is advice on how to draw
    steps = len(order) + 1 + sum(len(operands(node)) for node in order)
    return Content({"nodes": nodes, "boxes": shown}, _drawing(sketch), notice, steps)


def _homes(order: Sequence[Value], blocks: Sequence[Block]) -> dict[Value, Block]:
    """Find the block of each node: one that does not show it holds all of its users."""
    home = {node: block for block in blocks for node in block.results}
    rest = next((block for block in blocks if not block.results), blocks[-1])
    users: dict[Value, set[Block]] = {}
    for node in reversed(order):
        if node not in home:
            home[node] = users[node].pop() if len(users[node]) == 1 else rest
        for operand in operands(node):
            users.setdefault(operand, set()).add(home[node])
    return home


# ── the drawing ─────────────────────────────────────────────────────────────────────────────────


def _with_room(sketch: Sketch, titles: Mapping[str, str]) -> Sketch:
    """Name all boxes, put the widest numbers in, and on each arrow from an operand its own number.

    Args:
        sketch: the graph.
        titles: the names of the boxes that stand for one node, since formulas will use them.
    """
    boxes = []
    for box in sketch.boxes:
        rows = box.rows
        if box.kind not in {"symbol", "constant"} and box.name in titles:
            rows = (titles[box.name], *rows[-2:])
        if box.kind not in _WITHOUT_NUMBERS:
            room = _RANGE if " … " in rows[-2] + rows[-1] else _NUMBER
            rows = (*rows[:-2], f"data {room}", f"grad {room}")
        boxes.append(replace(box, rows=rows, heat=0.0))
    symbols = {box.name for box in boxes if box.kind == "symbol"}
    operations = symbols | {box.name for box in boxes if box.kind == "op"}
    arrows = [
        replace(arrow, text=f"{i:08}")
        if arrow.head in operations and arrow.tail not in symbols
        else arrow
        for i, arrow in enumerate(sketch.arrows)
    ]
    return replace(sketch, boxes=boxes, arrows=arrows)


class _Places:
    """Where the uses of operands are in a sketch: the arrows by their place in its list."""

    def __init__(self, sketch: Sketch) -> None:
        self.single: dict[str, list[int]] = {}  # to an operation, by the box of its result
        self.results: dict[str, int] = {}  # from its symbol to that box
        self.folded: dict[tuple[str, str], int] = {}
        for i, arrow in enumerate(sketch.arrows):
            if arrow.text:
                self.single.setdefault(arrow.head.removesuffix("op"), []).append(i)
            elif arrow.tail == f"{arrow.head}op":
                self.results[arrow.head] = i
            else:
                self.folded[arrow.tail, arrow.head] = i

    def arrows(self, tails: Sequence[str], head: str) -> list[int | None]:
        """Return the arrow of each use by a box; None for what is folded into it."""
        if head in self.single:
            return [*self.single[head]]
        return [self.folded.get((tail, head)) for tail in tails]


def _drawing(sketch: Sketch) -> str:
    """Draw a sketch and keep the shapes alone: colours, fonts and numbers are the page's."""
    svg = ElementTree.fromstring(picture(replace(sketch, notice="")).pipe("svg", encoding="utf-8"))
    drawing = ElementTree.Element(
        "svg", {"viewBox": svg.attrib["viewBox"], "role": "img", "aria-label": "The graph"}
    )
    (graph,) = svg.findall(f"{_SVG}g")
    canvas = ElementTree.SubElement(drawing, "g", {"transform": graph.attrib["transform"]})
    arrows = {(a.tail, a.head, a.text): f"arrow{i}" for i, a in enumerate(sketch.arrows)}
    numbered = {box.name for box in sketch.boxes if box.kind not in _WITHOUT_NUMBERS}
    for group in graph.findall(f"{_SVG}g"):
        title, is_edge = group.findtext(f"{_SVG}title", ""), group.attrib["class"] == "edge"
        shapes = _shapes(group, () if is_edge else ("path", "polygon"))
        texts = [shape for shape in shapes if shape.tag == "text"]
        if is_edge:
            tail, _, head = title.partition("->")
            title = arrows[tail, head, texts[0].text or "" if texts else ""]
        for placeholder in texts if is_edge else texts[-2:] if title in numbered else ():
            placeholder.text = ""
        new = ElementTree.SubElement(canvas, "g", {"class": group.attrib["class"], "id": title})
        new.extend(shapes)
    return ElementTree.tostring(drawing, encoding="unicode")


def _shapes(group: ElementTree.Element, borders: Sequence[str]) -> list[ElementTree.Element]:
    """Copy the shapes of a group without their looks; of these kinds, as rectangles."""
    shapes = [(shape.tag.removeprefix(_SVG), shape) for shape in group.iter()]
    return [
        _rectangle(tag, shape) if tag in borders else _plain(tag, shape)
        for tag, shape in shapes
        if tag in _KEPT
    ]


def _plain(tag: str, shape: ElementTree.Element) -> ElementTree.Element:
    """Copy a shape without its looks, to a tenth of a point."""
    kept = {key: _rounded(shape.attrib[key]) for key in _KEPT[tag] if key in shape.attrib}
    plain = ElementTree.Element(tag, kept)
    plain.text = shape.text
    return plain


def _rectangle(tag: str, shape: ElementTree.Element) -> ElementTree.Element:
    """Write the border of a box, which Graphviz draws as a polygon or a path, as a rectangle."""
    corners = list(map(float, _DECIMAL.findall(shape.attrib[_KEPT[tag][0]])))
    left, top = min(corners[::2]), min(corners[1::2])
    sizes = {"width": max(corners[::2]) - left, "height": max(corners[1::2]) - top}
    sizes = {"x": left, "y": top} | sizes | ({"rx": 11.0} if tag == "path" else {})
    return ElementTree.Element("rect", {key: f"{size:.1f}" for key, size in sizes.items()})


def _rounded(numbers: str) -> str:
    return _DECIMAL.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), numbers).strip()
