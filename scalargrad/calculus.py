"""Derivatives as graphs.

`grad` runs the chain rule on Values where `Value.backward` runs it on floats; the rules are the
same rows of the table. So a gradient is an expression like any other: it can be drawn, explained
and differentiated again.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from .engine import Value, constant, operands
from .errors import OperandError
from .graph import topological_sort
from .ops import FLOATS, Primitive
from .rules import GENERATED

if TYPE_CHECKING:
    from .engine import Operand

__all__ = ["grad", "hessian"]


# ── the gradient as a graph ─────────────────────────────────────────────────────────────────────


def grad(output: Value, inputs: Value | Iterable[Value]) -> list[Value]:
    """Return the derivative of an output with respect to each input, as Values with graphs.

    The result costs a constant factor of the output's own graph, whatever the number of inputs, and
    can be differentiated again. Inputs may be leaves or nodes on the way; one that the output does
    not depend on has derivative 0. No ``.grad`` is read or changed.

    Raises:
        OperandError: an operation of one's own stands on the way; it has a ``_backward`` for
            numbers but no rule that could be differentiated again.

    >>> x = Value(2.0, label="x")
    >>> (slope,) = grad(x**3, [x])           # 3x²
    >>> (curvature,) = grad(slope, [x])      # 6x
    >>> slope.data, curvature.data
    (12.0, 12.0)
    """
    wanted = [inputs] if isinstance(inputs, Value) else list(inputs)
    order = topological_sort([output], operands)
    dependent = set(wanted)  # the nodes that depend on an input
    for node in order:
        if not dependent.isdisjoint(operands(node)):
            dependent.add(node)

    gradients: dict[Value, Value] = {output: constant(1.0)}
    for node in reversed(order):
        gradient = gradients.get(node)
        nodes = operands(node)
        if gradient is None or dependent.isdisjoint(nodes):
            continue
        for operand, partial in zip(nodes, _partials(node, dependent), strict=True):
            if operand in dependent and partial != 0:
                term = _product(gradient, partial)
                known = gradients.get(operand)
                gradients[operand] = term if known is None else known + term
    return [gradients[node] if node in gradients else constant(0.0) for node in wanted]


def hessian(output: Value, inputs: Iterable[Value]) -> list[list[Value]]:
    """Return the matrix of second derivatives, ∂²output / ∂inputᵢ ∂inputⱼ, as Values with graphs.

    >>> x, y = Value(2.0), Value(3.0)
    >>> [[h.data for h in row] for row in hessian(x * x * y, [x, y])]
    [[6.0, 4.0], [4.0, 0.0]]
    """
    inputs = list(inputs)
    return [grad(slope, inputs) for slope in grad(output, inputs)]


def _product(gradient: Value, partial: Value | float) -> Value:
    """Return gradient · partial without the factors of 1 that only make a graph harder to read."""
    if not isinstance(partial, Value):
        if partial == 1:
            return gradient
        if partial == -1:
            return -gradient
    if gradient.kind == "constant" and gradient.data == 1.0:
        return partial if isinstance(partial, Value) else constant(partial)
    return gradient * partial


def _partials(node: Value, dependent: set[Value]) -> tuple[Value | float, ...]:
    """Return ∂node/∂operand for each operand, as Values or, where they are constant, numbers."""
    if node.primitive is None:
        raise OperandError(
            f"{_name(node)} is an operation of your own: its _backward gives numbers, so its "
            "gradient cannot be a graph; build it from primitives, or use backward()"
        )
    # A constant enters as a number, so that x ** 3 has the derivative 3 * x ** 2 and not one that
    # could again be differentiated in the exponent.
    numbers = [
        operand.data if operand.kind == "constant" and operand not in dependent else operand
        for operand in operands(node)
    ]
    return _value_rules(node.primitive)(*numbers, node)


@cache
def _value_rules(row: Primitive) -> Callable[..., tuple[Value | float, ...]]:
    """Compile the partial derivatives of a row into a function of Values."""
    source = f"lambda {row.operands}, z: ({', '.join(row.partials)},)"
    tree = _Choices().visit(ast.parse(source, mode="eval"))
    names = {name: _lift(name) if callable(number) else number for name, number in FLOATS.items()}
    function: Callable[..., tuple[Value | float, ...]] = eval(
        compile(ast.fix_missing_locations(tree), f"{GENERATED}{row.name}>", "eval"),
        names | {"number": _number, "choice": _choice},
    )
    return function


# A derivative that depends on where its operand is, as that of relu does, has to stay true when the
# graph is computed anew for other numbers. So a choice between operands and numbers becomes part of
# the graph: `greater` is 1 or 0, and chooses. Other choices single out borders, such as the root at
# 0, where the formula for all other numbers would divide by zero; they are made here.


class _Choices(ast.NodeTransformer):
    """Makes choices part of the graph, and lets conditions of others ask about numbers."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        test = node.test
        if not (isinstance(test, ast.Compare) and _is_plain(node.body) and _is_plain(node.orelse)):
            self.generic_visit(node)
            node.test = _Numbers().visit(test)
            return node
        comparison = ast.Constant(type(test.ops[0]).__name__)
        operands = [test.left, test.comparators[0], self.visit(node.body), self.visit(node.orelse)]
        return ast.Call(ast.Name("choice", ast.Load()), [comparison, *operands], [])


