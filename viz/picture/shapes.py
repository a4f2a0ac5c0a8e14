"""A laid-out picture as bare shapes: for pages and films, which have a style of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple
from xml.etree import ElementTree

from .drawing import picture
from .sketch import Sketch

__all__ = ["Shapes", "elements", "shapes"]

_SVG = "{http://www.w3.org/2000/svg}"
_KEPT = {
    "ellipse": ("cx", "cy", "rx", "ry"),
    "path": ("d",),
    "polygon": ("points",),
    "polyline": ("points",),
    "text": ("x", "y"),
}
_DECIMAL = re.compile(r"-?\d+\.?\d*")


class Shapes(NamedTuple):
    """A drawing without colours and fonts.

    Its canvas has a group for each box and arrow of the sketch, with the id of its name and the
    class "node" or "edge"; a box is a ``rect`` or an ``ellipse``, an arrow a ``path`` from tail to
    head and a ``polygon``, texts stand in their order.
    """

    svg: ElementTree.Element
    canvas: ElementTree.Element


def shapes(sketch: Sketch) -> Shapes:
    """Lay a sketch out, without its notice."""
    drawn = picture(replace(sketch, notice=""), identified=True).layout()
    svg = ElementTree.Element("svg", {"viewBox": drawn.attrib["viewBox"]})
    (graph,) = drawn.findall(f"{_SVG}g")
    canvas = ElementTree.SubElement(svg, "g", {"transform": graph.attrib["transform"]})
    for group in graph.findall(f"{_SVG}g"):
        borders = () if group.attrib["class"] == "edge" else ("path", "polygon")
        named = {"class": group.attrib["class"], "id": group.attrib["id"]}
        ElementTree.SubElement(canvas, "g", named).extend(_shapes(group, borders))
    return Shapes(svg, canvas)


def elements(canvas: ElementTree.Element) -> dict[str, ElementTree.Element]:
    """Return the elements of boxes and arrows, by their names."""
    return {group.attrib["id"]: group for group in canvas.findall("g")}


def _shapes(group: ElementTree.Element, borders: Sequence[str]) -> Iterator[ElementTree.Element]:
    """Copy the shapes of a group without their looks; of these kinds, as rectangles."""
    for shape in group.iter():
        tag = shape.tag.removeprefix(_SVG)
        if tag in _KEPT:
            yield _rectangle(tag, shape) if tag in borders else _plain(tag, shape)


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
