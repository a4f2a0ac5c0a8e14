"""Derivatives as graphs, and derivatives that are checked.

`grad` runs the chain rule on Values where `Value.backward` runs it on floats; the rules are the
same rows of the table. So a gradient is an expression like any other: it can be drawn, explained
and differentiated again.
"""

from __future__ import annotations

import ast
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from .engine import Value, _shown, constant, operands
from .errors import DomainError, GradientError, OperandError
from .graph import topological_sort
from .ops import FLOATS, PRIMITIVES, Primitive
from .texts import Notation, parse

if TYPE_CHECKING:
    from .miniflow import Node

__all__ = ["check_gradients", "grad", "hessian"]


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
    wanted = _inputs("grad", output, inputs)
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
        raise OperandError(f"{name} differentiates a Value, got {_shown(output)}{hint}")
    if isinstance(inputs, Value):
        return [inputs]
    if isinstance(inputs, Mapping) or not isinstance(inputs, Iterable):
        hint = ": list(inputs.values()) is one" if isinstance(inputs, Mapping) else ""
        raise OperandError(
            f"{name} needs the Values to differentiate by, in a list, got {_shown(inputs)}{hint}"
        )
    wanted = list(inputs)
    for node in wanted:
        if not isinstance(node, Value):
            raise OperandError(
                f"{name} differentiates by Values of the graph, got {_shown(node)} among the inputs"
            )
    return wanted


