"""Kernels: what is computed on arrays, as pure functions of a namespace and arrays.

A `Kernel` has a function for the way forward, and one for each operand for the way back::

    value, kept = kernel.forward(xp, *operands)
    gradient    = kernel.gradients[i](xp, g, kept, *operands)

``xp`` is the namespace of the operands' library (`library.unify` finds it), ``g`` the gradient
of the value, and ``kept`` whatever the way back can use again: the value itself, a softmax.
Shapes are taken to fit; whoever calls sees to that. Nothing else goes in or out, so anything with
the operators and functions of the array API runs through a kernel, also something that only
records what is done to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import device

from ..ops import Primitive
from .library import Array
from .translate import array_function

__all__ = [
    "BIAS_ADD",
    "CROSS_ENTROPY",
    "CROSS_ENTROPY_WITH_SOFTMAX",
    "LINEAR",
    "MATMUL",
    "MEAN",
    "MSE",
    "SOFTMAX",
    "Kernel",
    "elementwise",
    "softmax",
    "sum_over",
    "summed",
]


class Kernel(NamedTuple):
    """A differentiable function of arrays; one that is a row of the table has the row's name."""

    name: str
    forward: Callable[..., tuple[Array, Any]]
    gradients: tuple[Callable[..., Array], ...]


# ── elementwise: the table of primitives ────────────────────────────────────────────────────────


@cache
def elementwise(row: Primitive) -> Kernel:
    """Return the kernel of a row of the table; its operands broadcast against each other.

    >>> from ..ops import PRIMITIVES
    >>> kernel = elementwise(PRIMITIVES["mul"])
    >>> x, y = np.asarray([1.0, 2.0]), np.asarray(3.0)
    >>> z, kept = kernel.forward(np, x, y)
    >>> z.tolist(), kernel.gradients[1](np, np.ones(2), kept, x, y).tolist()
    ([3.0, 6.0], 3.0)
    """
    function = array_function(row, row.value)

    def forward(xp: Any, *operands: Array) -> tuple[Array, Array]:
        z = function(xp, *operands)
        return z, z

    kernel = Kernel(row.name, forward, tuple(_push(row, i) for i in range(len(row.partials))))
    return _quiet(kernel) if row.domain else kernel


def _push(row: Primitive, i: int) -> Callable[..., Array]:
    """Return the function that sends g · ∂z/∂operand back to the i-th operand."""
    text = row.pushes[i]
    push = array_function(row, text)

    def gradient(xp: Any, g: Array, z: Array, *operands: Array) -> Array:
        if text == "0.0":
            return xp.zeros_like(operands[i])
        return summed(xp, push(xp, *operands, z, g), operands[i].shape)

    return gradient


