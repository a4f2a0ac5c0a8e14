"""What a run says of a feed, of nodes and of graphs that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from scalargrad.errors import OperandError
from scalargrad.miniflow import (
    Add,
    Exp,
    GraphError,
    Input,
    Linear,
    Mul,
    forward_and_backward,
    topological_sort,
    value_and_grad,
)


def test_input_that_was_not_fed_is_named():
    x, b = Input("x"), Input("b")
    f = Add(x, b)
    for run in (lambda: topological_sort({x: 1}), lambda: value_and_grad(f, {x: 1})):
        with pytest.raises(GraphError, match=r"^Input 'b' was not fed: feed_dict needs a value"):
            run()
        assert x.value is None


def test_input_without_a_name_is_named_by_its_consumer():
    x = Input()
    f = Linear(x, Input(), Input("b"), name="l1")
    sentence = (
        "^the Input that is operand 2 of Linear 'l1' and Input 'b' were not fed: feed_dict needs"
    )
    for run in (topological_sort, lambda feed_dict: value_and_grad(f, feed_dict)):
        with pytest.raises(GraphError, match=sentence):
            run({x: 1})


def test_input_run_alone_needs_a_value():
    x = Input()
    with pytest.raises(GraphError, match=r"^Input was not fed"):
        x.forward()
    x.forward([1, 2])
    np.testing.assert_array_equal(x.value, [1, 2])
    x.forward()
    np.testing.assert_array_equal(x.value, [1, 2])


def test_feeding_a_node_that_computes_is_an_error():
    x = Input()
    f = Exp(x, name="f")
    for run in (topological_sort, lambda feed_dict: value_and_grad(f, feed_dict)):
        with pytest.raises(GraphError, match="Exp 'f' computes its value and takes no feed"):
            run({x: 1.0, f: 2.0})


@pytest.mark.parametrize(
    ("feed_dict", "sentence"),
    [
        ({"x": 1.0}, "^feed_dict has nodes as keys, got 'x'$"),
        ([1.0], r"^feed_dict is a dict of Inputs and their values, got \[1.0\]$"),
    ],
)
def test_feeding_what_is_no_feed_is_an_error(feed_dict, sentence):
    x = Input()
    f = Exp(x)
    for run in (topological_sort, lambda feed_dict: value_and_grad(f, feed_dict)):
        with pytest.raises(OperandError, match=sentence):
            run(feed_dict)
        with pytest.raises(OperandError, match=r"^feed_dict is a dict .*, got \[<Input>\]$"):
            run([x])


@pytest.mark.parametrize("wrt", [Input("w"), "w", ["w"], None, [np.ones(2)]])
def test_wrt_that_are_no_nodes_are_an_error(wrt):
    x = Input()
    f = Exp(x)
    with pytest.raises(OperandError, match=r"^wrt is a list of nodes, got "):
        value_and_grad(f, {x: 1.0}, wrt)


def test_running_what_is_no_list_of_sorted_nodes_is_an_error():
    x = Input()
    f = Exp(x)
    for graph in (f, {x: 1.0}):
        with pytest.raises(OperandError, match=r"^forward_and_backward needs a list of sorted nod"):
            forward_and_backward(graph)


def test_what_is_no_node_has_no_value_and_gradient():
    x = Input()
    with pytest.raises(OperandError, match=r"^value_and_grad needs a node, got \[<Exp>\]$"):
        value_and_grad([Exp(x)], {x: 1.0})


def test_cycle_is_an_error():
    x = Input("x")
    a = Add(x, x, name="a")
    b = Exp(a, name="b")
    a.inbound_nodes[1] = b
    b.outbound_nodes.append(a)
    for run in (lambda: topological_sort({x: 1.0}), lambda: value_and_grad(b, {x: 1.0})):
        with pytest.raises(GraphError, match=r"has a cycle: (Add 'a' and Exp|Exp 'b' and Add)"):
            run()


def test_errors_leave_the_graph_fit_for_use():
    x, w = Input(), Input()
    f = Mul(x, w)
    with pytest.raises(ValueError, match="needs shapes that fit together"):
        value_and_grad(f, {x: np.ones(2), w: np.ones(3)}, [x])
    _, (gradient,) = value_and_grad(f, {x: np.ones(2), w: np.ones(2)}, [x])
    np.testing.assert_array_equal(gradient, [1, 1])
