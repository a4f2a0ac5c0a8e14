"""A Graphviz that somebody hands over, such as a page's own, where Python runs in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from scalargrad.errors import OperandError

from .embedded import PictureError

__all__ = ["is_handed_over", "render_handed_over", "use_graphviz"]

Renderer: TypeAlias = Callable[[str, str, str], "str | bytes"]

_given: list[Renderer] = []


def use_graphviz(render: Renderer | None) -> None:
    """Draw all pictures from now on by a function of one's own.

    It is how they are drawn in a browser's Python, where no program can be started and the page
    has a Graphviz in JavaScript. With the package ``@viz-js/viz``, in the page::

        const graphviz = await instance();
        pyodide.globals.set("draw", (dot, format, engine) =>
            graphviz.renderString(dot, { format, engine }));

    and then in Python ``viz.use_graphviz(draw)``. (With ``@hpcc-js/wasm-graphviz`` it is
    ``graphviz.layout(dot, format, engine)``.)

    Args:
        render: takes the DOT source, the format, such as "svg", and the engine, such as "dot", and
            returns the picture, as text or bytes; None: draw by the installed Graphviz again.

    Raises:
        OperandError: it cannot be called.

    >>> use_graphviz(lambda dot, format, engine: "<svg/>")
    >>> use_graphviz(None)
    """
    if render is not None and not callable(render):
        raise OperandError(
            "use_graphviz takes a function of the DOT source, a format and an engine, or None; "
            f"got {type(render).__name__}"
        )
    _given[:] = [] if render is None else [render]


def is_handed_over() -> bool:
    """Say whether pictures are drawn by a function that was handed over."""
    return bool(_given)


def render_handed_over(source: str, format: str, engine: str) -> bytes:
    """Draw DOT source by that function.

    Raises:
        PictureError: it failed, or returned no picture.
    """
    try:
        output = _given[0](source, format, engine)
    except Exception as error:
        raise PictureError(
            f"the Graphviz of use_graphviz cannot draw this picture in {format}: {error}"
        ) from error
    if isinstance(output, str):
        return output.encode()
    if isinstance(output, (bytes, bytearray, memoryview)):
        return bytes(output)
    raise PictureError(
        "the function of use_graphviz returns a picture as text or bytes, it returned "
        f"{type(output).__name__}"
    )
