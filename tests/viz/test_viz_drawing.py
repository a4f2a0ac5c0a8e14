"""A picture shows every label, number and use, whatever they are, and looks like what they mean."""

import doctest
import math
import re
from importlib import import_module
from xml.etree import ElementTree

import numpy as np
import pytest
from graphs import tanh_neuron
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracles import python, repeatable

from scalargrad import MLP, Neuron, Value, compile
from scalargrad.engine import constant, parameter
from scalargrad.errors import ChoiceError, OperandError
from viz import audit, draw_dot, explain, film, stepper, steps, trace, tree
from viz.words.names import shown

each_graphviz = pytest.mark.usefixtures("graphviz")

SVG = "{http://www.w3.org/2000/svg}"


def statements(picture):
    """Return the attributes of each node of the DOT source, by name, and its edges."""
    nodes, edges = {}, []
    for line in picture.source.splitlines():
        if found := re.fullmatch(r"\t(\w+) -> (\w+)(?: \[label=\"?(.*?)\"?\])?", line):
            edges.append(found.groups())
        elif found := re.fullmatch(r"\t(n\d+(?:op)?) \[(.*)\]", line):
            pairs = re.findall(r'(\w+)=("[^"]*"|\S+)', found[2])
            nodes[found[1]] = {key: value.strip('"') for key, value in pairs}
    return nodes, edges


def texts(svg):
    """Return the rows of text of each node of an SVG, by the node's name."""
    return {
        group.findtext(f"{SVG}title"): [
            text.text.replace("\u00a0", " ") for text in group.findall(f"{SVG}text")
        ]
        for group in ElementTree.fromstring(svg).iter(f"{SVG}g")
        if group.get("class", "").startswith("node")
    }


# ── what is in the picture ──────────────────────────────────────────────────────────────────────


def test_trace_lists_nodes_as_they_were_evaluated_and_an_edge_for_each_use():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    c = a * b
    d = c + c
    nodes, edges = trace(d)
    assert nodes == [a, b, c, d]
    assert edges == [(a, c), (b, c), (c, d), (c, d)]


def test_picture_has_label_data_and_gradient_of_each_node():
    o = tanh_neuron()
    o.backward()
    nodes, _ = statements(draw_dot(o))
    labels = [attributes["label"] for attributes in nodes.values()]
    assert "x1|data 2.0000|grad -1.5000" in labels
    assert "n|data 0.8814|grad 0.5000" in labels
    assert "o|data 0.7071|grad 1.0000" in labels
    assert "data -6.0000|grad 0.5000" in labels
    assert sorted(label for label in labels if "|" not in label) == ["*", "*", "+", "+", "tanh"]


def test_picture_has_an_arrow_for_each_use():
    a = Value(3.0)
    _, edges = statements(draw_dot(a + a))
    assert [edge[:2] for edge in edges] == [("n1op", "n1"), ("n0", "n1op"), ("n0", "n1op")]


def test_number_operand_is_drawn_with_data_and_gradient():
    y = Value(3.0) * 2
    y.backward()
    nodes, _ = statements(draw_dot(y))
    assert nodes["n1"]["label"] == "data 2.0000|grad 3.0000"
    assert nodes["n1"]["class"] == "constant"


@each_graphviz
def test_lone_leaf_is_a_picture():
    assert texts(draw_dot(Value(1.5, label="x")).pipe()) == {
        "n0": ["x", "data 1.5000", "grad 0.0000"]
    }


def test_operation_of_ones_own_is_drawn_with_its_symbol_if_it_has_one():
    x = Value(2.0)
    nodes, edges = statements(draw_dot(Value(4.0, (x,), "square")))
    assert nodes["n1op"]["label"] == "square"
    nodes, edges = statements(draw_dot(Value(4.0, (x,))))
    assert list(nodes) == ["n0", "n1"]
    assert [edge[:2] for edge in edges] == [("n0", "n1")]


def test_local_derivatives_stand_on_the_arrows_from_operands():
    x, y = Value(3.0), Value(-2.0)
    _, edges = statements(draw_dot(x / y, local_derivatives=True))
    assert edges == [
        ("n2op", "n2", None),
        ("n0", "n2op", "∂ -0.5000"),
        ("n1", "n2op", "∂ -0.7500"),
    ]


