"""The nodes that compute: elementwise functions, matrix products, sums and softmax.

Each is a kernel with a check of the shapes before it. The elementwise ones are the rows of the
table of primitives, and there is one for each row:

>>> from scalargrad.miniflow import Input, value_and_grad
>>> x = Input()
>>> value, (gradient,) = value_and_grad(elementwise_node("softplus")(x), {x: 1000.0}, wrt=[x])
>>> print(value, gradient)
1000.0 1.0
"""

from __future__ import annotations

import numpy as np

from ..arrays.kernels import BIAS_ADD, LINEAR, MATMUL, MEAN, SOFTMAX, elementwise, sum_over
from ..errors import OperandError, SizeError
from ..ops import PRIMITIVES, Primitive
from .node import Node, Op

__all__ = [
    "Add",
    "BiasAdd",
    "Div",
    "Elementwise",
    "Exp",
    "Linear",
    "Log",
    "MatMul",
    "Mean",
    "Mul",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Sub",
    "Sum",
    "Tanh",
    "elementwise_node",
]


# ── elementwise functions ───────────────────────────────────────────────────────────────────────


class Elementwise(Op):
    """A row of the table of primitives, for each element of its operands.

    Operands of different shapes broadcast, as in NumPy.
    """

    row: Primitive
    _or_more = ""

    def __init__(self, *operands: Node, name: str = "") -> None:
        count = len(self.row.partials)
        if len(operands) != count:
            raise OperandError(
                f"{type(self).__name__} takes {count} operand{'s' * (count > 1)}"
                f"{self._or_more}, got {len(operands)}"
            )
        Op.__init__(self, operands, name)
        self.kernel = elementwise(self.row)

    def check(self, *shapes: tuple[int, ...]) -> None:
        """Raise a SizeError if the operands do not broadcast."""
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            got = " and ".join(map(str, shapes))
            raise SizeError(f"{self} needs shapes that fit together, got {got}") from None


class _Chain(Elementwise):
    """An operation that also takes more than two operands: x + y + z is (x + y) + z."""

    _or_more = " or more"

    def __init__(self, *operands: Node, name: str = "") -> None:
        while len(operands) > 2:
            x, y, *more = operands
            operands = (type(self)(x, y), *more)
        Elementwise.__init__(self, *operands, name=name)


class Add(_Chain):
    """The sum of two or more operands."""

    row = PRIMITIVES["add"]


class Mul(_Chain):
    """The product of two or more operands, element by element."""

    row = PRIMITIVES["mul"]


_ELEMENTWISE: dict[str, type[Elementwise]] = {"add": Add, "mul": Mul}


def elementwise_node(name: str) -> type[Elementwise]:
    """Return the node class of a row of the table of primitives.

    >>> elementwise_node("leaky_relu").__name__
    'LeakyReLU'
    """
    if name not in _ELEMENTWISE:
        row = PRIMITIVES[name]
        words = (row.symbol if row.symbol[0].isalpha() else name.replace("_", " ")).split()
        partials = [f"∂z/∂{x} = {text}" for x, text in zip(row.letters, row.partials, strict=True)]
        doc = "\n\n    ".join([row.about, f"z = {row.value}", *partials])
        members = {"row": row, "__doc__": doc, "__module__": __name__}
        title = "".join(word[0].upper() + word[1:] for word in words)
        _ELEMENTWISE[name] = type(title, (Elementwise,), members)
    return _ELEMENTWISE[name]


Sub, Div = elementwise_node("sub"), elementwise_node("div")
Exp, Log = elementwise_node("exp"), elementwise_node("log")
Sigmoid, Tanh, ReLU = map(elementwise_node, ("sigmoid", "tanh", "relu"))


# ── matrix products ─────────────────────────────────────────────────────────────────────────────


