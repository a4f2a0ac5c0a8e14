"""The stepper's page in a browser computes what the engine computes, second derivatives too."""

from __future__ import annotations

import json
import math
import random
import sys
from functools import partial
from itertools import product

import pytest
from graphs import squared_by_hand, tanh_neuron, twice
from pages import text, violations
from steppers import opened

from scalargrad import Value, grad, hessian
from scalargrad import functional as F
from scalargrad.engine import operands
from scalargrad.graph import topological_sort
from scalargrad.nn import MLP
from scalargrad.ops import PRIMITIVES, float_function
from viz.pages.stepper import stepper
from viz.words.steps import steps


@pytest.fixture
def show(open_page, tmp_path):
    return partial(opened, open_page, tmp_path / "page.html")


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
