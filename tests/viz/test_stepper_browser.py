"""The stepper's page in a real browser, headless and without a network."""

from __future__ import annotations

import json
import math
import random
import re
import sys
from itertools import product

import pytest
from pages import text, violations, wait_for

from scalargrad import Value, debug, grad, hessian
from scalargrad import functional as F
from scalargrad.engine import operands
from scalargrad.graph import topological_sort
from scalargrad.nn import MLP
from scalargrad.ops import PRIMITIVES, float_function
from viz.pages.drill import drill
from viz.pages.stepper import stepper
from viz.words.steps import steps


@pytest.fixture
def show(open_page, tmp_path):
    """Open the page of a graph."""

    def opened(root: Value, address: str = "", **options):
        return open_page(stepper(root).save(tmp_path / "page.html"), address, **options)

    return opened


def tanh_neuron() -> Value:
    """Build o = tanh(x1·w1 + x2·w2 + b), with the numbers of the classic lecture."""
    numbers = {"x1": 2.0, "x2": 0.0, "w1": -3.0, "w2": 1.0, "b": 6.8813735870195432}
    x1, x2, w1, w2, b = (Value(number, label=label) for label, number in numbers.items())
    n = x1 * w1 + x2 * w2 + b
    o = n.tanh()
    n.label, o.label = "n", "o"
    return o


def twice() -> Value:
    a = Value(3.0, label="a")
    b = a + a
    b.label = "b"
    c = b * b
    c.label = "c"
    return c


def logarithm() -> Value:
    x = Value(2.0, label="x")
    y = x.log()
    y.label = "y"
    return y


def squared_by_hand() -> Value:
    x, k = Value(3.0, label="x"), Value(2.0, label="k")
    square = Value(x.data**2, (x,), "square", label="s")

    def backward() -> None:
        x.grad += 2 * x.data * square.grad

    square._backward = backward
    out = square * k
    out.label = "out"
    return out


def position(page) -> int:
    return int(page.input_value("#slider")) + 1


# ── arithmetic ──────────────────────────────────────────────────────────────────────────────────

SPECIAL = [
    *(0.0, -0.0, 0.5, 1.0, -1.0, 2.0, -2.0, 3.0, 27.0, 710.0, -745.0, 1e-300, 5e-324),
    *(1e308, -1e308, math.inf, -math.inf, math.nan),
]  # fmt: skip


def some_points(count: int) -> list[tuple[float, ...]]:
    rng = random.Random(count)
    points = list(product(SPECIAL, repeat=count))
    for scale in (1e-3, 1.0, 10.0, 100.0):
        points += [tuple(rng.gauss(0.0, scale) for _ in range(count)) for _ in range(300)]
        points += [tuple(abs(rng.gauss(0.0, scale)) for _ in range(count)) for _ in range(100)]
    return points


def in_python(function, *numbers):
    try:
        return function(*numbers)
    except (ArithmeticError, ValueError):
        return None


def plain(x: float) -> float | str:
    return x if math.isfinite(x) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(x, "NaN")


def close(x: float, y: float, slack: float) -> bool:
    """Tell whether numbers agree to the last digits: NaN with NaN, infinity with itself."""
    if math.isnan(x) or math.isnan(y) or math.isinf(x) or math.isinf(y):
        return x == y or (math.isnan(x) and math.isnan(y))
    error = 4 * sys.float_info.epsilon * max(abs(x), abs(y)) + slack
    return abs(x - y) <= max(error, sys.float_info.min * sys.float_info.epsilon)


#: Cases come and go as text, which is quicker than as objects.
IN_PAGE = """(cases) => {
  const attempt = (f) => {
    try { return String(f()); } catch (error) {
      if (!(error instanceof Undefined)) throw error;
      return null;
    }
  };
  return JSON.stringify(JSON.parse(cases).map(([name, inputs, z]) => {
    const numbers = inputs.map(Number);
    const value = attempt(() => RULES[name].value(...numbers));
    const slope = (f) => attempt(() => f(...numbers, Number(z)));
    const push = (f) => attempt(() => f(...numbers, Number(z), Infinity));
    if (z === null) return [value, [], []];
    return [value, RULES[name].slopes.map(slope), RULES[name].pushes.map(push)];
  }));
}"""


@pytest.fixture(scope="module")
def arithmetic(browser, tmp_path_factory):
    """A page to compute in."""
    page = browser.new_page()
    page.goto(stepper(twice(), tmp_path_factory.mktemp("page") / "page.html").path.as_uri())
    yield page
    page.close()


