"""Notations: how sums, powers and calls are written, and where parentheses are needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from scalargrad.ops import PRIMITIVES

from .names import exact, symbol

__all__ = [
    "HANDWRITING", "LATEX", "PYTHON", "TIGHTNESS", "Handwriting", "Latex", "Notation", "Term",
    "environment",
]  # fmt: skip

# How tightly a term holds together: in a place that asks for more, it stands in parentheses.
_CHOICE, _OR, _AND, _COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _CALL, _ATOM = range(10)
TIGHTNESS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}


class Term(NamedTuple):
    """Part of a formula."""

    text: str
    tightness: int = _ATOM


class Notation:
    """Python's notation, with the parentheses that Python needs and no others."""

    symbols: ClassVar = {"+": " + ", "-": " - ", "*": " * ", "/": " / "}
    minus = "-"

    def name(self, name: str) -> Term:
        return Term(symbol(name))

    def number(self, x: float) -> Term:
        digits = exact(x)
        term = self.magnitude(digits.removeprefix("-"))
        return self.negative(term) if digits.startswith("-") else term

    def magnitude(self, digits: str) -> Term:
        return Term(digits)

    def negative(self, x: Term) -> Term:
        return Term(self.minus + self._within(x, _SIGN), _SIGN)

    def infix(self, op: str, x: Term, y: Term) -> Term:
        tightness = TIGHTNESS[op]
        left, right = self._within(x, tightness), self._right(y, tightness + 1)
        return Term(f"{left}{self.symbols[op]}{right}", tightness)

    def power(self, x: Term, y: Term) -> Term:
        return Term(f"{self._within(x, _CALL)} ** {self._within(y, _SIGN)}", _POWER)

    def call(self, name: str, inputs: Sequence[Term]) -> Term:
        return Term(f"{symbol(name)}({', '.join(x.text for x in inputs)})", _CALL)

    def function_of(self, name: str, inputs: Sequence[Term]) -> Term:
        """Write a function of the table, some of which have a notation of their own."""
        match name:
            case "neg":
                return self.negative(*inputs)
            case "add" | "sub" | "mul" | "div":
                return self.infix(PRIMITIVES[name].symbol, *inputs)
            case "pow" | "pow_number" | "power" | "ieee_pow":
                return self.power(*inputs)
            case "reciprocal":
                return self.infix("/", self.number(1.0), *inputs)
        return self.call(name, inputs)

    def _within(self, x: Term, tightness: int) -> str:
        return x.text if x.tightness >= tightness else self._parenthesized(x.text)

    def _right(self, x: Term, tightness: int) -> str:
        return self._within(x, tightness)

    def _parenthesized(self, text: str) -> str:
        return f"({text})"


class Handwriting(Notation):
    """The notation of a blackboard: x², 2 · x, and no sign right after another operator."""

    symbols: ClassVar = {"+": " + ", "-": " − ", "*": " · ", "/": " / "}
    comparisons: ClassVar = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "=", "!=": "≠"}
    constants: ClassVar = {"inf": "∞", "nan": "nan", "pi": "π"}
    words: ClassVar = {"or": (" or ", _OR), "and": (" and ", _AND)}
    minus = "−"

    def negative(self, x: Term) -> Term:
        return Term(self.minus + self._right(x, _PRODUCT), _PRODUCT)

    def power(self, x: Term, y: Term) -> Term:
        if y.text.isdecimal():
            exponent = y.text.translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
        else:
            exponent = "^" + self._within(y, _CALL)
        return Term(self._within(x, _ATOM) + exponent, _POWER)

    def call(self, name: str, inputs: Sequence[Term]) -> Term:
        if name == "sqrt":
            return Term("√" + self._within(inputs[0], _ATOM), _CALL)
        if name == "abs":
            return Term(f"|{inputs[0].text}|")
        return super().call(name, inputs)

    def function_of(self, name: str, inputs: Sequence[Term]) -> Term:
        match name:
            case "greater":
                return self.comparison(">", *inputs)
            case "where":
                condition, x, y = inputs
                if condition.tightness != _COMPARISON:
                    condition = self.comparison("!=", condition, self.number(0.0))
                return self.choice([(x, condition)], y)
        return super().function_of(name, inputs)

    def comparison(self, op: str, x: Term, y: Term) -> Term:
        return Term(f"{x.text} {self.comparisons[op]} {y.text}", _COMPARISON)

    def junction(self, word: str, terms: Iterable[Term]) -> Term:
        text, tightness = self.words[word]
        return Term(text.join(self._within(x, tightness) for x in terms), tightness)

    def choice(self, cases: Sequence[tuple[Term, Term]], otherwise: Term) -> Term:
        """Write what holds under the first condition that does."""
        texts = [f"{x.text} if {condition.text}" for x, condition in cases]
        return Term(" else ".join([*texts, otherwise.text]), _CHOICE)

    def _right(self, x: Term, tightness: int) -> str:
        signed = x.text.startswith(self.minus)
        return self._parenthesized(x.text) if signed else super()._right(x, tightness)


