"""Optimisers against the published recurrences, worked out with fractions and by other code."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from scalargrad import MLP, SGD, Adam, Value
from scalargrad.errors import OperandError, SizeError
from scalargrad.optim import Optimizer, cosine_decay, linear_decay

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


# ── arrays ──────────────────────────────────────────────────────────────────────────────────────

EVERY = {
    "sgd": lambda p: SGD(p, 0.1),
    "momentum": lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
    "adam": lambda p: Adam(p, 0.1, weight_decay=0.01),
    "schedule": lambda p: SGD(p, linear_decay(1.0, 0.1, steps=3)),
}
each_optimiser = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)


@each_optimiser
def test_an_array_moves_as_its_numbers_would_as_values(make):
    start = [1.0, -2.0, 0.5]
    values, array = [Value(x) for x in start], np.array(start)
    one, other = make(values), make(array)
    for g in GRADIENTS:
        gradient = [g, -g, 2 * g]
        for value, number in zip(values, gradient, strict=True):
            value.grad = number
        one.step()
        other.step(np.array(gradient))
        assert array.tolist() == pytest.approx([v.data for v in values], rel=1e-15)
    assert other.parameters is array  # changed in place


@each_optimiser
def test_values_can_be_moved_by_a_gradient_that_is_given(make):
    by_grad, by_list = Value(1.0), Value(1.0)
    one, other = make([by_grad]), make([by_list])
    for g in GRADIENTS:
        by_grad.grad = g
        one.step()
        other.step([g])
    assert by_list.data == by_grad.data
    assert by_list.grad == 0.0


@each_optimiser
def test_moving_goes_on_with_the_memory_of_the_values_and_back(make):
    alone, value = Value(1.0), Value(1.0)
    through, optimizer = make([alone]), make([value])
    for g in GRADIENTS:
        through.step([g])
    optimizer.step(GRADIENTS[:1])
    array = np.array([value.data])
    with optimizer.moving(array):
        for g in GRADIENTS[1:3]:
            optimizer.step(np.array([g]))
    value.data = array[0]
    assert optimizer.parameters == [value]
    for g in GRADIENTS[3:]:
        optimizer.step([g])
    assert value.data == pytest.approx(alone.data, rel=1e-15)


def test_values_can_be_moved_again_while_an_array_is_moved():
    """As in fit, which moves an array, and hands its Values to on_epoch."""
    alone, value = Value(1.0), Value(1.0)
    through, optimizer = Adam([alone], 0.1), Adam([value], 0.1)
    for g in GRADIENTS[:3]:
        through.step([g])
    array = np.array([value.data])
    with optimizer.moving(array):
        optimizer.step(np.array(GRADIENTS[:1]))
        value.data = float(array[0])
        with optimizer.moving([value]):
            assert optimizer.parameters == [value]
            optimizer.step(GRADIENTS[1:2])
        array[:] = value.data
        optimizer.step(np.array(GRADIENTS[2:3]))
    assert array[0] == pytest.approx(alone.data, rel=1e-15)


class Tensor:
    """What torch has for NumPy: an array by conversion, with other arithmetic of its own."""

    def __init__(self, numbers, dtype=np.float32):
        self.numbers = np.asarray(numbers, dtype)

    def __array__(self, dtype=None, copy=None):
        return self.numbers.astype(dtype or self.numbers.dtype)

    def __len__(self):
        return len(self.numbers)

    def __iter__(self):
        return iter(self.numbers)

    def __radd__(self, other):
        raise TypeError("unsupported operand types")


@each_optimiser
@pytest.mark.parametrize("kind", [list, tuple, np.float32, np.int64, Tensor])
def test_a_gradient_can_be_of_any_kind_that_numpy_converts(make, kind):
    array, same, values = np.ones(2), np.ones(2), [Value(1.0), Value(1.0)]
    gradient = kind([1, -2]) if kind in (list, tuple, Tensor) else np.array([1, -2], kind)
    make(array).step(gradient)
    make(values).step(gradient)
    make(same).step(np.array([1.0, -2.0]))
    assert array.tolist() == same.tolist() == [v.data for v in values]
    assert {type(v.data) for v in values} == {float}


def test_moving_gives_the_values_back_after_an_error():
    value = Value(1.0)
    optimizer = Adam([value])
    with pytest.raises(SizeError), optimizer.moving(np.zeros(1)):
        optimizer.step(np.zeros(2))
    assert optimizer.parameters == [value]
    optimizer.step([1.0])


def test_an_optimiser_of_ones_own_needs_its_formula_alone():
    class Clipped(Optimizer):
        memories = 1

        def update(self, p, gradient, rate, *memory):
            (count,) = memory
            return p - rate * (gradient > 0), count + 1

    value, array = Value(1.0), np.array([1.0])
    for optimizer, gradient in ((Clipped([value], 0.25), [3.0]), (Clipped(array, 0.25), array)):
        optimizer.step(gradient)
        optimizer.step(gradient)
    assert value.data == array[0] == 0.5


@pytest.mark.parametrize(
    ("parameters", "gradient", "message"),
    [
        ([Value(1.0)], [1.0, 2.0], "moves 1 parameters, got 2 gradients"),
        (np.zeros(2), np.zeros(3), "moves 2 parameters, got 3 gradients"),
        (np.zeros(2), None, r"needs the gradient: step\(gradient\)"),
        (np.zeros(2), [1.0], "moves 2 parameters, got 1 gradients"),
        (np.zeros(2), [[1.0], [2.0]], r"a number for each parameter, got shape \(2, 1\)"),
        (np.zeros(1), 1.0, r"a number for each parameter, got shape \(\)"),
    ],
)
def test_wrong_gradients_are_an_error_and_move_nothing(parameters, gradient, message):
    optimizer = SGD(parameters, 0.1)
    before = [p.data if isinstance(p, Value) else float(p) for p in parameters]
    with pytest.raises(SizeError, match=message):
        optimizer.step(gradient)
    assert [p.data if isinstance(p, Value) else float(p) for p in parameters] == before
    assert optimizer.steps == 0


@pytest.mark.parametrize("parameters", [np.zeros(2), [Value(0.0), Value(0.0)]])
@pytest.mark.parametrize("gradient", [["a", "b"], [None, 1j], [[1.0], [1.0, 2.0]], [{}, {}]])
def test_a_gradient_that_is_no_numbers_is_an_error(parameters, gradient):
    optimizer = SGD(parameters, 0.1)
    with pytest.raises(OperandError, match="a gradient is a number for each parameter: "):
        optimizer.step(gradient)
    assert optimizer.steps == 0


@pytest.mark.parametrize("rate", ["0.1", None, 1j, [0.1]])
@pytest.mark.parametrize("make", [SGD, Adam])
def test_a_learning_rate_that_is_no_number_is_an_error(make, rate):
    with pytest.raises(OperandError) as caught:
        make([Value(1.0)], rate)
    assert str(caught.value) == (
        "a learning rate is a number, or a function from the number of steps taken to one; "
        f"got {rate!r}"
    )


@pytest.mark.parametrize("rate", [1, np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_a_learning_rate_can_be_any_number(rate):
    w = Value(1.0)
    SGD([w], rate).step([1.0])
    assert w.data == 1 - rate


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (np.zeros((2, 2)), r"flat array of a program, of float64; got one of shape \(2, 2\)"),
        (np.zeros(2, np.float32), "got one of shape .* and float32"),
        (Value(1.0), "a list of leaf Values, such as model.parameters"),
        (MLP(1, [1]), "a list of leaf Values, such as model.parameters.* got MLP"),
    ],
)
def test_other_things_than_values_or_a_flat_array_are_an_error(parameters, message):
    with pytest.raises(OperandError, match=message):
        SGD(parameters)
