"""Training: the same curve compiled and scalar by scalar, and what happens when it goes wrong."""

import fcntl
import math
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from oracles import ROOT

from scalargrad import MLP, SGD, Adam, AdamW, Module, Value, compile, debug, fit, grad
from scalargrad import functional as F
from scalargrad.errors import NonFiniteError, OperandError, SizeError
from scalargrad.optim import Optimizer, linear_decay
from scalargrad.train import History, trace_loss

both = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "eager"])


def moons(count=24, seed=0):
    """Two noisy half circles, with the targets -1 and 1."""
    rng = np.random.default_rng(seed)
    angle, upper = rng.uniform(0, math.pi, count), rng.integers(0, 2, count)
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return np.stack([x, y], axis=1) + rng.normal(0, 0.05, (count, 2)), 2.0 * upper - 1


def blobs(count=30, seed=0):
    """Points around three centres, with the classes 0, 1 and 2."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    centres = np.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    return centres[labels] + rng.normal(0, 0.5, (count, 2)), labels


X, Y = moons(6, seed=3)


def data_of(model):
    return [p.data for p in model.parameters()]


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


# ── what on_epoch does ──────────────────────────────────────────────────────────────────────────


@both
def test_changes_of_the_parameters_in_on_epoch_stay(compiled):
    """Weights are clipped after each step, and in the end the model is told what to be."""
    model, by_hand = MLP(2, [3, 1], seed=0), MLP(2, [3, 1], seed=0)
    moves = Adam(by_hand.parameters(), 0.3)
    for _ in range(3):
        moves.zero_grad()
        F.mean(
            F.hinge([by_hand(row)], [target]) for row, target in zip(X, Y, strict=True)
        ).backward()
        moves.step()
        for p in by_hand.parameters():
            p.data = max(-0.5, min(p.data, 0.5))

    def clip(_history):
        for p in optimizer.parameters:
            p.data = max(-0.5, min(p.data, 0.5))

    optimizer = Adam(model.parameters(), 0.3)
    fit(model, F.hinge, (X, Y), optimizer, 3, compiled=compiled, progress=False, on_epoch=clip)
    assert_allclose(data_of(model), data_of(by_hand), rtol=1e-9)
    assert {abs(number) for number in data_of(model)} > {0.5}


@both
def test_changes_in_on_epoch_stay_if_it_fails(compiled):
    w = Value(1.0)

    def fail(_history):
        w.data = 7.0
        raise LookupError

    optimizer = Adam([w])
    with pytest.raises(LookupError):
        fit(
            lambda x: w * x[0], F.mse, ([[1.0]], [0.0]), optimizer, 3, compiled=compiled,
            progress=False, on_epoch=fail,
        )  # fmt: skip
    assert w.data == 7.0
    assert optimizer.parameters == [w]


@both
@pytest.mark.parametrize(("answer", "epochs"), [(True, 2), (1, 5), ("yes", 5), (None, 5)])
def test_the_training_ends_after_the_epoch_for_which_on_epoch_returns_true(
    answer, epochs, compiled
):
    model, twin = (MLP(2, [1], seed=0) for _ in range(2))
    history = fit(
        model, F.mse, (X, Y), SGD(model.parameters(), 0.1), 5, 4, compiled, progress=False,
        on_epoch=lambda history: answer if len(history.losses) == 2 else False,
    )  # fmt: skip
    assert len(history.losses) == len(history.accuracies) == epochs
    assert not history.interrupted
    fit(twin, F.mse, (X, Y), SGD(twin.parameters(), 0.1), epochs, 4, compiled, progress=False)
    assert data_of(model) == data_of(twin)


# ── what is shown ───────────────────────────────────────────────────────────────────────────────


def test_the_bar_shows_loss_and_accuracy(capsys):
    model = MLP(2, [1], seed=0)
    history = fit(model, F.hinge, moons(), SGD(model.parameters()), epochs=2)
    shown = capsys.readouterr().err
    assert "epoch 2/2" in shown
    assert f"accuracy {history.accuracies[-1]:.3}" in shown
    assert f"loss {history.losses[-1]:.3}" in shown
    fit(model, F.hinge, moons(), SGD(model.parameters()), progress=False)
    assert capsys.readouterr() == ("", "")


LONG = """
import numpy as np
from scalargrad import MLP, SGD, fit
from scalargrad.functional import hinge
x = np.linspace(-1, 1, 90)[:, None]
data, other = (x, np.sign(x[:, 0] + 0.25)), (x, np.sign(x[:, 0] + 0.5))
model = MLP(1, [1], seed=0)
history = fit(model, hinge, data, SGD(model.parameters(), 1e-4), 200, 30, validation=other)
print(repr(history))
"""


def on_a_terminal(code, columns):
    """Run a program on a terminal of so many columns; return what it writes there, and prints."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=end, text=True
    ) as process:
        os.close(end)
        written = b""
        with suppress(OSError):  # the program ended
            while part := os.read(terminal, 1000):
                written += part
        os.close(terminal)
        return written.decode(), process.stdout.read()


