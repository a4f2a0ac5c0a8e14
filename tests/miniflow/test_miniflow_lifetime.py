"""What miniflow lets go, and what it counts while something old is still there."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from nodes import Scaled, Square

from scalargrad.miniflow import (
    MSE,
    DummyGrad,
    Exp,
    GraphError,
    Input,
    Linear,
    Mean,
    Mul,
    Sigmoid,
    Sub,
    Sum,
    Tanh,
    forward_and_backward,
    forward_pass,
    sgd_update,
    topological_sort,
    value_and_grad,
)

pytestmark = pytest.mark.filterwarnings("error")

RNG = np.random.default_rng(0)


class Problem:
    """The Inputs and the feed of a small regression."""

    def __init__(self):
        self.x, self.y, self.w, self.b = (Input(name) for name in "xywb")
        self.feed = {
            self.x: RNG.normal(size=(5, 3)),
            self.y: RNG.normal(size=(5, 1)),
            self.w: RNG.normal(size=(3, 1)),
            self.b: np.zeros(1),
        }

    def scores(self):
        return Linear(self.x, self.w, self.b)

    def expected(self, loss):
        """Return the gradient of a loss as the other style has it."""
        _, (gradient,) = value_and_grad(loss, self.feed, [self.w])
        return gradient


LOSSES = {
    "loss": lambda p: MSE(p.y, p.scores()),
    "deeper": lambda p: MSE(p.y, Tanh(Sigmoid(p.scores()))),
    "own node": lambda p: Mean(Square(Sub(p.y, p.scores()))),
    "own node with a setting": lambda p: Scaled(Square(Sub(p.y, p.scores())), 0.5),
    "not a scalar": lambda p: Mul(p.y, p.scores()),
}

each_loss = pytest.mark.parametrize("build", LOSSES.values(), ids=LOSSES)


def gradient_by_loop(graph, node):
    """Run a graph as a loop of one's own does."""
    for step in graph:
        step.forward()
    for step in reversed(graph):
        step.backward()
    return node.gradients[node]


# ── freed at once ──────────────────────────────────────────────────────────────────────────────


def runs(problem, loss):
    """Yield all ways to run a graph."""
    graph = topological_sort(problem.feed)
    yield lambda: forward_and_backward(graph)
    yield lambda: forward_pass(loss, graph)
    yield lambda: gradient_by_loop(graph, problem.w)
    yield lambda: value_and_grad(loss, problem.feed)
    yield lambda: value_and_grad(loss, problem.feed, [problem.w, loss])
    yield lambda: value_and_grad(loss, problem.feed, [problem.w, loss.inbound_nodes[0]])


@each_loss
@pytest.mark.usefixtures("no_collector")
def test_a_graph_that_is_dropped_is_freed_at_once_though_its_inputs_stay(build):
    problem = Problem()
    kept = Exp(problem.w)
    for number in range(6):
        loss = build(problem)
        dead = [weakref.ref(loss), weakref.ref(loss.inbound_nodes[-1])]
        run = list(runs(problem, loss))[number]
        for _ in range(4):  # the last of them as straight-line code
            run()
        del run, loss
        assert [r() for r in dead if r() not in problem.feed] == [None] * len(dead)
    assert topological_sort({problem.w: problem.feed[problem.w]}) == [problem.w, kept]


@each_loss
@pytest.mark.usefixtures("no_collector")
def test_all_of_a_graph_is_freed_with_its_inputs_and_what_was_fed(build):
    class Data(np.ndarray):
        pass

    problem = Problem()
    loss = build(problem)
    problem.feed = {node: np.array(value).view(Data) for node, value in problem.feed.items()}
    dead = [weakref.ref(thing) for pair in problem.feed.items() for thing in pair]
    graph = topological_sort(problem.feed)
    for _ in range(4):
        forward_and_backward(graph)
        value_and_grad(loss, problem.feed, [problem.w])
    sgd_update([problem.w])
    del problem, loss, graph
    assert {r() for r in dead} == {None}


@pytest.mark.usefixtures("no_collector")
def test_dummies_are_freed_though_the_node_before_them_stays():
    x = Input()
    y = Exp(x)
    for _ in range(3):
        dummy = DummyGrad(y)
        dead = weakref.ref(dummy)
        for _ in range(4):
            value_and_grad(y, {x: np.ones(2), dummy: 2.0}, [x, y])
        del dummy
        assert dead() is None
    assert y.outbound_nodes == []


@pytest.mark.usefixtures("no_collector")
def test_of_two_losses_in_one_graph_one_is_freed_alone():
    problem = Problem()
    scores = problem.scores()
    first, second = MSE(problem.y, scores), Mean(Mul(scores, scores))
    dead = [weakref.ref(second), weakref.ref(second.inbound_nodes[0])]
    graph = topological_sort(problem.feed)
    assert {first, second} <= set(graph)
    for _ in range(4):
        forward_and_backward(graph)
    del second, graph
    assert [r() for r in dead] == [None, None]
    assert topological_sort(problem.feed)[-2:] == [scores, first]


