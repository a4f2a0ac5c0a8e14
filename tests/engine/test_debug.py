"""Lines are remembered while debugging is on; off, the engine is what it was, bit for bit."""

from __future__ import annotations

import gc
import weakref
from types import FunctionType

import pytest
from oracles import collector_off, python

from scalargrad import Value, engine, grad
from scalargrad.compiler import compile as program_of
from scalargrad.debugging import debug, source_line
from scalargrad.engine import constant, operands, parameter
from scalargrad.errors import DivisionByZeroError, DomainError, OperandError
from scalargrad.graph import topological_sort
from scalargrad.miniflow import Input, Linear, Mean, Mul, Softmax, Tanh, expand
from scalargrad.nn import MLP
from scalargrad.ops import PRIMITIVES
from scalargrad.rules import make_function


@pytest.fixture(autouse=True)
def off_at_the_end():
    yield
    debug(False)


def test_source_line_is_that_of_a_value() -> None:
    with pytest.raises(
        OperandError, match=r"^source_line tells where a Value was made, got int 3$"
    ):
        source_line(3)  # type: ignore[arg-type]


def text(node: Value) -> str:
    line = source_line(node)
    assert line is not None
    assert line.file == __file__
    return line.text


def test_node_remembers_the_line_that_made_it() -> None:
    with debug():
        x = Value(2.0, label="x")
        y = 3 * x
        z = (
            y.tanh()
            + x
        )  # fmt: skip
    assert text(x) == 'x = Value(2.0, label="x")'
    assert text(y) == text(y._prev[0]) == "y = 3 * x"
    assert text(z._prev[0]) == "y.tanh()"
    assert source_line(y).line == source_line(x).line + 1
    assert str(source_line(y)).endswith(f"test_debug.py:{source_line(y).line}: y = 3 * x")


def test_leaves_of_all_kinds_remember() -> None:
    with debug():
        two, weight = constant(2.0), parameter(1.0)
    assert text(two) == text(weight) == "two, weight = constant(2.0), parameter(1.0)"


def test_line_is_the_callers_not_the_packages() -> None:
    with debug():
        model = MLP(2, [2, 1], seed=0)
        out = model([1.0, 2.0])
    assert text(model.parameters()[0]) == "model = MLP(2, [2, 1], seed=0)"
    assert text(out) == text(out._prev[0]) == "out = model([1.0, 2.0])"


def test_method_taken_before_is_noted_too() -> None:
    tanh = Value.tanh
    model = MLP(1, [1], output="tanh", seed=0)  # it keeps the method
    with debug():
        y = tanh(Value(1.0))
        out = model([1.0])
    assert text(y) == "y = tanh(Value(1.0))"
    assert text(out) == "out = model([1.0])"


@pytest.mark.parametrize("names", [{}, {"__name__": None}, {"__name__": "numpystuff"}])
def test_code_without_a_name_has_its_lines(names) -> None:
    known = {"Value": Value, "MLP": MLP, "grad": grad}
    code = """
x = Value(2.0)
y = (x * 3).relu()
z = MLP(1, [1])([y])
(g,) = grad(y * y.tanh(), [x])
"""
    with debug():
        exec(compile(code, "made up.py", "exec"), names | known, found := {})
    lines = {name: source_line(found[name]) for name in "xyzg"}
    assert {name: line.line for name, line in lines.items()} == {"x": 2, "y": 3, "z": 4, "g": 5}
    assert {line.file for line in lines.values()} == {"made up.py"}
    assert str(lines["x"]) == "made up.py:2"  # nobody has its text
    for node in topological_sort([found["g"]], operands):
        assert source_line(node).file == "made up.py"


def test_compile_names_the_line_of_code_without_a_name() -> None:
    names = {"x": Value(1.0), "compile": program_of}
    code = "def f(v):\n    return v[0] if v[0] > 0 else -v[0]\n\ncompile(f, [x])"
    with pytest.raises(OperandError, match=r"is asked for at made up\.py:2,"):
        exec(compile(code, "made up.py", "exec"), names)


def test_nodes_of_an_expansion_are_noted() -> None:
    x, w, b = Input("x"), Input("w"), Input("b")
    loss = Mean(Softmax(Tanh(Mul(Linear(x, w, b), Linear(x, w, b)))))
    feed = {x: [[1.0, 2.0]], w: [[3.0, 1.0], [4.0, 1.0]], b: [5.0, 6.0]}
    expand(loss, feed)  # now what it needs is made, and debugging has to reach it
    with debug():
        root = expand(loss, feed)  # here
    order = topological_sort([root], operands)
    assert len(order) > 10
    assert {text(node) for node in order} == {"root = expand(loss, feed)  # here"}
    assert source_line(expand(loss, feed)) is None