def test_the_bar_and_all_figures_fit_on_a_terminal_of_80_columns():
    written, printed = on_a_terminal(LONG, 80)
    lines = [line for line in written.replace("\n", "").split("\r") if line.strip()]
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("epoch 1/200 |")
    left, bar, right = lines[-1].split("|")
    assert left == "epoch 200/200 "
    assert bar == "█" * len(bar)
    assert len(bar) >= 8
    summary = printed.strip().removesuffix(">").partition(": ")[2]
    assert right.strip().endswith(summary)
    assert summary.startswith("loss ")
    assert summary.count("(") == 2


@pytest.mark.parametrize(
    ("history", "text"),
    [
        (History(), "<History of 0 epochs, 0 steps>"),
        (History([1.0], [], interrupted=True), "<History of 0 epochs, 1 step, interrupted>"),
        (History([0.5], [0.5]), "<History of 1 epoch, 1 step: loss 0.5>"),
        (
            History([1 / 3] * 400, [1 / 3] * 20, [0.975] * 20),
            "<History of 20 epochs, 400 steps: loss 0.333, accuracy 0.975>",
        ),
        (
            History([1.0], [1e-5], [1.0], [1234.0], [0.0]),
            "<History of 1 epoch, 1 step: loss 1e-05 (1.23e+03), accuracy 1 (0)>",
        ),
    ],
)
def test_a_history_is_shown_in_one_line(history, text):
    assert repr(history) == text


# ── Ctrl-C ──────────────────────────────────────────────────────────────────────────────────────


def interrupting(loss, after):
    """Return a loss that presses Ctrl-C when it is called for the n-th time.

    The first call looks whether the parameters reach the loss, then one for each label whether it
    is one that the loss is made for.
    """
    calls = []

    def pressed(outputs, targets):
        calls.append(1)
        if len(calls) == after:
            os.kill(os.getpid(), signal.SIGINT)
        return loss(outputs, targets)

    return pressed


def test_ctrl_c_ends_an_eager_training_after_its_step(capsys):
    x, y = moons(10)
    stopped, whole = (MLP(2, [3, 1], seed=0) for _ in range(2))
    history = fit(
        stopped, interrupting(F.hinge, 3 + 37), (x, y), SGD(stopped.parameters(), 0.1), 9, 5,
        compiled=False,
    )  # fmt: skip
    assert history.interrupted
    # The first epoch takes 10 calls for its steps, and 20 for its accuracy, since that needs the
    # loss of each sample for both classes. The 37th is in the second batch of five of epoch 2.
    steps = len(history.steps)
    assert steps == 4
    assert len(history.losses) == 1
    assert f"stopped by Ctrl-C after step {steps} of 18" in capsys.readouterr().err
    reference = fit(whole, F.hinge, (x, y), SGD(whole.parameters(), 0.1), 9, 5, progress=False)
    assert_allclose(history.steps, reference.steps[:steps], rtol=1e-9)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_ends_a_compiled_training_with_the_model_usable():
    model = MLP(2, [3, 1], seed=0)
    optimizer = Adam(model.parameters(), 0.1)
    steps = []

    def press(history):
        steps.append(len(history.steps))
        if len(steps) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    before = data_of(model)
    x, y = moons()
    history = fit(model, F.hinge, (x, y), optimizer, 50, progress=False, on_epoch=press)
    assert history.interrupted
    assert len(history.steps) == 3  # the step that follows is the last
    assert data_of(model) != before
    # What is left is what three steps make.
    again = MLP(2, [3, 1], seed=0)
    fit(again, F.hinge, (x, y), Adam(again.parameters(), 0.1), 3, progress=False)
    assert data_of(model) == data_of(again)
    assert optimizer.parameters == model.parameters()
    assert optimizer.steps == 3
    assert not fit(model, F.hinge, (x, y), optimizer, 1, progress=False).interrupted


