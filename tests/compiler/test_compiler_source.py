"""The source of programs: right, the same everywhere, and commented by the lines of the listing."""

from __future__ import annotations

import ast
from collections import Counter

import numpy as np
import pytest
from compiled_graphs import TOLERANCE, WORKLOADS, Graph, check, random_graphs
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from oracles import python

from scalargrad import MLP, Value
from scalargrad.compiler import compile
from scalargrad.compiler.arrays import machine
from scalargrad.compiler.arrays.record import Recorder


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let programs record without any identity."""
    monkeypatch.setattr(machine, "Simplifier", Recorder)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("name", WORKLOADS)
def test_program_is_right_without_any_identity(name: str) -> None:
    graph = WORKLOADS[name]()
    check(graph, np.random.default_rng(0).normal(size=(3, len(graph[1]))))


@settings(max_examples=50, deadline=None)
@given(random_graphs(), st.integers(1, 3))
def test_random_program_is_the_same_without_any_identity(graph: Graph, batch: int) -> None:
    samples = np.random.default_rng(0).uniform(-2, 2, size=(batch, len(graph[1])))
    feed = [samples] if graph[1] else []
    with pytest.MonkeyPatch.context() as patch:
        expected = compile(*graph, machine="arrays").value_and_grad(*feed)
        patch.setattr(machine, "Simplifier", Recorder)
        found = compile(*graph, machine="arrays").value_and_grad(*feed)
    assert_allclose(found[0], expected[0], **TOLERANCE)
    assert_allclose(found[1], expected[1], **TOLERANCE)


def source_of(graph: Graph) -> tuple[str, str]:
    made = compile(*graph)
    return made.source, str(made.listing)


@pytest.mark.parametrize("name", WORKLOADS)
def test_source_names_nothing_that_it_does_not_use(name: str) -> None:
    tree = ast.parse(source_of(WORKLOADS[name]())[0])
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    loaded = Counter(node.id for node in names if isinstance(node.ctx, ast.Load))
    assert stored <= loaded.keys() | {"prepare", "step"}


def comments(source: str) -> list[list[str]]:
    """Return the notes of each line of the function."""
    lines = source.partition("def step")[2].splitlines()
    return [line.partition("  # ")[2].split("; ") for line in lines if "  # " in line]


def listed(listing: str) -> list[str]:
    return [line.partition("   (")[0] for line in listing.splitlines() if line.startswith("v")]


def has_note(line: str, notes: list[str]) -> bool:
    return any(note == line or note.startswith(f"{line} (· ") for note in notes)


@pytest.mark.parametrize("name", WORKLOADS)
def test_each_line_of_the_listing_has_its_comment(name: str) -> None:
    source, listing = source_of(WORKLOADS[name]())
    found = comments(source)
    lines = listed(listing)
    at = [[i for i, notes in enumerate(found) if has_note(line, notes)] for line in lines]
    assert all(len(places) == 1 for places in at)


@settings(max_examples=100, deadline=None)
@given(random_graphs())
def test_each_line_of_a_random_listing_has_its_comment(graph: Graph) -> None:
    source, listing = source_of(graph)
    found = [note for notes in comments(source) for note in notes]
    for line in listed(listing):
        assert has_note(line, found), (line, source)


@settings(max_examples=30, deadline=None)
@given(random_graphs())
def test_each_line_of_the_listing_of_several_outputs_has_its_comment(graph: Graph) -> None:
    output, inputs, wrt = graph
    source, listing = source_of(([output, output * output], inputs, wrt))
    found = [note for notes in comments(source) for note in notes]
    for line in listed(listing):
        assert has_note(line, found), (line, source)


def test_comments_follow_the_listing_forth_and_back() -> None:
    source, listing = source_of(WORKLOADS["hinge"]())
    found = comments(source)
    lines = listed(listing)
    forward = [next(i for i, notes in enumerate(found) if has_note(line, notes)) for line in lines]
    backward = [
        next(i for i, notes in enumerate(found) if f"∂v{n} (· -0.01)" in notes)
        for n in (1, 3, 4, 5, 6)
    ]
    assert len(lines) == 10
    del forward[2]  # the penalty, which is not in a row with the others
    assert forward == sorted(set(forward))
    assert backward == sorted(set(backward), reverse=True)
    assert max(forward) < min(backward)
    assert any("v0 = -x[2] (· -1)" in notes for notes in found)


def test_value_that_is_a_gradient_as_well_has_both_notes() -> None:
    x, w = Value(0.0), Value(1.0)
    made = compile((w * x - 3.0) ** 2, [x], [w])
    made.value_and_grad(np.ones((4, 1)))
    assert any(
        notes[0].startswith("v0 = ") and notes[1].startswith("∂v0 (· ")
        for notes in comments(made.source)
    )


def test_source_of_a_layer_is_what_a_person_would_write() -> None:
    model = MLP(2, [3, 1], activation="relu", seed=0)
    x = [Value(0.0), Value(0.0)]
    made = compile(model(x), x, model.parameters())
    body = made.source.partition("step(x):\n")[2]
    calls = [line.split("(")[0].strip() for line in body.splitlines()]
    assert calls[:5] == ["a0_0[...] = x", "np.dot", "np.less_equal", "np.maximum", "np.dot"]
    assert len(calls) < 18


_EVERYTHING = """
import sys, tempfile, pathlib
sys.path.insert(0, "tests")
from compiled_graphs import WORKLOADS
from scalargrad.compiler import compile
for name in ("gelu", "leaky relu", "hinge"):
    program = compile(*WORKLOADS[name]())
    print(program.source, program.listing)
    for suffix in ("py", "c", "js"):
        path = pathlib.Path(tempfile.mkdtemp()) / f"program.{suffix}"
        program.export(path)
        print(path.read_text())
"""


def test_source_and_exports_are_the_same_in_each_process() -> None:
    first, second = (python(_EVERYTHING, PYTHONHASHSEED=seed) for seed in ("4", "5"))
    assert first == second
