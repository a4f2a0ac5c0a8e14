"""The drawing of a film: shapes, and the style that moves them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from unicodedata import east_asian_width
from xml.etree import ElementTree
from zlib import crc32

from ...picture.shapes import elements, shapes
from ..shared.page import read
from .plot import PAUSE, Line, Plot

__all__ = ["draw"]

_MARGIN = 14.0
_HEAD, _LINE = 24.0, 19.0  # the heights of the title's line and of a caption's
_NARROWEST = 360.0
_LETTER = 6.9  # the width of most letters of a caption, or less
_FADE = 0.18  # seconds in which a text comes or goes
_END = 0.45  # seconds in which the last picture goes, before the film starts again


def draw(plot: Plot, title: str) -> str:
    """Return the film as the text of an SVG."""
    name = f"film{crc32(repr((plot.sketch, plot.scenes)).encode('utf-8', 'replace')):08x}"
    drawn, canvas = shapes(plot.sketch)
    _, _, across, down = map(float, drawn.attrib["viewBox"].split())
    lines = max(len(scene.captions) for scene in plot.scenes) + bool(plot.sketch.notice)
    texts = [text for scene in plot.scenes for text in scene.captions] + [plot.sketch.notice]
    width = max(across + 2 * _MARGIN, max(map(_width, texts)) + 2 * _MARGIN, _NARROWEST)
    height = _HEAD + down + lines * _LINE + 2 * _MARGIN
    svg = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width:.0f} {height:.0f}",
            "width": f"{width:.0f}", "height": f"{height:.0f}", "class": f"film {name}",
            "role": "img", "aria-labelledby": f"{name}-title {name}-text",
        },
    )  # fmt: skip
    _add(svg, "title", title, id=f"{name}-title")
    _add(svg, "desc", plot.description, id=f"{name}-text")
    clock = _Clock(name, plot)
    style = _add(svg, "style")
    _add(svg, "rect", "paper", x="0.5", y="0.5", rx="8",
         width=f"{width - 1:.0f}", height=f"{height - 1:.0f}")  # fmt: skip
    _bar(svg, clock, width)
    _passes(svg, clock)
    stage = _add(svg, "g")
    left = (width - across) / 2
    stage.attrib["transform"] = f"translate({left:.1f} {_HEAD + _MARGIN:.1f})"
    stage.append(canvas)
    _boxes(canvas, plot, clock)
    _arrows(canvas, plot, clock)
    _flows(canvas, plot, clock)
    _captions(svg, plot, clock, width / 2, _HEAD + _MARGIN + down + _LINE)
    if plot.sketch.notice:
        _add(
            svg, "text", plot.sketch.notice, "notice", x=f"{width / 2:.1f}", y=f"{height - 10:.1f}"
        )
    style.text = read(__package__, "film.css") + clock.style()
    for group in canvas:
        group.attrib.pop("id", None)  # in a page they could be others'
    ElementTree.indent(svg, "")  # a line for each element
    return ElementTree.tostring(svg, encoding="unicode") + "\n"


def _add(
    parent: ElementTree.Element, tag: str, text: str = "", look: str = "", **attributes: str
) -> ElementTree.Element:
    """Add an element; what has no text to show has its class in its place."""
    if tag not in {"text", "title", "desc"}:
        text, look = "", text
    named = {"class": look} if look else {}
    made = ElementTree.SubElement(parent, tag, named | attributes)
    made.text = text or None
    return made


def _width(text: str) -> float:
    return sum(2 * _LETTER if east_asian_width(c) in {"F", "W"} else _LETTER for c in text)


# ── time ────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Clock:
    """Makes the classes that show, hide and move things, each once."""

    name: str
    plot: Plot
    rules: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.starts = [0.0, *accumulate(scene.seconds for scene in self.plot.scenes)]

    def shown(self, line: Line) -> str:
        """Return the class of what is shown from the end of a scene to the end of another."""
        start = self.starts[line.start + 1] - self._short(line.start)
        end = None if line.end is None else self.starts[line.end + 1] - self._short(line.end)
        return self._window(f"s{line.start}-{'' if line.end is None else line.end}", start, end)

    def during(self, first: int, last: int | None) -> str:
        """Return the class of what is shown from the start of a scene to the end of another."""
        end = None if last is None else self.starts[last + 1] - self._fade
        return self._window(f"d{first}-{'' if last is None else last}", self.starts[first], end)

    def flow(self, scene: int, backward: bool, part: tuple[float, float]) -> str:
        """Return the class of what moves along an arrow in a part of a scene."""
        start, seconds = self.starts[scene], self.plot.scenes[scene].seconds
        a, b = (start + share * seconds for share in part)
        key = f"f{scene}-{part[0]:.0%}".replace("%", "")
        here, there = ("-100", "30") if backward else ("30", "-100")
        self.rules[key] = (
            f"0%,{self._at(a)}{{stroke-dashoffset:{here};opacity:0}}"
            f"{self._at(a + 0.01)}{{stroke-dashoffset:{here};opacity:1}}"
            f"{self._at(b)}{{stroke-dashoffset:{there};opacity:1}}"
            f"{self._at(b + 0.01)},100%{{stroke-dashoffset:{there};opacity:0}}"
        )
        return f"once {key}"

    def style(self) -> str:
        """Return the rules of all classes."""
        length = f"{self.plot.length:.2f}s"
        rules = [
            f"@keyframes {self.name}{key}{{{rule}}}\n"
            f".{self.name} .{key}{{animation:{self.name}{key} {length} linear infinite}}\n"
            for key, rule in self.rules.items()
        ]
        calm = f".{self.name} *{{animation:none!important}}"
        still = f"@media (prefers-reduced-motion:reduce){{{calm}}}\n"
        return "".join([*rules, still])

    @property
    def _fade(self) -> float:
        return min(_FADE, min(scene.seconds for scene in self.plot.scenes) / 3)

    def _short(self, scene: int) -> float:
        """A number appears when the flow has arrived, a moment before its scene ends."""
        return 0.3 * self.plot.scenes[scene].seconds

    def _window(self, key: str, start: float, end: float | None) -> str:
        """Show something from one second to another, or to the end of the film."""
        fade, length = self._fade, self.plot.length
        to = length - _END if end is None else end
        gone = length if end is None else end + fade
        hidden = "opacity:0"
        before = f"0%,{self._at(start)}{{{hidden}}}" if start > 0 else f"0%{{{hidden}}}"
        self.rules[key] = (
            f"{before}{self._at(start + fade)},{self._at(to)}{{opacity:1}}"
            f"{self._at(gone)},100%{{{hidden}}}"
        )
        return key if end is None else f"once {key}"

    def _at(self, second: float) -> str:
        return f"{100 * second / self.plot.length:.2f}%".replace(".00%", "%")


# ── what is drawn ───────────────────────────────────────────────────────────────────────────────


def _bar(svg: ElementTree.Element, clock: _Clock, width: float) -> None:
    """Draw how far the film is, as a line at the bottom of its title."""
    whole = 100 * (clock.plot.length - PAUSE) / clock.plot.length
    clock.rules["bar"] = f"0%{{transform:scaleX(0)}}{whole:.2f}%,100%{{transform:scaleX(1)}}"
    _add(svg, "rect", "bar", x="0", y=f"{_HEAD + 3:.1f}", height="1.5", width=f"{width:.0f}")


def _passes(svg: ElementTree.Element, clock: _Clock) -> None:
    """Say which pass is shown."""
    seed = next(i for i, scene in enumerate(clock.plot.scenes) if not scene.forward)
    for text, look, place, shown in (
        ("forward pass →", "forward", {"x": f"{_MARGIN}"}, clock.during(0, seed - 1)),
        ("← backward pass", "backward", {"x": f"{_MARGIN}"}, clock.during(seed, None)),
    ):
        _add(svg, "text", text, f"pass {look} {shown}", y="18", **place)


def _boxes(canvas: ElementTree.Element, plot: Plot, clock: _Clock) -> None:
    """Give each box its look, its turns and its numbers."""
    drawn = elements(canvas)
    turns: dict[str, list[int]] = {}
    for number, scene in enumerate(plot.scenes):
        if len(scene.boxes) == 1:  # else it is nobody's own
            turns.setdefault(scene.boxes[0], []).append(number)
    for box in plot.sketch.boxes:
        group = drawn[box.name]
        group.attrib["class"] = f"node {box.kind}" + (" root" if box.root else "")
        rows = group.findall("text")
        if box.name in plot.data:
            for text in rows[-2:]:
                group.remove(text)
            lines = [plot.data[box.name]], plot.gradients.get(box.name, [])
            for look, place, row in zip(("data", "grad"), rows[-2:], lines, strict=True):
                for line in row:
                    _add(group, "text", line.text, f"{look} {clock.shown(line)}", **place.attrib)
        for number in turns.get(box.name, ()):
            border = {k: v for k, v in group[0].attrib.items() if k != "class"}
            look = "forward" if plot.scenes[number].forward else "backward"
            _add(group, "rect", f"ring {look} {clock.during(number, number)}", **border)


def _arrows(canvas: ElementTree.Element, plot: Plot, clock: _Clock) -> None:
    """Write the local derivatives on the arrows."""
    drawn = elements(canvas)
    for arrow in plot.sketch.arrows:
        group = drawn[arrow.name]
        for text in group.findall("text"):
            group.remove(text)
            line = plot.derivatives[arrow.name]
            _add(group, "text", line.text, f"slope {clock.shown(line)}", **text.attrib)


def _flows(canvas: ElementTree.Element, plot: Plot, clock: _Clock) -> None:
    """Draw over each arrow what moves along it."""
    drawn = elements(canvas)
    for number, scene in enumerate(plot.scenes):
        through = f"{scene.boxes[0]}-out" in drawn if len(scene.boxes) == 1 else False
        for name in scene.flows:
            if name in drawn:
                part = _part(scene.forward, through, name.endswith("-out"))
                look = "forward" if scene.forward else "backward"
                moves = clock.flow(number, not scene.forward, part)
                path = drawn[name].find("path")
                assert path is not None
                _add(canvas, "path", f"flow {look} {moves}", d=path.attrib["d"], pathLength="100")


def _part(forward: bool, through: bool, out: bool) -> tuple[float, float]:
    """Return in which part of its scene something moves: first to the symbol, then from it."""
    if not through:
        return (0.0, 0.7)
    first = out is not forward
    return (0.0, 0.45) if first else (0.3, 0.75) if forward else (0.25, 0.75)


def _captions(
    svg: ElementTree.Element, plot: Plot, clock: _Clock, middle: float, top: float
) -> None:
    last = len(plot.scenes) - 1
    for number, scene in enumerate(plot.scenes):
        shown = clock.during(number, None if number == last else number)
        look = "forward" if scene.forward else "backward"
        for row, text in enumerate(scene.captions):
            place = {"x": f"{middle:.1f}", "y": f"{top + row * _LINE:.1f}"}
            _add(svg, "text", text, f"caption {look} {shown}", **place)