def test_a_second_ctrl_c_breaks_in():
    model = MLP(2, [1], seed=0)

    def press(_history):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    history = fit(
        model, F.hinge, moons(), SGD(model.parameters()), 9, progress=False, on_epoch=press
    )
    assert history.interrupted
    assert len(history.steps) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_breaks_into_the_evaluation_of_an_epoch():
    x, y = moons(10)
    stopped, whole = (MLP(2, [3, 1], seed=0) for _ in range(2))
    # An epoch takes 10 calls for its steps, 20 for its accuracy, 4 for the validation.
    first = 1 + len({*y}) + len({*y[:2]})
    for call in (10 + 1, 10 + 20, 10 + 20 + 2, 10 + 20 + 4):
        loss, called = interrupting(F.hinge, first + 34 + call), []

        def counted(*sample, loss=loss, called=called):
            called.append(sample)
            return loss(*sample)

        history = fit(
            stopped, counted, (x, y), SGD(stopped.parameters(), 0.1), 9, 5, compiled=False,
            progress=False, validation=(x[:2], y[:2]),
        )  # fmt: skip
        assert history.interrupted
        assert len(called) == first + 34 + call
        assert len(history.steps) == 4
        assert set(map(len, (history.losses, history.accuracies))) == {1}
        assert set(map(len, (history.validation_losses, history.validation_accuracies))) == {1}
        fit(whole, F.hinge, (x, y), SGD(whole.parameters(), 0.1), 2, 5, progress=False)
        assert_allclose(data_of(stopped), data_of(whole), rtol=1e-9)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@both
@pytest.mark.parametrize("epochs", [1, 9])
def test_ctrl_c_breaks_into_no_call_of_on_epoch_and_is_noticed_in_the_last(epochs, compiled):
    model, ended = MLP(2, [1], seed=0), []

    def press(_history):
        os.kill(os.getpid(), signal.SIGINT)
        ended.append(True)

    history = fit(
        model, F.hinge, moons(), SGD(model.parameters()), epochs, compiled=compiled,
        progress=False, on_epoch=press,
    )  # fmt: skip
    assert ended == [True]
    assert history.interrupted


def test_another_thread_can_train():
    model, answers = MLP(2, [1], seed=0), []
    thread = threading.Thread(
        target=lambda: answers.append(
            fit(model, F.hinge, moons(), SGD(model.parameters()), progress=False)
        )
    )
    thread.start()
    thread.join()
    assert len(answers[0].losses) == 1


# ── what is not finite ──────────────────────────────────────────────────────────────────────────


def log_of_input(outputs, targets):
    z = targets[0] * 1.0
    z.label = "z"
    return z.log() + 0 * outputs[0]


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


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────

MODEL = MLP(2, [1], seed=0)


class Own(Optimizer):
    def step(self, _gradient=None):
        for p in self.parameters:
            p.data -= self.current_learning_rate * p.grad


def branching(outputs, targets):
    return outputs[0] if outputs[0] > 0 else targets[0]


def by_hand(outputs, targets):
    out = Value(outputs[0].data * 2, (outputs[0],), "twice", label="mine")
    out._backward = lambda: None
    return out + targets[0]


def loss_of_7(outputs, targets):
    """Compute a loss that no parameter reaches if the target is another."""
    return -targets[0] * outputs[0] if targets[0].data == 7 else Value(0.0)


