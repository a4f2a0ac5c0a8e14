"""Optimisers against the published recurrences, worked out with fractions and by other code."""

import math
import pickle
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from scalargrad import SGD, Adam, AdamW, Value
from scalargrad.errors import DomainError, OperandError, SizeError
from scalargrad.optim import cosine_decay, linear_decay

GRADIENTS = [0.5, -0.25, 0.75, 0.0, 2.0]


def run(optimizer, parameter, gradients):
    path = []
    for g in gradients:
        parameter.grad = g
        optimizer.step()
        path.append(parameter.data)
    return path


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("decay", [0.0, 0.125])
def test_sgd_follows_the_recurrence_exactly(momentum, decay):
    p, v, expected = Fraction(2), Fraction(0), []
    for g in GRADIENTS:
        v = Fraction(momentum) * v + Fraction(g) + Fraction(decay) * p
        p -= Fraction(0.25) * v
        expected.append(float(p))
    w = Value(2.0)
    optimizer = SGD([w], learning_rate=0.25, momentum=momentum, weight_decay=decay)
    assert run(optimizer, w, GRADIENTS) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("method", [Adam, AdamW])
def test_adam_equals_its_sums_written_out(method, decay):
    """Adam's running means as explicit weighted sums over all gradients so far."""
    rate, b1, b2, epsilon = 0.1, 0.9, 0.99, 1e-8
    p, seen, expected = 2.0, [], []
    for g in GRADIENTS:
        seen.append(g + decay * p if method is Adam else g)
        t = len(seen)
        w1 = [b1 ** (t - 1 - i) for i in range(t)]
        w2 = [b2 ** (t - 1 - i) for i in range(t)]
        mean = sum(a * b for a, b in zip(w1, seen, strict=True)) / sum(w1)
        square = sum(a * b * b for a, b in zip(w2, seen, strict=True)) / sum(w2)
        shrunk = p if method is Adam else p * (1 - rate * decay)
        p = shrunk - rate * mean / (math.sqrt(square) + epsilon)
        expected.append(p)
    w = Value(2.0)
    optimizer = method([w], rate, betas=(b1, b2), epsilon=epsilon, weight_decay=decay)
    assert run(optimizer, w, GRADIENTS) == pytest.approx(expected, rel=1e-12)


def test_decoupled_decay_shrinks_all_parameters_alike_whatever_their_gradients():
    small, large = Value(1.0), Value(1.0)
    still, coupled = [Value(1.0), Value(1.0)], [Value(1.0), Value(1.0)]
    AdamW([small, large], 0.01, weight_decay=0.5).step([1e-4, 1e4])
    AdamW(still, 0.01, weight_decay=0.0).step([1e-4, 1e4])
    Adam(coupled, 0.01, weight_decay=0.5).step([1e-4, 1e4])
    # By the decay alone both lose 0.01 · 0.5 of themselves.
    assert [still[0].data - small.data, still[1].data - large.data] == pytest.approx([0.005] * 2)
    assert coupled[1].data == pytest.approx(still[1].data)  # lost beside a gradient of 10,000


def test_adamw_without_decay_is_adam():
    one, other = Value(2.0), Value(2.0)
    assert run(AdamW([one], 0.1, weight_decay=0.0), one, GRADIENTS) == run(
        Adam([other], 0.1), other, GRADIENTS
    )


def test_adamw_decays_by_the_learning_rate_of_the_step():
    w = Value(1.0)
    optimizer = AdamW([w], lambda step: [0.5, 0.25][step], weight_decay=0.5)
    optimizer.step([0.0])
    optimizer.step([0.0])
    assert w.data == (1 - 0.25) * (1 - 0.125)


@pytest.mark.parametrize("make", [SGD, Adam, AdamW])
def test_each_parameter_has_its_own_state(make):
    together = [Value(1.0), Value(5.0)]
    alone = [Value(1.0), Value(5.0)]
    optimizers = [make(together, 0.1), make(alone[:1], 0.1), make(alone[1:], 0.1)]
    for g, h in zip(GRADIENTS, reversed(GRADIENTS), strict=True):
        for values in (together, alone):
            values[0].grad, values[1].grad = g, h
        for optimizer in optimizers:
            optimizer.step()
    assert [v.data for v in together] == [v.data for v in alone]


