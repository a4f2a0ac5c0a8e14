"""The playground's page in a real browser: its cards, its data, what goes out; for everybody."""

from __future__ import annotations

import json
import math
from functools import partial

import numpy as np
import pytest
from pages import text, violations, wait_for
from playgrounds import (
    CASES,
    FOUR,
    LINE,
    PLANE,
    SIGNS,
    THREE,
    apart,
    losses,
    moons,
    opened,
    press,
    value,
)  # fmt: skip

import viz
from scalargrad import MLP, SGD, Adam, Value, fit
from scalargrad import functional as F


@pytest.fixture
def show(open_page, tmp_path):
    return partial(opened, open_page, tmp_path / "page.html")


# ── every scalar ────────────────────────────────────────────────────────────────────────────────


def test_card_of_a_weight_shows_its_next_step_in_symbols_and_numbers(show) -> None:
    model, loss, data = moons()
    page = show(model, loss, data, optimizer="adam")
    losses(page, 3)
    page.evaluate("chooseWeight(0)")
    card = text(page, "#weight-card")
    assert "layers.0.neurons.0.w.0" in card
    assert "from x0 to l0.n0" in card
    assert "w ← w − rate · m̂ / (√v̂ + ε)" in card
    after = page.evaluate("(() => { steps(1); return number(now.parameters[0]); })()")
    assert card.split("w ← w − rate")[1].split(" = ")[2].startswith(after)


def test_edited_weight_is_computed_with(show) -> None:
    model, loss, data = moons()
    page = show(model, loss, data)
    page.evaluate("chooseWeight(4)")
    page.fill("#weight-value", "0.125")
    press(page, "Set")
    model.parameters()[4].data = 0.125
    history = fit(model, loss, data, SGD(model.parameters(), 0.1), 3, progress=False)
    assert apart(losses(page, 3), history.steps) < 1e-9
    page.fill("#weight-value", "much")
    press(page, "Set")
    assert "A number is needed, got “much”." in text(page, "#weight-card")


def test_dead_neuron_is_told(show) -> None:
    model, loss, data = moons((3, 1), activation="relu")
    model.layers[0].neurons[1].b.data = -100.0
    page = show(model, loss, data)
    page.get_by_role("button", name="Neuron l0.n1").click()
    assert "Dead: the slope of relu is 0 for all samples" in text(page, "#unit-card")


def test_saturated_neuron_is_told(show) -> None:
    model, loss, data = moons((3, 1))
    model.layers[0].neurons[1].b.data = 100.0
    page = show(model, loss, data)
    page.get_by_role("button", name="Neuron l0.n1").click()
    told = text(page, "#unit-card")
    assert "Dead" in told or "Saturated" in told


@pytest.mark.parametrize("labelled", [True, False])
def test_listed_parameters_are_told_apart_by_what_is_to_be_read(show, labelled) -> None:
    model, loss, data = moons((3, 1))
    if not labelled:
        for p in model.parameters():
            p.label = "w"
    page = show(model, loss, data)
    page.click("#parameters summary")
    spans = page.locator("#parameters button span")
    names = spans.all_inner_texts()
    assert names[:4] == (
        ["l0.n0.w0", "l0.n0.w1", "l0.n0.b", "l0.n1.w0"] if labelled else [*model.state_dict()][:4]
    )
    cut = spans.evaluate_all("(all) => all.map((each) => each.scrollWidth > each.clientWidth)")
    assert any(cut) != labelled
    titles = page.locator("#parameters button").evaluate_all("(all) => all.map((b) => b.title)")
    assert titles == [*model.state_dict()]


def test_neuron_with_a_setting_has_it_in_its_formula_and_its_slope(show) -> None:
    model, loss, data = moons((3, 1), activation=lambda x: x.leaky_relu(0.001))
    model.layers[0].neurons[1].b.data = -100.0
    page = show(model, loss, data)
    page.get_by_role("button", name="Neuron l0.n1").click()
    card = text(page, "#unit-card")
    assert "l0.n1 = leaky_relu(w₀ · x0 + w₁ · x1 + b, 0.001)" in card
    assert "Saturated: the slope of leaky_relu is below 0.01 for all samples." in card


def test_line_of_a_weight_is_chosen_by_a_click(show) -> None:
    page = show(*moons((2, 1)))
    x, y = page.evaluate("""() => {
      const { from, to } = lines.find(({ parameter }) => parameter === 0);
      const [x0, y0, x1, y1] = ends(boxOf[from], boxOf[to]);
      const box = $("lines").getBoundingClientRect();
      return [box.left + (x0 + x1) / 2, box.top + (y0 + y1) / 2];
    }""")
    page.mouse.click(x, y)
    assert page.evaluate("chosen.weight") == 0


# ── the data ────────────────────────────────────────────────────────────────────────────────────


def spot(page, x: float, y: float) -> tuple[float, float]:
    return tuple(page.evaluate("""([x, y]) => {
      const box = $("picture").getBoundingClientRect();
      return [box.left + frame.x.to(x), box.top + frame.y.to(y)];
    }""", [x, y]))  # fmt: skip


