"""Modules of one's own: which parameters they have, by which names, and their state."""

import copy
import math
import pickle
from collections import UserList, deque, namedtuple
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest

from scalargrad import MLP, Module, Neuron, Value
from scalargrad.errors import OperandError, SizeError


def test_parameters_have_paths_labels_and_a_kind():
    model = MLP(1, [2, 1], seed=0)
    names = [name for name, _ in model.named_parameters()]
    assert names == [
        *("layers.0.neurons.0.w.0", "layers.0.neurons.0.b"),
        *("layers.0.neurons.1.w.0", "layers.0.neurons.1.b"),
        *("layers.1.neurons.0.w.0", "layers.1.neurons.0.w.1", "layers.1.neurons.0.b"),
    ]
    assert [p.label for p in model.parameters()][:4] == [
        "l0.n0.w0",
        "l0.n0.b",
        "l0.n1.w0",
        "l0.n1.b",
    ]
    assert {p.kind for p in model.parameters()} == {"parameter"}
    assert model([1.0]).label == "l1.n0"


def test_modules_of_ones_own_find_leaves_in_lists_dicts_and_modules_once():
    class Net(Module):
        def __init__(self):
            self.scale = Value(1.0)
            self.parts = {"in": Neuron(1), "more": [Value(2.0), Neuron(1)]}
            self.tied = self.scale
            self.last = self.scale * 2  # not a leaf
            self.name = "net"

    assert [name for name, _ in Net().named_parameters()] == [
        *("scale", "parts.in.w.0", "parts.in.b", "parts.more.0", "parts.more.1.w.0"),
        "parts.more.1.b",
    ]


