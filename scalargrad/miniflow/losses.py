"""Losses: what training makes small."""

from __future__ import annotations

from typing import Any

from ..arrays.kernels import CROSS_ENTROPY, CROSS_ENTROPY_WITH_SOFTMAX, softmax
from ..arrays.kernels import MSE as MSE_KERNEL
from ..arrays.library import Array, unify
from ..errors import DomainError, SizeError
from .node import Node, Op

__all__ = ["MSE", "CrossEntropy", "CrossEntropyWithSoftmax"]


class MSE(Op):
    """The mean squared error of predictions a for targets y, a scalar: mean((y - a)²).

    Both have the same shape, where (m,) and (m, 1) count as the same.

    >>> from scalargrad.miniflow import Input, value_and_grad
    >>> y, a = Input(), Input()
    >>> value, (gradient,) = value_and_grad(MSE(y, a), {y: [1, 2], a: [[1], [4]]}, wrt=[a])
    >>> float(value), gradient.tolist()
    (2.0, [[-0.0], [2.0]])
    """

    kernel = MSE_KERNEL

    def __init__(self, y: Node, a: Node, *, name: str = "") -> None:
        Op.__init__(self, [y, a], name)

    def check(self, *shapes: tuple[int, ...]) -> None:
        """Raise a SizeError if the shapes differ."""
        y, a = shapes
        if _column(y) != _column(a):
            raise SizeError(f"{self} needs two arrays of the same shape, got {y} and {a}")


def _column(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape, 1) if len(shape) == 1 else shape


class CrossEntropy(Op):
    """The cross-entropy of predicted probabilities p for target distributions t, one of each row.

    zᵢ = -Σⱼ tᵢⱼ log pᵢⱼ, where 0 · log 0 is 0, and a probability of 0 counts as the least positive
    float. Both operands have shape (m, k), the value has shape (m,): take the `Mean` of it.
    """

    kernel = CROSS_ENTROPY

    def __init__(self, p: Node, t: Node, *, name: str = "") -> None:
        Op.__init__(self, [p, t], name)

    def check(self, *shapes: tuple[int, ...]) -> None:
        """Raise a SizeError if the shapes differ."""
        p, t = shapes
        if p != t or not p:
            raise SizeError(f"{self} needs two arrays of the same shape, got {p} and {t}")


class CrossEntropyWithSoftmax(Op):
    """The mean cross-entropy of softmax(x) for the right classes, a scalar, for logits of any size.

    z = mean(log Σⱼ exp(xᵢⱼ) - xᵢ[labelᵢ]). The logits have shape (m, k), the labels are integers of
    any type from 0 to k - 1, of shape (m,). Labels have no gradient: it is 0.

    >>> from scalargrad.miniflow import Input, value_and_grad
    >>> x, labels = Input(), Input()
    >>> loss = CrossEntropyWithSoftmax(x, labels)
    >>> value, (gradient,) = value_and_grad(loss, {x: [[0.5, 1.0, 1.5]], labels: [1]}, wrt=[x])
    >>> round(float(value), 4), gradient.round(4).tolist()
    (1.1803, [[0.1863, -0.6928, 0.5065]])
    """

    kernel = CROSS_ENTROPY_WITH_SOFTMAX
    labels = (1,)

    def __init__(self, x: Node, labels: Node, *, name: str = "") -> None:
        Op.__init__(self, [x, labels], name)

    def check(self, *shapes: tuple[int, ...]) -> None:
        """Raise a SizeError unless there is one label for each row of logits."""
        x, labels = shapes
        if len(x) != 2 or labels != x[:1]:
            raise SizeError(
                f"{self} needs logits of shape (m, k) and labels of shape (m,), "
                f"got {x} and {labels}"
            )

    def verify(self) -> None:
        """Raise a DomainError if a label is none of the classes."""
        (x, labels), (_, right) = self.operands, self.kept
        if self.xp.count_nonzero(right) != x.shape[0]:  # it is equal to none of them
            raise DomainError(
                f"{self} needs labels from 0 to {x.shape[1] - 1}, for logits of shape "
                f"{tuple(x.shape)}, got {int(self.xp.min(labels))} to {int(self.xp.max(labels))}"
            )

    def _softmax(self, x: Any) -> Array:
        """Return the softmax of each row of an array, as the labs call it."""
        xp, (x,) = unify([x])
        return softmax(xp, x)
