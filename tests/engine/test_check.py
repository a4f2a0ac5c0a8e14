"""The gradient check against lies: every mistake is found, and the node that made it is named."""

import math

import pytest
from graphs import adds, own
from hypothesis import given
from hypothesis import strategies as st
from oracles import ORACLES

from scalargrad import MLP, Value, check_gradients
from scalargrad.errors import DomainError, GradientError, OperandError
from scalargrad.functional import cross_entropy
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


def sets(out, x):
    x.grad = 2 * x.data * out.grad


def forgets(_out, x):
    x.grad += 2 * x.data


def scales(out, x):
    x.grad = (x.grad + 2 * x.data * out.grad) * 1.5


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
