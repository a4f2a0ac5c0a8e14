"""What a real kernel shows at the end of a cell."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from oracles import ROOT, python

CELLS = {
    "start": "from scalargrad import *\nimport viz\n"
    "from scalargrad import fit, compile\nfrom scalargrad.functional import mse",
    "plain value": "a, b = Value(2.0), Value(-3.0)\nd = a * b\nd",
    "names": "print(viz.formula(d))\nviz.tree(d * a)",
    "picture of names": "viz.draw_dot(d)",
    "shadowed": "def f(a):\n    return viz.formula(a * b)\nf(Value(7.0))",
    "deleted": "del b\nviz.formula(d)",
    "answers": "Value(5.0) * 2",
    "no name": "_",
    "switch": "%load_ext viz",
    "value": "d",
    "leaf": "a",
    "model": "model = MLP(2, [3, 2], seed=0)\nmodel",
    "neuron": "Neuron(2)",
    "other module": "class Line(Module):\n    pass\nLine()",
    "history": "line = MLP(1, [1], seed=0)\n"
    "fit(line, mse, ([[0.0], [1.0]], [0.0, 1.0]), SGD(line.parameters(), 0.1), 3, progress=False)",
    "program": "x = Value(1.0)\nsquare = x * x\ncompile(square, [x], machine='tape')",
    "completion": "[name for name in get_ipython().Completer.all_completions('a.ta')]",
    "source": "import inspect\ninspect.getsource(Value.tanh)",
    "off": "viz.notebook(False)\nd",
}


@pytest.fixture(scope="module")
def shown():
    cells = [new_code_cell(source) for source in CELLS.values()]
    client = NotebookClient(
        nbformat.from_dict(new_notebook(cells=cells)),
        timeout=300,
        resources={"metadata": {"path": str(ROOT)}},
    )
    done = client.execute()
    return dict(zip(CELLS, [cell.outputs for cell in done.cells], strict=True))


def data(outputs):
    (output,) = outputs
    return output.data


def test_a_value_is_its_line_until_pictures_are_asked_for(shown):
    expected = {"text/plain": "Value(data=-6.0, grad=0.0)"}
    assert data(shown["plain value"]) == expected
    assert data(shown["off"]) == expected
    assert data(shown["leaf"]) == {"text/plain": "Value(data=2.0, grad=0.0)"}


def test_cells_have_names_from_their_variables(shown):
    printed, tree = shown["names"]
    assert printed.text == "d = a * b\n"
    assert "├─ d     *" in tree.data["text/plain"]
    assert ">d</text>" in data(shown["picture of names"])["image/svg+xml"]
    assert data(shown["shadowed"])["text/plain"] == "a * b"
    assert data(shown["deleted"])["text/plain"] == "d = a * -3"


def test_a_value_shows_its_graph_below_its_line(shown):
    found = data(shown["value"])
    assert found["text/plain"] == "Value(data=-6.0, grad=0.0)"
    assert all(f">{name}</text>" in found["image/svg+xml"] for name in "ad")


def test_models_show_their_layers(shown):
    picture = data(shown["model"])["image/svg+xml"]
    assert "outputs</text>" in picture
    assert "neuron" in picture
    assert "image/svg+xml" in data(shown["neuron"])
    assert "image/svg+xml" not in data(shown["other module"])


def test_a_history_shows_its_curve_and_a_program_its_listing(shown):
    found = data(shown["history"])
    assert found["text/plain"].startswith("<History of 3 epochs")
    assert found["image/png"]
    listing = data(shown["program"])["text/plain"].splitlines()
    assert listing[0] == "machine: tape"
    assert listing[-1].startswith("square = ")


def test_completion_and_source_work(shown):
    assert "a.tanh" in data(shown["completion"])["text/plain"]
    assert "a.grad += g * (1 - z * z)" in data(shown["source"])["text/plain"]


def test_outside_of_ipython_there_is_a_sentence():
    code = "import viz\ntry:\n    viz.notebook()\nexcept RuntimeError as error:\n    print(error)"
    assert python(code).startswith("viz.notebook() is for IPython and notebooks, and none runs")
    assert python("import viz, sys; print('IPython' in sys.modules)") == "False\n"
