"""The scalar engine: a ``Value`` remembers how it was computed and can send gradients back.

>>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
>>> c = a * b + a                # each operation makes a node that knows its operands ...
>>> c.backward()                 # ... so the chain rule can run from c back to the leaves
>>> a.grad, b.grad               # ∂c/∂a = b + 1, ∂c/∂b = a
(-2.0, 2.0)

The derivative rules are the rows of the table in ``ops.py``; ``rules.py`` makes two functions of
each row. A node holds no closure of its own: all products share one `Rule`, and ``node._backward``
binds the rule's function to the node when asked for it. So a node is one object without reference
cycles: it is freed as soon as it is dropped, and the garbage collector, on which engines with a
closure in every node spend most of a training step, has little to walk through.
"""

from __future__ import annotations

import sys
from _ast import AST
from importlib import import_module
from types import MethodType

from .arguments import (
    assigned_data,
    assigned_grad,
    comparable,
    is_array,
    misassigned,
    no_number,
    no_steps,
    number_of,
    operands_of,
)
from .errors import OperandError
from .graph import topological_sort
from .ops import PRIMITIVES
from .rules import RULES, Rule, make_function

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, NoReturn, SupportsFloat, TypeAlias

    from .ops import Primitive

    Operand: TypeAlias = "Value | SupportsFloat"

__all__ = ["Value", "constant", "leaf", "operands", "parameter"]