FAR = X * np.array([[1.0], [99.0]] * 3), Y
MISTAKES = {
    "one array": ({"data": X}, OperandError, r"data are a pair \(X, y\), got ndarray"),
    "text": ({"data": ([["a"]], [1])}, OperandError, "data are two arrays of numbers"),
    "what is called": (
        {"on_epoch": 3}, OperandError, "the callback on_epoch is a function, got 3",
    ),
    "one feature": (
        {"data": (Y, Y)}, SizeError,
        r"got \(6,\) and \(6,\): for one input, write \[\[x\] for x in X\]",
    ),
    "names": (
        {"data": (X, list("ababab"))}, OperandError,
        "two arrays of numbers: y holds texts, such as 'a': number the classes 0, 1, ...$",
    ),
    "texts of objects": (
        {"data": (X, np.array([1, 2, "setosa"] * 2, object))}, OperandError,
        "y holds texts, such as 'setosa': number the classes",
    ),
    "text among numbers": (
        {"data": ([[1.0, "2"]] * 6, Y)}, OperandError,
        "X holds texts, such as '2': turn them into numbers first",
    ),
    "texts of digits": ({"data": (X.astype(str), Y)}, OperandError, "X holds texts, such as '"),
    "missing": (
        {"data": ([*X[:5].tolist(), [1.0, None]], Y)}, OperandError,
        "X holds None in row 5: leave out what is missing, or fill it in",
    ),
    "missing label": ({"data": (X, [1, None] * 3)}, OperandError, "y holds None in row 1"),
    "missing in validation": (
        {"validation": ([[1.0, None]], [1])}, OperandError,
        "the validation data are two arrays of numbers: X holds None in row 0",
    ),
    "dates": ({"data": (X, np.zeros(6, "M8[s]"))}, OperandError, r"y holds datetime64\[s\], and"),
    "ragged": ({"data": ([[1.0], [1.0, 2.0]] * 3, Y)}, OperandError, "two arrays of numbers: "),
    "complex numbers": ({"data": (X * 1j, Y)}, OperandError, "X holds complex128, and not"),
    "lengths": ({"data": (X, Y[1:])}, SizeError, r"got \(6, 2\) and \(5,\)"),
    "empty": ({"data": (X[:0], Y[:0])}, SizeError, r"got \(0, 2\) and \(0,\)"),
    "inputs": ({"data": (X[:, :1], Y)}, SizeError, "MLP needs 2 inputs, got 1"),
    "epochs": ({"epochs": 0}, SizeError, "epochs is a positive int, got 0"),
    "no epochs": ({"epochs": None}, SizeError, "epochs is a positive int, got None"),
    "true epochs": ({"epochs": np.True_}, SizeError, "epochs is a positive int, got .*True"),
    "batch": ({"batch_size": 2.0}, SizeError, "batch_size is a positive int, got 2.0"),
    "negative batch": ({"batch_size": np.int64(-1)}, SizeError, "batch_size is a positive int.*-1"),
    "class": (
        {"model": MLP(2, [3]), "loss": F.cross_entropy, "data": (X, [0, 1, 2, 3, 0, 1])},
        SizeError, "class from 0 to 2, got 3",
    ),
    "no class": (
        {"model": MLP(2, [3]), "loss": F.cross_entropy, "data": (X, Y / 2)},
        SizeError, "class from 0 to 2, got -?0.5",
    ),
    "validation": ({"validation": (X[:, :1], Y)}, SizeError, "need 2 inputs, got 1"),
    "validation targets": ({"validation": (X, X)}, SizeError, "need 1 targets, got 2"),
    "validation labels": (
        {"validation": (X, (Y + 1) / 2)},
        SizeError, "need the labels of the training data, {-1, 1}, got {0, 1}$",
    ),
    "validation numbers": (
        {"validation": (X, np.arange(6))}, SizeError, r"{-1, 1}, got {0, 1, 2, \.\.\.}$",
    ),
    "validation pair": ({"validation": X}, OperandError, r"validation data are a pair \(X, y\)"),
    "model": ({"model": lambda _: 1.0}, OperandError, "a model returns a Value or a list.* 1.0"),
    "no model": ({"model": [1.0]}, OperandError, r"^the model is a function, got \[1.0\]$"),
    "name of a loss": ({"loss": "mse"}, OperandError, "^the loss is a function.* mse .*got 'mse'$"),
    "loss": ({"loss": lambda *_: None}, OperandError, "that returns a Value; got None"),
    "optimiser": ({"optimizer": "sgd"}, OperandError, "an optimiser of the model's Values.*'sgd'"),
    "no pair": (
        {"data": X, "optimizer": Y, "epochs": SGD([Value(1.0)])}, OperandError,
        r"got ndarray: X and y are one pair, fit\(model, loss, \(X, y\), \.\.\.\)$",
    ),
    "no pair of two samples": (
        {"data": X[:2].tolist(), "optimizer": [1, -1]},
        OperandError, "got list: X and y are one pair",
    ),
    "array": ({"optimizer": SGD(np.zeros(3))}, OperandError, "optimiser of the model's Values"),
    "another model": (
        {"optimizer": SGD(MLP(2, [1]).parameters())}, OperandError,
        "none of the optimiser's 3 parameters reaches the loss: it needs the parameters of this",
    ),
    "one output for two classes": (
        {"loss": F.cross_entropy, "data": (X, (Y + 1) / 2)}, SizeError,
        "cross_entropy needs a logit for each class, got 1",
    ),
    "no outputs": (
        {"loss": lambda _, targets: targets[0] * 2}, OperandError, "none of .* reaches the loss",
    ),
}  # fmt: skip
COMPILED_ONLY = {
    "own step": (
        {"model": MODEL, "optimizer": Own(MODEL.parameters(), 0.1)},
        OperandError, "Own has a step.. of its own.*compiled=False",
    ),
    "branch": ({"loss": branching}, OperandError, "cannot follow a Python branch"),
    "branch without parameters": (
        {"loss": lambda outputs, _: outputs[0] if outputs[0] > 9 else Value(0.0), "data": FAR},
        OperandError, "cannot follow a Python branch",
    ),
    "by hand": ({"loss": by_hand}, OperandError, r"twice \(node 'mine'\).*defined by hand"),
    "nothing fed": (
        {"model": MODEL, "loss": lambda *_: MODEL.parameters()[0] * 2},
        SizeError, "depend on what is fed",
    ),
}  # fmt: skip