@pytest.mark.parametrize(
    "make",
    [
        lambda p: SGD(p, 0.05, momentum=0.9),
        lambda p: Adam(p, 0.1),
        lambda p: AdamW(p, 0.1, weight_decay=1e-6),
    ],
    ids=["SGD", "Adam", "AdamW"],
)
def test_optimisers_find_the_minimum_of_a_valley(make):
    x, y = Value(-3.0), Value(4.0)
    optimizer = make([x, y])
    for _ in range(500):
        optimizer.zero_grad()
        ((x - 1) ** 2 + 10 * (y + 2) ** 2).backward()
        optimizer.step()
    assert (x.data, y.data) == pytest.approx((1.0, -2.0), abs=1e-3)


def test_learning_rate_can_be_a_function_of_the_steps_taken():
    w, asked = Value(0.0), []

    def rate(step):
        asked.append(step)
        return 1.0 / (step + 1)

    assert run(SGD([w], rate), w, [1.0, 1.0, 1.0]) == pytest.approx([-1.0, -1.5, -1.5 - 1 / 3])
    assert asked == [0, 1, 2]


def test_linear_decay_goes_on_a_line_and_stays():
    rate = linear_decay(1.0, 0.1, steps=90)
    assert [rate(k) for k in (0, 90, 91, 10_000)] == [1.0, 0.1, 0.1, 0.1]
    # The schedule of micrograd's demo: 1.0 - 0.9 k / 100.
    demo = linear_decay(1.0, 0.1, steps=100)
    assert [demo(k) for k in range(100)] == pytest.approx([1.0 - 0.9 * k / 100 for k in range(100)])


def test_cosine_decay_falls_from_start_to_end_with_flat_ends():
    rate = cosine_decay(2.0, 1.0, steps=100)
    rates = [rate(k) for k in range(150)]
    assert (rates[0], rates[50], rates[100], rates[149]) == pytest.approx((2.0, 1.5, 1.0, 1.0))
    assert all(a >= b for a, b in pairwise(rates))
    assert rates[0] - rates[1] < (rates[50] - rates[51]) / 10


@pytest.mark.parametrize("schedule", [linear_decay, cosine_decay])
def test_optimiser_with_a_schedule_goes_on_after_a_pickle(schedule):
    w = Value(1.0)
    optimizer = Adam([w], schedule(0.5, 0.1, steps=4))
    assert f"learning_rate={schedule.__name__}(0.5, 0.1, steps=4)" in repr(optimizer)
    run(optimizer, w, [1.0])
    twin_of_w, twin = pickle.loads(pickle.dumps((w, optimizer)))
    assert repr(twin) == repr(optimizer)
    assert run(twin, twin_of_w, [0.5, -2.0]) == run(optimizer, w, [0.5, -2.0])


def test_zero_grad_sets_gradients_back():
    w = Value(1.0)
    w.grad = 3.0
    SGD([w]).zero_grad()
    assert w.grad == 0.0


def test_a_parameter_given_twice_moves_once():
    w = Value(1.0)
    w.grad = 1.0
    SGD([w, w], 0.1).step()
    assert w.data == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ([], SizeError, "at least one parameter, got none"),
        ([1.0], OperandError, "moves leaf Values, got 1.0"),
        ([Value(1.0) * 2], OperandError, "moves leaf Values, got Value"),
    ],
)
def test_wrong_parameters_are_an_error(parameters, error, message):
    with pytest.raises(error, match=message):
        SGD(parameters)


