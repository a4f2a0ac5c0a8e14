"""Explanations against the paths of small graphs, all of them walked one by one."""

from __future__ import annotations

import math

import pytest
from graphs import twice
from hypothesis import given
from oracles import programs, repeatable

from scalargrad import Value
from scalargrad.engine import operands
from scalargrad.errors import OperandError
from viz.words.explain import explain


def all_paths(x: Value, root: Value) -> list[tuple[tuple[int, ...], float]]:
    """Return each path from ``root`` down to ``x``: as which operands it goes on, its product."""
    paths, found = [(root, (), 1.0)], []
    while paths:
        node, places, product = paths.pop()
        if node is x:
            found.append((places, product))
        for place, (operand, slope) in enumerate(zip(operands(node), node.partials(), strict=True)):
            paths.append((operand, (*places, place), product * slope))
    return found


@repeatable
@given(programs(size=12))
def test_explanation_lists_every_path(program) -> None:
    nodes = program.values([Value(x) for x in program.inputs])
    for x in nodes[: len(program.inputs)]:
        every = all_paths(x, nodes[-1])
        explanation = explain(x, nodes[-1], most=10**6)
        found = [(path.places[::-1], path.product) for path in explanation.paths]
        assert sorted(found) == sorted(every)
        assert explanation.count == len(every)
        assert explanation.rest == 0.0
        sizes = [abs(path.product) for path in explanation.paths]
        assert sizes == sorted(sizes, reverse=True)


@repeatable
@given(programs(size=12))
def test_explanation_finds_the_largest_of_many(program) -> None:
    nodes = program.values([Value(x) for x in program.inputs])
    x, root = nodes[0], nodes[-1]
    every = sorted((product for _, product in all_paths(x, root)), key=abs, reverse=True)
    explanation = explain(x, root, most=3)
    assert [abs(path.product) for path in explanation.paths] == [abs(p) for p in every[:3]]
    # Of two that differ in their sign alone, either one may be among the largest.
    others = math.fsum([*every, *(-path.product for path in explanation.paths)])
    assert explanation.rest == pytest.approx(others, rel=1e-9, abs=1e-9)


@repeatable
@given(programs())
def test_explained_gradient_is_that_of_backward(program) -> None:
    nodes = program.values([Value(x) for x in program.inputs])
    explained = [explain(node, nodes[-1]).gradient for node in nodes]
    nodes[-1].backward()
    assert explained == [node.grad for node in nodes]


def test_paths_are_counted_exactly_when_there_are_too_many_to_walk() -> None:
    x = y = Value(1.0)
    for _ in range(1000):
        y = y * 0.5 + y * 0.5
    explanation = explain(x, y)
    assert explanation.count == 2**1000
    assert explanation.gradient == 1.0
    assert len(explanation.paths) == 8
    assert "the sum over about 10^301 paths" in str(explanation)
    assert str(explanation).splitlines()[-1].split() == [
        *("…", "and", "about", "10^301", "more", "=", "1.0000"),
    ]


def test_operand_used_twice_has_two_paths() -> None:
    c = twice()
    a = c._prev[0]._prev[0]
    assert str(explain(a, c)).splitlines() == [
        "∂c/∂a = 24, the sum over 4 paths",
        "  a →₁ b →₁ c   1 · 6 = 6.0000",
        "  a →₁ b →₂ c   1 · 6 = 6.0000",
        "  a →₂ b →₁ c   1 · 6 = 6.0000",
        "  a →₂ b →₂ c   1 · 6 = 6.0000",
    ]


def test_only_path_is_a_product() -> None:
    x = Value(0.0, label="x")
    y = (3 * x).exp()
    y.label = "y"
    explanation = explain(x, y)
    assert str(explanation) == "∂y/∂x = 3, along one path\n  x → v1 → y   3 · 1 = 3.0000"
    assert explanation.paths[0].nodes == (x, y._prev[0], y)
    assert explanation.paths[0].derivatives == (3.0, 1.0)


def test_root_itself_and_stranger_get_clear_answers() -> None:
    x, stranger = Value(1.0, label="x"), Value(1.0, label="s")
    y = x * 2
    y.label = "y"
    assert str(explain(y, y)) == "∂y/∂y = 1: it is the result itself"
    assert str(explain(stranger, y)) == "∂y/∂s = 0: no path leads from s to y"
    assert (explain(stranger, y).gradient, explain(stranger, y).count) == (0.0, 0)
    assert explain(y, x).count == 0
    swapped = "∂x/∂y = 0: no path leads from y to x; the other way round it is explain(x, y)"
    assert str(explain(y, x)) == swapped
    with pytest.raises(OperandError, match="explain needs a Value to explain the gradient of"):
        explain(2.0, y)  # type: ignore[arg-type]


def test_dead_path_is_counted_with_product_zero() -> None:
    x = Value(-1.0)
    explanation = explain(x, x.relu() + x)
    assert (explanation.count, explanation.gradient) == (2, 1.0)
    assert [path.product for path in explanation.paths] == [1.0, 0.0]


def test_infinite_and_undefined_products_come_first() -> None:
    x = Value(0.0)
    y = x.sqrt() + x * 5
    assert [path.product for path in explain(x, y).paths] == [math.inf, 5.0]
    y = (x**2).sqrt() + x * 5
    first, second = explain(x, y).paths
    assert math.isnan(first.product)
    assert second.product == 5.0
    assert math.isnan(explain(x, y, most=1).rest)


def test_long_path_is_told_by_its_labels() -> None:
    x = Value(1.0, label="x")
    middle = x
    for _ in range(5):
        middle = middle + 0
    middle.label = "middle"
    end = middle * 2
    for _ in range(5):
        end = end + 0
    end.label = "end"
    assert str(explain(x, end)).splitlines()[1] == "  x → … → middle → … → end   2 = 2.0000"


def test_notebook_shows_latex() -> None:
    x = Value(2.0, label="x")
    y = x * -3
    y.label = "y"
    assert explain(x, y)._repr_latex_() == (
        r"$$\begin{aligned} \frac{\partial y}{\partial x} & = \frac{\partial y}{\partial x} && = -3"
        r" \\ & = -3 \end{aligned}$$"
    )
    assert explain(y, y)._repr_latex_() == (
        r"$$\begin{aligned} \frac{\partial y}{\partial y} & = 1 \end{aligned}$$"
    )


def test_explaining_changes_no_gradient() -> None:
    x = Value(2.0)
    y = x * x
    explain(x, y)
    assert (x.grad, y.grad) == (0.0, 0.0)