class Latex(Handwriting):
    r"""The notation of TeX, with what MathJax, KaTeX and LaTeX have in common."""

    symbols: ClassVar = {"+": " + ", "-": " - ", "*": r" \cdot "}
    comparisons: ClassVar = {
        "<": r"\lt", "<=": r"\le", ">": r"\gt", ">=": r"\ge", "==": "=", "!=": r"\ne",
    }  # fmt: skip
    constants: ClassVar = {"inf": r"\infty", "nan": r"\mathrm{nan}", "pi": r"\pi"}
    minus = "-"

    functions: ClassVar = {
        name: f"\\{name}"
        for name in ("log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "max", "min")
    } | {"asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan", "sigmoid": r"\sigma"}

    # A label may hold anything; where no command is understood everywhere, a letter that looks
    # alike stands in.
    letters: ClassVar = {letter: f"\\{letter}" for letter in "{}&#_% "} | {
        "$": "＄", "'": "’", "-": "{-}",
        "\\": r"\backslash ", "^": r"\wedge ", "~": r"\sim ", "<": r"\lt ", ">": r"\gt ",
    }  # fmt: skip

    def name(self, name: str) -> Term:
        if re.fullmatch(r"[^\W\d_]\d*", name):
            return Term(name if len(name) == 1 else f"{name[0]}_{{{name[1:]}}}")
        return Term(rf"\mathrm{{{self._escaped(symbol(name))}}}")

    def magnitude(self, digits: str) -> Term:
        if digits in self.constants:
            return Term(self.constants[digits])
        mantissa, _, exponent = digits.partition("e")
        if not exponent:
            return Term(digits)
        power = self.power(Term("10"), Term(str(int(exponent))))
        return power if mantissa == "1" else self.infix("*", Term(mantissa), power)

    def infix(self, op: str, x: Term, y: Term) -> Term:
        if op == "/":
            return Term(rf"\frac{{{x.text}}}{{{y.text}}}", _CALL)
        return super().infix(op, x, y)

    def power(self, x: Term, y: Term) -> Term:
        return Term(f"{self._within(x, _ATOM)}^{{{y.text}}}", _POWER)

    def call(self, name: str, inputs: Sequence[Term]) -> Term:
        if name == "sqrt":
            return Term(rf"\sqrt{{{inputs[0].text}}}", _CALL)
        if name == "exp":
            return self.power(Term("e"), inputs[0])
        if name == "abs":
            return Term(rf"\left|{inputs[0].text}\right|")
        arguments = ", ".join(x.text for x in inputs)
        return Term(self.function(name) + self._parenthesized(arguments), _CALL)

    def function(self, name: str) -> str:
        word = PRIMITIVES[name].symbol if name in PRIMITIVES else symbol(name)
        return self.functions.get(name) or rf"\operatorname{{{self._escaped(word)}}}"

    def choice(self, cases: Sequence[tuple[Term, Term]], otherwise: Term) -> Term:
        rows = [rf"{x.text} & \text{{if }} {condition.text}" for x, condition in cases]
        rows.append(rf"{otherwise.text} & \text{{otherwise}}")
        return Term(environment("cases", rows), _CHOICE)

    def slope(self, above: str, below: str) -> str:
        return rf"\frac{{\partial {self.name(above).text}}}{{\partial {self.name(below).text}}}"

    def _parenthesized(self, text: str) -> str:
        return rf"\left({text}\right)"

    def _escaped(self, text: str) -> str:
        return "".join(self.letters.get(letter, letter) for letter in text)


def environment(name: str, rows: Iterable[str]) -> str:
    r"""Return rows in an environment of LaTeX.

    >>> print(environment("aligned", ["a &= 1", "b &= 2"]))
    \begin{aligned} a &= 1 \\ b &= 2 \end{aligned}
    """
    return rf"\begin{{{name}}} " + r" \\ ".join(rows) + rf" \end{{{name}}}"


PYTHON, HANDWRITING, LATEX = Notation(), Handwriting(), Latex()
