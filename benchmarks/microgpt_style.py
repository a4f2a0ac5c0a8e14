"""A rival: an engine that notes its local gradients going forward, in the style of microgpt.

Slots instead of closures, ordered operands, one loop for the chain rule; no labels, no pictures,
no error messages. It does what Karpathy's microgpt does (https://karpathy.ai/microgpt.html), in
code of our own.
"""

from __future__ import annotations


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

    def relu(self) -> Value:
        return Value(max(0.0, self.data), (self,), (float(self.data > 0),))

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