class _Operation:
    """Stands in the class for the function of a row of the table until it is first used.

    Then the function is made and takes this place, so `import scalargrad` need not wait for
    functions that a program never calls.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, node: Value | None, owner: type[Value]) -> Callable[..., Value]:
        operator = PRIMITIVES[self.name].symbol in {"+", "-", "*", "/", "**"}
        function = make_function(self.name, Value, _operand if operator else constant)
        for attribute in [name for name, x in vars(Value).items() if x is self]:
            setattr(Value, attribute, function)  # the owner may be a subclass of it
        return function if node is None else MethodType(function, node)


# ── the node ────────────────────────────────────────────────────────────────────────────────────


# A syntax tree's node is the base, since it is the one type of the standard library that gives its
# instances a dict and makes it only when an attribute of one's own is first set: 8 bytes a node.
# (`__dict__` as a slot takes 32 and an allocation of its own: a training step is 5% slower. A
# `__setattr__` that keeps such attributes elsewhere slows every assignment down.)


class Value(AST):
    """A scalar that knows its gradient and the operation that made it.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> (a * b).backward()
    >>> a.grad, b.grad
    (-3.0, 2.0)

    Args:
        data: a real number: int, float or a NumPy scalar; it is kept as a float.
        _children: the operands, for an operation of your own.
        _op: its symbol.
        label: a name for pictures, listings and error messages.

    Raises:
        OperandError (a TypeError): ``data`` is not a real number.

    ``a < b`` compares data; ``a == b`` asks whether both are one node, so that nodes can be keys.

    An operation of your own is a Value with operands and a ``_backward`` that adds to their
    gradients:

    >>> x = Value(3.0, label="x")
    >>> out = Value(x.data**2, (x,), "square")
    >>> def _backward():
    ...     x.grad += 2 * x.data * out.grad
    >>> out._backward = _backward
    >>> out.backward()
    >>> x.grad
    6.0

    Attributes of your own stay with a node, as in ``p.momentum = 0.9``.
    """

    __slots__ = ("__weakref__", "_rule", "_x", "_y", "data", "grad", "label")

    data: float
    grad: float
    label: str
    _rule: Rule
    # One operand is in _x, two are in _x and _y; any other number is a tuple in _y, and _x is None.
    _x: Value | None
    _y: Value | tuple[Value, ...] | None

    def __init__(
        self, data: SupportsFloat, _children: Iterable[Value] = (), _op: str = "", label: str = ""
    ) -> None:
        self.data = number_of(data)
        self.grad = 0.0
        self.label = label
        self._x, self._y = None, operands_of(_children)
        self._rule = Rule("op", _op) if self._y or _op else RULES["leaf"]

    # ── the primitives: one method for each row of the table ──

    __add__, __sub__ = _Operation("add"), _Operation("sub")
    __mul__, __truediv__ = _Operation("mul"), _Operation("div")
    _pow, _pow_number = _Operation("pow"), _Operation("pow_number")
    _ieee_pow, _reciprocal = _Operation("ieee_pow"), _Operation("reciprocal")
    __neg__ = neg = _Operation("neg")
    __abs__ = abs = _Operation("abs")
    max, min = _Operation("max"), _Operation("min")
    greater, _where = _Operation("greater"), _Operation("where")
    exp, expm1, sqrt = _Operation("exp"), _Operation("expm1"), _Operation("sqrt")
    log, log1p, clamped_log = _Operation("log"), _Operation("log1p"), _Operation("clamped_log")
    sin, cos, tan = _Operation("sin"), _Operation("cos"), _Operation("tan")
    # The second names are NumPy's, which asks the elements of an array for them.
    asin = arcsin = _Operation("asin")
    acos = arccos = _Operation("acos")
    atan = arctan = _Operation("atan")
    sinh, cosh, tanh = _Operation("sinh"), _Operation("cosh"), _Operation("tanh")
    sigmoid, softplus = _Operation("sigmoid"), _Operation("softplus")
    relu, gelu, _leaky_relu = _Operation("relu"), _Operation("gelu"), _Operation("leaky_relu")
    erf, erfc = _Operation("erf"), _Operation("erfc")
    logaddexp = _Operation("logaddexp")

    # Python asks the right operand when a number stands on the left: 2 * value.

    def __radd__(self, other: Operand) -> Value:
        return constant(other) + self

    def __rsub__(self, other: Operand) -> Value:
        return constant(other) - self

    def __rmul__(self, other: Operand) -> Value:
        return constant(other) * self

    def __rtruediv__(self, other: Operand) -> Value:
        return constant(other) / self

    def __rpow__(self, other: Operand) -> Value:
        return constant(other) ** self

    def __pow__(self, exponent: Operand) -> Value:
        """Power; a number as exponent is a constant, a Value as exponent is differentiated, too.

        A negative base needs a whole exponent (else a DomainError), zero a non-negative one (else a
        DivisionByZeroError).

        >>> (Value(3.0) ** 2).data
        9.0
        """
        return self._pow(exponent) if isinstance(exponent, Value) else self._pow_number(exponent)

    def leaky_relu(self, negative_slope: Operand = 0.01) -> Value:
        """Rectifier that lets ``negative_slope * x`` through where x is negative.

        >>> Value(-2.0).leaky_relu().data
        -0.02
        """
        return self._leaky_relu(negative_slope)

    def conjugate(self) -> Value:
        """Return the Value itself, as for any real number: NumPy asks for it in ``np.var``."""
        return self

    __pos__ = conjugate
    rint = no_steps  # NumPy asks for it in ``np.round``
    _misassigned = misassigned
    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = no_steps

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Compute a function of NumPy, such as ``np.exp(value)`` or ``array * value``."""
        Value.__array_ufunc__ = _room("ufuncs").apply  # type: ignore[method-assign]
        return self.__array_ufunc__(ufunc, method, *inputs, **options)

    # ── the graph ──

    @property
    def _prev(self) -> tuple[Value, ...]:
        """The operands, in order; ``a + a`` has two. A leaf has none."""
        return operands(self)

    @property
    def _op(self) -> str:
        """The symbol of the operation that made this node; empty for a leaf."""
        return self._rule.symbol

    @property
    def kind(self) -> str:
        """What the node is: "op", or as a leaf "leaf", "parameter" (of a model) or "constant"."""
        return self._rule.kind

    @property
    def primitive(self) -> Primitive | None:
        """The row of the table that made this node; None for a leaf or an op of one's own."""
        return self._rule.primitive

    # ── the chain rule ──

    @property
    def _backward(self) -> Callable[[], object]:
        """One step of the chain rule: add ∂self/∂operand · self.grad to each operand's gradient.

        Assigning a function without arguments makes this node an operation of your own.
        """
        return MethodType(self._rule.backward, self)

    @_backward.setter
    def _backward(self, function: Callable[[], object]) -> None:
        if not callable(function):
            raise OperandError(f"_backward needs a function without arguments, got {function!r}")
        self._rule = Rule(self.kind, self._op, lambda _node: function())

    def backward(self) -> None:
        """Compute ∂self/∂node for every node that self depends on, into ``node.grad``.

        Gradients of leaves are added to what is there already (so those of several calls sum up,
        until they are set back to 0.0); all others are of this call alone.

        Raises:
            OperandError: what was assigned to ``data``, or to the ``grad`` of a leaf, is no real
                number. (An int becomes a float.)

        >>> x = Value(3.0)
        >>> (x * x).backward()
        >>> x.grad
        6.0
        """
        order = topological_sort([self], operands)
        for node in order:
            if node._rule.kind == "op":
                node.grad = 0.0
            elif type(node.data) is not float or type(node.grad) is not float:
                node.data, node.grad = assigned_data(node), assigned_grad(node)
        if type(self.data) is not float:  # and so is that of a node on the way
            for node in order:
                node.data = assigned_data(node)
        self.grad += 1.0
        for node in reversed(order):
            node._rule.backward(node)

    def partials(self) -> tuple[float, ...]:
        """Return ∂self/∂operand for each operand: the local derivatives of the chain rule.

        >>> (Value(2.0) * Value(-3.0)).partials()
        (-3.0, 2.0)
        """
        row = self._rule.primitive
        if row is None:
            return _room("own").partials(self)  # type: ignore[no-any-return]
        return row.slopes(*[node.data for node in operands(self)], self.data)

    def at(self, numbers: Mapping[Value, SupportsFloat]) -> float:
        """Return what this graph gives for other numbers in some of its leaves.

        All others have the data that they have now. Nothing is built, and nothing is changed.

        Raises:
            OperandError: a key is no leaf, or is a constant of the expression; a number is none;
                or an operation of one's own, which has no formula, depends on a leaf that is given.
            SizeError: a leaf is not in this graph.
            DomainError and its kin: an operation is not defined there.

        >>> a, b = Value(2.0), Value(-3.0)
        >>> c = a * b + a
        >>> c.at({a: 3.0, b: 1.0}), c.data
        (6.0, -4.0)
        """
        return _room("evaluation").evaluate(self, numbers)  # type: ignore[no-any-return]

    # ── copies, also of a graph that is a million steps deep ──

    def __copy__(self) -> Value:
        return _room("copies").shallow_copy(self)  # type: ignore[no-any-return]

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        return _room("copies").deep_copy(self, memo)  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return _room("copies").reduced(self)  # type: ignore[no-any-return]

    # ── as a number ──

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self.data}, grad={self.grad}{label})"

    def __float__(self) -> NoReturn:
        raise no_number(self, "float", sys._getframe(1))

    def __int__(self) -> NoReturn:
        raise no_number(self, "int", sys._getframe(1))

    def __bool__(self) -> bool:
        return self.data != 0.0

    def __round__(self, digits: int | None = None) -> float:
        return round(self.data, digits)

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    # Order looks at data; equality and hash are those of the object, so a node can be a key.

    def __lt__(self, other: Operand) -> bool:
        return self.data < _data(other)

    def __le__(self, other: Operand) -> bool:
        return self.data <= _data(other)

    def __gt__(self, other: Operand) -> bool:
        return self.data > _data(other)

    def __ge__(self, other: Operand) -> bool:
        return self.data >= _data(other)


