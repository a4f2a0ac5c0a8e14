"""Plots of classifiers on a plane: what they say about all of it, also as a film.

They take data and models as `fit` does, and draw as the plots of training runs do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scalargrad.errors import NonFiniteError, SizeError

from . import figures, points

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["animate_decision", "decision_grid", "plot_decision"]

_COLORS = (
    figures.BLUE, figures.ORANGE, "#2e8b57", "#7a5fb0", "#c0395b", "#1f9e9e", "#8c6239", "#8a8f1c",
    "#d66fb0", "#4b5563",
)  # fmt: skip
_MARKERS = "os^Dv<>Xph"
_BANDS = 24  # of colour on a plane of scores, half of them on either side of the border

#: One number for each sample, or a row of them: in lists, arrays, tables, or as Values.
Data = Any

#: Places along each of two axes.
Grid = tuple[list[float], ...]


def plot_decision(
    predict: Callable[[list[float]], Any],
    x: Data,
    y: Data,
    ax: Axes | None = None,
    *,
    border: float | None = None,
    labels: Sequence[str] | None = None,
    features: tuple[str, str] | None = None,
    samples: int = 80,
) -> Axes:
    """Draw samples of several classes on a plane, and what a classifier says about all of it.

    A classifier with one output tells two classes apart: the plane is the more orange or blue the
    further the score is below or above the border, which is a line. With an output for each class,
    the plane has a region for each, where its output is the largest.

    Args:
        predict: the classifier, a function of a list of two features that returns a score or a
            probability, or an output for each class: Values or numbers.
        x, y: the samples and their classes, as for `fit`: rows of two features, and two numbers
            such as 0 and 1, or the classes 0, 1, … of a model with several outputs. Each class has
            a colour and a marker of its own.
        ax: where to draw; by default in a new figure.
        border: the score between two classes; by default half way between their numbers, so 0.5
            between 0 and 1, which is right for probabilities, and 0 between -1 and 1. The border of
            logits is 0, whatever the numbers are.
        labels: names of the classes in their order, for the legend over the plane; by default their
            numbers, or on which side of the border they are.
        features: names of the two axes; by default those of a table's columns, or that ``ax`` has,
            or x0 and x1.
        samples: at how many places along each axis to ask the classifier.

    Raises:
        SizeError: a sample has not two features, there are more or fewer x than y, or y has classes
            for which there is no output.
        OperandError: data or answers are no numbers; texts have to be numbered 0, 1, ….
        NonFiniteError: one of them is infinite or nan.

    >>> plot_decision(lambda x: x[0] - x[1], [[0, 1], [1, 0]], [-1, 1])
    <Axes: xlabel='x0', ylabel='x1'>
    """
    points.check_model("plot_decision(predict, x, y)", predict)
    known, targets = points.plane(x, y)
    grid = across, up = decision_grid(known, samples)
    scores = _stacked([[points.answer(predict, [a, b]) for a in across] for b in up])
    look = _look(known, targets, scores.shape[-1], border, labels, features or _names(x))
    ax = figures.axes_of(ax)
    _shade(ax, grid, scores, look, _reach(scores, look))
    return figures.tidy(_draw_samples(ax, look))


def decision_grid(x: Data, samples: int = 80) -> Grid:
    """Return the places along each of two axes where `plot_decision` asks the classifier.

    >>> decision_grid([[0.0, 0.0], [25.0, 50.0]], samples=3)
    ([-2.0, 12.5, 27.0], [-4.0, 25.0, 54.0])
    """
    count, columns = figures.count("samples", samples), zip(*points.places(x), strict=True)
    return tuple(figures.evenly(column, count, margin=0.08) for column in columns)


def animate_decision(
    x: Data,
    y: Data,
    scores: Iterable[tuple[int, Data]],
    path: str | Path | None = None,
    *,
    border: float | None = None,
    labels: Sequence[str] | None = None,
    features: tuple[str, str] | None = None,
    seconds: float = 4.0,
) -> FuncAnimation:
    """Draw how a classifier comes to tell classes apart, epoch by epoch.

    All frames have one scale of colours, that of the last: it looks as `plot_decision` draws it.

    Args:
        x, y: the samples and their classes, as for `plot_decision`.
        scores: the epoch, and the classifier's scores on the plane, for each frame: a table with a
            row for each place up and a column for each place across, as `decision_grid` gives
            them, and in it a score, or an output for each class. Epoch 0 is the model before its
            training.
        path: a GIF file to write.
        border, labels, features: as for `plot_decision`.
        seconds: how long the film takes, without a second at its end.

    Returns:
        The animation, which a notebook shows with ``HTML(animation.to_jshtml())``.

    Raises:
        SizeError: there are no scores, their tables differ in size, or as for `plot_decision`.
        OperandError, NonFiniteError: as for `plot_decision`.
        ChoiceError: the file is no GIF.
    """
    from matplotlib.figure import Figure

    figures.check_film(path, seconds)
    known, targets = points.plane(x, y)
    frames = [
        (epoch, points.numbers(f"the scores of epoch {epoch}", table))
        for epoch, table in figures.frames("scores", scores)
    ]
    if not frames:
        raise SizeError("animate_decision needs at least one table of scores, got none")
    size = len(frames[0][1])
    frames = [(epoch, _squared(epoch, table, size)) for epoch, table in frames]
    outputs = {table.shape[-1] for _, table in frames}
    if len(outputs) > 1:
        raise SizeError(f"the tables of scores differ in their outputs: {sorted(outputs)}")
    grid = across, up = decision_grid(known, size)
    look = _look(known, targets, outputs.pop(), border, labels, features or _names(x))
    reach = _reach(frames[-1][1], look)

    figure = Figure(figsize=(5.6, 3.6), dpi=100, layout="constrained")
    ax = figures.tidy(_draw_samples(figure.add_subplot(), look))
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    shown: list[Artist] = []

    def draw(table: points.Floats) -> list[Artist]:
        while shown:
            shown.pop().remove()
        shown.extend(_shade(ax, grid, table, look, reach))
        return shown

    return figures.film(figure, ax, draw, frames, path, seconds)


# ── parts ───────────────────────────────────────────────────────────────────────────────────────


class _Look(NamedTuple):
    """How a plane with its samples looks."""

    samples: list[list[list[float]]]  # of each class
    border: float | None  # between two classes; none if each class has an output
    labels: Sequence[str]
    features: tuple[str, str] | None


def _look(
    known: list[list[float]],
    targets: points.Floats,
    outputs: int,
    border: float | None,
    labels: Sequence[str] | None,
    features: tuple[str, str] | None,
) -> _Look:
    if outputs > 1:
        border, count = None, outputs
        groups, names = points.classes(targets, outputs), [f"class {i}" for i in range(outputs)]
    else:
        groups, border = points.sides(targets, border)
        names, count = [f"y ≤ {border:g}", f"y > {border:g}"], 2
    labels = names if labels is None else labels
    if isinstance(labels, str) or len(labels) != count:
        raise SizeError(f"labels has a name for each of the {count} classes, got {labels!r:.60}")
    samples: list[list[list[float]]] = [[] for _ in labels]
    for group, sample in zip(groups, known, strict=True):
        samples[group].append(sample)
    return _Look(samples, border, labels, features)


def _names(x: Data) -> tuple[str, str] | None:
    """Return the names of a table's columns."""
    names = getattr(x, "columns", ())
    found = [name for name in names if isinstance(name, str)]
    return (found[0], found[1]) if len(found) == 2 else None


