"""The tree is read back, and must give the graph that it was printed from."""

from __future__ import annotations

import unicodedata

import pytest
from graphs import lecture_nodes
from hypothesis import given
from oracles import programs, repeatable

from scalargrad import Value
from scalargrad.engine import operands
from scalargrad.errors import OperandError
from scalargrad.graph import topological_sort
from viz.words.audit import audit
from viz.words.explain import explain
from viz.words.formula import formula
from viz.words.names import about, named, nodes_of, shown, width
from viz.words.steps import steps
from viz.words.tree import tree


def chain(length: int) -> Value:
    a, b = Value(0.5, label="a"), Value(1.0, label="b")
    y = Value(1.0, label="y")
    for _ in range(length):
        y = y * a + b
    return y


def test_tree_of_lecture_neuron_is_aligned() -> None:
    o = lecture_nodes()["o"]
    o.backward()
    assert tree(o).splitlines() == [
        "node                 op       data     grad",
        "o                    tanh   0.7071   1.0000",
        "└─ n                 +      0.8814   0.5000",
        "   ├─ x1*w1 + x2*w2  +     -6.0000   0.5000",
        "   │  ├─ x1*w1       *     -6.0000   0.5000",
        "   │  │  ├─ x1              2.0000  -1.5000",
        "   │  │  └─ w1             -3.0000   1.0000",
        "   │  └─ x2*w2       *      0.0000   0.5000",
        "   │     ├─ x2              0.0000   0.5000",
        "   │     └─ w2              1.0000   0.0000",
        "   └─ b                     6.8814   0.5000",
    ]


def test_tree_writes_node_once_used_twice() -> None:
    a = Value(3.0, label="a")
    b = a + a
    c = b + b
    assert tree(c, names=False).splitlines() == [
        "node     op     data    grad",
        "v2       +   12.0000  0.0000",
        "├─ v1    +    6.0000  0.0000  used 2 times",
        "│  ├─ a       3.0000  0.0000  used 2 times",
        "│  └─ a                       see above",
        "└─ v1                         see above",
    ]


def read(text: str) -> tuple[str, dict[str, list[str]]]:
    """Read a tree back: the name of the root, and the names of each node's operands."""
    inputs: dict[str, list[str]] = {}
    levels: list[str] = []
    for line in text.splitlines()[1:]:
        name, *columns = line.lstrip("│├└─ ").split()
        level = (len(line) - len(line.lstrip("│├└─ "))) // 3
        del levels[level:]
        if levels:
            inputs[levels[-1]].append(name)
        if columns[0] == "see":
            assert level  # there is something to write at the margin
        else:
            assert name not in inputs  # each node is written once
            inputs[name] = []
        levels.append(name)
    return next(iter(inputs)), inputs


def structure(root: Value) -> tuple[str, dict[str, list[str]]]:
    order = nodes_of(root, "test")
    called = named(order, names=False)
    return called[root], {called[x]: [called[y] for y in operands(x)] for x in order}


@repeatable
@given(programs(size=40))
def test_tree_reads_back_as_the_same_graph(program) -> None:
    root = program.values([Value(x) for x in program.inputs])[-1]
    assert read(tree(root, size=None, names=False)) == structure(root)


def test_tree_goes_on_at_the_margin_when_deep() -> None:
    root = chain(100)
    text = tree(root, size=None, names=False)
    assert max(map(len, text.splitlines())) < 100
    assert "see below" in text
    assert read(text) == structure(root)


def test_tree_writes_node_once_that_is_used_where_it_is_deep() -> None:
    nodes = [Value(1.0, label="y")]
    for _ in range(30):
        nodes.append(nodes[-1] - nodes[-1])
    root = nodes[-1] + nodes[-13]  # which is promised when it is met again
    assert read(tree(root, size=None, names=False)) == structure(root)


def test_tree_says_what_it_left_out() -> None:
    root = chain(100)
    assert tree(root, size=10).endswith("… 193 of 203 nodes left out (size=10)")
    text = tree(lecture_nodes()["o"], depth=2)
    assert text.splitlines()[3].endswith("0.0000  operands left out")
    assert text.endswith("… 6 of 10 nodes left out (depth=2)")
    assert "…" not in tree(lecture_nodes()["o"])


def test_tree_needs_no_recursion_on_deep_chains() -> None:
    root = chain(10_000)
    assert tree(root).endswith("left out (size=200)")
    assert len(formula(root, size=5).splitlines()) == 6
    assert explain(root._prev[1], root).count == 10_000
    assert sum(1 for _ in steps(root)) == 40_001


def test_prompt_shows_text_as_it_is() -> None:
    assert repr(tree(lecture_nodes()["o"])) == str(tree(lecture_nodes()["o"]))


@pytest.mark.parametrize("room", [tree, steps, formula, audit, lambda x: explain(x, x)])
def test_rooms_need_a_value(room) -> None:
    with pytest.raises(OperandError, match=r"needs a Value, the result of a graph, got \[1, 2\]"):
        room([1, 2])


# ── names ───────────────────────────────────────────────────────────────────────────────────────


def test_names_are_unique_whatever_the_labels() -> None:
    labels = ["w", "w", "w#1", "v1", "", "", "x" * 50, "x" * 60, "2", "a\nb", "a\\nb", "'a\\nb'"]
    leaves = [Value(1.0, label=label) for label in labels]
    total = sum(leaves[1:], leaves[0]) * 2
    called = named(nodes_of(total, "test"))
    unique = [name for node, name in called.items() if node.kind != "constant"]
    assert len(set(unique)) == len(unique)
    assert called[total._prev[1]] == "2"
    assert called[leaves[8]] == "'2'"


HOSTILE = [
    *("two\nlines", "\x1b[31mred\x1b[0m", "\u202egnol", "\u2066", "\x00", "\r", "\ud800", "\u2028"),
    *("שלום", "x" * 20_000, "é" * 20_000, "語", "</script>", "|{}<>", "$x$", "\\", '"', "'", " "),
]


@pytest.mark.parametrize("label", HOSTILE, ids=ascii)
def test_hostile_labels_stay_in_their_place(label) -> None:
    a = Value(2.0, label=label)
    root = a * a + 1
    root.backward()
    texts = [str(x) for x in (tree(root), formula(root), explain(a, root), audit(root))]
    texts += [str(step) for step in steps(root)]
    for text in [*texts, formula(root)._repr_latex_(), explain(a, root)._repr_latex_()]:
        for letter in text.replace("\n", ""):
            isolated = letter in "\u2068\u2069"
            assert isolated or letter == " " or unicodedata.category(letter)[0] not in "CZ"
    assert len(tree(root).splitlines()) == 6
    assert len({width(line[: line.rindex(".")]) for line in tree(root).splitlines()[1:4]}) == 1


def test_shown_isolates_text_from_right_to_left() -> None:
    assert shown("שלום") == "\u2068שלום\u2069"


def test_labels_that_are_no_text_are_shown_as_text() -> None:
    root = Value(1.0, label=7) * 2  # type: ignore[arg-type]
    assert "'7'" in tree(root)


def test_count_with_thousands_of_digits_is_written() -> None:
    assert about(2**50_000) == "about 10^15051"


def test_names_follow_the_order_of_the_sort() -> None:
    x = Value(1.0)
    root = (x * x).tanh()
    order = topological_sort([root], operands)
    assert [*named(order, names=False).values()] == ["v1", "v2", "v3"]
    assert [*named(order, names={"x": x, "root": root}).values()] == ["x", "v1", "root"]
