"""What people call their nodes: the variables that hold them, where somebody asks.

>>> from scalargrad import Value
>>> a, w = Value(2.0), [Value(3.0), Value(4.0)]
>>> [*held([a, *w]).values()]
['a', 'w[0]', 'w[1]']

Nothing is stored in a node. Who writes a graph down looks into the frame of the user's own code
that asked for it: its locals, then its globals, and what is in their lists, dicts and modules.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType
from typing import Any, TypeAlias, TypeVar

from .arguments import shown
from .debugging import users_frame
from .errors import OperandError

__all__ = ["DEEPEST", "MOST", "ROWS", "Names", "held"]

#: Whether to ask the frame of the caller; or the variables, by hand: ``names=locals()``.
Names: TypeAlias = "bool | Mapping[str, object]"

Node = TypeVar("Node")

#: So many entries of a container are looked at, so that data of any size cost milliseconds, ...
MOST = 10_000
#: ... so many containers in it, as rows of data are, ...
ROWS = 200
#: ... and so many levels of them: ``model.layers[0].neurons[0].w[0]`` is on the seventh.
DEEPEST = 8

_PLAIN = {int, float, bool, str, bytes, complex, type(None)}  # as most entries of most lists are
_HISTORY = {"In", "Out"}  # where IPython keeps what was typed and answered
_COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
_LONGEST_KEY = 20
_NOTHING = {"NOP", "NOT_TAKEN"}  # what Python puts between instructions to trace lines and branches


def held(
    nodes: Iterable[Node], names: Names = True, taken: Collection[str] = ()
) -> dict[Node, str]:
    """Name nodes by the variables that hold them in the frame of the user's own code that asks.

    Locals come before globals, a variable before an entry of a list, and then the shortest name
    before the first. The variable of a loop that is over, which still holds the last that it went
    through, comes after all other locals. Entries are written as Python has them: ``w[0]``,
    ``h["x"]``, and the attributes of modules and of objects of one's own classes ``model.w``. Names
    that start with an underscore, and IPython's ``In`` and ``Out``, do not count.

    Args:
        nodes: what to name.
        names: True for the frame's variables, a dict of them such as ``locals()``, or False.
        taken: names that are not to be used, since they mean something else.

    Raises:
        OperandError: ``names`` is neither.
    """
    if names is not False and not isinstance(names, (bool, Mapping)):
        raise OperandError(
            f"names is True, False or a dict of variables such as locals(), got {shown(names)}"
        )
    wanted = dict.fromkeys(nodes)
    found: dict[Node, str] = {}
    shadowed: set[str] = set()
    frame = users_frame() if wanted and names is not False else None
    if frame is None:
        return {}
    for space in [names] if isinstance(names, Mapping) else _scopes(frame):
        variables = dict(_variables(space, shadowed))
        left = {} if space is names else _left_behind(frame, variables)
        for some in ({name: variables[name] for name in variables if name not in left}, left):
            search = _Search(wanted.keys() - found.keys(), taken, frame.f_globals.get("__name__"))
            found |= search.through(some)
        shadowed |= {*space}
    return found


def _left_behind(frame: FrameType, variables: Mapping[str, object]) -> dict[str, object]:
    """Return the variables of loops in a frame's code that are over by now."""
    over = {
        name
        for start, end, names in _loops(frame.f_code)
        if not start <= frame.f_lasti < end
        for name in names
    }
    return {name: variables[name] for name in variables if name in over}


@lru_cache(64)  # of what is asked for in a loop
def _loops(code: CodeType) -> list[tuple[int, int, list[str]]]:
    """Return where each loop of some code starts and ends, and which variables it sets."""
    from dis import get_instructions  # which loads a while

    loops: list[tuple[int, int, list[str]]] = []
    targets = 0  # that are still to come
    for step in get_instructions(code):
        if step.opname == "FOR_ITER":
            loops.append((step.offset, step.argval, []))
            targets = 1
        elif targets and step.opname == "UNPACK_SEQUENCE":
            targets += step.argval - 1
        elif targets and step.opname.startswith("STORE_"):  # of two, where the names are a tuple
            names = step.argval if isinstance(step.argval, tuple) else (step.argval,)
            names = names if step.opname == "STORE_FAST_STORE_FAST" else names[:1]
            loops[-1][2].extend(map(str, names))
            targets -= len(names)
        elif step.opname not in _NOTHING:
            targets = 0
    return loops


def _scopes(frame: FrameType) -> Iterator[Mapping[str, object]]:
    """Yield the variables of a frame; of a comprehension, those around it, too."""
    around = frame.f_back
    yield frame.f_locals
    while frame.f_code.co_name in _COMPREHENSIONS and around:
        if frame.f_code.co_filename != around.f_code.co_filename:
            break
        frame, around = around, around.f_back
        yield frame.f_locals
    if frame.f_locals is not frame.f_globals:
        yield frame.f_globals


