"""Optimisers against the published recurrences, worked out with fractions and by other code."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest

from scalargrad import SGD, Adam, Value
from scalargrad.errors import OperandError, SizeError
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
def test_adam_equals_its_sums_written_out(decay):
    """Adam's running means as explicit weighted sums over all gradients so far."""
    rate, b1, b2, epsilon = 0.1, 0.9, 0.99, 1e-8
    p, seen, expected = 2.0, [], []
    for g in GRADIENTS:
        seen.append(g + decay * p)
        t = len(seen)
        w1 = [b1 ** (t - 1 - i) for i in range(t)]
        w2 = [b2 ** (t - 1 - i) for i in range(t)]
        mean = sum(a * b for a, b in zip(w1, seen, strict=True)) / sum(w1)
        square = sum(a * b * b for a, b in zip(w2, seen, strict=True)) / sum(w2)
        p -= rate * mean / (math.sqrt(square) + epsilon)
        expected.append(p)
    w = Value(2.0)
    optimizer = Adam([w], rate, betas=(b1, b2), epsilon=epsilon, weight_decay=decay)
    assert run(optimizer, w, GRADIENTS) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("make", [SGD, Adam])
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
    "make", [lambda p: SGD(p, 0.05, momentum=0.9), lambda p: Adam(p, 0.1)], ids=["SGD", "Adam"]
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
