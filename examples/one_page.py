"""The whole idea on one page: numbers that know how they were made, and the chain rule."""

import math
import random


class Value:
    def __init__(self, data, _children=(), _op=""):
        self.data, self.grad = data, 0.0  # grad: how fast the result grows when this number grows
        self._prev, self._op = _children, _op
        self._backward = lambda: None  # a leaf was made of nothing

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other), "+")

        def _backward():
            self.grad += out.grad  # += because a number may be used in many places
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

    def _apply(self, data, slope, name):  # any function of one number, and its slope there
        out = Value(data, (self,), name)

        def _backward():
            self.grad += slope * out.grad

        out._backward = _backward
        return out

    __pow__ = lambda a, n: a._apply(a.data**n, n * a.data ** (n - 1), f"**{n}")
    exp = lambda a: a._apply(math.exp(a.data), math.exp(a.data), "exp")
    tanh = lambda a: a._apply(math.tanh(a.data), 1 - math.tanh(a.data) ** 2, "tanh")
    relu = lambda a: a._apply(max(a.data, 0.0), float(a.data > 0), "ReLU")

    __neg__ = lambda a: a * -1  # the rest is made of those above
    __sub__ = lambda a, b: a + -b
    __truediv__ = lambda a, b: a * b**-1
    __radd__, __rmul__ = __add__, __mul__  # 2 + a asks a, since 2 knows nothing of Values
    __rsub__ = lambda b, a: -b + a
    __rtruediv__ = lambda b, a: b**-1 * a

    def backward(self):
        order = {}  # a dict as a set that keeps its order

        def visit(node):  # depth first: what a node was made of comes before it
            if node not in order:
                for child in node._prev:
                    visit(child)
                order[node] = True

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            node._backward()


class Neuron:
    def __init__(self, n):
        self.w, self.b = [Value(random.uniform(-1, 1)) for _ in range(n)], Value(0.0)

    def __call__(self, x):
        return sum((w * x for w, x in zip(self.w, x, strict=True)), self.b).tanh()


class Layer:
    def __init__(self, n, width):
        self.neurons = [Neuron(n) for _ in range(width)]

    def __call__(self, x):
        return [neuron(x) for neuron in self.neurons]


class MLP:
    def __init__(self, n, widths):
        self.layers = [Layer(*sizes) for sizes in zip([n, *widths], widths, strict=False)]

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x[0] if len(x) == 1 else x

    def parameters(self):
        return [p for layer in self.layers for n in layer.neurons for p in [*n.w, n.b]]
