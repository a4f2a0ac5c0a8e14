"""Values in plots: Matplotlib draws their numbers, once viz has been imported."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from oracles import python

from scalargrad import Value
from viz import plot_fit, plot_loss

mpl.use("agg")

PLOT = """
{imports}
import matplotlib
matplotlib.use("Agg")
from matplotlib import pyplot
from scalargrad import Value
values = [Value(1.0), Value(4.0), Value(2.0)]
try:
    (line,) = pyplot.plot(values)
    pyplot.gcf().canvas.draw()
    print(*line.get_ydata(orig=False))
except TypeError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "imports", ["import viz", "import matplotlib.units, viz", "import viz, viz.plots.units"]
)
def test_values_can_be_plotted_whether_viz_is_imported_before_or_after_matplotlib(imports):
    assert python(PLOT.format(imports=imports)).split() == ["1.0", "4.0", "2.0"]


def test_values_without_viz_get_a_sentence():
    assert "use methods such as value.exp(), or value.data" in python(PLOT.format(imports=""))


def test_viz_does_not_load_matplotlib():
    code = "import sys, viz; print('matplotlib' in sys.modules, len(sys.meta_path))"
    assert python(code) == python("import sys; print(False, len(sys.meta_path) + 2)")
    code = "import sys, viz, matplotlib.axes; print(len(sys.meta_path))"
    assert python(code) == python("import sys, matplotlib.axes; print(len(sys.meta_path))")


TABLES = ["contour", "contourf", "imshow", "pcolor", "pcolormesh"]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("of", [list, tuple, np.array])
def test_a_table_of_values_is_an_error_that_says_what_to_write(name, of):
    rows = of([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    draw = getattr(Figure().add_subplot(), name)
    with pytest.raises(TypeError, match=rf"^{name} draws bare numbers, got Values: .*v\.data"):
        draw(rows)
    draw([[v.data for v in row] for row in rows])


@pytest.mark.parametrize("name", TABLES)
def test_what_else_is_wrong_with_a_table_is_matplotlibs_own_word(name):
    with pytest.raises(TypeError) as error:
        getattr(Figure().add_subplot(), name)([[None, "a"], ["b", None]])
    assert "Values" not in str(error.value)


def test_pyplot_explains_a_table_of_values_whenever_viz_is_imported():
    for imports in ("import viz, matplotlib.pyplot", "import matplotlib.pyplot, viz"):
        code = PLOT.format(imports=imports).replace(
            "pyplot.plot(values)", "pyplot.imshow([values])"
        )
        assert python(code).startswith("imshow draws bare numbers, got Values")


VALUES, NUMBERS = [Value(1.0), Value(4.0), Value(2.0)], [1.0, 4.0, 2.0]


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax, y: ax.plot(y, y),
        lambda ax, y: ax.plot(np.array(y)),
        lambda ax, y: ax.plot(np.array([y, y])),
        lambda ax, y: ax.scatter(y, [1, 2, 3]),
        lambda ax, y: ax.bar([1, 2, 3], y),
        lambda ax, y: ax.hist(y),
        lambda ax, y: ax.fill_between([1, 2, 3], y),
        lambda ax, y: ax.axhline(y[0]),
        lambda ax, y: ax.errorbar([1, 2, 3], [1, 2, 3], yerr=y),
        lambda ax, y: (ax.plot([1, 2, 3]), ax.plot(y)),
        lambda ax, y: ax.plot([y[0], 3.0]),
    ],
)
def test_values_are_drawn_as_their_numbers(draw):
    boxes = []
    for y in (VALUES, NUMBERS):
        ax = Figure().add_subplot()
        draw(ax, y)
        ax.figure.canvas.draw()
        boxes.append(ax.dataLim.get_points().tolist())
    assert boxes[0] == boxes[1]


def test_plots_take_values_where_they_take_numbers():
    plots = []
    for numbers, model in [(NUMBERS, lambda x: 2 * x), (VALUES, lambda x: Value(2 * x))]:
        ax = plot_loss(numbers, Figure().add_subplot())
        fit = plot_fit(numbers, numbers, model, Figure().add_subplot())
        plots.append([ax.lines[0].get_ydata().tolist(), fit.lines[0].get_ydata().tolist()])
    assert plots[0] == plots[1]
