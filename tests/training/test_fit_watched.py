"""Who watches a training: a function after each epoch, a line, and somebody who presses Ctrl-C."""

import os
import signal
import threading

import pytest
from numpy.testing import assert_allclose
from trainings import X, Y, both, data_of, moons, on_a_terminal

from scalargrad import MLP, SGD, Adam, Value, fit
from scalargrad import functional as F
from scalargrad.train import History

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


def test_the_bar_and_all_figures_fit_on_a_terminal_of_80_columns():
    written, printed = on_a_terminal(LONG, 24, 80)
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
