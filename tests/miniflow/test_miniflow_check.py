"""The check of nodes against lies: of a graph with one wrong node, that node is named."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scalargrad import check_gradients
from scalargrad.errors import GradientError
from scalargrad.miniflow import (
    Add,
    Exp,
    Input,
    Linear,
    Mul,
    Node,
    ReLU,
    Sigmoid,
    Sub,
    Sum,
    Tanh,
    check_node_gradients,
    elementwise_node,
    value_and_grad,
)

Abs, Sqrt = elementwise_node("abs"), elementwise_node("sqrt")
RNG = np.random.default_rng(0)
SHAPE = (2, 3)


class Own(Node):
    """x · sin(y), by hand; what it sends back goes through a lie."""

    def __init__(self, x: Node, y: Node, lie: Any = None, name: str = "") -> None:
        Node.__init__(self, [x, y], name)
        self.lie = lie

    def forward(self) -> None:
        x, y = self.inbound_nodes
        self.cache["sine"] = np.sin(y.value)
        self.value = x.value * self.cache["sine"]

    def backward(self) -> None:
        x, y = self.inbound_nodes
        self.gradients = {x: 0.0, y: 0.0}
        for node in self.outbound_nodes:
            g = node.gradients[self]
            dx, dy = g * self.cache["sine"], g * x.value * np.cos(y.value)
            if self.lie:
                dx, dy = self.lie(g, dx, dy)
            self.gradients[x] = self.gradients[x] + dx
            self.gradients[y] = self.gradients[y] + dy


def one_element(array: Any) -> Any:
    changed = np.array(array)
    changed.flat[-1] += 0.1
    return changed


#: What a wrong node makes of the incoming gradient and of what it should send back.
LIES = {
    "factor": lambda _g, dx, dy: (1.5 * dx, dy),
    "factor of the second": lambda _g, dx, dy: (dx, 1.001 * dy),
    "sign": lambda _g, dx, dy: (dx, -dy),
    "nothing": lambda _g, dx, dy: (dx, 0 * dy),
    "forgets what comes": lambda g, dx, dy: (dx / g, dy),
    "takes the size of what comes": lambda g, dx, dy: (dx * np.sign(g), dy * np.sign(g)),
    "limits what comes": lambda g, dx, dy: (dx / np.maximum(abs(g) / 1e-3, 1), dy),
    "one element": lambda _g, dx, dy: (one_element(dx), dy),
    "exchanged": lambda _g, dx, dy: (dy, dx),
}
UNARY = {"tanh": Tanh, "sigmoid": Sigmoid, "exp": lambda x: Exp(Tanh(x))}
BINARY = {"add": Add, "sub": Sub, "mul": Mul, "own": Own}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Node, dict[Node, Any], Node, list[Node]]:
    """Draw a graph with a node that lies: the result, the feed, the liar, and all nodes."""
    inputs = [Input(f"x{i}") for i in range(draw(st.integers(1, 3)))]
    feed = {x: RNG.uniform(0.3, 2.0, SHAPE) for x in inputs}
    nodes: list[Node] = list(inputs)

    def pick() -> Node:
        return draw(st.sampled_from(nodes))

    def grow() -> None:
        for _ in range(draw(st.integers(0, 5))):
            name = draw(st.sampled_from([*UNARY, *BINARY]))
            new = UNARY[name](pick()) if name in UNARY else BINARY[name](pick(), pick())
            nodes.append(new)

    grow()
    x = pick()
    y = draw(st.sampled_from([node for node in nodes if node is not x] or [Tanh(x)]))
    liar = Own(x, y, LIES[draw(st.sampled_from(sorted(LIES)))], name="liar")
    nodes.append(liar)
    grow()
    root = Sum(Add(liar, Add(nodes[-1], Mul(nodes[-2], liar))))
    return root, feed, liar, [*nodes, root]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(graphs())
def test_one_wrong_node_is_named_and_all_values_stay(graph: Any) -> None:
    root, feed, liar, nodes = graph
    lied = np.array(value_and_grad(root, feed, list(feed))[1])
    lie, liar.lie = liar.lie, None
    right = np.array(value_and_grad(root, feed, list(feed))[1])
    assume(not np.allclose(lied, right, rtol=1e-3, atol=1e-3))  # some lies are true sometimes
    liar.lie = lie
    with pytest.raises(GradientError, match=r"^Own 'liar' has a wrong derivative: with respect to"):
        check_gradients(root, feed)
    values = [np.array(node.value) for node in nodes if node.value is not None]
    liar.lie = None
    assert check_node_gradients(root, feed) < 1e-6
    for node, value in zip([n for n in nodes if n.value is not None], values, strict=True):
        np.testing.assert_array_equal(node.value, value)


def test_node_after_the_wrong_one_is_not_blamed() -> None:
    x, w = Input("x"), Input("w")
    liar = Own(Tanh(x), w, LIES["factor"], name="liar")
    loss = Sum(Sigmoid(Own(liar, w, name="right")))
    feed = {x: RNG.normal(size=SHAPE), w: RNG.normal(size=SHAPE)}
    with pytest.raises(GradientError, match=r"^Own 'liar' has a wrong derivative"):
        check_gradients(loss, feed)


class Root(Node):
    """The square root as a node of one's own, number by number: it raises where math.sqrt does."""

    def __init__(self, x: Node) -> None:
        Node.__init__(self, [x])

    def forward(self) -> None:
        self.value = np.array([math.sqrt(x) for x in self.inbound_nodes[0].value])

    def backward(self) -> None:
        (x,), (consumer,) = self.inbound_nodes, self.outbound_nodes
        self.gradients = {x: consumer.gradients[self] / (2 * self.value)}


