"""The stepper's page as text: its body, its style and its scripts, put together."""

from __future__ import annotations

from html import escape

from ..shared.page import assemble, fill, read
from .content import Content

__all__ = ["write"]

_SCRIPTS = ("graph.js", "formulas.js", "picture.js", "panel.js", "second.js", "controls.js")


def write(content: Content, name: str) -> str:
    """Return the page of a graph whose root has this name."""
    body = fill(
        read(__package__, "body.html"),
        title=escape(name), notice=escape(content.notice), svg=content.svg,
    )  # fmt: skip
    styles = [read(__package__, "page.css")]
    scripts = [read(__package__, script) for script in _SCRIPTS]
    return assemble(f"{name}, step by step", body, content.graph, styles, scripts)
