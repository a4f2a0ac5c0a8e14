"""The layer style of the labs: objects with a ``forward`` and a ``backward``, and no graph.

A layer remembers what went forward. Then ``backward(delta)`` makes ∂result/∂input out of
``delta``, which is ∂result/∂output, and leaves those of its parameters in ``parameters_deltas``:

>>> layers = [Linear(2, 3, seed=0), Sigmoid(), Softmax(), CrossEntropy(), Mean()]
>>> x, target = np.ones((4, 2)), np.eye(3)[[0, 1, 2, 0]]
>>> for layer in layers:
...     x = layer.forward(x, target)                 # the target is for the CrossEntropy alone
>>> delta = 1.0
>>> for layer in reversed(layers):
...     delta = layer.backward(delta)
>>> delta.shape, [gradient.shape for gradient in layers[0].parameters_deltas]
((4, 2), [(2, 3), (3,)])

Each layer is one node of a graph, with Inputs of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..arrays.library import Array, copied
from ..errors import GradientError, SizeError
from . import losses, nodes
from .node import Input, Op

__all__ = ["CrossEntropy", "Layer", "Linear", "Mean", "Sigmoid", "Softmax", "sanity_check"]


class Layer:
    """A node of the graph style, as a layer.

    Attributes:
        parameters: arrays that are learned; put others in their place as you like.
        parameters_deltas: their gradients, after `backward`.
    """

    node_type: ClassVar[type[Op]]
    operands: ClassVar[int] = 1  # of forward: the input, and targets

    def __init__(self, *parameters: Array) -> None:
        self.parameters = list(parameters)
        self.parameters_deltas: list[Any] = [None] * len(parameters)
        self._inputs = [Input() for _ in range(self.operands + len(parameters))]
        self._node = self.node_type(*self._inputs)  # type: ignore[arg-type]

    def forward(self, x: Array, *args: Any) -> Array:
        """Return the output for an input x; arguments that the layer has no use for are ignored.

        Raises:
            SizeError: shapes do not fit together, or a target is missing.
        """
        values = [x, *args[: self.operands - 1], *self.parameters]
        if len(values) != len(self._inputs):
            raise SizeError(f"{type(self).__name__}.forward needs an input and a target")
        for node, value in zip(self._inputs, values, strict=True):
            node.forward(value)
        self._node.forward()
        return copied(self._node.value)

    def backward(self, delta: Array) -> Array:
        """Return ∂result/∂input, given ∂result/∂output."""
        self._node.receive(delta, self._inputs)
        gradients = [copied(self._node.gradients[node]) for node in self._inputs]
        self.parameters_deltas = gradients[self.operands :]
        return gradients[0]


class Linear(Layer):
    """x @ weights + bias, with normally distributed parameters to start with.

    Args:
        n_in, n_out: the numbers of columns of x and of the output.
        mean, variance: of the parameters' distribution.
        seed: an int or a NumPy generator; None uses NumPy's global one, which the labs seed with
            ``np.random.seed``.
    """

    node_type = nodes.Linear

    def __init__(
        self,
        n_in: int,
        n_out: int,
        mean: float = 0,
        variance: float = 0.1,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        rng = np.random if seed is None else np.random.default_rng(seed)
        scale = math.sqrt(variance)
        Layer.__init__(self, rng.normal(mean, scale, (n_in, n_out)), rng.normal(mean, scale, n_out))


class Sigmoid(Layer):
    """The logistic function of each element."""

    node_type = nodes.Sigmoid


class Softmax(Layer):
    """The softmax of each row."""

    node_type = nodes.Softmax


class CrossEntropy(Layer):
    """The cross-entropy of each row: ``forward(probabilities, target_distributions)``."""

    node_type = losses.CrossEntropy
    operands = 2


class Mean(Layer):
    """The mean of all elements."""

    node_type = nodes.Mean


def sanity_check(
    layer: Any,
    x: Array,
    args: Sequence[Any] = (),
    delta: float = 0.01,
    precision: float = 1e-3,
) -> None:
    """Compare a layer's gradients with central differences, each element of x and the parameters.

    Args:
        layer: one of these layers, or one of your own with the same methods and attributes.
        x: an input, as a NumPy array.
        args: further arguments of ``forward``.
        delta: the width of the differences.
        precision: by how much a gradient may be wrong.

    Raises:
        GradientError (an AssertionError): a gradient is wrong.

    >>> sanity_check(Softmax(), np.asarray([[0.1, 0.2, 0.7]]))
    """
    x = np.array(x, dtype=float)  # a copy to disturb

    def output() -> Any:
        return np.asarray(layer.forward(x, *args))

    weights = np.random.default_rng(0).normal(size=output().shape)
    gradients = [layer.backward(weights), *layer.parameters_deltas]
    names = ["x", *(f"parameters[{i}]" for i in range(len(layer.parameters)))]
    for name, array, gradient in zip(names, [x, *layer.parameters], gradients, strict=True):
        where = f"{type(layer).__name__}, {name}"
        if np.shape(gradient) != array.shape:
            raise GradientError(
                f"{where}: the gradient has shape {np.shape(gradient)}, the array {array.shape}"
            )
        for place in np.ndindex(array.shape):
            number = array[place]
            try:
                array[place] = number + delta / 2
                upper = output()
                array[place] = number - delta / 2
                slope = np.sum(weights * (upper - output())) / delta
            finally:
                array[place] = number
            if not abs(slope - gradient[place]) <= precision:
                raise GradientError(
                    f"{where}{list(place)}: the gradient is {gradient[place]:.6g} by backward "
                    f"and {slope:.6g} by differences"
                )
