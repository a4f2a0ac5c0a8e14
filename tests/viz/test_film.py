"""The film of a graph: what is in its SVG."""

from __future__ import annotations

import math
import re
from base64 import b64decode
from xml.etree import ElementTree

import pytest
from films import HOSTILE, hostile, large, medium
from graphs import lecture_loss, twice
from hypothesis import given
from oracles import programs, repeatable

from scalargrad import Value
from scalargrad import functional as F
from scalargrad.errors import ChoiceError, OperandError, SizeError
from scalargrad.nn import MLP
from viz import film
from viz.pages.film.plot import LIMITS, plot_of
from viz.picture.folding import fold
from viz.picture.sketch import box_names
from viz.words.names import named, nodes_of, shown
from viz.words.steps import steps

SVG = "{http://www.w3.org/2000/svg}"


def own() -> Value:
    x = Value(3.0, label="x")
    square = Value(9.0, (x,), "square", label="s")

    def backward() -> None:
        x.grad += 2 * x.data * square.grad

    square._backward = backward
    return square * 2


def batch() -> Value:
    model = MLP(2, [16, 16, 1], seed=0)
    return F.sum((model([float(i), 1.0]) - 1) ** 2 for i in range(20))


GRAPHS = {
    "leaf": lambda: Value(2.0, label="x"), "constant": lambda: Value(1.0) * 0 + 1,
    "lecture_loss": lecture_loss, "twice": twice, "own": own, "hostile": hostile, "medium": medium,
    "large": large, "batch": batch,
    "infinite": lambda: Value(math.inf) * Value(-math.inf) + Value(math.nan),
}  # fmt: skip
each_graph = pytest.mark.parametrize("build", GRAPHS.values(), ids=GRAPHS)


def tree(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(svg: str, look: str) -> list[str]:
    found = tree(svg).iter(f"{SVG}text")
    return [text.text for text in found if look in text.attrib.get("class", "").split()]


# ── the file ────────────────────────────────────────────────────────────────────────────────────


@each_graph
def test_film_is_an_svg_of_shapes_without_script_and_without_links(build) -> None:
    root = tree(film(build()).svg)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {
        "svg", "title", "desc", "style", "g", "rect", "ellipse", "path", "polygon", "polyline",
        "text",
    }  # fmt: skip
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or "href" in name]
    (style,) = root.iter(f"{SVG}style")
    assert "url(" not in style.text
    assert "@import" not in style.text


@each_graph
def test_film_tells_what_it_shows_to_those_who_do_not_see_it(build) -> None:
    made = film(build())
    root = tree(made.svg)
    named = {
        element.attrib["id"]: element.text for element in root.iter() if "id" in element.attrib
    }
    title, text = root.attrib["aria-labelledby"].split()
    assert root.attrib["role"] == "img"
    assert named[title].startswith("Backpropagation through ")
    assert named[text] == made.description
    assert len(made.description) <= 2000


@each_graph
def test_all_classes_that_move_something_have_their_rules(build) -> None:
    root = tree(film(build()).svg)
    (style,) = root.iter(f"{SVG}style")
    used = {c for e in root.iter() for c in e.attrib.get("class", "").split()}
    moving = {c for c in used if re.fullmatch(r"[sdf]\d+-\d*|bar", c)}
    ruled = set(re.findall(r"\.film\w+ \.([\w-]+)\{animation", style.text))
    assert ruled == moving
    assert "prefers-reduced-motion" in style.text
    for percentage in re.findall(r"([\d.]+)%", style.text):
        assert 0 <= float(percentage) <= 100


def test_labels_are_text_whatever_they_hold() -> None:
    svg = film(hostile()).svg
    found = [text.text for text in tree(svg).iter(f"{SVG}text")]
    for label in HOSTILE:
        assert any(text.startswith(shown(label)) for text in found)
    svg.encode("utf-8")


def test_films_in_one_page_do_not_share_names() -> None:
    first, second = (
        set(re.findall(r"film[0-9a-f]{8}", film(g()).svg)) for g in (lecture_loss, twice)
    )
    assert len(first) == len(second) == 1
    assert first != second
    assert film(lecture_loss()).svg == film(lecture_loss()).svg


def test_gradients_are_neither_read_nor_changed() -> None:
    root = lecture_loss()
    before = film(root).svg
    root.grad = 5.0
    root.backward()
    grads = [node.grad for node in nodes_of(root, "test")]
    assert film(root).svg == before
    assert [node.grad for node in nodes_of(root, "test")] == grads


def test_readme_example_is_small() -> None:
    assert len(film(lecture_loss()).svg) < 25_000


def test_large_graph_is_folded_says_so_and_stays_small() -> None:
    made = film(large())
    assert texts(made.svg, "notice") == ["874 nodes in 4 boxes: neurons and layers folded"]
    assert "874 nodes in 4 boxes" in made.description
    assert len(made.svg) < 30_000


def test_file_is_written_and_named(tmp_path) -> None:
    made = film(lecture_loss(), tmp_path / "L.svg")
    assert (tmp_path / "L.svg").read_text(encoding="utf-8") == made.svg
    assert repr(made) == f"<film of L, 8 scenes in 12 s; open {(tmp_path / 'L.svg').resolve()}>"
    assert repr(film(lecture_loss())).endswith("not saved yet: use .save(path)>")


def test_notebook_shows_it_as_an_image() -> None:
    made = film(hostile())
    found = re.fullmatch(
        r'<img alt="([^"<>]*)" src="data:image/svg\+xml;base64,([^"]*)" [^<>]*>', made._repr_html_()
    )
    assert b64decode(found[2]).decode() == made.svg


