"""What a neuron is: one answer for pictures, for the playground and for the audit."""

from __future__ import annotations

import pytest

from scalargrad import MLP, SGD, Neuron, Value
from scalargrad.engine import operands
from scalargrad.graph import topological_sort, use_counts
from scalargrad.nn.choices import ACTIVATIONS
from scalargrad.train import trace_loss
from viz.neurons import neurons
from viz.pages.playground.network import network
from viz.picture.folding import fold
from viz.words.audit import audit


def leaves(count, data=1.0):
    return [Value(data) for _ in range(count)]


def total(w, x, b=None):
    """A sum of products as people write it, the bias last."""
    found = w[0] * x[0]
    for weight, value in zip(w[1:], x[1:], strict=True):
        found = found + weight * value
    return found if b is None else found + b


W, B, E = leaves(4), leaves(2, -100.0), leaves(2)
SHARED, OWN = Neuron(2, seed=0), Neuron(1, seed=0)
DEEP, LINEAR = MLP(2, [3, 2], seed=0), MLP(2, [3, 2], activation=None, seed=0)
BY_NAME = {name: MLP(2, [3, 1], activation=name, seed=0) for name in ACTIVATIONS}

#: A model of two inputs, what it learns, and its neurons: for each the row of its activation, the
#: number of inputs, and whether it has a bias.
MODELS = {
    **{
        name: (model, model.parameters(), [(name, 2, True)] * 3 + [("", 3, True)])
        for name, model in BY_NAME.items()
    },
    "constant setting": (
        lambda x: total(W[:2], x, B[0]).leaky_relu(0.1), [*W[:2], B[0]], [("leaky_relu", 2, True)],
    ),
    "number as bound": (
        lambda x: total(W[:2], x, B[0]).max(0), [*W[:2], B[0]], [("max", 2, True)],
    ),
    "several outputs": (DEEP, DEEP.parameters(), [("tanh", 2, True)] * 3 + [("", 3, True)] * 2),
    "linear throughout": (LINEAR, LINEAR.parameters(), [("", 2, True)] * 3 + [("", 3, True)] * 2),
    "sum of linear outputs": (
        lambda x: (lambda y: y[0] + y[1])(DEEP(x)), DEEP.parameters(),
        [("tanh", 2, True)] * 3 + [("", 3, True)] * 2,
    ),
    "lecture": (lambda x: total(W[:2], x, B[0]).tanh(), [*W[:2], B[0]], [("tanh", 2, True)]),
    "no bias": (lambda x: total(W[:2], x).tanh(), W[:2], [("tanh", 2, False)]),
    "one input": (lambda x: total(W[:1], x[:1], B[0]).tanh(), [W[0], B[0]], [("tanh", 1, True)]),
    "one weight": (lambda x: (W[0] * x[0]).tanh(), W[:1], [("tanh", 1, False)]),
    "line": (lambda x: W[0] * x[0] + B[0], [W[0], B[0]], [("", 1, True)]),
    "proportion": (lambda x: W[0] * x[0], W[:1], [("", 1, False)]),
    "bias as weight of 1": (
        lambda x: (W[0] * x[0] + W[1] * 1.0).tanh(), W[:2], [("tanh", 2, False)],
    ),
    "fed numbers": (lambda x: SHARED([0.5, 2.0]) * x[0], SHARED.parameters(), [("tanh", 2, True)]),
    "around a linear neuron": (
        lambda x: x[0] + total(W[:2], x, B[0]), [*W[:2], B[0]], [("", 2, True)],
    ),
    "among terms that are none": (lambda x: x[0] + W[0] * x[0] + W[1] * x[1], W[:2], []),
    "more than one bias": (
        lambda x: (total(W[:2], x, B[0]) + B[1]).tanh(), [*W[:2], *B], [("", 2, True)],
    ),
    "number added": (lambda x: (total(W[:2], x) + 1.0).tanh(), W[:2], [("", 2, False)]),
    "used sum": (lambda x: (lambda s: s.tanh() * s)(total(W[:2], x)), W[:2], [("", 2, False)]),
    "features": (
        lambda x: OWN([x[0] * x[1] + x[0] * x[0]]) * 2, OWN.parameters(), [("tanh", 1, True)],
    ),
    "several samples": (
        lambda x: SHARED(x) + SHARED([x[1], 2.0]), SHARED.parameters(), [("tanh", 2, True)] * 2,
    ),
    "several samples, linear": (
        lambda x: DEEP(x)[0] + DEEP([x[1], x[1]])[0], DEEP.parameters(),
        ([("tanh", 2, True)] * 3 + [("", 3, True)]) * 2,
    ),
    "convolution": (
        lambda x: [total(W[:2], y, B[0]).tanh() for y in (x, [x[1], 0.5])], [*W[:2], B[0]],
        [("tanh", 2, True)] * 2,
    ),
    "one bias for all": (
        lambda x: [(w * x[0] + B[0]).tanh() for w in W[:2]], [*W[:2], B[0]],
        [("tanh", 1, True)] * 2,
    ),
    "weight twice": (
        lambda x: total([W[0], W[0]], x, B[0]).tanh(), [W[0], B[0]], [("tanh", 2, True)],
    ),
    "learned inputs": (
        lambda x: [total(w, E).tanh() * x[0] for w in (W[:2], W[2:])], [*E, *W],
        [("tanh", 2, False)] * 2,
    ),
    "learned scale of a sum": (
        lambda x: W[0] * (x[0] + x[1]).exp(), W[:1], [("", 1, False)],
    ),
}  # fmt: skip

