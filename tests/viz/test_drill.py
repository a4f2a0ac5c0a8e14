"""Drills: expressions by chance that can be computed with by hand, harder level by level."""

from __future__ import annotations

import json
import random
import re

import pytest

from scalargrad import grad
from scalargrad.errors import ChoiceError, OperandError
from viz import drill, trace
from viz.pages.drill import HARDEST, expression

LEVELS = range(1, HARDEST + 1)
ADDED = {1: {"+", "*"}, 2: {"-"}, 3: {"**", "ReLU"}, 4: {"/", "neg"}, 5: {"tanh", "exp"}}


def some(level, count=30):
    return [expression(random.Random(seed), level) for seed in range(count)]


@pytest.mark.parametrize("level", LEVELS)
def test_numbers_can_be_computed_with_and_every_leaf_counts(level):
    for root in some(level):
        nodes, _ = trace(root)
        leaves = [node for node in nodes if node.kind == "leaf"]
        assert len(leaves) >= 2
        assert all(abs(node.data) <= 60 for node in nodes)
        assert all(node.grad == 0 for node in nodes)
        assert all(gradient.data for gradient in grad(root, leaves))
        assert len({node.label for node in nodes if node.kind != "constant"}) == len(
            [node for node in nodes if node.kind != "constant"]
        )


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_has_something_that_the_one_before_it_had_not(level):
    allowed = set().union(*(ADDED[each] for each in range(1, level + 1)))
    for root in some(level):
        symbols = {node._op for node in trace(root)[0]} - {""}
        assert symbols <= allowed
        assert symbols & ADDED[level]


def test_numbers_are_used_twice_from_level_two_on():
    """At the first level every gradient is one product, with nothing to add up."""
    for level in LEVELS:
        for root in some(level):
            _, edges = trace(root)
            tails = [tail for tail, _ in edges]
            assert (len(set(tails)) == len(tails)) or level > 1
        uses = [tail for root in some(level) for tail, _ in trace(root)[1]]
        assert (len(set(uses)) < len(uses)) == (level > 1)


def test_the_title_says_which_drill_it_is():
    page = drill(3, level=2)
    assert "<title>Drill 3 of level 2: the gradients of f</title>" in page.html
    assert (
        '<h1>Drill 3 of level 2: the gradients of <span id="root-name">f</span></h1>' in page.html
    )


def test_levels_grow():
    sizes = [sum(len(trace(root)[1]) for root in some(level)) for level in LEVELS]
    assert sizes == sorted(set(sizes))


def test_the_same_seed_gives_the_same_page_and_another_one_another(tmp_path):
    page = drill(2, 3, tmp_path / "drill.html")
    assert page.html == drill(2, level=3).html != drill(3, level=3).html
    assert (tmp_path / "drill.html").read_text(encoding="utf-8") == page.html


@pytest.mark.parametrize(
    ("level", "harder"), [(1, "viz.drill(7, level=2)"), (HARDEST, f"viz.drill(8, level={HARDEST})")]
)
def test_a_page_knows_what_comes_next(level, harder):
    (data,) = re.findall(r'id="data">(.*?)</script>', drill(7, level).html)
    assert json.loads(data)["drill"] == {"harder": harder, "again": f"viz.drill(8, level={level})"}


@pytest.mark.parametrize("level", [0, 6, -1, 1.5, "hard", None])
def test_a_level_that_is_none_is_an_error(level):
    with pytest.raises(ChoiceError, match="a drill has a level from 1 to 5, got"):
        drill(0, level)


@pytest.mark.parametrize("seed", ["x", 1.5, None, True])
def test_a_seed_that_is_no_whole_number_is_an_error(seed):
    with pytest.raises(OperandError, match="the seed of a drill is a whole number, got"):
        drill(seed)
