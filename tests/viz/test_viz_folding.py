"""Large graphs fold into neurons, layers, and what is nearest to the root; nothing gets lost."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import repeatable

from scalargrad import MLP, Neuron, Value
from scalargrad.functional import mse
from viz import draw_dot, trace
from viz.picture.folding import NEAREST, READABLE, fits, fold


def fold_graph(root, asked=None):
    """Return the groups of a graph, after checking what holds for all graphs."""
    nodes, _ = trace(root)
    groups = fold(nodes, asked)
    assert sorted(map(id, (node for group in groups for node in group.nodes))) == sorted(
        map(id, nodes)
    )
    assert root in groups[-1].results
    shown = [node for group in groups for node in group.results]
    assert len(set(shown)) == len(shown)
    place = {group: i for i, group in enumerate(groups)}
    for group in groups:
        assert all(place[operand] < place[group] for operand in group.operands)
    return groups


def titles(groups):
    return sorted(group.title for group in groups if group.title)


def labels(groups):
    return [group.title or group.results[0].label or group.results[0]._op for group in groups]


def leaves(prefix, count):
    return [Value(0.1 * i, label=f"{prefix}{i}") for i in range(count)]


# ── neurons ─────────────────────────────────────────────────────────────────────────────────────


def lecture(x, w, b):
    return (x[0] * w[0] + x[1] * w[1] + b).tanh()


def bias_first(x, w, b):
    return sum((xi * wi for wi, xi in zip(w, x, strict=True)), b).relu()


def from_zero(x, w, b):
    return (sum(xi * wi for wi, xi in zip(w, x, strict=True)) + b).leaky_relu(0.1)


def bias_inside(x, w, b):
    return (x[0] * w[0] + (b + x[1] * w[1])).sigmoid()


def clipped(x, w, b):
    return (x[0] * w[0] + x[1] * w[1] + b).max(0)


def linear(x, w, b):
    return x[0] * w[0] + x[1] * w[1] + b


def without_bias(x, w, _):
    return (x[0] * w[0] + x[1] * w[1]).exp()


def own_activation(x, w, b):
    total = linear(x, w, b)
    return Value(total.data**2, (total,), "square")


@pytest.mark.parametrize(
    ("neuron", "title"),
    [
        (lecture, "neuron · tanh · 2 inputs"),
        (bias_first, "neuron · ReLU · 2 inputs"),
        (from_zero, "neuron · leaky ReLU · 2 inputs"),
        (bias_inside, "neuron · sigmoid · 2 inputs"),
        (clipped, "neuron · max · 2 inputs"),
        (linear, "neuron · 2 inputs"),
        (without_bias, "neuron · exp · 2 inputs"),
        (own_activation, "neuron · square · 2 inputs"),
    ],
)
def test_neuron_that_people_write_folds_into_one_box(neuron, title):
    x, w, b = leaves("x", 2), leaves("w", 2), Value(0.5, label="b")
    out = neuron(x, w, b)
    groups = fold_graph(out, asked=True)
    assert labels(groups) == ["x0", "x1", title]
    assert list(groups[-1].results) == [out]
    assert [group.results[0] for group in groups[-1].operands] == x


@pytest.mark.parametrize("x", [[1.0, 2.0, 3.0], [Value(i) for i in range(3)]], ids=str)
def test_neuron_of_the_module_folds_into_one_box(x):
    groups = fold_graph(Neuron(3, seed=0)(x), asked=True)
    assert [group.kind for group in groups] == ["", "", "", "neuron"]
    assert groups[-1].title == "neuron · tanh · 3 inputs"


def test_neuron_with_numbers_as_inputs_folds_with_them():
    w, b = leaves("w", 2), Value(1.0)
    assert labels(fold_graph((w[0] * 2.0 + w[1] * 3.0 + b).tanh(), asked=True)) == [
        "neuron · tanh · 2 inputs"
    ]


NO_NEURONS = {
    "bare product and sum": lambda a, b, c: a * b + c,
    "sum of squares": lambda a, b, c: a * a + b * b + c,
    "sum of sums": lambda a, b, c: (a + b + c).tanh(),
    "shared product": lambda a, b, c: (lambda p: (p + c).tanh() * p)(a * b),
    "shared sum": lambda a, b, c: (lambda s: s.tanh() * s)(a * b + c),
    "number as weight": lambda a, _, c: (a.exp() * 2.0 + c).tanh(),
    "number added": lambda a, b, _: (a * b + 1.0).tanh(),
    "product of results": lambda a, b, c: (a.exp() * b.exp() + c).tanh(),
}


@pytest.mark.parametrize("graph", NO_NEURONS.values(), ids=NO_NEURONS)
def test_what_is_no_neuron_does_not_fold(graph):
    assert titles(fold_graph(graph(*leaves("a", 3)), asked=True)) == []


def test_weights_of_a_layer_without_module_are_told_from_its_inputs():
    x = leaves("x", 3)
    for one, other in ((x, None), (None, x)):  # the weights first, or the inputs
        outs = [
            bias_first(one or leaves("w", 3), other or leaves("w", 3), Value(0.0)) for _ in range(4)
        ]
        groups = fold_graph(mse(outs, [1.0] * 4), asked=True)
        assert labels(groups)[:3] == ["x0", "x1", "x2"]
        assert titles(groups) == ["neuron · ReLU · 3 inputs"] * 4


def test_parameters_that_neurons_share_fold_into_one_box():
    w, b = leaves("w", 2), Value(0.0)
    first, second = (lecture(leaves("x", 2), w, b) for _ in range(2))
    groups = fold_graph(first * second, asked=True)
    assert titles(groups) == ["3 leaves", *["neuron · tanh · 2 inputs"] * 2]
    model = Neuron(2, seed=0)
    groups = fold_graph(model([1.0, 2.0]) + model([2.0, 3.0]), asked=True)
    assert titles(groups) == ["3 parameters", *["neuron · tanh · 2 inputs"] * 2]


def test_weight_that_is_also_used_elsewhere_keeps_its_box():
    x, w, b = leaves("x", 2), leaves("w", 2), Value(0.0)
    groups = fold_graph(lecture(x, w, b) + w[1] * w[1], asked=True)
    assert "w1" in labels(groups)
    assert "w0" not in labels(groups)


# ── large graphs ────────────────────────────────────────────────────────────────────────────────


def network(nin, *nouts):
    return MLP(nin, nouts, seed=0)([0.1 * i for i in range(nin)])


def test_small_graph_does_not_fold_by_itself():
    out = network(3, 4, 4, 1)
    assert titles(fold_graph(out)) == []
    assert len(fold_graph(out, asked=False)) == len(trace(out)[0])


def test_network_too_large_to_read_folds_into_neurons():
    out = network(4, 10, 10, 1)
    groups = fold_graph(out)
    assert len(trace(out)[0]) > READABLE.boxes
    assert titles(groups) == sorted(
        ["neuron · tanh · 4 inputs"] * 10
        + ["neuron · tanh · 10 inputs"] * 10
        + ["neuron · 10 inputs"]
    )


def test_network_too_large_for_neurons_folds_into_layers():
    groups = fold_graph(mse(network(64, 32, 32, 10), [0.0] * 10))
    assert labels(groups)[:4] == [
        "64 leaves",
        "layer · 32 neurons · tanh · 64 inputs",
        "layer · 32 neurons · tanh · 32 inputs",
        "layer · 10 neurons · 32 inputs",
    ]
    assert [len(group.results) for group in groups[:4]] == [64, 32, 32, 10]
    assert groups[1].operands == [groups[0]]


def test_batch_shares_the_parameters_of_its_layers():
    model = MLP(2, [16, 16, 1], seed=0)
    outs = [model([0.1 * i, 1.0]) for i in range(5)]
    groups = fold_graph(mse(outs, [1.0] * 5))
    count = {title: titles(groups).count(title) for title in titles(groups)}
    assert count == {
        "48 parameters": 1,
        "272 parameters": 1,
        "17 parameters": 1,
        "2 leaves": 5,
        "layer · 16 neurons · tanh · 2 inputs": 5,
        "layer · 16 neurons · tanh · 16 inputs": 5,
        "neuron · 16 inputs": 5,
    }


def batch():
    rng = random.Random(0)
    model = MLP(2, [16, 16, 1], seed=0)
    samples = [([rng.random(), rng.random()], rng.choice([-1, 1])) for _ in range(50)]
    losses = [(1 + -y * model(x)).relu() for x, y in samples]
    return sum(losses) * (1.0 / 50) + 1e-4 * sum(p * p for p in model.parameters())


def chain():
    y, a, b = Value(1.0), Value(0.5), Value(1.0)
    for _ in range(5_000):
        y = y * a + b
    return y


def wide():
    return Value(0.0, leaves("x", 5_000), "many")


@pytest.mark.parametrize("graph", [batch, chain, wide])
def test_what_is_nearest_to_the_root_stays_in_a_graph_too_large_to_fold(graph):
    root = graph()
    groups = fold_graph(root)
    assert len(groups) == NEAREST + 1
    (rest,) = (group for group in groups if group.kind == "rest")
    assert rest.title == f"{rest.size:,} more nodes"
    assert rest.size > len(trace(root)[0]) - 1000
    nearest = {operand for operand, user in trace(root)[1] if user is root}
    assert nearest & {group.results[0] for group in groups if group.results}


def test_few_nodes_with_long_ways_between_them_fold_too():
    y, a = Value(1.0), Value(0.5)
    for _ in range(100):
        y = y * a
    assert len(trace(y)[0]) < READABLE.boxes
    assert len(fold_graph(y)) == NEAREST + 1


@repeatable
@given(
    st.lists(st.tuples(st.sampled_from("+*-t"), st.integers(0, 500), st.integers(0, 500))),
    st.sampled_from([None, True, False]),
)
def test_any_graph_folds_without_loss(steps, asked):
    nodes = leaves("x", 3)
    for symbol, i, j in steps:
        x, y = nodes[i % len(nodes)], nodes[j % len(nodes)]
        nodes.append({"+": x + y, "*": x * 0.1 * y, "-": x - y, "t": x.tanh()}[symbol])
    fold_graph(nodes[-1], asked)


@repeatable
@given(st.integers(0, 2**32))
def test_large_random_graph_folds_without_loss_into_what_fits(seed):
    rng = random.Random(seed)
    nodes = leaves("x", 5)
    for _ in range(rng.randrange(100, 1500)):
        x, y = (nodes[-min(len(nodes), int(rng.expovariate(0.1)) + 1)] for _ in range(2))
        nodes.append(rng.choice([x + y, x * Value(0.1) + y, (x * Value(0.2) + Value(1.0)).tanh()]))
    assert fits(fold_graph(nodes[-1]))


# ── the picture ─────────────────────────────────────────────────────────────────────────────────


def test_folded_box_shows_label_data_and_gradient_of_its_result():
    x, w, b = leaves("x", 2), leaves("w", 2), Value(0.5, label="b")
    out = lecture(x, w, b)
    out.label = "out"
    out.backward()
    assert (
        f"neuron · tanh · 2 inputs|out|data {out.data:.4f}|grad 1.0000"
        in draw_dot(out, fold=True).source
    )


def test_folded_box_shows_the_ranges_of_its_results():
    model = Neuron(2, seed=0)
    total = model([1.0, 2.0]) + model([2.0, 3.0])
    for weight, data in zip(model.parameters(), (-2.0, 0.5, 3.0), strict=True):
        weight.data = weight.grad = data
    source = draw_dot(total, fold=True).source
    assert "3 parameters|data -2.0000 … 3.0000|grad -2.0000 … 3.0000" in source
    model.b.grad = float("nan")
    assert "data -2.0000 … 3.0000|grad nan" in draw_dot(total, fold=True).source


@pytest.mark.usefixtures("graphviz")
@pytest.mark.parametrize(
    ("graph", "notice"),
    [
        (batch, r"33,418 nodes in 41 boxes: neurons folded, the [\d,]+ farthest from the root"),
        (lambda: network(4, 10, 10, 1), r"^495 nodes in 25 boxes: neurons folded; draw_dot"),
        (lambda: network(64, 32, 32, 1), r"boxes: neurons and layers folded; draw_dot"),
        (lambda: network(2, 2, 1), ""),
    ],
    ids=["batch", "neurons", "layers", "small"],
)
def test_picture_says_what_it_folds_and_leaves_out(graph, notice):
    svg = draw_dot(graph()).pipe(encoding="utf-8").replace("\u00a0", " ").replace("&#160;", " ")
    found = re.findall(r"<text[^>]*>([^<]*boxes[^<]*)</text>", svg)
    if notice:
        (text,) = found
        assert re.search(notice, text)
        assert text.endswith("draw_dot(root, fold=False) draws every node")
    else:
        assert found == []


def test_every_node_is_drawn_on_request():
    out = network(4, 10, 10, 1)
    source = draw_dot(out, fold=False).source
    assert len(re.findall(r"^\tn\d+ \[", source, re.MULTILINE)) == len(trace(out)[0])