each_model = pytest.mark.parametrize(
    ("model", "parameters", "expected"), MODELS.values(), ids=MODELS
)


def graph_of(model):
    """Return the inputs of a model, what it computes, and a result that folds with none of it."""
    x = [Value(0.5), Value(-1.5)]
    found = model(x)
    outs = found if isinstance(found, list) else [found]
    return x, outs, Value(0.0, outs, "&")


def found_in(root, learned=()):
    order = topological_sort([root], operands)
    return neurons(order, use_counts(order, operands), learned)


def described(found):
    def row(neuron):
        return neuron.activation.primitive.name if neuron.activation is not None else ""

    return [(row(neuron), len(neuron.inputs), neuron.bias is not None) for neuron in found]


# ── one answer ──────────────────────────────────────────────────────────────────────────────────


@each_model
def test_neurons_are_found_with_their_parameters(model, parameters, expected):
    _, _, root = graph_of(model)
    found = found_in(root, parameters)
    assert described(found) == expected
    assert {p for neuron in found for p in neuron.parameters} <= {*parameters}
    for neuron in found:
        assert len(neuron.inputs) == len(neuron.weights)
        numbers = [w.data * x.data for w, x in zip(neuron.weights, neuron.inputs, strict=True)]
        bias = neuron.bias.data if neuron.bias is not None else 0.0
        assert neuron.total.data == pytest.approx(sum(numbers) + bias)


@pytest.mark.parametrize("name", MODELS)
def test_pictures_fold_these_neurons(name):
    _, _, root = graph_of(MODELS[name][0])
    order = topological_sort([root], operands)
    folded = [group.results[0] for group in fold(order, asked=True) if group.kind == "neuron"]
    assert folded == [neuron.result for neuron in found_in(root)]


@each_model
def test_playground_draws_those_whose_parameters_are_theirs_alone(model, parameters, expected):
    _, outs, _ = graph_of(model)
    data = [[0.5, -1.5]], [[0.0] * len(outs)]
    traced = trace_loss(model, lambda outs, _: sum(outs) ** 2, data, SGD(parameters))
    order = topological_sort(traced.outputs, operands)
    uses = use_counts(order, operands)
    found = neurons(order, uses, traced.parameters)
    assert described(found) == expected
    alone = [
        neuron for neuron in found
        if all(uses[p] == 1 for p in neuron.parameters) and not {*neuron.inputs} & {*parameters}
    ]  # fmt: skip
    drawn = [unit for unit in network(traced) if unit.kind == "neuron"]
    assert {unit.node for unit in drawn} == {neuron.result for neuron in alone}


#: What is found where the parameters are not known: a product alone may be anything, as may a bare
#: ``a * x + b``; and any leaf may be a bias.
GUESSED = {
    **{name: [] for name in ("one weight", "line", "proportion", "learned scale of a sum")},
    "among terms that are none": [("", 2, True)],
}
BY_HAND = [name for name, (_, learned, _) in MODELS.items() if learned[0].kind == "leaf"]


@pytest.mark.parametrize("name", BY_HAND)
def test_where_parameters_are_not_known_it_takes_two_products_or_an_activation(name):
    model, _, expected = MODELS[name]
    _, _, root = graph_of(model)
    assert described(found_in(root)) == GUESSED.get(name, expected)


def test_function_of_ones_own_is_an_activation():
    x, w = leaves(2), leaves(2)
    before = total(w, x)
    out = Value(before.data**2, (before,), "square")
    (neuron,) = found_in(out)
    assert neuron.activation is neuron.result is out


def test_activation_that_gives_0_is_one():
    (neuron,) = found_in(total(leaves(2), leaves(2), Value(-10.0)).relu())
    assert neuron.result.data == 0.0
    assert neuron.result is neuron.activation


# ── the audit ───────────────────────────────────────────────────────────────────────────────────


def dead(root, parameters=()):
    return [node for finding in audit(root, parameters) if finding.kind == "dead ReLU"
            for node in finding.nodes]  # fmt: skip


def test_audit_takes_neurons_that_share_a_bias_for_two():
    w, b = [Value(-1.0), Value(1.0)], Value(0.5)
    off, on = ((each * Value(2.0) + b).relu() for each in w)
    assert dead(off + on, [*w, b]) == [off]


@pytest.mark.parametrize("known", [True, False])
def test_audit_takes_a_neuron_over_several_samples_for_one(known):
    w, b = leaves(2), Value(0.0)
    off, on = (total(w, [Value(x), Value(x)], b).relu() for x in (-1.0, 1.0))
    assert dead(off + on, [*w, b] if known else ()) == []
    assert dead(off * off, [*w, b] if known else ()) == [off]


def test_audit_takes_the_hinges_of_all_samples_for_one():
    model = MLP(2, [3, 1], seed=0)
    model.layers[-1].neurons[0].b.data = 10.0
    right, wrong = ((1 - y * model([0.5, x])).relu() for x, y in [(1.0, 1), (2.0, -1)])
    assert dead(right + wrong) == []
    assert dead(right) == [right]