NO_NUMBERS = [10**400, "0.1", None, 1j, [0.1], np.array([0.1, 0.2]), {}]
NEVER = [math.nan, math.inf, -math.inf, np.float32("nan")]
NEGATIVE, SMALL, BELOW = [-1, -1e-300, np.float64(-0.5)], [0, -0.0], [1, 1.5, np.int64(1)]
P = [Value(1.0)]
OPTIONS = {  # how it is given, what is wrong but is a number, what is right at the border
    "learning_rate": (lambda x: SGD(P, x), NEGATIVE, [0, 1e300]),
    "learning_rate of Adam": (lambda x: Adam(P, learning_rate=x), NEGATIVE, [0.0]),
    "momentum": (lambda x: SGD(P, momentum=x), [*NEGATIVE, 1.5, 2], [0, 1, np.float32(0.5)]),
    "weight_decay": (lambda x: SGD(P, weight_decay=x), NEGATIVE, [0, 2]),
    "weight_decay of Adam": (lambda x: Adam(P, weight_decay=x), NEGATIVE, [0, 2]),
    "weight_decay of AdamW": (lambda x: AdamW(P, weight_decay=x), NEGATIVE, [0, 2]),
    "epsilon of AdamW": (lambda x: AdamW(P, epsilon=x), [*NEGATIVE, *SMALL], [5e-324, 1]),
    "beta 1 of AdamW": (lambda x: AdamW(P, betas=(x, 0)), [*NEGATIVE, *BELOW], [0, 1 - 1e-16]),
    "beta 1": (lambda x: Adam(P, betas=(x, 0.5)), [*NEGATIVE, *BELOW], [0, 1 - 1e-16]),
    "beta 2": (lambda x: Adam(P, betas=[0.5, x]), [*NEGATIVE, *BELOW], [0, 1 - 1e-16]),
    "epsilon": (lambda x: Adam(P, epsilon=x), [*NEGATIVE, *SMALL], [5e-324, 1]),
    "start": (lambda x: linear_decay(x, 0.0, 10), NEGATIVE, [0, 1]),
    "end": (lambda x: linear_decay(0.0, x, 10), NEGATIVE, [0, 1]),
    "length": (lambda x: linear_decay(1.0, 0.0, x), [*NEGATIVE, *SMALL], [1, 0.5, np.int64(3)]),
    "start of a cosine": (lambda x: cosine_decay(x, 0.0, 10), NEGATIVE, [0, 1]),
    "end of a cosine": (lambda x: cosine_decay(0.0, x, 10), NEGATIVE, [0, 1]),
    "length of a cosine": (lambda x: cosine_decay(1.0, 0.0, x), [*NEGATIVE, *SMALL], [1, 0.5]),
}


@pytest.mark.parametrize(("make", "wrong", "right"), OPTIONS.values(), ids=OPTIONS)
def test_options_out_of_range_are_an_error_when_they_are_given(make, wrong, right):
    for option in NO_NUMBERS:
        with pytest.raises(OperandError, match=r" is a number.*; got "):
            make(option)
    for option in [*wrong, *NEVER]:
        with pytest.raises(DomainError, match=r" is a finite number, .*, got -?[\dain]"):
            make(option)
    for option in right:
        assert make(option) is not None


@pytest.mark.parametrize("betas", [0.9, (0.9,), (0.9, 0.99, 0.999), None])
def test_betas_are_two_numbers(betas):
    with pytest.raises(OperandError, match=r"betas is a pair of numbers, such as \(0.9, 0.999\)"):
        Adam(P, betas=betas)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(P, lr=0.1), "SGD has no option 'lr': write learning_rate="),
        (lambda: Adam(P, eps=0.1), "Adam has no option 'eps': write epsilon="),
        (lambda: AdamW(P, lr=0.1), "AdamW has no option 'lr': write learning_rate="),
        (
            lambda: AdamW(P, decay=0.1),
            "parameters, learning_rate, betas, epsilon, weight_decay$",
        ),
        (lambda: SGD(params=P), "SGD has no option 'params': write parameters="),
        (
            lambda: SGD(P, betas=(0.9, 0.99)),
            "'betas': there are parameters, learning_rate, momentum, weight_decay$",
        ),
        (lambda: SGD(P, eps=1.0), "SGD has no option 'eps': there are parameters"),
    ],
)
def test_unknown_options_are_an_error_that_says_what_there_is(make, message):
    with pytest.raises(OperandError, match=message):
        make()


def test_optimisers_of_ones_own_may_have_options_of_their_own():
    class Scaled(SGD):
        def __init__(self, parameters, *, scale, **others):
            super().__init__(parameters, **others)
            self.scale = scale

    assert Scaled(P, scale=2.0, momentum=0.5).momentum == 0.5
    assert "scale=2.0" in repr(Scaled(P, scale=2.0))
    with pytest.raises(DomainError, match="learning rate is a finite number, 0 or more, got -1"):
        Scaled(P, scale=2.0, learning_rate=-1)


@pytest.mark.parametrize(
    ("optimizer", "shown"),
    [
        (
            SGD([Value(1.0)], 0.25),
            "<SGD of 1 parameter, 0 steps taken: learning_rate=0.25, momentum=0.0, "
            "weight_decay=0.0>",
        ),
        (
            Adam(np.zeros(41), cosine_decay(1, 0.1, 90)),
            "<Adam of 41 parameters, 0 steps taken: learning_rate=cosine_decay(1, 0.1, steps=90), "
            "betas=(0.9, 0.999), epsilon=1e-08, weight_decay=0.0>",
        ),
    ],
)
def test_an_optimiser_shows_its_options(optimizer, shown):
    assert repr(optimizer) == shown
    optimizer.step(np.zeros(len(optimizer.parameters)))
    assert "1 step taken" in repr(optimizer)
