"""The table of primitives in JavaScript, so that a page can compute what Python computes.

The texts of the table are translated one by one; nothing about an operation is written down here.
What the texts name, such as ``exp`` or ``power``, are functions of the page (``arithmetic.js``),
which answer as Python's do, and throw where Python raises.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from typing import ClassVar

from scalargrad.notations import JavaScript, Written
from scalargrad.ops import PRIMITIVES, Primitive
from scalargrad.texts import parse

from ...words.formula import rule_text

__all__ = ["cases", "rules", "translate"]

#: What ``arithmetic.js`` defines, so that it answers as Python does.
_DEFINED = (
    *("abs", "max", "min", "power", "ieee_pow", "exp", "expm1", "log", "log1p", "sqrt"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"),
)

#: What JavaScript itself has besides, with the names of Python's math module.
_MATH = ("acosh", "asinh", "atanh", "cbrt", "log10", "log2", "trunc")

#: What is used of the notation's own functions.
_OWN = ("erf", "erfc", "gauss")


def translate(text: str) -> str:
    """Translate an expression of the table from Python to JavaScript.

    Raises:
        TextError: the expression holds something that no row of the table has.

    >>> translate("-z / y if x > 0 else nan")
    'x > 0 ? divide(-z, y) : NaN'
    """
    return _Page().read(parse(text)).text


class _Page(JavaScript):
    """Expressions of JavaScript, in terms of the functions of ``arithmetic.js``."""

    functions: ClassVar = {
        **{name: name for name in (*_DEFINED, *_OWN)},
        **{name: f"checked(Math.{name})" for name in _MATH},
        "divide": "divide", "modulo": "modulo",
    }  # fmt: skip
    own: ClassVar = {}

    def call(self, name: str, inputs: Sequence[Written]) -> Written:
        """Call a function of the page or of JavaScript, or the value of another row."""
        if name in PRIMITIVES and name not in self.functions:
            return Written(f"RULES.{name}.value({', '.join(x.text for x in inputs)})")
        return super().call(name, inputs)

    def infix(self, op: str, x: Written, y: Written) -> Written:
        names = {"/": "divide", "%": "modulo"}
        return self.call(names[op], [x, y]) if op in names else super().infix(op, x, y)


def cases(text: str) -> Iterator[tuple[str, str]]:
    """Take a text apart that makes a distinction: yield each condition and what holds under it.

    >>> list(cases("0 if x <= 0 else 1"))
    [('x <= 0', '0'), ('True', '1')]
    """
    node = parse(text)
    while isinstance(node, ast.IfExp):
        yield ast.unparse(node.test), ast.unparse(node.body)
        node = node.orelse
    yield "True", ast.unparse(node)


# ── the whole table ─────────────────────────────────────────────────────────────────────────────


def rules() -> str:
    """Return the source of an object ``RULES`` with an entry for each row of the table.

    Before it stand the functions ``erf`` and ``erfc``, which JavaScript lacks.

    An entry holds functions of the operands: the ``value``, in ``slopes`` the partial derivatives,
    which get the result as well, and in ``pushes`` what a gradient g of the result becomes on its
    way to an operand. For people it holds the operands' ``letters``, the ``text`` of the value, in
    ``rules`` the equations of the derivatives, in ``texts`` those of their cases, each with the
    condition under which it holds, and what the operation ``needs`` to be ``defined``.
    """
    functions = "\n".join(JavaScript.own[name] for name in _OWN)
    return f"{functions}\nconst RULES = {{\n{''.join(map(_entry, PRIMITIVES.values()))}}};\n"


def _entry(row: Primitive) -> str:
    inputs = f"({row.operands})"
    slopes = [f"{inputs[:-1]}, z) => {translate(text)}" for text in row.partials]
    pushes = [f"{inputs[:-1]}, z, g) => {translate(text)}" for text in row.pushes]
    equations = [rule_text(row, place) for place in range(len(row.partials))]
    texts = ", ".join(f"[{_texts(row, place)}]" for place in range(len(row.partials)))
    return (
        f"  {row.name}: {{\n"
        f"    value: {inputs} => {translate(row.value)},\n"
        f"    slopes: [{', '.join(slopes)}],\n"
        f"    pushes: [{', '.join(pushes)}],\n"
        f"    letters: {json.dumps(row.letters)},\n"
        f"    texts: [{texts}],\n"
        f"    rules: {json.dumps(equations, ensure_ascii=False)},\n"
        f"    text: {json.dumps(value_text(row), ensure_ascii=False)},\n"
        f"    needs: {json.dumps(row.domain)},\n"
        f"    defined: {inputs} => {translate(row.domain or '1 > 0')},\n"
        "  },\n"
    )


def _texts(row: Primitive, place: int) -> str:
    """Write when each equation of a derivative holds: ``[(x, z) => x <= 0, "ReLU′ = 0"], …``."""
    pairs = []
    for condition, text in cases(row.partials[place]):
        test = "true" if condition == "True" else translate(condition)
        equation = json.dumps(rule_text(_with_slope(row, place, text), place), ensure_ascii=False)
        pairs.append(f"[({row.operands}, z) => {test}, {equation}]")
    return ", ".join(pairs)


def _with_slope(row: Primitive, place: int, text: str) -> Primitive:
    partials = [*row.partials]
    partials[place] = text
    return Primitive(
        row.name, row.symbol, row.value, tuple(partials), row.example, row.about, row.domain
    )


def value_text(row: Primitive) -> str:
    """Write how a result is computed, for people.

    >>> value_text(PRIMITIVES["mul"]), value_text(PRIMITIVES["tanh"])
    ('x · y', 'tanh(x)')
    """
    if row.symbol[0].isalpha() and row.name != "neg":
        return f"{row.symbol}({row.operands})"
    # The value takes the place of a derivative, which can be written already.
    return rule_text(_with_slope(row, 0, row.value), 0).partition(" = ")[2]
