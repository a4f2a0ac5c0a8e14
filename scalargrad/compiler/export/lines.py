"""Lines: the statements of a program as the lines of a function, in any of the languages.

Forward, ``v`` holds the results; backward, ``dv`` and ``dp`` hold the gradients of results and
parameters, and everything is done in the opposite order::

    v[0] = tanh(x[0])                       dv[0] += dv[1] * (1 - v[0] * v[0])

A language says how expressions are written, and how loops begin and end.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

from ...notations import Written
from ...texts import parse
from .folding import Loop
from .language import Language
from .statements import Bound, Call, Number, Operand, Place, ProductTerm, SmoothMax, Statements, Sum

__all__ = ["Lines"]

#: Sums that are longer are written term by term.
_LONG = 88

#: Names of loop variables, from outside in.
_VARIABLES = "ijklmnoqrstu"


class _Index(NamedTuple):
    """A place that moves with the variables of loops."""

    base: int
    moves: tuple[tuple[int, str], ...] = ()  # steps and variables

    def __str__(self) -> str:
        parts = [var if abs(by) == 1 else f"{abs(by)} * {var}" for by, var in self.moves]
        ups = [part for part, (by, _) in zip(parts, self.moves, strict=True) if by > 0]
        downs = [f" - {part}" for part, (by, _) in zip(parts, self.moves, strict=True) if by < 0]
        if self.base or not ups:
            ups.append(str(self.base))
        return " + ".join(ups) + "".join(downs)

    def moved(self, by: int, variable: str) -> _Index:
        return _Index(self.base, (*self.moves, (by, variable))) if by else self


At = Iterator[_Index]


class Lines:
    """The body of a function that is being written.

    Args:
        language: to write in.
        statements: what the program does.
    """

    def __init__(self, language: Language, statements: Statements) -> None:
        self.language, self.statements = language, statements
        self.lines: list[str] = []
        self.locals: set[str] = set()
        self.called: set[str] = set()
        self._depth = 0
        self._loops: list[int] = []  # how often each of the loops runs that are open

    # ── ways ──

    def forward(self) -> None:
        """Write how all results are computed."""
        for shape, starts in self.statements.elements:
            self._forward(shape, map(_Index, starts))

    def backward(self, seeds: Iterable[str]) -> None:
        """Write how gradients go from the outputs, which get the seeds, to the parameters."""
        for output, seed in zip(self.statements.outputs, seeds, strict=True):
            if target := self._gradient(output.operand, map(_Index, output.starts)):
                self._line(f"{target} += {seed}")
        for shape, starts in reversed(self.statements.elements):
            self._backward(shape, [*map(_Index, starts)])

    def output(self, output: Bound) -> str:
        """Return the expression for an output."""
        return self._operand(output.operand, map(_Index, output.starts)).text

    def _forward(self, shape: Hashable, at: At) -> None:
        match shape:
            case Loop():
                with self._loop(shape, at) as inner:
                    for part in shape.body:
                        self._forward(part, inner)
            case Call():
                result = next(at)
                expression = self._text(shape.row.value, self._operands(shape, at))
                self._line(f"v[{result}] = {expression}", result)
            case Sum():
                self._sum(shape, at)
            case SmoothMax():
                self._smooth_max(shape, at)

    def _backward(self, shape: Any, at: Sequence[_Index]) -> None:
        if isinstance(shape, Loop):
            with self._loop(shape, iter(at), backward=True) as moved:
                parts = [(part, [*islice(moved, _width(part))]) for part in shape.body]
                for part, inner in reversed(parts):
                    self._backward(part, inner)
        elif not shape.learned:
            return
        elif isinstance(shape, Call):
            self._pushes(shape, at)
        else:
            result, *places = at
            if isinstance(shape, Sum):
                self._set("g", f"dv[{result}]", result)
                for term in shape.terms:
                    places = self._term_backward(term, places)
            else:
                self._smooth_max_backward(shape, result, places)

    # ── rows of the table ──

    def _operands(self, call: Call, at: At) -> dict[str, Written]:
        """Return what stands for each letter of a row."""
        operands = [self._operand(operand, at) for operand in call.operands]
        return dict(zip(call.row.letters, operands, strict=True))

    def _pushes(self, call: Call, at: Sequence[_Index]) -> None:
        result, *places = at
        letters = self._operands(call, iter(places))
        letters |= {"z": Written(f"v[{result}]"), "g": Written(f"dv[{result}]")}
        where = iter(places)
        for operand, push in zip(call.operands, call.row.pushes, strict=True):
            target = self._gradient(operand, where)
            if target and push != "0.0":
                sign, push = ("-", "g") if push == "-g" else ("+", push)
                self._line(f"{target} {sign}= {self._text(push, letters)}", result)

    def _text(self, text: str, letters: dict[str, Written]) -> str:
        notation = self.language.notation(letters)
        written = notation.read(parse(text)).text
        self.called |= notation.called
        return written

    # ── sums ──

    def _sum(self, sum_: Sum, at: At) -> None:
        result = next(at)
        if not any(isinstance(term, Loop) for term in sum_.terms):
            terms = [self._product(term, at) for term in sum_.terms]  # type: ignore[arg-type]
            text = self._joined(sum_.offset, terms)
            if len(text) + 4 * self._depth <= _LONG:
                self._line(f"v[{result}] = {text}", result)
                return
            self._set("z", self._number(sum_.offset).text, result)
            for sign, product in terms:
                self._line(f"z {sign}= {product.text}")
        else:
            self._set("z", self._number(sum_.offset).text, result)
            for term in sum_.terms:
                self._term_forward(term, at)
        self._line(f"v[{result}] = z")

    def _joined(self, offset: Number, terms: Sequence[tuple[str, Written]]) -> str:
        """Write a sum in one line."""
        text = self._number(offset).text if float(offset.text) or not terms else ""
        for sign, term in terms:
            text += f" {sign} {term.text}" if text else f"{'-' * (sign == '-')}{term.text}"
        return text

    def _term_forward(self, term: Hashable, at: At) -> None:
        if isinstance(term, Loop):
            with self._loop(term, at) as inner:
                for part in term.body:
                    self._term_forward(part, inner)
        else:
            sign, text = self._product(term, at)  # type: ignore[arg-type]
            self._line(f"z {sign}= {text.text}")

    def _product(self, term: ProductTerm, at: At) -> tuple[str, Written]:
        """Write a term, and say whether it is added or subtracted."""
        left, right = (self._operand(operand, at) for operand in (term.left, term.right))
        sign = "+"
        if isinstance(term.left, Number):
            sign = "-" if left.text.startswith("-") else "+"
            left = Written(left.text.lstrip("-"))
            if float(term.left.text) in (1.0, -1.0):
                return sign, right
        return sign, self.language.notation({}).infix("*", left, right)

    def _term_backward(self, term: Hashable, places: Sequence[_Index]) -> list[_Index]:
        """Write what the operands of a term receive, and return the places after it."""
        here, after = places[: _width(term)], places[_width(term) :]
        if isinstance(term, Loop):
            with self._loop(term, iter(here)) as moved:
                inner = [*moved]
                for part in term.body:
                    inner = self._term_backward(part, inner)
        else:
            assert isinstance(term, ProductTerm)
            at, others = iter(here), iter(here)
            left, right = (self._operand(operand, at) for operand in (term.left, term.right))
            for operand, other in ((term.left, right), (term.right, left)):
                if target := self._gradient(operand, others):
                    sign = "-" if other.text.startswith("-") else "+"
                    by = Written(other.text.lstrip("-"))
                    is_one = isinstance(term.left, Number) and abs(float(term.left.text)) == 1.0
                    text = "g" if is_one else f"g * {by.text}"
                    self._line(f"{target} {sign}= {text}")
        return [*after]

    # ── log-sum-exps ──

    def _smooth_max(self, shape: SmoothMax, at: At) -> None:
        result, *places = islice(at, _width(shape))
        self._set("top", self._number(Number("-inf")).text, result)
        self._each_term(shape, places, "top = larger(top, {})")
        self._set("z", self._number(Number("0.0")).text)
        self._each_term(shape, places, "z += share({}, top)")
        self._line(f"v[{result}] = top + {self._text('log(x)', {'x': Written('z')})}")
        self.called |= {"larger", "share"}

    def _smooth_max_backward(
        self, shape: SmoothMax, result: _Index, places: Sequence[_Index]
    ) -> None:
        # The sum of all shares: 1, but for the rounding of the result, which may be large.
        self._set("h", self._number(Number("0.0")).text, result)
        self._each_term(shape, places, f"h += share({{}}, v[{result}])")
        self._line(f"h = whole(h, v[{result}])")
        self._each_term(shape, places, f"{{d}} += dv[{result}] * share({{}}, v[{result}]) / h")
        self.called |= {"share", "whole"}

    def _each_term(self, shape: SmoothMax, places: Sequence[_Index], line: str) -> None:
        at = iter(places)
        for term in shape.terms:
            self._one_term(term, at, line)

    def _one_term(self, term: Any, at: At, line: str) -> None:
        if isinstance(term, Loop):
            with self._loop(term, at) as inner:
                for part in term.body:
                    self._one_term(part, inner, line)
        else:
            where = [*islice(at, _width(term))]
            target = self._gradient(term, iter(where))
            if target or "{d}" not in line:
                operand = self._operand(term, iter(where)).text
                self._line(line.format(operand, d=target))

    # ── operands ──

    def _operand(self, operand: Operand, at: At) -> Written:
        if isinstance(operand, Number):
            return self._number(operand)
        return Written(f"{operand.among}[{next(at)}]")

    def _number(self, number: Number) -> Written:
        return self.language.notation({}).literal(float(number.text))

    def _gradient(self, operand: Operand, at: At) -> str:
        """Return where the gradient of an operand is summed up; nothing if nobody wants it."""
        if isinstance(operand, Number):
            return ""
        place = next(at)
        return f"d{operand.among}[{place}]" if operand.learned else ""

    # ── lines ──

    def _line(self, text: str, result: _Index | None = None) -> None:
        """Add a line; with the result that it is about, in a comment."""
        line = f"{self.language.tab * self._depth}{text}{self.language.end}"
        comment = "" if result is None else self._comment(result)
        self.lines.append(f"{line}  {comment}" if comment else line)

    def _set(self, name: str, text: str, result: _Index | None = None) -> None:
        self.locals.add(name)
        self._line(f"{name} = {text}", result)

    def _comment(self, result: _Index) -> str:
        """Name the scalar that is computed, or the first and the last of those in loops."""
        leaves = self.statements.inputs + self.statements.parameters
        last = result.base
        for by, variable in result.moves:
            last += by * (self._loops[_VARIABLES.index(variable)] - 1)
        ends = [self.statements.labels[leaves + place] for place in (result.base, last)]
        return self.language.comment(" ... ".join(dict.fromkeys(filter(None, ends))))

    @contextmanager
    def _loop(self, loop: Loop, at: At, backward: bool = False) -> Iterator[At]:
        variable = _VARIABLES[len(self._loops)]
        starts = [*islice(at, len(loop.steps))]
        moved = (start.moved(by, variable) for start, by in zip(starts, loop.steps, strict=True))
        indentation, before = self.language.tab * self._depth, len(self.lines)
        self._depth += 1
        self._loops.append(loop.count)
        yield moved
        self._loops.pop()
        self._depth -= 1
        if len(self.lines) == before:
            return  # nobody wants a gradient there
        head = self.language.loop(variable, loop.count, backward)
        self.lines.insert(before, f"{indentation}{head}")
        if self.language.close:
            self.lines.append(f"{indentation}{self.language.close}")


def _width(shape: Any) -> int:
    """Return how many starts a shape has."""
    match shape:
        case Loop():
            return len(shape.steps)
        case Call():
            return 1 + sum(map(_width, shape.operands))
        case Sum() | SmoothMax():
            return 1 + sum(map(_width, shape.terms))
        case ProductTerm():
            return _width(shape.left) + _width(shape.right)
    return int(isinstance(shape, Place))