@pytest.mark.parametrize("name", PRIMITIVES)
def test_page_computes_what_the_engine_computes(arithmetic, name: str) -> None:
    row = PRIMITIVES[name]
    slack = {"gelu": 1e-16, "logaddexp": 1e-16}.get(name, 0.0)  # where two terms cancel
    points = some_points(len(row.partials))
    values = [in_python(row.evaluate, *point) for point in points]
    cases = [
        [name, [plain(x) for x in point], None if z is None else plain(z)]
        for point, z in zip(points, values, strict=True)
    ]
    in_rows = [float_function(text, f"{row.operands}, z, g") for text in row.pushes]
    found = json.loads(arithmetic.evaluate(IN_PAGE, json.dumps(cases)))
    for point, z, (value, slopes, pushes) in zip(points, values, found, strict=True):
        assert (value is None) == (z is None), point
        if z is not None:
            assert close(float(value), z, slack), (point, value, z)
            expected = in_python(row.slopes, *point, z)
            assert None not in slopes, point
            for x, y in zip(slopes, expected, strict=True):
                assert close(float(x), y, slack), (point, x, y)
            # Of an infinite gradient, too, what is not chosen gets nothing.
            for x, push in zip(pushes, in_rows, strict=True):
                y = in_python(push, *point, z, math.inf)
                assert x is None if y is None else close(float(x), y, slack), (point, x, y)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_graph_of_a_gradient_is_right_for_other_numbers(show, name: str) -> None:
    """It is built at one point, where there are ties and zeros, and edited in the page."""
    row = PRIMITIVES[name]
    points = [p for p in some_points(len(row.partials))[::7] if all(abs(x) < 1e300 for x in p)]
    points = [p for p in points if in_python(row.evaluate, *p) is not None][:25]
    leaves = [Value(x, label=letter) for x, letter in zip(row.example, row.letters, strict=True)]
    slopes = grad(getattr(leaves[0], row.method)(*leaves[1:]), leaves)
    objective = F.sum(s * w for s, w in zip(slopes, (1.0, 0.5, 0.25), strict=False))
    page = show(objective + 0 * F.sum(leaves))
    found = page.evaluate(
        """([labels, points]) => points.map((point) => {
          for (const [place, label] of labels.entries())
            setValue(nodes.find((node) => node.symbol === label), Number(point[place]));
          return String(state.now.values[root.index]);
        })""",
        [[*row.letters], [[plain(x) for x in point] for point in points]],
    )
    for point, got in zip(points, map(float, found), strict=True):
        z = row.evaluate(*point)
        want = sum(s * w for s, w in zip(row.slopes(*point, z), (1.0, 0.5, 0.25), strict=False))
        assert close(got, want, 1e-15), (point, got, want)


def test_gradient_graph_of_a_tie_is_right_where_there_is_none(show) -> None:
    x, y = Value(0.0, label="x"), Value(0.0, label="y")
    page = show(grad(x.logaddexp(y) * x, [x])[0])
    page.evaluate("setValue(nodes.find((node) => node.symbol === 'y'), 5)")
    value, gradient = page.evaluate(
        "[state.now.values[root.index], "
        "state.now.gradients[nodes.findIndex((node) => node.symbol === 'x')]]"
    )
    assert value == pytest.approx(math.log(1 + math.exp(5)), rel=1e-14)
    assert gradient == pytest.approx(2 / (1 + math.exp(5)), rel=1e-13)


def gradients(root: Value) -> list[tuple[float, float]]:
    """Compute values and gradients with the engine, in the order of the sort."""
    order = topological_sort([root], operands)
    for node in order:
        node.grad = 0.0
    root.backward()
    return [(node.data, node.grad) for node in order]


NUMBERS = """nodes.map(({ index }) =>
  [String(state.now.values[index]), String(state.now.gradients[index])])"""


@pytest.mark.parametrize("build", [tanh_neuron, twice, squared_by_hand])
def test_page_starts_with_the_numbers_of_the_engine(show, build) -> None:
    found = show(build()).evaluate(NUMBERS)
    assert [(float(x), float(g)) for x, g in found] == gradients(build())


def test_gradients_are_those_of_the_engine_where_numbers_are_not_finite(show) -> None:
    def build() -> Value:
        x = Value(0.0, label="x")
        return x.sqrt() * x + x**2 + Value(math.inf) * x + x.sqrt() ** 0

    found = show(build()).evaluate(NUMBERS)
    expected = gradients(build())
    assert any(math.isnan(gradient) for _, gradient in expected)
    assert repr([(float(x), float(g)) for x, g in found]) == repr(expected)


def test_steps_are_those_of_the_engine_in_its_order(show) -> None:
    root = MLP(2, [3, 2, 1], seed=0)([0.5, -1.0])
    page = show(root)
    found = page.evaluate(
        "steps.slice(seedStep).map((s) => [s.node.index, s.parent.index, s.before, s.after])"
    )
    index = {node: i for i, node in enumerate(topological_sort([root], operands))}
    expected = [[index[s.node], index[s.parent], s.before, s.after] for s in steps(root)]
    assert found == expected
    assert page.evaluate("seedStep") == len(index)


