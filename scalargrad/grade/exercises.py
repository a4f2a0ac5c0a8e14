"""The exercises: files with holes, and what to do at their top."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path

from scalargrad.errors import ChoiceError

__all__ = ["copy_out", "names"]


def _folders() -> Iterator[Path]:
    """Give where the exercises may be: in a checkout, or where an installation puts them."""
    yield Path(__file__).parents[2] / "examples" / "exercises"
    yield Path(sysconfig.get_path("data")) / "share" / "scalargrad" / "exercises"


def _files() -> dict[str, Path]:
    for folder in _folders():
        found = {path.stem: path for path in sorted(folder.glob("[!_]*.py"))}
        if found:
            return found
    return {}


def names() -> list[str]:
    """Return the names of the exercises.

    >>> "backward" in names()
    True
    """
    return [*_files()]


def copy_out(name: str, folder: str | Path = ".") -> Path:
    """Copy an exercise into a folder, and return where it is.

    Raises:
        ChoiceError: there is no such exercise, or a file of its name is there already.
    """
    files = _files()
    if name not in files:
        raise ChoiceError(f"there is no exercise {name!r}; there are: {', '.join(files) or 'none'}")
    target = Path(folder) / f"{name}.py"
    if target.exists():
        raise ChoiceError(f"{target} is there already: it may hold your work, so move it first")
    target.write_text(files[name].read_text(encoding="utf-8"), encoding="utf-8")
    return target
