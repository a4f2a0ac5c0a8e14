"""Nodes: the steps of a computation that is defined first and run later.

A node takes the values of its `inbound_nodes` and makes its own `value` of them (`forward`). On
the way back it adds up what its `outbound_nodes` send to it, and leaves in `gradients` what it
sends on (`backward`): ``node.gradients[operand]`` is ∂result/∂operand through this node alone.

A node holds its operands, but not those that use it: a result that you drop, or build anew, is gone
with all that only it needed, while its Inputs stay. So keep the result in a variable.

A node of your own is a subclass with these two methods; it mixes with all others:

>>> class Square(Node):
...     def __init__(self, x):
...         Node.__init__(self, [x])
...
...     def forward(self):
...         (x,) = self.inbound_nodes
...         self.value = x.value**2
...
...     def backward(self):
...         (x,) = self.inbound_nodes
...         self.gradients = {x: 0}
...         for node in self.outbound_nodes:
...             self.gradients[x] += 2 * x.value * node.gradients[self]
>>> from scalargrad.miniflow import Mul, value_and_grad
>>> x = Input()
>>> value, (gradient,) = value_and_grad(Mul(Square(x), x), {x: 3.0}, wrt=[x])
>>> print(value, gradient)
27.0 27.0
"""

from __future__ import annotations

import operator
from collections.abc import (
    Collection,
    Iterable,
    Iterator,
    MutableMapping,
    MutableSequence,
    Sequence,
)
from functools import reduce
from typing import Any

import numpy as np

from ..arrays.kernels import Kernel
from ..arrays.library import Array, as_array, unify
from ..errors import OperandError, ScalargradError, SizeError
from .weak import WeakList

__all__ = ["DummyGrad", "GraphError", "Input", "Node", "Op", "described", "fitting", "is_label"]


class GraphError(ScalargradError, ValueError):
    """A graph that cannot be run: it is not fed, fed in the wrong place, or goes in a circle."""


class Node:
    """A step of a computation, and the base of nodes of your own.

    Args:
        inbound_nodes: the operands.
        name: for pictures and error messages.

    Attributes:
        value, gradients, gradient: what the last run has left: the value, what is sent to each
            operand, and the whole ∂result/∂self, which is the sum of what has come.
        outbound_nodes: those that use this node, a list that does not keep them.
    """

    def __init__(self, inbound_nodes: Iterable[Node] = (), name: str = "") -> None:
        self.inbound_nodes = list(inbound_nodes)
        self.outbound_nodes: MutableSequence[Node] = WeakList()
        self.name = name
        self.value: Any = None
        self.gradient: Any = None  # the whole ∂result/∂self of the last run
        self.gradients: MutableMapping[Node, Array] = {}
        self.cache: dict[Any, Any] = {}  # for nodes of your own, as in the labs
        self.first_sort: int | None = None  # the first that had this node as a result
        for node in self.inbound_nodes:
            if not isinstance(node, Node):
                raise OperandError(
                    f"the operands of {self} are nodes, got {node!r}: feed numbers to an Input"
                )
        for node in dict.fromkeys(self.inbound_nodes):
            node.outbound_nodes.append(self)

    def forward(self) -> None:
        """Set `value`, from the values of the inbound nodes."""
        raise NotImplementedError(f"{type(self).__name__} needs a method forward")

    def backward(self) -> None:
        """Set `gradients`, from what the outbound nodes send back."""
        raise NotImplementedError(f"{type(self).__name__} needs a method backward")

    def receive(self, gradient: Array, wanted: Collection[Node]) -> None:  # noqa: ARG002
        """Take the whole ∂result/∂self of a run, and set `gradients`, of the wanted operands.

        The `backward` of a node of your own looks for it in the outbound nodes. For the while there
        is a single one, which has it, so others that take no part in the run do not disturb.
        """
        self.gradient = gradient
        consumers = self.outbound_nodes
        self.outbound_nodes = [_Sender(self, gradient)]  # for once a list that holds it
        try:
            self.backward()
        finally:
            self.outbound_nodes = consumers

    def collected(self) -> Array | None:
        """Add up what the outbound nodes have sent back; None if nothing has come."""
        sent = [node.gradients[self] for node in self.outbound_nodes if self in node.gradients]
        return reduce(operator.add, sent) if sent else None

    def feed(self, _value: Any) -> None:
        """Take a value from outside; an Input and a DummyGrad can do that."""
        raise GraphError(f"{self} computes its value and takes no feed: feed Inputs and DummyGrads")

    # Names that older labs use.

    @property
    def dvalues(self) -> MutableMapping[Node, Array]:
        """Another name of `gradients`."""
        return self.gradients

    @dvalues.setter
    def dvalues(self, gradients: MutableMapping[Node, Array]) -> None:
        self.gradients = gradients

    @property
    def input_nodes(self) -> list[Node]:
        """Another name of `inbound_nodes`."""
        return self.inbound_nodes

    @property
    def output_nodes(self) -> MutableSequence[Node]:
        """Another name of `outbound_nodes`."""
        return self.outbound_nodes

    def __str__(self) -> str:
        kind = type(self).__name__
        return f"{kind} {self.name!r}" if getattr(self, "name", "") else kind

    def __repr__(self) -> str:
        shape = getattr(self.value, "shape", None)
        return f"<{self}>" if shape is None else f"<{self} of shape {tuple(shape)}>"


