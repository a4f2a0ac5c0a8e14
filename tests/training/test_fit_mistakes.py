"""What people hand to a training by mistake, and what it says."""

import numpy as np
import pytest
from trainings import MODEL, X, Y, both, by_hand, data_of, fit_with, log_of_input

from scalargrad import MLP, SGD, Value, debug, fit
from scalargrad import functional as F
from scalargrad.errors import NonFiniteError, OperandError, SizeError
from scalargrad.optim import Optimizer
from scalargrad.train import History

# ── mistakes ────────────────────────────────────────────────────────────────────────────────────


class Own(Optimizer):
    def step(self, _gradient=None):
        for p in self.parameters:
            p.data -= self.current_learning_rate * p.grad


def branching(outputs, targets):
    return outputs[0] if outputs[0] > 0 else targets[0]


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
