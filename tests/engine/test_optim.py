"""Optimisers against the published recurrences, worked out with fractions and by other code."""

import math
import pickle
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from scalargrad import MLP, SGD, Adam, AdamW, Value
from scalargrad.errors import DomainError, NonFiniteError, OperandError, SizeError
from scalargrad.optim import Optimizer, cosine_decay, linear_decay

GRADIENTS = [0.5, -0.25, 0.75, 0.0, 2.0]


def numbers(parameters):
    return [p.data if isinstance(p, Value) else float(p) for p in parameters]


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


# ── options, checked when an optimiser is made ──────────────────────────────────────────────────

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
