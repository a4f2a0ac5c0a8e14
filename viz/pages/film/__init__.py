"""The forward and the backward pass of a graph as a film that plays by itself."""

from __future__ import annotations

import math
import os
from base64 import b64encode
from html import escape

from scalargrad.engine import Value
from scalargrad.errors import SizeError

from ...words.names import Names, named, nodes_with_numbers
from ..shared.page import Saved
from .drawing import draw
from .plot import plot_of

__all__ = ["Film", "film"]


class Film(Saved):
    """A film of a graph: save it, or let a notebook show it."""

    kind = "film", "SVG", (".svg",)
    #: What is seen, in a few sentences.
    description = ""

    @property
    def svg(self) -> str:
        """The whole film: an SVG that loads nothing and runs no script."""
        return self._text

    def _repr_html_(self) -> str:
        """Show the film as an image, in which its style and its ids are its own."""
        data = b64encode(self.svg.encode()).decode()
        alt = escape(self.description)
        return f'<img alt="{alt}" src="data:image/svg+xml;base64,{data}" style="max-width: 100%">'


def film(
    root: Value,
    path: str | os.PathLike[str] | None = None,
    *,
    seconds: float | None = None,
    names: Names = True,
) -> Film:
    """Make a film of the forward and the backward pass of ``root``: an SVG that plays by itself.

    The leaves have their numbers; then each result gets its own, in the order of computation. From
    ∂root/∂root = 1 the gradients flow back: in the turn of each node, along each edge to an operand
    goes the gradient times the local derivative, which then stands on the edge. A line below says
    the same in symbols and numbers. The film pauses at its end and starts again.

    It is animated by CSS alone, so a README or a slide shows it as an image. It is light or dark as
    its reader's system is, and stands still at its end for readers who ask for less motion.

    The film starts from the data of the nodes; no ``.grad`` is read or changed. A graph of more
    than 60 nodes is folded as by `draw_dot`, and the film says so: then a box shows the least and
    the largest of its numbers.

    Args:
        root: the result.
        path: the SVG file to write, if any.
        seconds: how long the two passes take; by default as long as it takes to follow them, and
            at most 40.
        names: whether a node without a label is called by the variable that holds it here; or the
            variables by hand, as ``names=locals()``.

    Returns:
        the film: ``.svg`` is its text, ``.save(path)`` writes it, and a notebook shows it.

    Raises:
        OperandError: ``root`` is no Value.
        ChoiceError: ``path`` is named as something else than an SVG file.
        SizeError: ``seconds`` is no positive number.

    >>> x = Value(0.5)
    >>> y = x.tanh()
    >>> film(y)
    <film of y, 4 scenes in 8 s; not saved yet: use .save(path)>
    """
    order = nodes_with_numbers(root, "film")
    Film.check_path(path)
    if seconds is not None and not _is_length(seconds):
        raise SizeError(f"seconds is a positive number, got {seconds!r:.60}")
    called = named(order, names)
    story = plot_of(order, called, seconds)
    svg = draw(story, f"Backpropagation through {called[root]}")
    title = f"film of {called[root]}, {len(story.scenes):,} scenes in {story.length:.0f} s"
    made = Film(svg, title, path)
    made.description = story.description
    return made


def _is_length(seconds: object) -> bool:
    return (
        isinstance(seconds, int | float)
        and not isinstance(seconds, bool)
        and 0 < seconds < math.inf
    )
