"""Composites and losses against mpmath, and their gradients against textbook formulas."""

import math
import warnings

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, check_gradients
from scalargrad import functional as F
from scalargrad.engine import operands
from scalargrad.errors import DomainError, OperandError, SizeError
from scalargrad.graph import topological_sort

numbers = st.floats(-1000, 1000)
lists = st.lists(numbers, min_size=1, max_size=6)
logit_lists = st.lists(numbers, min_size=2, max_size=6)


def values(data):
    return [Value(x) for x in data]


def gradients(output, inputs):
    output.backward()
    return [v.grad for v in inputs]


def exact_softmax(data):
    with mpmath.workdps(60):
        exponentials = [mpmath.exp(x) for x in data]
        return [float(e / mpmath.fsum(exponentials)) for e in exponentials]


def exact_logsumexp(data):
    with mpmath.workdps(60):
        return float(mpmath.log(mpmath.fsum(mpmath.exp(x) for x in data)))


@given(lists)
def test_sum_and_mean_equal_exact_sums(data):
    assert F.sum(values(data)).data == pytest.approx(math.fsum(data), rel=1e-12, abs=1e-12)
    assert F.mean(values(data)).data == pytest.approx(
        math.fsum(data) / len(data), rel=1e-12, abs=1e-12
    )


def test_sum_of_nothing_is_zero():
    assert F.sum([]).data == 0.0


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6))
def test_dot_has_the_other_factor_as_gradient(pairs):
    xs, ys = (values(side) for side in zip(*pairs, strict=True))
    result = F.dot(xs, ys)
    assert result.data == pytest.approx(math.fsum(x * y for x, y in pairs), rel=1e-12, abs=1e-9)
    assert gradients(result, xs) == [y for _, y in pairs]


@given(lists)
def test_logsumexp_of_logits_up_to_a_thousand_is_exact_and_has_the_softmax_as_gradient(data):
    logits = values(data)
    result = F.logsumexp(logits)
    assert result.data == pytest.approx(exact_logsumexp(data), rel=1e-14, abs=1e-14)
    assert gradients(result, logits) == pytest.approx(exact_softmax(data), rel=1e-11, abs=1e-300)


@given(lists)
def test_softmax_sums_to_one_for_logits_up_to_a_thousand(data):
    probabilities = [p.data for p in F.softmax(values(data))]
    assert probabilities == pytest.approx(exact_softmax(data), rel=1e-11, abs=1e-300)
    assert math.fsum(probabilities) == pytest.approx(1.0, rel=1e-15)


@given(logit_lists, st.data())
def test_cross_entropy_gradient_is_softmax_minus_one_hot(data, draw):
    label = draw.draw(st.integers(0, len(data) - 1))
    logits = values(data)
    loss = F.cross_entropy(logits, label)
    assert loss.data == pytest.approx(exact_logsumexp(data) - data[label], rel=1e-12, abs=1e-12)
    expected = exact_softmax(data)
    expected[label] -= 1.0
    assert gradients(loss, logits) == pytest.approx(expected, rel=1e-11, abs=1e-15)


def test_cross_entropy_of_one_hot_probabilities_equals_that_of_the_class():
    data = [0.5, -1.0, 2.0]
    by_class = F.cross_entropy(values(data), 2).data
    for target in ([0, 0, 1], (0, 0, 1), np.array([0, 0, 1]), iter([0, 0, 1])):
        assert F.cross_entropy(values(data), target).data == pytest.approx(by_class, rel=1e-14)
    for label in (np.int64(2), np.array(2), True + True):
        assert F.cross_entropy(values(data), label).data == by_class


def test_log_softmax_keeps_what_softmax_underflows():
    assert [z.data for z in F.log_softmax([1000.0, -1000.0])] == [0.0, -2000.0]
    assert F.softmax([1000.0, -1000.0])[1].data == 0.0


@pytest.mark.parametrize(
    ("loss", "predictions", "targets", "expected", "slopes"),
    [
        (F.mse, [1.0, 3.0], [0.0, 1.0], 2.5, [1.0, 2.0]),
        (F.mae, [1.0, -3.0, 2.0, 5.0], [0.0, 1.0, 2.0, 1.0], 2.25, [0.25, -0.25, 0.0, 0.25]),
        (F.hinge, [2.0, 0.5, -0.5, 0.25], [1, -1, -1, 1], 0.6875, [0.0, 0.25, 0.25, -0.25]),
        (
            F.binary_cross_entropy,
            [0.9, 0.2],
            [1, 0],
            -(math.log(0.9) + math.log(0.8)) / 2,
            [-1 / 0.9 / 2, 1 / 0.8 / 2],
        ),
        (
            F.binary_cross_entropy_with_logits,
            [0.0, 1000.0, -1000.0],
            [1, 0, 0],
            (math.log(2) + 1000) / 3,
            [-0.5 / 3, 1 / 3, 0.0],
        ),
    ],
)
def test_losses_have_the_textbook_values_and_gradients(
    loss, predictions, targets, expected, slopes
):
    inputs = values(predictions)
    result = loss(inputs, targets)
    assert result.data == pytest.approx(expected, rel=1e-14)
    assert gradients(result, inputs) == pytest.approx(slopes, rel=1e-14, abs=1e-300)


