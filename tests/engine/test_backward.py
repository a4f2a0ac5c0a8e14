"""Gradients of whole graphs: accumulation, steps by hand, the same bits in every process."""

import math

import pytest
from graphs import README_ANSWERS, lecture_nodes, readme_of_micrograd
from hypothesis import given
from oracles import SMOOTH, Program, programs, python, recursive_topological_sort, repeatable

from scalargrad import Value
from scalargrad.engine import constant, operands, parameter
from scalargrad.graph import topological_sort

LECTURE_GRADIENTS = {"o": 1.0, "n": 0.5, "b": 0.5, "x1*w1 + x2*w2": 0.5, "x1*w1": 0.5, "x2*w2": 0.5}
LECTURE_GRADIENTS |= {"x1": -1.5, "w1": 1.0, "x2": 0.5, "w2": 0.0}

# ── gradients of whole expressions ──────────────────────────────────────────────────────────────


def test_lecture_neuron_has_the_gradients_of_the_lecture():
    nodes = lecture_nodes()
    nodes["o"].backward()
    assert nodes["o"].data == pytest.approx(0.7071067811865476, rel=1e-15)
    gradients = {label: node.grad for label, node in nodes.items()}
    assert gradients == pytest.approx(LECTURE_GRADIENTS, rel=1e-14)


def test_readme_expression_of_micrograd_has_its_published_numbers():
    g, (a, b) = readme_of_micrograd(Value)
    g.backward()
    assert tuple(f"{x:.4f}" for x in (g.data, a.grad, b.grad)) == README_ANSWERS


used = set()


@given(programs())
@repeatable
def test_random_graph_agrees_with_limits_in_50_digits_at_every_node(program):
    nodes = program.values([Value(x) for x in program.inputs])
    nodes[-1].backward()
    want = program.exact_gradients()
    assert nodes[-1].data == pytest.approx(float(program.exact()[-1]), rel=1e-12, abs=1e-12)
    largest = max(1.0, *map(abs, want))
    for node, exact in zip(nodes, want, strict=True):
        assert abs(node.grad - exact) <= 1e-12 * largest
    used.update(name for name, _ in program.steps)


def test_random_graphs_used_every_smooth_primitive():
    if not used:
        test_random_graph_agrees_with_limits_in_50_digits_at_every_node()
    assert used == set(SMOOTH)


@given(programs(size=30))
@repeatable
def test_random_graph_twice_gives_the_same_bits(program):
    def run():
        nodes = program.values([Value(x) for x in program.inputs])
        nodes[-1].backward()
        return [(node.data.hex(), node.grad.hex()) for node in nodes]

    assert run() == run()


def test_oracle_of_graphs_finds_a_known_gradient():
    program = Program([2.0, 3.0], [("mul", (0, 1)), ("sin", (2,)), ("mul", (0, 3))])
    x, y = program.inputs
    want = [math.sin(x * y) + x * y * math.cos(x * y), x * x * math.cos(x * y)]
    want += [x * math.cos(x * y), x, 1.0]
    assert [float(exact) for exact in program.exact_gradients()] == pytest.approx(want, rel=1e-14)


# ── accumulation ────────────────────────────────────────────────────────────────────────────────


def test_operand_used_twice_by_one_operation_gets_both_gradients():
    a = Value(3.0)
    b = a + a
    b.backward()
    assert b._prev == (a, a)
    assert a.grad == 2.0


@pytest.mark.parametrize(
    ("expression", "gradient"),
    [
        (lambda a: a * a, 6.0),
        (lambda a: a - a, 0.0),
        (lambda a: a / a, 0.0),
        (lambda a: a.max(a), 1.0),
        (lambda a: a.min(a), 1.0),
        (lambda a: a**a, 27 * (math.log(3) + 1)),
        (lambda a: a.logaddexp(a), 1.0),
        (lambda a: a.leaky_relu(a), 1.0),
    ],
)
def test_operation_of_a_number_with_itself_has_the_whole_gradient(expression, gradient):
    a = Value(3.0)
    expression(a).backward()
    assert a.grad == pytest.approx(gradient, rel=1e-15)


def test_diamond_sums_the_gradients_of_its_paths():
    x = Value(2.0)
    left, right = x * 3, x**2
    (left * right).backward()
    assert x.grad == 3 * 3 * 2.0**2
    assert (left.grad, right.grad) == (4.0, 6.0)


def test_stacked_diamonds_cost_no_more_than_their_nodes():
    x = y = Value(1.0)
    for _ in range(1000):
        y = y + y
    y.backward()
    assert x.grad == y.data == 2.0**1000


def test_leaf_used_ten_thousand_times_gets_every_gradient():
    a, total = Value(0.5), Value(0.0)
    for k in range(10_000):
        total = total + a * k
    total.backward()
    assert a.grad == sum(range(10_000))


