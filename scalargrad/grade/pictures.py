"""Pictures of mistakes: the smallest graph that shows one, with the wrong edge marked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from scalargrad import miniflow
from scalargrad.engine import Value
from viz.picture.drawing import picture
from viz.picture.rendering import Picture
from viz.picture.sketch import Arrow, Sketch, sketch_nodes, sketch_values

from .findings import Finding, Report
from .kinds import NODES
from .operations import OPERATIONS
from .terminal import details

__all__ = ["picture_of", "save_pictures"]


def picture_of(finding: Finding) -> Picture | None:
    """Draw the graph of a finding, with the gradients that are right, and the wrong edge marked.

    None if there is no graph to it, such as where a method is missing.
    """
    if not finding.expected:
        return None
    sketch: Sketch | None = None
    if finding.aspect in ("order", "shared") and finding.operation not in NODES:
        sketch = _of_example(finding)
    elif finding.operation in OPERATIONS and finding.numbers:
        sketch = _of_operation(finding)
    elif finding.operation in NODES:
        sketch = _of_node(finding)
    return None if sketch is None else picture(sketch)


def save_pictures(report: Report, folder: Path) -> list[Path]:
    """Draw what is wrong in a report, as SVG files in a folder that is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i, finding in enumerate(details(report), 1):
        drawn = picture_of(finding)
        if drawn is not None:
            kind = finding.misconception or finding.aspect.replace(" ", "-")
            path = folder / f"{Path(report.file).stem}_{i}_{kind}.svg"
            path.write_bytes(drawn.pipe("svg"))
            paths.append(path)
    return paths


def _of_operation(finding: Finding) -> Sketch:
    operation, numbers = OPERATIONS[finding.operation], finding.numbers
    count = len(numbers) - operation.numbers
    named = zip(numbers[:count], "ab", strict=False)
    leaves: list[Any] = [Value(x, label=letter) for x, letter in named]
    if finding.aspect == "twice":
        leaves[1:] = leaves[:1]
    out = operation.call(*leaves, *numbers[count:])
    out.backward()
    return _marked(sketch_values(out, local_derivatives=True), finding, finding.aspect == "twice")


def _of_node(finding: Finding) -> Sketch:
    kind = NODES[finding.operation]
    values = kind.feed(np.random.default_rng(0), *kind.shapes[0])
    leaves = [miniflow.Input(name) for _, name in zip(values, kind.names, strict=False)]
    twice = finding.aspect == "twice"
    node = getattr(miniflow, finding.operation)(*([leaves[0]] * 2 if twice else leaves))
    fed: list[miniflow.Node] = [*leaves[:1]] if twice else [*leaves]
    miniflow.value_and_grad(node, dict(zip(fed, values, strict=False)), fed[: kind.checked])
    return _marked(sketch_nodes(node), finding, twice)


def _of_example(finding: Finding) -> Sketch:
    """Draw the graph that an example writes, and mark what leads to the node it asks about."""
    *lines, result, asked = finding.example.split("; ")
    cls = lines[0].partition(" = ")[2].partition("(")[0]  # what the student's class is called
    names: dict[str, Any] = {cls: Value}
    exec("\n".join(lines), {}, names)
    for name, node in names.items():
        if name != cls:
            node.label = name
    root = eval(result.removesuffix(".backward()"), {}, names)
    root.backward()
    sketch = sketch_values(root, local_derivatives=finding.aspect == "shared")
    wrong = asked.removesuffix(".grad")
    tails = {box.name for box in sketch.boxes if wrong in box.rows[:1]}
    return _with(sketch, lambda arrow: arrow.tail in tails, finding)


def _marked(sketch: Sketch, finding: Finding, twice: bool) -> Sketch:
    """Mark the edge of an operand to the last operation; without one, that to the result."""
    root = next(box.name for box in sketch.boxes if box.root)
    heads = {arrow.tail for arrow in sketch.arrows if arrow.head == root}
    symbols = {box.name for box in sketch.boxes if box.kind == "symbol"}
    head = next(iter(heads & symbols), root)
    edges = [arrow for arrow in sketch.arrows if arrow.head == head]
    if 0 <= finding.operand < len(edges):
        chosen = edges if twice else [edges[finding.operand]]
    else:
        chosen = [arrow for arrow in sketch.arrows if arrow.head == root]
    return _with(sketch, lambda arrow: any(arrow is each for each in chosen), finding)


def _with(sketch: Sketch, is_wrong: Callable[[Arrow], bool], finding: Finding) -> Sketch:
    """Mark arrows, and say on the first what was expected and got."""
    said = False
    arrows = []
    for arrow in sketch.arrows:
        if is_wrong(arrow):
            text = "" if said else f"expected {_short(finding.expected)}, got {_short(finding.got)}"
            arrow, said = replace(arrow, text=text or arrow.text, fault=True), True
        arrows.append(arrow)
    return replace(sketch, arrows=arrows)


def _short(text: str) -> str:
    """Leave room for the graph: of an array that is long, its first numbers."""
    return text if len(text) <= 24 else f"{re.sub(r'[^,]*$', '', text[:22])} …"