def test_click_adds_a_sample_and_a_drag_moves_it(show) -> None:
    x, y = [[-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]], [1.0, 1.0, -1.0]
    page = show(MLP(2, [3, 1], seed=0), F.hinge, (x, y))
    page.evaluate("$('class').value = '1'")
    page.mouse.click(*spot(page, 0.5, -0.5))
    rows = page.evaluate("now.set.rows")
    assert len(rows) == 4
    assert rows[3]["y"] == [1]
    assert rows[3]["x"] == pytest.approx([0.5, -0.5], abs=0.02)
    page.mouse.move(*spot(page, 1, 1))
    page.mouse.down()
    page.mouse.move(*spot(page, 0.6, 0.5), steps=4)
    page.mouse.up()
    assert page.evaluate("now.set.rows[1].x") == pytest.approx([0.6, 0.5], abs=0.05)
    press(page, "Step")
    assert value(page, "steps") == 1
    page.evaluate("$('data-panel').open = true")
    press(page, "Data as they were")
    assert page.evaluate("now.set.rows.map((row) => row.x)") == x


def test_pasted_table_takes_the_place_of_the_samples(show) -> None:
    model = MLP(2, [3, 1], seed=0)
    page = show(model, F.hinge, (PLANE, SIGNS))
    page.evaluate("$('data-panel').open = true")
    press(page, "Paste a table")
    page.fill("#table-text", "x0, x1, class\n0.5, 1, 1\n\n-1\t2\t-1\n3;4;1\n")
    press(page, "Take these samples")
    data = [[0.5, 1.0], [-1.0, 2.0], [3.0, 4.0]], [1.0, -1.0, 1.0]
    history = fit(model, F.hinge, data, SGD(model.parameters(), 0.1), 4, progress=False)
    assert apart(losses(page, 4), history.steps) < 1e-9


NO_TABLES = [
    ("1 2", "Line 1 needs 3 numbers, got 2."),
    ("1 2 1\n1 two 1", "Line 2 needs numbers, got “two”."),
    ("1 2 3", "Line 1 needs one of the classes -1, 1, got 3."),
    ("x y class", "A sample is needed at least, got none."),
    ("1 2 inf", "Line 1 needs numbers, got “inf”."),
]


def test_tables_that_are_none_are_told(show) -> None:
    page = show(*moons())
    page.evaluate("$('table-dialog').showModal()")
    for table, sentence in NO_TABLES:
        page.fill("#table-text", table)
        press(page, "Take these samples")
        assert page.inner_text("#table-said") == sentence
        assert page.evaluate("now.set.rows.length") == 30


def test_sample_is_chosen_by_a_click_on_its_prediction(show) -> None:
    page = show(*CASES["two outputs"]())
    x, y = page.evaluate("""() => {
      const box = $("picture").getBoundingClientRect();
      const [x, y] = spotOf(now.set.rows[3]);
      return [box.left + x, box.top + y];
    }""")
    page.mouse.click(x, y)
    assert page.evaluate("spotOf(now.set.rows[chosen.sample])[0] - spotOf(now.set.rows[3])[0]") < 11
    assert page.evaluate("now.set.rows.length") == 40


def test_samples_are_held_out(show) -> None:
    page = show(*moons())
    page.evaluate("$('data-panel').open = true")
    page.fill("#share", "20")
    press(page, "Draw anew")
    assert page.evaluate("[now.set.train.count, now.set.held.count]") == [24, 6]
    press(page, "Step")
    assert page.is_visible("#held-loss")
    assert math.isfinite(value(page, "held-loss"))


def test_validation_is_what_fit_computes(show) -> None:
    model, data, held = MLP(4, [5, 3], seed=1), (FOUR[:30], THREE[:30]), (FOUR[30:], THREE[30:])
    page = show(model, F.cross_entropy, data, validation=held)
    losses(page, 5)
    optimizer = SGD(model.parameters(), 0.1)
    history = fit(model, F.cross_entropy, data, optimizer, 5, validation=held, progress=False)
    assert value(page, "held-loss") == pytest.approx(history.validation_losses[-1], rel=1e-9)
    assert value(page, "accuracy") == history.validation_accuracies[-1]


# ── out again ───────────────────────────────────────────────────────────────────────────────────


def downloaded(page, name: str) -> str:
    page.evaluate("$('save-panel').open = true")
    with page.expect_download() as waiting:
        press(page, name)
    return waiting.value.path().read_text(encoding="utf-8")


def test_weights_come_back_into_the_model(show) -> None:
    model, loss, data = moons()
    page = show(model, loss, data)
    expected = losses(page, 8)[-1]
    page.evaluate("travel(7)")
    model.load_state_dict(json.loads(downloaded(page, "Download the weights")))
    history = fit(model, loss, data, SGD(model.parameters(), 0.1), 1, progress=False)
    assert history.steps[0] == pytest.approx(expected, rel=1e-12)


