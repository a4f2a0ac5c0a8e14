"""A rival: an engine that notes its local gradients going forward, in the style of microgpt.

Slots instead of closures, ordered operands, one loop for the chain rule; no labels, no pictures,
no error messages. It does what Karpathy's microgpt does (https://karpathy.ai/microgpt.html), in
code of our own.
"""

from __future__ import annotations

import math


class Value:
    """A scalar with its operands and its derivative with respect to each."""

    __slots__ = ("_prev", "_slopes", "data", "grad")

    def __init__(
        self, data: float, operands: tuple[Value, ...] = (), slopes: tuple[float, ...] = ()
    ) -> None:
        self.data = data
        self.grad = 0.0
        self._prev = operands
        self._slopes = slopes

    def __add__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent: float) -> Value:
        z = self.data**exponent
        return Value(z, (self,), (exponent * self.data ** (exponent - 1),))

    def exp(self) -> Value:
        z = math.exp(self.data)
        return Value(z, (self,), (z,))

    def log(self) -> Value:
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def relu(self) -> Value:
        return Value(max(0.0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self) -> Value:
        return self * -1.0

    def __sub__(self, other: Value | float) -> Value:
        return self + -other

    def __truediv__(self, other: Value | float) -> Value:
        return self * other**-1.0

    __radd__ = __add__
    __rmul__ = __mul__

    def backward(self) -> None:
        order: list[Value] = []
        seen: set[Value] = set()

        def visit(node: Value) -> None:
            if node not in seen:
                seen.add(node)
                for operand in node._prev:
                    visit(operand)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for operand, slope in zip(node._prev, node._slopes):  # noqa: B905  (as fast as can be)
                operand.grad += slope * node.grad
