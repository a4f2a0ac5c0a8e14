"""Exercise: the remaining operators.

`Value` can add, multiply, and take powers. All else can be made of these three: write the bodies
that raise NotImplementedError, each in one line.

    -a       a - b       2 - a       2 + a       2 * a       a / b       2 / a

For a number on the left Python asks the right operand: 2 - a calls a.__rsub__(2).

Then write `exp` and `tanh`, which need a `_backward` of their own, as `__mul__` has one:

    ∂exp(a)/∂a = exp(a)        ∂tanh(a)/∂a = 1 - tanh(a)²

Then: python -m scalargrad.grade operators.py
"""

import math


class Value:
    def __init__(self, data, _children=(), _op=""):
        self.data = data
        self.grad = 0.0
        self._prev = _children
        self._op = _op
        self._backward = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other), "+")

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other), "*")

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def __pow__(self, n):
        out = Value(self.data**n, (self,), f"**{n}")

        def _backward():
            self.grad += n * self.data ** (n - 1) * out.grad

        out._backward = _backward
        return out

    def __neg__(self):
        raise NotImplementedError  # your code

    def __sub__(self, other):
        raise NotImplementedError  # your code

    def __rsub__(self, other):
        raise NotImplementedError  # your code

    def __radd__(self, other):
        raise NotImplementedError  # your code

    def __rmul__(self, other):
        raise NotImplementedError  # your code

    def __truediv__(self, other):
        raise NotImplementedError  # your code

    def __rtruediv__(self, other):
        raise NotImplementedError  # your code

    def exp(self):
        out = Value(math.exp(self.data), (self,), "exp")

        def _backward():
            raise NotImplementedError  # your code

        out._backward = _backward
        return out

    def tanh(self):
        out = Value(math.tanh(self.data), (self,), "tanh")

        def _backward():
            raise NotImplementedError  # your code

        out._backward = _backward
        return out

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for child in node._prev:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            node._backward()
