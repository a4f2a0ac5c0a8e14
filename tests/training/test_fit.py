"""Training: the same curve compiled and scalar by scalar, and its figures."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from trainings import both, data_of, moons

from scalargrad import MLP, SGD, Adam, AdamW, compile, fit, grad
from scalargrad import functional as F
from scalargrad.optim import linear_decay
from scalargrad.train import trace_loss


def blobs(count=30, seed=0):
    """Points around three centres, with the classes 0, 1 and 2."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    centres = np.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    return centres[labels] + rng.normal(0, 0.5, (count, 2)), labels


# ── the same both ways ──────────────────────────────────────────────────────────────────────────
OPTIMISERS = {
    "sgd": lambda p: SGD(p, 0.1),
    "momentum": lambda p: SGD(p, 0.05, momentum=0.9, weight_decay=1e-3),
    "adam": lambda p: Adam(p, 0.02),
    "adamw": lambda p: AdamW(p, 0.02, weight_decay=0.1),
    "schedule": lambda p: SGD(p, linear_decay(0.5, 0.05, steps=10)),
}
WORK = {
    "hinge": (lambda: MLP(2, [6, 4, 1], activation="relu", seed=1), F.hinge, moons()),
    "mse": (lambda: MLP(2, [5, 1], seed=1), F.mse, moons()),
    "logits": (
        lambda: MLP(2, [5, 1], seed=1),
        F.binary_cross_entropy_with_logits,
        (moons()[0], (moons()[1] + 1) / 2),
    ),
    "probabilities": (
        lambda: MLP(2, [5, 1], output="sigmoid", seed=1),
        F.binary_cross_entropy,
        (moons()[0], (moons()[1] + 1) / 2),
    ),
    "classes": (lambda: MLP(2, [5, 3], seed=1, init="xavier"), F.cross_entropy, blobs()),
    "targets": (lambda: MLP(2, [5, 2], seed=1), F.mse, (moons()[0], moons()[0][:, ::-1])),
}


@pytest.mark.parametrize("make", OPTIMISERS.values(), ids=OPTIMISERS)
@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_compiled_and_eager_give_the_same_curve_and_the_same_model(work, make):
    build, loss, data = work
    runs = []
    for compiled in (True, False):
        model = build()
        optimizer = make(model.parameters())
        history = fit(
            model, loss, data, optimizer, epochs=4, batch_size=7, compiled=compiled,
            progress=False, validation=data,
        )  # fmt: skip
        runs.append((history, data_of(model), optimizer))
    (one, weights, optimizer), (other, others, _) = runs
    for name in ("steps", "losses", "accuracies", "validation_losses", "validation_accuracies"):
        assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, err_msg=name)
    assert_allclose(weights, others, rtol=1e-9)
    assert len(one.losses) == 4
    assert len(one.steps) == optimizer.steps == 4 * math.ceil(len(data[0]) / 7)
    assert isinstance(optimizer.parameters, list)


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    batch=st.integers(1, 12),
    activation=st.sampled_from(["tanh", "sigmoid", "gelu", "softplus"]),
    seed=st.integers(0, 1000),
)
def test_any_network_and_batch_size_give_the_same_curve(sizes, batch, activation, seed):
    data = moons(10, seed)
    curves = []
    for compiled in (True, False):
        model = MLP(2, [*sizes, 1], activation=activation, seed=seed)
        optimizer = SGD(model.parameters(), 0.1)
        history = fit(model, F.mse, data, optimizer, 2, batch, compiled, False, seed=seed)
        curves.append(history.steps)
    assert_allclose(*curves, rtol=1e-9)


def steep(logits, target):
    """A loss that holds a gradient of its own: it punishes steep slopes."""
    loss = F.cross_entropy(logits, target)
    return loss + 0.1 * F.sum(slope**2 for slope in grad(loss, logits))


def steep_binary(probabilities, target):
    """The same of a sum of kinked and smooth functions."""
    (x,) = probabilities
    loss = (x - target[0]).abs() + x.logaddexp(0) + (1 + x * x) ** x.tanh()
    return loss + 0.1 * F.sum(slope**2 for slope in grad(loss, [x]))


