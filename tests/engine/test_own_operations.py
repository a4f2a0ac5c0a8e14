"""Operations of one's own, steps that are replaced, subclasses."""

import math

import pytest
from oracles import python

from scalargrad import Value
from scalargrad.ops import PRIMITIVES

# ── operations of one's own ─────────────────────────────────────────────────────────────────────


def own_operation(function, slopes, *nodes, symbol="mine"):
    """Make a result by hand, as a reader of the lecture would."""
    out = Value(function(*[node.data for node in nodes]), nodes, symbol)

    def _backward():
        for node, slope in zip(nodes, slopes(*[node.data for node in nodes]), strict=True):
            node.grad += slope * out.grad

    out._backward = _backward
    return out


def test_own_operation_of_one_operand_takes_part_in_backward():
    x = Value(0.5)
    y = own_operation(math.tanh, lambda x: (1 - math.tanh(x) ** 2,), x, symbol="tanh")
    y.backward()
    assert x.grad == pytest.approx(1 - math.tanh(0.5) ** 2, rel=1e-15)
    assert (y._prev, y._op, y.kind, y.primitive) == ((x,), "tanh", "op", None)


def test_own_operation_of_two_operands_in_the_middle_of_a_graph():
    x, y = Value(3.0), Value(4.0)
    u, v = x * 2, y + x
    r = own_operation(
        math.hypot, lambda x, y: (x / math.hypot(x, y), y / math.hypot(x, y)), u, v, symbol="hypot"
    )
    (r * x).backward()
    hypot = math.hypot(6.0, 7.0)
    assert x.grad == pytest.approx(hypot + 3 * (6 * 2 + 7) / hypot, rel=1e-15)
    assert y.grad == pytest.approx(3 * 7 / hypot, rel=1e-15)


def test_own_operation_of_three_operands():
    a, b, c = Value(2.0), Value(3.0), Value(4.0)
    y = own_operation(lambda a, b, c: a * b + c, lambda a, b, _c: (b, a, 1.0), a, b, c)
    (y * y).backward()
    assert y._prev == (a, b, c)
    assert [node.grad for node in (a, b, c)] == [60.0, 40.0, 20.0]
    assert y.partials() == (3.0, 2.0, 1.0)


def test_own_operation_of_the_same_operand_twice():
    a = Value(3.0)
    y = own_operation(lambda x, y: x * y, lambda x, y: (y, x), a, a)
    y.backward()
    assert y._prev == (a, a)
    assert a.grad == 6.0
    assert sum(y.partials()) == 6.0


def test_own_operation_of_many_operands():
    nodes = [Value(k) for k in range(10_000)]
    total = own_operation(lambda *xs: sum(xs), lambda *xs: (1.0,) * len(xs), *nodes)
    (total * 2).backward()
    assert {node.grad for node in nodes} == {2.0}


def test_own_operation_runs_once_for_each_backward_after_all_its_uses():
    x, seen = Value(1.0), []
    y = Value(x.data, (x,), "watch")
    y._backward = lambda: seen.append(y.grad)
    z = y * 2 + y * y
    z.backward()
    z.backward()
    assert seen == [4.0, 4.0]


def test_own_operation_may_step_others_inside_backward():
    x = Value(3.0)
    inner = x * x
    out = Value(inner.data, (x,), "wrapped")

    def _backward():
        inner.grad = out.grad
        inner._backward()

    out._backward = _backward
    (out * 5).backward()
    assert x.grad == 30.0


def test_own_operation_may_run_another_backward_inside_backward():
    x = Value(3.0)
    out = Value(x.data**3, (x,), "cube")

    def _backward():
        t = Value(x.data)
        (t * t * t).backward()
        x.grad += t.grad * out.grad

    out._backward = _backward
    (out * 2 + x).backward()
    assert x.grad == 55.0


def test_own_operation_may_be_chained_deeply():
    x = y = Value(0.0)
    for _ in range(5000):
        y = own_operation(lambda x: x + 1, lambda _x: (1.0,), y)
    y.backward()
    assert (y.data, x.grad) == (5000.0, 1.0)


def test_own_operation_without_a_step_stops_the_gradient():
    x = Value(3.0)
    detached = Value(x.data, (x,), "detach")
    (detached * x).backward()
    assert x.grad == 3.0
    assert detached.partials() == (0.0,)


def test_own_step_on_a_primitive_replaces_its_rule_alone():
    x = Value(3.0)
    y, other = x * 2, x * 2
    y._backward = lambda: setattr(x, "grad", x.grad + 100.0)
    assert (y._op, y._prev[0], y._prev[1].data) == ("*", x, 2.0)
    assert y.primitive is None
    assert other.primitive is PRIMITIVES["mul"]
    (y + other).backward()
    assert x.grad == 102.0


def test_own_step_may_wrap_the_one_that_was_there():
    x = Value(3.0)
    y = x * 2
    seen, step = [], y._backward

    def _backward():
        seen.append(y.grad)
        step()

    y._backward = _backward
    (y * 5).backward()
    assert seen == [5.0]
    assert x.grad == 10.0


def test_own_step_replaced_again_keeps_the_operands():
    x = Value(3.0)
    y = Value(9.0, (x,), "square")
    y._backward = lambda: None
    y._backward = lambda: setattr(x, "grad", x.grad + 6.0 * y.grad)
    y.backward()
    assert (x.grad, y._prev, y._op) == (6.0, (x,), "square")


def test_partials_leave_gradients_as_they_were():
    x, y = Value(3.0), Value(4.0)
    z = own_operation(lambda x, y: x * y, lambda x, y: (y, x), x, y)
    x.grad, y.grad, z.grad = 1.0, 2.0, 3.0
    assert z.partials() == (4.0, 3.0)
    assert (x.grad, y.grad, z.grad) == (1.0, 2.0, 3.0)


def test_partials_leave_gradients_as_they_were_when_the_step_fails():
    x = Value(3.0)
    y = Value(9.0, (x,), "broken")
    y._backward = lambda: 1 / 0
    x.grad, y.grad = 1.0, 2.0
    with pytest.raises(ZeroDivisionError):
        y.partials()
    assert (x.grad, y.grad) == (1.0, 2.0)


def test_partials_of_primitives_and_leaves():
    x, y = Value(2.0), Value(4.0)
    assert (x / y).partials() == (0.25, -0.125)
    assert (x**3).partials() == (12.0, 0.0)
    assert (x + x).partials() == (1.0, 1.0)
    assert x.partials() == ()


# ── subclasses ──────────────────────────────────────────────────────────────────────────────────


def test_subclass_that_extends_an_operation_keeps_its_own():
    code = """if True:  # in a process where nothing has called exp before
        from scalargrad import Value

        class Loud(Value):
            def exp(self):
                print("exp")
                return super().exp()

        Loud(1.0).exp()
        Loud(1.0).exp()
        Value(1.0).exp()
    """
    assert python(code).split() == ["exp", "exp"]


def test_subclass_computes_and_differentiates_like_its_base():
    class Named(Value):
        __slots__ = ()

    x = Named(0.5, label="x")
    (x.tanh() * 2 - x).backward()
    assert x.grad == pytest.approx(2 * (1 - math.tanh(0.5) ** 2) - 1, rel=1e-15)
