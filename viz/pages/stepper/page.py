"""Assembling a page: one file that may run its own script and nothing else."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files

from ..shared.javascript import rules
from .content import Content

__all__ = ["assemble"]

_SCRIPTS = ("arithmetic.js", "", "graph.js", "text.js", "picture.js", "panel.js", "controls.js")


def assemble(content: Content, title: str) -> str:
    """Return the page as text.

    A Content-Security-Policy names the script and the style by their hashes, so a browser runs
    nothing else, whatever is in a label, and loads nothing at all.
    """
    script = "\n".join(_read(name) if name else rules() for name in _SCRIPTS)
    style = _read("page.css")
    parts = {
        "title": escape(title),
        "policy": (
            f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        ),
        "style": style,
        "notice": escape(content.notice),
        "svg": content.svg,
        "graph": _json(content.graph),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _read("page.html"))


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _json(graph: Mapping[str, object]) -> str:
    """Write JSON that cannot end the element in which it stands."""
    text = json.dumps(graph, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", text)
