"""The stepper's page as a file: what is in it, and that labels cannot become more than text."""

from __future__ import annotations

import ast
import json
import math
import random
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from scalargrad import Value
from scalargrad import functional as F
from scalargrad.errors import ChoiceError, OperandError, TextError
from scalargrad.nn import MLP
from scalargrad.ops import PRIMITIVES
from viz import drill
from viz.pages.shared.javascript import cases, rules, translate
from viz.pages.stepper import stepper
from viz.words.steps import steps

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{script}}{{graph}}",
    "--></style><!--",
    '" onload="alert(1)',
    "a\u2028b\0c\ud800",
    "a" * 20_000,
    "n0",
    "grad 1",
    "data -0.000e-00",
    "__proto__",
]


class Elements(HTMLParser):
    """Collects the elements of a page, with their attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []  # up to the next tag
        self.reading = False
        self.feed(html)

    def handle_starttag(self, tag, attributes) -> None:
        self.found.append((tag, dict(attributes)))
        self.texts.append("")
        self.reading = True

    def handle_endtag(self, _tag) -> None:
        self.reading = False

    def handle_data(self, data) -> None:
        if self.reading:
            self.texts[-1] += data

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        pairs = zip(self.found, self.texts, strict=True)
        return [(attributes, text) for (name, attributes), text in pairs if name == tag]


def chain(length: int) -> Value:
    y = Value(0.5, label="x")
    for _ in range(length):
        y = y.tanh()
    return y


def hostile_graph() -> Value:
    root = Value(1.0)
    for label in HOSTILE:
        root = root + Value(1.0, label=label)
        root.label = label
    return root


def graph_of(page) -> dict:
    (text,) = [text for a, text in Elements(page.html).of("script") if a.get("id") == "data"]
    return json.loads(text)


# ── the page ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("make", [stepper, lambda _, path: drill(path=path)])
def test_a_page_is_no_picture(make, tmp_path):
    with pytest.raises(ChoiceError, match=r"^a page is written to an HTML file, got '.*page.png'$"):
        make(Value(1.0) * 2, tmp_path / "page.png")
    assert [*tmp_path.iterdir()] == []
    assert make(Value(1.0) * 2, tmp_path / "page.HTM").path.exists()


def test_policy_names_the_hashes_of_the_only_script_and_style() -> None:
    page = Elements(stepper(chain(3)).html)
    (policy,) = [a["content"] for a, _ in page.of("meta") if "http-equiv" in a]
    scripts = [text for attributes, text in page.of("script") if "type" not in attributes]
    styles = [text for _, text in page.of("style")]
    assert (len(scripts), len(styles)) == (1, 1)
    for text in (*scripts, *styles):
        assert f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_page_loads_nothing_and_styles_nothing_inline() -> None:
    page = Elements(stepper(MLP(2, [3, 1], seed=0)([1.0, 2.0])).html)
    loading = {"img", "iframe", "object", "embed", "form", "base", "a"}
    assert loading.isdisjoint(tag for tag, _ in page.found)
    for tag, attributes in page.found:
        assert not {"src", "style", "srcset", "action"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("href", "data:,") == "data:,", tag


def test_labels_add_no_elements_and_no_attributes() -> None:
    plain, hostile = hostile_graph(), hostile_graph()
    for node in [x for step in steps(plain) for x in (step.parent,)]:
        node.label = ""
    names = [
        [(tag, sorted(attributes)) for tag, attributes in Elements(stepper(root).html).found]
        for root in (plain, hostile)
    ]
    assert ">data -0.000e-00#1</text>" in stepper(hostile).html
    tags = [[tag for tag, _ in found] for found in names]
    assert tags[0].count("script") == tags[1].count("script") == 2
    assert {*map(str, names[1])} == {*map(str, names[0])}


def test_graph_holds_names_numbers_and_uses() -> None:
    a = Value(3.0, label="a")
    b = a + a
    b.label = "b"
    graph = graph_of(stepper(b))
    assert [(node["name"], node["data"]) for node in graph["nodes"]] == [("a", 3.0), ("b", 6.0)]
    assert graph["nodes"][1]["operands"] == [0, 0]
    assert graph["nodes"][1]["slopes"] == [1.0, 1.0]
    assert len({*graph["nodes"][1]["arrows"]}) == 2


def test_operation_without_a_name_has_an_arrow_for_each_use() -> None:
    x = Value(3.0, label="x")
    out = Value(6.0, (x, x))
    out._backward = lambda: setattr(x, "grad", x.grad + 2 * out.grad)
    page = stepper(out)
    node = graph_of(page)["nodes"][1]
    assert (node["op"], node["row"], node["slopes"]) == ("op", None, [2.0, 0.0])
    identifiers = [attributes["id"] for attributes, _ in Elements(page.html).of("g")[1:]]
    assert len({*identifiers}) == len(identifiers)
    assert {*node["arrows"]} < {*identifiers}
    assert len({*node["arrows"]}) == 2


def test_operation_may_be_called_like_a_row_of_a_box() -> None:
    out = Value(6.0, (Value(3.0),), "grad x")
    assert ">grad x</text>" in stepper(out).html


def test_numbers_without_json_come_as_words_of_javascript() -> None:
    root = Value(math.inf) * Value(-math.inf) + Value(math.nan)
    words = [node["data"] for node in graph_of(stepper(root))["nodes"]]
    assert words == ["Infinity", "-Infinity", "-Infinity", "NaN", "NaN"]


def test_gradients_are_neither_read_nor_changed() -> None:
    x = Value(2.0, label="x")
    y = x * x
    x.grad, y.grad = 5.0, 7.0
    before = stepper(y).html
    assert (x.grad, y.grad) == (5.0, 7.0)
    x.grad = y.grad = 0.0
    assert stepper(y).html == before


def test_file_is_written_and_named(tmp_path) -> None:
    page = stepper(chain(2), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page.html
    assert repr(page) == f"<stepper of v2, 6 steps; open {(tmp_path / 'page.html').resolve()}>"
    other = page.save(str(tmp_path / "other.html"))
    assert other == (tmp_path / "other.html").resolve()
    assert str(other) in repr(page)


def test_page_without_a_file_says_how_to_save_it() -> None:
    assert repr(stepper(chain(1))).endswith("not saved yet: use .save(path)>")


def test_notebook_shows_the_page_in_a_sandbox() -> None:
    page = stepper(hostile_graph())
    ((tag, attributes),) = Elements(page._repr_html_()).found
    assert (tag, attributes["sandbox"]) == ("iframe", "allow-scripts")
    assert attributes["srcdoc"] == page.html


def test_what_is_no_graph_is_an_error() -> None:
    with pytest.raises(OperandError, match="stepper needs a Value"):
        stepper(3.0)


# ── large graphs ────────────────────────────────────────────────────────────────────────────────


def test_large_graph_is_folded_and_says_so() -> None:
    root = MLP(3, [20, 10, 1], seed=0)([1.0, 2.0, 3.0])
    page = stepper(root)
    graph = graph_of(page)
    assert len(graph["nodes"]) > 500
    assert len(graph["boxes"]) < 100
    assert {node["box"] for node in graph["nodes"]} == graph["boxes"].keys()
    notice = [text for a, text in Elements(page.html).of("p") if a.get("id") == "notice"]
    assert re.fullmatch(r"[\d,]+ nodes in \d+ boxes: neurons( and layers)? folded", notice[0])


def test_small_graph_is_drawn_whole() -> None:
    page = stepper(chain(499))
    assert len(graph_of(page)["boxes"]) == 500


def tangle(size: int) -> Value:
    """A graph whose arrows go a long way: each node takes any two of those before."""
    rng, nodes = random.Random(0), [Value(0.5, label="x")]
    while len(nodes) < size:
        nodes.append(rng.choice(nodes) * rng.choice(nodes))
    return F.sum(nodes)


@pytest.mark.parametrize(
    "build",
    [
        lambda: MLP(2, [40, 1], seed=0)([1.0, -1.0]),  # 443 nodes
        lambda: tangle(150),
        lambda: tangle(240),
    ],
)
def test_graph_that_takes_graphviz_long_is_folded_though_it_is_not_large(build) -> None:
    page = stepper(build())
    graph = graph_of(page)
    assert len(graph["boxes"]) < len(graph["nodes"]) < 500
    assert "folded" in page.html or "left out" in page.html


def test_arrows_of_uses_are_in_the_drawing_wherever_nodes_are_folded() -> None:
    for root in (tangle(30), tangle(150), MLP(3, [20, 10, 1], seed=0)([1.0, 2.0, 3.0])):
        page = stepper(root)
        drawn = {a["id"] for a, _ in Elements(page.html).of("g")[1:]}
        nodes = graph_of(page)["nodes"]
        used = {arrow for node in nodes for arrow in node.get("arrows", []) if arrow}
        inner = [a for node in nodes for a in node.get("arrows", []) if a is None]
        assert used | {name for name in drawn if name.endswith("-out")} == {
            name for name in drawn if "-" in name
        }
        assert bool(inner) == (len(graph_of(page)["boxes"]) < len(nodes))


def test_very_large_graph_warns() -> None:
    with pytest.warns(UserWarning, match="1,001 nodes"):
        page = stepper(chain(1000))
    assert len(graph_of(page)["nodes"]) == 1001


# ── the table in JavaScript ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("python", "javascript"),
    [
        ("x + y * 2", "x + y * 2"),
        ("-x / y", "divide(-x, y)"),
        ("y % 1 == 0", "modulo(y, 1) === 0"),
        ("x > 0 or (x < 0 and y != 0)", "x > 0 || x < 0 && y !== 0"),
        ("0 if x < y else 0.5 if x == y else inf", "x < y ? 0 : x === y ? 0.5 : Infinity"),
        ("power(x, 2 * pi)", "power(x, 2 * Math.PI)"),
        ("sigmoid(x) + erfc(x)", "RULES.sigmoid.value(x) + erfc(x)"),
    ],
)
def test_expressions_are_translated(python: str, javascript: str) -> None:
    assert translate(python) == javascript


@pytest.mark.parametrize("text", ["x ** y", "[x]", "x < y < 1", "not y", "x.real"])
def test_what_no_row_has_is_not_translated(text: str) -> None:
    with pytest.raises(TextError, match=re.escape(ast.unparse(ast.parse(text)))):
        translate(text)


def test_rules_hold_every_row_of_the_table() -> None:
    assert re.findall(r"^  (\w+): \{$", rules(), re.MULTILINE) == list(PRIMITIVES)


def test_cases_end_with_the_one_that_always_holds() -> None:
    text = "1 if x > 0 else -1 if x < 0 else 0"
    assert list(cases(text)) == [("x > 0", "1"), ("x < 0", "-1"), ("True", "0")]