def test_local_derivative_that_edited_numbers_do_not_have_is_nan():
    x, y = Value(3.0), Value(-2.0)
    quotient = x / y
    y.data = 0.0
    _, edges = statements(draw_dot(quotient, local_derivatives=True))
    assert {text for *_, text in edges[1:]} == {"∂ nan"}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (-8, "-8.0000"),
        (0.5, "0.5000"),
        (12345.6789, "12345.6789"),
        (1e-7, "1.000e-07"),
        (3e300, "3.000e+300"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_number_is_written_so_that_it_can_be_read(number, text):
    (label,) = [node["label"] for node in statements(draw_dot(Value(number)))[0].values()]
    assert label == f"data {text}|grad 0.0000"


# ── how it looks ────────────────────────────────────────────────────────────────────────────────


def test_kinds_of_nodes_differ_in_more_than_colour():
    kinds = [Value(1.0), parameter(1.0), constant(1.0)]
    total = kinds[0] * kinds[1] + kinds[2]
    nodes, _ = statements(draw_dot(total))
    colours = {"color", "fillcolor", "fontcolor", "label", "class"}
    looks = {
        node["class"] + (" root" if name == "n4" else ""): frozenset(
            (key, value) for key, value in node.items() if key not in colours
        )
        for name, node in nodes.items()
    }
    assert set(looks) == {"leaf", "parameter", "constant", "op", "op root", "symbol"}
    assert len(set(looks.values())) == len(looks)


def test_label_of_a_number_is_shown_in_all_pictures():
    two = constant(2.0)
    two.label = "rate"
    y = Value(3.0, label="x") * two
    assert "rate|data 2.0000" in draw_dot(y).source
    assert ">rate<" in film(y).svg
    assert ">rate<" in stepper(y).html


def test_colour_of_the_last_row_grows_with_the_gradient():
    values = [Value(float(i)) for i in range(4)]
    total = sum(values)
    for value, grad in zip(values, (0.0, -0.1, 1.0, -10.0), strict=True):
        value.grad = grad
    nodes, _ = statements(draw_dot(total, names=False))
    fills = {node["label"]: node["fillcolor"] for node in nodes.values()}
    assert ";" not in fills["data 0.0000|grad 0.0000"]
    blues = [
        int(fills[f"data {i}.0000|grad {grad}"][-2:], 16)
        for i, grad in ((1, "-0.1000"), (2, "1.0000"), (3, "-10.0000"))
    ]
    assert blues == sorted(blues, reverse=True)
    assert len(set(blues)) == 3


@pytest.mark.parametrize("grad", [math.nan, math.inf, -math.inf])
def test_gradient_that_is_not_finite_is_drawn_like_the_largest(grad):
    a, b = Value(1.0), Value(2.0)
    total = a + b
    a.grad, b.grad = grad, 3.0
    nodes, _ = statements(draw_dot(total))
    assert nodes["n0"]["fillcolor"] == nodes["n1"]["fillcolor"]
    assert nodes["n0"]["fillcolor"] != nodes["n2"]["fillcolor"]


@each_graphviz
@pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
def test_rows_stand_above_each_other_in_every_direction(rankdir):
    svg = draw_dot(Value(1.0, label="x") + 1, rankdir=rankdir).pipe()
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if "leaf" in group.get("class", ""):
            rows = group.findall(f"{SVG}text")
            assert [row.text for row in rows] == ["x", "data 1.0000", "grad 0.0000"]
            assert len({row.get("x") for row in rows}) == 1
            heights = [float(row.get("y")) for row in rows]
            assert heights == sorted(heights)


@each_graphviz
def test_operands_stand_in_their_order():
    a, b = Value(1.0, label="a"), Value(2.0, label="b")
    root = ElementTree.fromstring(draw_dot(a - b).pipe())
    a_y, b_y = (float(text.get("y")) for text in root.iter(f"{SVG}text") if text.text in ("a", "b"))
    assert a_y < b_y


# ── labels are text ─────────────────────────────────────────────────────────────────────────────

HOSTILE = [
    "{a|b}", "<b>bold</b>", "<x>", '"quoted"', '\\"', "back\\slash", "\\n\\l\\r\\N\\G\\L\\T\\E\\H",
    "\\", "\\\\", "two\nlines", "tab\t", "nul\0", "bell\x07", "\x7f\x9f", "</script><script>x()",
    "]]>", "-->", "&amp;", "&#60;", "&", "%s", "a  b", "  a ", " ", "\u00a0", "", "w" * 20_000,
    "\ud800", "\ufffe", "\u2028", "\u202eabc", "שלום", "漢字", "e\u0301", "👩\u200d👧", "#", "//",
    "n0", "node", "graph", "-1", "1.5", "url(#a)", 'id="a"', "-> n1", ";", "[x=y]", "/* */",
]  # fmt: skip


@each_graphviz
def test_hostile_labels_are_text_and_nothing_else():
    leaves = [Value(1.0, label=label) for label in HOSTILE]
    svg = draw_dot(Value(2.0, leaves, "all"), names=False).pipe()
    rows = ["data 1.0000", "grad 0.0000"]
    expected = {f"n{i}": [*title(label), *rows] for i, label in enumerate(HOSTILE)}
    last = f"n{len(HOSTILE)}"
    assert texts(svg) == expected | {f"{last}op": ["all"], last: ["data 2.0000", rows[1]]}
    root = ElementTree.fromstring(svg)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "g", "title", "text", "polygon", "polyline", "path", "ellipse"}
    titles = {element.text for element in root.iter(f"{SVG}title")}
    assert all(re.fullmatch(r"graph|n\d+(op)?(->n\d+(op)?)?", title) for title in titles)


def title(label):
    """Return the row of a label, if it has one."""
    return [shown(label).replace("\u00a0", " ")] if label else []


