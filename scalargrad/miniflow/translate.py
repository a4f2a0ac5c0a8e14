"""Translation: the table's texts about numbers, read as functions of arrays.

A text such as ``0 if y == 0 else y * power(x, y - 1)`` is a Python expression. Here it becomes a
function of an array namespace ``xp`` and arrays, in terms of the Python array API alone::

    test0 = y == 0.0
    x1 = xp.where(test0, 2.0, x)
    y2 = xp.where(test0, 3.0, y)
    return xp.where(test0, 0.0, y2 * xp.pow(x1, y2 - 1.0))

Both branches of a ``where`` are computed for every element. So that the one which is thrown away
does no harm (a warning, a division by zero), its operands are replaced by the row's example.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache, reduce
from typing import Any

from ..ops import FLOATS, PRIMITIVES, Primitive
from .special import erf, erfc

__all__ = ["array_function"]

#: The functions of the texts that the array API has, by their names there.
_STANDARD = {"max": "maximum", "min": "minimum", "power": "pow"} | {
    name: name
    for name in (
        *("abs", "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan"),
        *("asin", "acos", "atan", "sinh", "cosh", "tanh"),
    )
}

#: Functions that are made here of what it has; all others are rows of the table.
_MADE: dict[str, Callable[..., Any]] = {"erf": erf, "erfc": erfc}


@cache
def array_function(row: Primitive, text: str) -> Callable[..., Any]:
    """Compile a text of a row into a function of a namespace, the operands x and y, and z.

    >>> import numpy as np
    >>> row = PRIMITIVES["relu"]
    >>> array_function(row, row.value)(np, np.asarray([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    translator = _Translator(row)
    result = translator.visit(ast.parse(text, mode="eval").body)
    body = "\n    ".join([*translator.lines, f"return {ast.unparse(result)}"])
    names: dict[str, Any] = dict(translator.functions)
    exec(f"def on_arrays(xp, x, y=None, z=None):\n    {body}", names)
    function: Callable[..., Any] = names["on_arrays"]
    return function


class _Translator(ast.NodeTransformer):
    """Turns an expression into array API calls, and collects the lines that come before it."""

    def __init__(self, row: Primitive) -> None:
        self.lines: list[str] = []
        self.functions: dict[str, Callable[..., Any]] = {}  # those called that are not xp's
        #: Operands at which every branch of every text of the row can be computed.
        self.examples = dict(zip("xy", row.example, strict=False))
        self.examples["z"] = row.evaluate(*row.example)
        self.names: dict[str, str] = {}  # what stands for an operand in the present branch

    def visit(self, node: ast.AST) -> Any:
        """Compute at once what depends on no operand, such as ``sqrt(2 * pi)``."""
        if isinstance(node, ast.expr) and not self.operands(node):
            return ast.Constant(float(eval(ast.unparse(node), dict(FLOATS))))
        return super().visit(node)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id))

    def visit_Call(self, node: ast.Call) -> ast.Call:
        name = ast.unparse(node.func)
        arguments = [self.visit(argument) for argument in node.args]
        if name in _STANDARD:
            return _xp(_STANDARD[name], *arguments)
        if name not in _MADE:
            row = PRIMITIVES[name]
            self.functions[name] = array_function(row, row.value)
        else:
            self.functions[name] = _MADE[name]
        return ast.Call(ast.Name(name), [ast.Name("xp"), *arguments], [])

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        operator = ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr()
        values: list[ast.expr] = [self.visit(value) for value in node.values]
        return reduce(lambda left, right: ast.BinOp(left, operator, right), values)

    def visit_IfExp(self, node: ast.IfExp) -> ast.Call:
        test = self.assign("test", self.visit(node.test))
        then = self.branch(node.body, lambda x, example: _xp("where", test, x, example))
        other = self.branch(node.orelse, lambda x, example: _xp("where", test, example, x))
        if isinstance(then, ast.Constant) and isinstance(other, ast.Constant):
            other = _xp("full_like", ast.Name("x"), other)  # one of the two has to be an array
        return _xp("where", test, then, other)

    def branch(self, node: ast.expr, guard: Callable[..., ast.Call]) -> Any:
        """Translate a branch; if it computes something, with its operands guarded."""
        outside = dict(self.names)
        if any(isinstance(child, ast.BinOp | ast.Call) for child in ast.walk(node)):
            for name in self.operands(node):
                guarded = guard(self.visit(ast.Name(name)), ast.Constant(self.examples[name]))
                self.names[name] = self.assign(name, guarded).id
        result = self.visit(node)
        self.names = outside
        return result

    def assign(self, name: str, value: ast.expr) -> ast.Name:
        """Write a line that gives a new name to a value."""
        name = f"{name}{len(self.lines)}"
        self.lines.append(f"{name} = {ast.unparse(value)}")
        return ast.Name(name)

    def operands(self, node: ast.AST) -> list[str]:
        names = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
        return [name for name in self.examples if name in names]


def _xp(function: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name("xp"), function), list(arguments), [])
