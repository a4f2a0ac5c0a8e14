"""Where a node was made: the source lines behind a graph, remembered while debugging is on.

>>> with debug():
...     x = Value(-2.0, label="x")
...     y = x * 3
>>> source_line(y).text
'y = x * 3'

Each primitive is computed by functions made from its row of the table, in namespaces of their own.
To switch debugging on is to give new meanings to the names there that make a node and an error, and
to the two functions of the engine that make leaves. Off, all is what it was, and nothing in a node
or in the engine knows that there is such a thing.
"""

from __future__ import annotations

import linecache
import os
import sys
from types import FrameType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from . import engine
from .arguments import shown
from .engine import Value, leaf
from .errors import OperandError
from .ops import Primitive
from .rules import GENERATED, NAMESPACES, SUBSTITUTES, failure, show_sources

__all__ = ["FOREIGN_FILES", "Debugging", "SourceLine", "debug", "source_line", "users_frame"]


class SourceLine(NamedTuple):
    """A line of a program."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        file = self.file.removeprefix(os.getcwd() + os.sep)
        return f"{file}:{self.line}" + (f": {self.text}" if self.text else "")


def source_line(node: Value) -> SourceLine | None:
    """Return the line that made a node; None if debugging was off then.

    Raises:
        OperandError: it is no node.

    >>> source_line(Value(1.0)) is None
    True
    """
    if not isinstance(node, Value):
        raise OperandError(f"source_line tells where a Value was made, got {shown(node)}")
    return _lines.get(node)


def debug(on: bool = True) -> Debugging:
    """Switch on, or off, that each new node remembers the source line that made it.

    `source_line` then tells where a node comes from; so does ``viz.audit``, and so do the notes of
    the engine's errors about their operands. The switch stays until it is used again; in a with
    statement, until the statement ends. On, it costs some microseconds for each node; off, nothing.

    >>> with debug():
    ...     x = Value(-2.0, label="x")
    ...     try:
    ...         x.log()
    ...     except ValueError as error:
    ...         print(error, *error.__notes__, sep="\\n")    # doctest: +ELLIPSIS
    log needs x > 0, got -2.0 (node 'x')
    x = -2.0 was made in <doctest ...>:2: x = Value(-2.0, label="x")
    """
    return Debugging(on)


class Debugging:
    """What `debug` returns: as a context manager it ends with the state before it."""

    def __init__(self, on: bool) -> None:
        self.on, self._before = on, _is_on()
        _switch(on)

    def __enter__(self) -> None:
        _switch(self.on)

    def __exit__(self, *_: object) -> None:
        _switch(self._before)

    def __repr__(self) -> str:
        return f"debug({self.on})"


# ── the switch ──────────────────────────────────────────────────────────────────────────────────

show_sources()  # of what was made before there was a linecache

_lines: WeakKeyDictionary[Value, SourceLine] = WeakKeyDictionary()
_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def _is_on() -> bool:
    return Value.__init__ is _noting_init


def _switch(on: bool) -> None:
    if on == _is_on():
        return
    noting = {"new": _noting_new, "failure": _explained_failure} if on else {}
    SUBSTITUTES.clear()
    SUBSTITUTES.update(noting)
    for names in NAMESPACES:  # of all that was made before
        names.update(noting or {"new": names["Value"].__new__, "failure": failure})
    setattr(engine, "leaf", _noting_leaf if on else leaf)  # noqa: B010
    setattr(Value, "__init__", _noting_init if on else _init)  # noqa: B010


# ── what stands in their places while it is on ──────────────────────────────────────────────────

_init = Value.__init__


def _noting_init(self: Value, *args: Any, **kwargs: Any) -> None:
    _init(self, *args, **kwargs)
    _note(self)


def _noting_leaf(*args: Any) -> Value:
    return _note(leaf(*args))


def _noting_new(node_type: type[Value]) -> Value:
    return _note(Value.__new__(node_type))


def _explained_failure(error: Exception, row: Primitive, *operands: Value) -> Exception:
    explained = failure(error, row, *operands)
    for letter, operand in zip(row.letters, operands, strict=True):
        line = source_line(operand)
        if line:
            explained.add_note(f"{letter} = {operand.data} was made in {line}")
    return explained


def _note(node: Value) -> Value:
    frame = users_frame()
    if frame:
        file, line = frame.f_code.co_filename, frame.f_lineno
        text = linecache.getline(file, line, frame.f_globals).strip()
        _lines[node] = SourceLine(file, line, text)
    return node


#: What the names of files start with that hold no user's own code; `viz` adds its folder.
FOREIGN_FILES = [_PACKAGE, GENERATED]

#: What stands between a user's own code and ours: it calls functions, and shows results.
_FOREIGN_PACKAGES = {"IPython", "ipykernel", "numpy", "traitlets"} | sys.stdlib_module_names


def users_frame() -> FrameType | None:
    """Return the innermost frame of the user's own code: not ours, Python's, NumPy's or IPython's.

    What is shown at a prompt or in a notebook is asked for in the frame of the prompt.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame and _is_foreign(frame):
        frame = frame.f_back
    return frame


def _is_foreign(frame: FrameType) -> bool:
    # Ours by the file, since code that a user runs need not have a name.
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return package in _FOREIGN_PACKAGES or frame.f_code.co_filename.startswith((*FOREIGN_FILES,))
