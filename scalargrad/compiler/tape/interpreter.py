"""The interpreter of tapes, generated from the table of primitives.

Each code of a tape has a few lines for each way through it: forward, backward, and forward with
tangents. Those of a row are its value and what its operands receive, as the table has them::

    for k in range(start, stop):                 for k in range(start, stop):
        i0 = places[at]                              i0 = places[at]
        x = v[i0]                                    z = v[k]
        v[k] = tanh(x)                               g = d[k]
        at += u1                                     d[i0] += g * (1 - z * z)
                                                     at += u1

where ``v`` are the numbers in the slots of the tape and ``d`` their derivatives. The same lines
run as Python, where these are lists, and as machine code; there is also a version for blocks of
samples, in which a slot has a lane for each sample, and what happens to a number happens in a loop
over the lanes.

They are written here in a notation for all of these: ``v(k)`` is what is in a slot, and a line that
starts with ``*`` happens in each lane. ``one:`` and ``lanes:`` stand before what is written for one
of the two alone. ``u1`` is 1 as an index.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from ...ops import Primitive
from ...texts import names_in, parse
from ..passes.walk import ROWS
from .assembly import PIECES, SMOOTH_MAX, SUM

__all__ = ["BACKWARD", "FORWARD", "SHORT", "TANGENT", "WAYS", "as_it_is", "bodies", "dispatcher"]

Lines = list[str]

#: The lines of each way, by the code of the run.
Bodies = dict[str, dict[int, Lines]]

#: How a text of a row is written into the lines.
Writer = Callable[[Primitive, str], str]

FORWARD, BACKWARD, TANGENT = "forward", "backward", "tangent"

#: What a way through a tape reads and writes.
WAYS = {FORWARD: "v", BACKWARD: "v, d", TANGENT: "v, d"}

#: Sums of so many terms at most have lines of their own, without loops over terms.
SHORT = 3


# ── rows of the table ───────────────────────────────────────────────────────────────────────────


def _row(row: Primitive, written: Writer) -> dict[str, Lines]:
    places = [f"i{n} = places[at + u{n}]" for n in range(len(row.pushes))]
    moving = [(n, push) for n, push in enumerate(row.pushes) if push != "0.0"]
    value = written(row, row.value)
    pushes = [(n, written(row, push)) for n, push in moving]
    moves = [(n, written(row, _if_it_moves(push))) for n, push in moving]

    def loop(texts: Iterable[tuple[int, str]], lines: Lines) -> Lines:
        names = set().union(*(names_in(parse(text)) for _, text in texts))
        loads = [f"* {x} = v(i{n})" for n, x in enumerate(row.letters) if x in names]
        loads += ["* z = v(k)"] * ("z" in names)
        lines = _near_and_far([*loads, *lines])
        return _each_operation([*places, *lines, f"at += u{len(places)}"])

    adds = [f"* d(i{n}) += {push}" for n, push in pushes]
    slopes = [
        line
        for number, (n, move) in enumerate(moves)
        for line in (f"* g = d(i{n})", f"* t = {'t + ' if number else ''}({move})")
    ]
    return {
        FORWARD: loop([(0, row.operands)], [f"* v(k) = {value}"]),
        BACKWARD: loop(pushes, ["* g = d(k)", *adds]) if adds else [],
        TANGENT: loop(moves, [*(slopes or ["* t = 0.0"]), "* d(k) = t"]),
    }


def _if_it_moves(push: str) -> str:
    """Write what an operand that moves by g adds; nothing if it does not, however it would."""
    return push if push in ("g", "-g") else f"0.0 if g == 0 else {push}"


def _near_and_far(lines: Lines) -> Lines:
    """Let math do what the functions for lanes cannot: angles of millions."""
    far = [re.sub(r"\b(sin|cos|tan)\(", r"math.\1(", line) for line in lines]
    if far == lines:
        return lines
    return [
        *(f"one: {line}" for line in lines),
        *("lanes: if far(v, i0, width):", *(f"lanes:     {line}" for line in far)),
        *("lanes: else:", *(f"lanes:     {line}" for line in lines)),
    ]


def _each_operation(lines: Iterable[str]) -> Lines:
    return ["for k in range(start, stop):", *_indented(lines)]


def _indented(lines: Iterable[str]) -> Lines:
    return [f"    {line}" for line in lines]


# ── sums ────────────────────────────────────────────────────────────────────────────────────────


def _short_sum(products: int, scaled: int) -> dict[str, Lines]:
    """Write a sum of a few terms: products of i and j, and scaled ones."""
    places: Lines = []
    values, slopes, adds = ["factors[w]"], [], []
    for n in range(products):
        places += [f"i{n} = places[at + u{2 * n}]", f"j{n} = places[at + u{2 * n + 1}]"]
        values.append(f"v(i{n}) * v(j{n})")
        slopes.append(f"moved(d(i{n}), v(j{n})) + moved(d(j{n}), v(i{n}))")
        adds += [f"* d(i{n}) += g * v(j{n})", f"* d(j{n}) += g * v(i{n})"]
    for n in range(scaled):
        places += [f"f{n} = factors[w + u{n + 1}]", f"m{n} = places[at + u{2 * products + n}]"]
        values.append(f"f{n} * v(m{n})")
        slopes.append(f"moved(d(m{n}), f{n})")
        adds.append(f"* d(m{n}) += g * f{n}")
    ways = {
        FORWARD: [f"* v(k) = {' + '.join(values)}"],
        BACKWARD: ["* g = d(k)", *adds],
        TANGENT: [f"* d(k) = {' + '.join(slopes)}"],
    }
    steps = [f"at += u{2 * products + scaled}", f"w += u{scaled + 1}"]
    return {way: _each_operation([*places, *lines, *steps]) for way, lines in ways.items()}


def _long_sum(start: str, product: Sequence[str], scaled: str, end: str = "") -> Lines:
    """Write a sum of any number of terms."""
    return _sum_of(
        ["i = places[at]", "j = places[at + u1]", *product, "at += u2"], start, scaled, end
    )


def _pieces(
    start: str, whole: Sequence[str], product: Sequence[str], scaled: str, end: str = ""
) -> Lines:
    """Write a sum of pieces: each as a whole or, where there are lanes, product by product."""
    piece = ["i = places[at]", "j = places[at + u1]", "n = places[at + u2]"]
    piece += [*(f"one: {line}" for line in whole), "lanes: for o in range(n):"]
    piece += [*(f"lanes:     {line}" for line in product), "at += u3"]
    return _sum_of(piece, start, scaled, end)


def _sum_of(product: Sequence[str], start: str, scaled: str, end: str) -> Lines:
    term = ["f = factors[w]", "i = places[at]", scaled, "w += u1", "at += u1"]
    return _each_operation([
        start, "w += u1",
        "for _ in range(p):", *_indented(product),
        "for _ in range(q):", *_indented(term),
        *([end] if end else []),
    ])  # fmt: skip


_MOVED_PIECE = "t() += moved(d(i + o), v(j + o)) + moved(d(j + o), v(i + o))"

# What is summed up is a number of its own, z() or t(), or else in its slot.
_SUM = {
    FORWARD: _long_sum(
        "* z() = factors[w]", ["* z() += v(i) * v(j)"], "* z() += f * v(i)", "one: v(k) = z()"
    ),
    BACKWARD: _long_sum(
        "one: g() = d(k)", ["* d(i) += g() * v(j)", "* d(j) += g() * v(i)"], "* d(i) += g() * f"
    ),
    TANGENT: _long_sum(
        "* t() = 0.0",
        ["* t() += moved(d(i), v(j)) + moved(d(j), v(i))"],
        "* t() += moved(d(i), f)",
        "one: d(k) = t()",
    ),
}
_PIECES = {
    FORWARD: _pieces(
        "* z() = factors[w]",
        ["z() += inner(v, i, v, j, n)"],
        ["* z() += v(i + o) * v(j + o)"],
        "* z() += f * v(i)",
        "one: v(k) = z()",
    ),
    BACKWARD: _pieces(
        "one: g() = d(k)",
        ["outer(d, i, v, j, n, g())", "outer(d, j, v, i, n, g())"],
        ["* d(i + o) += g() * v(j + o)", "* d(j + o) += g() * v(i + o)"],
        "* d(i) += g() * f",
    ),
    TANGENT: _pieces(
        "* t() = 0.0",
        ["for o in range(n):", f"    {_MOVED_PIECE}"],
        [f"* {_MOVED_PIECE}"],
        "* t() += moved(d(i), f)",
        "one: d(k) = t()",
    ),
}


def _sums() -> dict[str, Lines]:
    """Write sums: of a few terms each in its way, and of many."""
    written: dict[str, Lines] = {way: [] for way in WAYS}
    for products in range(SHORT + 1):
        for scaled in range(products == 0, SHORT + 1 - products):
            for way, lines in _short_sum(products, scaled).items():
                test = f"{'elif' if written[way] else 'if'} p == {products} and q == {scaled}:"
                written[way] += [test, *_indented(lines)]
    return {way: [*lines, "else:", *_indented(_SUM[way])] for way, lines in written.items()}


# ── log-sum-exps ────────────────────────────────────────────────────────────────────────────────


def _of_terms(line: str) -> Lines:
    return ["for n in range(at, at + q):", "    i = places[n]", f"    {line}"]


# The last slot, h, which belongs to no scalar, holds the largest term for a while, and on other
# ways the sum of all shares: 1 but for the rounding of the result, which may be large.
_SHARES = [
    "h = len(v) - 1",
    "* v(h) = 0.0", *_of_terms("* v(h) += share(v(i), v(k))"),
    "* v(h) = whole(v(h), v(k))",
]  # fmt: skip
_SMOOTH_MAX = {
    FORWARD: _each_operation([
        "h = len(v) - 1",
        "* v(h) = -inf", *_of_terms("* v(h) = larger(v(h), v(i))"),
        "* v(k) = 0.0", *_of_terms("* v(k) += share(v(i), v(h))"),
        "* v(k) = v(h) + log(v(k))",
        "at += q",
    ]),
    BACKWARD: _each_operation([
        *_SHARES, *_of_terms("* d(i) += d(k) * share(v(i), v(k)) / v(h)"), "at += q",
    ]),
    TANGENT: _each_operation([
        *_SHARES,
        "* t() = 0.0", *_of_terms("* t() += d(i) * share(v(i), v(k)) / v(h)"), "one: d(k) = t()",
        "at += q",
    ]),
}  # fmt: skip


# ── all of it ───────────────────────────────────────────────────────────────────────────────────

_LINE = re.compile(r"( *)(?:(one|lanes): )?( *)(?:(\*) )?(.*)")


def _written(lines: Iterable[str], lanes: bool) -> Lines:
    """Turn the notation into Python."""
    held = {"z": "v(k)", "g": "d(k)", "t": "d(k)"} if lanes else {"z": "z", "g": "g", "t": "t"}
    slot = r"\1[\2, s]" if lanes else r"\1[\2]"
    written: Lines = []
    in_loop = None  # the indentation of the loop over lanes that is being written
    for line in lines:
        before, which, after, each, text = _LINE.fullmatch(line).groups()  # type: ignore[union-attr]
        if which == ("one" if lanes else "lanes"):
            continue
        indentation = before + after
        text = re.sub(r"\b([zgt])\(\)", lambda found: held[found[1]], text)
        text = re.sub(r"\b([vd])\(([^)]*)\)", slot, text)
        if not (lanes and each):
            in_loop = None
        elif in_loop != indentation:
            in_loop = indentation
            written.append(f"{indentation}for s in range(width):")
        written.append(f"{indentation}{'    ' * (in_loop is not None)}{text}")
    return written


def as_it_is(_row: Primitive, text: str) -> str:
    """Write a text of the table where numbers are floats: it is Python."""
    return text


def bodies(lanes: bool, written: Writer = as_it_is) -> Bodies:
    """Return the lines that carry out a run, with or without lanes."""
    ways = {code: _row(row, written) for code, row in enumerate(ROWS)}
    ways |= {SUM: _sums(), PIECES: _PIECES, SMOOTH_MAX: _SMOOTH_MAX}
    return {
        way: {code: _written(lines[way], lanes) for code, lines in ways.items() if lines[way]}
        for way in WAYS
    }


def dispatcher(way: str, lanes: bool) -> str:
    """Return the source of a function of machine code that runs a whole tape in one way."""
    order = "range(tape[0] - 1, -1, -1)" if way == BACKWARD else "range(tape[0])"
    lines = [
        "places = tape[8 + 7 * tape[0]:]",
        f"for number in {order}:",
        "    run = 8 + 7 * number",
        "    code, start, stop = tape[run], u0 + tape[run + 1], u0 + tape[run + 2]",
        "    at, p, q = u0 + tape[run + 3], u0 + tape[run + 4], u0 + tape[run + 5]",
        "    w = u0 + tape[run + 6]",
    ]
    for number, (code, body) in enumerate(bodies(lanes)[way].items()):
        lines += [f"    {'elif' if number else 'if'} code == {code}:", *_indented(_indented(body))]
    parameters = f"tape, factors, {WAYS[way]}{', width' if lanes else ''}"
    return "\n".join([f"def {way}({parameters}):", *_indented(lines), ""])