def fit_with(change, compiled):
    model = change.get("model", MLP(2, [1], seed=0))
    parameters = model.parameters() if isinstance(model, Module) else [Value(1.0)]
    arguments = {"loss": F.hinge, "data": (X, Y), "optimizer": SGD(parameters), "progress": False}
    return fit(**(arguments | {"model": model} | change), compiled=compiled)


@both
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_an_error_of_one_sentence(mistake, compiled):
    change, error, message = mistake
    with pytest.raises(error, match=message) as caught:
        fit_with(change, compiled)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mistake", COMPILED_ONLY.values(), ids=COMPILED_ONLY)
def test_what_cannot_be_compiled_is_an_error_and_trains_scalar_by_scalar(mistake):
    change, error, message = mistake
    with pytest.raises(error, match=message) as caught:
        fit_with(change, compiled=True)
    told = [str(caught.value), *getattr(caught.value, "__notes__", [])]
    assert "compiled=False" in told[-1]
    assert "two lists" not in "".join(told)
    assert isinstance(fit_with(change, compiled=False), History)


def test_a_loss_of_two_numbers_gets_a_note_about_lists():
    with pytest.raises(TypeError) as caught:
        fit_with({"loss": lambda score, label: (1 - label * score).relu()}, compiled=True)
    assert len(caught.value.__notes__) == 1
    assert "two lists for each sample" in caught.value.__notes__[0]


@both
def test_an_error_of_the_engine_in_a_loss_gets_no_note(compiled):
    with pytest.raises(OperandError) as caught:
        fit_with({"loss": lambda outputs, _: outputs[0] + "1"}, compiled)
    assert not hasattr(caught.value, "__notes__")


def test_scalar_by_scalar_one_sample_that_the_parameters_reach_is_enough():
    model = MLP(2, [1], seed=0)
    before = data_of(model)
    data, optimizer = (X, [0.0] * 5 + [7.0]), SGD(model.parameters(), 0.1)
    fit(model, loss_of_7, data, optimizer, batch_size=1, compiled=False, progress=False)
    assert data_of(model) != before


@both
def test_counts_can_be_integers_of_numpy(compiled):
    for integer in (np.int64, np.uint8):
        history = fit_with({"epochs": integer(2), "batch_size": integer(4)}, compiled)
        assert len(history.losses) == 2
        assert len(history.steps) == 4


@both
def test_inputs_and_targets_need_not_all_be_used(compiled):
    w = Value(3.0, label="w")
    history = fit(
        lambda x: w * x[1], lambda outputs, _targets: outputs[0] ** 2, (X, Y), SGD([w], 0.1), 3,
        compiled=compiled, progress=False,
    )  # fmt: skip
    expected, number = [], 3.0
    for _ in range(3):
        expected.append(np.mean((number * X[:, 1]) ** 2))
        number -= 0.1 * 2 * number * np.mean(X[:, 1] ** 2)
    assert history.losses == pytest.approx(expected)
    assert w.data == pytest.approx(number)


def test_errors_name_the_source_line_while_debugging():
    with debug(), pytest.raises(NonFiniteError) as caught:
        fit_with({"loss": log_of_input, "data": (X, np.zeros(6))}, compiled=False)
    assert "log needs x > 0" in str(caught.value)


# ── labels ──────────────────────────────────────────────────────────────────────────────────────


def wrapped(loss):
    """Return a loss with a penalty, in which the loss of `functional` cannot be seen."""
    return lambda outputs, targets: loss(outputs, targets) + 0.01 * outputs[0] ** 2