class MatMul(Op):
    """The matrix product x @ w.

    x has shape (m, n), or (n,) for a single row; w has shape (n, p), or (n,) for a single column.
    """

    kernel = MATMUL

    def __init__(self, x: Node, w: Node, *, name: str = "") -> None:
        Op.__init__(self, [x, w], name)

    def check(self, *shapes: tuple[int, ...]) -> None:
        """Raise a SizeError unless x has as many columns as w has rows."""
        _check_product(self, *shapes)


class BiasAdd(Op):
    """x + b: the same row b, of shape (p,) or (1, p), added to each row of x, of shape (m, p)."""

    kernel = BIAS_ADD

    def __init__(self, x: Node, b: Node, *, name: str = "") -> None:
        Op.__init__(self, [x, b], name)

    def check(self, *shapes: tuple[int, ...]) -> None:
        """Raise a SizeError unless b has as many columns as x."""
        _check_bias(self, *shapes)


class Linear(Op):
    """The layer x @ w + b.

    x has shape (m, n), w (n, p) and b (p,) or (1, p). A single row x of shape (n,), weights w of
    shape (n,) and a number b give a number: one neuron.

    >>> from scalargrad.miniflow import Input, value_and_grad
    >>> x, w, b = Input(), Input(), Input()
    >>> value, (gradient,) = value_and_grad(
    ...     Linear(x, w, b), {x: [6, 14, 3], w: [0.5, 0.25, 1.4], b: 2}, wrt=[w]
    ... )
    >>> round(float(value), 6), gradient.tolist()
    (12.7, [6.0, 14.0, 3.0])
    """

    kernel = LINEAR

    def __init__(self, x: Node, w: Node, b: Node, *, name: str = "") -> None:
        Op.__init__(self, [x, w, b], name)

    def check(self, *shapes: tuple[int, ...]) -> None:
        """Raise a SizeError unless x has as many columns as w has rows, and b as w has columns."""
        x, w, b = shapes
        _check_product(self, x, w)
        _check_bias(self, w[1:], b)


def _check_product(node: Node, x: tuple[int, ...], w: tuple[int, ...]) -> None:
    if not x or len(w) not in (1, 2) or x[-1] != w[0]:
        raise SizeError(f"{node} needs as many columns of x as rows of w, got {x} and {w}")


def _check_bias(node: Node, x: tuple[int, ...], b: tuple[int, ...]) -> None:
    if b not in ((), x[-1:], (1, *x[-1:])) or len(b) == 1 > len(x):
        raise SizeError(f"{node} needs a bias of shape {x[-1:]} or {(1, *x[-1:])}, got {b}")


# ── sums ────────────────────────────────────────────────────────────────────────────────────────


class Sum(Op):
    """The sum over an axis, or over all elements.

    Args:
        x: the operand.
        axis: over which to sum; None for all.
        keepdims: leaves the axis in place, of length 1, so that the result broadcasts against x.
    """

    def __init__(
        self, x: Node, axis: int | None = None, keepdims: bool = False, *, name: str = ""
    ) -> None:
        Op.__init__(self, [x], name)
        self.axis = axis
        self.kernel = sum_over(axis, keepdims)

    def check(self, *shapes: tuple[int, ...]) -> None:
        """Raise a SizeError if there is no such axis."""
        (x,) = shapes
        if self.axis is not None and not -len(x) <= self.axis < len(x):
            raise SizeError(f"{self} sums over axis {self.axis}, got an array of shape {x}")


class Mean(Op):
    """The mean of all elements."""

    kernel = MEAN

    def __init__(self, x: Node, *, name: str = "") -> None:
        Op.__init__(self, [x], name)


class Softmax(Op):
    """The softmax of each row, exp(xᵢ) / Σ exp(xⱼ), for logits of any size."""

    kernel = SOFTMAX

    def __init__(self, x: Node, *, name: str = "") -> None:
        Op.__init__(self, [x], name)

    def check(self, *shapes: tuple[int, ...]) -> None:
        """Raise a SizeError if there are no rows."""
        (x,) = shapes
        if not x:
            raise SizeError(f"{self} needs rows of logits, got an array of shape {x}")
