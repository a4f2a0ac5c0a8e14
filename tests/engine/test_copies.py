"""Copies and pickles: of any depth, what is shared still shared, with all that nodes hold."""

import copy
import io
import math
import pickle
import threading
import weakref
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import collector_off, programs, python, repeatable

from scalargrad import MLP, Value
from scalargrad.engine import constant, operands, parameter
from scalargrad.errors import OperandError
from scalargrad.graph import topological_sort


def unpickled(x, protocol=None):
    return pickle.loads(pickle.dumps(x, protocol))


def unpickled_by_python(x):
    """What joblib and dill build on: it asks for a thousand items at a time."""
    file = io.BytesIO()
    pickle._Pickler(file).dump(x)
    file.seek(0)
    return pickle._Unpickler(file).load()


DUPLICATES = {"deepcopy": copy.deepcopy, "pickle": unpickled, "python's own": unpickled_by_python}
DUPLICATES |= {f"protocol {p}": lambda x, p=p: unpickled(x, p) for p in range(5)}

each_way = pytest.mark.parametrize("duplicate", DUPLICATES.values(), ids=DUPLICATES)


class Named(Value):
    """A subclass with a dict and a slot."""

    __slots__ = ("unit",)

    def __init__(self, data, unit):
        super().__init__(data)
        self.unit = unit


def graph(*roots):
    return topological_sort(roots, operands)


def content(node):
    others = {name: x for name, x in vars(node).items() if not isinstance(x, Value)}
    return type(node), node.data, node.grad, node.label, node.kind, node._op, others


def assert_same_shape(roots, twins):
    """Check that one graph is the other, node by node, and that they have none in common."""
    nodes, others = graph(*roots), graph(*twins)
    assert len(nodes) == len(others)
    partner = dict(zip(nodes, others, strict=True))
    assert [partner[root] for root in roots] == list(twins)
    for node, other in partner.items():
        assert node is not other
        assert content(node) == content(other)
        assert tuple(partner[x] for x in operands(node)) == operands(other)
        assert node._rule is other._rule


def graph_to_copy():
    x = parameter(0.5, "x")
    y = x.tanh() * x + 2 ** x.max(0.1)
    y.backward()
    return x, y


# ── one graph ───────────────────────────────────────────────────────────────────────────────────


def test_copy_is_a_node_of_the_same_operands():
    x, y = graph_to_copy()
    y.label, y.note = "y", ["mine"]
    twin = copy.copy(y)
    assert twin is not y
    assert content(twin) == content(y)
    assert (twin._prev, twin.primitive, twin.note is y.note) == (y._prev, y.primitive, True)
    twin.other = 1
    assert not hasattr(y, "other")
    before, x.grad = x.grad, 0.0
    twin.backward()
    assert x.grad == before


@each_way
def test_deep_copy_is_a_graph_of_its_own_with_shared_rules(duplicate):
    x, y = graph_to_copy()
    gradient = x.grad
    twin = duplicate(y)
    assert_same_shape([y], [twin])
    copied = next(node for node in graph(twin) if node.label == "x")
    copied.grad = 0.0
    twin.backward()
    assert (x.grad, copied.grad) == (gradient, gradient)
    twin.backward()
    assert x.grad == gradient


def test_pickled_graph_works_in_another_process():
    x, y = graph_to_copy()
    gradient, x.grad = x.grad, 0.0
    code = f"""if True:
        import pickle
        from scalargrad.graph import topological_sort
        from scalargrad.engine import operands
        y = pickle.loads({pickle.dumps(y)!r})
        y.backward()
        print(*[node.grad for node in topological_sort([y], operands) if node.label == "x"])
    """
    assert float(python(code)) == gradient


@each_way
@given(program=programs(size=30), picks=st.lists(st.integers(0, 200), min_size=1, max_size=6))
@repeatable
def test_random_graphs_keep_their_shape_and_what_results_share(duplicate, program, picks):
    nodes = program.values([Value(x) for x in program.inputs])
    nodes[-1].backward()
    for i, node in enumerate(nodes):
        if i % 3 == 0:
            node.label = f"v{i}"
        if i % 4 == 0:
            node.mine = {"number": i}
    roots = [nodes[i % len(nodes)] for i in picks]
    twins = duplicate(roots)
    assert_same_shape(roots, twins)


