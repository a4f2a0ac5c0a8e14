"""What the check says of kinks, jumps and borders, which are no wrong derivatives."""

import math
import random

import pytest
from graphs import adds, own
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scalargrad import Value, check_gradients
from scalargrad.compiler import compile
from scalargrad.errors import DomainError, GradientError, OperandError
from scalargrad.functional import where


def steep(speed, factor=1.0):
    """Return sin(speed · x), whose derivative is wrong by a factor."""

    def backward(out, x):
        x.grad += factor * speed * math.cos(speed * x.data) * out.grad

    return own("steep", lambda x: math.sin(speed * x), backward)


def root(x):
    """The square root as an operation of one's own, which raises where math.sqrt does."""

    def backward(out, x):
        x.grad += out.grad / (2 * out.data)

    return own("root", math.sqrt, backward)(x)


REACHED = {
    "a kink 1e-7 away": (lambda x: x.relu(), 1e-7),
    "a kink 1e-7 away, of numbers near 1": (lambda x: (x - 1).relu(), 1 + 1e-7),
    "a branch 1e-7 away": (lambda x: x * 2 if x > 0.5 else x.sin(), 0.5 + 1e-7),
    "a border 1e-12 away": (lambda x: x.sqrt(), 1e-12),
    "a border of one's own 1e-6 away": (root, 1e-6),
    "a wave of length 6e-7": (steep(1e7), 0.3),
    "a kink whose rule is the mean of both sides": (abs, 0.0),
    "a curve behind such a kink": (lambda x: (x.max(0.1) * 30).exp(), 0.1),
    "an infinity that stays": (lambda x: x.logaddexp(Value(-math.inf)), 2.0),
    "a detached number that cancels": (lambda x: (x - x.data).exp().log() + x.data, 0.3),
    "a tiny number": (lambda x: x * x, 1e-200),
    "a huge number": (lambda x: x.log(), 1e300),
}


@pytest.mark.parametrize("name", REACHED)
def test_right_derivative_is_accepted_near(name):
    function, x = REACHED[name]
    assert check_gradients(lambda inputs: function(inputs[0]), [x]) < 1e-4


def wrong_relu(slope):
    def backward(out, x):
        x.grad += slope * out.grad

    return own("mine", lambda x: max(x, 0.0), backward)


def flip(x):
    return Value(x.data + random.random(), (x,), "coin")


UNLIKE = {
    "relu at 0": (lambda x: x.relu() + 1, 0.0, "^ReLU is at a kink: .* 0 to the left and 1 to the"),
    "leaky relu at 0": (
        lambda x: x.leaky_relu(0.1),
        0.0,
        "leaky ReLU is at a kink.*0.1 to the lef",
    ),
    "kink after a step": (lambda x: (x * 3 - 6).relu() * x, 2.0, "^ReLU is at a kink"),
    "one's own at its kink": (wrong_relu(0.3), 0.0, "^mine is at a kink.*0.3 by its rule"),
    "wrong even for a kink": (wrong_relu(5.0), 0.0, "^mine has a wrong derivative.* 5 by its rule"),
    "wrong behind a kink": (
        lambda x: own("mine", math.exp, lambda out, x: setattr(x, "grad", x.grad + out.grad))(
            x.max(0.5) + 1
        ),
        0.5,
        "^mine has a wrong derivative",
    ),
    "jump": (lambda x: x.greater(2.0) * 2 + x, 2.0, "^> is at a jump: it goes from 0 to 1 when"),
    "wave, wrong": (steep(1e7, 1.01), 0.3, r"^steep has a wrong derivative: .*and 4.77\d*e\+06 by"),
    "wave, too short": (steep(1e12), 0.3, "^steep cannot be checked here: .*no step is accurate"),
    "wave of the table": (lambda x: (x * 1e12).sin(), 0.3, "^sin cannot be checked here"),
    "no number": (lambda x: x * math.nan, 1.0, "^the result is nan.*the leaf nan is the first"),
    "chance": (lambda x: x * random.random(), 1.0, "is not repeatable: a number that it makes is"),
    "chance in an operation": (flip, 1.0, "^the function is not repeatable: coin is "),
    "chance of a branch": (
        lambda x: x * 2 if random.random() < 0.5 else x.sin() + 1,
        1.0,
        "not repeatable: called again with the same inputs, it builds another graph",
    ),
    "detached": (
        lambda x: x * math.exp(x.data),
        1.0,
        "^the leaf 2.718.* moves with 'input 0', but",
    ),
    "operand missing": (
        lambda x: own("sum", lambda a: a + 3 * x.data, adds)(Value(3.0)) * 2,
        1.0,
        r"^sum moves with 'input 0', but is not computed from it .* all of its operands$",
    ),
    "backward missing": (
        lambda x: Value(x.data**2, (x,), "square"),
        2.0,
        "^square has a wrong derivative: .*it is 0 by its rule and 4 by central differences",
    ),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_each_trouble_has_its_own_sentence(name):
    random.seed(0)
    function, x, message = UNLIKE[name]
    with pytest.raises(GradientError, match=message):
        check_gradients(lambda inputs: function(inputs[0]), [x])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.floats(-3, 3), st.floats(1e-3, 10).flatmap(lambda e: st.sampled_from([e, -e])),
    st.floats(-8, 8), st.floats(0.1, 3),
)  # fmt: skip
def test_wrong_rule_is_always_called_wrong(x, error, bend, pitch):
    """Whatever the curve, a derivative that is off is not excused as a kink or a rough one."""

    def backward(out, node):
        slope = math.cos(pitch * node.data) * pitch + 2 * bend * node.data
        node.grad += (slope + error) * out.grad

    curve = own("curve", lambda x: math.sin(pitch * x) + bend * x * x, backward)
    with pytest.raises(GradientError, match=r"^curve has a wrong derivative"):
        check_gradients(lambda inputs: curve(inputs[0] + 0.0), [x])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(-100, 100), st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 1), st.floats(-5, 5))