class Net(Module):
    """A module with any attributes."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


def names(module):
    return [name for name, _ in module.named_parameters()]


def leaf():
    return Value(1.0)


Pair = namedtuple("Pair", "x y")
CONTAINERS = {
    "tuples of tuples": (lambda: ((leaf(),), (leaf(), leaf())), ["0.0", "1.0", "1.1"]),
    "deque": (lambda: deque([leaf(), [leaf()]]), ["0", "1.0"]),
    "array": (lambda: np.array([leaf(), leaf()]), ["0", "1"]),
    "table": (lambda: np.array([[leaf()], [leaf()]]), ["0.0", "1.0"]),
    "array of numbers too": (lambda: np.array([1.0, leaf(), None], object), ["1"]),
    "array of modules": (lambda: np.array([Net(w=leaf())], object), ["0.w"]),
    "array without dimensions": (lambda: np.array(leaf()), ["0"]),
    "named tuple": (lambda: Pair(leaf(), leaf()), ["0", "1"]),
    "list of one's own": (lambda: UserList([leaf()]), ["0"]),
    "dict in a list": (lambda: [{"a": leaf()}], ["0.a"]),
    "mapping": (lambda: MappingProxyType({"a": leaf()}), ["a"]),
}
NOTHING = {
    "array of floats": lambda: np.zeros(3),
    "text": lambda: "text",
    "bytes": lambda: b"bytes",
    "range": lambda: range(10**12),
    "function": lambda: leaf,
    "class": lambda: Value,
    "module": lambda: math,
    "result": lambda: leaf() * 2,
    "empty set": set,
    "set of numbers": lambda: {1.0},
    "object without parameters": lambda: SimpleNamespace(result=leaf() * 2, rate=0.1),
}
HIDDEN = {
    "set": lambda w: {w},
    "frozenset": lambda w: frozenset([w]),
    "dict_values": lambda w: {"w": w}.values(),
    "dict_keys": lambda w: {w: 0}.keys(),
    "SimpleNamespace": lambda w: SimpleNamespace(w=w),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_parameters_are_found_in(kind):
    make, expected = CONTAINERS[kind]
    module = Net(a=make())
    assert names(module) == [f"a.{name}" for name in expected]
    assert len(module.parameters()) == len(expected)
    module.parameters()[0].data = 5.0
    twin = Net(a=make())
    twin.load_state_dict(module.state_dict())
    assert twin.parameters()[0].data == 5.0


def test_parameters_in_slots_are_found():
    class Line(Module):
        __slots__ = ("__offset", "slope", "unset")

        def __init__(self):
            self.slope, self.__offset = [leaf()], leaf()

    class Named(Line):
        def __init__(self):
            super().__init__()
            self.scale = leaf()

    assert sorted(names(Line())) == ["_Line__offset", "slope.0"]
    assert sorted(names(Named())) == ["_Line__offset", "scale", "slope.0"]


@pytest.mark.parametrize("kind", NOTHING)
def test_no_parameters_are_found_in(kind):
    assert names(Net(a=NOTHING[kind](), w=leaf())) == ["w"]


@pytest.mark.parametrize("kind", HIDDEN)
def test_parameters_in_a_container_that_is_not_looked_into_are_an_error(kind):
    module = Net(parts=[HIDDEN[kind](leaf())])
    for action in (module.named_parameters, module.parameters, module.state_dict):
        with pytest.raises(OperandError, match=rf"^parts\.0 is a {kind}, in which .*Value\(data=1"):
            action()


@pytest.mark.parametrize("kind", HIDDEN)
def test_parameters_that_are_found_elsewhere_may_be_in_any_container(kind):
    w = leaf()
    assert names(Net(seen=HIDDEN[kind](w), w=w)) == ["w"]


def test_modules_that_refer_to_each_other_in_a_circle_have_each_parameter_once():
    parent, child = Net(w=leaf()), Net(v=leaf())
    parent.children, child.parent, child.itself = [child], parent, child
    assert names(parent) == ["w", "children.0.v"]
    assert names(child) == ["v", "parent.w"]
    inside = [leaf()]
    inside.append(inside)
    assert names(Net(inside=inside)) == ["inside.0"]


def test_blocks_that_are_shared_are_looked_into_once():
    looks = []

    class Block(Module):
        def __getattribute__(self, name):
            if name == "__dict__":
                looks.append(self)
            return super().__getattribute__(name)

    block = Block()
    block.w = leaf()
    for _ in range(20):
        above = Block()
        above.a = above.b = block
        above.both = [block, {"block": block}]
        block = above
    looks.clear()
    assert names(block) == [f"{'a.' * 20}w"]
    assert len(looks) <= 3 * 21


def test_modules_may_be_nested_deeply():
    module = Net(w=leaf())
    for _ in range(5000):
        module = Net(c=module)
    assert names(module) == ["c." * 5000 + "w"]


def test_zero_grad_sets_all_gradients_back():
    model = MLP(2, [2, 1], seed=0)
    model([1.0, 2.0]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0] * 9


def test_state_goes_from_one_model_to_another():
    one, other = MLP(2, [3, 1], seed=1), MLP(2, [3, 1], seed=2)
    other.load_state_dict(one.state_dict())
    assert other([0.5, 1.5]).data == one([0.5, 1.5]).data


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda s: s.pop("layers.0.neurons.0.b"), SizeError, "missing layers.0.neurons.0.b; unkno"),
        (lambda s: s.update(extra=1.0), SizeError, "missing none; unknown extra"),
        (lambda s: s.update({"layers.1.neurons.0.b": "x"}), OperandError, "one real number"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, error, message):
    model = MLP(2, [3, 1], seed=1)
    before, state = model.state_dict(), MLP(2, [3, 1], seed=2).state_dict()
    change(state)
    with pytest.raises(error, match=message):
        model.load_state_dict(state)
    assert model.state_dict() == before


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_of_a_model_learn_on_their_own(duplicate):
    model = MLP(2, [3, 1], seed=1)
    twin = duplicate(model)
    expected = model([1.0, 2.0]).data
    model.parameters()[0].data += 1.0
    assert twin([1.0, 2.0]).data == expected
    twin([1.0, 2.0]).backward()
    assert model.parameters()[0].grad == 0.0
    assert twin.parameters()[0].grad != 0.0