def test_changed_leaf_recomputes_everything(show) -> None:
    def build(w: float) -> Value:
        x, weight = Value(0.7, label="x"), Value(w, label="w")
        hidden = (x * weight).tanh() + weight.exp().log1p() * x.sin()
        return (hidden * hidden + weight.softplus() / x).sigmoid()

    page = show(build(0.3))
    page.fill("#search", "w")
    page.press("#search", "Enter")
    page.fill("#new-value", "-0.9")
    page.press("#new-value", "Enter")
    for (x, g), (data, gradient) in zip(
        page.evaluate(NUMBERS), gradients(build(-0.9)), strict=True
    ):
        assert math.isclose(float(x), data, rel_tol=1e-14)
        assert math.isclose(float(g), gradient, rel_tol=1e-13)
    page.click("#reset")
    assert [(float(x), float(g)) for x, g in page.evaluate(NUMBERS)] == gradients(build(0.3))


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
    assert re.search(r"made in \S*test_stepper_browser\.py:\d+: x = Value\(0\.5, label=", card)
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


# ── second derivatives ──────────────────────────────────────────────────────────────────────────


def curved(x: float, y: float) -> tuple[Value, list[Value]]:
    a, b = Value(x, label="a"), Value(y, label="b")
    return (a * b).tanh() * a + b**3 + a.exp() / b + (a - b).relu(), [a, b]


SECOND = """(() => {
  const leaves = [...gradientOf.keys()].map((index) => nodes[index]);
  return leaves.map((a) => leaves.map((b) => secondDerivative(a, b).sum));
})()"""


@pytest.mark.parametrize("point", [(0.5, -1.2), (2.0, 0.3), (-1.0, -1.0)])
def test_second_derivatives_are_those_of_python_also_for_other_numbers(show, point) -> None:
    page = show(curved(0.5, -1.2)[0])
    page.evaluate(f"setValue(nodes.find((node) => node.name === 'a'), {point[0]})")
    page.evaluate(f"setValue(nodes.find((node) => node.name === 'b'), {point[1]})")
    expected = [[x.data for x in row] for row in hessian(*curved(*point))]
    for found, wanted in zip(page.evaluate(SECOND), expected, strict=True):
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-12)


def test_paths_of_a_second_derivative_add_up_to_it(show) -> None:
    page = show(curved(0.5, -1.2)[0])
    for a, b in product(("a", "b"), repeat=2):
        found = page.evaluate(
            f"""(() => {{
              const find = (name) => nodes.find((node) => node.name === name);
              const {{ sum, count, paths }} = secondDerivative(find("{a}"), find("{b}"));
              return [sum, count, paths.map((path) => path.product),
                paths.map((path) => path.steps.reduce((x, step) => x * step.slope, 1))];
            }})()"""
        )
        total, count, products, multiplied = found
        assert products == multiplied
        assert products == sorted(products, key=abs, reverse=True)
        assert len(products) == min(count, 6)
        if count <= 6:
            assert total == pytest.approx(math.fsum(products), rel=1e-12)


def test_two_leaves_chosen_together_show_the_paths_of_their_second_derivative(show) -> None:
    a, b, c = (Value(x, label=label) for x, label in ((2.0, "a"), (-3.0, "b"), (10.0, "c")))
    loss = a * a * b + c
    loss.label = "L"
    page = show(loss)
    page.click("#n0 text >> nth=0")
    page.click(f"#n{loss_place(loss, b)} text >> nth=0", modifiers=["Shift"])
    assert text(page, "#card h2") == "a"
    shown = text(page, "#second > :last-child")
    assert "∂²L/∂a∂b = 4.0000" in shown
    assert "∂L/∂a = " in shown
    assert "b → " in shown
    assert "→ ∂L/∂a" in shown
    page.select_option("#partner", label="c")
    shown = text(page, "#second > :last-child")
    assert "∂²L/∂a∂c = 0.0000" in shown
    assert "No path leads from c to ∂L/∂a" in shown
    page.select_option("#partner", label="a")
    assert "∂²L/∂a² = −6.0000" in text(page, "#second > :last-child")
    page.fill("#new-value-slider", "1")
    assert "∂²L/∂a² = −6.0000" in text(page, "#second > :last-child")
    page.select_option("#partner", label="b")
    assert "∂²L/∂a∂b = 2.0000" in text(page, "#second > :last-child")
    assert violations(page) == []


def loss_place(loss: Value, node: Value) -> int:
    return topological_sort([loss], operands).index(node)


@pytest.mark.parametrize(
    "build",
    [squared_by_hand, lambda: MLP(3, [20, 10, 1], seed=0)([1.0, 2.0, 3.0]), lambda: Value(1.0) + 1],
    ids=["own", "large", "constants"],
)
def test_graph_without_a_graph_of_its_gradients_offers_no_second_derivative(show, build) -> None:
    page = show(build())
    assert page.evaluate("gradientOf.size") == (0 if page.evaluate("data.second === null") else 1)
    page.click("#n0 text >> nth=0")
    assert page.is_visible("#second") == page.evaluate("gradientOf.size > 0")


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


def test_predict_reveals_on_demand_and_when_stepping_on(show) -> None:
    page = show(twice(), "#step=5")
    page.click("#predict")
    page.keyboard.press("ArrowRight")
    page.click("#reveal")
    assert text(page, "#n1") == "b data 6.0000 grad 12.0000"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert text(page, "#n0") == "a data 3.0000 grad 12.0000"


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