@each_way
def test_kinds_of_leaves_stay(duplicate):
    leaves = [Value(1), constant(2), parameter(3, "w")]
    assert [leaf.kind for leaf in duplicate(leaves)] == ["leaf", "constant", "parameter"]


@each_way
def test_numbers_keep_their_bits(duplicate):
    numbers = [math.nan, -0.0, math.inf, 5e-324]
    twins = duplicate([Value(x) * 1.0 for x in numbers])
    assert [repr(twin.data) for twin in twins] == [repr(x) for x in numbers]


# ── depth ───────────────────────────────────────────────────────────────────────────────────────


def chain(steps):
    x = y = Value(0.5, label="x")
    middle = None
    for i in range(steps):
        y = y * x + 1e-3
        middle = y if i == steps // 2 else middle
    return y, middle, x


@pytest.mark.parametrize("duplicate", [copy.deepcopy, unpickled], ids=["deepcopy", "pickle"])
def test_graph_too_deep_for_any_stack_is_copied_and_freed(duplicate):
    y, middle, x = chain(66_666)
    twin, twin_middle, twin_x = duplicate([y, middle, x])
    order = graph(twin)
    assert len(order) == len(graph(y)) == 199_999
    assert order[0] is twin_x
    assert twin_middle in set(order)
    y.backward()
    twin.backward()
    assert (twin.data, twin_x.grad) == (y.data, x.grad)
    with collector_off():
        dead = weakref.ref(twin_x)
        del twin, twin_middle, twin_x, order
        assert dead() is None


@each_way
@pytest.mark.parametrize("order", [1, -1])
def test_every_result_of_a_deep_graph_is_copied_once(duplicate, order):
    nodes = graph(chain(1500)[0])[::order]
    twins = duplicate(nodes)
    assert len(twins) == len(set(twins)) == len(set(graph(*twins)))


@pytest.mark.parametrize("order", [1, -1])
def test_length_of_a_pickle_grows_with_the_number_of_nodes(order):
    nodes = graph(chain(10_000)[0])
    half, whole = (len(pickle.dumps(some[::order])) for some in (nodes[:15_000], nodes[:30_000]))
    assert whole < 2.1 * half


# ── within larger structures ────────────────────────────────────────────────────────────────────


@each_way
def test_results_in_a_structure_share_what_they_shared(duplicate):
    x = Value(2.0, label="x")
    shared = x.exp()
    first, second = shared * 2, shared + x
    found = duplicate({"a": [first], "b": (second, deque([shared])), x: "leaf"})
    twin, other, middle = found["a"][0], *found["b"][:1], found["b"][1][0]
    (leaf,) = (key for key in found if isinstance(key, Value))
    assert found[leaf] == "leaf"
    assert twin._prev[0] is other._prev[0] is middle
    assert middle._prev[0] is other._prev[1] is leaf


@each_way
def test_model_and_its_loss_stay_together(duplicate):
    model = MLP(2, [3, 1], seed=1)
    loss = model([0.5, -1.0]) ** 2
    twin, twin_loss = duplicate((model, loss))
    assert set(twin.parameters()) <= set(graph(twin_loss))
    twin_loss.backward()
    assert any(p.grad for p in twin.parameters())
    assert not any(p.grad for p in model.parameters())


def test_pickler_that_goes_on_keeps_what_it_knows():
    x = Value(2.0)
    shared = x.exp()
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.dump(shared * 2)
    pickler.dump(shared + 3)
    file.seek(0)
    unpickler = pickle.Unpickler(file)
    first, second = unpickler.load(), unpickler.load()
    assert first._prev[0] is second._prev[0]


def test_pickles_of_two_picklers_stand_alone():
    x = Value(2.0)
    shared = x.exp()
    first, second = io.BytesIO(), io.BytesIO()
    one, other = pickle.Pickler(first), pickle.Pickler(second)
    one.dump(shared * 2)
    shared.data = 5.0
    other.dump(shared + 3)
    assert pickle.loads(first.getvalue())._prev[0].data == math.exp(2.0)
    assert pickle.loads(second.getvalue())._prev[0].data == 5.0