def _draw_samples(ax: Axes, look: _Look) -> Axes:
    """Draw the samples of each class with a marker of its own, and name classes and axes."""
    for i, (label, samples) in enumerate(zip(look.labels, look.samples, strict=True)):
        color, marker = _style(i, len(look.labels))
        ax.scatter([a for a, _ in samples], [b for _, b in samples], c=color, marker=marker,
                   label=label, edgecolors="white", linewidths=0.8, zorder=3)  # fmt: skip
    across, up = look.features or (ax.get_xlabel() or "x0", ax.get_ylabel() or "x1")
    ax.set(xlabel=across, ylabel=up)
    # Above the plane, where it covers no sample and a title has room on the left; many beside it.
    few = len(look.labels) <= 4
    ax.legend(loc="lower right" if few else "upper left", bbox_to_anchor=(1.0, 1.0),
              ncols=len(look.labels) if few else 1, frameon=False, borderaxespad=0.2,
              columnspacing=1.2, handletextpad=0.2)  # fmt: skip
    return ax


def _style(i: int, classes: int) -> tuple[str, str]:
    """Return the colour and the marker of a class; a hundred classes differ in one of them.

    Two classes have the colours of negative and positive numbers, as on a playground's page.
    """
    color = _COLORS[1 - i if classes == 2 else i % len(_COLORS)]
    return color, _MARKERS[(i + i // len(_COLORS)) % len(_MARKERS)]


def _shade(ax: Axes, grid: Grid, scores: points.Floats, look: _Look, reach: float) -> list[Artist]:
    """Colour a plane by what a classifier says about it, with the borders as lines."""
    if look.border is None:
        return _regions(ax, grid, scores)
    return _slopes(ax, grid, scores[..., 0], look.border, reach)


def _slopes(
    ax: Axes, grid: Grid, scores: points.Floats, border: float, reach: float
) -> list[Artist]:
    """Colour a plane by scores, from border - reach to border + reach, and draw the border."""
    # The bands are the same for each table of scores; what lies beyond has the colour of the last.
    half = _BANDS // 2
    edges = [border + reach * i / half for i in range(-half, half + 1)]
    shades = [_mixed(i / (_BANDS - 1)) for i in range(_BANDS)]
    colors = [shades[0], *shades, shades[-1]]
    plane = *grid, scores
    drawn: list[Artist] = [ax.contourf(*plane, levels=edges, colors=colors, extend="both")]
    if scores.min() < border < scores.max():
        drawn.append(ax.contour(*plane, levels=[border], colors=[figures.INK], linewidths=1.2))
    return drawn


def _regions(ax: Axes, grid: Grid, outputs: points.Floats) -> list[Artist]:
    """Colour the region of each class, where its output is the largest, and draw its border."""
    import numpy as np

    drawn: list[Artist] = []
    largest = outputs.argmax(axis=-1)
    for i in range(outputs.shape[-1]):
        # Smooth borders need numbers: by how much the output is above the best of the others.
        ahead = outputs[..., i] - np.delete(outputs, i, axis=-1).max(axis=-1)
        tiny = 1e-9 * (np.abs(ahead).max() or 1.0)  # where two are equal, the first one wins
        ahead = np.where(largest == i, np.maximum(ahead, tiny), np.minimum(ahead, -tiny))
        plane, low, high = (*grid, ahead), ahead.min(), ahead.max()
        if high > 0:
            color = _light(_style(i, outputs.shape[-1])[0])
            drawn.append(ax.contourf(*plane, levels=[0, high + tiny], colors=[color]))
        if low < 0 < high:
            drawn.append(ax.contour(*plane, levels=[0], colors=[figures.INK], linewidths=1.2))
    return drawn


def _reach(scores: points.Floats, look: _Look) -> float:
    """Return how far scores are from the border at most."""
    return float(abs(scores - (look.border or 0.0)).max()) or 1.0


def _stacked(answers: list[list[list[float]]]) -> points.Floats:
    """Return answers on a plane as an array of shape (up, across, outputs)."""
    import numpy as np

    outputs = sorted({len(answer) for row in answers for answer in row})
    if len(outputs) > 1:
        raise SizeError(f"predict returns {outputs[0]} numbers here and {outputs[-1]} there")
    return np.array(answers)


def _squared(epoch: int, table: points.Floats, size: int) -> points.Floats:
    """Return the scores of an epoch as an array of shape (up, across, outputs)."""
    import numpy as np

    size = max(size, 2)
    if table.ndim not in (2, 3) or table.shape[:2] != (size, size) or not table.size:
        raise SizeError(f"the scores of epoch {epoch} are no table of {size} × {size}")
    if not np.isfinite(table).all():
        raise NonFiniteError(f"the scores of epoch {epoch} have to be finite, and are not")
    return table.reshape(size, size, -1)


def _light(color: str) -> tuple[float, ...]:
    """Return the colour of a region for that of its samples."""
    from matplotlib.colors import to_rgb

    return tuple(0.35 * part + 0.65 for part in to_rgb(color))


def _mixed(share: float) -> tuple[float, float, float]:
    """Return a colour on the way from light orange over white to light blue."""
    end = (0.98, 0.78, 0.55) if share < 0.5 else (0.62, 0.77, 0.92)
    strength = abs(2 * share - 1)
    red, green, blue = (1 + strength * (part - 1) for part in end)
    return red, green, blue
