"""Plots of data as people have them, and of what cannot be drawn."""

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from oracles import python
from plotted import LINE, NEURON, X, drawn, line, square, texts

from scalargrad import MLP, SGD, Value, compile, fit
from scalargrad.errors import ChoiceError, NonFiniteError, OperandError, SizeError
from scalargrad.functional import mse
from viz import animate_decision, animate_fit, decision_grid, plot_decision, plot_fit, plot_loss


@pytest.fixture
def ax():
    return Figure().add_subplot()


@pytest.fixture(autouse=True)
def _no_figures_of_others():
    pyplot.close("all")
    yield
    pyplot.close("all")


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


ONE = [Value(0.0)]
ROWS = [[0.0], [1.0], [2.0]]
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


def test_importing_viz_loads_neither_numpy_nor_matplotlib():
    code = "import sys, viz; print(*{'numpy', 'matplotlib'} & set(sys.modules))"
    assert python(code).strip() == ""
