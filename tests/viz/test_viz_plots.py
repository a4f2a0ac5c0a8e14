"""Plots show what they are given, where they are told to, and nothing else."""

import doctest
import re
from importlib import import_module

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from oracles import ROOT, python
from PIL import Image

from scalargrad import MLP, SGD, Neuron, Value, compile, fit
from scalargrad.errors import ChoiceError, NonFiniteError, OperandError, SizeError
from scalargrad.functional import mse
from viz import animate_decision, animate_fit, decision_grid, plot_decision, plot_fit, plot_loss

mpl.use("agg")


@pytest.fixture
def ax():
    return Figure().add_subplot()


@pytest.fixture(autouse=True)
def _no_figures_of_others():
    pyplot.close("all")
    yield
    pyplot.close("all")


X = [[0.0, 0.0], [1.0, 1.0], [2.0, 1.0]]


def square(x):
    return x * x


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


# ── data as people have them ────────────────────────────────────────────────────────────────────


class Table:
    """What a DataFrame or a Series is to a plot: an array, which a loop goes through by names."""

    def __init__(self, data, columns=None, dtype=None):
        self.data = np.array(data, dtype=dtype)
        if columns:
            self.columns = columns

    def __array__(self, dtype=None, copy=None):
        return np.array(self.data, dtype=dtype)

    def __len__(self):
        return len(self.data)

    def __iter__(self):
        return iter(getattr(self, "columns", self.data.tolist()))

    def __getitem__(self, key):
        raise KeyError(key)


SAMPLES = {
    "lists": X,
    "tuples": tuple(map(tuple, X)),
    "ints": [[int(a) for a in row] for row in X],
    "array": np.array(X),
    "single precision": np.array(X, dtype=np.float32),
    "objects": np.array(X, dtype=object),
    "Values": [[Value(a) for a in row] for row in X],
    "table": Table(X, ["length", "width"]),
    "iterator": zip(*zip(*X, strict=True), strict=True),
}
LABELS = {
    "list": [0, 1, 1],
    "floats": (0.0, 1.0, 1.0),
    "bools": [False, True, True],
    "array": np.array([0, 1, 1]),
    "array of bools": np.array([False, True, True]),
    "bytes": np.array([0, 1, 1], dtype=np.uint8),
    "objects": np.array([0, True, 1.0], dtype=object),
    "column": np.array([[0], [1], [1]]),
    "series": Table([0, 1, 1]),
    "series of bools": Table([False, True, True]),
    "category": Table([0, 1, 1], dtype=object),
    "table": Table([[0], [1], [1]], ["kind"]),
    "Values": [Value(0.0), Value(1.0), Value(1.0)],
    "iterator": iter([0, 1, 1]),
}


def drawn(ax, classes=2):
    """Return the samples of each class in a plot."""
    return [part.get_offsets().tolist() for part in ax.collections[-classes:]]


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_decision_draws_every_sample_on_its_side_whatever_the_labels_are(y, ax):
    plot_decision(sum, X, y, ax)
    assert drawn(ax) == [X[:1], X[1:]]
    assert texts(ax) == ["y ≤ 0.5", "y > 0.5"]


@pytest.mark.parametrize("y", [LABELS["array"], LABELS["series of bools"]])
def test_film_draws_every_sample_on_its_side(y, tmp_path):
    scores = np.arange(9.0).reshape(3, 3)
    film = animate_decision(np.array(X), y, [(0, scores)], tmp_path / "film.gif")
    circles, triangles, *_ = film._fig.axes[0].collections
    assert [part.get_offsets().tolist() for part in (circles, triangles)] == [X[:1], X[1:]]


@pytest.mark.parametrize("x", SAMPLES.values(), ids=SAMPLES)
def test_decision_draws_the_samples_whatever_holds_them(x, ax):
    plot_decision(sum, x, [0, 1, 1], ax, samples=5)
    assert drawn(ax) == [X[:1], X[1:]]


