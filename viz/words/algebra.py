"""A graph as a person would write it: without what changes nothing, and nothing twice.

A `Part` stands for all nodes that compute the same from the same. Gradients are full of such nodes,
since the chain rule works edge by edge: ``3 * x ** 2 * 1``, ``0 + -y``, the sigmoid once more.
The rules keep every number as it is, but for the rounding of constants that are multiplied.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from scalargrad.engine import Value, operands

from .names import exact

__all__ = ["Part", "own_name", "simplified"]

_ARITHMETIC = {("+", 2): "add", ("-", 2): "sub", ("*", 2): "mul", ("/", 2): "div"}
_ARITHMETIC |= {("**", 2): "pow", ("neg", 1): "neg"}
_POWERS = {"pow", "pow_number", "ieee_pow"}


@dataclass(eq=False, slots=True)
class Part:
    """An expression: an operation on parts, a leaf, a number, or another name for a part."""

    op: str = ""  # the name of a row of the table, or of an operation of one's own
    operands: tuple[Part, ...] = ()
    node: Value | None = None  # the first that it stands for
    number: float | None = None
    titled: bool = False  # whether its people named it
    made: Part | None = None  # what it is another name for
    minus: Part | None = None  # what it is the negative of, if it starts with a minus


def simplified(order: Sequence[Value], titled: Collection[Value]) -> dict[Value, Part]:
    """Return the part that stands for each node of a graph.

    Args:
        order: the nodes, operands first.
        titled: those with a name. Each has a part of its own, into which no rule looks.
    """
    algebra = _Algebra()
    parts: dict[Value, Part] = {}
    for node in order:
        part = algebra.part(node, [parts[x] for x in operands(node)], node in titled)
        if part.node is None:
            part.node = node
        parts[node] = part
    return parts


def own_name(node: Value) -> str:
    """Return what an operation of one's own is written as: by its symbol, if that is known."""
    return _ARITHMETIC.get((node._op, len(operands(node)))) or node._op or "op"


class _Algebra:
    """The rules, and the parts that there are."""

    def __init__(self) -> None:
        self.known: dict[tuple[object, ...], Part] = {}

    def part(self, node: Value, inputs: Sequence[Part], titled: bool) -> Part:
        if node.kind != "op":
            unnamed = node.kind == "constant" and not titled
            return self.number(node.data) if unnamed else Part(node=node, titled=titled)
        if node.primitive is None:
            return Part(own_name(node), tuple(inputs), node, titled=titled)
        part = self.applied(node.primitive.name, *inputs)
        if not titled:
            return part
        if not part.op or part.titled:
            return Part(node=node, titled=True, made=part)
        named = Part(part.op, part.operands, node, titled=True)
        self.known[part.op, *part.operands] = named  # so what computes it again is that
        return named

    def number(self, x: float) -> Part:
        key = ("", repr(x))
        if key not in self.known:
            self.known[key] = Part(number=x, minus=self.number(-x) if x < 0 else None)
        return self.known[key]

    def operation(self, op: str, *inputs: Part) -> Part:
        """Return an operation as it is."""
        key = (op, *inputs)
        if key not in self.known:
            first = inputs[0].minus
            minus = None
            if op == "neg":
                (minus,) = inputs
            elif op in ("mul", "div") and first:
                minus = self.operation(op, first, *inputs[1:])
            self.known[key] = Part(op, inputs, minus=minus)
        return self.known[key]

    # ── the rules ──

    def applied(self, op: str, *inputs: Part) -> Part:
        """Return an operation as a person would write it."""
        match op, inputs:
            case "add", (x, y):
                return self.sum(x, y)
            case "sub", (x, y):
                return self.difference(x, y)
            case "mul", (x, y):
                return self.product(x, y)
            case "div", (x, y):
                return self.quotient(x, y)
            case "reciprocal", (x,):
                return self.quotient(self.number(1.0), x)
            case "neg", (x,):
                return self.negative(x)
            case _, (x, y) if op in _POWERS:
                return x if y.number == 1 else self.operation("pow", x, y)
        return self.operation(op, *inputs)

    def sum(self, x: Part, y: Part) -> Part:
        if x.number is not None and y.number is not None:
            return self.number(x.number + y.number)
        if x.number == 0 or y.number == 0:
            return y if x.number == 0 else x
        if y.minus:
            return self.difference(x, y.minus)
        if x.minus:
            return self.difference(y, x.minus)
        if x is y and x.op and not x.titled:
            return self.product(self.number(2.0), x)
        return self.operation("add", x, y)

    def difference(self, x: Part, y: Part) -> Part:
        if x.number is not None and y.number is not None:
            return self.number(x.number - y.number)
        if x.number == 0 or y.number == 0:
            return self.negative(y) if x.number == 0 else x
        if x.minus is y and y.op and not y.titled:
            return self.product(self.number(-2.0), y)
        return self.sum(x, y.minus) if y.minus else self.operation("sub", x, y)

    def negative(self, x: Part) -> Part:
        if x.number is not None:
            return self.number(-x.number)
        if x.minus:
            return x.minus
        if _is(x, "sub"):
            return self.difference(*reversed(x.operands))
        if _is(x, "mul", "div") and x.operands[0].number is not None:
            return self.applied(x.op, self.negative(x.operands[0]), x.operands[1])
        return self.operation("neg", x)

    def product(self, x: Part, y: Part) -> Part:
        if x.number is not None and y.number is not None:
            return self.number(x.number * y.number)
        if x.minus and y.minus:
            return self.product(x.minus, y.minus)
        if _is(y, "div") and y.operands[0].number == 1:
            return self.quotient(x, y.operands[1])
        if x.number is not None:
            return self.multiple(x, x.number, y)
        if y.number is not None and (abs(y.number) == 1 or _is(x, "mul", "neg")):
            return self.multiple(y, y.number, x)
        for inner in (x, y):  # numbers stand in front
            if _is(inner, "mul"):
                for c, rest in (inner.operands, inner.operands[::-1]):
                    if c.number is not None:
                        first, second = (rest, y) if inner is x else (x, rest)
                        return self.product(c, self.product(first, second))
        if y.minus and _is(y, "mul", "div"):
            return self.product(self.negative(x), y.minus)
        return self.operation("mul", x, y)

    def multiple(self, c: Part, factor: float, x: Part) -> Part:
        """Return a number times what is none."""
        if abs(factor) == 1:
            return x if factor == 1 else self.negative(x)
        if _is(x, "neg"):
            return self.multiple(self.number(-factor), -factor, *x.operands)
        if _is(x, "mul"):
            first, rest = x.operands
            if first.number is None:
                return self.operation("mul", self.operation("mul", c, first), rest)
            if _is_short(both := factor * first.number, factor, first.number):
                return self.product(self.number(both), rest)
        return self.operation("mul", c, x)

    def quotient(self, x: Part, y: Part) -> Part:
        if y.number is not None and abs(y.number) == 1:
            return x if y.number == 1 else self.negative(x)
        if x.minus and y.minus:
            return self.quotient(x.minus, y.minus)
        if x.number is not None and y.number and _is_short(ratio := x.number / y.number, x.number):
            return self.number(ratio)
        return self.operation("div", x, y)


def _is(x: Part, *ops: str) -> bool:
    """Tell whether a part without a name is the result of an operation."""
    return x.op in ops and not x.titled


def _is_short(result: float, *numbers: float) -> bool:
    """Tell whether a number is no harder to read than those that it was made of: not 1 / 3."""
    return len(exact(result)) <= 1 + sum(len(exact(x)) for x in numbers)
