"""The stepper's page in a browser: its cards, what is changed there, safety and looks."""

from __future__ import annotations

import math
import re
from functools import partial

import pytest
from graphs import squared_by_hand, tanh_neuron, twice
from pages import text, violations
from steppers import opened, position

from scalargrad import Value, debug
from scalargrad.engine import operands
from scalargrad.graph import topological_sort
from scalargrad.nn import MLP
from viz.pages.stepper import stepper
from viz.words.steps import steps


@pytest.fixture
def show(open_page, tmp_path):
    return partial(opened, open_page, tmp_path / "page.html")


def logarithm() -> Value:
    x = Value(2.0, label="x")
    y = x.log()
    y.label = "y"
    return y


# ── cards and changes ───────────────────────────────────────────────────────────────────────────


def test_click_on_a_node_shows_its_numbers_uses_and_check(show) -> None:
    page = show(twice(), "#step=8")
    page.click("#n0 text >> nth=0")
    card = text(page, "#card")
    for part in ("value 3", "gradient 24", "in b adds 12.0000", "= 24.0000 ✓ agrees"):
        assert part in card
    page.keyboard.press("Escape")
    assert not page.is_visible("#card")


def test_card_does_not_give_away_what_is_still_to_come(show) -> None:
    page = show(twice(), "#step=7")
    page.click("#n0 text >> nth=0")
    card = text(page, "#card")
    assert "gradient 12, after 1 of 2 uses" in card
    assert "in b is still to come" in card


def test_finite_difference_differs_at_a_kink(show) -> None:
    x = Value(0.0, label="x")
    page = show(x.relu(), "#step=4")
    page.click("#n0 text >> nth=0")
    assert "= 0.5000 ✗ the backward pass finds 0.0000" in text(page, "#card")


def set_leaf(page, label: str, number: str) -> None:
    page.fill("#search", label)
    page.press("#search", "Enter")
    page.fill("#new-value", number)
    page.press("#new-value", "Enter")


def test_number_outside_of_the_domain_is_undefined_and_says_why(show) -> None:
    page = show(logarithm(), "#step=2")
    set_leaf(page, "x", "-3")
    assert "undefined here: log needs x > 0, got x = −3 (node y)" in text(page, "#step")
    assert text(page, "#n1") == "y data undefined grad ·"
    assert "undefined here" in text(page, "#spoken")
    set_leaf(page, "x", "1")
    assert text(page, "#n1") == "y data 0.0000 grad ·"


def test_overflow_is_undefined_and_says_why(show) -> None:
    x = Value(1.0, label="x")
    page = show(x.exp(), "#step=2")
    set_leaf(page, "x", "1e3")
    assert "exp(x) is larger than the largest float, got x = 1000" in text(page, "#step")


def open_card(page, name: str) -> None:
    page.fill("#search", name)
    page.press("#search", "Enter")


def test_slider_changes_a_leaf_while_it_moves(show) -> None:
    page = show(tanh_neuron(), "#step=15")
    open_card(page, "w1")
    slider = page.locator("#new-value-slider")
    assert [float(slider.get_attribute(name)) for name in ("min", "max")] == [-9.0, 3.0]
    same = page.evaluate("window.kept = $('new-value-slider')") is not None
    for place in ("-2.5", "1"):
        slider.fill(place)
        value = page.evaluate("state.now.values[root.index]")
        assert value == pytest.approx(math.tanh(2 * float(place) + 6.8813735870195432), rel=1e-12)
        assert page.input_value("#new-value") == place.replace("-", "−")
        assert f"value {place}".replace("-", "−") in text(page, "#card")
    assert same
    assert page.evaluate("window.kept === $('new-value-slider')")  # it can be dragged on
    page.focus("#new-value-slider")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("state.now.values[nodes.find((n) => n.name === 'w1').index]") < 1
    assert position(page) == 15  # the arrow keys are the slider's own
    page.click("#reset")
    assert page.input_value("#new-value") == "−3"


def test_number_that_is_being_typed_stays_while_the_steps_go_on(show) -> None:
    page = show(tanh_neuron())
    open_card(page, "w1")
    page.fill("#new-value", "0.1")
    page.evaluate("goTo(5)")
    assert page.input_value("#new-value") == "0.1"


@pytest.mark.parametrize("number", [math.inf, math.nan])
def test_leaf_without_a_finite_number_has_no_slider(show, number: float) -> None:
    page = show(Value(number, label="x") * 2)
    open_card(page, "x")
    assert not page.is_visible("#new-value-slider")


def test_card_has_the_source_line_of_a_node_made_while_debugging(show) -> None:
    with debug():
        x = Value(0.5, label="x<b>")
        y = x.tanh()
    page = show(y)
    open_card(page, "x<b>")
    card = text(page, "#card")
    assert re.search(r"made in \S*test_stepper_cards\.py:\d+: x = Value\(0\.5, label=", card)
    assert "made in" not in text(show(x.tanh()), "#step")


def test_what_is_no_number_is_refused(show) -> None:
    page = show(logarithm())
    set_leaf(page, "x", "two")
    assert "not a number: two" in text(page, "#card")
    assert page.evaluate("state.now.values[0]") == 2


def test_gradient_step_moves_the_leaves_down_the_slope(show) -> None:
    page = show(tanh_neuron())
    page.fill("#rate", "0.1")
    page.click("#descend")
    root = tanh_neuron()
    root.backward()
    leaves = [node for node in topological_sort([root], operands) if not node._prev]
    found = page.evaluate(
        "nodes.filter((n) => n.kind !== 'op').map((n) => state.now.values[n.index])"
    )
    assert found == [leaf.data - 0.1 * leaf.grad for leaf in leaves]
    now = page.evaluate("state.now.values[root.index]")
    assert now < 0.7
    assert text(page, "#progress") == f"o: 0.7071 → {now:.4f}".replace("-", "−")