@pytest.mark.parametrize("make", [Value, constant, parameter])
def test_backward_twice_adds_to_leaves_and_renews_the_rest(make):
    a = make(3.0)
    b = a * 2
    c = b * b
    c.backward()
    first = a.grad, b.grad, c.grad
    c.backward()
    assert first == (24.0, 12.0, 1.0)
    assert (a.grad, b.grad, c.grad) == (48.0, 12.0, 1.0)


def test_backward_of_two_results_adds_to_leaves_and_keeps_the_last_for_the_rest():
    a = Value(3.0)
    shared = a * 2
    first, second = shared * 5, shared * 7
    first.backward()
    second.backward()
    assert a.grad == 10.0 + 14.0
    assert shared.grad == 7.0
    assert first.grad == second.grad == 1.0


def test_gradient_set_back_by_hand_starts_again():
    a = Value(3.0)
    b = a * a
    b.backward()
    a.grad = 0.0
    b.backward()
    assert a.grad == 6.0


def test_backward_on_a_leaf_counts_the_leaf_itself():
    a = Value(3.0)
    a.backward()
    a.backward()
    assert a.grad == 2.0


def test_backward_from_inside_a_graph_reaches_only_what_is_below():
    a = Value(3.0)
    b = a * a
    c = b * 10
    c.backward()
    b.backward()
    assert (a.grad, b.grad, c.grad) == (66.0, 1.0, 1.0)
    c.grad = -5.0
    b.backward()
    assert c.grad == -5.0


def test_backward_after_changing_a_result_by_hand_uses_the_numbers_of_the_nodes():
    a = Value(1.0)
    b = a.exp()
    b.data = 10.0
    b.backward()
    assert a.grad == 10.0


def test_constant_in_an_expression_has_a_gradient_like_any_leaf():
    x = Value(3.0)
    y = x * 5
    y.backward()
    assert [node.grad for node in y._prev] == [5.0, 3.0]


def test_infinite_slope_reaches_the_leaf():
    x = Value(0.0)
    (x.sqrt() * 2).backward()
    assert x.grad == math.inf


# ── stepping by hand ────────────────────────────────────────────────────────────────────────────


def test_hand_stepping_gives_what_backward_gives():
    nodes = lecture_nodes()
    nodes["o"].grad = 1.0
    for label in ["o", "n", "b", "x1*w1 + x2*w2", "x2*w2", "x1*w1", "x1", "x2", "w1", "w2"]:
        assert nodes[label]._backward() is None
    gradients = {label: node.grad for label, node in nodes.items()}
    assert gradients == pytest.approx(LECTURE_GRADIENTS, rel=1e-14)


def test_one_step_by_hand_reaches_the_operands_and_no_further():
    nodes = lecture_nodes()
    nodes["o"].grad = 1.0
    nodes["o"]._backward()
    touched = {label for label, node in nodes.items() if node.grad}
    assert touched == {"o", "n"}


def test_steps_by_hand_add_up():
    a = Value(3.0)
    b = a * 2
    b.grad = 1.0
    b._backward()
    b._backward()
    assert a.grad == 4.0


@pytest.mark.parametrize("make", [Value, constant, parameter])
def test_backward_step_of_a_leaf_does_nothing(make):
    leaf = make(3.0)
    leaf.grad = 7.0
    assert leaf._backward() is None
    assert (leaf.data, leaf.grad, leaf._prev) == (3.0, 7.0, ())


def test_step_can_be_taken_out_and_called_later():
    a = Value(3.0)
    b = a * a
    step = b._backward
    b.grad = 1.0
    step()
    assert a.grad == 6.0


# ── determinism ─────────────────────────────────────────────────────────────────────────────────


def test_order_of_backward_is_that_of_a_recursive_search():
    nodes = lecture_nodes()
    order = topological_sort([nodes["o"]], operands)
    assert order == recursive_topological_sort([nodes["o"]], operands)
    labels = ["x1", "w1", "x1*w1", "x2", "w2", "x2*w2", "x1*w1 + x2*w2", "b", "n", "o"]
    assert [node.label for node in order] == labels


def test_gradients_have_the_same_bits_in_every_process():
    code = """if True:
        import random
        from scalargrad import Value
        rng = random.Random(1)
        nodes = [Value(rng.uniform(-1, 1), label=f"x{k}") for k in range(20)]
        leaves = list(nodes)
        for _ in range(2000):
            a, b = rng.choice(nodes[-200:]), rng.choice(nodes)
            nodes.append(rng.choice([
                lambda: (a * b).tanh(), lambda: (a + b).sin(), lambda: a.max(b) - b.sigmoid(),
                lambda: a.gelu() / (b * b + 1), lambda: a.logaddexp(b).tanh(),
            ])())
        sum(nodes[-50:]).backward()
        print([leaf.grad.hex() for leaf in leaves], [node.grad.hex() for node in nodes[::50]])
    """
    answers = {python(code, PYTHONHASHSEED=seed) for seed in ("0", "1", "12345")}
    assert len(answers) == 1
    assert len(answers.pop()) > 1000
