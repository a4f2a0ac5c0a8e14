"""Pictures of a GPT: losses, what its heads look at, letters in a plane, and a head to step."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from scalargrad import Value
from scalargrad import functional as F
from viz import stepper
from viz.plots.figures import BLUE, GREY, INK, ORANGE, tidy

from .model import GPT, Row
from .names import Alphabet
from .training import Run

__all__ = ["draw_attention", "draw_letters", "draw_loss", "head_of", "write_stepper"]

EDGE = "•"  # how the edge of a name is written
VOWELS = set("aeiouyáàâäãåæéèêëíìîïóòôöõøœúùûü")
STEPPED = 3  # places: the graph of a head is to be seen on a page


def draw_loss(run: Run, bigram: float, path: Path) -> Path:
    """Draw the loss of the batches, and that of the held-out names beside a bigram model's."""
    figure = Figure(figsize=(6.4, 4.0), dpi=150, layout="constrained")
    ax = figure.add_subplot()
    steps = np.arange(1, len(run.losses) + 1)
    ax.plot(steps, run.losses, color=BLUE, alpha=0.25, linewidth=0.8, label="batches")
    window = max(1, len(run.losses) // 20)
    means = np.convolve(run.losses, np.ones(window) / window, "valid")
    ax.plot(steps[window - 1 :], means, color=BLUE, label=f"mean of {window}")
    ax.plot([*run.held_out], [*run.held_out.values()], "o-", color=ORANGE, ms=3, label="held out")
    ax.axhline(bigram, color=GREY, linestyle="--", label="bigram model, held out")
    ax.set(xlabel="step", ylabel="loss, nats a letter")
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize="small")
    tidy(ax)
    figure.savefig(path)
    return path


def draw_attention(model: GPT, alphabet: Alphabet, name: str, path: Path) -> Path:
    """Draw for each head how much each letter of a name looks at those before it."""
    tokens = alphabet.tokens(name)[:-1]
    places, rows = np.eye(len(tokens)), model.rows(tokens)
    layers, heads = len(model.blocks), model.blocks[0].heads
    figure = Figure(figsize=(2.6 * heads + 0.6, 2.8 * layers + 0.4), dpi=150, layout="constrained")
    axes = figure.subplots(layers, heads, squeeze=False, sharex=True, sharey=True)
    for layer, block in enumerate(model.blocks):
        for number, (queries, keys, _) in enumerate(block.split(rows[layer])):
            # The weights of attention are what the rows of an identity matrix, as values, give.
            weights = F.attention(queries, keys, places, causal=True)
            ax = axes[layer, number]
            shown = np.array([[z.data for z in row] for row in weights])
            image = ax.imshow(shown, norm=PowerNorm(0.5, 0, 1), cmap="Blues")
            ax.set_title(f"layer {layer}, head {number}", fontsize="medium")
            _label(ax, EDGE + name)
    figure.colorbar(image, ax=axes, shrink=0.8, label="weight")
    figure.supylabel("letter that looks", fontsize="medium")
    figure.supxlabel("letter that is looked at", fontsize="medium")
    figure.savefig(path)
    return path


def _label(ax: Axes, letters: str) -> None:
    ax.set_xticks(range(len(letters)), letters)
    ax.set_yticks(range(len(letters)), letters)
    ax.tick_params(length=0)


def draw_letters(model: GPT, alphabet: Alphabet, path: Path) -> Path:
    """Draw the rows of the letters in the plane in which they differ most: two principal axes."""
    rows = np.array([[v.data for v in row] for row in model.letters])
    rows -= rows.mean(axis=0)
    _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
    points = rows @ directions[:2].T
    kept = sizes[:2] ** 2 / (sizes**2).sum()
    figure = Figure(figsize=(5.2, 4.8), dpi=150, layout="constrained")
    ax = figure.add_subplot()
    ax.scatter(*points.T, s=0)  # for the limits of the axes
    for (x, y), letter in zip(points, [EDGE, *alphabet.letters], strict=True):
        color = INK if letter == EDGE else ORANGE if letter in VOWELS else BLUE
        shown = "␣" if letter == " " else letter
        ax.text(x, y, shown, color=color, fontsize=13, ha="center", va="center")
    ax.set(
        xlabel=f"first principal axis ({kept[0]:.0%})", ylabel=f"second ({kept[1]:.0%})",
        title="vowels in orange, the edge of a name as •",
    )  # fmt: skip
    ax.title.set_size("medium")
    ax.margins(0.08)
    tidy(ax)
    figure.savefig(path)
    return path


# ── one head, to step through ───────────────────────────────────────────────────────────────────


def head_of(model: GPT, alphabet: Alphabet, name: str) -> Value:
    """Return how much the first head, at the first letters of a name, speaks for the one after.

    That is its part of the score of that letter, if nothing came between: what the head has found,
    times the numbers by which it would go through the matrices that mix and read it. The graph
    begins at queries, keys and values.
    """
    *seen, following = alphabet.tokens(name)[: STEPPED + 1]
    *letters, last, after = (EDGE + name + EDGE)[: STEPPED + 1]
    block = model.blocks[0]
    queries, keys, values = block.split(model.rows(seen)[0])[0]
    known, answers = (
        [
            leaves(f"{what}{place}[{letter}]", [v.data for v in row])
            for place, (letter, row) in enumerate(zip([*letters, last], rows, strict=True))
        ]
        for what, rows in (("k", keys), ("v", values))
    )
    query = leaves(f"q[{last}]", [v.data for v in queries[-1]])
    (found,) = F.attention([query], known, answers)
    for i, z in enumerate(found):
        z.label = f"found.{i}"
    mix = np.array([[v.data for v in row] for row in block.mix])[:, : len(found)]
    towards = np.array([v.data for v in model.head[following]]) @ mix
    score = F.dot(found, leaves(f"to[{after}]", towards))
    score.label = "score"
    return score


def leaves(name: str, numbers: Iterable[float]) -> Row:
    """Return numbered Values."""
    return [Value(number, label=f"{name}.{i}") for i, number in enumerate(numbers)]


def write_stepper(model: GPT, alphabet: Alphabet, name: str, path: Path) -> Path:
    """Write a page that steps through one head, forward and backward."""
    return stepper(head_of(model, alphabet, name), path).path
