"""Rules: from each row of the table, the two functions that its nodes share.

One computes a result and makes its node, the other passes the node's gradient on. They are
generated when a row is first used. For ``tanh`` they read::

    def make_tanh(a):                           def tanh_backward(out):
        x = a.data                                  a, b, g = out._x, out._y, out.grad
        out = new(Value)                            z = out.data
        out.data = tanh(x)                          a.grad += g * (1 - z * z)
        ...

where ``a`` and ``b`` are nodes, ``x``, ``y`` and ``z`` the numbers of the table, and ``g`` is the
gradient of the result.
"""

from __future__ import annotations

from .errors import DivisionByZeroError, DomainError, OperandError, RangeError
from .ops import FLOATS, PRIMITIVES, SLOPES, Primitive, float_function

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .engine import Value

__all__ = ["GENERATED", "MAKERS", "NAMESPACES", "RULES", "Rule", "make_function"]

#: How the file names of generated code start, so that it is not taken for a user's.
GENERATED = "<scalargrad "


class Rule:
    """What a node knows of its origin: the op's symbol, and how to pass its gradient on.

    All results of a primitive share one rule, and so do all leaves of a kind. A node whose
    ``_backward`` was assigned by hand gets a rule of its own, which keeps its operands as well.
    """

    __slots__ = ("backward", "kind", "name", "operands", "primitive", "symbol")

    def __init__(
        self,
        kind: str,  # "op", or for a leaf "leaf", "parameter" or "constant"
        symbol: str = "",
        backward: Callable[[Value], object] = lambda _node: None,
        operands: tuple[Value, ...] = (),
        primitive: Primitive | None = None,
    ) -> None:
        self.kind, self.symbol, self.backward = kind, symbol, backward
        self.operands, self.primitive = operands, primitive
        self.name = primitive.name if primitive else kind

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Keep shared rules shared when nodes are copied or pickled."""
        if RULES.get(self.name) is self:
            return _shared_rule, (self.name,)
        raise OperandError(
            f"{self.symbol or 'an operation'} is an operation of your own, and cannot be copied or "
            "pickled: its _backward belongs to the nodes that it was written for"
        )


#: The shared rules by name: one for each kind of leaf, one for each row of the table in use.
RULES: dict[str, Rule] = {kind: Rule(kind) for kind in ("leaf", "parameter", "constant")}


def _shared_rule(name: str) -> Rule:
    if name not in RULES:
        RULES[name] = _rule(PRIMITIVES[name])
    return RULES[name]


def _rule(row: Primitive) -> Rule:
    return Rule("op", row.symbol, _backward_function(row), primitive=row)


_UNARY = """
def make_{name}(a):
    x = a.data
    out = new(Value)
    try:
        out.data = {value}
    except (ArithmeticError, ValueError) as error:
        raise failure(error, row, a) from None
    out.grad = 0.0
    out.label = ""
    out._rule = rule
    out._x = a
    out._y = None
    return out
"""

_BINARY = """
def make_{name}(a, b):
    if not isinstance(b, Value):
        b = constant(b)
    x, y = a.data, b.data
    out = new(Value)
    try:
        out.data = {value}
    except (ArithmeticError, ValueError) as error:
        raise failure(error, row, a, b) from None
    out.grad = 0.0
    out.label = ""
    out._rule = rule
    out._x = a
    out._y = b
    return out
"""

_BACKWARD = """
def {name}_backward(out):
    a, b, g = out._x, out._y, out.grad
    {load}
    {add}
"""


def make_function(
    name: str, node_type: type[Value], constant: Callable[[Any], Value]
) -> Callable[..., Value]:
    """Return the function that computes a primitive and makes the node of its result.

    Args:
        name: a row of the table.
        node_type: the class of the nodes.
        constant: makes a node of an operand that is a number.
    """
    row = PRIMITIVES[name]
    names = FLOATS | {"Value": node_type, "constant": constant, "row": row}
    names |= {"rule": _shared_rule(name)} | MAKERS
    NAMESPACES.append(names)
    template = _BINARY if len(row.partials) == 2 else _UNARY
    exec(compile(template.format(name=name, value=row.value), f"{GENERATED}{name}>", "exec"), names)
    function: Callable[..., Value] = names[f"make_{name}"]
    function.__name__, function.__qualname__ = name, f"{node_type.__name__}.{name}"
    function.__module__, function.__doc__ = node_type.__module__, _docstring(row)
    return function


def _backward_function(row: Primitive) -> Callable[[Value], None]:
    """Return the function that adds ∂z/∂operand · g to the gradient of each operand."""
    used = compile(", ".join(row.partials), row.name, "eval").co_names
    sources = {"x": "a.data", "y": "b.data", "z": "out.data"}
    load = [f"{number} = {source}" for number, source in sources.items() if number in used]
    terms = {"1": "g", "-1": "-g"}
    add = [
        f"{node}.grad += {terms.get(partial, f'g * ({partial})')}"
        for node, partial in zip("ab", row.partials, strict=False)
        if partial != "0"
    ]
    names = dict(SLOPES)
    exec(_BACKWARD.format(name=row.name, load="; ".join(load), add="; ".join(add)), names)
    function: Callable[[Value], None] = names[f"{row.name}_backward"]
    return function


def _docstring(row: Primitive) -> str:
    x, *y = row.example
    if row.symbol in {"+", "-", "*", "/", "**"}:
        call = f"(Value({x}) {row.symbol} {y[0]})"
    else:
        call = f"Value({x}).{row.name}({', '.join(map(str, y))})"
    answer = float_function(row.value, row.operands)(*row.example)
    slopes = [f"∂z/∂{x} = {partial}" for x, partial in zip("xy", row.partials, strict=False)]
    domain = [f"Defined where {row.domain}; elsewhere an error says so."] if row.domain else []
    parts = [row.about, f"z = {row.value}", *slopes, *domain, f">>> {call}.data\n{answer}"]
    return "\n\n".join(parts)


def _failure(error: Exception, row: Primitive, *nodes: Value) -> Exception:
    """Return the error that says which operation failed, on what, and what it needs."""
    numbers = [repr(node.data) for node in nodes]
    labels = [repr(node.label) for node in nodes if node.label]
    name = row.name
    if len(nodes) == 2:
        name = f"x {row.symbol} y"
        numbers = [f"{x} = {number}" for x, number in zip("xy", numbers, strict=True)]
    got = " and ".join(numbers) + (f" (node {' and '.join(labels)})" if labels else "")
    if isinstance(error, ZeroDivisionError):
        return DivisionByZeroError(f"{name} divides by zero, got {got}")
    if isinstance(error, OverflowError):
        return RangeError(f"{name} is larger than the largest float, got {got}")
    return DomainError(f"{name} needs {row.domain}, got {got}")


#: What all functions make nodes and errors with, and where those look that are made already: so
#: `debug` can put others in their places.
MAKERS: dict[str, Any] = {"new": object.__new__, "failure": _failure}
NAMESPACES: list[dict[str, Any]] = []
