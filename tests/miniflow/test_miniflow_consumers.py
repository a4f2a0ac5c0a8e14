"""Consumers and gradients that nothing keeps read and change as a list and as a dict."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from nodes import Scaled, Square

from scalargrad.miniflow import (
    Add,
    Exp,
    Input,
    Mul,
    Tanh,
    forward_and_backward,
    sgd_update,
    topological_sort,
    value_and_grad,
)
from scalargrad.miniflow.weak import WeakList


def test_consumers_read_as_a_list():
    x, y = Input(), Input()
    assert x.outbound_nodes == []
    assert not x.outbound_nodes
    first, second, third = Exp(x), Add(x, y), Tanh(x)
    users = x.outbound_nodes
    assert users == [first, second, third] == users
    assert users != [first, third, second]
    assert users != (first, second, third)
    assert list(users) == [first, second, third] == [*users]
    assert (len(users), users[0], users[-1], users[1:]) == (3, first, third, [second, third])
    assert (users.index(third), users.count(second)) == (2, 1)
    assert second in users
    assert y not in users
    assert list(reversed(users)) == [third, second, first]
    assert users + y.outbound_nodes == [first, second, third, second]
    assert [y, *users] == [y] + users  # noqa: RUF005
    assert repr(users) == "[<Exp>, <Add>, <Tanh>]"
    with pytest.raises(IndexError):
        users[3]


def test_consumers_change_as_a_list():
    x = Input()
    first, second, third = (Input() for _ in range(3))
    users = x.outbound_nodes
    users.append(second)
    users.insert(0, first)
    users.extend([third, third])
    assert users == [first, second, third, third]
    users.remove(third)
    assert users.pop() is third
    users[0] = third
    assert users == [third, second]
    del users[0]
    users += [first]
    assert users == [second, first]
    users.clear()
    assert users == []


@pytest.mark.usefixtures("no_collector")
def test_consumers_that_are_gone_are_gone_from_the_list():
    x = Input()
    users = [Exp(x) for _ in range(100)]
    del users[1::2]
    assert x.outbound_nodes == users
    for _ in range(1000):
        Tanh(x)
    assert len(x.outbound_nodes._refs) < 3 * len(users)
    assert x.outbound_nodes == users


def test_a_list_that_keeps_nothing_has_no_hash():
    with pytest.raises(TypeError, match="unhashable"):
        hash(WeakList())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_of_a_graph_has_consumers_of_its_own(copied):
    x = Input("x")
    loss = Scaled(Square(x), 0.5)
    value_and_grad(loss, {x: np.zeros(2)}, [x])
    twin = copied(loss)
    (square,) = twin.inbound_nodes
    (twin_x,) = square.inbound_nodes
    assert twin_x.outbound_nodes == [square]
    assert square.outbound_nodes == [twin]
    assert x.outbound_nodes == loss.inbound_nodes
    np.testing.assert_array_equal(twin_x.gradients[twin_x], x.gradients[x])


def test_gradients_of_an_input_read_and_change_as_a_dict():
    x, other = Input("x"), Input()
    assert x.gradients == {}
    assert x not in x.gradients
    loss = Mul(x, x)
    graph = topological_sort({x: 3.0})
    forward_and_backward(graph)
    assert x.gradients == {x: 6.0}
    assert (list(x.gradients), len(x.gradients), x.gradients.get(other, 0)) == ([x], 1, 0)
    assert repr(x.gradients) == repr({x: x.gradient})
    x.gradients[x] = 1.0  # a gradient that is clipped by hand
    x.gradients[x] *= 0.5
    sgd_update([x], 1.0)
    assert (x.value, loss.value) == (2.5, 9.0)
    with pytest.raises(KeyError):
        x.gradients[other]
    with pytest.raises(KeyError):
        x.gradients[other] = 1.0
    x.gradients = {x: 2.0}
    assert x.dvalues == {x: 2.0}
    del x.gradients[x]
    assert x.gradients == {}
