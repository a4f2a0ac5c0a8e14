"""Rules: from each row of the table, the two functions that its nodes share.

One computes a result and makes its node, the other passes the node's gradient on. They are
generated when a row is first used. For ``tanh`` they read::

    def make_tanh(a):                           def tanh_backward(out):
        x = a.data                                  a = out._x; g = out.grad
        out = new(Value)                            z = out.data
        out.data = tanh(x)                          a.grad += g * (1 - z * z)
        ...

where ``a`` is a node, ``x`` and ``z`` are numbers of the table, and ``g`` is the gradient of the
result. ``Value.tanh??`` in IPython, ``inspect.getsource``, tracebacks and debuggers show them.
"""

from __future__ import annotations

from .errors import DivisionByZeroError, DomainError, OperandError, RangeError
from .loading import when_loaded
from .ops import FLOATS, PRIMITIVES, Primitive

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, TypeVar

    class Node(Protocol):
        """What a rule works on: the engine's Value has these, and more."""

        data: float
        grad: float
        label: str
        _rule: Rule

        def _misassigned(self) -> Exception | None: ...

    N = TypeVar("N", bound=Node)

__all__ = [
    "GENERATED",
    "NAMESPACES",
    "RULES",
    "SUBSTITUTES",
    "Rule",
    "failure",
    "make_function",
    "remembered",
    "shared_rule",
    "show_sources",
]

#: How the file names of generated code start, so that it is not taken for a user's.
GENERATED = "<scalargrad "

#: Where the functions look that are made, and what `debug` puts there for ``new`` and ``failure``.
NAMESPACES: list[dict[str, Any]] = []
SUBSTITUTES: dict[str, Any] = {}


class Rule:
    """What a node knows of its origin: the op's symbol, and how to pass its gradient on.

    All results of a primitive share one rule, and so do all leaves of a kind. A node whose
    ``_backward`` was assigned by hand gets a rule of its own.
    """

    __slots__ = ("backward", "kind", "name", "primitive", "symbol")

    def __init__(
        self,
        kind: str,  # "op", or for a leaf "leaf", "parameter" or "constant"
        symbol: str = "",
        backward: Callable[[Any], object] = lambda _node: None,
        primitive: Primitive | None = None,
    ) -> None:
        self.kind, self.symbol, self.backward = kind, symbol, backward
        self.primitive = primitive
        self.name = primitive.name if primitive else kind

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Keep shared rules shared when nodes are copied or pickled."""
        if RULES.get(self.name) is self:
            return shared_rule, (self.name,)
        raise OperandError(
            f"{self.symbol or 'an operation'} is an operation of your own, and cannot be copied or "
            "pickled: its _backward belongs to the nodes that it was written for"
        )


#: The shared rules by name: one for each kind of leaf, one for each row of the table in use.
RULES: dict[str, Rule] = {kind: Rule(kind) for kind in ("leaf", "parameter", "constant")}


def shared_rule(name: str) -> Rule:
    """Return the rule that all results of a row share, or all leaves of a kind."""
    if name not in RULES:
        RULES[name] = _rule(PRIMITIVES[name])
    return RULES[name]


def _rule(row: Primitive) -> Rule:
    return Rule("op", row.symbol, _backward_function(row), primitive=row)


#: What the node of an operand is called in the functions below.
_NODES = {"x": "a", "y": "b", "c": "condition"}

_MAKE = """
def make_{name}({nodes}):
    # The way back, which the node's _backward() is:  {add}
{constants}
    {load}
    out = new(Value)
    try:
        out.data = {value}
    except (ArithmeticError, ValueError, TypeError) as error:
        raise failure(error, row, {nodes}) from None
    out.grad = 0.0
    out.label = ""
    out._rule = rule
    {store}
    return out
"""

# A number becomes a leaf; of an array, Python asks NumPy.
_CONSTANT = """
    if not isinstance({node}, Value):
        {node} = constant({node})
        if {node} is NotImplemented:
            return {node}
"""

_BACKWARD = """
def {name}_backward(out):
    {operands}; g = out.grad
    {load}
    {add}
