"""The steps are those of the engine: in its order, with its numbers, to the last bit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from oracles import programs, repeatable

from scalargrad import Value
from scalargrad.engine import operands
from viz.words.steps import edges, steps


def final_gradients(root: Value) -> dict[Value, float]:
    return {step.parent: step.after for step in steps(root)}


@repeatable
@given(programs())
def test_steps_end_with_the_gradients_of_backward(program) -> None:
    nodes = program.values([Value(x) for x in program.inputs])
    found = final_gradients(nodes[-1])
    nodes[-1].backward()
    assert {node: node.grad for node in found} == found
    assert found.keys() >= set(nodes)


@repeatable
@given(programs())
def test_steps_add_up_one_edge_at_a_time(program) -> None:
    nodes = program.values([Value(x) for x in program.inputs])
    gradients = dict.fromkeys(nodes, 0.0)
    seen: dict[Value, int] = {}
    for step in steps(nodes[-1]):
        assert step.before == gradients.get(step.parent, 0.0)
        assert step.after == step.before + step.contribution
        gradients[step.parent] = step.after
        if step.node is not step.parent:
            seen[step.parent] = seen.get(step.parent, 0) + 1
            assert (step.use, step.gradient) == (seen[step.parent], gradients[step.node])
            assert step.parent in operands(step.node)
            assert step.contribution == step.gradient * step.derivative
    assert sum(seen.values()) == sum(len(operands(node)) for node in gradients)


def test_steps_come_in_the_order_of_the_engine() -> None:
    log: list[Value] = []

    def own(*children: Value) -> Value:
        out = Value(1.0, children, "own")
        out._backward = lambda: log.append(out)
        return out

    x = Value(1.0)
    a = own(x)
    b, c = own(a, x), own(x, a)
    root = own(c, b, own(b))
    taken = [step.node for step in steps(root) if step.node is not step.parent]
    log.clear()  # finding the derivatives of one's own operation calls it, too
    root.backward()
    assert list(dict.fromkeys(taken)) == log


def test_seed_is_the_first_step() -> None:
    x = Value(3.0, label="x")
    (seed,) = steps(x)
    assert seed.node is seed.parent is seed.root is x
    assert (seed.before, seed.after, seed.uses) == (0.0, 1.0, 0)
    assert str(seed).split() == ["1.0000", "∂x/∂x", "=", "1"]


def test_loop_left_early_changes_nothing() -> None:
    a = Value(2.0)
    root = (a * a).exp()
    a.grad, root.grad = 5.0, 7.0
    walk = steps(root)
    next(walk), next(walk)
    assert (a.grad, root._prev[0].grad, root.grad) == (5.0, 0.0, 7.0)


def test_steps_explain_the_pass_again_after_backward() -> None:
    a = Value(2.0)
    root = a * a
    root.backward()
    assert final_gradients(root)[a] == a.grad == 4.0


def test_own_operation_takes_part() -> None:
    x = Value(3.0)
    out = Value(9.0, (x,), "square")

    def backward() -> None:
        x.grad += 2 * x.data * out.grad

    out._backward = backward
    root = out * 5
    assert final_gradients(root)[x] == 30.0
    assert [edge.derivative for edge in edges(out)] == [6.0]


OWN = {
    "adds": lambda x, y, out: (add(x, y.data * out.grad), add(y, x.data * out.grad)),
    "sets": lambda x, y, out: (put(x, y.data * out.grad), put(y, x.data * out.grad)),
    "sets one": lambda x, y, out: (add(x, y.data * out.grad), put(y, x.data * out.grad)),
    "forgets its gradient": lambda x, y, _: (add(x, y.data), add(y, x.data)),
    "scales": lambda x, y, out: (put(x, 2 * x.grad + y.data * out.grad), add(y, out.grad)),
    "sends nothing": lambda _x, _y, _out: (),
}


def add(x: Value, gradient: float) -> None:
    x.grad += gradient


def put(x: Value, gradient: float) -> None:
    x.grad = gradient


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("same", [False, True])
def test_steps_are_those_of_an_own_operation_right_or_wrong(name, same) -> None:
    def product(x: Value, y: Value) -> Value:
        out = Value(x.data * y.data, (x, y), "product")
        out._backward = lambda: OWN[name](x, y, out)
        return out

    a, b = Value(3.0, label="a"), Value(-2.0, label="b")
    c = a.tanh()
    root = product(c, c if same else b) * 3 + product(c, a) + a * b
    found = final_gradients(root)
    faults = [step for step in steps(root) if step.fault]
    root.backward()
    assert {node: node.grad for node in found} == found
    assert bool(faults) == (name not in {"adds", "sends nothing"})
    assert all(step.node._op == "product" for step in faults)


def test_step_that_overwrites_is_named() -> None:
    x = Value(3.0, label="x")
    out = Value(9.0, (x,), "square", label="s")
    out._backward = lambda: put(x, 2 * x.data * out.grad)
    root = out + x
    last = next(step for step in steps(root) if step.node is out)
    assert (last.before, last.after) == (1.0, 6.0)
    assert str(last).endswith(
        "(square, use 2 of 2)   s sets x.grad instead of adding to it (write += in its _backward)"
    )


def test_number_as_exponent_gets_nothing_even_from_an_infinite_gradient() -> None:
    x = Value(0.0)
    root = (x**2).sqrt()
    power = root._prev[0]
    found = final_gradients(root)
    root.backward()
    assert found[power] == power.grad == math.inf
    assert found[power._prev[1]] == power._prev[1].grad == 0.0
    assert math.isnan(found[x])
    assert math.isnan(x.grad)


def test_step_is_written_in_symbols_and_numbers() -> None:
    a = Value(3.0, label="a")
    b = a * a
    b.label = "b"
    assert [str(step) for step in steps(b)][1:] == [
        "  0.0000 +   1.0000 ·   3.0000 =   3.0000   ∂b/∂a += ∂b/∂b · ∂b/∂a   (*, use 1 of 2)",
        "  3.0000 +   1.0000 ·   3.0000 =   6.0000   ∂b/∂a += ∂b/∂b · ∂b/∂a   (*, use 2 of 2)",
    ]


def test_prompt_shows_the_steps_as_lines_also_those_that_a_loop_has_taken() -> None:
    a = Value(3.0, label="a")
    every = [str(step) for step in steps(a * a)]
    shown = steps(a * a)
    assert repr(shown).splitlines() == every
    assert str(next(shown)) == every[0]
    assert repr(shown).splitlines() == every
    assert [str(step) for step in shown] == every[1:]
    assert list(shown) == []


def test_prompt_shows_the_first_steps_of_many() -> None:
    a = Value(1.0, label="a")
    root = sum([a] * 300, Value(0.0))
    *lines, last = repr(steps(root)).splitlines()
    assert lines == [str(step) for step in steps(root)][:200]
    assert last == "… 401 more steps: a loop takes them all"
