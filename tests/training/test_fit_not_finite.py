"""A training that runs off stops with a sentence, and nothing is left half-changed."""

import math
import re

import pytest
from trainings import MODEL, both, data_of, fit_with, log_of_input

from scalargrad import MLP, SGD, Value, fit
from scalargrad import functional as F
from scalargrad.errors import NonFiniteError
from scalargrad.train import History

# ── what is not finite ──────────────────────────────────────────────────────────────────────────


def slope_at_zero(outputs, targets):
    z = targets[0] * (outputs[0] * outputs[0])
    z.label = "z"
    return z.sqrt()


def overflow(outputs, targets):
    z = outputs[0] * outputs[0] * targets[0]
    z.label = "big"
    return z


NOT_FINITE = {
    "log": (log_of_input, [1.0, 2.0, 0.0, 1.0], r"log needs x > 0, got 0.0 \(node 'z'\)", 2),
    "slope": (
        slope_at_zero,
        [1.0, 0.0, 1.0, 1.0],
        r"the slope of sqrt .* at \* \(node 'z'\) is inf",
        1,
    ),
    "overflow": (overflow, [1.0, 1.0, 1.0, 1e308], r"\* \(node 'big'\) is inf", 3),
}


@both
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("case", NOT_FINITE.values(), ids=NOT_FINITE)
def test_the_first_loss_or_gradient_that_is_not_finite_is_an_error(case, batch, compiled):
    loss, targets, reason, sample = case
    model = MLP(1, [1], seed=0)
    model.layers[0].neurons[0].w[0].data = 100.0
    optimizer = SGD(model.parameters(), learning_rate=0.0)
    data = [[1.0]] * 4, targets
    with pytest.raises(NonFiniteError, match=f"{reason}, in sample {sample}; the model is as") as e:
        fit(model, loss, data, optimizer, 3, batch, compiled, progress=False)
    assert "in epoch 1, step" in str(e.value)
    assert data_of(model) == [100.0, 0.0]
    assert optimizer.parameters == model.parameters()


@both
def test_a_diverging_training_leaves_the_last_finite_model(compiled):
    """x² with a learning rate of 2: w doubles and changes its sign until its square overflows."""
    w = Value(1.0, label="w")
    with pytest.raises(NonFiniteError, match=r"is not finite in .*; the loss grew from 1 to") as e:
        fit(
            lambda x: w * x[0], lambda o, t: (o[0] - t[0]) ** 2, ([[1.0]], [0.0]),
            SGD([w], 1.5), 10_000, compiled=compiled, progress=False,
        )  # fmt: skip
    assert math.isfinite(w.data)
    assert math.log2(abs(w.data)) == round(math.log2(abs(w.data)))  # a power of 2
    assert not math.isfinite(w.data * 2 * w.data * 2) or not math.isfinite(w.data * w.data)
    assert str(e.value).endswith("so the learning rate may be too high")


@both
def test_a_probability_out_of_range_is_an_error_both_ways(compiled):
    """A linear output is no probability: the first sample has one by chance, the second has not."""
    model = MLP(1, [1], seed=0)
    model.layers[0].neurons[0].w[0].data = 1.0
    data = [[0.5], [-3.0]], [1.0, 0.0]
    optimizer = SGD(model.parameters(), 0.1)
    with pytest.raises(NonFiniteError, match=r"needs 0 <= p <= 1, got -3.0 .*in sample 1"):
        fit(model, F.binary_cross_entropy, data, optimizer, compiled=compiled, progress=False)


@both
def test_a_first_sample_without_a_loss_is_an_error_at_once(compiled):
    model = MLP(1, [1], seed=0)
    before = data_of(model)
    with pytest.raises(NonFiniteError, match="first sample is not defined: log needs x > 0"):
        fit(
            model, log_of_input, ([[1.0]] * 2, [0.0, 1.0]), SGD(model.parameters(), 0.1), 2, 1,
            compiled, progress=False,
        )  # fmt: skip
    assert data_of(model) == before


# ── a model that runs off ───────────────────────────────────────────────────────────────────────


@both
def test_a_history_says_when_the_loss_grew(compiled):
    history = fit_with({"loss": F.mse, "optimizer": SGD(MODEL.parameters(), 10.0), "model": MODEL,
                        "epochs": 20}, compiled)  # fmt: skip
    grew = (
        f"; the loss grew from {history.steps[0]:.3g} to {history.steps[-1]:.3g}, so the learning"
    )
    assert repr(history).endswith(f"{grew} rate may be too high>")


@pytest.mark.parametrize(
    ("steps", "grew"),
    [
        ([], False),
        ([1.0], False),
        ([1.0, 10.0], False),
        ([1.0, 10.1], True),
        ([-1.0, 10.1], True),
        ([-1.0, -0.5], False),
        ([-2.0, -1.0, -0.5, -0.25], False),
        ([0.0, 1.0], False),
        ([1e-3, 5.0, 1e-3, 5.0], False),  # batches of one sample
        ([1.0, 100.0, 1.0, 1.0], False),
        ([0.5, 1e3, 1e6, 1e9, 1e12, 1e15], True),
    ],
)
def test_a_loss_grew_if_the_last_is_far_above_the_first_half(steps, grew):
    assert ("the loss grew" in repr(History(steps, steps[-1:]))) == grew


@both
def test_a_step_beyond_the_largest_float_is_an_error_and_is_not_made(compiled):
    w = Value(1.0, label="w")
    with pytest.raises(NonFiniteError) as caught:
        fit(
            lambda x: w * x[0], F.mse, ([[1e10]], [0.0]), SGD([w], 1e300), compiled=compiled,
            progress=False,
        )  # fmt: skip
    assert re.fullmatch(
        r"parameter 0.* would become -inf, by the gradient 2e\+20 and the learning rate 1e\+300 "
        r"in epoch 1, step 1; the model is as it was before this step", str(caught.value),
    )  # fmt: skip
    assert w.data == 1.0