@pytest.mark.parametrize("optimiser", [lambda p: SGD(p, 1.0), lambda p: SGD(p, 0.1, momentum=0.9)])
@pytest.mark.parametrize("start", [0.0, 0.5])
@pytest.mark.parametrize("outputs", [3, 1])
def test_losses_that_hold_a_gradient_give_the_same_curve_from_a_model_at_zero(
    outputs, start, optimiser
):
    curves = []
    for compiled in (True, False):
        model = MLP(2, [outputs], seed=0)
        for p in model.parameters():
            p.data = start
        data = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, -1.0]]
        y = [0, 1, 2, 1] if outputs == 3 else [[0.0], [1.0], [0.0], [-1.0]]
        loss = steep if outputs == 3 else steep_binary
        history = fit(
            model, loss, (data, y), optimiser(model.parameters()), epochs=6, compiled=compiled,
            progress=False,
        )  # fmt: skip
        curves.append([*history.losses, *data_of(model)])
    assert_allclose(curves[0], curves[1], rtol=1e-10, atol=1e-12)


@both
def test_a_step_is_the_gradient_of_the_mean_loss_worked_out_by_hand(compiled):
    """One linear neuron and mse: w ← w - η 2/n Σ (w x + b - y) x, in plain NumPy."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, 1)), rng.normal(size=9)
    model = MLP(1, [1], seed=3)
    w, b = data_of(model)
    losses = []
    for _ in range(5):
        error = w * x[:, 0] + b - y
        losses.append(np.mean(error**2))
        w, b = w - 0.1 * 2 * np.mean(error * x[:, 0]), b - 0.1 * 2 * np.mean(error)
    optimizer = SGD(model.parameters(), 0.1)
    history = fit(model, F.mse, (x, y), optimizer, 5, compiled=compiled, progress=False)
    assert_allclose(history.losses, losses, rtol=1e-12)
    assert_allclose(data_of(model), [w, b], rtol=1e-12)


@both
def test_every_sample_is_used_once_an_epoch(compiled):
    """The loss is the target itself, so that the losses of the steps say what was in them."""
    y = 2.0 ** np.arange(10)
    model = MLP(1, [1], seed=0)
    history = fit(
        model, lambda outputs, targets: targets[0] + 0 * outputs[0], (np.ones((10, 1)), y),
        SGD(model.parameters()), epochs=3, batch_size=4, compiled=compiled, progress=False,
    )  # fmt: skip
    sizes = [4, 4, 2]
    orders = [history.steps[i : i + 3] for i in (0, 3, 6)]
    for epoch, losses in zip(orders, history.losses, strict=True):
        sums = [round(size * mean) for size, mean in zip(sizes, epoch, strict=True)]
        assert sum(sums) == 2**10 - 1
        assert [total.bit_count() for total in sums] == sizes
        assert losses == pytest.approx((2**10 - 1) / 10)
    assert orders[0] != orders[1]  # shuffled anew


def test_the_seed_orders_the_samples():
    def steps(seed):
        model = MLP(2, [1], seed=0)
        return fit(
            model, F.mse, moons(), SGD(model.parameters()), 2, 5, progress=False, seed=seed
        ).steps

    assert steps(1) == steps(1) != steps(2)


@both
def test_training_can_go_on_in_the_other_way(compiled):
    """Two epochs and two more are four, whichever way each pair goes, memory of Adam included."""
    whole, parts = (MLP(2, [4, 1], seed=2) for _ in range(2))
    x, y = moons()
    reference = fit(whole, F.mse, (x, y), Adam(whole.parameters(), 0.05), 4, progress=False)
    optimizer = Adam(parts.parameters(), 0.05)
    first = fit(parts, F.mse, (x, y), optimizer, 2, compiled=compiled, progress=False)
    second = fit(parts, F.mse, (x, y), optimizer, 2, compiled=not compiled, progress=False)
    assert_allclose(first.losses + second.losses, reference.losses, rtol=1e-9)
    assert_allclose(data_of(parts), data_of(whole), rtol=1e-9)


@both
def test_only_the_parameters_of_the_optimiser_move(compiled):
    model = MLP(2, [3, 1], seed=0)
    first, last = (layer.parameters() for layer in model.layers)
    before = [p.data for p in first], [p.data for p in last]
    fit(model, F.hinge, moons(), SGD(last, 0.1), 2, compiled=compiled, progress=False)
    assert [p.data for p in first] == before[0]
    assert [p.data for p in last] != before[1]


# ── figures ─────────────────────────────────────────────────────────────────────────────────────


def predicted(model, x):
    """The outputs of a trained model, computed by itself."""
    outputs = [model(row) for row in x.tolist()]
    return np.array([[v.data for v in (o if isinstance(o, list) else [o])] for o in outputs])


@both
@pytest.mark.parametrize("name", ["hinge", "logits", "probabilities", "mse"])
def test_accuracy_of_two_classes(name, compiled):
    build, loss, (x, y) = WORK[name]
    model = build()
    history = fit(model, loss, (x, y), SGD(model.parameters(), 0.1), 1, 6, compiled, progress=False)
    border = 0.5 if name == "probabilities" else 0.0
    expected = np.mean((predicted(model, x)[:, 0] > border) == (y > 0))
    assert 0 < expected < 1 or name == "mse"
    assert history.accuracies == [expected]


@both
def test_accuracy_of_many_classes_by_number_or_one_hot(compiled):
    x, y = blobs()
    build = WORK["classes"][0]
    for targets in (y, np.eye(3)[y], y.tolist()):
        model = build()
        optimizer = SGD(model.parameters(), 0.1)
        history = fit(
            model, F.cross_entropy, (x, targets), optimizer, 1, 8, compiled, progress=False
        )
        expected = np.mean(predicted(model, x).argmax(axis=1) == y)
        assert 0 < expected < 1
        assert history.accuracies == [expected]


@both
def test_validation_is_evaluated_and_not_trained_on(compiled):
    x, y = moons()
    models = [MLP(2, [3, 1], seed=0) for _ in range(2)]
    held_out = moons(8, seed=9)[0], np.ones(8)  # of one class alone
    histories = [
        fit(model, F.hinge, (x, y), SGD(model.parameters(), 0.1), 3, compiled=compiled,
            progress=False, validation=validation)
        for model, validation in zip(models, (None, held_out), strict=True)
    ]  # fmt: skip
    assert histories[0].steps == histories[1].steps
    scores = predicted(models[1], held_out[0])[:, 0]
    assert histories[1].validation_losses[-1] == pytest.approx(np.mean(np.maximum(0, 1 - scores)))
    assert histories[1].validation_accuracies[-1] == np.mean(scores > 0)
    assert histories[0].validation_losses == []
    assert set(histories[1].last()) == {
        "loss", "accuracy", "validation_loss", "validation_accuracy"
    }  # fmt: skip


def test_many_samples_are_evaluated_in_parts():
    x = np.linspace(-1, 1, 2500)[:, None]
    model = MLP(1, [1], seed=0)
    y = np.sign(x[:, 0] + 0.25)
    history = fit(model, F.hinge, (x, y), SGD(model.parameters(), 0.1), 1, 50, progress=False)
    assert history.accuracies == [np.mean((predicted(model, x)[:, 0] > 0) == (y > 0))]


def test_regression_has_no_accuracy():
    model = MLP(2, [1], seed=0)
    x, y = moons()
    assert fit(model, F.mse, (x, y / 3), SGD(model.parameters()), progress=False).accuracies == []


@both
def test_on_epoch_sees_the_model_of_that_epoch(compiled):
    model, seen = MLP(2, [3, 1], seed=0), []

    def look(history):
        seen.append((len(history.losses), np.mean((predicted(model, x)[:, 0] > 0) == (y > 0))))

    x, y = moons()
    optimizer = SGD(model.parameters(), 0.2)
    history = fit(model, F.hinge, (x, y), optimizer, 3, 5, compiled, progress=False, on_epoch=look)
    assert seen == list(enumerate(history.accuracies, start=1))


# ── the loss as a graph ─────────────────────────────────────────────────────────────────────────


def test_traced_loss_is_what_fit_minimises():
    model = MLP(2, [3, 2], seed=0)
    x, y = [[0.5, -1.0], [1.0, 0.25], [0.0, 1.0]], [0, 1, 1]
    optimizer = SGD(model.parameters(), 0.1)
    traced = trace_loss(model, F.cross_entropy, (x, y), optimizer, 2, validation=(x, y))
    assert traced.batch_size == 2
    assert traced.held_out.targets.tolist() == traced.samples.targets.tolist()
    assert [leaf.label for leaf in traced.leaves] == ["x0", "x1", "y0", "y1"]
    program = compile(traced.loss, traced.leaves, traced.parameters)
    loss = program.value_and_grad(np.hstack([traced.samples.x, traced.samples.targets]))[0]
    history = fit(model, F.cross_entropy, (x, y), optimizer, progress=False)
    assert loss == pytest.approx(history.steps[0], rel=1e-12)
