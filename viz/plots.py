"""Plots of training runs: the loss, the fit and the border between two classes, also as films.

Each draws into ``ax``, or into a new figure of pyplot, which a notebook shows; each returns what it
drew and never calls ``show()``. Matplotlib loads when the first one is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalargrad.errors import SizeError

from .units import number

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "animate_decision",
    "animate_fit",
    "decision_grid",
    "plot_decision",
    "plot_fit",
    "plot_loss",
]

_BLUE, _ORANGE, _GREY = "#2f6fb3", "#d9730d", "#8a939e"
_BANDS = 24  # of colour on a plane of scores, half of them on either side of the border

Points = tuple[Sequence[float], Sequence[float]]
Scores = Sequence[Sequence[float]]


def plot_loss(
    losses: Iterable[float],
    ax: Axes | None = None,
    *,
    held_out: Iterable[float] | None = None,
    labels: tuple[str, str] = ("training", "held out"),
    log: bool = False,
) -> Axes:
    """Draw the loss after each epoch.

    Args:
        losses: one number for each epoch, the first is that of epoch 1.
        ax: where to draw; by default in a new figure.
        held_out: the loss on data that is not trained on, as a second curve.
        labels: names of the two curves, for a legend.
        log: whether the axis of the loss is logarithmic.

    >>> from matplotlib.figure import Figure
    >>> plot_loss([1.0, 0.5, 0.25], Figure().add_subplot()).get_ylabel()
    'loss'
    """
    ax = _axes(ax)
    curves = [(labels[0], losses, _BLUE, "-")]
    if held_out is not None:
        curves.append((labels[1], held_out, _ORANGE, "--"))
    for label, values, color, line in curves:
        numbers = [number(value) for value in values]
        marker = "o" if len(numbers) == 1 else ""  # a curve of one point is invisible
        epochs = range(1, len(numbers) + 1)
        ax.plot(epochs, numbers, line, color=color, marker=marker, label=label)
    ax.set(xlabel="epoch", ylabel="loss", yscale="log" if log else "linear")
    if ax.get_xscale() == "linear":
        ax.locator_params(axis="x", integer=True, min_n_ticks=1)  # no epoch 1.5
    if held_out is not None:
        ax.legend(frameon=False)
    return _tidy(ax)


def plot_fit(
    x: Sequence[float],
    y: Sequence[float],
    predict: Callable[[float], float],
    ax: Axes | None = None,
    *,
    held_out: Points | None = None,
    samples: int = 200,
) -> Axes:
    """Draw points and the curve that a model has learned to lay through them.

    Args:
        x, y: the points that the model was trained on.
        predict: the model, a function of one number.
        ax: where to draw; by default in a new figure.
        held_out: points that it was not trained on, as two lists.
        samples: at how many places to ask the model.

    Raises:
        SizeError: there are more or fewer x than y, or none.
    """
    grid = _grid([*x, *(held_out[0] if held_out else ())], samples)
    ax = _scatter(_axes(ax), (x, y), held_out)
    ax.plot(grid, [number(predict(place)) for place in grid], color=_BLUE, label="model")
    ax.legend(frameon=False)
    return _tidy(ax)


def animate_fit(
    x: Sequence[float],
    y: Sequence[float],
    curves: Iterable[tuple[int, Sequence[float]]],
    path: str | Path | None = None,
    *,
    grid: Sequence[float] | None = None,
    held_out: Points | None = None,
    seconds: float = 4.0,
) -> FuncAnimation:
    """Draw how a model's curve comes closer to the points, epoch by epoch.

    Args:
        x, y: the points that the model was trained on.
        curves: the epoch and the model's answers on the grid, for each frame.
        path: a GIF file to write.
        grid: where the model was asked; by default evenly from the least to the largest x.
        held_out: points that it was not trained on, as two lists.
        seconds: how long the film takes, without a second at its end.

    Returns:
        The animation, which a notebook shows with ``HTML(animation.to_jshtml())``.

    Raises:
        SizeError: there are no curves, or one that does not fit the grid.
    """
    from matplotlib.figure import Figure

    frames = [(epoch, [number(value) for value in curve]) for epoch, curve in curves]
    if not frames:
        raise SizeError("animate_fit needs at least one curve, got none")
    places = list(grid) if grid is not None else _grid(x, len(frames[0][1]))
    for epoch, curve in frames:
        if len(curve) != len(places):
            raise SizeError(
                f"the curve of epoch {epoch} has {len(curve)} points, the grid {len(places)}"
            )

    figure = Figure(figsize=(5.6, 3.6), dpi=100, layout="constrained")
    ax = _scatter(figure.add_subplot(), (x, y), held_out)
    (line,) = ax.plot(places, frames[0][1], color=_BLUE, linewidth=2, label="model")
    values = [value for _, curve in frames for value in curve] + list(y)
    margin = 0.05 * (max(values) - min(values) or 1.0)
    ax.set_ylim(min(values) - margin, max(values) + margin)
    ax.legend(frameon=False, loc="upper left")
    _tidy(ax)

    def draw(curve: list[float]) -> list[Artist]:
        line.set_ydata(curve)
        return [line]

    return _film(figure, ax, draw, frames, path, seconds)


def plot_decision(
    predict: Callable[[list[float]], float],
    x: Sequence[Sequence[float]],
    y: Sequence[float],
    ax: Axes | None = None,
    *,
    border: float = 0.5,
    labels: tuple[str, str] | None = None,
    features: tuple[str, str] | None = None,
    samples: int = 80,
) -> Axes:
    """Draw samples of two classes on a plane, and what a classifier says about all of it.

    Args:
        predict: the classifier, a function of two features, with a score or a probability.
        x: the samples, two features each.
        y: their classes: those above the border are drawn as triangles, the others as circles.
        ax: where to draw; by default in a new figure.
        border: the score between the classes, 0.5 for probabilities and 0 for margins.
        labels: names of the two classes, the one above the border last, for the legend over the
            plane on the right; by default on which side of the border they are.
        features: names of the two axes; by default those that ``ax`` has, or x0 and x1.
        samples: at how many places along each axis to ask the classifier.

    Raises:
        SizeError: a sample has not two features, or there are more or fewer x than y.
    """
    _check_plane(x, y)
    ax = _axes(ax)
    across, up = decision_grid(x, samples)
    scores = [[number(predict([a, b])) for a in across] for b in up]
    _shade(ax, across, up, scores, border, _reach(scores, border))
    return _tidy(_classes(ax, x, y, border, labels, features))


def decision_grid(x: Sequence[Sequence[float]], samples: int = 80) -> tuple[list[float], ...]:
    """Return the places along each of two axes where `plot_decision` asks the classifier.

    >>> decision_grid([[0.0, 0.0], [1.0, 2.0]], samples=3)
    ([-0.08, 0.5, 1.08], [-0.16, 1.0, 2.16])
    """
    return tuple(_grid(column, samples, margin=0.08) for column in zip(*x, strict=True))


def animate_decision(
    x: Sequence[Sequence[float]],
    y: Sequence[float],
    scores: Iterable[tuple[int, Scores]],
    path: str | Path | None = None,
    *,
    border: float = 0.5,
    labels: tuple[str, str] | None = None,
    features: tuple[str, str] | None = None,
    seconds: float = 4.0,
) -> FuncAnimation:
    """Draw how a classifier comes to tell two classes apart, epoch by epoch.

    All frames have one scale of colours, that of the last: it looks as `plot_decision` draws it.

    Args:
        x, y: the samples and their classes, as for `plot_decision`.
        scores: the epoch, and the classifier's scores on the plane, for each frame: a table with a
            row for each place up and a column for each place across, as `decision_grid` gives
            them. Epoch 0 is the model before its training.
        path: a GIF file to write.
        border, labels, features: as for `plot_decision`.
        seconds: how long the film takes, without a second at its end.

    Returns:
        The animation, which a notebook shows with ``HTML(animation.to_jshtml())``.

    Raises:
        SizeError: there are no scores, their tables differ in size, or the samples are no pairs.
    """
    from matplotlib.figure import Figure

    _check_plane(x, y)
    frames = [(epoch, [list(map(number, row)) for row in table]) for epoch, table in scores]
    if not frames:
        raise SizeError("animate_decision needs at least one table of scores, got none")
    size = len(frames[0][1])
    for epoch, table in frames:
        if {len(table), *map(len, table)} != {size}:
            raise SizeError(f"the scores of epoch {epoch} are no table of {size} × {size}")
    across, up = decision_grid(x, size)
    reach = _reach(frames[-1][1], border)

    figure = Figure(figsize=(5.6, 3.6), dpi=100, layout="constrained")
    ax = _tidy(_classes(figure.add_subplot(), x, y, border, labels, features))
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    shown: list[Artist] = []

    def draw(table: Scores) -> list[Artist]:
        while shown:
            shown.pop().remove()
        shown.extend(_shade(ax, across, up, table, border, reach))
        return shown

    return _film(figure, ax, draw, frames, path, seconds)


# ── parts ───────────────────────────────────────────────────────────────────────────────────────


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot

    _, new = pyplot.subplots(figsize=(5.6, 3.6), layout="constrained")
    return new


def _tidy(ax: Axes) -> Axes:
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _scatter(ax: Axes, points: Points, held_out: Points | None) -> Axes:
    _check_pairs(*points)
    ax.scatter(*points, s=22, color=_GREY, label="training", zorder=3)
    if held_out:
        _check_pairs(*held_out)
        ax.scatter(*held_out, s=26, marker="D", facecolors="none", edgecolors=_ORANGE,
                   label="held out", zorder=3)  # fmt: skip
    ax.set(xlabel="x", ylabel="y")
    return ax


def _shade(
    ax: Axes,
    across: Sequence[float],
    up: Sequence[float],
    scores: Scores,
    border: float,
    reach: float,
) -> list[Artist]:
    """Colour a plane by scores, from border - reach to border + reach, and draw the border."""
    # The bands are the same for each table of scores; what lies beyond has the colour of the last.
    half = _BANDS // 2
    edges = [border + reach * i / half for i in range(-half, half + 1)]
    shades = [_mixed(i / (_BANDS - 1)) for i in range(_BANDS)]
    colors = [shades[0], *shades, shades[-1]]
    drawn: list[Artist] = [
        ax.contourf(across, up, scores, levels=edges, colors=colors, extend="both")
    ]
    if min(map(min, scores)) < border < max(map(max, scores)):
        line = ax.contour(across, up, scores, levels=[border], colors=["#1f2933"], linewidths=1.2)
        drawn.append(line)
    return drawn


def _reach(scores: Scores, border: float) -> float:
    return max(abs(score - border) for row in scores for score in row) or 1.0


def _classes(
    ax: Axes,
    x: Sequence[Sequence[float]],
    y: Sequence[float],
    border: float,
    labels: tuple[str, str] | None,
    features: tuple[str, str] | None,
) -> Axes:
    """Draw the samples of each class with a marker of its own, and name classes and axes."""
    labels = labels or (f"y ≤ {border:g}", f"y > {border:g}")
    for above, color, marker in ((False, _BLUE, "o"), (True, _ORANGE, "^")):
        some = [sample for sample, target in zip(x, y, strict=True) if (target > border) is above]
        ax.scatter([a for a, _ in some], [b for _, b in some], c=color, marker=marker,
                   label=labels[above], edgecolors="white", linewidths=0.8, zorder=3)  # fmt: skip
    across, up = features or (ax.get_xlabel() or "x0", ax.get_ylabel() or "x1")
    ax.set(xlabel=across, ylabel=up)
    # Above the plane, where it covers no sample; a title has room on the left.
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False,
              borderaxespad=0.2, columnspacing=1.2, handletextpad=0.2)  # fmt: skip
    return ax


def _film(
    figure: Figure,
    ax: Axes,
    draw: Callable[[Any], list[Artist]],
    frames: Sequence[tuple[int, Any]],
    path: str | Path | None,
    seconds: float,
) -> FuncAnimation:
    """Animate frames, each named by its epoch, and write them to a file if there is a path."""
    from matplotlib.animation import FuncAnimation, PillowWriter

    rate = max(1, round(len(frames) / seconds))
    pause = [frames[-1]] * rate  # time to look at the last one

    def draw_titled(frame: tuple[int, Any]) -> list[Artist]:
        epoch, content = frame
        ax.set_title(f"epoch {epoch}", loc="left", fontsize="medium")
        return draw(content)

    animation = FuncAnimation(
        figure, draw_titled, frames=[*frames, *pause], interval=1000 / rate, cache_frame_data=False
    )
    if path is not None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        animation.save(path, writer=PillowWriter(fps=rate))
    return animation


def _check_plane(x: Sequence[Sequence[float]], y: Sequence[float]) -> None:
    _check_pairs(x, y)
    for sample in x:
        if len(sample) != 2:
            raise SizeError(f"plot_decision draws two features, got a sample of {len(sample)}")


def _check_pairs(x: Sequence[object], y: Sequence[object]) -> None:
    if len(x) != len(y) or not len(x):
        raise SizeError(f"a plot needs as many x as y, and at least one, got {len(x)} and {len(y)}")


def _grid(values: Sequence[float], count: int, margin: float = 0.0) -> list[float]:
    """Return evenly spaced places from the least to the largest value, or a little beyond."""
    low, high = number(min(values)), number(max(values))
    beyond = margin * (high - low) or (0.5 if high == low else 0.0)
    low, high = low - beyond, high + beyond
    return [low + (high - low) * i / max(count - 1, 1) for i in range(count)]


def _mixed(share: float) -> tuple[float, float, float]:
    """Return a colour on the way from light blue over white to light orange."""
    end = (0.62, 0.77, 0.92) if share < 0.5 else (0.98, 0.78, 0.55)
    strength = abs(2 * share - 1)
    red, green, blue = (1 + strength * (part - 1) for part in end)
    return red, green, blue
