"""The table of primitives in JavaScript, so that a page can compute what Python computes.

The texts of the table are translated one by one; nothing about an operation is written down here.
What the texts name, such as ``erfc`` or ``power``, are functions of the page (``arithmetic.js``),
which answer as Python's do, and throw where Python raises.
"""

from __future__ import annotations

import ast
import builtins
import json
import math
from collections.abc import Iterator

from scalargrad.ops import PRIMITIVES, Primitive

from .formula import rule_text

__all__ = ["cases", "rules", "translate"]

_CONSTANTS = {"inf": "Infinity", "nan": "NaN", "pi": "Math.PI"}
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_COMPARISONS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "===", ast.NotEq: "!==",
}  # fmt: skip


def translate(text: str, power: str = "power") -> str:
    """Translate an expression of the table from Python to JavaScript.

    Args:
        text: the expression.
        power: what ``power`` is called there: a derivative has limits where a value has errors.

    Raises:
        NotImplementedError: the expression holds something that no row of the table has.

    >>> translate("-z / y if x > 0 else nan")
    '(x > 0 ? divide((-z), y) : NaN)'
    """
    return _expression(ast.parse(text, mode="eval").body, power)


def _expression(node: ast.expr, power: str) -> str:
    def write(part: ast.expr) -> str:
        return _expression(part, power)

    match node:
        case ast.Constant(float() | int() as x):
            return repr(x)
        case ast.Name(name):
            return _CONSTANTS.get(name, name)
        case ast.UnaryOp(ast.USub(), x):
            return f"(-{write(x)})"
        case ast.BinOp(x, ast.Div(), y):
            return f"divide({write(x)}, {write(y)})"
        case ast.BinOp(x, ast.Mod(), y):
            return f"modulo({write(x)}, {write(y)})"
        case ast.BinOp(x, op, y) if type(op) in _ARITHMETIC:
            return f"({write(x)} {_ARITHMETIC[type(op)]} {write(y)})"
        case ast.Call(ast.Name(name), inputs):
            return f"{_function(name, power)}({', '.join(map(write, inputs))})"
        case ast.Compare(x, [op], [y]) if type(op) in _COMPARISONS:
            return f"{write(x)} {_COMPARISONS[type(op)]} {write(y)}"
        case ast.BoolOp(op, parts):
            return f"({(' && ' if isinstance(op, ast.And) else ' || ').join(map(write, parts))})"
        case ast.IfExp(test, yes, no):
            return f"({write(test)} ? {write(yes)} : {write(no)})"
    raise NotImplementedError(f"no JavaScript for {ast.unparse(node)}")


def _function(name: str, power: str) -> str:
    if name == "power":
        return power
    of_python = hasattr(math, name) or hasattr(builtins, name)
    return name if of_python else f"RULES.{name}.value"  # a text may call another row


def cases(text: str) -> Iterator[tuple[str, str]]:
    """Take a text apart that makes a distinction: yield each condition and what holds under it.

    >>> list(cases("0 if x <= 0 else 1"))
    [('x <= 0', '0'), ('True', '1')]
    """
    node = ast.parse(text, mode="eval").body
    while isinstance(node, ast.IfExp):
        yield ast.unparse(node.test), ast.unparse(node.body)
        node = node.orelse
    yield "True", ast.unparse(node)


# ── the whole table ─────────────────────────────────────────────────────────────────────────────


def rules() -> str:
    """Return the source of an object ``RULES`` with an entry for each row of the table.

    An entry holds functions of the operands: the ``value``, and in ``slopes`` the partial
    derivatives, which get the result as well; one that is 0 for all numbers is a ``constant``, and
    nothing is ever passed on. For people it holds the ``text`` of the value, in ``rules`` the
    equations of the derivatives, in ``texts`` those of their cases, each with the condition under
    which it holds, and what the operation ``needs`` to be ``defined``.
    """
    return "const RULES = {\n" + "".join(map(_entry, PRIMITIVES.values())) + "};\n"


def _entry(row: Primitive) -> str:
    inputs = f"({row.operands})"
    slopes = [f"{inputs[:-1]}, z) => {translate(text, 'limitPower')}" for text in row.partials]
    equations = [rule_text(row, place) for place in range(len(row.partials))]
    texts = ", ".join(f"[{_texts(row, place)}]" for place in range(len(row.partials)))
    return (
        f"  {row.name}: {{\n"
        f"    value: {inputs} => {translate(row.value)},\n"
        f"    slopes: [{', '.join(slopes)}],\n"
        f"    texts: [{texts}],\n"
        f"    rules: {json.dumps(equations, ensure_ascii=False)},\n"
        f"    constant: {json.dumps([text == '0' for text in row.partials])},\n"
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
