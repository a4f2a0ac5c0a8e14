"""The playground's page as text: its body, its style and its scripts, put together."""

from __future__ import annotations

from html import escape
from typing import Any

from ..shared.page import assemble, fill, read

__all__ = ["write"]

_SCRIPTS = (
    "optimisers.js", "samples.js", "training.js", "network.js", "plane.js", "views.js", "curve.js",
    "cards.js", "editing.js", "controls.js",
)  # fmt: skip


def write(data: dict[str, Any], interpreter: str, title: str) -> str:
    """Return the page.

    Args:
        data: what the script finds.
        interpreter: the functions that carry out the tape's runs, as JavaScript.
        title: of the page; text, whatever it holds.
    """
    title = title.encode(errors="replace").decode()  # half of a pair of surrogates is no text
    body = fill(read(__package__, "body.html"), title=escape(title))
    machine = read(__package__, "machine.js").replace("/*ROWS*/", interpreter)
    scripts = [machine, *(read(__package__, name) for name in _SCRIPTS)]
    return assemble(title, body, data, [read(__package__, "page.css")], scripts)