def test_kink_is_always_called_a_kink(x, left, right, share, bend):
    assume(abs(right - left) > 0.01 and abs(share - 0.5) > 0.01)

    def backward(out, node):
        node.grad += (left + share * (right - left)) * out.grad

    def value(z):
        return (right if z > x else left) * (z - x) + bend * (z - x) ** 2

    with pytest.raises(GradientError, match=r"^bent is at a kink"):
        check_gradients(lambda inputs: own("bent", value, backward)(inputs[0]), [x])


ONE_SIDED = {
    "ReLU": lambda x: x.max(0).relu(),
    "abs": lambda x: abs(x.max(0)),
    "max": lambda x: x.max(0).max(0),
    "min": lambda x: x.max(0).min(0),
    "leaky ReLU": lambda x: x.max(0).leaky_relu(),
    "where": lambda x: where(x.max(0), 3 * x, x),
}


@pytest.mark.parametrize("name", ONE_SIDED)
def test_kink_whose_operand_moves_to_one_side_is_not_blamed_on_the_rule(name):
    x = Value(0.0, label="x")
    with pytest.raises(GradientError) as caught:
        check_gradients(ONE_SIDED[name](x) * 2)
    assert str(caught.value).startswith(f"{name} is at a ")


def test_border_is_not_blamed_on_the_rule_where_an_operand_moves_to_one_side():
    with pytest.raises(GradientError, match=r"^sqrt is at the border of its domain"):
        check_gradients(Value(0.0).max(0).sqrt())


def test_what_has_no_kink_agrees_where_its_operand_moves_to_one_side():
    x = Value(0.0)
    assert check_gradients((x.max(0) * 3 + 1).exp().tanh() / (2 - x.min(0))) < 1e-5


def test_wrong_derivative_is_wrong_where_its_operand_moves_to_one_side():
    def backward(out, node):
        node.grad += 2 * out.grad

    triple = own("triple", lambda x: 3 * x, backward)
    with pytest.raises(GradientError, match=r"^triple has a wrong derivative"):
        check_gradients(lambda inputs: triple(inputs[0].max(0)), [0.0])


def test_edited_graph_is_not_blamed_on_a_rule():
    x = Value(0.5, label="x")
    y = x.tanh()
    y.label = "y"
    loss = y * y
    x.data = 0.7
    with pytest.raises(GradientError, match=r"^tanh \(node 'y'\) is 0.46.*, but 0.60.* by now"):
        check_gradients(loss)
    x.data = 0.5
    assert check_gradients(loss) < 1e-9


@pytest.mark.parametrize("name", ["rtol", "atol"])
@pytest.mark.parametrize(
    ("tolerance", "error"),
    [("1e-5", OperandError), (None, OperandError), (-1e-5, DomainError), (math.nan, DomainError)],
)
def test_tolerance_is_a_number_from_0_up(name, tolerance, error):
    x = Value(0.5)
    program = compile(x * x, [], wrt=[x])
    for checked, inputs in ((x * x, None), (lambda z: z[0] * z[0], [0.5]), (program, None)):
        with pytest.raises(error, match=f"^{name} is a "):
            check_gradients(checked, inputs, **{name: tolerance})
    assert check_gradients(Value(2.0) * 3, rtol=0, atol=1e-6) < 1e-6


def test_a_check_that_fails_leaves_the_gradients_as_they_were():
    x = Value(3.0)
    x.grad = 5.0
    out = x.relu()
    out.grad = 7.0
    x.data = out.data = 0.0
    with pytest.raises(GradientError, match="kink"):
        check_gradients(out)
    assert (x.grad, out.grad) == (5.0, 7.0)