def _pushes(node: Value, gradient: Value, dependent: set[Value]) -> tuple[Value | float, ...]:
    """Return gradient · ∂node/∂operand for each operand, as Values or, if constant, as numbers."""
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
    function: Callable[..., tuple[Value | float, ...]] = eval(
        f"lambda {row.operands}, z, g: ({pushes},)", _GRAPHS
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
    condition: Value | float,
    then: Callable[[], Value | float],
    other: Callable[[], Value | float],
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


# ── the gradient check ──────────────────────────────────────────────────────────────────────────


def check_gradients(
    output: Value | Callable[[list[Value]], Value] | Node,
    inputs: Iterable[Value | float] | Mapping[Node, Any] | None = None,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
) -> float:
    """Compare a gradient with central differences, and name the first operation that is wrong.

    Each input is moved a little to both sides and everything is computed anew. A node is wrong if
    it does not move as its operands' movements and its own partial derivatives say; the first such
    node in the order of evaluation is named, and if there is none, ``backward()`` has to give what
    the differences give.

    Args:
        output: a Value, whose graph is computed anew by the table of primitives; or a function of a
            list of Values, which is called anew. A graph with operations of one's own needs the
            function, since only that can compute their values. It may also be a node of miniflow.
        inputs: the leaves to move, by default all but the constants; for a function, the numbers
            (or Values) to call it with; for a node, its ``feed_dict``.
        rtol, atol: how far the two may be apart: ``atol`` relative to the size of the node's value,
            which limits the precision of differences, plus ``rtol`` relative to the derivative.

    Returns:
        The largest difference between the two gradients, relative to the larger of 1 and the slope.

    Raises:
        GradientError (an AssertionError): they differ.
        DomainError: moving an input leaves the domain of an operation.

    All ``.grad`` are as before when it returns or raises. It costs four evaluations for each input.
    The step is the cube root of the machine epsilon, relative to 1 and to the input, of which the
    better one counts (Press et al., Numerical Recipes, section 5.7).

    >>> x = Value(0.5, label="x")
    >>> check_gradients(x.tanh() * x) < 1e-9
    True
    """
    if hasattr(output, "inbound_nodes"):
        from .miniflow import check_node_gradients

        return check_node_gradients(output, inputs or {}, rtol=rtol, atol=atol)  # type: ignore[arg-type]
    prepare = _replay if isinstance(output, Value) else _rerun
    leaves, order, evaluate = prepare(output, inputs)  # type: ignore[arg-type]
    gradients = _gradients_by_backward(order, leaves)
    worst = 0.0
    for leaf, gradient in zip(leaves, gradients, strict=True):
        failures = []
        for step in _steps(leaf.data):
            upper, lower = evaluate(leaf, leaf.data + step), evaluate(leaf, leaf.data - step)
            slopes = [
                0.0 if u == v else (u - v) / (2 * step) for u, v in zip(upper, lower, strict=True)
            ]
            failure = _first_difference(order, slopes, leaf, gradient, rtol, atol)
            if failure is None:
                worst = max(worst, abs(gradient - slopes[-1]) / max(1.0, abs(slopes[-1])))
                break
            failures.append(failure)
        else:
            raise GradientError(failures[0])
    return worst


# What is computed anew: the data of all nodes, in order, when one leaf has another value.
Evaluate = Callable[[Value, float], list[float]]


def _replay(
    output: Value, inputs: Iterable[Value] | None
) -> tuple[list[Value], list[Value], Evaluate]:
    """Prepare to compute a graph anew by the table of primitives."""
    order = topological_sort([output], operands)
    for node in order:
        if node.kind == "op" and node.primitive is None:
            raise OperandError(
                f"{_name(node)} is an operation of your own, which only Python can compute anew: "
                "give check_gradients a function of a list of Values instead of a Value"
            )
    leaves = [node for node in order if node.kind in ("leaf", "parameter")]
    if inputs is not None:
        leaves = [inputs] if isinstance(inputs, Value) else list(inputs)
        for leaf in leaves:
            if not isinstance(leaf, Value) or leaf.kind == "op":
                raise OperandError(f"check_gradients moves leaves of the graph, got {leaf!r}")

    def evaluate(moved: Value, x: float) -> list[float]:
        data = {moved: x}
        for node in order:
            if node.primitive is None:
                data.setdefault(node, node.data)
                continue
            numbers = [data[operand] for operand in operands(node)]
            try:
                data[node] = node.primitive.evaluate(*numbers)
            except (ArithmeticError, ValueError):
                raise DomainError(
                    f"{_name(node)} is at the border of its domain: it cannot be computed "
                    f"when {_name(moved)} moves from {moved.data!r} to {x!r}"
                ) from None
        return [data[node] for node in order]

    return leaves, order, evaluate


def _rerun(
    function: Callable[[list[Value]], Value], inputs: Iterable[Value | float] | None
) -> tuple[list[Value], list[Value], Evaluate]:
    """Prepare to compute a graph anew by calling the function that made it."""
    if inputs is None:
        raise OperandError("check_gradients of a function needs the inputs to call it with")
    leaves = [
        Value(float(x), label=getattr(x, "label", "") or f"input {i}") for i, x in enumerate(inputs)
    ]

    def run(leaves: list[Value]) -> list[Value]:
        output = function(leaves)
        if not isinstance(output, Value):
            raise OperandError(
                f"check_gradients needs a function that returns a Value, got {output!r}"
            )
        return topological_sort([output], operands)

    order = run(leaves)

    def evaluate(moved: Value, x: float) -> list[float]:
        nodes = run([Value(x if leaf is moved else leaf.data, label=leaf.label) for leaf in leaves])
        if [node._op for node in nodes] != [node._op for node in order]:
            raise GradientError(
                f"the function builds another graph when {_name(moved)} moves to {x!r}: "
                "its gradient does not exist there"
            )
        return [node.data for node in nodes]

    return leaves, order, evaluate


def _gradients_by_backward(order: Sequence[Value], leaves: Sequence[Value]) -> list[float]:
    """Return what ``backward()`` computes, and leave all gradients as they were."""
    saved = [(node, node.grad) for node in (*order, *leaves)]
    try:
        for node, _ in saved:
            node.grad = 0.0
        order[-1].backward()
        return [leaf.grad for leaf in leaves]
    finally:
        for node, gradient in reversed(saved):
            node.grad = gradient


def _steps(x: float) -> list[float]:
    step = math.cbrt(sys.float_info.epsilon)
    return [step * max(1.0, abs(x))] + ([step * abs(x)] if 0 < abs(x) < 1 else [])


def _first_difference(
    order: Sequence[Value],
    slopes: Sequence[float],
    leaf: Value,
    gradient: float,
    rtol: float,
    atol: float,
) -> str | None:
    """Return a sentence about the first node that does not move as it should, or None."""

    def close(a: float, b: float, node: Value) -> bool:
        return abs(a - b) <= rtol * max(abs(a), abs(b)) + atol * max(1.0, abs(node.data))

    by_differences = dict(zip(order, slopes, strict=True))
    for node in order:
        moved = [
            partial * by_differences[operand]
            for operand, partial in zip(operands(node), node.partials(), strict=True)
            if by_differences[operand] != 0
        ]
        by_rule = math.fsum(moved)
        if moved and not close(by_rule, by_differences[node], node):
            return (
                f"{_name(node)} has a wrong derivative: with respect to {_name(leaf)} it is "
                f"{by_rule:.6g} by its rule and {by_differences[node]:.6g} by central differences"
            )
    if not close(gradient, slopes[-1], order[-1]):
        return (
            f"backward() gives {_name(leaf)} the gradient {gradient:.6g}, central differences give "
            f"{slopes[-1]:.6g}, though each operation on the way is right"
        )
    return None


def _name(node: Value) -> str:
    if not node.label:
        return node._op or f"the leaf {node.data!r}"
    return f"{node._op} (node {node.label!r})" if node._op else f"{node.label!r}"