def test_pickle_holds_the_numbers_of_its_own_time():
    y = Value(2.0) * 3
    first = pickle.dumps(y)
    y.data = 7.0
    assert (pickle.loads(first).data, unpickled(y).data) == (6.0, 7.0)


def test_pickling_keeps_nothing_alive():
    with collector_off():
        y = Value(2.0) * 3
        dead = weakref.ref(y)
        pickle.dumps([y, y * 2])
        copy.deepcopy(y)
        del y
        assert dead() is None


def test_threads_pickle_side_by_side():
    y, _, _ = chain(3000)
    nodes = graph(y)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(unpickled(nodes[::-1]))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for twins in results:
        assert_same_shape(nodes, twins[::-1])


def test_deep_copy_goes_on_from_what_was_copied_before():
    x = Value(2.0)
    y, memo = x * x, {}
    leaf = copy.deepcopy(x, memo)
    assert copy.deepcopy(y, memo)._prev == (leaf, leaf)
    assert copy.deepcopy(y, {id(x): x})._prev == (x, x)


# ── what nodes hold ─────────────────────────────────────────────────────────────────────────────


@each_way
def test_attributes_that_hold_nodes_lead_to_the_copies(duplicate):
    x = Value(2.0, label="x")
    y = x * x
    x.result, y.average, y.all = y, Value(7.0), [x, y]
    for twin, other in [duplicate((y, x)), duplicate((x, y))[::-1]]:
        assert other.result is twin
        assert twin.all == [other, twin]
        assert twin._prev == (other, other)
        assert twin.average is not y.average
        assert twin.average.data == 7.0


def test_copied_attributes_are_independent():
    x = Value(2.0)
    x.history = [1.0]
    copy.deepcopy(x).history.append(2.0)
    assert x.history == [1.0]


@each_way
def test_subclass_instances_keep_their_class_and_slots(duplicate):
    x = Named(2.0, "m")
    x.colour = "red"
    y = x * 3
    twin = duplicate(y)
    leaf = twin._prev[0]
    assert (type(twin), type(leaf), leaf.unit, leaf.colour) == (Value, Named, "m", "red")
    for single in (copy.copy(x), duplicate(x)):
        assert (type(single), single.data, single.unit) == (Named, 2.0, "m")


@each_way
def test_subclass_that_became_a_result_stays_one(duplicate):
    y = Value(2.0) * 3
    y.__class__ = type("Plain", (Value,), {"__module__": __name__})
    globals()["Plain"] = type(y)
    assert type(duplicate(y)) is type(y)


@each_way
@pytest.mark.parametrize("data", [5, 1j, "5", None, [1.0]])
def test_what_was_assigned_to_data_stays(duplicate, data):
    y = Value(2.0) * 3
    y.data = data
    assert duplicate(y).data == data


# ── what has no copy ────────────────────────────────────────────────────────────────────────────


def own_result():
    x = Value(3.0)
    out = Value(x.data**2, (x,), "square")
    out._backward = lambda: setattr(x, "grad", x.grad + 2 * x.data * out.grad)
    return out


def own_step_on_a_primitive():
    out = Value(3.0) * 2
    out._backward = lambda: None
    return out


def own_step_on_a_leaf():
    leaf = Value(3.0)
    leaf._backward = lambda: None
    return leaf


@pytest.mark.parametrize("make", [own_result, own_step_on_a_primitive, own_step_on_a_leaf])
@pytest.mark.parametrize("duplicate", [*DUPLICATES.values(), copy.copy])
def test_operation_of_ones_own_is_refused(make, duplicate):
    node = make()
    result = node if duplicate is copy.copy else node * 2
    with pytest.raises(OperandError, match="is an operation of your own, and cannot be copied or"):
        duplicate(result)


def test_refusal_leaves_the_rest_as_it_was():
    x = Value(2.0)
    shared = x.exp()
    bad = own_result() * shared
    with pytest.raises(OperandError):
        pickle.dumps([shared * 2, bad])
    twin, other = unpickled([shared * 2, shared])
    assert twin._prev[0] is other


def test_copied_list_of_parameters_is_independent():
    weights = [parameter(k, f"w{k}") for k in range(3)]
    twins = copy.deepcopy(weights)
    twins[0].data = 99.0
    assert weights[0].data == 0.0
    assert [twin.kind for twin in twins] == ["parameter"] * 3