SIGNS, ZEROS = Y.astype(int), (Y > 0).astype(int)
LABELS = {
    "signs for probabilities": (F.binary_cross_entropy, SIGNS, "from 0 to 1, got -1"),
    "signs for logits": (F.binary_cross_entropy_with_logits, SIGNS, "from 0 to 1, got -1"),
    "classes 1 and 2": (F.binary_cross_entropy_with_logits, ZEROS + 1, "from 0 to 1, got 2"),
    "zeros for signs": (F.hinge, ZEROS, "-1 or 1, got 0"),
    "bools for signs": (F.hinge, ZEROS.astype(bool), "-1 or 1, got 0"),
    "bools for signs, in a list": (F.hinge, ZEROS.astype(bool).tolist(), "-1 or 1, got 0"),
    "three labels": (F.hinge, [1, -1, 0, 1, -1, 0], r"-1 or 1, got 0: .* \(in sample 2\)$"),
    "one wrong": (F.hinge, [1, -1, 1, 1, -1, 3], r"-1 or 1, got 3: .* \(in sample 5\)$"),
    "in a column": (F.hinge, ZEROS[:, None], "-1 or 1, got 0"),
    "numbers": (F.binary_cross_entropy, X[:, 0] * 9, r"from 0 to 1, got -?\d"),
}


@both
@pytest.mark.parametrize("wrap", [False, True], ids=["", "wrapped"])
@pytest.mark.parametrize("case", LABELS.values(), ids=LABELS)
def test_labels_that_the_loss_is_not_made_for_are_an_error(case, wrap, compiled):
    loss, y, message = case
    model = MLP(2, [1], output="sigmoid" if loss is F.binary_cross_entropy else None, seed=0)
    before = data_of(model)
    with pytest.raises(SizeError, match=f"{loss.__name__} needs targets {message}"):
        fit_with(
            {"model": model, "loss": wrapped(loss) if wrap else loss, "data": (X, y)}, compiled
        )
    assert data_of(model) == before


@both
def test_labels_of_many_numbers_are_looked_at_too(compiled):
    """Of more numbers than labels are, the least and the largest are tried."""
    x, y = np.linspace(-1, 1, 40)[:, None], np.linspace(0, 1, 40)
    change = {"model": MLP(1, [1], seed=0), "loss": F.binary_cross_entropy_with_logits}
    for row, number in ((17, 1.5), (23, -0.5)):
        wrong = y.copy()
        wrong[row] = number
        for data in ({"data": (x, wrong)}, {"data": (x, y), "validation": (x, wrong)}):
            where = " of the validation data" * (len(data) > 1)
            with pytest.raises(SizeError, match=rf"got {number}: .* \(in sample {row}{where}\)$"):
                fit_with(change | data, compiled)
    assert isinstance(fit_with(change | {"data": (x, y), "validation": (x, y)}, compiled), History)


@both
@pytest.mark.parametrize("kind", [bool, int, np.uint8, np.float32, list])
def test_labels_can_be_of_any_kind_of_number(kind, compiled):
    y = ZEROS.tolist() if kind is list else ZEROS.astype(kind)
    change = {"model": MLP(2, [1], seed=0), "loss": F.binary_cross_entropy_with_logits}
    history = fit_with(change | {"data": (X, y)}, compiled)
    again = {"model": MLP(2, [1], seed=0), "loss": F.binary_cross_entropy_with_logits}
    assert repr(history) == repr(fit_with(again | {"data": (X, ZEROS.astype(float))}, compiled))


@both
def test_a_sigmoid_before_logits_is_warned_of_at_the_line_of_the_model_or_the_loss(compiled):
    model = MLP(2, [1], output="sigmoid", seed=0)
    with pytest.warns(UserWarning, match="applies the sigmoid itself") as seen:
        fit(
            model, F.binary_cross_entropy_with_logits, (X, ZEROS), SGD(model.parameters()),
            compiled=compiled, progress=False,
        )  # fmt: skip
    assert {w.filename for w in seen} == {__file__}


@both
def test_the_accuracy_does_not_need_the_loss_of_the_wrong_class(compiled):
    """It overflows: exp(-t s), for a score of 1000."""
    w = Value(1000.0)
    history = fit(
        lambda x: w * x[0], lambda outputs, targets: (-targets[0] * outputs[0]).exp(),
        ([[1.0], [-1.0], [2.0]], [1, -1, 1]), SGD([w], 0.1), compiled=compiled, progress=False,
    )  # fmt: skip
    assert history.accuracies == [1.0]
    assert history.losses == [0.0]


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
