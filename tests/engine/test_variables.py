"""Nodes are called by the variables that hold them, where somebody asks."""

import collections
import gc
import inspect
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from oracles import ROOT, python

from scalargrad import MLP, Module, Value, compile
from scalargrad.errors import OperandError
from scalargrad.miniflow import Add, Input
from scalargrad.variables import DEEPEST, MOST, held
from viz import audit, draw_dot, explain, formula, stepper, steps, tree

shadowed = Value(1.0)
outside = Value(2.0)


def name(node, **options):
    """Ask from a frame of our own, by hand."""
    return held([node], **options).get(node)


# ── which variable ──────────────────────────────────────────────────────────────────────────────


def test_the_shortest_variable_wins_and_then_the_first():
    longer = short = brief = Value(1.0)
    assert [*held([longer]).values()] == ["short"]
    assert longer is short is brief


LOOPS = {
    "a list": ("w = [Value(1.0), Value(2.0)]\nfor p in w: p.grad = 0.0", "w[-1]", "w[1]"),
    "another variable": ("p = None\nb = Value(1.0)\nfor p in [b]: pass", "b", "b"),
    "a pair": ('bias = Value(1.0)\nd = {"b": bias}\nfor key, p in d.items(): pass', "bias", "bias"),
    "nested pairs": (
        "w = [Value(1.0)]\nfor i, (j, p) in enumerate(zip(w, w)): q = p", "w[0]", "q",
    ),
    "several lines": (
        "w = [Value(1.0)]\nfor (\n    i,\n    p,\n) in enumerate(w): pass", "w[0]", "w[0]",
    ),
    "nothing else": ("for p in [Value(1.0)]: pass", "p", "p"),
    "still running": ("w = [Value(1.0)]\nfor p in w:\n    said = [*held([p]).values()]", "p", "p"),
    "one of two": ("w = [Value(1.0)]\nfor p in w: pass\nfor r in []: pass\nn = p", "w[0]", "n"),
}  # fmt: skip


@pytest.mark.parametrize("inside", [False, True], ids=["script", "function"])
@pytest.mark.parametrize("case", LOOPS.values(), ids=LOOPS)
def test_the_variable_of_a_loop_that_is_over_comes_last(case, inside):
    """Else the last weight of ``for p in w: p.data -= ...`` would be called p."""
    text, node, expected = case
    if "said" not in text:
        text += f"\nsaid = [*held([{node}]).values()]"
    if inside:
        lines = text.replace("\n", "\n    ")
        text = f"def run():\n    {lines}\n    return said\nsaid = run()"
    names = {"Value": Value, "held": held}
    exec(text, names)
    assert names["said"] == [expected]


def test_locals_come_before_globals_and_hide_them():
    local = outside
    assert [*held([outside]).values()] == ["local"]
    assert local
    shadowed = Value(5.0)
    assert [*held([shadowed, globals()["shadowed"]]).values()] == ["shadowed"]


def test_a_variable_that_was_deleted_does_not_count():
    kept = gone = Value(1.0)
    nodes = [kept]
    assert [*held([nodes[0]]).values()] == ["kept"]
    del kept, gone
    assert [*held([nodes[0]]).values()] == ["nodes[0]"]


def test_names_that_start_with_an_underscore_do_not_count():
    _hidden, __deeper = Value(1.0), Value(2.0)
    assert held([_hidden, __deeper]) == {}


def test_names_of_ipythons_history_do_not_count():
    Out, In = {1: Value(1.0)}, [Value(2.0)]  # noqa: N806
    assert held([Out[1], In[0]]) == {}


class Line(Module):
    def __init__(self):
        self.slope, self.parts = Value(1.0), {"offset": Value(2.0)}
        self._secret = Value(3.0)


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = Value(1.0)


Pair = collections.namedtuple("Pair", "x y")


