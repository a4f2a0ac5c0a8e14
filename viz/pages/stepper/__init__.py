"""A page to step through the forward and the backward pass of a graph, in any browser."""

from __future__ import annotations

import os
import warnings

from scalargrad.engine import Value

from ...words.names import Names, named, nodes_with_numbers
from ..shared.page import Page
from .content import LARGEST_DRAWN, content_of
from .page import write

__all__ = ["Stepper", "stepper"]

_LARGEST_CALM = 1000  # nodes; the page of a larger graph is large, and nobody steps to its end


class Stepper(Page):
    """A page to step through a graph: save it, or let a notebook show it."""


def stepper(
    root: Value, path: str | os.PathLike[str] | None = None, *, names: Names = True
) -> Stepper:
    """Make a page that steps through the forward and the backward pass of ``root``.

    There is one step for each node forward, one for the seed ∂root/∂root = 1, and one for each edge
    backward, in the order in which ``root.backward()`` takes them. Each backward step shows the
    chain rule in symbols and in numbers. Leaves can be changed in the page, by a number or a
    slider, and all is computed again; an operation of one's own is shown with the local derivatives
    that it has now, and what leads to it cannot be changed.

    Two leaves that are chosen together show their second derivative and the paths of the gradient's
    own graph that it is the sum of, where the graph has at most 100 nodes.
    Where `scalargrad.debug()` was on, the card of a node has the source line that made it.

    The page is one HTML file without anything to load. It starts from the data of the nodes; no
    ``.grad`` is read or changed. A graph of more than 500 nodes is folded in the picture, but all
    of its steps are there.

    Args:
        root: the result.
        path: the file to write, if any.
        names: whether a node without a label is called by the variable that holds it here; or the
            variables by hand, as ``names=locals()``.

    Returns:
        the page: ``.html`` is its text, ``.save(path)`` writes it, and a notebook shows it.

    Raises:
        OperandError: ``root`` is no Value.

    Warns:
        UserWarning: the graph has more than 1,000 nodes.

    >>> x = Value(0.5)
    >>> y = x.tanh()
    >>> stepper(y)
    <stepper of y, 4 steps; not saved yet: use .save(path)>
    """
    order = nodes_with_numbers(root, "stepper")
    if len(order) > _LARGEST_CALM:
        warnings.warn(
            f"the graph has {len(order):,} nodes: its page will be large and slow, and its picture "
            f"is folded from {LARGEST_DRAWN} nodes up; step through a smaller part of it",
            stacklevel=2,
        )
    called = named(order, names)
    found = content_of(order, called)
    title = f"stepper of {called[root]}, {found.steps:,} steps"
    return Stepper(write(found, called[root]), title, path)
