"""What an exported program looks like, and what cannot be written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from exports import LANGUAGES, case, check, deep, scattered
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad import MLP, Value
from scalargrad import functional as F
from scalargrad.compiler import compile
from scalargrad.compiler.export.folding import Element, Loop, fold
from scalargrad.errors import ChoiceError, SizeError

# ── what it looks like ──────────────────────────────────────────────────────────────────────────


def test_layer_is_a_loop_with_the_names_of_its_neurons(tmp_path: Path) -> None:
    model, x = MLP(2, [16, 16, 1], seed=1), [Value(0.1, label="x0"), Value(0.2, label="x1")]
    compile(model(x), x, model.parameters()).export(tmp_path / "model.py")
    text = (tmp_path / "model.py").read_text()
    assert "        v[i + 16] = math.tanh(v[i])  # l0.n0 ... l0.n15\n" in text
    assert "            z += p[17 * i + j + 48] * v[j + 16]\n" in text
    assert text.count("\n") < 200


def test_steps_in_time_are_a_loop(tmp_path: Path) -> None:
    compile(*deep()).export(tmp_path / "steps.js")
    text = (tmp_path / "steps.js").read_text()
    assert text.count("Math.tanh") == 2  # the first step starts from a constant
    assert len(text) < 3000


def test_labels_are_text_whatever_they_hold(tmp_path: Path) -> None:
    labels = ["*/ int", "a\nb = 1", '"""', "\\", "??/", "\u2028 x", "é" * 500, "\ud800", "#", "'"]
    x = [Value(0.5, label=label) for label in labels]
    w = [Value(0.5, label=label) for label in labels]
    products = [a * b for a, b in zip(x, w, strict=True)]
    for product, label in zip(products, labels, strict=True):
        product.label = label
    nodes = [product.exp() for product in products]
    for node, label in zip(nodes, labels, strict=True):
        node.label = label
    for language in LANGUAGES:
        folder = tmp_path / language
        folder.mkdir()
        check(language, [(compile([*nodes, F.sum(nodes)], x, w), np.ones((1, len(x))))], folder)


def test_parameters_in_the_file_are_those_of_the_program(tmp_path: Path) -> None:
    w = Value(1.0, label="w")
    program = compile(w * w, [], [w])
    program.parameters[0] = 3.0
    program.export(tmp_path / "square.py")
    assert "    3.0,  # w\n" in (tmp_path / "square.py").read_text()


def test_fold_of_groups_and_of_loops() -> None:
    elements = [Element(kind, (10 * i + k,)) for i in range(5) for k, kind in enumerate("abc")]
    (loop,) = fold(elements)
    assert loop == Element(Loop(5, (10, 10, 10), ("a", "b", "c")), (0, 1, 2))
    rows = [Element("a", (10 * i + j,)) for i in range(6) for j in range(4)]
    assert fold(rows) == [Element(Loop(6, (10,), (Loop(4, (1,), ("a",)),)), (0,))]
    assert fold(elements[:4]) == elements[:4]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=40))
def test_fold_changes_neither_what_is_done_nor_the_order(listed: list[tuple[str, int]]) -> None:
    elements = [Element(kind, (start,)) for kind, start in listed]
    assert list(unfolded(fold(elements))) == elements


def unfolded(elements: Sequence[Element]):  # type: ignore[no-untyped-def]
    for shape, starts in elements:
        if not isinstance(shape, Loop):
            yield Element(shape, starts)
            continue
        for turn in range(shape.count):
            moved = iter([x + turn * by for x, by in zip(starts, shape.steps, strict=True)])
            width = {part: len(part.steps) if isinstance(part, Loop) else 1 for part in shape.body}
            inner = [
                Element(part, tuple(next(moved) for _ in range(width[part]))) for part in shape.body
            ]
            yield from unfolded(inner)


# ── what cannot be written ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["model", "model.cpp", "model.", ".py", ""])
def test_suffix_says_the_language(name: str, tmp_path: Path) -> None:
    x = Value(1.0)
    with pytest.raises(ChoiceError, match=re.escape("says its language, .py, .c, .js; got")):
        compile(x * x, [x]).export(f"{tmp_path}/{name}")
    assert not [*tmp_path.iterdir()]


def test_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    x = Value(1.0)
    compile(x * x, [x]).export(tmp_path / "M.PY")
    assert "def value" in (tmp_path / "M.PY").read_text()


def test_path_that_cannot_be_written(tmp_path: Path) -> None:
    x = Value(1.0)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        compile(x * x, [x]).export(tmp_path / "missing" / "m.c")
    (tmp_path / "m.js").mkdir()
    with pytest.raises(IsADirectoryError):
        compile(x * x, [x]).export(tmp_path / "m.js")
    assert [*tmp_path.iterdir()] == [tmp_path / "m.js"]


def test_program_that_is_too_large_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalargrad.compiler.export.write.LARGEST", 3)
    (tmp_path / "m.c").write_text("old")
    program, _ = case(scattered())
    program.export(tmp_path / "m.c")
    x = [Value(0.1), Value(0.2)]
    irregular = F.sum([(x[0] * x[1]).exp().tanh().sin(), x[0].cos()])
    with pytest.raises(SizeError, match=r"would be \d+ statements .* at most 3 are written"):
        compile(irregular, x).export(tmp_path / "n.c")
    assert not (tmp_path / "n.c").exists()


def test_wrong_counts_get_a_sentence(tmp_path: Path) -> None:
    x, w = [Value(1.0), Value(2.0)], Value(3.0)
    compile(x[0] * x[1] * w, x, [w]).export(tmp_path / "m.py")
    names: dict[str, object] = {}
    exec((tmp_path / "m.py").read_text(), names)
    assert names["value"]([1, 2]) == 6.0  # type: ignore[operator]
    with pytest.raises(ValueError, match="there are 2 inputs, got 1"):
        names["value"]([1.0])  # type: ignore[operator]
    with pytest.raises(ValueError, match="there are 1 parameters, got 0"):
        names["value_and_grad"]([1.0, 2.0], [])  # type: ignore[operator]


def test_c_names_start_with_the_name_of_the_file(tmp_path: Path) -> None:
    w = Value(3.0)
    compile(w * w, [], [w]).export(tmp_path / "2 layers-é.c")
    assert "double model_2_layers___value(const double *p)" in next(tmp_path.iterdir()).read_text()
