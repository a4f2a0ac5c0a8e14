"""Graphs and derivative rules as formulas, in plain text and in LaTeX.

A notation knows how sums, powers and calls are written, and where parentheses are needed. What is
written comes from a graph (`formula`) or from the texts of the table of primitives (`rule_text`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from scalargrad import texts
from scalargrad.engine import Value, operands
from scalargrad.graph import topological_sort, use_counts
from scalargrad.ops import FLOATS, PRIMITIVES, Primitive
from scalargrad.texts import parse

from .names import Text, exact, names, pad, slope, symbol, walk, width

__all__ = [
    "HANDWRITING", "LATEX", "PYTHON", "Formula", "Handwriting", "Latex", "Notation", "Term",
    "environment", "formula", "operation", "rule_latex", "rule_text",
]  # fmt: skip

_MOST_OPERATIONS = 16  # on one line; then a part of the expression gets a line of its own


# ── notations ───────────────────────────────────────────────────────────────────────────────────

# How tightly a term holds together: in a place that asks for more, it stands in parentheses.
_CHOICE, _OR, _AND, _COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _CALL, _ATOM = range(10)
_ARITHMETIC = {("+", 2): "add", ("-", 2): "sub", ("*", 2): "mul", ("/", 2): "div"}
_ARITHMETIC |= {("**", 2): "pow", ("neg", 1): "neg"}
_TIGHTNESS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}


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
        tightness = _TIGHTNESS[op]
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

    def prime(self, row: Primitive) -> str:
        return f"{row.symbol}′"

    def slope(self, above: str, below: str) -> str:
        return slope(above, below)

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
    words: ClassVar = {"or": (r"\text{ or }", _OR), "and": (r"\text{ and }", _AND)}
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

    def prime(self, row: Primitive) -> str:
        return f"{self.function(row.name)}'"

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


# ── graphs ──────────────────────────────────────────────────────────────────────────────────────


class Formula(Text):
    """A formula as text, which a notebook shows in LaTeX."""

    latex: str

    def _repr_latex_(self) -> str:
        return f"$${self.latex}$$"


def formula(root: Value, size: int | None = 100) -> Formula:
    r"""Write a graph as the expression that made it, in the names of its labels.

    Each labelled result gets a line, the root the first; so does what is used more than once or
    would make a line too long, under a name like ``v1`` if it has no label. Leaves without a label
    are numbers. The text is in Python's notation, ``.latex`` in that of TeX. A label is only ever
    text: one that is no plain name stands in quotes.

    Args:
        root: the result of the graph.
        size: how many lines to write at most; None writes them all.

    Raises:
        OperandError: ``root`` is no Value.

    >>> a, b, c = Value(2.0, label="a"), Value(-3.0, label="b"), Value(10.0, label="c")
    >>> d = a * b + c; d.label = "d"
    >>> L = (d - 2 * a) ** 2; L.label = "L"
    >>> formula(L)
    L = (d - 2 * a) ** 2
    d = a * b + c
    >>> print(formula(d).latex)
    \begin{aligned} d &= a \cdot b + c \end{aligned}
    """
    order = walk(root, "formula")
    called, starts = names(order), _line_starts(order)
    lines = _lines(order, starts, called, PYTHON)[:size]
    column = max((width(left) for left, _ in lines), default=0)
    texts = [f"{pad(left, column)} = {right}" if left else right for left, right in lines]
    lines = _lines(order, starts, called, LATEX)[:size]
    rows = [f"{left} &= {right}" if left else f"& {right}" for left, right in lines]
    more = len(starts) - len(lines)
    if more:
        texts.append(f"… {more:,} more lines left out ({size=})")
        rows.append(rf"& \text{{… {more} more lines left out}}")
    result = Formula("\n".join(texts))
    result.latex = environment("aligned", rows)
    return result


def operation(node: Value, called: Mapping[Value, str], notation: Notation | None = None) -> str:
    """Write the one operation that made a node, in the names of its operands.

    >>> a, b = Value(2.0), Value(3.0)
    >>> operation(a * b, {a: "a", b: "b"})
    'a * b'
    """
    notation = notation or PYTHON
    inputs = [_leaf(x, called[x], notation) for x in operands(node)]
    return _operation(node, inputs, notation).text


def _leaf(node: Value, name: str, notation: Notation) -> Term:
    """Write a node that is not taken apart."""
    return notation.number(node.data) if node.kind == "constant" else notation.name(name)


def _operation(node: Value, inputs: Sequence[Term], notation: Notation) -> Term:
    if node.primitive is not None:
        return notation.function_of(node.primitive.name, inputs)
    known = _ARITHMETIC.get((node._op, len(inputs)))  # of an operation of one's own, by its symbol
    return notation.function_of(known or node._op or "op", inputs)


def _line_starts(order: Sequence[Value]) -> set[Value]:
    """Return the nodes that get a line of their own."""
    uses = use_counts(order, operands)
    operations: dict[Value, int] = {}  # of the nodes that are written within a line
    starts = {order[-1]}
    for node in order:
        if node.kind == "op":
            total = 1 + sum(operations.get(x, 0) for x in operands(node))
            if node.label or uses[node] > 1 or total > _MOST_OPERATIONS:
                starts.add(node)
            else:
                operations[node] = total
    return starts


def _lines(
    order: Sequence[Value], starts: set[Value], called: Mapping[Value, str], notation: Notation
) -> list[tuple[str, str]]:
    """Return the left and the right side of each line; a root without a label has no left side."""
    root = order[-1]
    terms: dict[Value, Term] = {}
    lines: dict[Value, tuple[str, str]] = {}
    for node in order:
        name = notation.name(called[node])
        if node.kind == "op":
            term = _operation(node, [terms[x] for x in operands(node)], notation)
        else:
            term = name if node.label and node is not root else notation.number(node.data)
        if node in starts:
            lines[node] = (name.text if node.label or node is not root else "", term.text)
            term = name
        terms[node] = term
    # From the result down, and from left to right: the reverse of a sort from right to left.
    leftwards = topological_sort([root], lambda node: operands(node)[::-1])
    return [lines[node] for node in reversed(leftwards) if node in starts]


# ── derivative rules ────────────────────────────────────────────────────────────────────────────


def rule_text(
    row: Primitive,
    place: int = 0,
    called: Sequence[str] | None = None,
    at: Sequence[float] | None = None,
) -> str:
    """Write a partial derivative from the table as an equation.

    Args:
        row: the primitive.
        place: which operand the derivative is for.
        called: names of the operands and, last, of the result; else they are x, y and out.
        at: the numbers of the operands and of the result; where a rule makes a distinction, only
            the case that holds there is written.

    >>> rule_text(PRIMITIVES["tanh"])
    'tanh′ = 1 − out²'
    >>> rule_text(PRIMITIVES["div"], 1, ["a", "b", "c"])
    '∂c/∂b = −c / b'
    >>> rule_text(PRIMITIVES["relu"])
    'ReLU′ = 0 if x ≤ 0 else 1'
    >>> rule_text(PRIMITIVES["relu"], at=[3.0, 3.0])
    'ReLU′ = 1'
    """
    return _rule(row, place, called, at, HANDWRITING)


def rule_latex(
    row: Primitive,
    place: int = 0,
    called: Sequence[str] | None = None,
    at: Sequence[float] | None = None,
) -> str:
    r"""Write a partial derivative from the table as an equation in LaTeX, like `rule_text`.

    >>> print(rule_latex(PRIMITIVES["div"], 1, ["a", "b", "c"]))
    \frac{\partial c}{\partial b} = -\frac{c}{b}
    """
    return _rule(row, place, called, at, LATEX)


def _rule(
    row: Primitive,
    place: int,
    called: Sequence[str] | None,
    at: Sequence[float] | None,
    notation: Handwriting,
) -> str:
    letters = [*row.letters, "z"]
    called = called or [*letters[:-1], "out"]
    rule = _Rule(
        notation,
        {letter: notation.name(name) for letter, name in zip(letters, called, strict=True)},
        dict(zip(letters, at, strict=True)) if at else None,
    )
    right = rule.read(parse(row.partials[place]))
    unary = len(row.partials) == 1
    left = notation.prime(row) if unary else notation.slope(called[-1], called[place])
    return f"{left} = {right.text}"


class _Rule(texts.Notation[Term]):
    """The texts of the table as terms of a notation for people."""

    def __init__(
        self, write: Handwriting, names: dict[str, Term], at: dict[str, float] | None
    ) -> None:
        self.write, self.names, self.at = write, names, at

    def read(self, tree: ast.expr) -> Term:
        match tree:
            case ast.BinOp(ast.UnaryOp(ast.USub(), x), ast.Mult() | ast.Div(), y):
                # (-x) * y is -(x * y), which reads better and makes -x * x a square
                return self.negative(self.read(ast.BinOp(x, tree.op, y)))
            case ast.BinOp(x, ast.Mult(), y) if ast.dump(x) == ast.dump(y):
                return self.write.power(self.read(x), self.number(2.0))
        return super().read(tree)

    def number(self, x: float) -> Term:
        return self.write.number(x)

    def name(self, name: str) -> Term:
        if name in self.write.constants:
            return Term(self.write.constants[name])
        if name not in self.names:
            raise self.lacks(f"the name {name!r}")
        return self.names[name]

    def negative(self, x: Term) -> Term:
        return self.write.negative(x)

    def infix(self, op: str, x: Term, y: Term) -> Term:
        if op not in _TIGHTNESS:
            raise self.lacks(f"the operator {op!r}")
        return self.write.infix(op, x, y)

    def call(self, name: str, inputs: Sequence[Term]) -> Term:
        return self.write.function_of(name, inputs)

    def comparison(self, op: str, x: Term, y: Term) -> Term:
        return self.write.comparison(op, x, y)

    def junction(self, word: str, parts: Sequence[Term]) -> Term:
        return self.write.junction(word, parts)

    def choice(self, test: ast.expr, then: ast.expr, other: ast.expr) -> Term:
        cases = []
        rest: ast.expr = ast.IfExp(test, then, other)
        while isinstance(rest, ast.IfExp):
            if self.at is None:
                cases.append((self.read(rest.body), self.read(rest.test)))
                rest = rest.orelse
            else:
                rest = rest.body if self._holds(rest.test) else rest.orelse
        last = self.read(rest)
        return self.write.choice(cases, last) if cases else last

    def _holds(self, test: ast.expr) -> bool:
        return bool(eval(ast.unparse(test), FLOATS, self.at))