class _Sender(Node):
    """Stands behind a node for a while and has a gradient for it."""

    def __init__(self, node: Node, gradient: Array) -> None:
        Node.__init__(self)
        self.gradients = {node: gradient}


class Input(Node):
    """A place where values come in: data, labels, weights.

    Its value is what is fed, or set with ``input.value = …``: an array of any library, a number, or
    anything of which NumPy makes an array. It is kept until the next one, and not copied.
    ``input.gradients[input]`` is the whole ∂result/∂input, in the shape of what was fed.

    >>> x = Input(name="x")
    >>> x.forward(3.0)
    >>> x.value
    3.0
    """

    def __init__(self, name: str = "") -> None:
        Node.__init__(self, [], name)

    @property
    def gradients(self) -> MutableMapping[Node, Array]:
        """The whole ∂result/∂self, under its own name."""
        return _Whole(self)

    @gradients.setter
    def gradients(self, gradients: MutableMapping[Node, Array]) -> None:
        self.gradient = gradients.get(self)

    def feed(self, value: Any) -> None:
        """Set the value.

        Raises:
            GraphError: it is None.
        """
        if value is None:
            raise GraphError(f"{described(self)} was fed None: give it a value")
        self.forward(value)

    def forward(self, value: Any = None) -> None:
        """Set the value if there is one to set; it is an error if there has been none.

        Raises:
            GraphError: nothing was fed.
        """
        if value is not None:
            self.value = value
        if self.value is None:
            raise GraphError(f"{described(self)} was not fed: give it a value")
        if type(self.value) is not np.ndarray:
            self.value = as_array(self.value)

    def backward(self) -> None:
        """Add up what all consumers send back."""
        gradient = self.collected()
        self.receive(0.0 if gradient is None else gradient)

    def receive(self, gradient: Array, _wanted: Collection[Node] = ()) -> None:
        """Keep the gradient for whoever asks for it."""
        self.gradient = fitting(gradient, self)


class _Whole(MutableMapping[Node, Array]):
    """The `gradients` of an Input: its `gradient`, once it has one.

    It is made when it is asked for. A dict that the Input kept would hold the Input in turn, so
    that the two, and all that was fed, stayed after everybody else had dropped them.
    """

    __slots__ = ("_node",)

    def __init__(self, node: Input) -> None:
        self._node = node

    def __iter__(self) -> Iterator[Node]:
        return iter(() if self._node.gradient is None else (self._node,))

    def __len__(self) -> int:
        return self._node.gradient is not None

    def __getitem__(self, node: Node) -> Array:
        if node is not self._node or node.gradient is None:
            raise KeyError(node)
        return node.gradient

    def __setitem__(self, node: Node, gradient: Array) -> None:
        if node is not self._node:
            raise KeyError(node)
        node.gradient = gradient

    def __delitem__(self, node: Node) -> None:
        self[node]  # an error, if it is not there
        node.gradient = None

    def __repr__(self) -> str:
        return repr(dict(self))


class DummyGrad(Node):
    """Passes a value on, and sends back the gradient that it is fed.

    So a test can ask for the gradients of something that is not a scalar. A number stands for an
    array full of it. Without a feed it sends back what it gets, and ones if it is the result.

    >>> from scalargrad.miniflow import Mul, value_and_grad
    >>> x, y = Input(), Input()
    >>> result = DummyGrad(Mul(x, y))
    >>> value, gradients = value_and_grad(result, {x: 3.0, y: 4.0, result: 0.5}, wrt=[x, y])
    >>> print(value, *gradients)
    12.0 2.0 1.5
    """

    def __init__(self, x: Node, name: str = "") -> None:
        Node.__init__(self, [x], name)
        self.seed: Any = None

    def feed(self, value: Any) -> None:
        """Set the gradient to send back; None takes it away again."""
        self.seed = value

    def forward(self) -> None:
        """Pass the value on."""
        self.value = self.inbound_nodes[0].value

    def backward(self) -> None:
        """Send back what was fed, or else what comes."""
        gradient = self.collected()
        self.receive(1.0 if gradient is None else gradient)

    def receive(self, gradient: Array, _wanted: Collection[Node] = ()) -> None:
        """Send back what was fed, or else what comes.

        Raises:
            SizeError: it has neither the shape of the value nor is it a number.
        """
        (x,) = self.inbound_nodes
        self.gradient = fitting(gradient if self.seed is None else self.seed, self)
        self.gradients = {x: self.gradient}