@each_graphviz
@settings(repeatable, max_examples=60)
@given(labels=st.lists(st.text(max_size=50), min_size=1, max_size=8), symbol=st.text(min_size=1))
@example(labels=["\\"], symbol="\\")
@example(labels=["<>"], symbol="{|}")
def test_any_label_and_symbol_appears_exactly(labels, symbol):
    leaves = [Value(1.0, label=label) for label in labels]
    root = Value(2.0, leaves, symbol)
    found = texts(draw_dot(root, names=False).pipe())
    for i, label in enumerate(labels):
        assert found[f"n{i}"][:-2] == title(label)
    assert found[f"n{len(labels)}op"] == title(symbol)


def test_label_that_is_no_text_is_written_as_one():
    x = Value(1.0)
    x.label = 7
    assert f"{shown(7)}|data 1.0000" in draw_dot(x).source


# ── use ─────────────────────────────────────────────────────────────────────────────────────────


@each_graphviz
def test_same_graph_gives_the_same_picture_always():
    assert draw_dot(tanh_neuron()).source == draw_dot(tanh_neuron()).source
    assert draw_dot(tanh_neuron()).pipe() == draw_dot(tanh_neuron()).pipe()


def test_drawing_leaves_the_graph_as_it_was():
    o = tanh_neuron()
    before = [(node.data, node.grad, node.label) for node in trace(o)[0]]
    draw_dot(o, local_derivatives=True)
    assert [(node.data, node.grad, node.label) for node in trace(o)[0]] == before


def test_wrong_arguments_are_named():
    with pytest.raises(OperandError, match=r"draw_dot needs a Value, .* got \[1\]"):
        draw_dot([1])
    with pytest.raises(OperandError, match=r"trace needs a Value, .* got 3\.0$"):
        trace(3.0)
    with pytest.raises(ChoiceError, match=r"rankdir is one of LR, TB, RL, BT, got 'XX'"):
        draw_dot(Value(1.0), rankdir="XX")
    with pytest.raises(
        ValueError, match="format is a kind of picture such as svg or png, got 'bad'"
    ):
        draw_dot(Value(1.0), format="bad")
    with pytest.raises(
        ChoiceError, match=r"got 'L.svg': a file is written by draw_dot\(root\).save"
    ):
        draw_dot(Value(1.0), "L.svg")


A = Value(1.0)


@pytest.mark.parametrize("room", [draw_dot, trace, tree, steps, audit, stepper])
@pytest.mark.parametrize(
    ("thing", "words"),
    [
        ([A, A], "list of 2 Values: give it one result, or their sum"),
        ((A,), "tuple of 1 Value: give it one result, or their sum"),
        (np.array([A, A, A]), "ndarray of 3 Values: give it one result, or their sum"),
        (MLP(2, [1]), "MLP: give it one result, model(x)"),
        (Neuron(2), "Neuron: give it one result, model(x)"),
        (abs, "builtin_function_or_method abs: give it one result, model(x)"),
    ],
    ids=["list", "tuple", "array", "model", "neuron", "function"],
)
def test_who_asks_for_one_result_says_where_it_is(room, thing, words):
    message = f"{room.__name__} needs a Value, the result of a graph, got {words}"
    with pytest.raises(OperandError) as error:
        room(thing)
    assert str(error.value) == message


@pytest.mark.parametrize("room", [trace, tree, steps, audit, stepper, film])
def test_a_program_is_no_graph_of_values_but_can_be_shown(room):
    program = compile(A * 2, [A])
    with pytest.raises(OperandError, match=r"got Program: print it, or draw it by draw_dot$"):
        room(program)


def test_drawing_loads_neither_numpy_nor_matplotlib():
    code = """
import sys
from scalargrad import Value
from viz import draw_dot
draw_dot(Value(1.0) + 1).pipe()
print(*{"numpy", "matplotlib"} & set(sys.modules))
"""
    assert python(code).strip() == ""


@pytest.mark.parametrize("name", ["drawing", "tracing"])
def test_examples_of_docstrings_are_right(name):
    results = doctest.testmod(import_module(f"viz.picture.{name}"))
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("room", [draw_dot, film, steps, stepper, tree, lambda y: explain(y, y)])
@pytest.mark.parametrize("attribute", ["data", "grad"])
@pytest.mark.parametrize("thing", [None, "2", 1j, np.zeros(2), Value(1.0)], ids=repr)
def test_what_is_no_number_gets_the_sentence_that_backward_has(room, attribute, thing):
    """As ``p.grad = None``, which elsewhere means 0, or ``p.data = p - rate * p.grad``."""
    p = Value(2.0, label="p")
    y = p * 3.0
    setattr(p, attribute, thing)
    with pytest.raises(
        OperandError, match=f"^{attribute} needs one real number, got .*'p'"
    ) as told:
        room(y)
    with pytest.raises(OperandError) as told_by_backward:
        y.backward()
    assert str(told.value) == str(told_by_backward.value)


@pytest.mark.parametrize("room", [draw_dot, film, steps, stepper, tree])
def test_ints_and_numbers_of_numpy_are_numbers(room):
    p = Value(2.0, label="p")
    y = p * 3.0
    p.data, p.grad = np.float32(2.0), 0
    assert room(y)