class _Numbers(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in {"x", "y", "z"}:
            return node
        return ast.Call(ast.Name("number", ast.Load()), [node], [])


def _is_plain(node: ast.expr) -> bool:
    """Say whether a text is an operand, a number or a choice between such."""
    if isinstance(node, ast.IfExp):
        return _is_plain(node.body) and _is_plain(node.orelse)
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant) or (isinstance(inner, ast.Name) and inner.id in "xyz")


def _number(x: Operand) -> Any:
    return x.data if isinstance(x, Value) else x


_COMPARISONS = {
    "Gt": operator.gt, "GtE": operator.ge, "Lt": operator.lt, "LtE": operator.le, "Eq": operator.eq
}  # fmt: skip


def _choice(comparison: str, x: Any, y: Any, then: Any, other: Any) -> Value | float:
    """Return ``then`` where x and y compare so, else ``other``: as a graph, if x or y is one."""
    if not isinstance(x, Value) and not isinstance(y, Value):
        number: Value | float = then if _COMPARISONS[comparison](x, y) else other
        return number
    x, y = (a if isinstance(a, Value) else constant(a) for a in (x, y))
    match comparison:
        case "Gt":
            return _mixture(x.greater(y), then, other)
        case "Lt":
            return _mixture(y.greater(x), then, other)
        case "GtE":
            return _mixture(y.greater(x), other, then)
        case "LtE":
            return _mixture(x.greater(y), other, then)
    return _mixture(x.greater(y) + y.greater(x), other, then)  # greater or less: not equal


def _mixture(mask: Value, one: Any, zero: Any) -> Value:
    """Return ``one`` where the mask is 1, and ``zero`` where it is 0."""
    if isinstance(one, Value) or isinstance(zero, Value):
        mixture: Value = mask * (one - zero) + zero
        return mixture
    scaled: Value = mask if one - zero == 1 else mask * (one - zero)
    return scaled if zero == 0 else scaled + zero


def _lift(name: str) -> Callable[..., Value | float]:
    """Return a function of the table's texts for Values, and for numbers as before."""

    def lifted(*arguments: Operand) -> Value | float:
        if not any(isinstance(argument, Value) for argument in arguments):
            number: float = FLOATS[name](*arguments)
            return number
        first, *rest = arguments
        node = first if isinstance(first, Value) else constant(first)
        result: Value = node ** rest[0] if name == "power" else getattr(node, name)(*rest)
        return result

    return lifted


def _name(node: Value) -> str:
    if not node.label:
        return node._op or f"the leaf {node.data!r}"
    return f"{node._op} (node {node.label!r})" if node._op else f"{node.label!r}"
