"""Derivatives as graphs, and derivatives that are checked.

`grad` runs the chain rule on Values where `Value.backward` runs it on floats; the rules are the
same rows of the table. So a gradient is an expression like any other: it can be drawn, explained
and differentiated again.
"""

from __future__ import annotations

import ast
import math
import operator
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from .engine import Value, constant, operands
from .errors import DomainError, GradientError, OperandError
from .graph import topological_sort
from .ops import FLOATS, Primitive

if TYPE_CHECKING:
    from .engine import Operand
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
        compile(ast.fix_missing_locations(tree), row.name, "eval"),
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
            slopes = [(u - v) / (2 * step) for u, v in zip(upper, lower, strict=True)]
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
        Value(x.data, label=x.label or f"input {i}")
        if isinstance(x, Value)
        else Value(x, label=f"input {i}")
        for i, x in enumerate(inputs)
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