def test_decision_names_axes_by_the_columns_of_a_table(ax):
    plot_decision(sum, SAMPLES["table"], [0, 1, 1], ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("length", "width")
    plot_decision(sum, Table(X, [0, 1]), [0, 1, 1], Figure().add_subplot(), features=("a", "b"))
    assert decision_grid(SAMPLES["table"], 3) == decision_grid(X, 3)


@pytest.mark.parametrize(
    ("labels", "border"), [([0, 1, 1], 0.5), ([-1, 1, 1], 0.0), ([2, 5, 5], 3.5), ([1, 1, 1], 0.5)]
)
def test_border_is_half_way_between_the_classes_unless_it_is_given(labels, border):
    for given, expected in ((None, border), (0.25, 0.25)):
        ax = plot_decision(lambda p: p[0], X, labels, Figure().add_subplot(), border=given)
        assert texts(ax) == [f"y ≤ {expected:g}", f"y > {expected:g}"]
        assert sum(map(len, drawn(ax))) == 3


NETWORK = MLP(2, [3, 1], seed=0)
PAIR = [Value(0.0), Value(0.0)]
MODELS = {
    "network": NETWORK,
    "function of Values": lambda p: NETWORK([*p]),
    "function of numbers": lambda p: NETWORK(p).data,
    "list of one": lambda p: [NETWORK(p)],
    "program": compile(NETWORK(PAIR), PAIR, wrt=NETWORK.parameters()),
    "NumPy": lambda p: np.array([[NETWORK(p).data]]),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_decision_asks_any_model(model, ax):
    plot_decision(model, X, [-1, 1, 1], ax, samples=4)
    plot_decision(
        lambda p: NETWORK(p).data, X, [-1, 1, 1], other := Figure().add_subplot(), samples=4
    )
    levels = [part.collections[0].levels.tolist() for part in (ax, other)]
    assert levels[0] == pytest.approx(levels[1], rel=1e-12)


LINE, NEURON = MLP(1, [3, 1], seed=0), Neuron(1, seed=0)
ONE = [Value(0.0)]
ROWS = [[0.0], [1.0], [2.0]]


def line(place):
    return LINE([place]).data


CURVES = {
    "numbers and a network": ([0.0, 1.0, 2.0], LINE, line),
    "numbers and a neuron": ((0, 1, 2), NEURON, lambda place: NEURON([place]).data),
    "array and a program": (
        np.arange(3), compile(LINE(ONE), ONE, wrt=LINE.parameters()), line,
    ),
    "rows and a network": (ROWS, LINE, line),
    "rows and a function": (np.array(ROWS), lambda row: row[0] ** 2, square),
    "rows and a list": (ROWS, lambda row: [LINE(row)], line),
    "series and a function": (Table([0, 1, 2]), lambda x: Value(x) ** 2, square),
    "table and a network": (Table(ROWS, ["x"]), LINE, line),
    "Values and a function": ([Value(0.0), Value(1.0), Value(2.0)], square, square),
}  # fmt: skip


@pytest.mark.parametrize(("x", "model", "truth"), CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("y", [[1.0, 2.0, 3.0], np.array([[1], [2], [3]]), Table([1, 2, 3])])
def test_fit_takes_data_and_models_as_training_does(x, model, truth, y, ax):
    plot_fit(x, y, model, ax, samples=4, held_out=([[3.0]], Table([4.0])))
    assert ax.collections[0].get_offsets().tolist() == [[0, 1], [1, 2], [2, 3]]
    assert ax.collections[1].get_offsets().tolist() == [[3, 4]]
    places, answers = ax.lines[0].get_data()
    assert places.tolist() == [0, 1, 2, 3]
    assert answers == pytest.approx([truth(place) for place in places.tolist()], rel=1e-12)


def test_loss_takes_a_history_with_its_validation(ax):
    model, data = MLP(1, [1], seed=0), ([[0.0], [1.0]], [0.0, 1.0])
    optimizer = SGD(model.parameters(), 0.1)
    history = fit(model, mse, data, optimizer, 3, progress=False, validation=data)
    plot_loss(history, ax)
    curves = {line.get_label(): line.get_ydata().tolist() for line in ax.lines}
    assert curves == {"training": history.losses, "held out": history.validation_losses}
    alone = fit(model, mse, data, optimizer, 3, progress=False)
    assert len(plot_loss(alone, Figure().add_subplot()).lines) == 1


@pytest.mark.parametrize(
    "losses", [np.array([2.0, 1.0]), Table([2, 1]), iter([2.0, 1.0]), [Value(2.0), Value(1.0)]]
)
def test_loss_takes_any_row_of_numbers(losses, ax):
    assert plot_loss(losses, ax).lines[0].get_ydata().tolist() == [2.0, 1.0]


def test_loss_that_is_nan_is_a_gap(ax):
    plot_loss([2.0, np.nan, 1.0], ax)
    assert np.isnan(ax.lines[0].get_ydata()).tolist() == [False, True, False]


# ── several classes ─────────────────────────────────────────────────────────────────────────────


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


# ── what cannot be drawn ────────────────────────────────────────────────────────────────────────

TEXTS = ["setosa", "virginica", "setosa"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        *[
            (lambda y=y: plot_decision(sum, X, y), OperandError,
             "y holds texts, such as 'setosa': number the classes 0, 1, …")
            for y in (TEXTS, np.array(TEXTS), np.array(TEXTS, dtype=object), Table(TEXTS))
        ],
        (lambda: animate_decision(X, TEXTS, []), OperandError,
         "y holds texts, such as 'setosa': number the classes 0, 1, …"),
        (lambda: plot_fit(["a"], [1.0], square), OperandError,
         "x holds texts, such as 'a', where numbers are needed"),
        (lambda: plot_decision(sum, X, [0, None, 1]), OperandError,
         "y holds None, where numbers are needed"),
        (lambda: plot_decision(sum, X, None), OperandError,
         "y is a list or an array of numbers, got None"),
        (lambda: plot_decision(sum, {"a": 1}, [1]), OperandError,
         "x is a list or an array of numbers, got {'a': 1}"),
        (lambda: plot_fit([1j], [1.0], square), OperandError,
         "x holds 1j, where numbers are needed"),
        (lambda: plot_decision(X, [0, 1, 1], sum), OperandError,
         "plot_decision(predict, x, y) asks a model or a function, got list as predict"),
        (lambda: plot_fit(LINE, [1.0], [1.0]), OperandError,
         "plot_fit(x, y, predict) asks a model or a function, got list as predict"),
        (lambda: plot_decision(lambda _: np.nan, X, [0, 1, 1]), NonFiniteError,
         "predict([-0.16, -0.08]) has to be finite, got nan"),
        (lambda: plot_decision(lambda _: [0, Value(np.inf)], X, [0, 1, 1]), NonFiniteError,
         "predict([-0.16, -0.08]) has to be finite, got inf"),
        (lambda: plot_fit([0.0], [0.0], lambda _: np.nan), NonFiniteError,
         "predict(-0.5) has to be finite, got nan"),
        (lambda: plot_decision(lambda _: None, X, [0, 1, 1]), OperandError,
         "predict([-0.16, -0.08]) has to be a number or several, got None"),
        (lambda: plot_decision(lambda _: [], X, [0, 1, 1]), OperandError,
         "predict([-0.16, -0.08]) has to be a number or several, got []"),
        (lambda: plot_decision(sum, X, [0, np.nan, 1]), NonFiniteError,
         "y has to be finite, but sample 1 has nan"),
        (lambda: plot_decision(sum, [*X, [0, np.inf]], [0, 0, 1, 1]), NonFiniteError,
         "x has to be finite, but sample 3 has inf"),
        (lambda: animate_fit([0.0], [0.0], [(3, [np.nan])]), NonFiniteError,
         "the curve of epoch 3 has to be finite, but sample 0 has nan"),
        (lambda: animate_decision(X, [0, 1, 1], [(3, [[0, np.nan], [0, 0]])]), NonFiniteError,
         "the scores of epoch 3 have to be finite, and are not"),
        (lambda: animate_fit([0.0], [0.0], [[1.0]]), OperandError,
         "each frame is a pair of an epoch and its curve, got list"),
        (lambda: animate_decision(X, [0, 1, 1], [np.zeros((2, 2))]), OperandError,
         "each frame is a pair of an epoch and its scores, got ndarray"),
        (lambda: animate_fit([0.0], [0.0], square), OperandError,
         "a film needs a frame for each epoch, a pair of the epoch and its curve, got function: "
         "gather them in the on_epoch of fit"),
        (lambda: animate_fit([0.0], [0.0], [(1, [0.0])], "film.mp4"), ChoiceError,
         "a film is written to a GIF file, got 'film.mp4'"),
        (lambda: plot_loss([1.0], [2.0]), OperandError,
         "ax is an Axes of Matplotlib, got list; a second curve is held_out="),
        (lambda: plot_fit([1.0], [1.0], square, Figure()), OperandError,
         "ax is an Axes of Matplotlib, got Figure"),
        (lambda: plot_fit([1.0], [1.0], square, held_out=3), OperandError,
         "held_out is a pair (x, y), got int"),
        (lambda: plot_loss(0.5), OperandError, "losses is a list or an array of numbers, got 0.5"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_gets_a_sentence_and_leaves_no_figure(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == message
    assert pyplot.get_fignums() == []


def test_error_of_a_model_says_what_it_was_asked():
    with pytest.raises(SizeError, match="MLP needs 3 inputs, got 2") as raised:
        plot_decision(MLP(3, [1]), X, [0, 1, 1])
    assert raised.value.__notes__ == ["the plot asked for predict([-0.16, -0.08])"]


@pytest.mark.parametrize("name", ["curves", "decisions", "figures", "points"])
def test_examples_of_docstrings_are_right(name):
    assert doctest.testmod(import_module(f"viz.plots.{name}")).failed == 0


def test_importing_viz_loads_neither_numpy_nor_matplotlib():
    code = "import sys, viz; print(*{'numpy', 'matplotlib'} & set(sys.modules))"
    assert python(code).strip() == ""
