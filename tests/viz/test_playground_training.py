"""How the playground's page trains, in a real browser: held against fit and the engine."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from pages import wait_for
from playgrounds import (
    CASES,
    LINE,
    OPTIMISERS,
    PLANE,
    SIGNS,
    apart,
    losses,
    moons,
    press,
    value,
)  # fmt: skip

import viz
from scalargrad import MLP, SGD, Adam, AdamW, Value, compile, fit
from scalargrad import functional as F
from scalargrad.ops import PRIMITIVES
from scalargrad.train import trace_loss
from viz.pages.playground.tapes import CODES_OF_SUMS, numbers, program


@pytest.fixture
def show(open_page, tmp_path):
    """Open the playground of a model."""

    def opened(model, loss, data, address="", browser=None, **options):
        path = tmp_path / "page.html"
        viz.playground(model, loss, data, path, **options)
        return open_page(path, address, **(browser or {}))

    return opened


# ── it computes what Python computes ────────────────────────────────────────────────────────────


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


def all_rows(a: Value, b: Value, c: Value):
    """Return a model with all rows of the table."""

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

    return model


def test_every_row_of_the_table_computes_and_derives_as_the_engine(show) -> None:
    a, b, c = Value(0.5, label="a"), Value(0.6, label="b"), Value(0.7, label="c")
    model, data = all_rows(a, b, c), (UNIT, [1.0, 2.0, 3.0, 4.0])
    page = show(model, F.mse, data, optimizer=SGD([a, b, c], 0.01))
    found = losses(page, 5)
    history = fit(model, F.mse, data, SGD([a, b, c], 0.01), 5, progress=False)
    assert apart(found, history.steps) < 1e-9


SPECIAL = [
    *(0.0, -0.0, 0.5, 1.0, -1.0, 2.0, -2.0, 3.0, 27.0, 710.0, -745.0, 1e-300, 5e-324),
    *(1e308, -1e308, math.inf, -math.inf, math.nan),
]  # fmt: skip

PASS = """([tape, fed]) => {
  const machine = makeMachine(tape);
  const first = tape.constants.length;
  const count = fed.length / machine.width;
  return Array.from({ length: count }, (_, row) => {
    const passed = machine.pass(new Float64Array(1), Float64Array.from(fed, Number), row);
    const slopes = tape.columns.map((_, i) => passed.slope(first + i));
    return [passed.value(tape.loss), ...slopes].map(String);
  });
}"""


def number(text: str) -> float:
    return float(text.replace("Infinity", "inf"))


def test_every_row_answers_special_numbers_as_the_tape_does_in_python(show) -> None:
    a = Value(0.0, label="a")
    page = show(all_rows(a, a, a), F.mse, (UNIT, [1.0] * 4), optimizer=SGD([a], 0.1))
    for row in PRIMITIVES.values():
        count = len(row.partials)
        start = [1.5 if row.name == "acosh" else 0.5] * count
        points = np.array([*product(SPECIAL if count < 3 else SPECIAL[-5:], repeat=count)])
        traced = trace_loss(
            lambda x, row=row, count=count: getattr(Value, row.method)(*x[:count]) + a,
            lambda outputs, _: outputs[0], ([start], [0.0]), SGD([a], 0.1),
        )  # fmt: skip
        tape, _ = program(traced, [])
        fed = numbers(points[:, tape["columns"]].ravel())
        found = [
            [*map(number, texts)] for texts in page.evaluate(PASS, [tape | CODES_OF_SUMS, fed])
        ]
        compiled = compile(traced.loss, traced.leaves[:count], [a], machine="tape")
        expected = np.column_stack([compiled(points), compiled.jacobian(points)])
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300, err_msg=row.name)


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
    page.evaluate("$('rate').value = '0.02'")  # typed, and not yet left
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
    press(page, "First weights")
    assert page.evaluate("[...now.parameters]") == before


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