def test_gradient_step_of_a_model_moves_its_parameters_alone(show) -> None:
    page = show(MLP(2, [1], seed=0)([Value(1.0, label="in"), 2.0]))
    kinds = page.evaluate("learners.map((node) => node.kind)")
    assert kinds == ["parameter"] * 3


def test_operation_of_ones_own_is_shown_and_cannot_be_changed(show) -> None:
    page = show(squared_by_hand(), "#step=8")
    shown = text(page, "#step")
    assert "square is an operation of your own" in shown
    assert "= 0.0000 + 12.0000" in shown
    page.fill("#search", "x")
    page.press("#search", "Enter")
    assert "It cannot be changed here: it leads to square" in text(page, "#card")
    assert "only Python can compute square" in text(page, "#card")
    assert page.locator("#new-value").count() == 0
    set_leaf(page, "k", "5")
    assert page.evaluate("state.now.values[nodes.length - 1]") == 45


# ── safety ──────────────────────────────────────────────────────────────────────────────────────


def test_labels_stay_text(show) -> None:
    labels = ["<script>hurt()</script>", "<img src=x onerror=hurt()>", "__proto__", "a'\"\\{|}"]
    root = Value(1.0)
    for label in labels:
        leaf = Value(1.0, label=label)
        root = root * leaf
    page = show(root, "#step=3")
    for label in labels:
        page.fill("#search", label[:9])
        page.press("#search", "Enter")
        assert text(page, "#card h2") == label
    page.keyboard.press("Escape")
    page.evaluate("for (let i = 0; i <= last; i++) goTo(i)")
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0


def test_policy_stops_foreign_scripts_and_requests(browser, tmp_path) -> None:
    page = browser.new_page()
    page.goto(stepper(twice(), tmp_path / "page.html").path.as_uri())
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.hurt = true";
      document.body.append(script);
    }""")
    assert page.evaluate("window.hurt") is None
    assert page.evaluate("fetch('https://example.com').then(() => 1, () => 0)") == 0
    page.close()


def test_notebook_frame_runs_the_page(browser) -> None:
    page = browser.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.set_content(f"<!DOCTYPE html><title>notebook</title>{stepper(twice())._repr_html_()}")
    frame = page.frame_locator("iframe")
    frame.locator("#to-backward").click()
    frame.locator("#next").click()
    assert frame.locator("#position").inner_text() == "5 of 8 · backward"
    assert trouble == []
    page.close()


# ── looks ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_violations(show, scheme: str, width: int) -> None:
    page = show(tanh_neuron(), color_scheme=scheme, width=width)
    for step in (1, 11, 12):
        page.evaluate(f"goTo({step - 1})")
        assert violations(page) == []
    page.click("#predict")
    page.keyboard.press("ArrowRight")
    page.fill("#search", "w1")
    page.press("#search", "Enter")
    assert violations(page) == []
    page.click("#help-button")
    assert violations(page) == []


def test_axe_finds_no_violations_where_something_is_undefined(show) -> None:
    page = show(logarithm(), "#step=2")
    set_leaf(page, "x", "-1")
    assert violations(page) == []


def test_dark_mode_follows_the_system(show) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = (
        show(twice(), color_scheme=scheme).evaluate(paper) for scheme in ("light", "dark")
    )
    assert sum(map(int, re.findall(r"\d+", light))) > 700
    assert sum(map(int, re.findall(r"\d+", dark))) < 100


def test_paper_has_the_graph_and_the_step_but_no_controls(show) -> None:
    page = show(twice(), "#step=6")
    page.emulate_media(media="print")
    assert page.is_visible("#graph svg")
    assert page.is_visible("#step .formula")
    assert not page.is_visible("footer")
    assert not page.is_visible(".tools")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    frame, boxes = page.locator("#graph").bounding_box(), page.locator(".node rect")
    for place in range(boxes.count()):
        box = boxes.nth(place).bounding_box()
        assert frame["x"] <= box["x"] <= frame["x"] + frame["width"] - box["width"]


def test_phone_needs_no_sideways_scrolling(show) -> None:
    page = show(tanh_neuron(), "#step=15", width=360, height=740)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("$('panel').scrollWidth <= $('panel').clientWidth")


def test_everything_can_be_reached_by_keyboard(show) -> None:
    page = show(twice(), "#step=6")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = "document.activeElement"
        reached.add(page.evaluate(f"{focused}.id || {focused}.textContent"))
    controls = page.evaluate(
        "[...document.querySelectorAll('button:not(:disabled), input')]"
        ".filter((each) => each.checkVisibility()).map((each) => each.id || each.textContent)"
    )
    assert len(controls) > 15
    assert reached >= {*controls}


def test_folded_graph_steps_through_all_of_its_nodes(show) -> None:
    root = MLP(3, [20, 10, 1], seed=0)([1.0, 2.0, 3.0])
    page = show(root)
    page.keyboard.press("End")
    assert position(page) == len(topological_sort([root], operands)) + len(list(steps(root)))
    for step in range(0, 2000, 50):
        page.evaluate(f"goTo({step})")
        assert page.locator(".node.to, .node.now").count() == 1
    inner = root._prev[0]
    assert inner.label == ""
    page.evaluate("goTo(seedStep + 1)")
    assert f"in the box of {root.label}" in text(page, "#step .pass")
    assert "folded" in text(page, "#notice")