class Dropout(Node):
    def __init__(self, x: Node) -> None:
        Node.__init__(self, [x])

    def forward(self) -> None:
        x = self.inbound_nodes[0].value
        self.mask = RNG.uniform(size=x.shape) < 0.5
        self.value = x * self.mask

    def backward(self) -> None:
        (x,), (consumer,) = self.inbound_nodes, self.outbound_nodes
        self.gradients = {x: consumer.gradients[self] * self.mask}


@pytest.mark.parametrize(
    ("make", "numbers", "message"),
    [
        (
            lambda x: Exp(ReLU(x)),
            [1.0, 0.0],
            r"^ReLU is at a kink: .* element \[1\] of Input 'x' ",
        ),
        (
            lambda x: Sqrt(x),
            [0.0, 1.0],
            r"^Sqrt is at the border .*when element \[0\]",
        ),
        (lambda x: Root(x), [1e-15, 0.0], "^Root is at the border of its domain"),
        (lambda x: Exp(Dropout(x)), [1.0] * 50, "^Dropout is not repeatable: run again with the"),
        (lambda x: Tanh(Mul(x, Input())), [1.0], "was not fed"),
    ],
)
def test_each_trouble_has_its_own_sentence(make: Any, numbers: list[float], message: str) -> None:
    x = Input("x")
    with pytest.raises((GradientError, ValueError), match=message), np.errstate(all="ignore"):
        check_gradients(make(x), {x: numbers})


@pytest.mark.parametrize(
    ("make", "numbers"),
    [
        (ReLU, [1e-7, -1e-7]),
        (Abs, [0.0, 1e-9]),  # the rule's 0 is the mean of both sides
        (Sqrt, [1e-12, 1e-9]),
        (Root, [1e-12, 1e-9]),
        (lambda x: Exp(Mul(x, x)), [1e-200, 3.0]),
    ],
)
def test_right_derivative_is_accepted_near_kinks_and_borders(
    make: Any, numbers: list[float]
) -> None:
    x = Input("x")
    with np.errstate(all="ignore"):
        assert check_gradients(make(x), {x: numbers}) < 1e-6


def test_wrong_node_is_named_before_one_that_is_at_a_kink() -> None:
    x, w = Input("x"), Input("w")
    off = ReLU(Mul(x, w))  # it is at its kink, but w does not move it
    loss = Sum(Add(Own(off, w), Own(w, Tanh(w), LIES["factor"], name="liar")))
    feed = {x: np.zeros(3), w: np.ones(3)}
    with pytest.raises(GradientError, match=r"^Own 'liar' has a wrong derivative"):
        check_node_gradients(loss, feed, [w])


def test_nodes_that_the_inputs_do_not_move_are_not_blamed() -> None:
    x, w = Input("x"), Input("w")
    loss = Sum(Mul(Own(w, w, LIES["sign"], name="aside"), Own(x, w, LIES["factor"], name="liar")))
    feed = {x: np.ones(3), w: np.ones(3)}
    with pytest.raises(GradientError, match=r"^Own 'liar'"):
        check_node_gradients(loss, feed, [x])


def test_layers_are_accepted() -> None:
    x, w, b = Input("x"), Input("w"), Input("b")
    feed = {x: RNG.normal(size=(4, 2)), w: RNG.normal(size=(2, 3)), b: RNG.normal(size=3)}
    assert check_gradients(Sigmoid(Linear(x, w, b)), feed) < 1e-7
