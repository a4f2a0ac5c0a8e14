"""How nodes and numbers are written: one name for a node in every room, one look for a number."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Sized
from functools import cache
from itertools import count
from typing import Any, TypeVar

from scalargrad.arguments import assigned_data, assigned_grad
from scalargrad.engine import Value, operands
from scalargrad.errors import OperandError
from scalargrad.graph import topological_sort
from scalargrad.variables import Names, held

__all__ = [
    "LONG", "Called", "Names", "Text", "about", "elided", "exact", "gap", "listed", "named",
    "nodes_of", "nodes_with_numbers", "number", "pad", "short", "shown", "slope", "spread",
    "symbol", "titled", "width",
]  # fmt: skip

Item = TypeVar("Item")

LONG = 7  # more items in a row than this are elided
_LONGEST_LABEL = 40
_PLAIN_NAME = re.compile(r"""[^\W\d]\w*(\.\w+|\[\w+\]|\["[\w .-]+"\])*(#\d+)?[′']*""")
_NUMBER = re.compile(r"-?(\d+(\.\d+)?(e[+-]\d+)?|inf|nan)")  # as the name of a constant


class Text(str):
    """A text that a prompt shows as it is, without quotes and escapes."""

    __slots__ = ()

    __repr__ = str.__str__


def nodes_of(root: Value, room: str) -> list[Value]:
    """Return the nodes that lead to ``root``, operands first.

    Raises:
        OperandError: ``root`` is no Value; ``room`` says who asked for one.
    """
    if not isinstance(root, Value):
        raise OperandError(f"{room} needs a Value, the result of a graph, got {_described(root)}")
    return topological_sort([root], operands)


def nodes_with_numbers(root: Value, room: str) -> list[Value]:
    """Return the nodes that lead to ``root``, whose numbers are to be shown.

    Raises:
        OperandError: ``root`` is no Value; or to a node's data or gradient something was assigned
            that is no number, such as None.
    """
    order = nodes_of(root, room)
    for node in order:
        assigned_data(node)
        assigned_grad(node)
    return order


def _described(thing: Any) -> str:
    """Say what somebody takes for the result of a graph, and where a result is."""
    if isinstance(thing, Sized) and isinstance(thing, Iterable):
        if any(isinstance(item, Value) for item in thing):
            size = f"{len(thing):,} Values" if len(thing) > 1 else "1 Value"
            return f"{type(thing).__name__} of {size}: give it one result, or their sum"
    elif hasattr(thing, "listing"):
        return f"{type(thing).__name__}: print it, or draw it by draw_dot"
    elif callable(thing):
        kind = type(thing).__name__
        return f"{kind} {getattr(thing, '__name__', '')}".strip() + ": give it one result, model(x)"
    return f"{thing!r:.60}"


# ── names ───────────────────────────────────────────────────────────────────────────────────────


def titled(order: Sequence[Value], names: Names = True) -> dict[Value, str]:
    """Return what their own people call nodes: their labels, or the variables that hold them."""
    own = {node: node.label for node in order if node.label}
    others = [node for node in order if not node.label and node.kind != "constant"]
    own |= held(others, names, taken={*own.values()})
    return {node: shown(title) for node, title in own.items()}


class Called(dict[Value, str]):
    """What the nodes of a graph are called: a name for each, and each means one node."""

    #: The nodes whose names their own people gave them, by a label or a variable.
    titled: Collection[Value] = ()


def named(order: Iterable[Value], names: Names = True) -> Called:
    """Name the nodes of a graph, listed operands first.

    A node is called by its label; without one, by the variable that holds it where somebody asks;
    and without that ``v1``, ``v2`` and so on. A label that several nodes share gets a number.
    Constants are named by their numbers.

    Args:
        order: the nodes.
        names: True, False or variables, as for `scalargrad.variables.held`.

    >>> a, twin, b = Value(2.0, label="a"), Value(3.0, label="a"), Value(4.0)
    >>> list(named(nodes_of(a * twin * b * 0.5, "named")).values())
    ['a#1', 'a#2', 'v1', 'b', 'v2', '0.5', 'v3']
    """
    order = list(order)
    titles = titled(order, names)
    shared = {title for title, uses in Counter(titles.values()).items() if uses > 1}
    taken = set(titles.values())
    fresh = _fresh_names("v", taken)
    numbered = {title: _fresh_names(f"{title}#", taken) for title in shared}
    called = Called()
    called.titled = titles.keys()
    for node in order:
        if node in titles:
            title = titles[node]
            called[node] = next(numbered[title]) if title in shared else title
        else:
            called[node] = short(node.data) if node.kind == "constant" else next(fresh)
    return called


def _fresh_names(prefix: str, taken: set[str]) -> Iterator[str]:
    return (name for i in count(1) if (name := f"{prefix}{i}") not in taken)


def shown(label: object) -> str:
    r"""Return a label as text of one line: short, and quoted where it would be hard to read.

    >>> print(shown("x1"), shown("two\nlines"), shown("1"))
    x1 'two\nlines' '1'
    """
    text = str(label)
    if len(text) > _LONGEST_LABEL:
        text = text[: _LONGEST_LABEL - 1] + "…"
    odd = not text.isprintable() or text != text.strip() or text[:1] in {"'", '"', ""}
    if odd or _NUMBER.fullmatch(text):
        text = repr(text)
    if not text.isascii() and any(
        unicodedata.bidirectional(letter) in {"R", "AL", "AN"} for letter in text
    ):
        # Isolated, text that runs from right to left cannot turn the rest of the line around.
        text = f"\u2068{text}\u2069"
    return text


def symbol(name: str) -> str:
    """Return a name as it stands in a formula: in quotes if it could be taken for more than a name.

    >>> symbol("w1"), symbol("layers[0].b"), symbol('h["x"]'), symbol("x1*w1")
    ('w1', 'layers[0].b', 'h["x"]', "'x1*w1'")
    """
    plain = _PLAIN_NAME.fullmatch(name) or _NUMBER.fullmatch(name)
    return name if plain or name[0] in "'\"" else repr(name)


def slope(above: str, below: str) -> str:
    """Write a derivative in the names of two nodes.

    >>> slope("L", "w1")
    '∂L/∂w1'
    """
    return f"∂{symbol(above)}/∂{symbol(below)}"


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────


def number(x: float) -> str:
    """Write a number for a column: four decimals, or four digits if it is large or small.

    >>> number(0.5), number(-1.5e-7)
    ('0.5000', '-1.500e-07')
    """
    return f"{x:.4f}" if x == 0 or 1e-3 <= abs(x) < 1e5 else f"{x:.3e}"


def spread(xs: Sequence[float]) -> str:
    """Write the smallest and the largest of some numbers; if one is NaN, just that.

    >>> spread([0.5, -2.0]), spread([1.0, 1.0])
    ('-2.0000 … 0.5000', '1.0000')
    """
    if any(map(math.isnan, xs)):
        return "nan"
    low, high = number(min(xs)), number(max(xs))
    return low if low == high else f"{low} … {high}"


def short(x: float) -> str:
    """Write a number for running text, with at most four digits.

    >>> short(2.0), short(6.8813735870195432)
    ('2', '6.881')
    """
    return f"{x:.4g}"


def exact(x: float) -> str:
    """Write a number with all its digits, and no more.

    >>> exact(2.0), exact(0.1)
    ('2', '0.1')
    """
    return repr(x).removesuffix(".0")


def about(n: int) -> str:
    """Write a count in full as long as it can be grasped.

    >>> about(65536), about(2**100), about(2**100_000)
    ('65,536', 'about 10^30', 'about 10^30103')
    """
    # log10 takes ints that are larger than any float
    return f"{n:,}" if n < 10**12 else f"about 10^{math.log10(n):.0f}"


# ── lists and columns ───────────────────────────────────────────────────────────────────────────


def elided(items: Sequence[Item], gap: Callable[[int], Item]) -> list[Item]:
    """Return items with a gap in place of the middle ones if there are more than `LONG`.

    >>> elided("abcdefgh", gap)
    ['a', 'b', 'c', '… 2 more …', 'f', 'g', 'h']
    """
    if len(items) <= LONG:
        return list(items)
    return [*items[:3], gap(len(items) - 6), *items[-3:]]


def gap(n: int) -> str:
    """Say in a row of texts that some are left out."""
    return f"… {n:,} more …"


def listed(items: Sequence[str], most: int = 5) -> str:
    """Return items as a list in a sentence.

    >>> listed(["a", "b", "c"]), listed("abcdefg")
    ('a, b, c', 'a, b, c, d, e and 2 more')
    """
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def pad(text: str, columns: int) -> str:
    """Fill text up with spaces to the columns that a terminal needs for it."""
    return text + " " * (columns - width(text))


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for 語, none for an accent.

    >>> width("ab"), width("語"), width("e\u0301")
    (2, 2, 1)
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


@cache
def _columns(letter: str) -> int:
    if unicodedata.category(letter) in {"Cf", "Me", "Mn"}:  # a direction mark, an accent
        return 0
    return 2 if unicodedata.east_asian_width(letter) in {"F", "W"} else 1