def test_curve_is_a_table(show) -> None:
    page = show(*moons())
    seen = losses(page, 5)
    rows = downloaded(page, "Download the loss curve").splitlines()
    assert rows[0] == "step,loss,held_out_loss"
    assert [tuple(map(float, row.split(",")[:2])) for row in rows[1:]] == [*enumerate(seen)]


def test_address_keeps_the_state_and_leads_back_to_it(show) -> None:
    model, loss, data = moons()
    page = show(model, loss, data, "#step=12&rate=0.05&optimizer=adam")
    wait_for(page, "now.steps === 12 && !playing")
    history = fit(model, loss, data, Adam(model.parameters(), 0.05), 13, progress=False)
    assert apart([value(page, "loss")], history.steps[-1:]) < 1e-9
    press(page, "Step")
    wait_for(page, "location.hash.includes('step=13')")
    assert "rate=0.05" in page.url
    assert "optimizer=adam" in page.url


@pytest.mark.parametrize(
    "address", ["#step=-3", "#rate=fast&optimizer=__proto__&batch=0", "#step=1e99x&weights=-1"]
)
def test_address_that_says_nothing_is_left_alone(show, address) -> None:
    model, loss, data = moons()
    page = show(model, loss, data, address)
    history = fit(model, loss, data, SGD(model.parameters(), 0.1), 3, progress=False)
    assert apart(losses(page, 3), history.steps) < 1e-9


# ── everybody's page ────────────────────────────────────────────────────────────────────────────

VIEWS = {
    "plane": lambda: moons(),
    "line": CASES["line"],
    "confusion": CASES["classes"],
    "scatter": CASES["two outputs"],
    "no neurons": CASES["attentive"],
    "image": lambda: (MLP(16, [6, 3], seed=0), F.cross_entropy, (np.tile(FOUR, 4), THREE)),
    "folded": lambda: (MLP(2, [60, 50, 1], seed=0), F.hinge, (PLANE, SIGNS)),
}


BEYOND = """[...document.querySelectorAll("main, body, main *")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .map((each) => each.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("name", VIEWS)
def test_page_is_accessible_light_and_dark_and_fits_a_phone(show, name: str) -> None:
    page = show(*VIEWS[name](), batch_size=10)
    press(page, "Step")
    page.evaluate("""() => {
      chooseWeight(0);
      for (const details of document.querySelectorAll("details")) details.open = true;
    }""")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("() => { chooseSample(1); if (units.length) chooseUnit(units.length - 1); }")
    assert violations(page) == []
    assert page.evaluate(BEYOND) == []


def test_dialogs_are_accessible(show) -> None:
    page = show(*moons())
    for name in ("help", "table-dialog"):
        page.evaluate("(name) => $(name).showModal()", name)
        assert violations(page) == []
        page.keyboard.press("Escape")


def test_keyboard_is_enough(show) -> None:
    page = show(*moons())
    page.keyboard.press("s")
    assert value(page, "steps") == 1
    page.keyboard.press("ArrowLeft")
    assert value(page, "steps") == 0
    page.keyboard.press("Space")
    wait_for(page, "now.steps > 3")
    page.keyboard.press("Space")
    assert not page.evaluate("playing")
    page.get_by_role("button", name="Neuron l0.n0").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("chosen.unit") == 2
    page.get_by_role("button", name="bias").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("parameterName(chosen.weight)") == "layers.0.neurons.0.b"
    page.keyboard.press("Escape")
    assert page.evaluate("chosen.weight") is None
    page.keyboard.press("?")
    assert page.evaluate("$('help').open")


def test_paper_shows_pictures_and_no_buttons(show) -> None:
    page = show(*moons())
    page.emulate_media(media="print")
    assert page.is_visible("#picture")
    assert page.is_visible("#losses")
    assert page.is_visible("#lines")
    assert not page.is_visible("#play")
    assert not page.is_visible("#slider")


def test_labels_are_text_whatever_they_hold(show) -> None:
    text = "</script><img src=x onerror=alert(1)>"
    weights = [Value(0.5, label=text), Value(0.25, label=f"{text}b")]

    def model(x):
        made = (weights[0] * x[0] + weights[1]).tanh()
        made.label = text
        return made

    page = show(model, F.mse, (LINE, LINE[:, 0]), optimizer=SGD(weights), title=text)
    page.evaluate("() => { chooseUnit(1); $('parameters').open = true; }")
    assert page.inner_text("h1") == text
    assert text in page.inner_text("#unit-card h2")
    assert page.locator("img").count() == 0


def test_notebook_shows_it_in_a_frame(browser) -> None:
    frame = viz.playground(*moons())._repr_html_()
    page = browser.new_page()
    page.set_content(f"<!DOCTYPE html><html><body>{frame}</body></html>")
    inside = page.frame_locator("iframe")
    inside.get_by_role("button", name="Step", exact=True).click()
    assert inside.locator("#steps").get_attribute("data-value") == "1"
    page.close()
