"""The lecture runs, what it says is so, and its solutions solve the exercises."""

import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from scalargrad import Value, check_gradients
from scalargrad.errors import GradientError

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "examples" / "lecture.ipynb").read_text(encoding="utf-8")
LECTURE = nbformat.reads(SOURCE, as_version=4)

EXERCISE = re.compile(r"^### Exercise (\d+)$", re.MULTILINE)
SOLUTION = re.compile(
    r"<details>\n<summary>Solution</summary>\n.*?```python\n(.*?)```.*?</details>", re.DOTALL
)

# Runs after the last cell and prints what the lecture has come to.
FINDINGS = new_code_cell("""
import json
print(json.dumps({
    "by hand": by_hand,
    "in pieces": {name: leaf.grad for name, leaf in leaves.items()},
    "errors": errors,
    "lost step": slope_in_a(1e8, 1e-9),
    "predictions": predictions,
    "targets": ys,
    "with zero_grad": [final[True, seed] for seed in range(4)],
    "zero_grad forgotten": [final[False, seed] for seed in range(4)],
    "R²": r2,
}))
""")


def solutions(cell):
    return SOLUTION.findall(cell.source) if cell.cell_type == "markdown" else []


def with_solutions():
    """Return the cells with each solution as a cell of code after its exercise."""
    cells = []
    for cell in LECTURE.cells:
        cells += [cell, *map(new_code_cell, solutions(cell))]
    return cells


@pytest.fixture(scope="module", params=["as it is", "with solutions"])
def executed(request):
    cells = LECTURE.cells if request.param == "as it is" else with_solutions()
    notebook = new_notebook(cells=[*cells, FINDINGS], metadata=LECTURE.metadata)
    client = NotebookClient(
        nbformat.from_dict(notebook),
        allow_errors=True,
        timeout=300,
        resources={"metadata": {"path": str(ROOT)}},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # the notebook shows its plots itself
        return client.execute()


@pytest.fixture(scope="module")
def outputs(executed):
    return {cell.id: cell.outputs for cell in executed.cells if cell.cell_type == "code"}


@pytest.fixture(scope="module")
def findings(executed):
    (printed,) = executed.cells[-1].outputs
    return json.loads(printed.text)


def texts(picture):
    """Return the rows of text in an SVG."""
    return [text.text for text in ElementTree.fromstring(picture).iter() if text.text]


# ── the notebook as it is committed ─────────────────────────────────────────────────────────────


def test_the_committed_notebook_has_no_traces_of_a_run():
    nbformat.validate(LECTURE)
    for cell in LECTURE.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
    assert LECTURE.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def test_the_committed_notebook_names_no_path_of_a_machine():
    assert str(ROOT) not in SOURCE
    assert not re.search(r"/(home|Users|root|tmp|work|usr|opt|mnt|var)/|[A-Z]:\\\\", SOURCE)


def test_each_exercise_has_a_folded_solution_that_checks_itself():
    exercises = []
    for cell in LECTURE.cells:
        numbers, found = EXERCISE.findall(cell.source), solutions(cell)
        assert len(numbers) == len(found) == cell.source.count("<details")
        assert all("assert " in solution for solution in found)
        exercises += map(int, numbers)
    assert exercises == [*range(1, 11)]


# ── the notebook as it runs ─────────────────────────────────────────────────────────────────────


def test_no_cell_fails_or_warns(executed):
    troubles = [
        (cell.source, output.get("evalue") or output.text)
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
    assert troubles == []


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("hand-df-code", "(-2.0, 4.0)"),
        ("hand-ec-code", "(-2.0, -2.0)"),
        ("hand-ab-code", "(6.0, -4.0)"),
        ("accumulate-wrong", "1.0"),
        ("accumulate-right", "4.0"),
        ("order-wrong-code", "2.0"),
        ("order-right", "8.0"),
        ("backward-cancellation-code", "-3.0"),
    ],
)
def test_a_cell_answers_what_the_text_says(outputs, cell, answer):
    (output,) = outputs[cell]
    assert output.data["text/plain"] == answer


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("slope-code", "slope at 3: 14.000300"),
        ("use-code", "L foretold -7.28\nL after    -7.286496"),
        ("order-depth-code", "RecursionError: maximum recursion depth exceeded"),
        ("order-library-code", "same order:     True"),
        ("backward-neuron", "as by hand: True"),
        ("backward-twice-code", "6.0\n12.0\n18.0"),
        ("mlp-build", "41 parameters"),
    ],
)
def test_a_cell_prints_what_the_text_says(outputs, cell, said):
    # What is printed may arrive in several pieces.
    assert said in "".join(output.get("text", "") for output in outputs[cell])