@pytest.mark.parametrize(
    ("root", "name", "error", "message"),
    [
        (3.0, "L.svg", OperandError, "film needs a Value, the result of a graph, got 3.0"),
        ([lecture_loss()], "L.svg", OperandError, "give it one result, or their sum"),
        (lecture_loss(), "L.gif", ChoiceError, "a film is written to an SVG file, got '"),
        (lecture_loss(), "L", ChoiceError, "a film is written to an SVG file, got '"),
    ],
)
def test_mistakes_get_a_sentence_and_write_nothing(tmp_path, root, name, error, message) -> None:
    with pytest.raises(error, match=message):
        film(root, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seconds", [0, -1.0, math.inf, math.nan, "long", True])
def test_length_that_is_none_gets_a_sentence(seconds) -> None:
    with pytest.raises(SizeError, match="seconds is a positive number, got "):
        film(lecture_loss(), seconds=seconds)


# ── the plot ────────────────────────────────────────────────────────────────────────────────────


def made_plot(root: Value, seconds: float | None = None):
    order = nodes_of(root, "test")
    return plot_of(order, named(order, False), seconds)


@pytest.mark.parametrize("seconds", [None, 5.0, 60.0])
@each_graph
def test_length_is_as_asked_for_or_at_most_forty_seconds(build, seconds) -> None:
    made = made_plot(build(), seconds)
    passes = made.length - 3.0
    assert passes == pytest.approx(seconds) if seconds else 0 < passes <= 40.0 + 1e-9


def number_in(line) -> float:
    return float(line.text.split()[-1])


@repeatable
@given(programs(size=8))
def test_film_ends_with_the_gradients_of_the_backward_pass(program) -> None:
    inputs = [Value(x, label=f"x{i}") for i, x in enumerate(program.inputs)]
    root = program.values(inputs)[-1]
    made = made_plot(root)
    order = nodes_of(root, "test")
    gradients = {step.parent: step.after for step in steps(root)}
    assert not made.sketch.notice
    for place, node in enumerate(order):
        box = f"n{place}"
        assert number_in(made.data[box]) == pytest.approx(node.data, rel=1e-3, abs=1e-4)
        last = made.gradients[box][-1]
        assert last.end is None
        assert number_in(last) == pytest.approx(gradients[node], rel=1e-3, abs=1e-4)


@each_graph
def test_film_of_a_folded_graph_ends_with_the_gradients_of_the_backward_pass(build) -> None:
    root = build()
    order, made = nodes_of(root, "test"), made_plot(root)
    gradients = {step.parent: step.after for step in steps(root)}
    shown = 0
    for block, box in box_names(fold(order, limits=LIMITS)).items():
        for text, numbers in (
            (made.data.get(box), [node.data for node in block.results]),
            (made.gradients.get(box, [None])[-1], [gradients[node] for node in block.results]),
        ):
            if numbers:
                unknown = any(map(math.isnan, numbers))
                expected = [math.nan] if unknown else [min(numbers), max(numbers)]
                found = [float(x) for x in text.text.split()[1::2]]
                close = pytest.approx(expected[: len(found)], rel=1e-3, abs=1e-4, nan_ok=True)
                assert found == close
                shown += 1
    assert shown >= 2


@each_graph
def test_numbers_come_in_the_order_in_which_they_are_computed(build) -> None:
    made = made_plot(build())
    for arrow in made.sketch.arrows:
        tail, head = arrow.tail.removesuffix("op"), arrow.head.removesuffix("op")
        if tail == head or head not in made.data or tail not in made.data:
            continue
        assert made.data[tail].start < made.data[head].start
        # What a box sends back, it has got before.
        if head in made.gradients and tail in made.gradients:
            assert made.gradients[head][-1].start < made.gradients[tail][-1].start
    for lines in made.gradients.values():
        ends = [line.end for line in lines]
        assert ends == [*[line.start for line in lines[1:]], None]


def test_local_derivatives_come_with_the_flow_along_their_edges() -> None:
    made = made_plot(lecture_loss())
    for name, line in made.derivatives.items():
        scene = made.scenes[line.start]
        assert not scene.forward
        assert name in scene.flows
    assert sorted(line.text for line in made.derivatives.values()) == [
        "∂ -2.0000", "∂ -3.0000", "∂ 1.0000", "∂ 1.0000", "∂ 2.0000", "∂ 4.0000",
    ]  # fmt: skip


def test_captions_say_each_scene_in_symbols_and_numbers() -> None:
    captions = [[*scene.captions] for scene in made_plot(lecture_loss()).scenes]
    assert captions == [
        ["a = 2, b = −3, c = 10, f = −2"],
        ["v1 = a · b = −6"],
        ["d = v1 + c = 4"],
        ["L = d · f = −8"],
        ["∂L/∂L = 1"],
        ["∂L/∂d += ∂L/∂L · ∂L/∂d = 1 · (−2)", "∂L/∂f += ∂L/∂L · ∂L/∂f = 1 · 4"],
        ["∂L/∂v1 += ∂L/∂d · ∂d/∂v1 = −2 · 1", "∂L/∂c += ∂L/∂d · ∂d/∂c = −2 · 1"],
        ["∂L/∂a += ∂L/∂v1 · ∂v1/∂a = −2 · (−3)", "∂L/∂b += ∂L/∂v1 · ∂v1/∂b = −2 · 2"],
    ]


def test_gradient_of_a_node_used_twice_grows_twice() -> None:
    a, b = Value(3.0, label="a"), Value(2.0, label="b")
    made = made_plot((a * b) + (a * 5.0))
    assert [line.text for line in made.gradients["n0"]] == ["grad 5.0000", "grad 7.0000"]
