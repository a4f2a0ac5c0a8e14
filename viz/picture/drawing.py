"""Drawing: how a graph looks, as a Graphviz picture."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from graphviz import FORMATS

from scalargrad.engine import Value
from scalargrad.errors import ChoiceError, OperandError
from scalargrad.graph import topological_sort

from ..words.names import Names
from .folding import way
from .rendering import Picture
from .sketch import Box, Sketch, sketch_nodes, sketch_program, sketch_values

if TYPE_CHECKING:
    from scalargrad.compiler import Program
    from scalargrad.miniflow import Node

__all__ = ["draw_dot", "picture"]

_DIRECTIONS = ("LR", "TB", "RL", "BT")

# Helvetica, and what systems show for it, are equally wide, and Graphviz knows how wide;
# of a list of fonts it knows nothing.
_FONT = "Helvetica"
_FONT_SIZE = 11
_INK = "#1f2933"
_LINE = "#737b86"  # can be read on white and on black
_STEEP = (255, 169, 64)

#: The kinds of boxes differ in colour, and in their corners or border as well.
_STYLES = {
    "leaf": {"color": "#3b7dc4", "fillcolor": "#e3effb"},
    "parameter": {"color": "#2e8b57", "fillcolor": "#e0f3e6", "style": "filled,bold"},
    "constant": {
        "color": "#8a939e",
        "fillcolor": "#f3f4f6",
        "style": "filled,dashed",
        "fontcolor": "#4b5563",
        "fontsize": "9",
    },
    "op": {"color": "#7c8794", "fillcolor": "#ffffff", "shape": "Mrecord"},
    "neuron": {"color": "#7a5fb0", "fillcolor": "#efe9fa"},
    "layer": {"color": "#7a5fb0", "fillcolor": "#efe9fa"},
    "rest": {"color": "#7a5fb0", "fillcolor": "#efe9fa"},
    "symbol": {
        "color": "#7c8794",
        "fillcolor": "#ffffff",
        "shape": "ellipse",
        "fontsize": "13",
        "margin": "0.04,0",
        "width": "0.32",
        "height": "0.32",
    },
}
_ROOT = {"color": "#c2410c", "penwidth": "2"}
_FAULT = {"color": "#d01c3f", "fontcolor": "#d01c3f", "penwidth": "2.5", "style": "dashed"}


def draw_dot(
    root: Value | Node | Program,
    format: str = "svg",
    rankdir: str = "LR",
    *,
    local_derivatives: bool = False,
    fold: bool | None = None,
    names: Names = True,
) -> Picture:
    """Draw the graph that leads to ``root``, with label, data and gradient of every node.

    Inputs are blue boxes, parameters of a model green with a bold border, constants grey and small
    with a dashed one; results are white with round corners, the root has a thick red border. The
    last row is the more orange the larger the gradient is, compared with the largest of the
    picture. There is an arrow for each use of a node, from top to bottom in the order of the
    operands.

    A graph of more than 300 nodes is folded: each neuron becomes one box, neurons with the same
    inputs become a layer, and if that is too large still, only what is nearest to the root is
    drawn. The picture says what was folded and left out.

    The nodes of a miniflow graph have their kind, name and shape, and the Euclidean norms of their
    value and of their gradient in the last run. The boxes of a compiled program are the lines of
    its listing, with the shapes of the arrays that they compute; of more than 50 lines, inputs and
    parameters have no boxes, since the formulas name them. Neither has neurons to fold: of one that
    is too large, the last part is drawn, and the picture says so.

    Args:
        root: the result, a Value or a node; or a program.
        format: of the file that ``render()`` writes: "svg" and "dot" work everywhere, others, like
            "png" and "pdf", where Graphviz is installed.
        rankdir: where arrows point to: "LR" to the right, "TB" down, "RL" to the left, "BT" up.
        local_derivatives: write ∂result/∂operand on each arrow of a graph of Values.
        fold: True folds neurons in a small graph of Values, too; False draws every node,
            however many.
        names: whether a node without a label, or without a name in a miniflow graph, is called by
            the variable that holds it here; or the variables by hand, as ``names=locals()``.

    Returns:
        a ``graphviz.Digraph``: ``picture.save("L.svg")`` writes it to a file, ``picture.source`` is
        its DOT source, and a notebook shows it.

    Raises:
        OperandError: ``root`` is none of these, or has no local derivatives to write.
        ChoiceError: there is no such direction, or no such format.

    >>> x = Value(2.0, label="x")
    >>> y = x * x
    >>> y.backward()
    >>> "x|data 2.0000|grad 4.0000" in draw_dot(y).source
    True
    """
    result: Any = root  # asked what it has, so that NumPy is not loaded to draw Values
    if not hasattr(result, "listing") and not hasattr(result, "inbound_nodes"):
        return picture(sketch_values(result, local_derivatives, fold, names), format, rankdir)
    if local_derivatives:
        kind = type(result).__name__
        raise OperandError(f"local_derivatives is for a graph of Values, got a {kind}")
    if hasattr(result, "listing"):
        return picture(sketch_program(result, fold is False), format, rankdir)
    return picture(sketch_nodes(result, fold is False, names), format, rankdir)


def picture(
    sketch: Sketch, format: str = "svg", rankdir: str = "LR", *, identified: bool = False
) -> Picture:
    """Turn a sketch into a Graphviz picture.

    Args:
        sketch: what it shows.
        format, rankdir: as of `draw_dot`.
        identified: give boxes and arrows their names as ids, for who looks for them in the SVG.
    """
    if rankdir not in _DIRECTIONS:
        raise ChoiceError(f"rankdir is one of {', '.join(_DIRECTIONS)}, got {rankdir!r}")
    if not isinstance(format, str) or format.lower() not in FORMATS:
        hint = ": a file is written by draw_dot(root).save(path)" * ("." in f"{format}")
        raise ChoiceError(f"format is a kind of picture such as svg or png, got {format!r}{hint}")
    crowded = any(box.kind in ("neuron", "layer") for box in sketch.boxes)
    notes = [sketch.notice, sketch.notice and sketch.advice]
    font = {"fontname": _FONT, "fontsize": f"{_FONT_SIZE}"}
    dot = Picture(
        "graph",
        format=format,
        graph_attr=font
        | {
            "rankdir": rankdir,
            "ordering": "in",
            "nslimit": f"{_patience(sketch):.2f}",
            "nodesep": "0.2",
            "ranksep": "0.8" if crowded else "0.3",
            "bgcolor": "transparent",
            "label": _escaped("; ".join(filter(None, notes))),
            "fontcolor": _LINE,
        },
        node_attr=font | {"shape": "record", "style": "filled", "height": "0.2", "fontcolor": _INK},
        edge_attr=font | {"color": _LINE, "fontcolor": _LINE, "fontsize": "9", "arrowsize": "0.6"},
    )
    dot.rows = {box.name: box.rows for box in sketch.boxes}
    for box in sketch.boxes:
        label = "|".join(map(_escaped, box.rows))
        # Graphviz turns records by the direction; the braces turn them back.
        upright = rankdir in ("LR", "RL") or box.kind == "symbol"
        named = {"id": box.name} if identified else {}
        dot.node(box.name, label if upright else f"{{{label}}}", **named, **_style(box))
    for arrow in sketch.arrows:
        named = {"id": arrow.name} if identified else {}
        look = _FAULT if arrow.fault else {}
        dot.edge(arrow.tail, arrow.head, arrow.text or None, **named, **look)
    return dot


def _patience(sketch: Sketch) -> float:
    """Return how many rounds, for each box, Graphviz may spend on finding good heights for boxes.

    Without a limit, a few long arrows take it minutes. A round takes as long as the arrows do on
    their way, so a large picture gets fewer: most of the good is done in the first rounds.
    """
    return min(20.0, max(1.0, 6e6 / max(1, _way(sketch) * len(sketch.boxes))))


def _way(sketch: Sketch) -> int:
    """Return over how many columns of boxes the arrows go, all together."""
    tails: dict[str, list[str]] = {box.name: [] for box in sketch.boxes}
    for arrow in sketch.arrows:
        tails[arrow.head].append(arrow.tail)
    return way(topological_sort(tails, tails.__getitem__), tails.__getitem__)


def _style(box: Box) -> dict[str, str]:
    style = {"class": box.kind} | _STYLES[box.kind] | (_ROOT if box.root else {})
    style |= _room(box.rows)
    if box.heat > 0:
        above = 1 - 1 / len(box.rows)  # the rows are equally high
        style["fillcolor"] += f";{above:.4f}:{_warm(box.heat)}"
        style["gradientangle"] = "270"
    return style


def _room(rows: Iterable[str]) -> dict[str, str]:
    """Ask for wide boxes around letters that Graphviz does not know, and takes for narrow ones."""
    widths = [sum(map(_ems, row)) for row in rows if any(map(_is_foreign, row))]
    return {"width": f"{(max(widths) + 1) * _FONT_SIZE / 72:.2f}"} if widths else {}


def _is_foreign(letter: str) -> bool:
    return letter > "\u036f" and letter != "…"


def _ems(letter: str) -> float:
    """Return a width that is enough for most letters, in units of the font's size."""
    if not _is_foreign(letter):
        return 0.6
    return 1.1 if east_asian_width(letter) in {"F", "W"} else 0.85


def _warm(heat: float) -> str:
    """Return a colour from white to that of the steepest gradient."""
    strength = heat**0.5  # shows differences between small gradients, too
    return "#" + "".join(f"{round(255 + strength * (part - 255)):02x}" for part in _STEEP)


_ESCAPES = {ord(character): f"&#{ord(character)};" for character in '{}|<>"&'} | {ord("\\"): "\\\\"}


def _escaped(text: str) -> str:
    """Write a text so that Graphviz, which has a meaning for many characters, draws just it."""
    text = re.sub("  +", lambda spaces: "\u00a0" * len(spaces[0]), text)  # else they become one
    return text.translate(_ESCAPES)
