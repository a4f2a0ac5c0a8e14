"""Plots of training runs: the loss and the fit, also as a film.

They take what `fit` takes and returns: data, models, and its History. Each draws into ``ax``, or
into a new figure of pyplot, which a notebook shows; each returns what it drew and never calls
``show()``. Matplotlib loads when the first one is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalargrad.errors import OperandError, SizeError

from . import figures, points

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from scalargrad.train import History

__all__ = ["animate_fit", "plot_fit", "plot_loss"]

#: One number for each sample, or a row of them: in lists, arrays, tables, or as Values.
Data = Any


def plot_loss(
    losses: Iterable[float] | History,
    ax: Axes | None = None,
    *,
    held_out: Iterable[float] | None = None,
    labels: tuple[str, str] = ("training", "held out"),
    log: bool = False,
) -> Axes:
    """Draw the loss after each epoch.

    Args:
        losses: one number for each epoch, the first is that of epoch 1; or what `fit` returned,
            with the losses of its validation, if there are any, as a second curve.
        ax: where to draw; by default in a new figure.
        held_out: the loss on data that is not trained on, as a second curve.
        labels: names of the two curves, for a legend.
        log: whether the axis of the loss is logarithmic.

    Raises:
        OperandError: the losses are no numbers, or ``ax`` is no Axes.
        SizeError: there is no loss.

    >>> from matplotlib.figure import Figure
    >>> plot_loss([1.0, 0.5, 0.25], Figure().add_subplot()).get_ylabel()
    'loss'
    """
    if held_out is None:
        held_out = getattr(losses, "validation_losses", None) or None
    curves = [(labels[0], _curve("losses", getattr(losses, "losses", losses)), figures.BLUE, "-")]
    if held_out is not None:
        curves.append((labels[1], _curve("held_out", held_out), figures.ORANGE, "--"))
    ax = figures.axes_of(ax, "; a second curve is held_out=")
    for label, numbers, color, line in curves:
        marker = "o" if len(numbers) == 1 else ""  # a curve of one point is invisible
        epochs = range(1, len(numbers) + 1)
        ax.plot(epochs, numbers, line, color=color, marker=marker, label=label)
    ax.set(xlabel="epoch", ylabel="loss", yscale="log" if log else "linear")
    if ax.get_xscale() == "linear":
        ax.locator_params(axis="x", integer=True, min_n_ticks=1)  # no epoch 1.5
    if held_out is not None:
        ax.legend(frameon=False)
    return figures.tidy(ax)


def plot_fit(
    x: Data,
    y: Data,
    predict: Callable[[Any], Any],
    ax: Axes | None = None,
    *,
    held_out: tuple[Data, Data] | None = None,
    samples: int = 200,
) -> Axes:
    """Draw points and the curve that a model has learned to lay through them.

    Args:
        x, y: the points that the model was trained on: numbers, or rows of one number as for `fit`.
        predict: the model, or a function of one number; where x has rows, of a row. It returns a
            Value or a number.
        ax: where to draw; by default in a new figure.
        held_out: points that it was not trained on, as two lists.
        samples: at how many places to ask the model.

    Raises:
        SizeError: there are more or fewer x than y, or none, or several numbers in a row.
        OperandError: data or answers are no numbers.
        NonFiniteError: one of them is infinite or nan.

    >>> plot_fit([-1, 0, 2], [1, 0, 4], lambda x: x * x)
    <Axes: xlabel='x', ylabel='y'>
    """
    points.check_model("plot_fit(x, y, predict)", predict)
    xs, ys, in_rows = points.columns(x, y)
    others = _held_out(held_out)
    in_rows = in_rows or points.takes_lists(predict)
    grid = figures.evenly([*xs, *(others[0] if others else ())], figures.count("samples", samples))
    curve = [_one(points.answer(predict, [place] if in_rows else place)) for place in grid]
    ax = _scatter(figures.axes_of(ax), (xs, ys), others)
    ax.plot(grid, curve, color=figures.BLUE, label="model")
    ax.legend(frameon=False)
    return figures.tidy(ax)


def animate_fit(
    x: Data,
    y: Data,
    curves: Iterable[tuple[int, Data]],
    path: str | Path | None = None,
    *,
    grid: Data | None = None,
    held_out: tuple[Data, Data] | None = None,
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
        OperandError, NonFiniteError: as `plot_fit`.
        ChoiceError: the file is no GIF.

    >>> from scalargrad import MLP, Adam, fit
    >>> from scalargrad.functional import mse
    >>> X, y = [[-1.0], [0.0], [1.0]], [1.0, 0.0, 1.0]
    >>> model, curves = MLP(1, [4, 1], seed=0), []
    >>> def remember(history):
    ...     curves.append((len(history.losses), [model(x).data for x in X]))
    >>> history = fit(model, mse, (X, y), Adam(model.parameters(), 0.1), epochs=3, progress=False,
    ...               on_epoch=remember)
    >>> film = animate_fit(X, y, curves)            # with "fit.gif" a file is written, too
    >>> page = film.to_jshtml()
    """
    from matplotlib.figure import Figure

    figures.check_film(path, seconds)
    xs, ys, _ = points.columns(x, y)
    frames = [
        (epoch, points.column(f"the curve of epoch {epoch}", curve))
        for epoch, curve in figures.frames("curve", curves)
    ]
    if not frames:
        raise SizeError("animate_fit needs at least one curve, got none")
    even = figures.evenly(xs, len(frames[0][1]))
    places = even if grid is None else points.column("grid", grid)
    for epoch, curve in frames:
        if len(curve) != len(places):
            raise SizeError(
                f"the curve of epoch {epoch} has {len(curve)} points, the grid {len(places)}"
            )

    figure = Figure(figsize=(5.6, 3.6), dpi=100, layout="constrained")
    ax = _scatter(figure.add_subplot(), (xs, ys), _held_out(held_out))
    (line,) = ax.plot(places, frames[0][1], color=figures.BLUE, linewidth=2, label="model")
    values = [value for _, curve in frames for value in curve] + ys
    margin = 0.05 * (max(values) - min(values) or 1.0)
    ax.set_ylim(min(values) - margin, max(values) + margin)
    ax.legend(frameon=False, loc="upper left")
    figures.tidy(ax)

    def draw(curve: list[float]) -> list[Artist]:
        line.set_ydata(curve)
        return [line]

    return figures.film(figure, ax, draw, frames, path, seconds)


