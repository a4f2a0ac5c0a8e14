"""The tape as straight-line Python: a line for what each operation computes, and for each adjoint.

Without numba this is what runs, on floats for one sample and on arrays for several, which have a
number for each::

    v7 = tanh(v3)
    v8 = v7 * v1 + v2
    d7 = g0 * v1
    d1 = g0 * v7
    d3 = d7 * (1 - v7 * v7)

The texts are those of the table of primitives. The adjoint of a slot begins with what it first
receives, and one that nothing is asked of is not computed. To write and read the lines takes a
while, so of a tape that is too long ``plain.py`` interprets the runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from operator import itemgetter
from typing import Any

from ...ops import Primitive
from ..passes.walk import ROWS
from .assembly import PIECES, SMOOTH_MAX, SUM, Tape

__all__ = ["LINES", "TERMS", "line_count", "straight"]

#: So many lines are written at most.
LINES = 200_000

#: A line adds up so many terms at most: Python reads longer ones by recursion.
TERMS = 50

#: From inputs, parameters and the cotangents of the outputs to outputs and the gradient, all lists.
ValueAndPullback = Callable[[list[Any], list[Any], list[Any]], tuple[list[Any], list[Any]]]


def line_count(tape: Tape) -> int:
    """Return about how many lines the straight code of a tape has."""
    return int(3 * (tape.runs[:, 2] - tape.runs[:, 1]).sum() + 2 * len(tape.places))


def straight(
    tape: Tape,
    names: dict[str, Any],
    written: Callable[[Primitive, str], str],
    leaves: int | None,
    rows: bool,
) -> ValueAndPullback:
    """Return the function that computes outputs, and the gradient if any is wanted.

    Args:
        tape: what to write down.
        names: what is called; ``written`` may add to it.
        written: writes a text of a row, in the letters of its operands, z and g.
        leaves: without a number there is no gradient; from this leaf on there is one, where the
            inputs come first and then the parameters.
        rows: whether numbers are arrays, which are let go as soon as they can be.
    """
    lines: Iterable[str] = _Writer(tape, written, leaves).lines()
    if rows:
        lines = _letting_go([*lines])
    source = "\n    ".join(["def step(x, p, g):", *lines])
    exec(source, names)
    step: ValueAndPullback = names["step"]
    return step


_NAME = re.compile(r"\b[vd]\d+\b")


class _Writer:
    """The state of the pass: which adjoints have begun, and how."""

    def __init__(
        self, tape: Tape, written: Callable[[Primitive, str], str], leaves: int | None
    ) -> None:
        self.tape, self.leaves = tape, leaves
        self.first = len(tape.constants) + (leaves or 0)  # whose adjoint is wanted
        self.places, self.factors = tape.places.tolist(), tape.factors.tolist()
        self.constants = [f"({number!r})" for number in tape.constants.tolist()]
        self.begun: set[int] = set()
        self.own: set[int] = set()  # those whose array is no other's
        self.templates = cache(lambda code: _templates(ROWS[code], written))

    def lines(self) -> Iterator[str]:
        tape, before = self.tape, len(self.constants)
        for name, count in (("x", tape.inputs), ("p", tape.parameters)):
            if count:
                yield f"{', '.join(f'v{before + i}' for i in range(count))}, = {name}"
            before += count
        runs = [*map(tuple, tape.runs.tolist())]
        for run in runs:
            for operation in self.operations(run):
                yield from self.forward(*operation)
        outputs = tape.outputs.tolist()
        yield f"z = [{', '.join(map(self.v, outputs))}]"
        if self.leaves is None:
            yield "return z, []"
            return
        for number, slot in enumerate(outputs):
            yield from self.add(slot, f"g[{number}]")
        for run in reversed(runs):
            for operation in self.operations(run):
                k = operation[1]
                if k in self.begun:
                    yield from self.backward(*operation)
        asked = range(self.first, before)
        yield f"return z, [{', '.join(f'd{k}' if k in self.begun else '0.0' for k in asked)}]"

    def operations(self, run: tuple[int, ...]) -> Iterator[tuple[int, int, list[int], Any]]:
        """Yield of each operation its code and slot, its operands, and its products and factors."""
        code, start, stop, at, products, scaled, w = run
        is_sum = code in (SUM, PIECES)
        for k in range(start, stop):
            if is_sum:
                terms: list[tuple[int, int]] = []
                for _ in range(products):
                    i, j, n = self.places[at], self.places[at + 1], 1
                    at += 2
                    if code == PIECES:
                        n, at = self.places[at], at + 1
                    terms += [(i + o, j + o) for o in range(n)]
                others = self.places[at : at + scaled]
                factors = self.factors[w : w + scaled + 1]
                at, w = at + scaled, w + scaled + 1
                yield code, k, others, (terms, factors)
            else:
                count = scaled if code == SMOOTH_MAX else len(ROWS[code].partials)
                yield code, k, self.places[at : at + count], None
                at += count

    def v(self, slot: int) -> str:
        """Return what stands for the number in a slot."""
        return self.constants[slot] if slot < len(self.constants) else f"v{slot}"

    def add(self, slot: int, text: str, sign: str = "+") -> Iterator[str]:
        """Add to an adjoint; not in place if it began as the array of another one."""
        if slot < self.first:
            return
        if slot in self.own:
            yield f"d{slot} {sign}= {text}"
        elif slot in self.begun:
            yield f"d{slot} = d{slot} {sign} {text}"
            self.own.add(slot)
        else:
            yield f"d{slot} = {text if sign == '+' else f'-{text}'}"
            if sign == "-" or not (text.isidentifier() or text.startswith("g[")):
                self.own.add(slot)
        self.begun.add(slot)

    # ── operations ──

    def forward(self, code: int, k: int, operands: list[int], sums: Any) -> Iterator[str]:
        if code == SMOOTH_MAX:
            yield f"v{k} = smooth_max([{', '.join(map(self.v, operands))}])"
        elif sums is None:
            value, _ = self.templates(code)
            yield f"v{k} = {value.format(**self.named(code, operands))}"
        else:
            yield from self.sum(k, operands, *sums)

    def sum(
        self, k: int, others: list[int], products: list[tuple[int, int]], factors: list[float]
    ) -> Iterator[str]:
        offset, *weights = factors
        terms = [f"+ {self.v(i)} * {self.v(j)}" for i, j in products]
        for i, weight in zip(others, weights, strict=True):
            sign, factor = _factor(weight)
            terms.append(f"{sign} {factor}{self.v(i)}")
        terms += [f"+ {offset!r}"] if offset or not terms else []
        terms.sort(key=itemgetter(0))  # what is added first, so that little is negated
        for start in range(0, len(terms), TERMS):
            text = " ".join(terms[start : start + TERMS])
            yield f"v{k} = v{k} {text}" if start else f"v{k} = {text.removeprefix('+ ')}"

    def backward(self, code: int, k: int, operands: list[int], sums: Any) -> Iterator[str]:
        if code == SMOOTH_MAX:
            yield f"s = [{', '.join(f'share({self.v(i)}, v{k})' for i in operands)}]"
            yield f"h = whole(sum(s), v{k})"
            for number, i in enumerate(operands):
                yield from self.add(i, f"d{k} * s[{number}] / h")
        elif sums is None:
            _, pushes = self.templates(code)
            names = self.named(code, operands) | {"z": f"v{k}", "g": f"d{k}"}
            for i, push in zip(operands, pushes, strict=True):
                if push != "0.0":
                    yield from self.add(i, push.format(**names))
                elif i not in self.begun:  # what is infinite makes nan of zero, as everywhere
                    yield from self.add(i, "0.0 * g[0]")
        else:
            products, (_, *weights) = sums
            for i, j in products:
                yield from self.add(i, f"d{k} * {self.v(j)}")
                yield from self.add(j, f"d{k} * {self.v(i)}")
            for i, weight in zip(operands, weights, strict=True):
                sign, factor = _factor(weight)
                yield from self.add(i, f"{factor}d{k}", sign)

    def named(self, code: int, operands: Iterable[int]) -> dict[str, str]:
        return dict(zip(ROWS[code].letters, map(self.v, operands), strict=True))


def _letting_go(lines: list[str]) -> Iterator[str]:
    """Add to each line that the names which it is the last to need are let go."""
    seen: set[str] = set()
    last: list[list[str]] = []
    for line in reversed(lines):
        names = [*dict.fromkeys(_NAME.findall(line))]
        last.append([name for name in names if name not in seen])
        seen.update(names)
    for line, names in zip(lines[:-1], reversed(last[1:]), strict=True):
        yield f"{line}; del {', '.join(names)}" if names else line
    yield lines[-1]


def _factor(weight: float) -> tuple[str, str]:
    """Return the sign of a term, and how what it is scaled by is written."""
    if abs(weight) == 1.0:
        return ("+" if weight > 0 else "-"), ""
    return "+", f"{weight!r} * "


def _templates(row: Primitive, written: Callable[[Primitive, str], str]) -> tuple[str, list[str]]:
    """Return the texts of a row, to be filled with what stands for its operands, z and g."""
    letters = re.compile(rf"\b({'|'.join([*row.letters, 'z', 'g'])})\b(?!=)")
    value, *pushes = (letters.sub(r"{\1}", written(row, text)) for text in (row.value, *row.pushes))
    return value, [push if push in ("0.0", "{g}") else f"({push})" for push in pushes]