def test_functions_made_while_on_note_and_later_do_not() -> None:
    with debug():
        function = make_function("tanh", Value, constant)
        noted = function(Value(1.0))
    assert text(noted) == "noted = function(Value(1.0))"
    assert source_line(function(Value(1.0))) is None


def test_every_primitive_is_noted() -> None:
    functions = [getattr(Value, name) for name in vars(Value)]
    rows = {f: f.__globals__["row"] for f in functions if "row" in getattr(f, "__globals__", ())}
    assert {row.name for row in rows.values()} == PRIMITIVES.keys()
    with debug():
        for function, row in rows.items():
            node = function(*[Value(x) for x in row.example])  # made here
            assert text(node).endswith("# made here")


def test_error_tells_where_its_operands_were_made() -> None:
    with debug():
        x = Value(2.0, label="x")
        y = x - 5
        with pytest.raises(DomainError, match=r"log needs x > 0, got -3.0") as caught:
            y.log()
        with pytest.raises(DivisionByZeroError) as second:
            y / (x - 2)
    (note,) = caught.value.__notes__
    assert note.startswith("x = -3.0 was made in ")
    assert note.endswith(": y = x - 5")
    assert [note[:7] for note in second.value.__notes__] == ["x = -3.", "y = 0.0"]
    with pytest.raises(DomainError) as later:
        y.log()
    assert not hasattr(later.value, "__notes__")


def state() -> dict[str, object]:
    """Return all that the switch could change."""
    methods = {name: vars(Value)[name] for name in vars(Value)}
    spaces = {
        (name, key): value
        for name, method in methods.items()
        if isinstance(method, FunctionType)
        for key, value in method.__globals__.items()
    }
    return {**methods, **spaces, **vars(engine)}


def test_off_leaves_nothing_behind() -> None:
    with debug():
        pass  # which makes the methods that nobody used
    before = state()
    with debug():
        assert state() != before
    assert state() == before
    y = Value(1.0) * 2
    assert source_line(y) is None


def test_node_has_no_slot_for_it() -> None:
    with debug():
        node = Value(1.0) * 2
    assert not vars(node)
    assert type(node).__slots__ == Value.__slots__
    assert not [name for name in Value.__slots__ if "line" in name or "source" in name]


def noted() -> bool:
    return source_line(Value(1.0) + 1) is not None


def test_function_stays_until_switched_again() -> None:
    assert not noted()
    debug()
    debug(True)
    assert noted()
    debug(False)
    assert not noted()
    debug(False)
    assert not noted()


def test_with_statements_nest() -> None:
    with debug():
        with debug():
            assert noted()
        assert noted()
        with debug(False):
            assert not noted()
        assert noted()
    assert not noted()


def test_state_before_comes_back_after_an_error() -> None:
    with pytest.raises(KeyError), debug():
        raise KeyError
    assert not noted()
    debug()
    with pytest.raises(KeyError), debug(False):
        raise KeyError
    assert noted()


def test_switch_can_be_used_again() -> None:
    switch = debug()
    debug(False)
    with switch:
        assert noted()
    assert not noted()
    assert repr(switch) == "debug(True)"


def test_remembering_keeps_no_node_alive() -> None:
    with collector_off(), debug():
        node = Value(1.0) * 2
        alive = weakref.ref(node)
        del node
        assert alive() is None
    gc.collect()


def test_results_are_the_same_while_on() -> None:
    def gradients() -> list[float]:
        x = Value(0.7)
        y = (x.tanh() * x.exp() / (x + 2)).log1p() ** 3
        y.backward()
        return [y.data, x.grad]

    plain = gradients()
    with debug():
        assert gradients() == plain


def test_methods_first_used_while_on_work_afterwards() -> None:
    code = """
from scalargrad import Value
from scalargrad.debugging import debug, source_line
with debug():
    y = Value(0.5).softplus()
    print(source_line(y) is not None)
z = Value(0.5).softplus().gelu()
print(z.data == Value(0.5).softplus().gelu().data, source_line(z))
"""
    assert python(code).split() == ["True", "True", "None"]


def test_import_of_the_package_does_not_load_it() -> None:
    code = "import scalargrad, sys; print('scalargrad.debugging' in sys.modules)"
    assert python(code).strip() == "False"
