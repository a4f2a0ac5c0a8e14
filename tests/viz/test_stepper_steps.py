"""The stepper's page in a browser: its steps, its controls, and what it asks."""

from __future__ import annotations

from functools import partial

import pytest
from graphs import tanh_neuron, twice
from pages import text, wait_for
from steppers import opened, position

from scalargrad import Value
from viz.pages.drill import drill


@pytest.fixture
def show(open_page, tmp_path):
    return partial(opened, open_page, tmp_path / "page.html")


# ── steps ───────────────────────────────────────────────────────────────────────────────────────


def test_forward_step_shows_the_operation_in_names_and_numbers(show) -> None:
    page = show(tanh_neuron(), "#step=10")
    assert "o = tanh(n) = tanh(0.8814) = 0.7071" in text(page, "#step")
    assert page.get_attribute("#n9", "class") == "node op now"


def test_backward_step_shows_the_chain_rule_and_the_rule_of_the_operation(show) -> None:
    page = show(tanh_neuron(), "#step=12")
    shown = text(page, "#step")
    assert "∂o ∂n ▲ += ∂o ∂o ● · ∂o ∂n ◆" in shown
    assert "0.0000 + 1.0000 · 0.5000 = 0.0000 + 0.5000" in shown
    assert "tanh′ = 1 − out² = 1 − o² = 1 − 0.7071² = 0.5000" in shown
    assert {role: page.locator(f".node.{role}").count() for role in ("from", "to")} == {
        "from": 1, "to": 1,
    }  # fmt: skip
    assert text(page, ".edge.along") == "◆ ∂ 0.5000"
    assert text(page, ".node.to") == "n data 0.8814 grad 0.5000"


def test_negative_factors_stand_in_parentheses(show) -> None:
    x, y = Value(2.0, label="x"), Value(-3.0, label="y")
    page = show(x * y, "#step=5")
    assert "0.0000 + 1.0000 · (−3.0000) = 0.0000 + (−3.0000) before" in text(page, "#step")


def test_each_use_of_a_node_is_counted(show) -> None:
    page = show(twice(), "#step=7")
    assert "use 1 of 2 of a" in text(page, "#step")
    first = page.get_attribute(".edge.along", "id")
    page.keyboard.press("ArrowRight")
    assert "use 2 of 2 of a" in text(page, "#step")
    assert "12.0000 + 12.0000 · 1.0000 = 12.0000 + 12.0000" in text(page, "#step")
    assert page.get_attribute(".edge.along", "id") != first


def test_what_is_still_to_come_is_not_shown(show) -> None:
    page = show(twice(), "#step=1")
    assert text(page, "#n0") == "a data 3.0000 grad ·"
    assert text(page, "#n2") == "c data · grad ·"
    page.keyboard.press("End")
    assert text(page, "#n0") == "a data 3.0000 grad 24.0000"
    page.keyboard.press("Home")
    assert text(page, "#n0") == "a data 3.0000 grad ·"


def test_screen_reader_hears_the_formula(show) -> None:
    page = show(twice(), "#step=8")
    heard = "d c by d a grows by d c by d b, 12.0000, times d b by d a, 1.0000, use 2 of 2 of a."
    assert heard in text(page, "#spoken")
    assert "From 12.0000 to 24.0000." in text(page, "#spoken")
    assert page.get_attribute("#spoken", "aria-live") == "polite"


# ── controls ────────────────────────────────────────────────────────────────────────────────────


def test_keys_move_through_the_steps(show) -> None:
    page = show(twice())
    found = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home", "ArrowLeft"):
        page.keyboard.press(key)
        found.append(position(page))
    assert found == [2, 3, 2, 8, 8, 1, 1]


def test_shift_moves_by_whole_nodes(show) -> None:
    page = show(twice(), "#step=3")
    found = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(f"Shift+{key}")
        found.append(position(page))
    assert found == [6, 8, 6, 2]


def test_space_plays_to_the_end_and_pauses(show) -> None:
    page = show(twice(), "#step=6")
    page.keyboard.press("Space")
    assert text(page, "#play") == "Pause"
    wait_for(page, "state.position === last && !state.playing")
    assert text(page, "#play") == "Play"
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    assert text(page, "#play") == "Play"


def test_buttons_and_slider_jump(show) -> None:
    page = show(twice())
    page.click("#to-backward")
    assert position(page) == 4
    page.click("#last")
    assert position(page) == 8
    assert page.is_disabled("#next")
    page.click("#to-forward")
    assert position(page) == 1
    page.fill("#slider", "5")
    assert position(page) == 6
    page.focus("#slider")
    page.keyboard.press("ArrowRight")
    assert position(page) == 7


def test_search_finds_labels_one_after_the_other(show) -> None:
    page = show(tanh_neuron())
    page.keyboard.press("/")
    page.keyboard.type("W")
    page.keyboard.press("Enter")
    assert (text(page, "#card h2"), text(page, "#matches")) == ("w1", "1 of 2")
    page.keyboard.press("Enter")
    assert (text(page, "#card h2"), text(page, "#matches")) == ("w2", "2 of 2")
    page.fill("#search", "nowhere")
    page.keyboard.press("Enter")
    assert text(page, "#matches") == "not found"


def test_question_mark_shows_help_and_escape_closes_it(show) -> None:
    page = show(twice())
    page.keyboard.press("?")
    assert page.is_visible("#help")
    page.keyboard.press("Escape")
    assert not page.is_visible("#help")


