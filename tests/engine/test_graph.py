"""Walks over graphs, on plain dictionaries: a node is anything that can be a key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import recursive_topological_sort, repeatable

from scalargrad.graph import topological_sort, use_counts


@st.composite
def graphs(draw):
    """Random graphs of numbered nodes: parents have smaller numbers, and may be listed twice."""
    size = draw(st.integers(1, 25))
    parents = {0: []}
    for node in range(1, size):
        parents[node] = draw(st.lists(st.integers(0, node - 1), max_size=4))
    roots = draw(st.lists(st.integers(0, size - 1), max_size=4))
    return parents, roots


@given(graphs())
@repeatable
def test_order_is_that_of_a_recursive_search(graph):
    parents, roots = graph
    got = topological_sort(roots, parents.__getitem__)
    assert got == recursive_topological_sort(roots, parents.__getitem__)


@given(graphs())
@repeatable
def test_order_lists_every_ancestor_once_after_its_parents(graph):
    parents, roots = graph
    order = topological_sort(roots, parents.__getitem__)
    place = {node: k for k, node in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[parent] < place[node] for node in order for parent in parents[node])
    assert set(roots) <= place.keys()
    children = {parent for node in order for parent in parents[node]}
    assert place.keys() == set(roots) | children


@given(graphs())
@repeatable
def test_use_counts_count_every_listing(graph):
    parents, roots = graph
    order = topological_sort(roots, parents.__getitem__)
    listed = [parent for node in order for parent in parents[node]]
    assert use_counts(order, parents.__getitem__) == {node: listed.count(node) for node in order}


@pytest.mark.parametrize(
    ("parents", "roots", "order"),
    [
        ({"a": []}, [], []),
        ({"a": []}, ["a"], ["a"]),
        ({"a": []}, ["a", "a"], ["a"]),
        ({"a": [], "b": ["a", "a"]}, ["b"], ["a", "b"]),
        ({"a": [], "b": []}, ["b", "a"], ["b", "a"]),
        ({"a": [], "b": ["a"]}, ["b", "a"], ["a", "b"]),
        ({"a": [], "b": ["a"]}, ["a", "b"], ["a", "b"]),
        # "a" waits on the stack for "d" when "b", visited before it, needs it first
        ({"a": [], "b": ["a"], "c": ["b"], "d": ["c", "a"]}, ["d"], ["a", "b", "c", "d"]),
        ({"a": [], "b": ["a"], "c": ["b"], "d": ["a", "c"]}, ["d"], ["a", "b", "c", "d"]),
    ],
)
def test_order_of_small_graphs(parents, roots, order):
    assert topological_sort(roots, parents.__getitem__) == order


def test_order_asks_each_node_for_its_parents_once():
    asked = []

    def parents(node):
        asked.append(node)
        return [] if node == 0 else [node - 1, node - 1, 0]

    topological_sort([30], parents)
    assert sorted(asked) == list(range(31))


def test_roots_may_be_any_iterable_and_parents_any_sequence():
    parents = {"a": (), "b": ("a",)}
    assert topological_sort(iter(["b"]), parents.__getitem__) == ["a", "b"]
    assert topological_sort((root for root in "ab"), parents.__getitem__) == ["a", "b"]


def test_order_of_a_deep_graph_and_of_a_wide_one():
    depth = 200_000
    assert topological_sort([depth], lambda n: [n - 1] if n else []) == list(range(depth + 1))
    wide = [*range(depth)]
    assert topological_sort(["root"], lambda n: wide if n == "root" else []) == [*wide, "root"]


def test_use_counts_include_parents_outside_of_the_order():
    assert use_counts(["b"], {"b": ["a", "a"]}.__getitem__) == {"b": 0, "a": 2}


def test_use_counts_of_nothing():
    assert use_counts([], {}.__getitem__) == {}
