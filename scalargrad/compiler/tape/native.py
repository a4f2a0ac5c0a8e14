"""The tape as machine code: the interpreter's source, compiled by numba once per machine.

numba keeps what it has compiled beside the source. So the interpreter, which depends on the table
of primitives alone and on no graph, is written into a file from where every later process loads it
ready-made: where numba keeps its own (``NUMBA_CACHE_DIR``), or in the user's cache folder. The name
of the file has a hash of its text, so that a new version compiles anew.

numba itself compiles the drivers alone, and finds in them what ``lower.py`` made of the rest.
"""

from __future__ import annotations

import ast
import hashlib
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import TextError
from ...ops import PRIMITIVES, Primitive
from ...texts import names_in, parse
from ..passes.walk import ROWS
from .assembly import Slots, Tape
from .interpreter import BACKWARD, FORWARD, TANGENT, dispatcher

__all__ = ["blocks", "code_of", "is_installed", "one", "tangents"]

_HEADER = '''\
"""The interpreter of tapes on {what}, written by scalargrad from its table of primitives."""

import math
from math import *

import numpy as np
from numba import njit
from {package}.lower import lowered  # {version}
from {package}.marks import inlined, inlined_sum

u0, u1, u2, u3, u4, u5, u6, u7, u8 = map(np.uint64, range(9))
options = {{"nogil": True, "error_model": "numpy"}}
machine = njit(**options, cache=True)
part = njit(**options, forceinline=True)
'''

_COMPILING = (
    "scalargrad: numba compiles the interpreter of tapes, once for a machine: a few seconds"
)


@cache
def is_installed() -> bool:
    """Say whether numba is, without importing it."""
    return find_spec("numba") is not None


def code_of(tape: Tape) -> Slots:
    """Lay out a tape for the machine code: some counts, the runs, the places, the outputs."""
    counts = [
        *(len(tape.runs), len(tape.places), len(tape.factors), tape.size),
        *(len(tape.constants), tape.inputs, tape.parameters, len(tape.outputs)),
    ]
    parts = [counts, tape.runs.ravel(), tape.places, tape.outputs]
    return np.concatenate([np.asarray(part, np.uint32) for part in parts])


@cache
def one() -> Callable[..., float]:
    """Return the function that runs a tape on one sample (``driver.py`` has it)."""
    return _function("one", [FORWARD, BACKWARD], lanes=False)


@cache
def blocks() -> Callable[..., None]:
    """Return the function that runs a tape on blocks of samples."""
    return _function("blocks", [FORWARD, BACKWARD], lanes=True)


@cache
def tangents() -> Callable[..., None]:
    """Return the function that runs a tape forward with tangents, on blocks of samples."""
    return _function("tangents", [FORWARD, TANGENT], lanes=True)


# ── the generated modules ───────────────────────────────────────────────────────────────────────


def _function(driver: str, ways: Iterable[str], lanes: bool) -> Callable[..., Any]:
    """Load a function of the driver from a module of its own, which is written now if it is new."""
    text = _text(driver, ways, lanes)
    name = f"{driver}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    spec = spec_from_file_location(f"scalargrad_tape_{name}", _written(f"{name}.py", text))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    function: Callable[..., Any] = getattr(module, driver)
    return function


def _text(driver: str, ways: Iterable[str], lanes: bool) -> str:
    """Return the source of a module: the functions that it calls, the ways, and the driver."""
    known = _functions("functions") | (_functions("vector") if lanes else {})
    drivers = _functions("driver")
    version = hashlib.sha256(b"".join(map(_text_of, ("lower", "scope", "lanes")))).hexdigest()[:16]
    header = _HEADER.format(what=driver, package=__package__, version=version)
    texts = [header, *known.values(), *_rows_called({*known, *vars(math)})]
    texts += [f"@lowered\n{dispatcher(way, lanes)}" for way in ways]
    return "\n\n".join([*texts, drivers["outputs_of"], drivers[driver], ""])


def _text_of(file: str) -> bytes:
    """Return the text of a file beside this one."""
    return Path(__file__).with_name(f"{file}.py").read_bytes()


def _functions(file: str) -> dict[str, str]:
    """Return the functions of a file beside this one, as text, by their names."""
    text = _text_of(file).decode()
    lines = text.splitlines()
    return {
        node.name: "\n".join(lines[node.decorator_list[0].lineno - 1 : node.end_lineno])
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }


def _rows_called(known: set[str]) -> list[str]:
    """Return the rows of the table that other rows call, as functions.

    Raises:
        TextError: a text calls what is neither a row nor a known function.
    """
    found: dict[str, str] = {}
    rows: list[Primitive] = list(ROWS)
    for row in rows:
        names = set().union(*(names_in(parse(text)) for text in (row.value, *row.pushes)))
        for name in sorted(names - {*row.letters, "z", "g", "abs", *known, *found}):
            if name not in PRIMITIVES:
                raise TextError(
                    f"the row {row.name} calls {name}, which is neither a function of math nor of "
                    "the tape's machine code, and no other row"
                )
            other = PRIMITIVES[name]
            found[name] = f"@inlined\ndef {name}({other.operands}):\n    return {other.value}"
            rows.append(other)
    return [*found.values()]


# ── where they are kept ─────────────────────────────────────────────────────────────────────────


def _written(name: str, text: str) -> Path:
    """Write a file into the first folder where that is possible, unless it is there already."""
    for folder in _folders():
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):  # numba could not keep anything beside it
                continue
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                with tempfile.NamedTemporaryFile(
                    "w", encoding="utf-8", dir=folder, delete=False
                ) as file:
                    file.write(text)
                os.replace(file.name, path)
                print(_COMPILING, file=sys.stderr)
        except OSError:
            continue
        return path
    raise AssertionError("a temporary folder can be written")


def _folders() -> Iterator[Path]:
    """Yield where to keep files: where numba does, in the user's cache, for this process alone."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(given) / "scalargrad"
    yield _users_cache() / "scalargrad"
    yield Path(tempfile.mkdtemp(prefix="scalargrad-"))


def _users_cache() -> Path:
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