def test_link_leads_to_a_step_and_follows_it(show) -> None:
    page = show(twice(), "#step=5")
    assert position(page) == 5
    page.keyboard.press("ArrowRight")
    wait_for(page, "location.hash === '#step=6'")
    page.evaluate("location.hash = '#step=2'")
    wait_for(page, "state.position === 1")
    page.evaluate("location.hash = '#step=999'")
    wait_for(page, "state.position === last")


def view(page) -> dict[str, float]:
    return page.evaluate("({ ...state.view })")


def test_wheel_zooms_where_the_pointer_is_and_0_fits(show) -> None:
    page = show(tanh_neuron())
    start = view(page)
    box = page.locator("#n0").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    wait_for(page, f"state.view.zoom > {start['zoom']} * 1.5")
    zoomed = page.locator("#n0").bounding_box()
    assert zoomed["x"] < x < zoomed["x"] + zoomed["width"]
    assert zoomed["width"] > 1.5 * box["width"]
    page.keyboard.press("0")
    assert view(page) == start


def test_drag_moves_the_graph_and_opens_no_card(show) -> None:
    page = show(tanh_neuron())
    before = page.locator("#n0").bounding_box()
    x, y = before["x"] + 10, before["y"] + 10
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30, steps=3)
    page.mouse.up()
    after = page.locator("#n0").bounding_box()
    assert after["x"] - before["x"] == pytest.approx(60, abs=1)
    assert after["y"] - before["y"] == pytest.approx(30, abs=1)
    assert not page.is_visible("#card")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_current_node_stays_in_view(show, motion: str) -> None:
    root = Value(0.5, label="x")
    for _ in range(60):
        root = root.tanh()
    page = show(root, reduced_motion=motion)
    frame = page.locator("#graph").bounding_box()
    for key in ("End", "Home"):
        page.keyboard.press(key)
        if motion != "reduce":
            page.wait_for_timeout(500)
        box = page.locator(".node.to, .node.now").bounding_box()
        assert frame["x"] <= box["x"] <= frame["x"] + frame["width"] - box["width"]
        assert frame["y"] <= box["y"] <= frame["y"] + frame["height"] - box["height"]


# ── predict ─────────────────────────────────────────────────────────────────────────────────────


def test_predict_asks_before_it_shows(show) -> None:
    page = show(twice(), "#step=7")
    page.click("#predict")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#question")
    assert text(page, "#n0") == "a data 3.0000 grad 12.0000"
    assert "= ?" in text(page, "#step")
    assert "24" not in text(page, "#step") + text(page, "#spoken")
    page.fill("#guess", "12")
    page.press("#guess", "Enter")
    assert "That is what this step adds" in text(page, "#verdict")
    page.fill("#guess", "24")
    page.click("#check")
    assert text(page, "#verdict") == "✓ Right: 24.0000. 1 of 1 so far."
    assert text(page, "#n0") == "a data 3.0000 grad 24.0000"
    assert not page.is_visible("#question")


@pytest.mark.parametrize("right", [True, False])
def test_a_drill_asks_for_each_gradient_and_says_what_comes_next(browser, tmp_path, right) -> None:
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(drill(seed=2, level=2, path=tmp_path / "drill.html").path.as_uri())
    assert page.get_attribute("#predict", "aria-pressed") == "true"
    last = int(page.get_attribute("#slider", "max")) + 1
    assert position(page) < last
    while position(page) < last:
        page.click("#next")
        if right:
            page.fill("#guess", str(page.evaluate("step().after")))
            page.click("#check")
        else:
            page.click("#reveal")
    said = page.inner_text("#verdict")
    context.close()
    if right:
        assert said.endswith("8 of 8 so far. Now a harder one: viz.drill(2, level=3)")
    else:
        assert said.strip() == "Now another one: viz.drill(3, level=2)"


def test_a_drill_is_answered_by_keys_alone(browser, tmp_path) -> None:
    page = browser.new_page()
    page.goto(drill(seed=2, level=2, path=tmp_path / "drill.html").path.as_uri())
    page.keyboard.press("ArrowRight")
    for _ in range(3):
        page.keyboard.type(str(page.evaluate("step().after")))
        page.keyboard.press("Enter")  # checks, and goes to the button of the next step
        assert text(page, "#verdict").startswith("✓ Right")
        page.keyboard.press("Enter")
    assert text(page, "#verdict") == ""
    assert page.evaluate("[state.score.right, state.score.asked, state.waiting]") == [3, 4, True]
    before = position(page)
    page.keyboard.press("ArrowRight")  # without an answer: it is shown
    assert position(page) == before + 1
    page.close()


def test_the_slider_keeps_the_focus_where_a_gradient_is_asked_for(show) -> None:
    page = show(twice(), "#step=5")
    page.click("#predict")
    page.focus("#slider")
    page.keyboard.press("End")
    assert page.is_visible("#question")
    assert page.evaluate("document.activeElement.id") == "slider"


def test_predict_reveals_on_demand_and_when_stepping_on(show) -> None:
    page = show(twice(), "#step=5")
    page.click("#predict")
    page.keyboard.press("ArrowRight")
    page.click("#reveal")
    assert text(page, "#n1") == "b data 6.0000 grad 12.0000"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert text(page, "#n0") == "a data 3.0000 grad 12.0000"