"""

# One or two operands are attributes of a node, which is quick and small; three are a tuple.
_STORE = {1: "out._x = a; out._y = None", 2: "out._x = a; out._y = b"}
_OPERANDS = {1: "a = out._x", 2: "a, b = out._x, out._y"}


def _line(*statements: str) -> str:
    return "; ".join(filter(None, statements)) or "pass"


def make_function(name: str, node_type: type[N], constant: Callable[[Any], N]) -> Callable[..., N]:
    """Return the function that computes a primitive and makes the node of its result.

    Args:
        name: a row of the table.
        node_type: the class of the nodes.
        constant: makes a node of an operand that is a number; for an operator it may answer
            NotImplemented, and Python asks the operand instead.
    """
    row = PRIMITIVES[name]
    names = FLOATS | {"Value": node_type, "new": node_type.__new__, "constant": constant}
    names |= {"failure": failure, "row": row, "rule": shared_rule(name)} | SUBSTITUTES
    NAMESPACES.append(names)
    nodes = [_NODES[letter] for letter in row.letters]
    # A method is called on a node; what stands beside it may be a number.
    beside = nodes if len(nodes) > 2 else nodes[1:]
    listed = ", ".join(nodes)
    source = _MAKE.format(
        name=name,
        add=_line(*_pushes(row)),
        value=row.value,
        nodes=listed,
        constants="".join(_CONSTANT.format(node=node) for node in beside),
        load=f"{row.operands} = {', '.join(f'{node}.data' for node in nodes)}",
        store=_STORE.get(len(nodes), f"out._x = None; out._y = ({listed})"),
    )
    source = source.replace("\n\n", "\n")
    exec(compile(source, remembered(name, source), "exec"), names)
    function: Callable[..., N] = names[f"make_{name}"]
    function.__name__, function.__qualname__ = name, f"{node_type.__name__}.{name}"
    function.__module__, function.__doc__ = node_type.__module__, _docstring(row)
    return function


def _backward_function(row: Primitive) -> Callable[[Any], None]:
    """Return the function that adds g · ∂z/∂operand to the gradient of each operand."""
    used = compile(", ".join(row.pushes), row.name, "eval").co_names
    sources = {letter: f"{_NODES[letter]}.data" for letter in row.letters} | {"z": "out.data"}
    nodes = ", ".join(_NODES[letter] for letter in row.letters)
    load = [f"{letter} = {source}" for letter, source in sources.items() if letter in used]
    source = _BACKWARD.format(
        name=row.name,
        operands=_OPERANDS.get(len(row.letters), f"{nodes} = out._y"),
        load=_line(*load),
        add=_line(*_pushes(row)),
    )
    names = dict(FLOATS)
    exec(compile(source, remembered(f"{row.name} backward", source), "exec"), names)
    function: Callable[[Any], None] = names[f"{row.name}_backward"]
    return function


def _pushes(row: Primitive) -> list[str]:
    """Write what each operand's gradient gets."""
    return [
        f"{_NODES[letter]}.grad += {push}"
        for letter, push in zip(row.letters, row.pushes, strict=True)
        if push != "0.0"
    ]


#: The sources of generated code, by the names of their files, that `linecache` was not told yet.
_SOURCES: dict[str, str] = {}


def remembered(name: str, source: str) -> str:
    """Name the file of generated code, and keep its source for those who show code."""
    file = f"{GENERATED}{name}>"
    _SOURCES[file] = source
    # Until somebody loads it, nobody shows code; and it would load the module re.
    when_loaded("linecache", _tell)
    return file


def show_sources() -> None:
    """Tell `linecache`, whom tracebacks, debuggers and `inspect` ask, the sources of all rules."""
    import linecache

    _tell(linecache)


def _tell(linecache: Any) -> None:
    for file, source in _SOURCES.items():
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    _SOURCES.clear()


def _docstring(row: Primitive) -> str:
    x, *others = row.example
    call = f"Value({x}).{row.method}({', '.join(map(str, others))})"
    answer = row.evaluate(*row.example)
    slopes = [f"∂z/∂{x} = {slope}" for x, slope in zip(row.letters, row.partials, strict=True)]
    domain = [f"Defined where {row.domain}; elsewhere an error says so."] if row.domain else []
    parts = [row.about, f"z = {row.value}", *slopes, *domain, f">>> {call}.data\n{answer}"]
    return "\n\n".join(parts)


def failure(error: Exception, row: Primitive, *nodes: Node) -> Exception:
    """Return the error that says which operation failed, on what, and what it needs."""
    show_sources()  # its traceback may be shown
    if isinstance(error, TypeError):  # what was assigned to the data of a node may be anything
        return next(filter(None, (node._misassigned() for node in nodes)), error)
    given = [f"{node.data!r}{_labelled(node)}" for node in nodes]
    name = row.name
    if len(nodes) > 1:
        name = f"x {row.symbol} y"
        given = [f"{x} = {got}" for x, got in zip(row.letters, given, strict=True)]
    got = " and ".join(given)
    if isinstance(error, ZeroDivisionError):
        return DivisionByZeroError(f"{name} divides by zero, got {got}")
    if isinstance(error, OverflowError):
        return RangeError(f"{name} is larger than the largest float, got {got}")
    return DomainError(f"{name} needs {row.domain}, got {got}")


def _labelled(node: Node) -> str:
    return f" (node {node.label!r})" if node.label else ""