def test_the_measured_slope_gets_better_and_then_worse(findings):
    errors = findings["errors"]
    best = errors.index(min(errors))
    assert best in (7, 8, 9)  # h = 1e-8, or next to it
    assert errors[:best] == sorted(errors[:best], reverse=True)
    assert errors[16:] == [14.0, 14.0]
    assert findings["lost step"] == 0.0


def test_the_neuron_has_the_same_gradients_by_hand_and_in_pieces(findings):
    expected = {"x1": -1.5, "x2": 0.5, "w1": 1.0, "w2": 0.0, "bias": 0.5}
    assert findings["by hand"] == pytest.approx(expected, abs=1e-14)
    assert findings["in pieces"] == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    ("cell", "unknown"), [("neuron-build", 10), ("neuron-during-code", 4), ("neuron-after", 1)]
)
def test_the_neuron_is_drawn_before_during_and_after(outputs, cell, unknown):
    (output,) = outputs[cell]
    rows = texts(output.data["image/svg+xml"])
    assert {"x1", "x2", "w1", "w2", "bias", "n", "o", "tanh"} <= set(rows)
    assert rows.count("grad 0.0000") == unknown


def test_no_node_is_named_twice(outputs):
    """The pictures call each node by its variable, and no cell gives a name by hand."""
    assert not any(re.search(r"Value\(.*label=|\w\.label\b", cell.source) for cell in LECTURE.cells)
    rows = texts(outputs["graph-draw"][0].data["image/svg+xml"])
    assert {*"abcdefL"} <= set(rows)
    assert "total" in texts(outputs["neuron-build"][0].data["image/svg+xml"])


def test_what_is_to_be_seen_is_shown(executed):
    kinds = {"draw_dot": "image/svg+xml", "plt.show": "image/png", "explain": "text/latex"}
    shown = dict.fromkeys(kinds, 0)
    for cell in executed.cells:
        call = cell.source.splitlines()[-1].partition("(")[0]
        if cell.cell_type == "code" and call in kinds:
            assert kinds[call] in cell.outputs[-1].data, cell.source
            shown[call] += 1
    assert shown == {"draw_dot": 10, "plt.show": 5, "explain": 2}


def test_the_network_learns_its_four_points(findings):
    assert findings["predictions"] == pytest.approx(findings["targets"], abs=0.1)
    assert max(findings["with zero_grad"]) < 0.02


def test_some_networks_without_zero_grad_end_badly_and_some_do_not(findings):
    assert min(findings["zero_grad forgotten"]) < 0.01
    assert max(findings["zero_grad forgotten"]) > 3.9


def test_the_network_explains_the_held_out_points_of_the_curve(findings):
    assert findings["R²"] > 0.99


# ── a claim that no cell shows ──────────────────────────────────────────────────────────────────


def test_hypot_that_overwrites_is_right_for_two_numbers_and_named_by_both_checks():
    (cell,) = (cell for cell in LECTURE.cells if "### Exercise 8" in cell.source)
    (solution,) = solutions(cell)
    names = {"math": math, "Value": Value, "check_gradients": check_gradients}
    made, *checks = solution.replace("+=", "=").split("assert check_gradients")
    exec(made, names)
    x, y = Value(3.0), Value(4.0)
    names["hypot"](x, y).backward()
    assert (x.grad, y.grad) == (0.6, 0.8)
    y.grad = 0.0
    names["hypot"](y, y).backward()
    assert y.grad == pytest.approx(math.sqrt(2) / 2)  # half of what is right
    assert len(checks) == 2
    for check in checks:
        with pytest.raises(GradientError, match=r"^hypot sets 'input 0'\.grad instead of"):
            exec(f"assert check_gradients{check}", names)
