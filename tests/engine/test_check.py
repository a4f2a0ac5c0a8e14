"""The gradient check against lies: every mistake is found, and the node that made it is named."""

import math
import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import ORACLES

from scalargrad import MLP, Value, check_gradients
from scalargrad.compiler import compile
from scalargrad.errors import DomainError, GradientError, OperandError
from scalargrad.functional import cross_entropy, where
from scalargrad.ops import PRIMITIVES
from scalargrad.own import backward_faults


def own_tanh(x, slope):
    """An operation of one's own whose derivative is given by ``slope(result)``."""
    out = Value(math.tanh(x.data), (x,), "own tanh", label="h")

    def _backward():
        x.grad += slope(out.data) * out.grad

    out._backward = _backward
    return out


@pytest.mark.parametrize("row", PRIMITIVES.values(), ids=PRIMITIVES)
def test_check_accepts_every_primitive(row):
    nodes = [Value(x) for x in row.example]
    assert check_gradients(ORACLES[row.name].call(*nodes)) < 1e-8


@pytest.mark.parametrize("row", PRIMITIVES.values(), ids=PRIMITIVES)
def test_check_names_a_primitive_whose_rule_is_wrong(row, monkeypatch):
    nodes = [Value(x, label="in") for x in row.example]
    output = ORACLES[row.name].call(*nodes)  # so the way back is made of the right row, and kept
    output.label = "culprit"
    wrong = tuple(f"({partial}) + 0.01" for partial in row.partials)
    monkeypatch.setattr(row, "partials", wrong)
    monkeypatch.setattr(row, "_slopes", None)
    with pytest.raises(GradientError, match=r"\(node 'culprit'\) has a wrong derivative"):
        check_gradients(output.exp())


def test_check_names_the_first_wrong_op_of_several():
    def network(inputs):
        first = own_tanh(inputs[0], lambda z: 1 - z * z)
        first.label = "right"
        second = own_tanh(first, lambda z: 1 - z)
        second.label = "wrong"
        third = own_tanh(second, lambda z: 2 - z)
        third.label = "also wrong"
        return third

    with pytest.raises(GradientError, match="node 'wrong'"):
        check_gradients(network, [0.4])


def test_check_accepts_an_op_of_ones_own_that_is_right():
    assert check_gradients(lambda v: own_tanh(v[0], lambda z: 1 - z * z) * 3, [0.4]) < 1e-9


def test_check_of_a_value_with_an_op_of_ones_own_asks_for_a_function():
    with pytest.raises(OperandError, match="give check_gradients a function"):
        check_gradients(own_tanh(Value(0.4), lambda z: 1 - z * z))


def test_check_finds_a_backward_that_adds_to_the_wrong_place(monkeypatch):
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    output = x * y

    def careless(_):
        x.grad, y.grad = 1.0, 1.0

    monkeypatch.setattr(Value, "backward", careless)
    with pytest.raises(GradientError, match=r"backward\(\) gives 'x' the gradient 1"):
        check_gradients(output)


def test_check_leaves_data_and_gradients_as_they_were():
    x = Value(2.0)
    y = x * x
    y.backward()
    before = [(n.data, n.grad) for n in (x, y)]
    check_gradients(y)
    assert [(n.data, n.grad) for n in (x, y)] == before


@given(st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3))
def test_check_accepts_reciprocals_of_all_sizes(x):
    check_gradients(1 / Value(x) + Value(x) ** 2)


def test_check_of_a_model_and_its_loss():
    model = MLP(3, [4, 2], seed=3)
    assert check_gradients(cross_entropy(model([0.1, -0.2, 0.3]), 1)) < 1e-8


def test_check_of_an_input_at_the_border_of_a_domain_says_so():
    x = Value(0.0, label="x")
    with pytest.raises(DomainError, match=r"sqrt is at the border .* when 'x' moves from 0.0 to -"):
        check_gradients(x.sqrt())


