"""What goes wrong in a training is the same error scalar by scalar and compiled."""

import math
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from scalargrad import MLP, SGD, Module, fit
from scalargrad import functional as F
from scalargrad.errors import NonFiniteError


class Inside(Module):
    """A model with a domain: its first input has to be more than -3."""

    def __init__(self):
        self.net = MLP(2, [3, 1], seed=0)

    def __call__(self, x):
        inside = x[0] + 3.0
        inside.label = "inside"
        return self.net(x) + inside.log()


class Positive(Module):
    def __init__(self):
        self.net = MLP(2, [1], seed=0)

    def __call__(self, x):
        return self.net(x).exp()


class Quotient(Module):
    """A sigmoid as it is written by hand: its result is finite where its exponential is not."""

    def __init__(self):
        self.net = MLP(2, [1], seed=0)

    def __call__(self, x):
        return 1 / (1 + (-self.net(x)).exp())


MODELS = {
    "linear": lambda outputs: MLP(2, [outputs], seed=0),
    "tanh": lambda outputs: MLP(2, [3, outputs], seed=0),
    "relu": lambda outputs: MLP(2, [4, outputs], activation="relu", seed=1),
    "log": lambda _outputs: Inside(),
    "exp": lambda _outputs: Positive(),
}
X = np.random.default_rng(0).normal(size=(12, 2))
LABELS = np.sign(X[:, 0])
LOSSES = {  # with targets, and how many outputs they need
    "mse": (F.mse, LABELS, 1),
    "mae": (F.mae, LABELS, 1),
    "hinge": (F.hinge, LABELS, 1),
    "probabilities": (F.binary_cross_entropy, (LABELS + 1) / 2, 1),
    "logits": (F.binary_cross_entropy_with_logits, (LABELS + 1) / 2, 1),
    "classes": (F.cross_entropy, np.arange(12.0) % 3, 3),
    "exponential": (lambda outputs, targets: (-targets[0] * outputs[0]).exp(), LABELS, 1),
    "eighth power": (lambda outputs, targets: (outputs[0] - targets[0]) ** 8, LABELS, 1),
    "regression": (F.mse, X[:, 0] * 1.3, 1),
    "two regressions": (F.mse, X * 1.3, 2),
}
FAULTS = {  # which number of the data is replaced by which, and what is named if it is an error
    "none": (None, 0, 0.0, ""),
    "rate": ("rate", 0, 1e30, ""),
    "huge rate": ("rate", 0, 1e300, ""),
    "nan": ("x", 5, math.nan, "'x0' is nan, in sample 5;"),
    "inf": ("x", 5, math.inf, "'x0' is inf, in sample 5;"),
    "-inf": ("x", 7, -math.inf, "'x0' is -inf, in sample 7;|log needs .* in sample 7;"),
    "first": ("x", 0, math.nan, "'x0' is nan, in sample 0;"),
    "large": ("x", 5, 1e200, ""),
    "target": ("y", 5, math.nan, r"'y0' is nan, in sample 5;|got nan: .* \(in sample 5\)$|a class"),
    "domain": ("x", 6, -4.0, r"log needs .* got -1 \(node 'inside'\), in sample 6;"),
    "first domain": ("x", 0, -4.0, "first sample is not defined: log needs .* got -1 "),
    "validation": ("v", 4, math.nan, "'x0' is nan, in sample 4 of the validation data;"),
    "infinite validation": ("v", 4, math.inf, "'x0' is inf, in sample 4 of the validation data;"),
    "large validation": ("v", 3, 1e200, "in sample 3 of the validation data;"),
    "domain of validation": ("v", 3, -4.0, "log needs .* in sample 3 of the validation data;"),
    "target of validation": (
        "w", 3, math.nan, "'y0' is nan, in sample 3 of the v|labels of the training data|a class"
        r"|got nan: .* \(in sample 3 of the validation data\)$",
    ),
}  # fmt: skip
#: An exponential overflows which a hinge of 0 or an exponential of -inf forgets, but no float does.
FORGOTTEN = {("exp", loss, "large validation") for loss in ("hinge", "exponential")}


def run(model, loss, y, fault, batch, compiled):
    """Train with a fault in the data; return what comes of it, its numbers rounded."""
    place, row, number, _ = fault
    data = {"x": X.copy(), "y": y.copy(), "v": X.copy(), "w": y.copy()}
    if place in data:
        data[place].reshape(12, -1)[row, 0] = number
    rate, epochs = (number, 8) if place == "rate" else (1e-4, 2)
    try:
        result = repr(
            fit(
                model, loss, (data["x"], data["y"]), SGD(model.parameters(), rate), epochs, batch,
                compiled, progress=False, validation=(data["v"], data["w"]),
            )
        )  # fmt: skip
    except (ArithmeticError, ValueError) as error:
        result = f"{type(error).__name__}: {error}"
    return re.sub(r"-?\d+\.\d+(e[+-]?\d+)?", lambda found: f"{float(found[0]):.3g}", result)


CASES = [
    (build, name, fault)
    for build in MODELS
    for name, (_, _, outputs) in LOSSES.items()
    for fault in FAULTS
    if (outputs == 1 or build not in ("log", "exp"))
    and ("domain" not in fault or build == "log")
    and (build, name, fault) not in FORGOTTEN
]


@pytest.mark.parametrize(("build", "name", "fault"), CASES)
def test_a_fault_is_the_same_error_compiled_and_scalar_by_scalar(build, name, fault):
    loss, y, outputs = LOSSES[name]
    for batch in (None, 5):
        results, models = [], []
        for compiled in (True, False):
            models.append(MODELS[build](outputs))
            results.append(run(models[-1], loss, y, FAULTS[fault], batch, compiled))
        assert results[0] == results[1]
        if results[0][0] != "<":
            assert re.match("NonFiniteError|SizeError", results[0])
            assert name == "probabilities" or re.search(FAULTS[fault][-1], results[0])
            assert "\n" not in results[0]
        weights = [[p.data for p in model.parameters()] for model in models]
        assert np.isfinite(weights).all()
        assert_allclose(*weights, rtol=1e-6, atol=1e-9 * np.max(np.abs(weights)))


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "eager"])
def test_an_infinity_that_the_loss_forgets_is_an_error_of_a_step(compiled):
    """1 / (1 + exp(1000)) is 0 for an array, but its slope is nan; a float has no exp(1000)."""
    model = Quotient()
    data = X + np.where(np.arange(12) == 5, -1e5, 0.0)[:, None], LABELS
    before = [p.data for p in model.parameters()]
    optimizer = SGD(model.parameters(), 0.1)
    with pytest.raises(NonFiniteError, match=r"exp is larger than the largest.* in sample 5;"):
        fit(model, F.mse, data, optimizer, compiled=compiled, progress=False)
    assert [p.data for p in model.parameters()] == before