@pytest.mark.parametrize(
    ("make", "path", "expected"),
    [
        (lambda v: [v], lambda t: t[0], "thing[0]"),
        (lambda v: (0.0, v), lambda t: t[1], "thing[1]"),
        (lambda v: {"x": v}, lambda t: t["x"], 'thing["x"]'),
        (lambda v: {3: v}, lambda t: t[3], "thing[3]"),
        (lambda v: {(0, 1): v}, lambda t: t[0, 1], "thing[(0, 1)]"),
        (lambda v: {'a "b"': v}, lambda t: t['a "b"'], None),
        (lambda v: {v: "x"}, lambda t: next(iter(t)), None),
        (lambda v: [[1.0], [v]], lambda t: t[1][0], "thing[1][0]"),
        (lambda v: collections.deque([v]), lambda t: t[0], "thing[0]"),
        (lambda v: collections.OrderedDict(x=v), lambda t: t["x"], 'thing["x"]'),
        (lambda v: Pair(v, 0), lambda t: t.x, "thing.x"),
        (lambda v: np.array([[v, v]], object), lambda t: t[0, 0], "thing[0][0]"),
        (lambda _: Line(), lambda t: t.slope, "thing.slope"),
        (lambda _: Line(), lambda t: t.parts["offset"], 'thing.parts["offset"]'),
        (lambda _: Line(), lambda t: t._secret, None),
        (lambda _: [Line()], lambda t: t[0].slope, "thing[0].slope"),
        (lambda _: Slotted(), lambda t: t.a, "thing.a"),
        (lambda v: {v}, lambda t: next(iter(t)), None),
        (lambda _: Line, lambda _t: Value(1.0), None),
    ],
)
def test_what_a_container_holds_is_named_by_its_path(make, path, expected):
    thing = make(Value(4.0))
    node = path(thing)
    names = held([node], names={"thing": thing})
    assert names.get(node) == expected
    if expected:
        assert eval(expected, {"thing": thing}) is node


def test_parameters_of_a_model_without_labels_have_paths():
    model = MLP(2, [2, 1], seed=0)
    weight = model.layers[1].neurons[0].w[1]
    weight.label = ""
    assert [*held([weight]).values()] == ["weight"]
    found = held([weight], names={"model": model})
    assert [*found.values()] == ["model.layers[1].neurons[0].w[1]"]


def test_a_variable_comes_before_an_entry_whatever_its_length():
    x = [Value(1.0)]
    a_long_name = x[0]
    assert [*held([a_long_name]).values()] == ["a_long_name"]


def test_a_container_that_holds_itself_ends():
    ring = [Value(1.0)]
    ring.append(ring)
    inner = Value(2.0)
    ring.append([inner])
    del inner
    assert [*held([ring[2][0], ring[0]]).values()] == ["ring[0]", "ring[2][0]"]


def test_it_looks_so_deep_and_no_deeper():
    nested = node = Value(1.0)
    for _ in range(DEEPEST - 1):
        nested = [nested]
    assert held([node], names={"n": nested}) == {node: "n" + "[0]" * (DEEPEST - 1)}
    assert held([node], names={"n": [nested]}) == {}


def test_only_so_many_entries_are_looked_at():
    class Counting(list):
        taken = 0

        def __iter__(self):
            for item in super().__iter__():
                Counting.taken += 1
                yield item

    node = Value(1.0)
    big = Counting([*[[]] * 100_000, node])
    assert held([node], names={"big": big, "other": [node]}) == {node: "other[0]"}
    assert Counting.taken <= 2 * MOST + 2


def test_data_before_the_weights_do_not_keep_them_from_being_found():
    rows = [[[0.5], [1.5]] for _ in range(100_000)]
    model = MLP(2, [2, 1], seed=0)
    weight = model.layers[1].neurons[0].w[1]
    weight.label = ""
    found = held([weight], names={"X": rows, "numbers": [*range(100_000)], "model": model})
    assert [*found.values()] == ["model.layers[1].neurons[0].w[1]"]


# ── whose frame ─────────────────────────────────────────────────────────────────────────────────


def test_a_nested_function_has_its_own_variables_and_those_that_it_uses():
    a, unused = Value(1.0), Value(2.0)

    def inner():
        b = Value(3.0)
        return held([a, b, unused_too[0]])

    unused_too = [unused]
    assert sorted(inner().values()) == ["a", "b", "unused_too[0]"]


def test_a_comprehension_sees_the_variables_around_it():
    a = Value(1.0)
    (found,) = [held([a, x]) for x in [Value(2.0)]]
    assert sorted(found.values()) == ["a", "x"]
    assert [*next(held([x]) for x in [a]).values()] == ["x"]


def test_the_machinery_of_pytest_is_no_variable():
    assert held([value := Value(1.0)]) == {value: "value"}
    assert "@" not in str(tree(Value(1.0) + 1))


