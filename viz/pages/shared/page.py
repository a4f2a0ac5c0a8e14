"""Assembling a page: one file that may run its own script and nothing else."""

from __future__ import annotations

import json
import math
import os
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path

from scalargrad.errors import ChoiceError

from .javascript import rules

__all__ = ["Page", "Saved", "assemble", "fill", "in_json", "read"]


class Saved:
    """A text to look at, in a file: save it, or let a notebook show it."""

    #: What it is, what it is written to, and how the names of such files end.
    kind: tuple[str, str, tuple[str, ...]]
    #: Where it was saved last, if it was.
    path: Path | None = None

    def __init__(self, text: str, title: str, path: str | os.PathLike[str] | None = None) -> None:
        self._text, self.title = text, title
        if path is not None:
            self.save(path)

    @classmethod
    def check_path(cls, path: str | os.PathLike[str] | None) -> None:
        """Check that a file is named as what it will be."""
        what, file, suffixes = cls.kind
        if path is not None and Path(path).suffix.lower() not in suffixes:
            raise ChoiceError(f"a {what} is written to an {file} file, got {os.fspath(path)!r}")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file, and return its full path.

        Raises:
            ChoiceError (a ValueError): the file is named as something else.
        """
        self.check_path(path)
        self.path = Path(path).resolve()
        self.path.write_text(self._text, encoding="utf-8", newline="\n")
        return self.path

    def __repr__(self) -> str:
        where = f"open {self.path}" if self.path else "not saved yet: use .save(path)"
        return f"<{self.title}; {where}>"


class Page(Saved):
    """A page in one file: save it, or let a notebook show it."""

    kind = "page", "HTML", (".html", ".htm", ".xhtml", "")
    #: What it may do in the frame of a notebook, in the words of HTML's ``sandbox``.
    allowed = "allow-scripts"

    @property
    def html(self) -> str:
        """The whole page, which loads nothing else."""
        return self._text

    def _repr_html_(self) -> str:
        """Show the page in a frame, where it can do what is allowed and nothing else."""
        return (
            f'<iframe title="{escape(self.title)}" sandbox="{self.allowed}" width="100%" '
            f'height="720" style="border: 0" srcdoc="{escape(self.html)}"></iframe>'
        )


def assemble(
    title: str, body: str, data: Mapping[str, object], styles: Sequence[str], scripts: Sequence[str]
) -> str:
    """Return a page as text.

    A Content-Security-Policy names the script and the style by their hashes, so a browser runs
    nothing else, whatever is in a label, and loads nothing at all.

    Args:
        title: of the window.
        body: what is in the page; `fill` makes it of a template.
        data: what the script finds, as JSON, in the element with the id ``data``.
        styles: what the page adds to the style that pages share.
        scripts: what it adds to Python's arithmetic, the table, and the helpers that pages share.
    """
    style = "\n".join([read(__package__, "base.css"), *styles])
    shared = [read(__package__, name) for name in ("arithmetic.js", "text.js", "wiring.js")]
    script = "\n".join([shared[0], rules(), *shared[1:], *scripts])
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return fill(
        read(__package__, "frame.html"),
        title=escape(title), policy=policy, style=style, body=body, data=_json(data), script=script,
    )  # fmt: skip


def fill(template: str, **parts: str) -> str:
    """Put parts in the places of a template that are named after them.

    The parts must be HTML already; places that a part itself may hold are text.

    >>> fill("<p>{{text}}</p>", text="{{text}}")
    '<p>{{text}}</p>'
    """
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def read(package: str, name: str) -> str:
    """Return the text of a file that lies in a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def in_json(x: float) -> float | str:
    """JSON has no infinity and no NaN; JavaScript's ``Number`` reads them from its words for them.

    >>> in_json(0.5), in_json(-math.inf)
    (0.5, '-Infinity')
    """
    x = float(x)  # of NumPy's numbers JSON knows only those that are floats of Python, too
    if math.isfinite(x):
        return x
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _json(data: Mapping[str, object]) -> str:
    """Write JSON that cannot end the element in which it stands."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", text)