class Op(Node):
    """A node with a kernel: the base of all nodes that compute something, but for your own."""

    kernel: Kernel
    labels: Sequence[int] = ()  # the positions of operands that are integers

    def __init__(self, inbound_nodes: Iterable[Node], name: str = "") -> None:
        Node.__init__(self, inbound_nodes, name)
        self.xp: Any = None  # of the last run: the namespace, ...
        self.operands: Sequence[Array] = ()  # ... the operands as arrays of floats, ...
        self.kept: Any = None  # ... and what the kernel has kept of them

    def forward(self) -> None:
        """Compute the value.

        Raises:
            SizeError: the shapes of the operands do not fit together, or one has no elements.
            OperandError: an operand is not made of numbers, or of another library's arrays.
        """
        values = [node.value for node in self.inbound_nodes]
        for shape in (getattr(value, "shape", ()) for value in values):
            if 0 in shape:
                raise SizeError(
                    f"{self} needs at least one element, got an array of shape {tuple(shape)}"
                )
        try:
            self.xp, self.operands = unify(values, self.labels)
        except OperandError as error:
            for node, value in zip(self.inbound_nodes, values, strict=True):
                if value is None:
                    raise GraphError(f"{self} needs the value of {node}: it has none") from None
            raise OperandError(f"{self} {error}") from None
        self.check(*(tuple(operand.shape) for operand in self.operands))
        self.value, self.kept = self.kernel.forward(self.xp, *self.operands)
        self.verify()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out of copies what only a run needs."""
        return self.__dict__ | {"xp": None, "operands": (), "kept": None}

    def check(self, *shapes: tuple[int, ...]) -> None:
        """Raise a SizeError if the operands' shapes do not fit together."""

    def verify(self) -> None:
        """Raise an error if the operands' elements are not what they should be."""

    def backward(self) -> None:
        """Send the gradient on to each operand, by the chain rule; ones if nothing has come."""
        gradient = self.collected()
        self.receive(1.0 if gradient is None else gradient, self.inbound_nodes)

    def receive(self, gradient: Array, wanted: Collection[Node]) -> None:
        """Send the gradient on to the wanted operands, and spare the work for the others."""
        if type(self).backward is not Op.backward:  # a subclass of one's own
            Node.receive(self, gradient, wanted)
            return
        self.gradient = g = fitting(gradient, self)
        self.gradients = {}
        for node, send in zip(self.inbound_nodes, self.kernel.gradients, strict=True):
            if node in wanted:
                term = send(self.xp, g, self.kept, *self.operands)
                known = self.gradients.get(node)
                self.gradients[node] = term if known is None else known + term


def fitting(gradient: Any, node: Node) -> Array:
    """Return a gradient in the shape of a node's value; a number fills an array.

    Raises:
        SizeError: it has another shape.
    """
    if getattr(gradient, "shape", None) == getattr(node.value, "shape", ()):
        return gradient
    xp, (value, g) = unify([node.value, as_array(gradient)])
    if tuple(g.shape) not in ((), tuple(value.shape)):
        raise SizeError(
            f"{node} got a gradient of shape {tuple(g.shape)} "
            f"for a value of shape {tuple(value.shape)}"
        )
    return xp.broadcast_to(g, value.shape)


def described(node: Node) -> str:
    """Name a node in a sentence; one that has no name by what uses it."""
    if node.name or not node.outbound_nodes:
        return str(node)
    consumer = node.outbound_nodes[0]
    return f"the {node} that is operand {consumer.inbound_nodes.index(node) + 1} of {consumer}"


def is_label(node: Node, graph: Collection[Node]) -> bool:
    """Say whether all nodes of a graph that use this one take class labels from it."""
    uses = [
        isinstance(user, Op) and place in user.labels
        for user in graph
        for place, operand in enumerate(user.inbound_nodes)
        if operand is node
    ]
    return bool(uses) and all(uses)
