"""Plots of losses, fits and decisions: what is in them."""

import re

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from oracles import ROOT
from PIL import Image
from plotted import X, drawn, square, texts

from scalargrad import MLP, Value
from scalargrad.errors import SizeError
from viz import animate_decision, animate_fit, decision_grid, plot_decision, plot_fit, plot_loss


@pytest.fixture
def ax():
    return Figure().add_subplot()


@pytest.fixture(autouse=True)
def _no_figures_of_others():
    pyplot.close("all")
    yield
    pyplot.close("all")


def ragged(place):
    """Answer with one number here and with two there."""
    return [0.0] if place[0] > 1 else [0.0, 1.0]


PLOTS = {
    "loss": lambda ax: plot_loss([3.0, 2.0, 1.0], ax),
    "fit": lambda ax: plot_fit([0.0, 1.0], [0.0, 1.0], square, ax),
    "decision": lambda ax: plot_decision(sum, [[0.0, 0.0], [1.0, 1.0]], [0, 1], ax),
}


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_plot_draws_into_the_axes_given_and_makes_no_figure(plot, ax):
    assert plot(ax) is ax
    assert ax.has_data()
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_plot_without_axes_makes_one_figure_and_never_shows_it(plot, monkeypatch):
    monkeypatch.setattr(pyplot, "show", lambda *_: pytest.fail("show() was called"))
    monkeypatch.setattr(Figure, "show", lambda *_: pytest.fail("show() was called"))
    assert plot(None).figure is pyplot.figure(pyplot.get_fignums()[0])
    assert len(pyplot.get_fignums()) == 1


def test_loss_has_an_epoch_for_each_number_and_a_curve_for_held_out_data(ax):
    plot_loss([3.0, 2.0], ax, held_out=[4.0, 3.5, 3.0], log=True)
    curves = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
    assert curves == {
        "training": [[1, 3.0], [2, 2.0]],
        "held out": [[1, 4.0], [2, 3.5], [3, 3.0]],
    }
    assert ax.get_yscale() == "log"


def test_curves_of_a_loss_have_the_names_given(ax):
    plot_loss([3.0, 2.0], ax, held_out=[4.0, 3.5], labels=("training", "validation"))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]


def test_loss_of_one_epoch_is_visible(ax):
    plot_loss([3.0], ax)
    assert ax.lines[0].get_marker() == "o"
    assert all(place == round(place) for place in ax.get_xticks())


def test_fit_asks_the_model_between_the_outermost_points(ax):
    plot_fit([0.0, 2.0], [0.0, 4.0], square, ax, held_out=([-1.0], [1.0]), samples=4)
    assert ax.lines[0].get_xydata().tolist() == [[-1, 1], [0, 0], [1, 1], [2, 4]]
    assert [c.get_label() for c in ax.collections] == ["training", "held out"]


def test_decision_border_lies_where_the_score_crosses_it(ax):
    plot_decision(lambda x: x[0] - 3.0, [[0.0, 0.0], [5.0, 1.0]], [-1, 1], ax, border=0.0)
    border = ax.collections[1].get_paths()[0].vertices
    assert border[:, 0] == pytest.approx(3.0)


def test_decision_draws_each_class_with_its_own_marker_and_name(ax):
    x = [[0.0, 0.0], [1.0, 1.0], [2.0, 1.0]]
    plot_decision(sum, x, [0, 1, 1], ax, labels=("no", "yes"))
    circles, squares = ax.collections[-2:]
    assert circles.get_offsets().tolist() == x[:1]
    assert squares.get_offsets().tolist() == x[1:]
    assert len(circles.get_paths()[0].vertices) != len(squares.get_paths()[0].vertices)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no", "yes"]


def outputs_of(score):
    return lambda x: [-score(x), score(x)]


@pytest.mark.parametrize("predict", [sum, outputs_of(sum)], ids=["a score", "an output each"])
def test_two_classes_have_the_colours_of_their_numbers_on_the_page_of_a_playground(predict, ax):
    style = (ROOT / "viz/pages/playground/page.css").read_text(encoding="utf-8")
    x = [[-1.0, -1.0], [1.0, 1.0]]
    plot_decision(predict, x, [0, 1], ax, border=0.0)
    for part, name in zip(ax.collections[-2:], ("minus", "plus"), strict=True):
        (page,) = re.findall(rf"--{name}: (#\w+);", style)[:1]
        assert part.get_facecolor()[0][:3] == pytest.approx(to_rgb(page), abs=0.12)
    plane = ax.collections[0].get_facecolor()
    red, _, blue = plane[0][:3]  # where the score is least, or the region of class 0
    assert red > blue
    red, _, blue = (plane if predict is sum else ax.collections[2].get_facecolor())[-1][:3]
    assert blue > red


