"""Rendering: DOT to SVG with pip alone, to PNG, PDF and more where Graphviz is installed.

The program ``dot`` is used where it is found, elsewhere the embedded one, for SVG and DOT; what
`use_graphviz` was given comes before both.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard
from xml.etree import ElementTree
from zlib import crc32

import graphviz

from scalargrad.errors import ChoiceError

from .embedded import PictureError, render_embedded
from .handed import is_handed_over, render_handed_over

__all__ = ["Picture", "PictureError"]

FileName: TypeAlias = "str | os.PathLike[str]"

_SOURCES = ("gv", "dot")  # what the files of a source end in
_SVG = "{http://www.w3.org/2000/svg}"
_IDENTIFIER = re.compile(r'( id="|="url\(#)([^")]+)')  # in a text, the quote would be &quot;


class Picture(graphviz.Digraph):  # type: ignore[misc]
    """A ``graphviz.Digraph`` that also renders where Graphviz is not installed.

    ``render("x.svg")`` writes it to a file, ``source`` is its DOT source, which ``save("x.gv")``
    writes, and a notebook shows it. A file that is named as a picture is one, whoever writes it.
    """

    #: The rows of text of each node, by its name: an SVG must show them.
    rows: Mapping[str, Sequence[str]] = {}

    def pipe(
        self,
        format: str | None = None,
        *,
        engine: str | None = None,
        encoding: str | None = None,
        **options: Any,
    ) -> Any:
        """Return the picture, as bytes or, given an encoding, as text.

        Args:
            format: "svg", "dot", or another format of Graphviz; default is that of the picture.
            engine: the program that makes the layout, by default ``dot``.
            encoding: of a text; pictures that are texts are in UTF-8.
            options: as in the package ``graphviz``.

        Raises:
            PictureError (a RuntimeError): the format needs Graphviz installed, or Graphviz failed.
        """
        format = format or self.format
        output = self._piped(format, engine, **options)
        if format == "svg" and "renderer" not in options:
            svg = output.decode()
            _check(ElementTree.fromstring(svg), self.rows)
            output = _with_own_identifiers(svg, self.source).encode()
        return output.decode(encoding) if encoding else output

    def layout(self) -> ElementTree.Element:
        """Return the SVG as a tree in which boxes and arrows have the ids that they were given.

        Raises:
            PictureError: as ``pipe()``.
        """
        tree = ElementTree.fromstring(self._piped("svg"))
        _check(tree, self.rows)
        return tree

    def _piped(self, format: str, engine: str | None = None, **options: Any) -> bytes:
        engine = engine or self.engine
        if is_handed_over():
            return render_handed_over(self.source, format, engine)
        if not shutil.which(engine):
            return render_embedded(self.source, format, engine)
        try:
            output: bytes = super().pipe(format, engine=engine, **options)
        except subprocess.CalledProcessError as error:
            raise PictureError(f"Graphviz cannot draw this picture: {error}") from error
        return output

    def render(
        self,
        filename: FileName | None = None,
        directory: FileName | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        quiet_view: bool = False,
        outfile: FileName | None = None,
        **options: Any,
    ) -> str:
        """Write the picture to a file, and return its path.

        Args:
            filename: of the picture, if it ends in a format, like x.svg. Otherwise of the DOT
                source, which is written as well; the picture's has the format added. Default:
                graph.gv.
            directory: where to write.
            view: whether to open the picture.
            cleanup: whether to remove the source.
            format: as in ``pipe()``.
            quiet_view: open the picture, but not what its viewer has to say.
            outfile: the picture's own path beside a source; its suffix also says the format.
            options: as in ``pipe()``.

        Raises:
            PictureError: as ``pipe()``; then nothing is written.
            ChoiceError (a ValueError): the name of the file says another format.
        """
        if outfile is None and _is_picture(filename):
            path = self._write(filename, directory, format, **options)
        else:
            path = self._write_with_source(filename, directory, cleanup, format, outfile, **options)
        if view or quiet_view:
            graphviz.view(path, quiet=quiet_view)
        return path

    def save(
        self,
        filename: FileName | None = None,
        directory: FileName | None = None,
        *,
        skip_existing: bool = False,
    ) -> str:
        """Write the DOT source to a file, or the picture if it is named as one, like x.svg.

        Args:
            filename, directory: as in ``render()``.
            skip_existing: leave a file alone that is there.

        Raises:
            PictureError: as ``pipe()``.
        """
        if not _is_picture(filename):
            path: str = super().save(filename, directory=directory, skip_existing=skip_existing)
            return path
        place = self._place(filename, directory)
        if skip_existing and place.exists():
            return os.fspath(place)
        return self._write(filename, directory)

    def _write(
        self,
        filename: FileName,
        directory: FileName | None,
        format: str | None = None,
        **options: Any,
    ) -> str:
        """Write the picture alone, in the format that its name says."""
        named = _suffix(filename)
        if format not in (None, named):
            raise ChoiceError(
                f"{os.fspath(filename)!r} names a picture in {named}, not in {format}"
            )
        output, place = self.pipe(named, **options), self._place(filename, directory)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(output)
        return os.fspath(place)

    def _write_with_source(
        self,
        filename: FileName | None,
        directory: FileName | None,
        cleanup: bool,
        format: str | None,
        outfile: FileName | None,
        **options: Any,
    ) -> str:
        """Write the source and the picture, as ``graphviz`` does."""
        if outfile is not None:
            format = format or _suffix(outfile)
            filename = filename or Path(outfile).with_suffix(".gv")
        format = format or self.format
        output = self.pipe(format, **options)
        source: str = super().save(filename, directory=directory)
        path = f"{source}.{format}" if outfile is None else os.fspath(outfile)
        Path(path).write_bytes(output)
        if cleanup:
            os.remove(source)
        return path

    def _place(self, filename: FileName, directory: FileName | None) -> Path:
        return Path(self.directory if directory is None else directory, filename)

    def __repr__(self) -> str:
        return (
            f'<{type(self).__name__} of a graph: .render("picture.svg") writes it to a file, '
            ".view() opens it, and a notebook shows it>"
        )

    def _repr_svg_(self) -> str:
        """Return the picture for notebooks, which scale one that is too wide for their column."""
        svg: str = self.pipe("svg", encoding="utf-8")
        return svg.replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)

    _repr_image_svg_xml = _repr_svg_  # by this name `graphviz` asks for it, in a bundle of formats


def _suffix(filename: FileName) -> str:
    return Path(filename).suffix[1:].lower()


def _is_picture(filename: FileName | None) -> TypeGuard[FileName]:
    """Whether a file is named as a picture: it ends in a format of Graphviz that is no source."""
    suffix = "" if filename is None else _suffix(filename)
    return suffix in graphviz.FORMATS and suffix not in _SOURCES


# ── the finished SVG ────────────────────────────────────────────────────────────────────────────


def _check(svg: ElementTree.Element, rows: Mapping[str, Sequence[str]]) -> None:
    """Raise an error if a row of text is missing: Graphviz drops what it cannot draw silently."""
    found = {}
    for group in svg.iter(f"{_SVG}g"):
        texts = [text.text or "" for text in group.findall(f"{_SVG}text")]
        found[group.findtext(f"{_SVG}title")] = [text.replace("\u00a0", " ") for text in texts]
    for name, expected in rows.items():
        if found.get(name) != [text.replace("\u00a0", " ") for text in expected]:
            raise PictureError(
                f"Graphviz did not draw the node {name} with {expected}, but with {found.get(name)}"
            )


def _with_own_identifiers(svg: str, source: str) -> str:
    """Name the elements of an SVG after its source, so that a page can hold several pictures."""
    prefix = f"picture{crc32(source.encode()):08x}"
    names: dict[str, str] = {}

    def renamed(found: re.Match[str]) -> str:
        return found[1] + names.setdefault(found[2], f"{prefix}-{len(names)}")

    return _IDENTIFIER.sub(renamed, svg)
