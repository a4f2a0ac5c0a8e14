"""The stepper's page as text: its body, its style and its scripts, put together."""

from __future__ import annotations

from html import escape

from ..shared.page import assemble, fill, read
from .content import Content

__all__ = ["write"]

_SCRIPTS = ("graph.js", "formulas.js", "picture.js", "panel.js", "second.js", "controls.js")


def write(content: Content, name: str, title: str = "{}, step by step") -> str:
    """Return the page of a graph whose root has this name, which stands in the title."""
    heading = escape(title).format(f'<span id="root-name">{escape(name)}</span>')
    body = fill(
        read(__package__, "body.html"),
        heading=heading, notice=escape(content.notice), svg=content.svg,
    )  # fmt: skip
    styles = [read(__package__, "page.css")]
    scripts = [read(__package__, script) for script in _SCRIPTS]
    return assemble(title.format(name), body, content.graph, styles, scripts)