def test_decision_names_classes_and_axes_even_if_nobody_else_does(ax):
    x = [[0.0, 0.0], [1.0, 1.0]]
    plot_decision(sum, x, [-1, 1], ax, border=0.0)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["y ≤ 0", "y > 0"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x0", "x1")
    plot_decision(sum, x, [-1, 1], ax, border=0.0, features=("length", "width"))
    plot_decision(sum, x, [-1, 1], ax, border=0.0)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("length", "width")


def test_film_of_a_border_ends_with_the_colours_of_the_plot(ax, tmp_path):
    def score(x):
        return x[0] - 3.0 + x[1]

    x, y = [[0.0, 0.0], [4.0, 2.0]], [-1, 1]
    across, up = decision_grid(x, samples=9)
    table = [[score([a, b]) for a in across] for b in up]
    steep = [[50.0 * value for value in row] for row in table]
    film = animate_decision(x, y, [(0, steep), (1, table)], tmp_path / "film.gif", border=0.0)
    plot_decision(score, x, y, ax, border=0.0, samples=9)
    (filmed,) = film._fig.axes
    (shade, colors), (other, others) = (
        (part, part.get_facecolor().tolist())
        for part in (filmed.collections[-2], ax.collections[0])
    )
    assert shade.levels.tolist() == pytest.approx(other.levels.tolist())
    assert colors == others


def test_decision_of_a_classifier_that_never_changes_its_mind_has_no_border(ax):
    plot_decision(lambda _: 0.9, [[0.0, 0.0], [1.0, 1.0]], [0, 1], ax)
    assert len(ax.collections) == 3  # the shade and two kinds of samples


def test_animation_has_a_frame_for_each_curve_and_a_pause_at_its_end(tmp_path):
    path = tmp_path / "new" / "fit.gif"
    curves = [(epoch, [epoch, 0.0, 1.0]) for epoch in (1, 5, 9)]
    animate_fit([0.0, 1.0], [0.0, 1.0], curves, path)
    with Image.open(path) as gif:
        assert gif.n_frames >= 3
        frames = []
        for i in range(gif.n_frames):
            gif.seek(i)
            frames.append(gif.convert("L").tobytes())
    assert len(set(frames)) == 3
    assert pyplot.get_fignums() == []


def test_film_of_a_border_shows_it_where_the_scores_change_their_sign(tmp_path):
    x, y = [[0.0, 0.0], [4.0, 2.0]], [-1, 1]
    across, up = decision_grid(x, samples=9)
    tables = [
        (epoch, [[a - place for a in across] for _ in up]) for epoch, place in ((1, 1), (7, 3))
    ]
    animation = animate_decision(x, y, tables, tmp_path / "new" / "border.gif", border=0.0)
    with Image.open(tmp_path / "new" / "border.gif") as gif:
        assert gif.n_frames >= 2
        frames = []
        for i in range(gif.n_frames):
            gif.seek(i)
            frames.append(gif.convert("L").tobytes())
    assert len(set(frames)) == 2
    (ax,) = animation._fig.axes
    assert ax.get_title("left") == "epoch 7"
    # Two kinds of samples, the shade and the border of the last frame: earlier ones are gone.
    assert len(ax.collections) == 4
    assert ax.collections[-1].get_paths()[0].vertices[:, 0] == pytest.approx(3.0)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_fit([1.0], [1.0, 2.0], square), "got 1 and 2"),
        (lambda: plot_fit([1.0], [1.0], square, held_out=([1.0], [])), "got 1 and 0"),
        (lambda: plot_decision(sum, [[1.0, 2.0]], []), "got 1 and 0"),
        (lambda: plot_decision(sum, [[1.0, 2.0, 3.0]], [1]), "got a sample of 3"),
        (lambda: plot_decision(sum, [1.0, 2.0], [0, 1]), r"got an array of shape \(2,\)"),
        (lambda: plot_decision(sum, [[1.0, 2.0], [3.0]], [0, 1]), "the rows of x differ in length"),
        (lambda: plot_decision(sum, X, [0, 1, 2]), r"y has 3 \(0, 1, 2\): draw a model with an"),
        (lambda: plot_decision(list, X, [0, 1, 2]), "a class from 0 to 1 for each sample, got 2"),
        (lambda: plot_decision(list, X, [0, -1, 1]), "a class from 0 to 1 for each sample, got -1"),
        (lambda: plot_decision(list, X, [0, 0.5, 1]), "a class from 0 to 1 for each .* got 0.5"),
        (lambda: plot_decision(list, X, np.eye(3)), "y has one number for each sample"),
        (lambda: plot_decision(ragged, X, [0, 1, 1]), "returns 1 numbers here and 2 there"),
        (lambda: plot_decision(sum, X, [0, 1, 1], labels="ab"), "each of the 2 classes, got 'ab'"),
        (lambda: plot_decision(sum, X, [0, 1, 1], labels=["a"]), "each of the 2 classes, got"),
        (lambda: plot_decision(sum, X, [0, 1, 1], samples=1), "samples is an int of at least 2"),
        (lambda: decision_grid(X, 2.5), r"samples is an int of at least 2, got 2\.5"),
        (lambda: plot_fit(X, [1, 2, 3], square), "x has one number for each sample"),
        (lambda: plot_fit([1.0, 2.0], [[1, 2], [3, 4]], square), "y has one number for each"),
        (lambda: plot_fit([1.0], [1.0], MLP(1, [2])), "draws one output, predict returned 2"),
        (lambda: plot_fit([1.0], [1.0], square, samples=True), "samples is an int"),
        (lambda: plot_loss([]), "losses needs a number for each epoch, got none"),
        (lambda: plot_loss([[1.0, 2.0]]), r"one number for each epoch, got an array of \(1, 2\)"),
        (lambda: animate_fit([1.0], [1.0], [(1, [1.0])], seconds=0), "positive number, got 0"),
        (lambda: animate_decision([[1.0, 2.0]], [1], [(4, [[1.0]])]), "no table of 2 × 2"),
        (
            lambda: animate_decision(X, [0, 1, 1], [(0, np.ones((2, 2))), (1, np.ones((2, 2, 2)))]),
            r"differ in their outputs: \[1, 2\]",
        ),
        (lambda: animate_fit([1.0], [1.0], []), "at least one curve, got none"),
        (lambda: animate_decision([[1.0, 2.0]], [1], []), "at least one table of scores, got none"),
        (
            lambda: animate_decision([[1.0, 2.0]], [1], [(4, [[1.0], [2.0]])]),
            "epoch 4 are no table",
        ),
        (lambda: animate_fit([0.0, 1.0], [1.0, 1.0], [(3, [1.0])], grid=[1, 2]), "epoch 3 has 1"),
    ],
)
def test_wrong_sizes_are_named(call, message):
    with pytest.raises(SizeError, match=message):
        call()