@pytest.mark.usefixtures("no_collector")
def test_a_loss_built_in_each_step_leaves_one_graph():
    problem = Problem()
    before = [dict(problem.feed), problem.feed[problem.w].copy()]
    graph = topological_sort(problem.feed)
    for _ in range(30):
        cost = MSE(problem.y, problem.scores())
        graph = topological_sort(problem.feed)
        forward_and_backward(graph)
        sgd_update([problem.w, problem.b], 0.1)
    assert graph == [problem.x, problem.y, problem.w, problem.b, cost.inbound_nodes[1], cost]
    assert [len(node.outbound_nodes) for node in problem.feed] == [1] * 4
    learned = problem.feed[problem.w].copy()
    problem.feed[problem.w][:], problem.feed[problem.b][:] = before[1], 0.0
    for _ in range(30):  # all with one loss
        _, gradients = value_and_grad(cost, problem.feed, [problem.w, problem.b])
        for node, gradient in zip((problem.w, problem.b), gradients, strict=True):
            problem.feed[node] -= 0.1 * gradient
    np.testing.assert_array_equal(learned, problem.feed[problem.w])


@pytest.mark.usefixtures("no_collector")
def test_a_long_graph_is_freed_without_recursion():
    x = Input()
    node = x
    for _ in range(100_000):
        node = Tanh(node)
    dead = weakref.ref(node)
    del node
    assert dead() is None
    assert x.outbound_nodes == []


# ── what was built again counts once ───────────────────────────────────────────────────────────


@each_loss
@pytest.mark.parametrize("others", [1, 4])
def test_equal_losses_count_once(build, others):
    problem = Problem()
    old = [build(problem) for _ in range(others)]
    loss = build(problem)
    graph = topological_sort(problem.feed)
    assert graph[-1] is loss
    assert not set(graph) & set(old)
    forward_and_backward(graph)
    found = problem.w.gradients[problem.w], gradient_by_loop(graph, problem.w)
    for gradient in found:
        np.testing.assert_array_equal(gradient, problem.expected(loss))


@each_loss
@pytest.mark.parametrize("again", LOSSES.values(), ids=LOSSES)
def test_a_cell_that_is_changed_and_run_again_counts_once(build, again):
    problem = Problem()
    for cell in (build, again, again, build):
        loss = cell(problem)  # the graph of the cell before is still there
        graph = topological_sort(problem.feed)
        assert graph[-1] is loss
        for _ in range(2):
            forward_and_backward(graph)
        found = problem.w.gradients[problem.w], gradient_by_loop(graph, problem.w)
        for gradient in found:
            np.testing.assert_array_equal(gradient, problem.expected(loss))


def test_an_old_graph_can_still_be_run():
    problem = Problem()
    old = MSE(problem.y, problem.scores())
    graph = topological_sort(problem.feed)
    new = MSE(problem.y, Tanh(problem.scores()))
    topological_sort(problem.feed)
    forward_and_backward(graph)
    np.testing.assert_array_equal(problem.w.gradients[problem.w], problem.expected(old))
    assert forward_pass(old, topological_sort(problem.feed)) == value_and_grad(old, problem.feed)[0]
    assert forward_pass(new, graph) == value_and_grad(new, problem.feed)[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda p: MSE(p.y, p.scores()), lambda p: MSE(p.scores(), p.y)),
        (lambda p: Sum(Mul(p.w, p.w)), lambda p: Sum(Exp(p.w))),
        (lambda p: Sum(p.w), lambda p: Mean(p.w)),
        (lambda p: Scaled(p.w, 1.0), lambda p: Scaled(p.w, 2.0)),
        (lambda p: Scaled(p.w, np.ones(())), lambda p: Scaled(p.w, np.full((), 2.0))),
        (lambda p: MSE(p.y, p.scores()), lambda p: Sum(Mul(p.w, p.w))),
    ],
)
def test_different_losses_that_are_sorted_together_all_count(first, second):
    problem = Problem()
    losses = [first(problem), second(problem)]
    graph = topological_sort(problem.feed)
    assert set(losses) <= set(graph)
    forward_and_backward(graph)
    found = problem.w.gradients[problem.w]
    np.testing.assert_allclose(found, sum(map(problem.expected, losses)))


def test_a_loss_that_needs_other_inputs_is_added_later():
    problem = Problem()
    loss = MSE(problem.y, problem.scores())
    topological_sort(problem.feed)
    penalty = Sum(Mul(problem.w, problem.w))
    forward_and_backward(topological_sort(problem.feed))
    found = problem.w.gradients[problem.w]
    np.testing.assert_allclose(found, problem.expected(loss) + problem.expected(penalty))


def test_all_dummies_that_are_fed_count():
    x = Input()
    y = Exp(x)
    dummies = [DummyGrad(y), DummyGrad(y)]
    for _ in range(2):
        forward_and_backward(topological_sort({x: 0.0} | dict.fromkeys(dummies, 0.5)))
        assert x.gradients[x] == 1.0


def test_a_result_that_nobody_keeps_is_an_error():
    x, y = Input(), Input()
    MSE(x, y)
    graph = topological_sort({x: 1.0, y: 2.0})
    assert graph == [x, y]
    for run in (forward_and_backward, forward_pass):
        with pytest.raises(
            GraphError, match=r"^nothing is computed of the Inputs .*: keep the res"
        ):
            run(graph)
