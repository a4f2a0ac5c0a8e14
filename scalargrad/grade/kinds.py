"""The nodes of a miniflow that are looked for, and the arrays on which they are tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["LETTERS", "NODES", "NodeKind"]

#: What the operands of a node are called, in guesses.
LETTERS = "xyw"


def _normal(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[Any]:
    """Make numbers that can be shown, and none that is 0: relu has a kink there."""
    arrays = [rng.normal(size=shape).round(1) for shape in shapes]
    return [np.where(x == 0, 0.5, x) for x in arrays]


class NodeKind(NamedTuple):
    """A node that is looked for.

    Args:
        name: of its class.
        row: under which its misconceptions are listed.
        shapes: of its operands, in each sample; 2-D ones first that are not square, so that a
            forgotten transpose fails, and then square ones, so that it gives numbers.
        twice: whether one node may be both of its operands.
        loss: whether it is the end of a graph, so that it may take 1 for its gradient.
        feed: makes the operands of it, of random numbers.
        checked: how many of its operands have gradients.
        names: of its operands, as they are shown.
    """

    name: str
    row: str
    shapes: tuple[tuple[tuple[int, ...], ...], ...]
    twice: bool = False
    loss: bool = False
    feed: Callable[..., list[Any]] = _normal
    checked: int = 3
    names: str = LETTERS


def _positive(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[Any]:
    return [rng.uniform(0.5, 2.0, shape).round(1) for shape in shapes]


def _labelled(rng: np.random.Generator, logits: tuple[int, ...]) -> list[Any]:
    return [rng.normal(size=logits).round(1), rng.integers(0, logits[1], logits[0])]


def _distributions(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[Any]:
    powers = [np.exp(rng.normal(size=shape)) for shape in shapes]
    return [x / x.sum(axis=1, keepdims=True) for x in powers]


_TWO, _ONE = (((2, 3), (2, 3)), ((3,), (3,))), (((2, 3),), ((4,),))
_PRODUCT = (((4, 2), (2, 3)), ((2, 2), (2, 2)), ((3, 3), (3, 3)))
_LAYER = (((4, 2), (2, 3), (3,)), ((2, 2), (2, 2), (2,)), ((3, 3), (3, 3), (3,)))

#: By name, in the order of the report.
NODES: dict[str, NodeKind] = {
    kind.name: kind
    for kind in [
        NodeKind("Add", "add", _TWO, twice=True),
        NodeKind("Sub", "sub", _TWO, twice=True),
        NodeKind("Mul", "mul", _TWO, twice=True),
        NodeKind("Div", "div", _TWO, twice=True, feed=_positive),
        NodeKind("Exp", "exp", _ONE),
        NodeKind("Log", "log", _ONE, feed=_positive),
        NodeKind("Sigmoid", "sigmoid", _ONE),
        NodeKind("Tanh", "tanh", _ONE),
        NodeKind("ReLU", "relu", _ONE),
        NodeKind("MatMul", "matmul", _PRODUCT, names="xw"),
        NodeKind("BiasAdd", "bias_add", (((4, 3), (3,)), ((3, 3), (3,))), names="xb"),
        NodeKind("Linear", "linear", _LAYER, names="xwb"),
        NodeKind("Softmax", "softmax", (((2, 3),), ((4, 2),))),
        NodeKind("Sum", "sum", (((2, 3),),)),
        NodeKind("Mean", "mean", (((2, 3),),)),
        NodeKind("MSE", "mse", (((4, 1), (4, 1)), ((5,), (5,))), loss=True, names="ya"),
        NodeKind("CrossEntropy", "cross_entropy", (((2, 3), (2, 3)),), feed=_distributions,
                 checked=1),
        NodeKind("CrossEntropyWithSoftmax", "cross_entropy_with_softmax", (((4, 3),), ((2, 2),)),
                 loss=True, feed=_labelled, checked=1),
    ]
}  # fmt: skip
