"""Optimisers of arrays, and a step that fails: all or nothing is changed."""

import math
from fractions import Fraction

import numpy as np
import pytest

from scalargrad import MLP, SGD, Adam, AdamW, Value
from scalargrad.errors import DomainError, NonFiniteError, OperandError, SizeError
from scalargrad.optim import Optimizer, linear_decay

GRADIENTS = [0.5, -0.25, 0.75, 0.0, 2.0]


def numbers(parameters):
    return [p.data if isinstance(p, Value) else float(p) for p in parameters]


# ── arrays ──────────────────────────────────────────────────────────────────────────────────────
EVERY = {
    "sgd": lambda p: SGD(p, 0.1),
    "momentum": lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
    "adam": lambda p: Adam(p, 0.1, weight_decay=0.01),
    "adamw": lambda p: AdamW(p, 0.1, weight_decay=0.01),
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
        (np.zeros(1), 1.0, r"a number for each parameter, got 1\.0: the learning rate is"),
    ],
)
def test_wrong_gradients_are_an_error_and_move_nothing(parameters, gradient, message):
    optimizer = SGD(parameters, 0.1)
    before = numbers(parameters)
    with pytest.raises(SizeError, match=message):
        optimizer.step(gradient)
    assert numbers(parameters) == before
    assert optimizer.steps == 0


@pytest.mark.parametrize("parameters", [np.zeros(2), [Value(0.0), Value(0.0)]])
@pytest.mark.parametrize("gradient", [["a", "b"], [None, 1j], [[1.0], [1.0, 2.0]], [{}, {}]])
def test_a_gradient_that_is_no_numbers_is_an_error(parameters, gradient):
    optimizer = SGD(parameters, 0.1)
    with pytest.raises(OperandError, match="a gradient is a number for each parameter: "):
        optimizer.step(gradient)
    assert optimizer.steps == 0


@pytest.mark.parametrize("rate", ["0.1", None, 1j, [0.1]])
@pytest.mark.parametrize("make", [SGD, Adam, AdamW])
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


# ── a step that fails ───────────────────────────────────────────────────────────────────────────


class Fails(SGD):
    """Fails at the last parameter."""

    def update(self, p, gradient, rate, *memory):
        if np.any(np.asarray(gradient) == 4.0):
            raise LookupError("4")
        return super().update(p, gradient, rate, *memory)


class Forgets(Optimizer):
    memories = 1

    def update(self, p, gradient, rate, *_memory):
        return p - rate * gradient


STEPS = {  # the gradient of the last of three parameters, by its grad or in a list
    "none": (SGD, None, OperandError, "None"),
    "text": (SGD, "1", OperandError, "'1'"),
    "list": (SGD, [1.0], OperandError, "gradient"),
    "nan": (SGD, math.nan, NonFiniteError, "the gradient of parameter 2.* is nan"),
    "inf": (SGD, math.inf, NonFiniteError, "the gradient of parameter 2.* is inf"),
    "nan, Adam": (Adam, math.nan, NonFiniteError, "the gradient of parameter 2.* is nan"),
    "inf, Adam": (Adam, -math.inf, NonFiniteError, "the gradient of parameter 2.* is -inf"),
    "overflow": (
        lambda p: SGD(p, 1e10), 1e300, NonFiniteError,
        "parameter 2.* would become -inf, by the gradient 1e.300 and the learning rate 1e.10",
    ),
    "update": (Fails, 4.0, LookupError, "4"),
    "no tuple": (
        lambda p: Forgets(p, 0.1), 4.0, OperandError,
        "update.. of Forgets returns a tuple",
    ),
    "rate": (lambda p: SGD(p, lambda _: math.nan), 1.0, DomainError, "finite number, 0 or more"),
    "no rate": (lambda p: SGD(p, lambda _: None), 1.0, OperandError, "is a number.*got None"),
}  # fmt: skip


@pytest.mark.parametrize("way", ["grad", "list", "array"])
@pytest.mark.parametrize(("make", "wrong", "error", "message"), STEPS.values(), ids=STEPS)
def test_a_step_that_fails_moves_nothing_and_the_next_one_goes_on(make, wrong, error, message, way):
    values = [Value(1.0), Value(2.0), Value(3.0, label="w")]
    parameters = np.array([1.0, 2.0, 3.0]) if way == "array" else values
    optimizer = make(parameters)

    def state():
        return (
            numbers(optimizer.parameters),
            [np.array(slot).tolist() for slot in optimizer._memory],
            optimizer.steps,
        )

    def step(gradient):
        if way == "grad":
            for p, g in zip(values, gradient, strict=True):
                p.grad = g
            optimizer.step()
        else:
            optimizer.step(gradient)

    if not isinstance(optimizer, Forgets):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(optimizer, "learning_rate", 0.1)
            step([0.5, 0.25, 0.125])
    before = state()
    with pytest.raises(error, match=message):
        step([1.0, 1.0, wrong])
    assert state() == before


def test_values_as_a_gradient_are_numbers():
    """As `grad` returns them."""
    x = Value(3.0)
    SGD([x], 0.5).step([Value(2.0) * 2])
    assert x.data == 1.0
    assert type(x.data) is float
