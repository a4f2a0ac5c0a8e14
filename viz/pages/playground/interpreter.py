"""The tape's interpreter in JavaScript: lines for each code, made from the table of primitives.

A slot that is the same for all samples, such as a parameter, holds one number; any other holds a
lane for each sample of a block. ``off`` says where the numbers of a slot start and ``step`` how far
those of two samples are apart, 0 or 1, so that the lines need not know which it is::

    const a0 = places[at], i0 = off[a0], s0 = step[a0];
    for (let s = 0; s < n; s++) {
      const x = v[i0 + s * s0];
      v[o + s] = tanh(x);
    }

Sums and log-sum-exps, which are no rows, are written by hand in ``machine.js``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from scalargrad.compiler.passes.walk import ROWS
from scalargrad.ops import PRIMITIVES, Primitive
from scalargrad.texts import names_in, parse

from ..shared.javascript import translate

__all__ = ["interpreter"]


def interpreter(codes: Collection[int]) -> str:
    """Return the functions that carry out runs of some rows, as two objects by code.

    >>> print(interpreter([]))
    const forwards = {
    };
    const backwards = {
    };
    """
    rows = {code: ROWS[code] for code in sorted(codes) if code < len(ROWS)}
    forwards = [f"{code}: {_forward(row)}," for code, row in rows.items()]
    backwards = [f"{code}: {_backward(row)}," for code, row in rows.items() if _moves(row)]
    return "\n".join([
        *_values_of(rows.values()),
        "const forwards = {", *forwards, "};",
        "const backwards = {", *backwards, "};",
    ])  # fmt: skip


def _values_of(rows: Iterable[Primitive]) -> list[str]:
    """Write the values of the rows that the texts of some rows call by their names."""
    wanted, known = [*rows], dict[str, Primitive]()
    while wanted:
        row = wanted.pop()
        for text in (row.value, *row.pushes):
            for name in sorted(names_in(parse(text)) & PRIMITIVES.keys() - known.keys()):
                known[name] = PRIMITIVES[name]
                wanted.append(PRIMITIVES[name])
    if not known:
        return []
    entries = [
        f"{name}: {{ value: ({row.operands}) => {translate(row.value)} }},"
        for name, row in sorted(known.items())
    ]
    return ["const RULES = {", *entries, "};"]


def _moves(row: Primitive) -> bool:
    """Say whether a gradient passes a row: it does not pass a comparison."""
    return any(push != "0.0" for push in row.pushes)


def _forward(row: Primitive) -> str:
    return _loop(row, row.letters, [f"v[o + s] = {translate(row.value)};"])


def _backward(row: Primitive) -> str:
    pushes = [(n, push) for n, push in enumerate(row.pushes) if push != "0.0"]
    used = set().union(*(names_in(parse(push)) for _, push in pushes))
    adds = [f"d[i{n} + s * s{n}] += {translate(push)};" for n, push in pushes]
    results = ["const z = v[o + s];"] * ("z" in used)
    return _loop(row, used, [*results, "const g = d[o + s];", *adds])


def _loop(row: Primitive, used: Collection[str], lines: Iterable[str]) -> str:
    """Write a function that goes through the operations of a run, and their lanes."""
    count = len(row.letters)
    places = [
        f"const a{n} = places[at + {n}], i{n} = off[a{n}], s{n} = step[a{n}];" for n in range(count)
    ]
    loads = [f"const {x} = v[i{n} + s * s{n}];" for n, x in enumerate(row.letters) if x in used]
    return "\n".join([
        "(start, stop, at, n) => {",
        f"  for (let k = start; k < stop; k++, at += {count}) {{",
        *(f"    {line}" for line in places),
        "    const o = off[k];",
        "    for (let s = 0; s < n; s++) {",
        *(f"      {line}" for line in [*loads, *lines]),
        "    }", "  }", "}",
    ])  # fmt: skip
