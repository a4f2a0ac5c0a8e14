"""What plots are drawn on: new figures, films, and places along an axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalargrad.errors import ChoiceError, OperandError, SizeError

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "GREY",
    "INK",
    "ORANGE",
    "axes_of",
    "check_film",
    "count",
    "evenly",
    "film",
    "frames",
    "tidy",
]

BLUE, ORANGE, GREY, INK = "#2f6fb3", "#d9730d", "#8a939e", "#1f2933"


def axes_of(ax: Axes | None, advice: str = "") -> Axes:
    """Return the Axes that somebody gave, or those of a new figure of pyplot.

    Raises:
        OperandError: it is something else; ``advice`` says what it may have been meant to be.
    """
    from matplotlib.axes import Axes

    if isinstance(ax, Axes):
        return ax
    if ax is not None:
        raise OperandError(f"ax is an Axes of Matplotlib, got {type(ax).__name__}{advice}")
    from matplotlib import pyplot

    _, new = pyplot.subplots(figsize=(5.6, 3.6), layout="constrained")
    return new


def tidy(ax: Axes) -> Axes:
    """Take away the frame where there is no scale."""
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def evenly(values: Sequence[float], count: int, margin: float = 0.0) -> list[float]:
    """Return evenly spaced places from the least to the largest value, or a little beyond."""
    low, high = float(min(values)), float(max(values))
    beyond = margin * (high - low) or (0.5 if high == low else 0.0)
    low, high = low - beyond, high + beyond
    return [low + (high - low) * i / max(count - 1, 1) for i in range(count)]


def count(name: str, number: int) -> int:
    """Return how many places there are along an axis."""
    if isinstance(number, bool) or not hasattr(number, "__index__") or number < 2:
        raise SizeError(f"{name} is an int of at least 2, got {number!r:.60}")
    return number


def check_film(path: str | Path | None, seconds: float) -> None:
    """Check how a film is to be written, before it is drawn."""
    if path is not None and Path(path).suffix.lower() != ".gif":
        raise ChoiceError(f"a film is written to a GIF file, got {str(path)!r}")
    if not 0 < seconds < math.inf:
        raise SizeError(f"seconds is a positive number, got {seconds!r}")


def frames(what: str, items: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Yield the frames of a film: pairs of an epoch and what there is to draw of it.

    Raises:
        OperandError: one is no such pair.
    """
    if not isinstance(items, Iterable):
        raise OperandError(
            f"a film needs a frame for each epoch, a pair of the epoch and its {what}, got "
            f"{type(items).__name__}: gather them in the on_epoch of fit"
        )
    for item in items:
        try:
            epoch, content = item
            index(epoch)
        except (TypeError, ValueError):
            raise OperandError(
                f"each frame is a pair of an epoch and its {what}, got {type(item).__name__}"
            ) from None
        yield epoch, content


def film(
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