def three(place):
    """Answer with an output for each of three classes, which meet at (1, 1)."""
    a, b = place
    return [Value(1.0 - a), 1.0 - b, np.float64(a + b - 2.0)]


@pytest.mark.parametrize("y", [[2, 0, 1], np.array([2.0, 0.0, 1.0]), np.eye(3)[[2, 0, 1]]])
def test_decision_draws_a_region_and_the_samples_of_each_class(y, ax):
    x = [[3.0, 3.0], [0.0, 1.5], [1.5, 0.0]]
    plot_decision(three, x, y, ax, samples=31)
    assert drawn(ax, 3) == [[x[1]], [x[2]], [x[0]]]
    assert texts(ax) == ["class 0", "class 1", "class 2"]
    colors = [part.get_facecolor()[0] for part in ax.collections[-3:]]
    for i, region in enumerate(ax.collections[:-3:2]):
        light = [0.35 * part + 0.65 for part in colors[i][:3]]
        assert region.get_facecolor()[0][:3] == pytest.approx(light)
        inside = [other for other in range(3) if region.get_paths()[0].contains_point(
            [(0.0, 1.5), (1.5, 0.0), (3.0, 3.0)][other])]  # fmt: skip
        assert inside == [i]


def test_region_of_a_class_ends_where_its_output_is_no_longer_the_largest(ax):
    plot_decision(lambda p: [0.0, p[0] - 1.0, -9.0], X, [0, 1, 2], ax, samples=30)
    border = ax.collections[1].get_paths()[0].vertices
    assert border[:, 0] == pytest.approx(1.0)


@pytest.mark.parametrize("outputs", [2, 3, 12])
def test_outputs_that_are_equal_everywhere_are_the_first_class(outputs, ax):
    plot_decision(lambda _: [0.0] * outputs, X, [0, 1, 1], ax, samples=5)
    (region,) = ax.collections[:-outputs]
    (path,) = region.get_paths()
    (left, *_, right), (low, *_, high) = decision_grid(X, 5)
    assert path.get_extents().extents == pytest.approx([left, low, right, high])


def test_many_classes_differ_in_colour_or_marker_and_have_a_name_each(ax):
    x = [[float(i), float(i % 3)] for i in range(25)]
    names = [f"kind {i}" for i in range(25)]
    plot_decision(lambda p: [-((p[0] - i) ** 2) for i in range(25)], x, range(25), ax, labels=names)
    looks = {
        (tuple(part.get_facecolor()[0]), part.get_paths()[0].vertices.tobytes())
        for part in ax.collections[-25:]
    }
    assert len(looks) == 25
    assert texts(ax) == names


def test_film_of_several_classes_ends_as_the_plot(ax, tmp_path):
    across, up = decision_grid(X, 9)
    table = [[three([a, b]) for a in across] for b in up]
    film = animate_decision(
        X, [0, 1, 2], [(0, np.zeros((9, 9, 3))), (1, table)], tmp_path / "a.gif"
    )
    plot_decision(three, X, [0, 1, 2], ax, samples=9)
    (filmed,) = film._fig.axes
    regions = [part.get_paths()[0].vertices.tolist() for part in ax.collections[:-3]]
    assert [part.get_paths()[0].vertices.tolist() for part in filmed.collections[3:]] == regions
