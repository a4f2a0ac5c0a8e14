"""What a language says: how lines look, which functions it lacks, and what a file is."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...notations import Infix
from ...ops import PRIMITIVES
from ...texts import parse

__all__ = ["Braces", "Function", "Language", "Plan", "safe"]


@dataclass(frozen=True)
class Function:
    """The body of a function: its lines, and the local variables that they set."""

    lines: Sequence[str]
    locals: Sequence[str]

    def uses(self, array: str) -> bool:
        """Say whether a line reads or writes an array."""
        return any(re.search(rf"\b{array}\[", line) for line in self.lines)


@dataclass(frozen=True)
class Plan:
    """What a file consists of, in no language yet but for the lines."""

    name: str  # of the file, without its suffix
    about: Sequence[str]  # what it is
    inputs: int
    numbers: Sequence[float]  # the parameters
    labels: Sequence[str]  # and their names
    results: int
    outputs: Sequence[str]  # expressions
    single: bool  # whether the one output is a number and no list
    forward: Function
    backward: Function | None  # where no gradient is asked for there is none
    asked: Sequence[str]  # the numbers of the gradient
    helpers: Sequence[str]  # functions, as text

    def given(self, parameters: str = "p", *others: str) -> list[str]:
        """Return the arguments of a function: the inputs, others, and the parameters if any."""
        return [*["x"] * bool(self.inputs), *others, *[parameters] * bool(self.numbers)]

    @property
    def answer(self) -> str:
        """The value, as most languages write it."""
        return self.outputs[0] if self.single else f"[{', '.join(self.outputs)}]"

    @property
    def gradient(self) -> str:
        """The gradient, as most languages write it."""
        return f"[{', '.join(self.asked)}]" if self.by_inputs else "dp"

    @property
    def derivative(self) -> str:
        """The name of the function for it."""
        return "vjp" if self.seeds else "value_and_grad"

    @property
    def seeds(self) -> list[str]:
        """What that function is given beside: of several outputs, a number for each."""
        return ["cotangents"] if len(self.outputs) > 1 else []

    @property
    def by_inputs(self) -> bool:
        """Whether derivatives by inputs are among those asked for."""
        return any(name.startswith("dx") for name in self.asked)


class Language(ABC):
    """A language to export programs to."""

    notation: ClassVar[type[Infix]]
    #: Functions that the lines call beside those of the table's texts, by name.
    own: ClassVar[Mapping[str, str]]
    end = ";"  # of a line
    close = "}"  # of a loop
    remark = "//"
    tab = "    "

    @abstractmethod
    def loop(self, variable: str, count: int, backward: bool) -> str:
        """Write the head of a loop that counts up from 0, or down to 0."""

    @abstractmethod
    def row(self, name: str, letters: Sequence[str], value: str) -> str:
        """Write a row of the table as a function."""

    @abstractmethod
    def file(self, plan: Plan) -> str:
        """Write the file."""

    def comment(self, text: str) -> str:
        """Write a comment to the end of the line; of nothing, nothing."""
        return f"{self.remark} {safe(text)}" if text else ""

    def helpers(self, called: Iterable[str]) -> list[str]:
        """Return the functions that are called and that the language lacks, those needed first."""
        own = {**self.notation.own, **self.own}
        there = {*self.notation.functions.values()} - own.keys()
        found: dict[str, str] = {}
        seen: set[str] = set()

        def need(name: str) -> None:
            if name in seen or name in there:
                return
            seen.add(name)
            if name in own:
                text, others = own[name], {*re.findall(r"(?<![\w.])\w+(?=\()", own[name])}
                others &= own.keys()
            else:
                text, others = self._row(name)
            for other in sorted(others):
                need(other)
            found[name] = text

        for name in sorted(called):
            need(name)
        return [*found.values()]

    def _row(self, name: str) -> tuple[str, set[str]]:
        """Return a row of the table as a function, and the functions that it calls."""
        row, notation = PRIMITIVES[name], self.notation()
        return self.row(name, row.letters, notation.read(parse(row.value)).text), notation.called

    def numbers(self, plan: Plan, separator: str = ",") -> list[str]:
        """Write the parameters, some to a line, with the names of the first and the last."""
        written = [self.notation().literal(number).text for number in plan.numbers]
        width = 1 if len(written) <= 12 else 4
        lines = []
        for start in range(0, len(written), width):
            names = [name for name in plan.labels[start : start + width] if name]
            ends = " ... ".join(dict.fromkeys([*names[:1], *names[-1:]]))
            remark = self.comment(ends)
            numbers = ", ".join(written[start : start + width])
            lines.append(f"{self.tab}{numbers}{separator}{'  ' * bool(remark)}{remark}")
        return lines


class Braces(Language):
    """What languages with C's braces share."""

    local: ClassVar[str]  # what declares a number
    counter: ClassVar[str]  # and what declares the counter of a loop

    def loop(self, variable: str, count: int, backward: bool) -> str:
        if backward:
            return (
                f"for ({self.counter} {variable} = {count - 1}; {variable} >= 0; {variable}--) {{"
            )
        return f"for ({self.counter} {variable} = 0; {variable} < {count}; {variable}++) {{"

    def function(self, declared: str, parameters: Sequence[str], lines: Sequence[str]) -> str:
        """Write a function."""
        body = "\n".join(f"{self.tab}{line}" for line in lines)
        return f"{declared}({', '.join(parameters)}) {{\n{body}\n}}\n"

    def locals(self, function: Function) -> list[str]:
        """Declare the local variables that the lines of a function set."""
        return [f"{self.local} {', '.join(function.locals)};"] if function.locals else []


def safe(text: str, most: int = 60) -> str:
    """Return a text as it can stand in a comment of any language: in one line, and short.

    >>> safe("loss\\n*/ \\\\")
    'loss?*/ /'
    """
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    # C continues a line that ends in a backslash, which ??/ once meant, too.
    shown = re.sub(r"\?\?+", "?", shown.replace("\\", "/"))
    return shown if len(shown) <= most else f"{shown[:most]}..."