ROOMS = [
    ("draw_dot(L).source", '"L|data'),
    ("tree(L)", "L   "),
    ("steps(L)", "∂L/∂a += "),
    ("explain(a, L)", "∂L/∂a"),
    ("formula(L)", "L = a * b"),
    ("audit(L)", "audit of L"),
    ("stepper(L).html", '"name":"L"'),
    ("compile(L, [a, b], machine='tape')", "L = "),
]


@pytest.fixture(scope="module")
def script():
    """Ask every room in one script; return what each prints with names, and without."""
    lines = [
        "from scalargrad import Value, compile",
        "from viz import *",
        "import json",
        "said = []",
    ]
    for call, _ in ROOMS:
        off = call.replace("L)", "L, names=False)", 1) if "compile" not in call else "''"
        lines += ["def f():", "    a, b = Value(2.0), Value(3.0)", "    L = a * b"]
        lines += [f"    said.append([str({call}), str({off})])", "f()"]
    said = json.loads(python("\n".join([*lines, "print(json.dumps(said))"])))
    return {call: each for (call, _), each in zip(ROOMS, said, strict=True)}


@pytest.mark.parametrize(("call", "said"), ROOMS)
def test_each_room_names_from_variables_in_a_script(script, call, said):
    named, off = script[call]
    assert said in named
    assert said not in off


@pytest.mark.parametrize("room", [draw_dot, tree, steps, formula, audit, stepper])
def test_nodes_stay_as_they_are(room):
    a = Value(2.0)
    b = a * a
    str(room(b))
    assert (a.label, b.label) == ("", "")


def test_a_label_of_ones_own_wins():
    a, other = Value(2.0, label="b"), Value(3.0)
    b = other
    total = a * other
    assert "b#" not in tree(total)
    assert str(formula(total)) == "total = b * other"
    del other
    assert str(formula(total, names=locals())) == "total = b * 3"  # since b means another
    assert b


def test_names_by_hand():
    a, b = Value(2.0), Value(3.0)
    total = a * b
    assert str(formula(total, names={"my width": a, "y": [b]})) == "'my width' * y[0]"
    assert str(formula(total, names=locals())) == "total = a * b"
    assert str(formula(total, names={})) == "2 * 3"


@pytest.mark.parametrize("names", ["a", None, 1, [Value(1.0)]])
@pytest.mark.parametrize("room", [draw_dot, tree, steps, formula, audit, stepper])
def test_names_of_another_kind_get_a_sentence(room, names):
    with pytest.raises(OperandError, match=r"names is True, False or a dict of variables such as"):
        room(Value(1.0) * 2, names=names)


def test_a_program_is_listed_in_the_variables_of_whoever_prints_it():
    a, b = Value(2.0), Value(3.0)
    total = (a * b).tanh() * b
    program = compile(total, [a, b], machine="tape")
    assert str(program).splitlines()[-1] == "total = mul #3 b"
    del total, b
    assert str(program).splitlines()[-1] == "#4 = mul #3 #1"


def test_nodes_of_a_miniflow_graph_are_drawn_with_their_variables():
    left, right = Input(), Input(name="r")
    both = Add(left, right)
    source = draw_dot(both).source
    assert all(row in source for row in ("Input|left", "Input|r", "Add|both"))
    assert "left" not in draw_dot(both, names=False).source


def test_explain_names_by_variables():
    a = Value(2.0)
    b = a * a
    assert "a →₁ b" in str(explain(a, b))


# ── at no cost ──────────────────────────────────────────────────────────────────────────────────


def test_a_graph_is_freed_when_the_caller_has_returned():
    def draw():
        a = Value(2.0)
        tree(a * a)

    draw()
    gc.collect()
    before = sum(isinstance(x, Value) for x in gc.get_objects())
    draw()
    assert sum(isinstance(x, Value) for x in gc.get_objects()) == before


def test_ipython_has_the_names_of_its_cells(tmp_path):
    (tmp_path / "cells.ipy").write_text(
        "from scalargrad import Value\nfrom viz import *\na = Value(2.0)\nb = a * 3\nb\n"
        "print(formula(b))\nprint(formula(a * b + b))\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor",
               str(tmp_path / "cells.ipy")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT,
                          env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.stdout.splitlines()[-3:] == ["b = a * 3", "a * b + b", "b = a * 3"]


def test_the_frame_is_not_kept():
    node = Value(1.0)
    held([node])
    frames = [x for x in gc.get_referrers(node) if inspect.isframe(x)]
    assert frames == []
