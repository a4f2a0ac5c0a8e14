"""The playground's page in a real browser, headless and without a network."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from pages import violations, wait_for

import viz
from scalargrad import MLP, SGD, Adam, AdamW, Neuron, Value, compile, fit
from scalargrad import functional as F
from scalargrad.nn import Module
from scalargrad.ops import PRIMITIVES

RNG = np.random.default_rng(0)
PLANE = RNG.normal(size=(30, 2))
SIGNS = np.where(PLANE[:, 0] * PLANE[:, 1] > 0, 1.0, -1.0)
FOUR = RNG.normal(size=(40, 4))
THREE = np.argmax(FOUR[:, :3], axis=1)
LINE = np.linspace(-1, 1, 20)[:, None]


@pytest.fixture
def show(open_page, tmp_path):
    """Open the playground of a model."""

    def opened(model, loss, data, address="", browser=None, **options):
        path = tmp_path / "page.html"
        viz.playground(model, loss, data, path, **options)
        return open_page(path, address, **(browser or {}))

    return opened


def moons(sizes=(4, 3, 1), **options) -> tuple:
    return MLP(2, list(sizes), seed=1, **options), F.hinge, (PLANE, SIGNS)


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def value(page, what: str) -> float:
    return float(page.locator(f"#{what}").get_attribute("data-value"))


def losses(page, count: int) -> list[float]:
    """Return the loss now, and after each of some steps."""
    script = """(count) => Array.from({ length: count }, () => {
      const loss = Number($("loss").dataset.value);
      steps(1);
      return loss;
    })"""
    return page.evaluate(script, count)


def apart(found, expected) -> float:
    found, expected = np.array(found), np.array(expected)
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1e-300)))


# ── it computes what Python computes ────────────────────────────────────────────────────────────


class Recurrent(Module):
    """One neuron for all steps of a sequence: weights that are shared."""

    def __init__(self) -> None:
        self.cell, self.scale = Neuron(2, seed=3), Value(0.5)

    def __call__(self, x):
        state = x[0]
        for v in x[1:]:
            state = self.cell([state, v])
        return state * self.scale.exp()


class Attentive(Module):
    """Log-sum-exps, divisions and maxima of what is learned."""

    def __init__(self) -> None:
        self.w = [Value(v) for v in (0.3, -0.2, 0.5, 0.1)]

    def __call__(self, x):
        scores = F.softmax([w * v for w, v in zip(self.w, x, strict=True)])
        return F.dot(scores, x) + F.logsumexp(self.w) + x[0].max(self.w[1])


def decayed(model):
    """Return a loss with a term that depends on no sample."""

    def loss(outputs, targets):
        return F.hinge(outputs, targets) + 1e-2 * F.sum(p * p for p in model.parameters())

    return loss


def with_decay():
    model, _, data = moons()
    return model, decayed(model), data


CASES = {
    "relu": lambda: moons((16, 16, 1), activation="relu", init="he"),
    "classes": lambda: (MLP(4, [5, 3], seed=1), F.cross_entropy, (FOUR, THREE)),
    "line": lambda: (MLP(1, [6, 1], "gelu", seed=1), F.mse, (LINE, LINE[:, 0] ** 2)),
    "probability": lambda: (
        MLP(2, [3, 1], output="sigmoid", seed=1), F.binary_cross_entropy, (PLANE, SIGNS > 0)
    ),
    "decay": with_decay,
    "recurrent": lambda: (Recurrent(), F.mse, (FOUR, FOUR.sum(axis=1))),
    "attentive": lambda: (Attentive(), F.mse, (FOUR, FOUR.max(axis=1))),
    "two outputs": lambda: (MLP(4, [3, 2], seed=1), F.mae, (FOUR, FOUR[:, :2] ** 2)),
}  # fmt: skip

OPTIMISERS = {
    "sgd": lambda p: SGD(p, 0.05),
    "momentum": lambda p: SGD(p, 0.05, 0.9),
    "adam": lambda p: Adam(p, 0.05),
    "adamw": lambda p: AdamW(p, 0.05),
}


@pytest.mark.parametrize("name", CASES)
def test_losses_of_full_batches_are_those_of_fit(show, name: str) -> None:
    model, loss, data = CASES[name]()
    start = model.state_dict()
    page = show(model, loss, data, learning_rate=0.05)
    for name, optimizer in OPTIMISERS.items():
        page.select_option("#optimizer", name)
        press(page, "Reset")
        found = losses(page, 30)
        model.load_state_dict(start)
        history = fit(model, loss, data, optimizer(model.parameters()), 30, progress=False)
        assert apart(found, history.steps) < 1e-9
        assert value(page, "steps") == 30


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: SGD(p, 0.05, 0.5, weight_decay=0.1),
        lambda p: Adam(p, 0.02, (0.5, 0.75), 1e-3, weight_decay=0.1),
        lambda p: AdamW(p, 0.02, weight_decay=0.5),
    ],
)
def test_options_of_an_optimiser_are_taken_over(show, optimizer) -> None:
    model, loss, data = moons()
    page = show(model, loss, data, optimizer=optimizer(model.parameters()))
    found = losses(page, 20)
    history = fit(model, loss, data, optimizer(model.parameters()), 20, progress=False)
    assert apart(found, history.steps) < 1e-9


def test_many_samples_are_computed_in_blocks(show) -> None:
    x = np.random.default_rng(1).normal(size=(300, 3))
    model, data = MLP(3, [4, 1], seed=0), (x, x.sum(axis=1))
    found = losses(show(model, F.mse, data), 5)
    history = fit(model, F.mse, data, SGD(model.parameters(), 0.1), 5, progress=False)
    assert apart(found, history.steps) < 1e-9


#: Where all rows of the table are defined and smooth: operands between 0 and 1.
UNIT = [[0.2, 0.7], [0.4, 0.3], [0.6, 0.85], [0.8, 0.55]]


def test_every_row_of_the_table_computes_and_derives_as_the_engine(show) -> None:
    a, b, c = Value(0.5, label="a"), Value(0.6, label="b"), Value(0.7, label="c")

    def model(x):
        total = a * x[0] + b * x[1] + c
        for row in PRIMITIVES.values():
            operands = [a * x[0] + 0.1, b * x[1] + 0.05, c * x[0]][: len(row.partials)]
            if row.name in ("acosh", "log"):
                operands = [operands[0] + 1.5]
            if row.name == "pow_number":
                operands = [operands[0], 2.5]
            if row.name == "where":
                operands[0] = x[0].greater(x[1])
            method = getattr(Value, row.method)
            total = total + 0.1 * method(*operands)
        return total

    data = (UNIT, [1.0, 2.0, 3.0, 4.0])
    page = show(model, F.mse, data, optimizer=SGD([a, b, c], 0.01))
    found = losses(page, 5)
    history = fit(model, F.mse, data, SGD([a, b, c], 0.01), 5, progress=False)
    assert apart(found, history.steps) < 1e-9


def test_units_and_the_pass_of_a_sample_are_those_of_the_engine(show) -> None:
    model, loss, (x, y) = moons()
    page = show(model, loss, (x, y))
    found = page.evaluate("""() => {
      chooseSample(7);
      return Object.fromEntries(data.units.map((unit) =>
        [unit.name, [passed.value(unit.slot), passed.slope(unit.slot)]]));
    }""")
    inputs = [Value(v, label=f"x{i}") for i, v in enumerate(x[7])]
    seen, values = {}, inputs
    for layer in model.layers:
        values = layer.outputs(values)
        seen |= {v.label: v for v in values}
    loss(values, [Value(y[7])]).backward()
    for name, node in {**seen, "x0": inputs[0], "x1": inputs[1]}.items():
        assert found[name] == pytest.approx([node.data, node.grad], rel=1e-12, abs=1e-15)


def test_field_over_the_plane_is_what_the_model_computes(show) -> None:
    model, loss, data = moons()
    page = show(model, loss, data)
    places, scores = page.evaluate("""() => {
      // Of a hinge loss, each place is fed as its two inputs and a target.
      const { fed, count } = gridOf(COARSE);
      const places = [];
      for (let i = 0; i < count; i += 97) places.push([...fed.slice(3 * i, 3 * i + 2)]);
      return [places, [...fields.outputs[0]].filter((_, i) => i % 97 === 0)];
    }""")
    x = [Value(0.0), Value(0.0)]
    expected = compile(model(x), x)(places)
    assert scores == pytest.approx(expected.tolist(), rel=1e-5, abs=1e-6)  # fields are in 32 bits


# ── steering ────────────────────────────────────────────────────────────────────────────────────


def test_play_step_and_reset_by_their_names(show) -> None:
    page = show(*moons())
    start = value(page, "loss")
    press(page, "Step")
    assert value(page, "steps") == 1
    assert value(page, "loss") < start
    press(page, "Play")
    wait_for(page, "now.steps > 20")
    press(page, "Pause")
    paused = value(page, "steps")
    page.wait_for_timeout(100)
    assert value(page, "steps") == paused > 20
    press(page, "Reset")
    assert (value(page, "steps"), value(page, "loss")) == (0, start)


def test_epoch_goes_once_through_all_samples(show) -> None:
    page = show(*moons(), batch_size=7)
    press(page, "Epoch")
    assert (value(page, "steps"), value(page, "epochs")) == (math.ceil(30 / 7), 1)


def test_speed_sets_the_steps_of_a_second(show) -> None:
    page = show(*moons())
    page.select_option("#speed", "10")
    press(page, "Play")
    page.wait_for_timeout(700)
    press(page, "Pause")
    assert 1 <= value(page, "steps") <= 20


def test_rate_optimiser_and_batch_are_changed_on_the_way(show) -> None:
    model, loss, data = moons()
    page = show(model, loss, data)
    first = losses(page, 5)
    page.fill("#rate", "0.02")
    page.keyboard.press("Enter")
    page.select_option("#optimizer", "adam")
    found = first + losses(page, 5)
    history = fit(model, loss, data, SGD(model.parameters(), 0.1), 5, progress=False)
    more = fit(model, loss, data, Adam(model.parameters(), 0.02), 5, progress=False)
    assert apart(found, history.steps + more.steps) < 1e-9
    page.fill("#batch", "10")
    page.keyboard.press("Tab")
    press(page, "Epoch")
    assert value(page, "steps") == 13


NO_SETTINGS = [
    ("rate", "fast", "The rate is a number from 0 up, got “fast”."),
    ("rate", "-1", "The rate is a number from 0 up, got “-1”."),
    ("rate", "inf", "The rate is a number from 0 up, got “inf”."),
    ("batch", "2.5", "The size of a batch is a whole number from 1 up, got “2.5”."),
    ("batch", "0", "The size of a batch is a whole number from 1 up, got “0”."),
]


def test_settings_that_are_none_are_told_and_change_nothing(show) -> None:
    page = show(*moons())
    before = page.evaluate("({ ...now.settings })")
    for field, text, sentence in NO_SETTINGS:
        page.fill(f"#{field}", text)
        page.keyboard.press("Enter")
        assert page.inner_text("#trouble") == sentence
        assert page.evaluate("({ ...now.settings })") == before


def test_step_that_is_not_finite_is_not_taken_and_told(show) -> None:
    model, data = MLP(1, [4, 1], "relu", seed=0), (LINE, LINE[:, 0])
    page = show(model, F.mse, data, learning_rate=1e90)
    press(page, "Play")
    wait_for(page, "!playing")
    told = page.inner_text("#trouble")
    assert "not finite in sample" in told or "would become infinite" in told
    assert page.evaluate("[...now.parameters].every(Number.isFinite)")
    assert value(page, "steps") == page.evaluate("curve.losses.length")


def test_new_weights_are_drawn_and_reset_keeps_them(show) -> None:
    page = show(*moons())
    before = page.evaluate("[...now.parameters]")
    press(page, "New weights")
    drawn = page.evaluate("[...now.parameters]")
    changed = [x != y for x, y in zip(before, drawn, strict=True)]
    biases = [name.endswith(".b") for name in MLP(2, [4, 3, 1]).state_dict()]
    assert changed == [not is_bias for is_bias in biases]
    press(page, "Step")
    press(page, "Reset")
    assert page.evaluate("[...now.parameters]") == drawn


@pytest.mark.parametrize(
    ("init", "deviation"), [("uniform", 3**-0.5), ("he", 1.0), ("xavier", 0.2)]
)
def test_weights_are_drawn_with_the_spread_of_the_initialiser(show, init, deviation) -> None:
    page = show(MLP(2, [48, 1], init=init, seed=0), F.hinge, (PLANE, SIGNS))
    drawn = page.evaluate("[...drawn(5)].filter((_, i) => i < 144 && i % 3 !== 2)")
    assert np.std(drawn) == pytest.approx(deviation, rel=0.15)


# ── time ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("batch", [None, 7])
def test_slider_goes_back_to_any_step_and_training_goes_on_from_there(show, batch) -> None:
    page = show(*moons(), optimizer="adam", batch_size=batch)
    seen = losses(page, 40)
    # As with a large model, only some steps are kept.
    page.evaluate("thin(16)")
    for step in (23, 3, 39, 16, 0):
        page.evaluate("""(step) => {
          $("slider").value = step;
          $("slider").dispatchEvent(new Event("input"));
        }""", step)  # fmt: skip
        assert (value(page, "steps"), value(page, "loss")) == (step, seen[step])
    assert page.evaluate("curve.losses.length") == 40
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.evaluate("travel(10)")
    assert losses(page, 5) == seen[10:15]
    assert page.evaluate("curve.losses.length") == 15


def test_way_back_leads_over_changes_by_hand(show) -> None:
    page = show(*moons(), batch_size=7)
    first = losses(page, 10)
    page.evaluate("choose({ rate: 0.5, optimizer: 'momentum' })")
    second = losses(page, 10)
    page.evaluate("change(() => { now.parameters[0] = 2; })")
    page.evaluate("thin(16)")
    page.evaluate("travel(15)")
    assert value(page, "loss") == second[5]
    page.evaluate("travel(5)")
    assert value(page, "loss") == first[5]
    assert page.input_value("#rate") == "0.1"
    assert page.input_value("#optimizer") == "sgd"


# ── every scalar ────────────────────────────────────────────────────────────────────────────────


def text_of(page, selector: str) -> str:
    return " ".join(page.inner_text(selector).split())


def test_card_of_a_weight_shows_its_next_step_in_symbols_and_numbers(show) -> None:
    model, loss, data = moons()
    page = show(model, loss, data, optimizer="adam")
    losses(page, 3)
    page.evaluate("chooseWeight(0)")
    card = text_of(page, "#weight-card")
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
    assert "A number is needed, got “much”." in text_of(page, "#weight-card")


def test_dead_neuron_is_told(show) -> None:
    model, loss, data = moons((3, 1), activation="relu")
    model.layers[0].neurons[1].b.data = -100.0
    page = show(model, loss, data)
    page.get_by_role("button", name="Neuron l0.n1").click()
    assert "Dead: the slope of relu is 0 for all samples" in text_of(page, "#unit-card")


def test_saturated_neuron_is_told(show) -> None:
    model, loss, data = moons((3, 1))
    model.layers[0].neurons[1].b.data = 100.0
    page = show(model, loss, data)
    page.get_by_role("button", name="Neuron l0.n1").click()
    told = text_of(page, "#unit-card")
    assert "Dead" in told or "Saturated" in told


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


@pytest.mark.parametrize("name", VIEWS)
def test_page_is_accessible(show, name: str) -> None:
    page = show(*VIEWS[name](), batch_size=10)
    press(page, "Step")
    page.evaluate("""() => {
      chooseWeight(0);
      for (const details of document.querySelectorAll("details")) details.open = true;
    }""")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    page.evaluate("() => { chooseSample(1); if (units.length) chooseUnit(units.length - 1); }")
    assert violations(page) == []


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


@pytest.mark.parametrize("name", VIEWS)
def test_phone_shows_all_of_it_without_moving_sideways(show, name: str) -> None:
    page = show(*VIEWS[name](), browser={"viewport": {"width": 390, "height": 844}})
    press(page, "Step")
    page.evaluate("""() => {
      chooseWeight(0);
      chooseSample(0);
      for (const details of document.querySelectorAll("details")) details.open = true;
    }""")
    wide = page.evaluate("""[...document.querySelectorAll("main, body, main *")]
      .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
      .map((each) => each.outerHTML.slice(0, 80))""")
    assert wide == []


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