# A row of the table that is not listed in the class has its method, too.
for _row in PRIMITIVES.values():
    if _row.method not in vars(Value):
        setattr(Value, _row.method, _Operation(_row.name))


def operands(node: Value) -> tuple[Value, ...]:
    """Return the operands of a node, in order, with duplicates.

    >>> a = Value(2.0, label="a")
    >>> operands(a + a)
    (Value(data=2.0, grad=0.0, label='a'), Value(data=2.0, grad=0.0, label='a'))
    """
    x, y = node._x, node._y
    if x is None:
        return y  # type: ignore[return-value]
    return (x,) if y is None else (x, y)  # type: ignore[return-value]


def leaf(data: SupportsFloat, rule: Rule, label: str = "") -> Value:
    """Make a leaf of a kind, which a rule says."""
    node = Value.__new__(Value)
    node.data = data if type(data) is float else number_of(data)
    node.grad, node.label = 0.0, label
    node._rule, node._x, node._y = rule, None, ()
    return node


def constant(data: SupportsFloat) -> Value:
    """Make the leaf that stands for a number in an expression, like the 2 in ``2 * x``."""
    return leaf(data, RULES["constant"])


def _operand(x: Any) -> Value:
    """Return the constant for what is no Value, or leave an array to NumPy: `ufuncs.py`."""
    try:
        return leaf(x, RULES["constant"])
    except OperandError:
        if is_array(x):
            return NotImplemented  # type: ignore[no-any-return]
        raise


def parameter(data: SupportsFloat, label: str = "") -> Value:
    """Make a leaf that a model learns."""
    return leaf(data, RULES["parameter"], label)


def _data(operand: Any) -> float:
    return operand.data if isinstance(operand, Value) else comparable(operand)


def _room(name: str) -> Any:
    """Return a module of this package that is loaded when it is first needed."""
    return import_module(f".{name}", __package__)
