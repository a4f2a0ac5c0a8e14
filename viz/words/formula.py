"""Graphs and derivative rules as formulas, in plain text and in LaTeX.

What is written comes from a graph, as `simplified` has it (`formula`), or from the texts of the
table of primitives (`rule_text`).
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Mapping, Sequence

from scalargrad import texts
from scalargrad.engine import Value, operands
from scalargrad.graph import topological_sort, use_counts
from scalargrad.ops import FLOATS, Primitive
from scalargrad.texts import parse

from .algebra import Part, own_name, simplified
from .names import Names, Text, named, nodes_of, pad, slope, width
from .notation import HANDWRITING, LATEX, PYTHON, TIGHTNESS, Notation, Term, environment

__all__ = ["Formula", "formula", "operation", "rule_text"]

_MOST_OPERATIONS = 16  # on one line; then a part of the expression gets a line of its own


# ── graphs ──────────────────────────────────────────────────────────────────────────────────────


class Formula(Text):
    """A formula as text, which a notebook shows in LaTeX."""

    latex: str

    def _repr_latex_(self) -> str:
        return f"$${self.latex}$$"


def formula(
    root: Value | Sequence[Value], size: int | None = 100, *, names: Names = True
) -> Formula:
    r"""Write a graph as an expression, as the person would write it who made it.

    Each result with a name gets a line, the root the first; so does what is used more than once or
    would make a line too long, under a name like ``v1`` if it has none. Leaves without a name are
    numbers. What changes nothing is left out (``* 1``, ``+ 0``, ``** 1``), and what is computed
    twice is written once. The text is in Python's notation, ``.latex`` in that of TeX. A label is
    only ever text: one that is no plain name stands in quotes.

    Args:
        root: the result of the graph; or several, such as `scalargrad.grad` returns.
        size: how many lines to write at most; None writes them all.
        names: whether a node without a label is called by the variable that holds it here; or the
            variables by hand, as ``names=locals()``.

    Raises:
        OperandError: ``root`` is no Value.

    >>> a, b, c = Value(2.0), Value(-3.0), Value(10.0)
    >>> d = a * b + c
    >>> L = (d - 2 * a) ** 2
    >>> formula(L)
    L = (d - 2 * a) ** 2
    d = a * b + c
    >>> print(formula(d).latex)
    \begin{aligned} d &= a \cdot b + c \end{aligned}

    >>> from scalargrad import grad
    >>> formula(grad(a**3 * b, [a, b]))
    3 * b * a ** 2
    a ** 3
    """
    roots = _roots(root)
    order = topological_sort(roots, operands)
    known = named(order, names)
    parts = simplified(order, known.titled)
    wanted = [*dict.fromkeys(parts[node] for node in roots)]
    starts = _line_starts(wanted)
    if len(order) == 1:
        starts[wanted[0]] = order[0] in known.titled  # a leaf, which says what it is
    called = _called(topological_sort(wanted, _inside), known)
    lines = _lines(wanted, starts, called, PYTHON)[:size]
    column = max((width(left) for left, _ in lines), default=0)
    texts = [f"{pad(left, column)} = {right}" if left else right for left, right in lines]
    lines = _lines(wanted, starts, called, LATEX)[:size]
    rows = [f"{left} &= {right}" if left else f"& {right}" for left, right in lines]
    more = len(starts) - len(lines)
    if more:
        texts.append(f"… {more:,} more lines left out ({size=})")
        rows.append(rf"& \text{{… {more} more lines left out}}")
    result = Formula("\n".join(texts))
    result.latex = environment("aligned", rows)
    return result


def _roots(root: Value | Sequence[Value]) -> list[Value]:
    several = isinstance(root, (list, tuple)) and all(isinstance(x, Value) for x in root)
    if several and root:
        return [*root]  # type: ignore[misc]
    return nodes_of(root, "formula")[-1:]  # type: ignore[arg-type]


def _called(parts: Sequence[Part], known: Mapping[Value, str]) -> dict[Part, str]:
    """Return the names of parts; what no node of the graph is has a number beyond those of all."""
    more = itertools.count(len(known) + 1)
    return {part: f"v{next(more)}" if part.node is None else known[part.node] for part in parts}


def operation(node: Value, called: Mapping[Value, str], notation: Notation | None = None) -> str:
    """Write the one operation that made a node, in the names of its operands.

    >>> a, b = Value(2.0), Value(3.0)
    >>> operation(a * b, {a: "a", b: "b"})
    'a * b'
    """
    notation = notation or PYTHON
    inputs = [
        notation.number(x.data) if x.kind == "constant" else notation.name(called[x])
        for x in operands(node)
    ]
    row = node.primitive
    return notation.function_of(row.name if row else own_name(node), inputs).text


def _line_starts(roots: list[Part]) -> dict[Part, bool]:
    """Return the parts that get a line of their own, and whether the line says what it is of."""
    order = topological_sort(roots, _inside)
    uses = use_counts(order, _inside)
    starts = {part: _is_made(part) and (part.titled or uses[part] > 0) for part in roots}
    operations: dict[Part, int] = {}  # of the parts that are written within a line
    for part in order:
        inside = _inside(part)
        if inside:
            total = 1 + sum(operations.get(x, 0) for x in inside)
            if part.titled or uses[part] > 1 or total > _MOST_OPERATIONS:
                starts.setdefault(part, True)
            elif part not in starts:
                operations[part] = total
    return starts


def _is_made(part: Part) -> bool:
    return bool(part.op or part.made)


def _inside(part: Part) -> Sequence[Part]:
    """Return the parts that a part is made of."""
    return (part.made,) if part.made else part.operands


def _lines(
    roots: list[Part], starts: Mapping[Part, bool], called: Mapping[Part, str], notation: Notation
) -> list[tuple[str, str]]:
    """Return the left and the right side of each line; a root without a name has no left side."""
    terms: dict[Part, Term] = {}
    lines: dict[Part, tuple[str, str]] = {}
    for part in topological_sort(roots, _inside):
        term = _term(part, terms, called, notation, alone=starts.get(part, False))
        if part in starts:
            name = notation.name(called[part]) if starts[part] else None
            lines[part] = (name.text if name else "", term.text)
            term = name or term
        terms[part] = term
    # From the results down, and from left to right: the reverse of a sort from right to left.
    leftwards = topological_sort(roots[::-1], lambda part: _inside(part)[::-1])
    below = [part for part in reversed(leftwards) if part in starts and part not in roots]
    return [lines[part] for part in [*roots, *below]]


def _term(
    part: Part,
    terms: Mapping[Part, Term],
    called: Mapping[Part, str],
    notation: Notation,
    *,
    alone: bool,
) -> Term:
    """Write a part in the terms of those that it is made of; a leaf that stands alone by number."""
    if part.op:
        return notation.function_of(part.op, [terms[x] for x in part.operands])
    if part.made:
        return terms[part.made]
    if part.number is not None or part.node is None:
        return notation.number(part.number or 0.0)
    if part.titled and not alone:
        return notation.name(called[part])
    return notation.number(part.node.data)


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
    letters = [*row.letters, "z"]
    called = called or [*letters[:-1], "out"]
    names = {x: HANDWRITING.name(name) for x, name in zip(letters, called, strict=True)}
    rule = _Rule(names, dict(zip(letters, at, strict=True)) if at else None)
    right = rule.read(parse(row.partials[place]))
    unary = len(row.partials) == 1
    left = f"{row.symbol}′" if unary else slope(called[-1], called[place])
    return f"{left} = {right.text}"


class _Rule(texts.Notation[Term]):
    """The texts of the table as terms of the notation of a blackboard."""

    def __init__(self, names: dict[str, Term], at: dict[str, float] | None) -> None:
        self.names, self.at = names, at

    def read(self, tree: ast.expr) -> Term:
        match tree:
            case ast.BinOp(ast.UnaryOp(ast.USub(), x), ast.Mult() | ast.Div(), y):
                # (-x) * y is -(x * y), which reads better and makes -x * x a square
                return self.negative(self.read(ast.BinOp(x, tree.op, y)))
            case ast.BinOp(x, ast.Mult(), y) if ast.dump(x) == ast.dump(y):
                return HANDWRITING.power(self.read(x), self.number(2.0))
        return super().read(tree)

    def number(self, x: float) -> Term:
        return HANDWRITING.number(x)

    def name(self, name: str) -> Term:
        if name in HANDWRITING.constants:
            return Term(HANDWRITING.constants[name])
        if name not in self.names:
            raise self.lacks(f"the name {name!r}")
        return self.names[name]

    def negative(self, x: Term) -> Term:
        return HANDWRITING.negative(x)

    def infix(self, op: str, x: Term, y: Term) -> Term:
        if op not in TIGHTNESS:
            raise self.lacks(f"the operator {op!r}")
        return HANDWRITING.infix(op, x, y)

    def call(self, name: str, inputs: Sequence[Term]) -> Term:
        return HANDWRITING.function_of(name, inputs)

    def comparison(self, op: str, x: Term, y: Term) -> Term:
        return HANDWRITING.comparison(op, x, y)

    def junction(self, word: str, parts: Sequence[Term]) -> Term:
        return HANDWRITING.junction(word, parts)

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
        return HANDWRITING.choice(cases, last) if cases else last

    def _holds(self, test: ast.expr) -> bool:
        return bool(eval(ast.unparse(test), FLOATS, self.at))
