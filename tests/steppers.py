"""Graphs to step through in the tests, and what is asked of a page."""

from __future__ import annotations

from scalargrad import Value
from viz.pages.stepper import stepper


def opened(open_page, path, root: Value, address: str = "", **options):
    """Open the page of a graph."""
    return open_page(stepper(root).save(path), address, **options)


def tanh_neuron() -> Value:
    """Build o = tanh(x1·w1 + x2·w2 + b), with the numbers of the classic lecture."""
    numbers = {"x1": 2.0, "x2": 0.0, "w1": -3.0, "w2": 1.0, "b": 6.8813735870195432}
    x1, x2, w1, w2, b = (Value(number, label=label) for label, number in numbers.items())
    n = x1 * w1 + x2 * w2 + b
    o = n.tanh()
    n.label, o.label = "n", "o"
    return o


def twice() -> Value:
    a = Value(3.0, label="a")
    b = a + a
    b.label = "b"
    c = b * b
    c.label = "c"
    return c


def squared_by_hand() -> Value:
    x, k = Value(3.0, label="x"), Value(2.0, label="k")
    square = Value(x.data**2, (x,), "square", label="s")

    def backward() -> None:
        x.grad += 2 * x.data * square.grad

    square._backward = backward
    out = square * k
    out.label = "out"
    return out


def position(page) -> int:
    return int(page.input_value("#slider")) + 1
