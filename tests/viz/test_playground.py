"""The playground's page as a file: what is in it, what it is made of, and what is refused."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import viz
from scalargrad import MLP, SGD, Adam, AdamW, Neuron, Value
from scalargrad import functional as F
from scalargrad.errors import (
    ChoiceError,
    DomainError,
    NonFiniteError,
    OperandError,
    ScalargradError,
    SizeError,
)
from scalargrad.nn import Module
from scalargrad.optim import Optimizer, linear_decay
from scalargrad.train import trace_loss
from viz.pages.playground.network import network

X = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, -1.0]]
Y = [1.0, -1.0, 1.0, -1.0]

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{script}}{{data}}{{title}}",
    '--></style><!--" onload="alert(1)',
    "a\u2028b\0c\ud800",
    "a" * 20_000,
    "__proto__",
]


def mlp(sizes=(3, 1), **options) -> MLP:
    return MLP(2, list(sizes), seed=0, **options)


def data_of(page) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.html, re.S)
    return json.loads(found[1])


# ── the page ────────────────────────────────────────────────────────────────────────────────────


def test_page_loads_nothing_and_runs_its_own_script_alone() -> None:
    html = viz.playground(mlp(), F.hinge, (X, Y)).html
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.S)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.S)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    for text in (script, style):
        assert b64encode(sha256(text.encode()).digest()).decode() in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert re.findall(r'(?:src|href)="([^"]*)"', html) == ["data:,"]
    assert "new Function" not in script
    assert "eval(" not in script


@pytest.mark.parametrize("text", HOSTILE)
def test_labels_and_titles_are_text_whatever_they_hold(text: str, tmp_path) -> None:
    weights = [Value(0.5, label=text), Value(0.25, label=text)]

    def model(x):
        made = (weights[0] * x[0] + weights[1]).tanh()
        made.label = text
        return made

    optimizer = SGD(weights, 0.1)
    page = viz.playground(
        model, F.mse, (X, Y), tmp_path / "p.html", optimizer=optimizer, title=text
    )
    plain = viz.playground(mlp(), F.hinge, (X, Y))
    assert page.html.count("<script") == plain.html.count("<script")
    assert page.html.count("<img") == plain.html.count("<img")
    assert data_of(page)["units"][-1]["name"] == text
    heading = re.search(r"<h1>(.*?)</h1>", page.html, re.S)[1]
    assert unescape(heading) == text.encode(errors="replace").decode()


def test_page_is_saved_and_shown_by_a_notebook(tmp_path) -> None:
    page = viz.playground(mlp(), F.hinge, (X, Y), tmp_path / "page.html")
    assert page.path.read_text(encoding="utf-8") == page.html
    assert repr(page) == f"<playground of 13 parameters, 4 samples; open {page.path}>"
    frame = page._repr_html_()
    assert frame.startswith("<iframe")
    assert 'sandbox="allow-scripts allow-downloads"' in frame


def test_compiler_and_numpy_load_with_the_first_page() -> None:
    script = "import sys, viz; assert viz.playground and 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(viz.__file__).parent.parent)


def test_model_is_not_changed() -> None:
    model = mlp()
    before = [(p.data, p.grad) for p in model.parameters()]
    viz.playground(model, F.hinge, (X, Y))
    assert [(p.data, p.grad) for p in model.parameters()] == before


def test_size_of_the_page_of_moons_stays_small() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 2)), np.sign(rng.normal(size=100))
    page = viz.playground(MLP(2, [16, 16, 1], activation="relu", seed=0), F.hinge, (x, y))
    assert len(page.html.encode()) < 400_000


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        ("sgd", {"optimizer": "sgd", "rate": 0.1}),
        ("momentum", {"optimizer": "momentum", "momentum": 0.9}),
        ("adam", {"optimizer": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}),
        ("adamw", {"optimizer": "adamw"}),
        (lambda p: SGD(p, 0.5, 0.75), {"optimizer": "momentum", "rate": 0.5, "momentum": 0.75}),
        (
            lambda p: Adam(p, 0.25, (0.5, 0.75), 1e-4),
            {"beta1": 0.5, "beta2": 0.75, "epsilon": 1e-4},
        ),
        (lambda p: AdamW(p, weight_decay=0.5), {"optimizer": "adamw", "rate": 0.001}),
    ],
)
def test_optimiser_is_taken_over_with_its_numbers(optimizer, expected) -> None:
    model = mlp()
    given = optimizer if isinstance(optimizer, str) else optimizer(model.parameters())
    settings = data_of(viz.playground(model, F.hinge, (X, Y), optimizer=given))["settings"]
    assert {name: settings[name] for name in expected} == expected


def test_weight_decay_is_that_of_each_optimiser() -> None:
    model = mlp()

    def decays(optimizer) -> dict[str, float]:
        page = viz.playground(model, F.hinge, (X, Y), optimizer=optimizer)
        return data_of(page)["settings"]["decays"]

    assert decays("sgd") == {"sgd": 0.0, "momentum": 0.0, "adam": 0.0, "adamw": 0.01}
    given = SGD(model.parameters(), 0.1, weight_decay=0.5)
    assert decays(given) == {"sgd": 0.5, "momentum": 0.5, "adam": 0.5, "adamw": 0.01}
    given = AdamW(model.parameters(), weight_decay=0.25)
    assert decays(given) == {"sgd": 0.0, "momentum": 0.0, "adam": 0.0, "adamw": 0.25}


# ── what is drawn ───────────────────────────────────────────────────────────────────────────────


def units_of(model, parameters, loss=F.mse, data=(X, Y)):
    return network(trace_loss(model, loss, data, SGD(parameters)))


def test_units_are_inputs_and_neurons_in_columns() -> None:
    model = mlp((3, 2))
    units = units_of(model, model.parameters(), data=(X, [[0.0, 1.0]] * 4))
    names = [[unit.name for unit in units if unit.column == column] for column in range(3)]
    assert names == [["x0", "x1"], ["l0.n0", "l0.n1", "l0.n2"], ["l1.n0", "l1.n1"]]
    hidden = units[2]
    assert (hidden.kind, hidden.neuron.activation._op) == ("neuron", "tanh")
    assert [source.name for source in hidden.sources] == ["x0", "x1"]
    assert hidden.neuron.weights == model.layers[0].neurons[0].w
    assert hidden.neuron.bias is model.layers[0].neurons[0].b


def test_neurons_that_people_write_are_found() -> None:
    w, v, b = Value(1.0), Value(2.0), Value(0.0)
    units = units_of(lambda x: (w * x[0] + x[1] * v + b).sigmoid(), [w, v, b])
    neuron = units[-1].neuron
    assert (neuron.activation._op, neuron.bias) == ("sigmoid", b)
    assert neuron.weights == [w, v]


def test_features_and_outputs_are_units_of_their_own() -> None:
    neuron = Neuron(2, seed=0, label="n")
    units = units_of(lambda x: 2 * neuron([x[0] * x[1], (x[0] - 1) / 2]), neuron.parameters())
    assert [(unit.kind, unit.column) for unit in units[-4:]] == [
        ("computed", 0), ("computed", 0), ("neuron", 1), ("computed", 2)
    ]  # fmt: skip
    assert [unit.name for unit in units[-1].links] == ["n"]
    assert [unit.name for unit in units[:2]] == ["x0 * x1", "(x0 - 1) / 2"]


def test_features_with_long_formulas_are_named_after_what_goes_in() -> None:
    neuron = Neuron(1, seed=0, label="n")
    units = units_of(lambda x: neuron([(x[0] - 3.861764705) / 1.448800]), neuron.parameters())
    assert units[0].name == "f(x0)"
    assert "3.861764705" in units[0].formula


def test_result_in_other_units_is_named_after_the_neuron_and_not_after_a_part_of_its_formula() -> (
    None
):
    model = MLP(1, [3, 1], seed=0)
    found = units_of(
        lambda x: model([x[0] / 2]) * 10.4 + 7.6, model.parameters(), data=([[1.0], [2.0]], [1, 2])
    )
    assert [unit.name for unit in found if unit.kind == "computed"] == ["x0 / 2", "f(l1.n0)"]


def test_shared_weights_are_no_neurons_of_a_layer() -> None:
    neuron = Neuron(1, seed=0)
    assert units_of(lambda x: neuron([x[0]]) + neuron([x[1]]), neuron.parameters()) == []
    page = viz.playground(lambda x: neuron([x[0]]) + neuron([x[1]]), F.mse, (X, Y),
                          optimizer=SGD(neuron.parameters()))  # fmt: skip
    assert data_of(page)["units"] == []


def test_parameters_of_no_module_have_their_labels_or_numbers() -> None:
    parameters = [Value(float(i), label=label) for i, label in enumerate(["a", "b", "b", ""])]

    def model(x):
        return F.sum(p * x[0] for p in parameters) ** 2

    page = viz.playground(model, F.mse, (X, Y), optimizer=SGD(parameters))
    assert data_of(page)["parameters"]["names"] == ["a", "p1", "p2", "p3"]
    assert data_of(page)["initial"]["kinds"] == [["normal", 1.5, np.std([0, 1, 2, 3])]]


class Wrapped:
    """A model that is no Module, but holds one."""

    def __init__(self) -> None:
        self.network = mlp()

    def __call__(self, x):
        return self.network([2 * v for v in x])


class Scaled(Module):
    """A Module with a parameter that is trained, and one that is not."""

    def __init__(self) -> None:
        self.neuron, self.fixed = Neuron(2, seed=0), Value(3.0)

    def __call__(self, x):
        return self.neuron(x) * self.fixed


def test_parameters_have_the_names_of_the_state() -> None:
    model = Wrapped()
    for function in (model, model.__call__):
        page = viz.playground(function, F.mse, (X, Y), optimizer=SGD(model.network.parameters()))
        assert data_of(page)["parameters"]["names"] == list(model.network.state_dict())
        assert ["uniform", 2, 3] in data_of(page)["initial"]["kinds"]
    network = model.network
    page = viz.playground(lambda x: network(x[::-1]), F.mse, (X, Y),
                          optimizer=SGD(network.parameters()))  # fmt: skip
    assert data_of(page)["parameters"]["names"] == list(network.state_dict())
    scaled = Scaled()
    page = viz.playground(scaled, F.mse, (X, Y), optimizer=SGD(scaled.neuron.parameters()))
    state = data_of(page)["parameters"]["state"]
    assert {name: number for name, _, number in state} == scaled.state_dict()
    assert [index for name, index, _ in state if name == "fixed"] == [-1]


def test_weights_are_drawn_anew_by_their_own_initialisers() -> None:
    model = mlp((3, 1), init="he")
    initial = data_of(viz.playground(model, F.mse, (X, Y)))["initial"]
    kinds = [initial["kinds"][kind] for kind in initial["of"]]
    hidden, output = ["he", 2, 3], ["he", 3, 1]
    zero = ["zero", 0, 0]
    assert kinds == [*[hidden, hidden, zero] * 3, output, output, output, zero]


# ── what is refused ─────────────────────────────────────────────────────────────────────────────


class Own(Optimizer):
    def update(self, p, gradient, rate):
        return (p - rate * gradient,)


def by_hand(x):
    return Value(x[0].data, (x[0],), "mine")


REFUSED = [
    ({"optimizer": "sdg"}, ChoiceError, "optimizer is one of sgd, momentum, adam, adamw"),
    ({"optimizer": None}, ChoiceError, "got None"),
    ({"model": lambda x: x[0]}, OperandError, "a playground needs the parameters of the model"),
    ({"model": 3}, OperandError, "the model is a function, got 3"),
    ({"loss": None}, OperandError, "the loss is a function, such as mse"),
    ({"optimizer": Own([Value(1.0)], 0.1)}, OperandError, "computes SGD, Adam and AdamW, got Own"),
    ({"learning_rate": linear_decay(1, 0, 9)}, OperandError, "is a number, which its page"),
    ({"learning_rate": "0.1"}, OperandError, "a learning rate is a number"),
    ({"learning_rate": -1}, DomainError, "a learning rate is a finite number, 0 or more, got -1"),
    ({"batch_size": 0}, SizeError, "batch_size is a positive int, got 0"),
    ({"batch_size": 2.5}, SizeError, "batch_size is a positive int, got 2.5"),
    ({"data": ([1.0, 2.0], [1.0, 2.0])}, SizeError, "for one input, write"),
    ({"data": (X, ["a", "b", "c", "d"])}, OperandError, "number the classes"),
    ({"data": (X, Y[:3])}, SizeError, "got (4, 2) and (3,)"),
    ({"data": ([[0, 1], [2, math.nan]], [1, -1])}, NonFiniteError, "got nan in X, in sample 1"),
    ({"loss": F.mse, "data": (X, [1, 2, 3, math.inf])}, NonFiniteError, "inf in y, in sample 3"),
    (
        {"validation": ([[0, 1], [-math.inf, 0]], [1, -1])}, NonFiniteError,
        "the data need finite numbers, got -inf in X, in sample 1 of the validation data",
    ),
    ({"validation": ([[1.0]], [1.0])}, SizeError, "the validation data need 2 inputs, got 1"),
    ({"optimizer": SGD([Value(1.0)])}, OperandError, "reaches the loss"),
    ({"model": lambda x: by_hand(x), "optimizer": SGD([Value(1.0)])}, OperandError, "loss"),
    ({"title": 3}, OperandError, "the title of a page is a text, got 3"),
    ({"loss": lambda _, y: 1.0 / y[0], "data": (X, [0.0] * 4)}, NonFiniteError, "first sample"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "kind", "sentence"), REFUSED)
def test_bad_input_is_told_in_a_sentence(arguments, kind, sentence: str, tmp_path) -> None:
    path = tmp_path / "page.html"
    given = {"model": mlp(), "loss": F.hinge, "data": (X, Y)} | arguments
    with pytest.raises(kind) as caught:
        viz.playground(path=path, **given)
    assert issubclass(kind, ScalargradError)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not path.exists()