def summed(xp: Any, g: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which an operand of this shape was broadcast."""
    if g.shape == shape:
        return g
    new = g.ndim - len(shape)
    axes = [axis for axis in range(g.ndim) if axis < new or shape[axis - new] != g.shape[axis]]
    return _shaped(xp, xp.sum(g, axis=tuple(axes)), shape)


def _shaped(xp: Any, x: Array, shape: tuple[int, ...]) -> Array:
    return x if x.shape == shape else xp.reshape(x, shape)


def _quiet(kernel: Kernel) -> Kernel:
    """Let NumPy answer log(0) or 1/0 with an infinity and no warning: it is the right answer."""
    quiet = np.errstate(divide="ignore")
    gradients = tuple(quiet(gradient) for gradient in kernel.gradients)
    return Kernel(kernel.name, quiet(kernel.forward), gradients)


# ── matrix products: x has shape (…, n) and w (n, p), or (n,) for a single column ───────────────


def _matmul(_xp: Any, x: Array, w: Array) -> tuple[Array, None]:
    return x @ w, None


def _matmul_x(_xp: Any, g: Array, _kept: None, _x: Array, w: Array, *_b: Array) -> Array:
    return g @ w.T if w.ndim == 2 else g[..., None] * w


def _matmul_w(xp: Any, g: Array, _kept: None, x: Array, w: Array, *_b: Array) -> Array:
    if x.ndim != 2:
        x = xp.reshape(x, (-1, x.shape[-1]))
        g = xp.reshape(g, (x.shape[0], *w.shape[1:]))
    return x.T @ g


def _bias_add(xp: Any, x: Array, b: Array) -> tuple[Array, None]:
    return x + _shaped(xp, b, b.shape[-1:]), None


def _bias_add_x(_xp: Any, g: Array, _kept: None, *_operands: Array) -> Array:
    return g


def _bias_add_b(xp: Any, g: Array, _kept: None, *operands: Array) -> Array:
    return summed(xp, g, operands[-1].shape)


def _linear(xp: Any, x: Array, w: Array, b: Array) -> tuple[Array, None]:
    return _bias_add(xp, x @ w, b)


MATMUL = Kernel("MatMul", _matmul, (_matmul_x, _matmul_w))
BIAS_ADD = Kernel("BiasAdd", _bias_add, (_bias_add_x, _bias_add_b))
LINEAR = Kernel("Linear", _linear, (_matmul_x, _matmul_w, _bias_add_b))


# ── sums ────────────────────────────────────────────────────────────────────────────────────────


@cache
def sum_over(axis: int | None = None, keepdims: bool = False) -> Kernel:
    """Return the kernel that sums over an axis, or over everything.

    >>> sum_over(axis=0).forward(np, np.ones((2, 3)))[0].tolist()
    [2.0, 2.0, 2.0]
    """

    def forward(xp: Any, x: Array) -> tuple[Array, None]:
        return xp.sum(x, axis=axis, keepdims=keepdims), None

    def gradient(xp: Any, g: Array, _kept: None, x: Array) -> Array:
        if axis is not None and not keepdims:
            g = xp.expand_dims(g, axis=axis)
        return xp.broadcast_to(g, x.shape)

    return Kernel("Sum", forward, (gradient,))


def _mean(xp: Any, x: Array) -> tuple[Array, None]:
    return xp.mean(x), None


def _mean_x(xp: Any, g: Array, _kept: None, x: Array) -> Array:
    return xp.broadcast_to(g / math.prod(x.shape), x.shape)


MEAN = Kernel("Mean", _mean, (_mean_x,))


# ── softmax and the losses ──────────────────────────────────────────────────────────────────────


def softmax(xp: Any, x: Array) -> Array:
    """Return the softmax of each row, for logits of any size.

    >>> softmax(np, np.asarray([[1000.0, 1000.0, -1000.0]])).tolist()
    [[0.5, 0.5, 0.0]]
    """
    z = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return z / xp.sum(z, axis=-1, keepdims=True)


def _softmax(xp: Any, x: Array) -> tuple[Array, Array]:
    z = softmax(xp, x)
    return z, z


def _softmax_x(xp: Any, g: Array, z: Array, _x: Array) -> Array:
    return z * (g - xp.sum(g * z, axis=-1, keepdims=True))


SOFTMAX = Kernel("Softmax", _softmax, (_softmax_x,))


def _mse(xp: Any, y: Array, a: Array) -> tuple[Array, Array]:
    difference = _shaped(xp, y, a.shape) - a
    return xp.mean(difference * difference), difference


def _mse_y(xp: Any, g: Array, difference: Array, y: Array, _a: Array) -> Array:
    return _shaped(xp, 2 / math.prod(y.shape) * g * difference, y.shape)


def _mse_a(_xp: Any, g: Array, difference: Array, _y: Array, a: Array) -> Array:
    return -2 / math.prod(a.shape) * g * difference


MSE = Kernel("MSE", _mse, (_mse_y, _mse_a))


def _cross_entropy(xp: Any, p: Array, t: Array) -> tuple[Array, Array]:
    # A probability of 0 counts as the least positive one, so that 0 · log 0 is 0, and a wrong 0
    # costs much (708 in double precision) but not infinitely much.
    logarithms = xp.log(xp.maximum(p, xp.finfo(p.dtype).smallest_normal))
    return -xp.sum(t * logarithms, axis=-1), logarithms


def _cross_entropy_p(xp: Any, g: Array, _logarithms: Array, p: Array, t: Array) -> Array:
    return -g[..., None] * t / xp.maximum(p, xp.finfo(p.dtype).smallest_normal)


def _cross_entropy_t(_xp: Any, g: Array, logarithms: Array, _p: Array, _t: Array) -> Array:
    return -g[..., None] * logarithms


CROSS_ENTROPY = Kernel("CrossEntropy", _cross_entropy, (_cross_entropy_p, _cross_entropy_t))


def _cross_entropy_with_softmax(xp: Any, x: Array, labels: Array) -> tuple[Array, Any]:
    shifted = x - xp.max(x, axis=-1, keepdims=True)
    logarithms = shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))
    right = labels[:, None] == xp.arange(x.shape[-1], device=device(labels))
    loss = xp.sum(xp.where(right, logarithms, 0.0)) / -x.shape[0]
    return loss, (logarithms, right)


def _cross_entropy_with_softmax_x(
    xp: Any, g: Array, kept: tuple[Array, Array], x: Array, _labels: Array
) -> Array:
    logarithms, right = kept
    return g / x.shape[0] * (xp.exp(logarithms) - xp.astype(right, x.dtype))


def _cross_entropy_with_softmax_labels(
    xp: Any, _g: Array, _kept: Any, x: Array, labels: Array
) -> Array:
    return xp.zeros(labels.shape, dtype=x.dtype, device=device(x))


CROSS_ENTROPY_WITH_SOFTMAX = Kernel(
    "CrossEntropyWithSoftmax",
    _cross_entropy_with_softmax,
    (_cross_entropy_with_softmax_x, _cross_entropy_with_softmax_labels),
)
