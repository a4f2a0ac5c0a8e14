"""Derivatives as graphs.

`grad` runs the chain rule on Values where `Value.backward` runs it on floats; the rules are the
same rows of the table. So a gradient is an expression like any other: it can be drawn, explained
and differentiated again.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from .arguments import assigned_data, named, shown
from .engine import Value, constant, operands
from .errors import OperandError
from .graph import topological_sort
from .ops import FLOATS, PRIMITIVES, Primitive
from .rules import remembered
from .texts import Notation, parse

__all__ = ["grad", "hessian"]


# ── the gradient as a graph ─────────────────────────────────────────────────────────────────────


def grad(output: Value, inputs: Value | Iterable[Value]) -> list[Value]:
    """Return the derivative of an output with respect to each input, as Values with graphs.

    The result costs a constant factor of the output's own graph, whatever the number of inputs, and
    can be differentiated again. Inputs may be leaves or nodes on the way; one that the output does
    not depend on has derivative 0. No ``.grad`` is read or changed.

    Raises:
        OperandError: an operation of one's own stands on the way; it has a ``_backward`` for
            numbers but no rule that could be differentiated again. Or what was assigned to the
            ``data`` of a node is no real number.

    >>> x = Value(2.0, label="x")
    >>> (slope,) = grad(x**3, [x])           # 3x²
    >>> (curvature,) = grad(slope, [x])      # 6x
    >>> slope.data, curvature.data
    (12.0, 12.0)
    """
    wanted = _inputs("grad", output, inputs)
    order = topological_sort([output], operands)
    dependent = set(wanted)  # the nodes that depend on an input
    for node in order:
        if type(node.data) is not float:
            assigned_data(node)
        if not dependent.isdisjoint(operands(node)):
            dependent.add(node)

    gradients: dict[Value, Value] = {output: constant(1.0)}
    for node in reversed(order):
        gradient = gradients.get(node)
        nodes = operands(node)
        if gradient is None or dependent.isdisjoint(nodes):
            continue
        for operand, push in zip(nodes, _pushes(node, gradient, dependent), strict=True):
            # A number is a push that is constant, and a constant 0 passes nothing on.
            if operand in dependent and (isinstance(push, Value) or push != 0):
                term = push if isinstance(push, Value) else constant(push)
                known = gradients.get(operand)
                gradients[operand] = term if known is None else known + term
    return [gradients[node] if node in gradients else constant(0.0) for node in wanted]


def hessian(output: Value, inputs: Value | Iterable[Value]) -> list[list[Value]]:
    """Return the matrix of second derivatives, ∂²output / ∂inputᵢ ∂inputⱼ, as Values with graphs.

    Raises:
        OperandError: as for `grad`.

    >>> x, y = Value(2.0), Value(3.0)
    >>> [[h.data for h in row] for row in hessian(x * x * y, [x, y])]
    [[6.0, 4.0], [4.0, 0.0]]
    """
    wanted = _inputs("hessian", output, inputs)
    return [grad(slope, wanted) for slope in grad(output, wanted)]


def _inputs(name: str, output: Value, inputs: Value | Iterable[Value]) -> list[Value]:
    """Return the inputs as a list, or an error that says how the function is called."""
    if not isinstance(output, Value):
        hint = ": call it first" if callable(output) else ""
        raise OperandError(f"{name} differentiates a Value, got {shown(output)}{hint}")
    if isinstance(inputs, Value):
        return [inputs]
    if isinstance(inputs, Mapping) or not isinstance(inputs, Iterable):
        hint = ": list(inputs.values()) is one" if isinstance(inputs, Mapping) else ""
        raise OperandError(
            f"{name} needs the Values to differentiate by, in a list, got {shown(inputs)}{hint}"
        )
    wanted = list(inputs)
    for node in wanted:
        if not isinstance(node, Value):
            raise OperandError(
                f"{name} differentiates by Values of the graph, got {shown(node)} among the inputs"
            )
    return wanted


def _pushes(node: Value, gradient: Value, dependent: set[Value]) -> tuple[Value | float, ...]:
    """Return gradient · ∂node/∂operand for each operand, as Values or, if constant, as numbers."""
    if node.primitive is None:
        raise OperandError(
            f"{named(node)} is an operation of your own: its _backward gives numbers, so its "
            "gradient cannot be a graph; build it from primitives, or use backward()"
        )
    # A constant enters as a number, so that x ** 3 has the derivative 3 * x ** 2 and not one that
    # could again be differentiated in the exponent.
    numbers = [
        operand.data if operand.kind == "constant" and operand not in dependent else operand
        for operand in operands(node)
    ]
    known = gradient.kind == "constant" and gradient not in dependent
    g = gradient.data if known else gradient
    return _value_rules(node.primitive)(*numbers, node, g)


# ── the texts of the table, for Values ──────────────────────────────────────────────────────────
#
# A derivative that depends on where its operand is, as that of relu does, has to stay true when the
# graph is computed anew for other numbers. So a choice becomes part of the graph, as a `where`, and
# only what depends on constants alone is decided now. Functions without a name of their own in
# Python do that: their operands are Values or numbers, and so is their result.


@cache
def _value_rules(row: Primitive) -> Callable[..., tuple[Value | float, ...]]:
    """Compile g · ∂z/∂operand for each operand of a row into a function of Values or numbers."""
    pushes = ", ".join(_Graphs().read(parse(text)) for text in row.pushes)
    source = f"lambda {row.operands}, z, g: ({pushes},)"
    file = remembered(f"{row.name} gradient", source)
    function: Callable[..., tuple[Value | float, ...]] = eval(
        compile(source, file, "eval"), _GRAPHS
    )
    return function


class _Graphs(Notation[str]):
    """Python source that computes a text with Values, with numbers, or with both.

    >>> _Graphs().read(parse("0 if x <= 0 else g"))
    'choose(greater(x, 0.0), lambda: g, lambda: 0.0)'
    """

    def number(self, x: float) -> str:
        return repr(x)

    def name(self, name: str) -> str:
        return name

    def negative(self, x: str) -> str:
        return f"(-{x})"

    def infix(self, op: str, x: str, y: str) -> str:
        return f"product({x}, {y})" if op == "*" else f"({x} {op} {y})"

    def call(self, name: str, inputs: Sequence[str]) -> str:
        return f"{name}({', '.join(inputs)})"

    def comparison(self, op: str, x: str, y: str) -> str:
        """Write what is not 0 where the comparison holds, or cannot be known for a nan."""
        match op:
            case ">":
                return f"greater({x}, {y})"
            case "<":
                return f"greater({y}, {x})"
            case "!=":
                return f"differ({x}, {y})"
        raise self.lacks(f"the comparison {op!r} within a condition")

    def junction(self, word: str, parts: Sequence[str]) -> str:
        *others, last = parts
        for part in reversed(others):
            then, other = ("1.0", last) if word == "or" else (last, "0.0")
            last = f"choose({part}, lambda: {then}, lambda: {other})"
        return last

    def choice(self, test: ast.expr, then: ast.expr, other: ast.expr) -> str:
        # There is no mask for "not greater", but the branches can change places.
        match test:
            case ast.Compare(x, [ast.LtE()], [y]):
                return self.choice(ast.Compare(x, [ast.Gt()], [y]), other, then)
            case ast.Compare(x, [ast.GtE()], [y]):
                return self.choice(ast.Compare(x, [ast.Lt()], [y]), other, then)
            case ast.Compare(x, [ast.Eq()], [y]):
                return self.choice(ast.Compare(x, [ast.NotEq()], [y]), other, then)
        branches = f"lambda: {self.read(then)}, lambda: {self.read(other)}"
        return f"choose({self.read(test)}, {branches})"


def _choose(
    condition: Value | float, then: Callable[[], Value | float], other: Callable[[], Value | float]
) -> Value | float:
    """Return a choice that is made in the graph; or made now, if the condition is a number."""
    if not isinstance(condition, Value):
        return then() if condition != 0 else other()
    return condition._where(then(), other())


def _differ(x: Value | float, y: Value | float) -> Value | float:
    if not isinstance(y, Value) and y == 0:
        return x  # a condition holds wherever it is not 0
    return _greater(x, y) + _greater(y, x)


def _product(x: Value | float, y: Value | float) -> Value | float:
    """Return x · y without the factors of 1 and -1 that only make a graph harder to read."""
    for number, other in ((x, y), (y, x)):
        if isinstance(other, Value) and not isinstance(number, Value) and abs(number) == 1:
            return other if number == 1 else -other
    return x * y


def _power(x: Value | float, y: Value | float) -> Value | float:
    if isinstance(x, Value) and not isinstance(y, Value) and y in (0, 1):
        return x if y == 1 else 1.0
    return _applied("ieee_pow", x, y)


def _applied(name: str, *inputs: Value | float) -> Value | float:
    """Return what a row of the table makes of its operands; of numbers, a number."""
    if not any(isinstance(x, Value) for x in inputs):
        number: float = FLOATS[name](*inputs)
        return number
    first, *rest = inputs
    node = first if isinstance(first, Value) else constant(first)
    result: Value = getattr(node, PRIMITIVES[name].method)(*rest)
    return result


_greater = partial(_applied, "greater")

#: What the source of `_Graphs` names: functions of the table, constants, and the three of above.
_GRAPHS: dict[str, Any] = {
    name: partial(_applied, name) if callable(value) else value for name, value in FLOATS.items()
}
_GRAPHS |= {"greater": _greater, "choose": _choose, "differ": _differ, "product": _product}
_GRAPHS |= {"ieee_pow": _power}