def _variables(
    space: Mapping[str, object], shadowed: Collection[str]
) -> Iterator[tuple[str, object]]:
    """Yield the variables that count: those of the machinery, as `.0` of a loop, are none."""
    for name, thing in [*space.items()]:
        if isinstance(name, str) and name[:1].isalpha() and name not in shadowed:
            yield name, thing


class _Search:
    """A walk through variables and what they hold, level by level, with an end."""

    def __init__(self, wanted: Collection[Any], taken: Collection[str], module: object) -> None:
        self.wanted, self.taken, self.module = {*wanted}, taken, module
        self.kinds = {*map(type, wanted)}
        self.seen: dict[int, object] = {}
        self.left = 5 * MOST  # entries of all containers

    def through(self, variables: Mapping[str, object]) -> dict[Any, str]:
        """Return the names of what is found: the shortest of the first level that has one."""
        found: dict[Any, str] = {}
        level: Iterable[tuple[str, Any]] = variables.items()
        for _ in range(DEEPEST):
            if not level or not self.wanted:
                break
            here, containers = self._sorted(level)
            found |= here
            self.wanted -= here.keys()
            level = [part for name, thing in containers for part in self._inside(name, thing)]
        return found

    def _sorted(
        self, level: Iterable[tuple[str, Any]]
    ) -> tuple[dict[Any, str], list[tuple[str, Any]]]:
        """Return the nodes among the things of a level, and those that may hold some."""
        nodes: dict[Any, str] = {}
        others: list[tuple[str, Any]] = []
        for name, thing in level:
            if type(thing) not in self.kinds:
                others.append((name, thing))
            elif thing in self.wanted and name not in self.taken:
                known = nodes.setdefault(thing, name)
                nodes[thing] = min(known, name, key=len)
        return nodes, others

    def _inside(self, name: str, thing: Any) -> Iterator[tuple[str, Any]]:
        """Yield what a container holds, with its name, but for mere numbers and other nodes."""
        kind = type(thing)
        if kind in _PLAIN or name in _HISTORY or id(thing) in self.seen:
            return
        self.seen[id(thing)] = thing
        write, entries = self._entries(kind, thing)
        rows = 0
        for key, entry in entries:
            kind = type(entry)
            if kind in self.kinds:
                if entry not in self.wanted:
                    continue
            elif kind in _PLAIN or (rows := rows + 1) > ROWS:
                continue
            if text := write(key):
                yield name + text, entry

    def _entries(
        self, kind: type, thing: Any
    ) -> tuple[Callable[[Any], str], Iterable[tuple[Any, object]]]:
        """Return the entries of a container, and how one of them is written."""
        if issubclass(kind, tuple) and (fields := getattr(kind, "_fields", None)):
            return _attribute, self._some(zip(fields, thing, strict=False), len(thing))
        if issubclass(kind, (list, tuple, deque)):
            return _item, self._some(enumerate(thing), len(thing), thing)
        if issubclass(kind, dict):
            return _item, self._some(thing.items(), len(thing), thing.values())
        if _is_object_array(kind, thing) and thing.ndim and thing.size <= MOST:
            return _item, self._some(enumerate(thing.tolist()), len(thing))
        if self._is_own(kind):
            state = _attributes(thing)
            return _attribute, self._some(state.items(), len(state))
        return _item, ()

    def _some(
        self, entries: Iterable[tuple[Any, object]], size: int, values: Iterable[object] = ()
    ) -> Iterable[tuple[Any, object]]:
        """Return as many entries as may be looked at; none where all of them are mere numbers."""
        most = min(size, self.left, MOST)
        self.left -= most
        kinds = {*map(type, islice(values, most))}
        return () if kinds and kinds <= _PLAIN else [*islice(entries, most)]

    def _is_own(self, kind: type) -> bool:
        """Tell whether a class is a module's, or written where the names are asked for."""
        nn = sys.modules.get(f"{__package__}.nn")
        return kind.__module__ == self.module or (nn is not None and issubclass(kind, nn.Module))


def _attribute(name: str) -> str:
    return "" if name.startswith("_") else f".{name}"


def _item(key: object) -> str:
    """Write a key in brackets; nothing if it would be no name any more.

    >>> _item(0), _item("x"), _item('a "b"'), _item((0, 1))
    ('[0]', '["x"]', '', '[(0, 1)]')
    """
    if type(key) is str:
        plain = key.isprintable() and not {'"', "\\"} & {*key} and len(key) <= _LONGEST_KEY
        return f'["{key}"]' if plain else ""
    text = repr(key) if type(key) in _PLAIN | {tuple} else ""
    return f"[{text}]" if 0 < len(text) <= _LONGEST_KEY else ""


def _is_object_array(kind: type, thing: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and issubclass(kind, numpy.ndarray) and bool(thing.dtype.hasobject)


def _attributes(thing: object) -> dict[str, object]:
    """Return the attributes of an object that are its own, by name; those of a class are not."""
    if isinstance(thing, type):
        return {}
    try:
        state = object.__getstate__(thing)
    except TypeError:  # it has slots that cannot be pickled
        return {}
    own, slots = state if isinstance(state, tuple) else (state, {})
    return {**slots, **(own if isinstance(own, dict) else {})}
