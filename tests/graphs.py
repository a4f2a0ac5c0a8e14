"""Graphs that everybody knows, for the tests."""

from __future__ import annotations

from typing import Any

from scalargrad import Value


def lecture_nodes() -> dict[str, Value]:
    """Build o = tanh(x1·w1 + x2·w2 + b) of micrograd's lecture: each node by its label."""
    numbers = {"x1": 2.0, "x2": 0.0, "w1": -3.0, "w2": 1.0, "b": 6.8813735870195432}
    x1, x2, w1, w2, b = (Value(number, label=label) for label, number in numbers.items())
    x1w1, x2w2 = x1 * w1, x2 * w2
    total = x1w1 + x2w2
    n = total + b
    o = n.tanh()
    for node, label in ((x1w1, "x1*w1"), (x2w2, "x2*w2"), (total, "x1*w1 + x2*w2")):
        node.label = label
    n.label, o.label = "n", "o"
    return {node.label: node for node in (x1, x2, w1, w2, b, x1w1, x2w2, total, n, o)}


def tanh_neuron() -> Value:
    """Return the same neuron with names for its leaves, its sum and its result alone."""
    nodes = lecture_nodes()
    for label, node in nodes.items():
        if "*" in label:
            node.label = ""
    return nodes["o"]


def lecture_loss() -> Value:
    """Build L = (a·b + c)·f."""
    a, b, c = Value(2.0, label="a"), Value(-3.0, label="b"), Value(10.0, label="c")
    d = a * b + c
    loss = d * Value(-2.0, label="f")
    d.label, loss.label = "d", "L"
    return loss


def twice() -> Value:
    """Build c = b·b of b = a + a."""
    a = Value(3.0, label="a")
    b = a + a
    c = b * b
    b.label, c.label = "b", "c"
    return c


def readme_of_micrograd(value: type) -> tuple[Any, tuple[Any, Any]]:
    """Build the example of micrograd's README, of an engine's values; return it and its leaves."""
    a, b = value(-4.0), value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g, (a, b)


#: What it and its leaves have after backward(), as it is printed there.
README_ANSWERS = ("24.7041", "138.8338", "645.5773")


def squared_by_hand() -> Value:
    """Build k·x² with an operation of one's own."""
    x, k = Value(3.0, label="x"), Value(2.0, label="k")
    square = Value(x.data**2, (x,), "square", label="s")

    def backward() -> None:
        x.grad += 2 * x.data * square.grad

    square._backward = backward
    out = square * k
    out.label = "out"
    return out


def own(name, value, backward):
    """Return a function that makes an operation of one's own."""

    def make(*nodes):
        out = Value(value(*[x.data for x in nodes]), nodes, name)
        out._backward = lambda: backward(out, *nodes)
        return out

    return make


def adds(out, x):
    """Add the part of x² to a gradient, as a right `_backward` does."""
    x.grad += 2 * x.data * out.grad
