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
        for element in self.statements.elements:
            for shape, at in self._opened(element.shape, [*map(_Index, element.starts)]):
                match shape:
                    case Call():
                        result, *places = at
                        expression = self._text(shape.row.value, self._operands(shape, places))
                        self._line(f"v[{result}] = {expression}", result)
                    case Sum():
                        self._sum(shape, at)
                    case SmoothMax():
                        self._smooth_max(shape, at)

    def backward(self, seeds: Iterable[str]) -> None:
        """Write how gradients go from the outputs, which get the seeds, to the parameters."""
        for output, seed in zip(self.statements.outputs, seeds, strict=True):
            if target := self._gradient(output.operand, map(_Index, output.starts)):
                self._line(f"{target} += {seed}")
        for element in reversed(self.statements.elements):
            places = [*map(_Index, element.starts)]
            for shape, at in self._opened(element.shape, places, backward=True):
                if not shape.learned:
                    continue
                match shape:
                    case Call():
                        self._pushes(shape, at)
                    case Sum():
                        self._sum_backward(shape, at)
                    case SmoothMax():
                        self._smooth_max_backward(shape, at)

    def output(self, output: Bound) -> str:
        """Return the expression for an output."""
        return self._operand(output.operand, map(_Index, output.starts)).text

    def _opened(
        self, shape: Any, at: Sequence[_Index], backward: bool = False
    ) -> Iterator[tuple[Any, Sequence[_Index]]]:
        """Yield what is within loops, with its places, while the loops around it are written."""
        if not isinstance(shape, Loop):
            yield shape, at
            return
        with self._loop(shape, at, backward) as moved:
            parts = [*_taken(shape.body, moved)]
            for part, places in reversed(parts) if backward else parts:
                yield from self._opened(part, places, backward)

    def _terms(
        self, terms: Iterable[Hashable], at: Sequence[_Index]
    ) -> Iterator[tuple[Any, Sequence[_Index]]]:
        """Yield the terms of a sum in the same way."""
        for term, places in _taken(terms, at):
            yield from self._opened(term, places)

    # ── rows of the table ──

    def _operands(self, call: Call, places: Iterable[_Index]) -> dict[str, Written]:
        """Return what stands for each letter of a row."""
        at = iter(places)
        operands = [self._operand(operand, at) for operand in call.operands]
        return dict(zip(call.row.letters, operands, strict=True))

    def _pushes(self, call: Call, at: Sequence[_Index]) -> None:
        result, *places = at
        letters = self._operands(call, places)
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

    def _sum(self, sum_: Sum, at: Sequence[_Index]) -> None:
        result, *places = at
        if not any(isinstance(term, Loop) for term in sum_.terms):
            terms = [self._product(*term) for term in self._terms(sum_.terms, places)]
            text = self._joined(sum_.offset, terms)
            if len(text) + 4 * self._depth <= _LONG:
                self._line(f"v[{result}] = {text}", result)
                return
        self._set("z", self._number(sum_.offset).text, result)
        for term in self._terms(sum_.terms, places):
            sign, product = self._product(*term)
            self._line(f"z {sign}= {product.text}")
        self._line(f"v[{result}] = z")

    def _joined(self, offset: Number, terms: Sequence[tuple[str, Written]]) -> str:
        """Write a sum in one line."""
        text = self._number(offset).text if float(offset.text) or not terms else ""
        for sign, term in terms:
            text += f" {sign} {term.text}" if text else f"{'-' * (sign == '-')}{term.text}"
        return text

    def _product(self, term: ProductTerm, places: Sequence[_Index]) -> tuple[str, Written]:
        """Write a term, and say whether it is added or subtracted."""
        at = iter(places)
        left, right = (self._operand(operand, at) for operand in (term.left, term.right))
        sign = "+"
        if isinstance(term.left, Number):
            sign = "-" if left.text.startswith("-") else "+"
            left = Written(left.text.lstrip("-"))
            if float(term.left.text) in (1.0, -1.0):
                return sign, right
        return sign, self.language.notation({}).infix("*", left, right)

    def _sum_backward(self, sum_: Sum, at: Sequence[_Index]) -> None:
        """Write what the operands of the terms receive."""
        result, *places = at
        self._set("g", f"dv[{result}]", result)
        for term, where in self._terms(sum_.terms, places):
            of, others = iter(where), iter(where)
            left, right = (self._operand(operand, of) for operand in (term.left, term.right))
            for operand, other in ((term.left, right), (term.right, left)):
                if target := self._gradient(operand, others):
                    sign = "-" if other.text.startswith("-") else "+"
                    by = Written(other.text.lstrip("-"))
                    is_one = isinstance(term.left, Number) and abs(float(term.left.text)) == 1.0
                    text = "g" if is_one else f"g * {by.text}"
                    self._line(f"{target} {sign}= {text}")

    # ── log-sum-exps ──

    def _smooth_max(self, shape: SmoothMax, at: Sequence[_Index]) -> None:
        result, *places = at
        self._set("top", self._number(Number("-inf")).text, result)
        self._each_term(shape, places, "top = larger(top, {})")
        self._set("z", self._number(Number("0.0")).text)
        self._each_term(shape, places, "z += share({}, top)")
        self._line(f"v[{result}] = top + {self._text('log(x)', {'x': Written('z')})}")
        self.called |= {"larger", "share"}

    def _smooth_max_backward(self, shape: SmoothMax, at: Sequence[_Index]) -> None:
        result, *places = at
        # The sum of all shares: 1, but for the rounding of the result, which may be large.
        self._set("h", self._number(Number("0.0")).text, result)
        self._each_term(shape, places, f"h += share({{}}, v[{result}])")
        self._line(f"h = whole(h, v[{result}])")
        self._each_term(shape, places, f"{{d}} += dv[{result}] * share({{}}, v[{result}]) / h")
        self.called |= {"share", "whole"}

    def _each_term(self, shape: SmoothMax, places: Sequence[_Index], line: str) -> None:
        for operand, where in self._terms(shape.terms, places):
            target = self._gradient(operand, iter(where))
            if target or "{d}" not in line:
                self._line(line.format(self._operand(operand, iter(where)).text, d=target))

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
    def _loop(self, loop: Loop, at: Sequence[_Index], backward: bool) -> Iterator[Sequence[_Index]]:
        """Write a loop around what is written meanwhile; yield the places, as they move in it."""
        variable = _VARIABLES[len(self._loops)]
        moved = [start.moved(by, variable) for start, by in zip(at, loop.steps, strict=True)]
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


def _taken(
    shapes: Iterable[Any], places: Iterable[_Index]
) -> Iterator[tuple[Any, Sequence[_Index]]]:
    """Give each shape its share of the places."""
    at = iter(places)
    for shape in shapes:
        yield shape, [*islice(at, _width(shape))]


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