# ── parts ───────────────────────────────────────────────────────────────────────────────────────


def _curve(name: str, losses: Any) -> list[float]:
    """Return the losses of a curve; where one is nan, the curve has a gap."""
    numbers = points.numbers(name, losses)
    if not numbers.size:
        raise SizeError(f"{name} needs a number for each epoch, got none")
    if numbers.ndim != 1:
        raise SizeError(f"{name} is one number for each epoch, got an array of {numbers.shape}")
    curve: list[float] = numbers.tolist()
    return curve


def _held_out(data: tuple[Data, Data] | None) -> tuple[list[float], list[float]] | None:
    if data is None:
        return None
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise OperandError(f"held_out is a pair (x, y), got {type(data).__name__}")
    xs, ys, _ = points.columns(*data)
    return xs, ys


def _one(answer: list[float]) -> float:
    if len(answer) != 1:
        raise SizeError(f"plot_fit draws one output, predict returned {len(answer)}")
    return answer[0]


def _scatter(
    ax: Axes,
    known: tuple[list[float], list[float]],
    held_out: tuple[list[float], list[float]] | None,
) -> Axes:
    ax.scatter(*known, s=22, color=figures.GREY, label="training", zorder=3)
    if held_out:
        ax.scatter(*held_out, s=26, marker="D", facecolors="none", edgecolors=figures.ORANGE,
                   label="held out", zorder=3)  # fmt: skip
    ax.set(xlabel="x", ylabel="y")
    return ax
