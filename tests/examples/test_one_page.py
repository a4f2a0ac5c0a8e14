"""The one page is short, and has the numbers of the engine."""

from __future__ import annotations

import random
import re

import pytest
from graphs import README_ANSWERS, readme_of_micrograd
from oracles import ROOT

import scalargrad
from examples import one_page
from scalargrad.nn import MLP

SOURCE = (ROOT / "examples" / "one_page.py").read_text(encoding="utf-8")


def lecture(value):
    """L = (a·b + c)·f."""
    a, b, c, f = value(2.0), value(-3.0), value(10.0), value(-2.0)
    return (a * b + c) * f, (a, b, c, f)


def neuron(value):
    """o = tanh(x1·w1 + x2·w2 + b)."""
    numbers = (2.0, 0.0, -3.0, 1.0, 6.8813735870195432)
    x1, x2, w1, w2, b = leaves = tuple(map(value, numbers))
    return (x1 * w1 + x2 * w2 + b).tanh(), leaves


def neuron_in_pieces(value):
    """The same, with tanh made of exp."""
    x1, x2, w1, w2, b = leaves = tuple(map(value, (2.0, 0.0, -3.0, 1.0, 6.8813735870195432)))
    e = (2 * (x1 * w1 + x2 * w2 + b)).exp()
    return (e - 1) / (e + 1), leaves


def used_twice(value):
    """Where = in place of += would show."""
    a, b = value(-2.0), value(3.0)
    d, e = a * b, a + b
    return d * e + (a + a), (a, b)


EXPRESSIONS = [lecture, neuron, neuron_in_pieces, used_twice, readme_of_micrograd]


@pytest.mark.parametrize("build", EXPRESSIONS, ids=lambda build: build.__name__)
def test_an_expression_has_the_numbers_of_the_engine(build):
    results = []
    for value in (one_page.Value, scalargrad.Value):
        root, leaves = build(value)
        root.backward()
        results.append([root.data, *(leaf.grad for leaf in leaves)])
    assert results[0] == pytest.approx(results[1], rel=1e-12)


def test_the_readme_of_micrograd_has_its_printed_answers():
    g, (a, b) = readme_of_micrograd(one_page.Value)
    g.backward()
    assert tuple(f"{x:.4f}" for x in (g.data, a.grad, b.grad)) == README_ANSWERS


def test_its_network_has_the_gradients_of_ours():
    random.seed(3)
    ours, theirs = MLP(3, [4, 4, 1], output="tanh", seed=0), one_page.MLP(3, [4, 4, 1])
    parameters = ours.parameters()
    for ours_p, theirs_p in zip(parameters, theirs.parameters(), strict=True):
        ours_p.data = theirs_p.data
    x = [2.0, 3.0, -1.0]
    ours(x).backward()
    theirs(x).backward()
    gradients = [p.grad for p in theirs.parameters()]
    assert any(gradients)
    assert gradients == pytest.approx([p.grad for p in parameters], rel=1e-12)


def test_its_network_learns_four_points():
    random.seed(1)
    model = one_page.MLP(3, [4, 4, 1])
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    losses = []
    for _ in range(60):
        loss = sum((model(x) - y) ** 2 for x, y in zip(xs, ys, strict=True))
        losses.append(loss.data)
        for p in model.parameters():
            p.grad = 0.0
        loss.backward()
        for p in model.parameters():
            p.data -= 0.05 * p.grad
    assert losses[-1] < losses[0] / 20


def test_it_is_one_page_of_plain_python():
    assert len(SOURCE.splitlines()) <= 100
    assert re.findall(r"^(?:import|from) (\w+)", SOURCE, re.MULTILINE) == ["math", "random"]
