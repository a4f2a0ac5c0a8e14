"""Translation: the table's texts about numbers, read as functions of arrays.

A text such as ``log(x) if x > 1 else x - 1`` becomes a function of an array namespace ``xp`` and
arrays, in terms of the Python array API alone::

    test0 = x > 1.0
    x1 = xp.where(test0, x, 2.0)
    x2 = xp.where(test0, 2.0, x)
    return xp.where(test0, xp.log(x1), x2 - 1.0)

Both branches of a ``where`` are computed for every element. So that the one which is thrown away
does no harm (a warning, a division by zero), its operands are replaced by the row's example.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from ..ops import FLOATS, PRIMITIVES, Primitive
from ..texts import Notation, names_in, parse
from .library import NUMPY
from .special import erf, erfc

__all__ = ["array_function", "standard_functions"]

#: The functions of the texts that the array API has, where their names are others there.
_STANDARD = {"max": "maximum", "min": "minimum", "power": "pow", "ieee_pow": "pow"}

#: Functions that it does not have, and that are made here of what it has.
_MADE: dict[str, Callable[..., Any]] = {"erf": erf, "erfc": erfc}


@cache
def array_function(row: Primitive, text: str) -> Callable[..., Any]:
    """Compile a text of a row into a function of a namespace, the operands, z, and g.

    >>> import numpy as np
    >>> row = PRIMITIVES["relu"]
    >>> array_function(row, row.value)(np, np.asarray([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    arrays = _Arrays(row)
    result = arrays.read(parse(text))
    body = "\n    ".join([*arrays.lines, f"return {result}"])
    names: dict[str, Any] = {"inf": math.inf, "nan": math.nan, **arrays.functions}
    exec(f"def on_arrays(xp, {row.operands}, z=None, g=None):\n    {body}", names)
    function: Callable[..., Any] = names["on_arrays"]
    return function


class _Arrays(Notation[str]):
    """Python source in terms of the array API; lines that come before it are collected."""

    def __init__(self, row: Primitive) -> None:
        self.row = row
        self.lines: list[str] = []
        self.functions: dict[str, Callable[..., Any]] = {}  # those called that are not xp's
        #: Operands at which every branch of every text of the row can be computed.
        self.examples = dict(zip(row.letters, row.example, strict=True))
        self.examples["z"] = row.evaluate(*row.example)
        self.names: dict[str, str] = {}  # what stands for an operand in the present branch

    def read(self, tree: ast.expr) -> str:
        """Compute at once what depends on no operand, such as ``sqrt(2 * pi)``."""
        if self.is_constant(tree):
            return self.number(eval(ast.unparse(tree), FLOATS))
        return super().read(tree)

    def number(self, x: float) -> str:
        return repr(float(x))

    def name(self, name: str) -> str:
        return self.names.get(name, name)

    def negative(self, x: str) -> str:
        return f"(-{x})"

    def infix(self, op: str, x: str, y: str) -> str:
        return f"({x} {op} {y})"

    def call(self, name: str, inputs: Sequence[str]) -> str:
        """Call a function of the standard, or one that is made here; or else another row."""
        if name in _MADE:
            self.functions[name] = _MADE[name]
        elif name in PRIMITIVES and not _calls_itself(PRIMITIVES[name]):
            row = PRIMITIVES[name]
            self.functions[name] = array_function(row, row.value)
        elif (standard := _STANDARD.get(name, name)) in vars(NUMPY):
            return f"xp.{standard}({', '.join(inputs)})"
        else:
            raise self.lacks(f"the function {name!r}")
        return f"{name}(xp, {', '.join(inputs)})"

    def comparison(self, op: str, x: str, y: str) -> str:
        return f"({x} {op} {y})"

    def junction(self, word: str, parts: Sequence[str]) -> str:
        return f"({(' & ' if word == 'and' else ' | ').join(parts)})"

    def choice(self, test: ast.expr, then: ast.expr, other: ast.expr) -> str:
        condition = self.assign("test", self.read(test))
        one = self.branch(then, f"xp.where({condition}, {{operand}}, {{example}})")
        zero = self.branch(other, f"xp.where({condition}, {{example}}, {{operand}})")
        if self.is_constant(then) and self.is_constant(other):  # one has to be an array
            zero = f"xp.full_like({self.row.letters[0]}, {zero})"
        return f"xp.where({condition}, {one}, {zero})"

    def branch(self, tree: ast.expr, guard: str) -> str:
        """Read a branch; if it computes something, with its operands guarded."""
        outside = dict(self.names)
        if any(map(_computes, ast.walk(tree))):
            for name in filter(names_in(tree).__contains__, self.examples):
                example = self.number(self.examples[name])
                guarded = guard.format(operand=self.name(name), example=example)
                self.names[name] = self.assign(name, guarded)
        result = self.read(tree)
        self.names = outside
        return result

    def is_constant(self, tree: ast.expr) -> bool:
        return names_in(tree).isdisjoint({*self.examples, "g"})

    def assign(self, name: str, value: str) -> str:
        """Write a line that gives a new name to a value."""
        name = f"{name}{len(self.lines)}"
        self.lines.append(f"{name} = {value}")
        return name


def _computes(tree: ast.AST) -> bool:
    """Say whether a part of a text could do harm; to multiply with g does none."""
    if isinstance(tree, ast.BinOp):
        return not (isinstance(tree.left, ast.Name) and tree.left.id == "g")
    return isinstance(tree, ast.Call)


def _calls_itself(row: Primitive) -> bool:
    """Say whether a row is computed by a function of its own name, which then is the standard's."""
    return row.value == f"{row.name}({row.operands})" or row.name in _STANDARD


def standard_functions() -> set[str]:
    """Return the names of the array API's functions that the table's texts call."""
    texts = [text for row in PRIMITIVES.values() for text in (row.value, *row.partials)]
    called = {
        call.func.id
        for text in texts
        for call in ast.walk(parse(text))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }
    names = {_STANDARD.get(name, name) for name in called}
    return {name for name in names if hasattr(NUMPY, name)}