def test_check_of_a_branch_that_flips_says_so():
    def step(v):
        return v[0] * 2 if v[0] > 0.5 else v[0].sin()

    with pytest.raises(GradientError, match="builds another graph when 'input 0' moves"):
        check_gradients(step, [0.5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((lambda v: v[0].data, [1.0]), "function that returns a Value, got 1.0"),
        ((lambda v: v[0],), "needs the inputs to call it with"),
        ((lambda v: v[0], 3.0), r"inputs of check_gradients are a list, got 3.0: write \[3.0\]"),
        (("x",), "checks a Value, a function .*, a node or a program, got 'x'"),
        ((None, [1.0]), "checks a Value, a function .*, a node or a program, got None"),
        ((Value(1.0) * 2, [3.0]), "moves leaves of the graph, got 3.0"),
    ],
)
def test_check_of_wrong_arguments_is_an_error(arguments, message):
    with pytest.raises(OperandError, match=message):
        check_gradients(*arguments)


# ── operations of one's own that break the chain rule ───────────────────────────────────────────


def own(name, value, backward):
    """Return a function that makes an operation of one's own."""

    def make(*nodes):
        out = Value(value(*[x.data for x in nodes]), nodes, name)
        out._backward = lambda: backward(out, *nodes)
        return out

    return make


def sets(out, x):
    x.grad = 2 * x.data * out.grad


def forgets(_out, x):
    x.grad += 2 * x.data


def scales(out, x):
    x.grad = (x.grad + 2 * x.data * out.grad) * 1.5


def adds(out, x):
    x.grad += 2 * x.data * out.grad


@pytest.mark.parametrize(
    "use",
    [
        lambda op, x: op(x),
        lambda op, x: op(x) + op(x),
        lambda op, x: op(x) * x + 3,
        lambda op, x: op(op(x) + 1).tanh(),
    ],
)
@pytest.mark.parametrize(
    ("backward", "what"),
    [
        (sets, r"sets .*grad instead of adding to it \(write \+= in its _backward\)"),
        (forgets, "does not pass its gradient on in proportion: it adds 6 to "),
        (scales, "does not add to .*grad: it makes 22.5 of 9, though its part is 9"),
    ],
)
def test_own_backward_that_breaks_the_chain_rule_is_named(use, backward, what):
    def function(inputs):
        (x,) = inputs
        return use(own("square", lambda x: x * x, backward), x * 1.0)

    with pytest.raises(GradientError, match=f"^square {what}"):
        check_gradients(function, [3.0])
    right = own("square", lambda x: x * x, adds)
    assert check_gradients(lambda inputs: use(right, inputs[0]), [3.0]) < 1e-8


@pytest.mark.parametrize(
    "x", [0.0, -0.0, 1e-300, 1e-12, 1.0, -3.0, 1e12, 1e300, math.inf, math.nan]
)
@pytest.mark.parametrize("slope", [0.0, 1e-30, 0.3, -2.0, 1e30, math.inf, math.nan])
def test_backward_faults_does_not_depend_on_the_size_of_numbers(x, slope):
    node = Value(x)
    node.grad = 7.0
    for backward, found in [
        (lambda out: setattr(node, "grad", node.grad + slope * out.grad), []),
        (lambda out: setattr(node, "grad", slope * out.grad), [node]),
    ]:
        out = own("own", lambda x: x, lambda out, _, backward=backward: backward(out))(node)
        out.grad = 5.0
        assert list(backward_faults(out)) == (found if math.isfinite(slope) else [])
        assert (node.grad, out.grad) == (7.0, 5.0)


def test_backward_faults_names_the_operand_that_is_overwritten():
    def backward(out, x, y):
        x.grad += y.data * out.grad
        y.grad = x.data * out.grad

    nodes = [Value(2.0), Value(3.0)]
    assert list(backward_faults(own("times", lambda x, y: x * y, backward)(*nodes))) == nodes[1:]
    with pytest.raises(GradientError, match=r"^times sets rate\.grad instead"):
        check_gradients(
            lambda v: own("times", lambda x, y: x * y, backward)(*v),
            [Value(2.0, label="x"), Value(3.0, label="rate")],
        )


def test_primitives_and_leaves_have_no_backward_faults():
    assert backward_faults(Value(2.0) * 3) == backward_faults(Value(2.0)) == {}


# ── what is no wrong derivative ─────────────────────────────────────────────────────────────────


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