@given(st.floats(-30, 30), st.floats(0, 1))
def test_both_binary_cross_entropies_agree(logit, target):
    on_probability = F.binary_cross_entropy([Value(logit).sigmoid()], [target]).data
    on_logit = F.binary_cross_entropy_with_logits([logit], [target]).data
    # 1 - p has an absolute error of one rounding, which its logarithm makes relative to 1 - p.
    assert on_probability == pytest.approx(on_logit, rel=1e-9, abs=2e-16 * math.exp(abs(logit)))


def test_binary_cross_entropy_of_a_certain_error_is_large_but_finite():
    assert F.binary_cross_entropy([0.0, 1.0], [1, 0]).data == pytest.approx(100.0)


@pytest.mark.parametrize("targets", [[0.3, 0.75, 0.0], [1, 1, 1]])
@pytest.mark.parametrize("loss", [F.mse, F.mae, F.binary_cross_entropy_with_logits])
def test_losses_pass_the_gradient_check(loss, targets):
    assert check_gradients(lambda x: loss(x, targets), [0.5, -1.5, 2.5]) < 1e-8


def test_graph_does_not_depend_on_data():
    def ops(data):
        return [n._op for n in topological_sort([F.cross_entropy(values(data), 1)], operands)]

    assert ops([1.0, 2.0, 3.0]) == ops([3.0, -2.0, -1000.0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.mean([]), SizeError, "mean needs at least one scalar, got none"),
        (lambda: F.logsumexp([]), SizeError, "logsumexp needs at least one scalar, got none"),
        (lambda: F.mse([1.0], [1, 2]), SizeError, "lists of the same length, got 1 and 2"),
        (lambda: F.mse(Value(1.0), [1]), OperandError, "needs a list of scalars, got Value"),
        (lambda: F.dot([1.0, "2"], [1, 2]), OperandError, "convert text first"),
        (lambda: F.cross_entropy([1.0, 2.0], 2), SizeError, "class from 0 to 1, got 2"),
        (lambda: F.cross_entropy([1.0, 2.0], -1), SizeError, "class from 0 to 1, got -1"),
        (lambda: F.cross_entropy([1.0, 2.0], [1]), SizeError, "got 2 and 1"),
        (lambda: F.cross_entropy([1.0], 0), SizeError, "a logit for each class, got 1, whose soft"),
        (lambda: F.cross_entropy([1.0], [0]), SizeError, "a logit for each class, got 1, whose"),
        (lambda: F.cross_entropy([1.0, 2.0], [1, 1]), SizeError, r"sum up to 1,.*got \[1, 1\]"),
        (lambda: F.cross_entropy([1.0] * 4, [1, -1, 1, 0]), SizeError, r"got \[1, -1, 1, ...\]"),
        (lambda: F.cross_entropy([1.0, 2.0], [math.nan, 1]), SizeError, r"got \[nan, 1\]"),
        (lambda: F.mse([1.0], [None]), OperandError, "got NoneType None"),
        (lambda: F.cross_entropy([1.0, 2.0], 1.0), OperandError, "index of a class.*got 1.0"),
        (
            lambda: F.binary_cross_entropy([Value(1.5, label="p")], [1]),
            DomainError,
            r"needs 0 <= p <= 1, got 1.5 \(node 'p'\)",
        ),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


ONES, FLAT = [1.0, 2.0], "needs a flat list of scalars"


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        *((name, ([],), "needs at least one scalar, got none")
          for name in ("mean", "logsumexp", "softmax", "log_softmax")),
        *((name, ([], []), "needs at least one scalar, got none")
          for name in ("mse", "mae", "hinge", "binary_cross_entropy",
                       "binary_cross_entropy_with_logits")),
        ("cross_entropy", ([], 0), "needs at least one scalar, got none"),
        *((name, (Value(1.0),), "needs a list of scalars, got Value")
          for name in ("sum", "mean", "logsumexp", "softmax", "log_softmax")),
        *((name, (ONES, np.array([[1.0], [0.0]])), f"{FLAT}, got one that holds ndarray")
          for name in ("mse", "mae", "hinge", "dot", "binary_cross_entropy")),
        ("mse", (ONES, [[1.0], [2.0]]), rf"{FLAT}, got one that holds list \[1.0\]: flatten it"),
        ("mean", ([[Value(1.0)]],), FLAT),
        ("softmax", (np.ones((2, 2)),), FLAT),
    ],
)  # fmt: skip
def test_errors_name_the_function_that_was_called(name, arguments, message):
    with pytest.raises((SizeError, OperandError), match=f"^{name} {message}"):
        getattr(F, name)(*arguments)


