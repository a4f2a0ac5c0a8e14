"""Texts: the expressions of the table of primitives, read once, written in any notation.

A text is a Python expression of a few forms: numbers, operands, ``+ - * / %``, calls, comparisons,
``and``, ``or``, and the choice ``a if condition else b``. A `Notation` has a method for each form,
and the readers of the table are notations: graphs of Values, arrays, JavaScript, and formulas for
people. (As Python, for floats, a text is used as it stands.)
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from typing import Generic, TypeVar

from .errors import TextError

__all__ = ["Notation", "names_in", "parse"]

Result = TypeVar("Result")

_INFIX: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"
}  # fmt: skip
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="
}  # fmt: skip


@cache
def parse(text: str) -> ast.expr:
    """Return the tree of a text.

    Raises:
        TextError: it is no Python expression.
    """
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise TextError(f"the text {text!r} is no expression: {error.msg}") from None


def names_in(tree: ast.AST) -> set[str]:
    """Return the operands, functions and constants that a tree names.

    >>> sorted(names_in(parse("0.5 * reciprocal(z)")))
    ['reciprocal', 'z']
    """
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


class Notation(ABC, Generic[Result]):
    """A way to write texts: one method for each form of expression."""

    def read(self, tree: ast.expr) -> Result:
        """Return what a tree is in this notation.

        Raises:
            TextError: it holds something that is no form of a text, or that the notation lacks.
        """
        match tree:
            case ast.Constant(float() | int() as x):
                return self.number(float(x))
            case ast.Name(name):
                return self.name(name)
            case ast.UnaryOp(ast.USub(), x):
                return self.negative(self.read(x))
            case ast.BinOp(x, op, y) if type(op) in _INFIX:
                return self.infix(_INFIX[type(op)], self.read(x), self.read(y))
            case ast.Call(ast.Name(name), inputs, []):
                return self.call(name, [self.read(x) for x in inputs])
            case ast.Compare(x, [op], [y]) if type(op) in _COMPARISONS:
                return self.comparison(_COMPARISONS[type(op)], self.read(x), self.read(y))
            case ast.BoolOp(op, parts):
                word = "and" if isinstance(op, ast.And) else "or"
                return self.junction(word, [self.read(part) for part in parts])
            case ast.IfExp(test, then, other):
                return self.choice(test, then, other)
        raise TextError(f"the texts of the table have no form such as {ast.unparse(tree)!r}")

    def lacks(self, what: str) -> TextError:
        """Return the error that says what this notation has no way to write."""
        return TextError(f"{type(self).__name__.strip('_')} has no way to write {what}")

    @abstractmethod
    def number(self, x: float) -> Result: ...

    @abstractmethod
    def name(self, name: str) -> Result: ...

    @abstractmethod
    def negative(self, x: Result) -> Result: ...

    @abstractmethod
    def infix(self, op: str, x: Result, y: Result) -> Result: ...

    @abstractmethod
    def call(self, name: str, inputs: Sequence[Result]) -> Result: ...

    @abstractmethod
    def comparison(self, op: str, x: Result, y: Result) -> Result: ...

    @abstractmethod
    def junction(self, word: str, parts: Sequence[Result]) -> Result:
        """Write parts that are joined by "and" or "or"."""

    @abstractmethod
    def choice(self, test: ast.expr, then: ast.expr, other: ast.expr) -> Result:
        """Write a choice; its parts are not read yet: a notation may read them in its own way."""
