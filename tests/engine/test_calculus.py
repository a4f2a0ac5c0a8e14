"""Gradients as graphs against closed forms and numbers by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import MLP, Value, check_gradients, grad, hessian
from scalargrad.engine import operands
from scalargrad.errors import OperandError
from scalargrad.functional import mse
from scalargrad.graph import topological_sort
from scalargrad.ops import PRIMITIVES


def apply(row, nodes):
    """Apply a row of the table to nodes, through the methods of Value."""
    others = row.example[1:] if row.name == "pow_number" else nodes[1:]
    return getattr(nodes[0], row.method)(*others)


def size(*outputs):
    return len(topological_sort(outputs, operands))


@pytest.mark.parametrize("row", PRIMITIVES.values(), ids=PRIMITIVES)
def test_grad_equals_backward_for_every_primitive(row):
    nodes = [Value(x) for x in row.example]
    output = apply(row, nodes)
    symbolic = [g.data for g in grad(output, nodes)]
    assert [v.grad for v in nodes] == [0.0] * len(nodes)
    output.backward()
    assert symbolic == [v.grad for v in nodes]


@pytest.mark.parametrize("row", PRIMITIVES.values(), ids=PRIMITIVES)
def test_second_derivatives_of_every_primitive_pass_the_gradient_check(row):
    def slope(nodes):
        return grad(apply(row, nodes), nodes)[0]

    check_gradients(slope, row.example[:1] if row.name == "pow_number" else row.example)


@pytest.mark.parametrize(
    ("row", "at"), [("relu", 0.0), ("abs", 0.0), ("sqrt", 0.0), ("asin", 1.0), ("acos", -1.0)]
)
def test_grad_equals_backward_at_kinks_and_borders(row, at):
    x = Value(at)
    output = getattr(x, row)()
    output.backward()
    assert grad(output, x)[0].data == x.grad


KINKED = {
    "relu": lambda x, _: x.relu() * x,
    "abs": lambda x, y: abs(x - y) * x,
    "max": lambda x, y: x.max(y) * x.max(y),
    "min": lambda x, y: x.min(y) * x,
    "leaky_relu": lambda x, y: x.leaky_relu(0.1) * x + y,
    "leaky_relu of a Value": lambda x, y: x.leaky_relu(y) * x,
}


@pytest.mark.parametrize("function", KINKED.values(), ids=KINKED)
def test_the_graph_of_a_gradient_is_right_on_the_other_side_of_a_kink(function):
    """It is built at one point, and computed anew at others."""
    x, y = Value(2.0), Value(0.25)
    slopes = grad(function(x, y), [x, y])
    for a, b in [(2.0, 0.25), (-3.0, 0.25), (-3.0, -4.0), (0.5, 0.5), (0.0, 1.0)]:
        x.data, y.data = a, b
        for node in topological_sort(slopes, operands):
            if node.primitive is not None:
                node.data = node.primitive.evaluate(*(operand.data for operand in operands(node)))
        here = [Value(a), Value(b)]
        function(*here).backward()
        assert [slope.data for slope in slopes] == pytest.approx([v.grad for v in here], abs=1e-14)


@pytest.mark.parametrize("exponent", [0, 0.5, 1, 2])
def test_grad_equals_backward_for_powers_of_zero(exponent):
    x = Value(0.0)
    output = x**exponent
    output.backward()
    assert grad(output, x)[0].data == x.grad


def test_grad_four_times_of_a_cube_gives_3x2_6x_6_0():
    x, orders = Value(-2.0), []
    y = x**3
    for _ in range(4):
        (y,) = grad(y, [x])
        orders.append(y.data)
    assert orders == [12.0, -12.0, 6.0, 0.0]


def test_derivatives_of_sine_go_round_in_a_circle():
    x = Value(0.7)
    y = x.sin()
    for expected in [math.cos(0.7), -math.sin(0.7), -math.cos(0.7), math.sin(0.7)] * 2:
        (y,) = grad(y, [x])
        assert y.data == pytest.approx(expected, rel=1e-15)


@given(st.floats(-3, 3), st.floats(0.1, 3))
def test_hessian_of_a_mixed_function_equals_its_closed_form(a, b):
    x, y = Value(a), Value(b)
    found = [[h.data for h in row] for row in hessian(x**2 * y.log() + (x * y).exp(), [x, y])]
    e = math.exp(a * b)
    mixed = 2 * a / b + (1 + a * b) * e
    expected = [[2 * math.log(b) + b * b * e, mixed], [mixed, -a * a / b**2 + a * a * e]]
    for row, wanted in zip(found, expected, strict=True):
        assert row == pytest.approx(wanted, rel=1e-11, abs=1e-11)


def test_hessian_of_a_linear_function_is_zero():
    x, y = Value(1.0), Value(2.0)
    assert [[h.data for h in row] for row in hessian(2 * x - y, [x, y])] == [[0, 0], [0, 0]]


def test_grad_of_an_unrelated_input_is_zero():
    x, y = Value(1.0), Value(2.0)
    assert [g.data for g in grad(x * 2, [x, y])] == [2.0, 0.0]


def test_grad_with_respect_to_the_output_itself_is_one():
    y = Value(1.0) * 2
    assert grad(y, y)[0].data == 1.0


def test_grad_with_respect_to_a_node_on_the_way_and_to_what_is_below_it():
    x = Value(3.0)
    middle = x * x
    output = middle.sin()
    by_middle, by_x = grad(output, [middle, x])
    assert by_middle.data == math.cos(9.0)
    assert by_x.data == pytest.approx(6.0 * math.cos(9.0), rel=1e-15)


def test_grad_of_a_sum_with_itself_counts_both_uses():
    x = Value(3.0)
    assert grad(x + x, x)[0].data == 2.0


def test_repeated_grad_of_a_deep_graph_grows_with_the_graph_and_not_exponentially():
    x = Value(0.5)
    y = x
    for _ in range(300):
        y = (y * 1.01).sin()
    first = grad(y, [x])
    second = grad(first[0], [x])
    assert size(*first) < 4 * size(y)
    assert size(*second) < 4 * size(*first)


def test_grad_of_a_chain_of_shared_nodes_is_linear():
    x = Value(1.0)
    y = x
    for _ in range(60):
        y = y + y  # 2**60 paths
    (slope,) = grad(y, [x])
    assert slope.data == 2.0**60
    assert size(slope) < 200


def test_grad_through_a_chain_of_100000_does_not_recurse():
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.00001
    assert grad(y, [x])[0].data == pytest.approx(1.00001**100_000, rel=1e-9)


def test_gradient_penalty_trains_through_the_gradient():
    """The gradient of a gradient's size, as in physics-informed losses, against differences."""
    model = MLP(2, [3, 1], seed=1)

    def penalty(weights):
        for p, w in zip(model.parameters(), weights, strict=True):
            p.data = w.data
        x = [Value(0.3), Value(-0.4)]
        return mse(grad(model(x), x), [0.0, 0.0])

    parameters = model.parameters()
    analytic = [g.data for g in grad(penalty(parameters), parameters)]
    start = [p.data for p in parameters]
    for i, slope in enumerate(analytic):
        ends = []
        for step in (1e-6, -1e-6):
            moved = [Value(x) for x in start]
            moved[i].data += step
            ends.append(penalty(moved).data)
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6, abs=1e-8)


def test_grad_through_an_op_of_ones_own_is_an_error_that_names_it():
    x = Value(0.3, label="x")
    out = Value(math.tanh(x.data), (x,), "own tanh", label="h")
    with pytest.raises(OperandError, match=r"own tanh \(node 'h'\) is an operation of your own"):
        grad(out * 2, [x])
