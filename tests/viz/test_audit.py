"""Every finding has a graph that shows it, and a graph beside it that does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from oracles import programs, repeatable

from scalargrad import Value
from scalargrad.debugging import debug
from scalargrad.errors import OperandError
from scalargrad.functional import mean
from scalargrad.nn import MLP
from scalargrad.optim import SGD
from viz.words.audit import audit


def kinds(root: Value, parameters=()) -> list[str]:
    return [finding.kind for finding in audit(root, parameters)]


@repeatable
@given(programs())
def test_clean_graph_has_no_findings(program) -> None:
    leaves = [Value(x) for x in program.inputs]
    root = program.values(leaves)[-1]
    root.backward()
    report = audit(root, leaves)
    assert [x for x in report if x.kind not in {"dead ReLU", "saturated", "no effect"}] == []


def test_report_of_clean_graph_says_so() -> None:
    a = Value(3.0, label="a")
    c = a * a
    c.label = "c"
    c.backward()
    report = audit(c)
    assert not report
    assert str(report) == repr(report) == "audit of c, 2 nodes: nothing suspicious"


def test_report_lists_its_findings() -> None:
    x, w = Value(0.0, label="x"), Value(2.0, label="w")
    y = x * w
    y.label = "y"
    assert str(audit(y)).splitlines() == [
        "audit of y, 3 nodes: 2 findings",
        "  no effect     y does not depend on w here: ∂y/∂w = 0",
        "  no gradients  all gradients are 0: use y.backward()",
    ]


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────


def test_first_number_that_is_not_finite_is_blamed() -> None:
    x = Value(1e200, label="x")
    y = x * x
    y.label = "y"
    z = y - y
    finding = audit(z).findings[0]
    assert (finding.kind, finding.nodes) == ("not finite", (y, z))
    assert finding.text == "y = x * x is inf, with x = 1e+200\nand 1 more after it"


def test_leaf_that_is_not_finite_is_blamed_itself() -> None:
    x = Value(math.nan, label="x")
    assert audit(x + 1).findings[0].text.startswith("x is nan")


def test_first_gradient_that_is_not_finite_is_blamed() -> None:
    x = Value(0.0, label="x")
    y = x.sqrt() + 1
    y.backward()
    (finding,) = audit(y)
    assert finding.nodes == (y._prev[0],)
    assert finding.text == ("the gradient becomes inf by ∂v1/∂x = inf in v1 = sqrt(x), with x = 0")


def test_edited_data_is_found() -> None:
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    c = a * b
    c.label = "c"
    d = c + 1
    d.label = "d"
    d.backward()
    assert not audit(d)
    a.data = 4.0
    (finding,) = audit(d)
    assert (finding.kind, finding.nodes) == ("edited", (c,))
    assert finding.text.splitlines()[0] == "c = a * b is 6, but 12 by now"
    a.data, c.data = 2.0, 7.0
    assert audit(d).findings[0].nodes == (c, d)
    c.data = 6.0
    assert not audit(d)


def test_edit_out_of_the_domain_is_found_and_stops_the_rest() -> None:
    x = Value(2.0, label="x")
    y = x.log() + 1 / x
    x.data = 0.0
    (finding,) = audit(y)
    assert finding.kind == "edited"
    assert "is 0.6931, but nan by now" in finding.text


# ── units ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("unit", "x", "kind"),
    [
        ("relu", -1.0, ["dead ReLU"]),
        ("relu", 0.0, ["dead ReLU"]),
        ("relu", 1e-9, []),
        ("tanh", 3.5, ["saturated"]),
        ("tanh", -3.5, ["saturated"]),
        ("tanh", 2.5, []),
        ("sigmoid", 6.5, ["saturated"]),
        ("sigmoid", -6.5, ["saturated"]),
        ("sigmoid", 5.5, []),
        ("relu", math.nan, []),
    ],
)
def test_unit_without_gradient_is_found(unit, x, kind) -> None:
    out = getattr(Value(x), unit)()
    assert [k for k in kinds(out) if k in {"dead ReLU", "saturated"}] == kind


def test_neuron_is_dead_only_if_it_is_so_for_every_sample() -> None:
    model = MLP(2, [2, 1], activation="relu", seed=0)
    first, second = model.layers[0].neurons
    for neuron, bias in [(first, -10.0), (second, 0.0)]:
        neuron.w[0].data, neuron.w[1].data, neuron.b.data = 1.0, 1.0, bias
    samples = [(1, 1), (1, -2), (2, 2)]  # the second neuron is off for one of them
    loss = mean(model(sample) ** 2 for sample in samples)
    loss.label = "loss"
    loss.backward()
    report = audit(loss, model.parameters())
    (dead,) = [finding for finding in report if finding.kind == "dead ReLU"]
    assert [unit.label for unit in dead.nodes] == ["l0.n0"] * 3
    assert dead.text.endswith("; 2 more of the same neuron are like it")
    (lost,) = [finding for finding in report if finding.kind == "no effect"]
    assert {*first.w, first.b} <= {*lost.nodes}
    assert second.b not in lost.nodes


def test_penalty_on_all_weights_does_not_make_one_neuron_of_all() -> None:
    model = MLP(1, [2], output="relu", seed=0)
    for neuron, bias in zip(model.layers[0].neurons, [-10.0, 10.0], strict=True):
        neuron.b.data = bias
    outs = model([0.5])
    loss = outs[0] + outs[1] + mean(p * p for p in model.parameters())
    assert [f.nodes for f in audit(loss) if f.kind == "dead ReLU"] == [(outs[0],)]


def test_inputs_in_common_do_not_make_one_neuron() -> None:
    x = Value(1.0) * 2 - 1
    w = [Value(2.0), Value(-2.0)]
    off, on = (w[1] * x).relu(), (w[0] * x).relu()
    (finding,) = [f for f in audit(off + on, w) if f.kind == "dead ReLU"]
    assert finding.nodes == (off,)


# ── gradients ───────────────────────────────────────────────────────────────────────────────────


def test_leaf_without_effect_is_found_with_the_edge_that_stops() -> None:
    w = Value(2.0, label="w")
    off = (w * -1).relu()
    off.label = "off"
    y = off + w * 0
    y.label = "y"
    y.backward()
    (finding,) = [f for f in audit(y) if f.kind == "no effect"]
    assert finding.nodes == (w,)
    assert finding.text == "y does not depend on w here: ∂v2/∂w = 0"
    assert "no effect" not in kinds(off + w)


def test_edge_that_stops_is_the_first_from_the_result() -> None:
    w = Value(2.0, label="w")
    middle = w * 0
    middle.label = "middle"
    y = middle + middle * 0
    y.label = "y"
    y.backward()
    (finding,) = audit(y)
    assert finding.text == "y does not depend on w here: ∂middle/∂w = 0"


def test_gradients_that_cancel_are_an_effect() -> None:
    x = Value(2.0)
    y = x - x
    y.backward()
    assert x.grad == 0.0
    assert not audit(y)


def test_parameters_that_are_not_in_the_graph_are_named() -> None:
    x, lost = Value(2.0, label="x"), Value(2.0, label="lost")
    y = x * 3
    y.label = "y"
    y.backward()
    (finding,) = audit(y, [x, lost, lost])
    assert (finding.kind, finding.nodes) == ("not in graph", (lost,))
    assert finding.text == "y is computed without lost"


def test_gradients_are_compared_with_those_of_backward() -> None:
    x = Value(2.0, label="x")
    y = x * x
    y.label = "y"
    z = y * 3
    assert kinds(y) == ["no gradients"]
    z.backward()
    (finding,) = audit(y)
    assert (finding.kind, finding.nodes) == ("other gradients", (y,))
    assert finding.text.splitlines()[0] == "y.grad is 3, but y.backward() gives 1"
    x.grad = 0.0
    y.backward()
    assert kinds(y) == []
    y.backward()
    (finding,) = audit(y)
    assert (finding.kind, finding.nodes) == ("leaf gradients", (x,))
    assert finding.text.splitlines()[0] == "x.grad is 8, but y.backward() gives 4"


def train(model, passes: int, *, zero: bool, step: bool) -> Value:
    """Return the loss of the last of some passes, as a loop that learns would leave it."""
    optimizer = SGD(model.parameters(), 0.01)
    for _ in range(passes):
        loss = mean((model(x) - y) ** 2 for x, y in [((2.0, 3.0), 1.0), ((3.0, -1.0), -1.0)])
        if zero:
            optimizer.zero_grad()
        loss.backward()
        if step:
            optimizer.step()
    return loss


@pytest.mark.parametrize("step", [False, True])
def test_forgotten_zero_grad_is_found_before_and_after_the_step(step) -> None:
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    loss = train(model, 5, zero=False, step=step)
    found = [f for f in audit(loss, model) if f.kind == "leaf gradients"]
    assert len(found) == 1
    assert {*found[0].nodes} == {*model.parameters()}
    assert found[0].text.endswith(
        "those of leaves add up over several backward() until set to 0.0: use zero_grad()"
    )


@pytest.mark.parametrize("step", [False, True])
@pytest.mark.parametrize(("passes", "zero"), [(1, False), (5, True)])
def test_gradients_of_one_pass_are_not_said_to_add_up(passes, zero, step) -> None:
    model = MLP(2, [3, 1], activation="relu", seed=0)
    loss = train(model, passes, zero=zero, step=step)
    assert kinds(loss, model) == ["edited"] * step
    model.zero_grad()  # as in loops that end with it
    assert not step or kinds(loss, model) == ["edited"]


def test_sums_of_gradients_are_not_guessed_where_an_edit_hides_them() -> None:
    w = Value(2.0, label="w")
    for _ in range(3):
        loss = w * w  # its slope was 2 w, with a w that is gone
        loss.backward()
        w.data -= 0.1
    assert kinds(loss) == ["edited"]


def test_numbers_by_hand_that_add_up_are_found_after_an_edit() -> None:
    w, b = Value(1.0, label="w"), Value(0.0, label="b")
    for _ in range(3):
        loss = ((w * 2 + b) - 5) ** 2
        loss.label = "loss"
        loss.backward()
        w.data -= 0.01 * w.grad
        b.data -= 0.01 * b.grad
    edited, summed = audit(loss)
    assert (edited.kind, summed.kind, {*summed.nodes}) == ("edited", "leaf gradients", {w, b})
    assert "but the last backward() gave" in summed.text


def own_square(x: Value, backward) -> Value:
    out = Value(x.data**2, (x,), "square")
    out._backward = lambda: backward(x, out)
    return out


def sets(x: Value, out: Value) -> None:
    x.grad = 2 * x.data * out.grad


def adds(x: Value, out: Value) -> None:
    x.grad += 2 * x.data * out.grad


def test_own_backward_that_overwrites_is_found_and_named() -> None:
    x = Value(3.0, label="x")
    with debug():
        root = own_square(x, sets) + own_square(x, sets) * 2
    root.backward()
    (finding,) = audit(root)
    assert finding.kind == "wrong backward"
    assert [node._op for node in finding.nodes] == ["square", "square"]
    first = finding.text.splitlines()[0]
    assert first == "v1 = square(x) sets x.grad instead of adding to it (write += in its _backward)"
    assert "test_audit.py" in finding.text.splitlines()[1]
    right = own_square(x, adds) + own_square(x, adds) * 2
    x.grad = 0.0
    right.backward()
    assert not audit(right)


def test_audit_changes_no_gradient() -> None:
    x = Value(3.0, label="x")
    root = own_square(x, sets) * 2
    x.grad, root.grad, root._prev[0].grad = 1.0, 2.0, 3.0
    audit(root)
    assert (x.grad, root.grad, root._prev[0].grad) == (1.0, 2.0, 3.0)


def test_model_stands_for_its_parameters() -> None:
    model, other = MLP(1, [2, 1], seed=0), MLP(1, [1], seed=1)
    loss = model([1.0]) ** 2
    loss.backward()
    assert (
        kinds(loss, model)
        == kinds(loss, model.parameters())
        == kinds(loss, iter(model.parameters()))
    )
    (absent,) = [f for f in audit(loss, other) if f.kind == "not in graph"]
    assert absent.nodes == tuple(other.parameters())


@pytest.mark.parametrize("parameters", [3, None, "w", [1.0], [None]])
def test_neither_values_nor_a_model_is_an_error(parameters) -> None:
    with pytest.raises(OperandError, match="audit looks for Values or those of a model, got "):
        audit(Value(1.0) * 2, parameters)


def test_leaf_alone_can_be_audited() -> None:
    x = Value(2.0, label="x")
    assert kinds(x) == ["no gradients"]
    x.backward()
    assert kinds(x) == []


def test_source_line_is_told_under_debug() -> None:
    with debug():
        x = Value(1e200, label="x")
        y = x * x  # here
    assert "test_audit.py" in audit(y).findings[0].text
    assert ": y = x * x  # here" in audit(y).findings[0].text


def test_many_places_of_one_kind_are_one_finding() -> None:
    total = sum((Value(-1.0, label=f"x{i}").relu() for i in range(1, 50)), Value(-1.0).relu())
    (finding,) = [f for f in audit(total) if f.kind == "dead ReLU"]
    assert len(finding.nodes) == 50
    assert finding.text.splitlines()[3:] == ["and 47 more"]


@pytest.mark.parametrize("assigned", ["5", 1j, None, np.ones((2, 2)), Value(3.0), 10**400])
@pytest.mark.parametrize("attribute", ["data", "grad"])
def test_what_is_no_number_is_named_and_nothing_else(attribute, assigned):
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    y = a * b + a
    setattr(a, attribute, assigned)
    (finding,) = audit(y)
    assert finding.kind == "no number"
    assert finding.nodes == (a,)
    assert finding.text.startswith(f"a.{attribute} is {type(assigned).__name__} ")
    assert len(finding.text) < 100


def test_numbers_that_are_no_floats_are_not_suspicious():
    a = Value(2.0, label="a")
    a.data = np.float64(2.0)
    y = a * a
    y.backward()
    assert not audit(y)