# ── targets ─────────────────────────────────────────────────────────────────────────────────────

PROBABILITIES = [0, 1, 0.5, -0.0, 1.0, True, False, np.float32(0.25), np.bool_(True), np.int8(1)]
SIGNS = [1, -1, 1.0, -1.0, True, np.float32(-1), np.int64(1), np.bool_(True)]
NO_PROBABILITIES = [-1, 2, 1.0000001, -1e-300, math.nan, math.inf, -math.inf, np.int8(-1)]
NO_SIGNS = [0, 2, 0.5, -0.0, False, np.bool_(False), 1.0000001, math.nan, math.inf, np.uint8(255)]
TARGETS = {
    F.hinge: (SIGNS, NO_SIGNS, r"-1 or 1, got {}: .* by 2 \* y - 1"),
    F.binary_cross_entropy: (
        PROBABILITIES, NO_PROBABILITIES, r"from 0 to 1, got {}: .* by \(y \+ 1\) / 2",
    ),
    F.binary_cross_entropy_with_logits: (
        PROBABILITIES, NO_PROBABILITIES, r"from 0 to 1, got {}: .* by \(y \+ 1\) / 2",
    ),
}  # fmt: skip
each_loss = pytest.mark.parametrize("loss", TARGETS, ids=lambda loss: loss.__name__)


@each_loss
def test_targets_that_a_loss_is_made_for_are_taken(loss):
    for target in TARGETS[loss][0]:
        assert math.isfinite(loss([Value(0.5)], [target]).data)
        assert math.isfinite(loss([0.5, 0.25], np.array([target, target])).data)


@each_loss
def test_targets_that_are_no_labels_of_a_loss_are_an_error(loss):
    _, wrong, message = TARGETS[loss]
    for target in wrong:
        expected = f"{loss.__name__} needs targets {message}".format(f"{float(target):g}")
        for targets in ([1, target], np.array([1.0, target])):
            with pytest.raises(SizeError, match=expected):
                loss([Value(0.5), Value(0.25)], targets)


@each_loss
def test_targets_that_are_values_are_taken_as_they_are(loss):
    """They may be placeholders, to be fed later, or results."""
    for target in (Value(0.0), Value(-3.0), Value(2.0) * 3):
        assert math.isfinite(loss([Value(0.5)], [target]).data)


def test_probabilities_of_classes_in_single_precision_are_taken():
    target = np.full(3, 1 / 3, np.float32)
    assert F.cross_entropy([0.0, 0.0, 0.0], target).data == pytest.approx(math.log(3))
    assert F.cross_entropy([0.0, 0.0], [Value(3.0), Value(0.0)]).data == pytest.approx(
        3 * math.log(2)
    )


# ── what applies an activation itself ───────────────────────────────────────────────────────────


def softmax_by_hand(logits):
    exponentials = [x.exp() for x in logits]
    total = F.sum(exponentials)
    return [e / total for e in exponentials]


TWICE = {
    "sigmoid": lambda x: F.binary_cross_entropy_with_logits([v.sigmoid() for v in x], [1, 0]),
    "one sigmoid": lambda x: F.binary_cross_entropy_with_logits([x[0], x[1].sigmoid()], [1, 0]),
    "softmax": lambda x: F.cross_entropy(F.softmax(x), 1),
    "softmax by hand": lambda x: F.cross_entropy(softmax_by_hand(x), 1),
    "softmax to probabilities": lambda x: F.cross_entropy(F.softmax(x), [0, 1]),
}
ONCE = {
    "logits": lambda x: F.binary_cross_entropy_with_logits(x, [1, 0]),
    "of a hidden sigmoid": lambda x: F.binary_cross_entropy_with_logits(
        [v.sigmoid() * 2 for v in x], [1, 0]
    ),
    "probabilities": lambda x: F.binary_cross_entropy([v.sigmoid() for v in x], [1, 0]),
    "classes": lambda x: F.cross_entropy(x, 1),
    "log_softmax": lambda x: F.cross_entropy(F.log_softmax(x), 1),  # has no effect
    "quotients": lambda x: F.cross_entropy([x[0] / x[1], x[1] / x[0]], 1),
    "scaled": lambda x: F.cross_entropy([v / 2.0 for v in x], 1),
}


@pytest.mark.parametrize("loss", TWICE.values(), ids=TWICE)
def test_results_of_an_activation_that_a_loss_applies_itself_are_warned_of(loss):
    with pytest.warns(UserWarning, match="applies the s.* itself, and got results of one") as seen:
        loss([Value(0.5), Value(0.25)])
    assert [w.filename for w in seen] == [__file__]


@pytest.mark.parametrize("loss", ONCE.values(), ids=ONCE)
def test_logits_are_not_warned_of(loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isfinite(loss([Value(0.5), Value(0.25)]).data)


def test_a_loop_is_warned_once():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(5):
            F.binary_cross_entropy_with_logits([Value(0.5).sigmoid()], [1])
    assert len(seen) == 1
