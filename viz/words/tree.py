"""A graph as text: a tree of operands with data and gradient, to print at a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from scalargrad.engine import Value, operands
from scalargrad.graph import use_counts

from .names import Names, Text, named, nodes_with_numbers, number, pad, shown, width

__all__ = ["tree"]

_BRANCH, _LAST_BRANCH = "├─ ", "└─ "
_BESIDE, _BELOW_LAST = "│  ", "   "  # under them, on the lines of a node's own operands
_WIDEST_INDENT = 12 * len(_BRANCH)  # then the tree goes on in a block at the margin


class _Place(NamedTuple):
    """Where a node is to stand."""

    node: Value
    depth: int = 0
    branch: str = ""  # before its name
    indent: str = ""  # before its operands' branches


class _Row(NamedTuple):
    """A line of the tree, column by column."""

    node: str
    op: str = ""
    data: str = ""
    grad: str = ""
    note: str = ""


def tree(
    root: Value, depth: int | None = None, size: int | None = 200, *, names: Names = True
) -> Text:
    """Return a graph as a tree of text: a node on each line, its operands below it.

    A node that is used more than once is written out at its first place, and only its name stands
    at the others. Where the branches go deeper than a page is wide, they go on further down, at the
    margin.

    Args:
        root: the result of the graph.
        depth: how many levels of operands to show; None shows them all.
        size: how many lines to write at most; None writes them all.
        names: whether a node without a label is called by the variable that holds it here; or the
            variables by hand, as ``names=locals()``.

    Raises:
        OperandError: ``root`` is no Value.

    >>> a = Value(2.0)
    >>> b = a + a
    >>> c = b * b
    >>> c.backward()
    >>> tree(c)
    node     op     data     grad
    c        *   16.0000   1.0000
    ├─ b     +    4.0000   8.0000  used 2 times
    │  ├─ a       2.0000  16.0000  used 2 times
    │  └─ a                        see above
    └─ b                           see above
    """
    order = nodes_with_numbers(root, "tree")
    called = named(order, names)
    rows = list(islice(_rows(root, called, use_counts(order, operands), depth), size))
    lines = _aligned([_Row("node", "op", "data", "grad"), *rows])
    left_out = len(order) - sum(row.data != "" for row in rows)
    if left_out:
        limit = f"{size=}" if len(rows) == size else f"{depth=}"
        lines.append(f"… {left_out:,} of {len(order):,} nodes left out ({limit})")
    return Text("\n".join(lines))


def _rows(
    root: Value, called: dict[Value, str], uses: dict[Value, int], depth: int | None
) -> Iterator[_Row]:
    written: set[Value] = set()
    promised = {root}
    blocks = [_Place(root)]
    for block in blocks:  # the list grows where branches get too deep for the page
        stack = [block]
        while stack:
            place = stack.pop()
            node, inputs = place.node, operands(place.node)
            name = place.branch + called[node]
            if node in written:
                yield _Row(name, note="see above")
            elif place is not block and node in promised:
                yield _Row(name, note="see below")
            elif inputs and len(place.indent) > _WIDEST_INDENT:
                promised.add(node)
                blocks.append(_Place(node, place.depth))
                yield _Row(name, note="see below")
            else:
                written.add(node)
                notes = [f"used {uses[node]:,} times"] if uses[node] > 1 else []
                if inputs and place.depth == depth:
                    notes.append("operands left out")
                else:
                    stack.extend(reversed(_below(place, inputs)))
                op = shown(node._op) if node._op else ""
                yield _Row(name, op, number(node.data), number(node.grad), ", ".join(notes))


def _below(place: _Place, inputs: tuple[Value, ...]) -> list[_Place]:
    """Return the places of a node's operands."""
    places = [
        _Place(node, place.depth + 1, place.indent + _BRANCH, place.indent + _BESIDE)
        for node in inputs[:-1]
    ]
    for node in inputs[-1:]:
        branch, indent = place.indent + _LAST_BRANCH, place.indent + _BELOW_LAST
        places.append(_Place(node, place.depth + 1, branch, indent))
    return places


def _aligned(rows: list[_Row]) -> list[str]:
    node, op, data, grad, _ = (max(map(width, column)) for column in zip(*rows, strict=True))
    return [
        f"{pad(row.node, node)}  {pad(row.op, op)}  {row.data:>{data}}  {row.grad:>{grad}}"
        f"  {row.note}".rstrip()
        for row in rows
    ]
