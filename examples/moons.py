"""Tell two moons apart: micrograd's own demo, scalar by scalar and compiled, side by side.

The same model, data and optimiser, twice. Scalar by scalar, each step builds the graph of all
samples; compiled, the graph of one was traced and runs on all. The curves are the same. And a page
in which the same network trains, from the start, in a browser.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import make_moons

from scalargrad import MLP, SGD, Value, compile, fit
from scalargrad import functional as F
from scalargrad.optim import linear_decay
from scalargrad.train import History
from viz import animate_decision, decision_grid, playground, plot_decision, plot_loss

from .common import digits_that_count, option, parser, report, table

L2 = 1e-4  # the weight of the squared parameters in the loss, as in micrograd's demo
FRAMES = 25  # of the film, about
SIDE = 80  # places along each axis of the plane at which the classifier is asked
MOONS = ("upper moon, y = -1", "lower moon, y = 1")

Array = NDArray[Any]


class Run(NamedTuple):
    """What a training leaves behind."""

    model: MLP
    history: History
    seconds: float
    planes: list[tuple[int, Array]]  # the epoch, 0 is untrained, and the scores on the plane


def data(samples: int, noise: float, seed: int) -> tuple[Array, Array]:
    """Return points of two half circles, and -1 or 1 for each."""
    x, y = make_moons(samples, noise=noise, random_state=seed)
    return x, 2.0 * y - 1


def network(seed: int) -> MLP:
    """Return the untrained model."""
    return MLP(2, [16, 16, 1], activation="relu", init="he", seed=seed)


def plane(x: Array) -> Array:
    """Return the points at which to ask the classifier, row by row."""
    across, up = decision_grid(x, SIDE)
    return np.array([[a, b] for b in up for a in across])


def train(x: Array, y: Array, epochs: int, seed: int, compiled: bool) -> Run:
    """Train a network, and ask it for its scores on the plane as they were on the way."""
    model = network(seed)
    # The gradient of L2 · Σ p² is 2 · L2 · p.
    optimizer = SGD(model.parameters(), linear_decay(1.0, 0.1, epochs), weight_decay=2 * L2)
    moments = [(0, [p.data for p in model.parameters()])]

    def remember(history: History) -> None:
        epoch = len(history.losses)
        if epoch == epochs or epoch % max(1, epochs // FRAMES) == 0:
            moments.append((epoch, [p.data for p in model.parameters()]))

    start = perf_counter()
    history = fit(model, F.hinge, (x, y), optimizer, epochs, compiled=compiled, on_epoch=remember)
    seconds = perf_counter() - start

    point = [Value(0.0, label=name) for name in ("x0", "x1")]
    score, places = compile(model(point), point, wrt=model.parameters()), plane(x)
    planes = [
        (epoch, score(places, parameters=numbers).reshape(SIDE, SIDE)) for epoch, numbers in moments
    ]
    return Run(model, history, seconds, planes)


def listing(model: MLP) -> str:
    """Return what the compiled loss of one sample does."""
    point, target = [Value(0.5, label="x0"), Value(0.5, label="x1")], Value(1.0, label="y")
    program = compile(F.hinge([model(point)], [target]), [*point, target], model.parameters())
    return f"{len(program)} scalars, compiled:\n\n{program}\n"


def main(arguments: list[str] | None = None) -> tuple[Run, Run]:
    """Run the example; return the run scalar by scalar, and the compiled one."""
    options = parser(__doc__.partition("\n")[0], epochs=50)
    samples = option(int, lambda number: number >= 2, "a whole number of at least 2")
    noise = option(float, lambda number: 0 <= number <= 10, "a number from 0 to 10")
    options.add_argument("--samples", type=samples, default=100, help="default: %(default)s")
    options.add_argument("--noise", type=noise, default=0.1, help="default: %(default)s")
    args = options.parse_args(arguments)

    x, y = data(args.samples, args.noise, args.seed)
    eager, compiled = (train(x, y, args.epochs, args.seed, mode) for mode in (False, True))
    print(listing(compiled.model))
    runs = {"scalar by scalar": eager, "compiled": compiled}
    epochs = [len(run.history.losses) for run in runs.values()]  # fewer after a Ctrl-C
    if not all(epochs):
        raise SystemExit("stopped before an epoch was over: there is nothing to compare")
    paces = [run.seconds / done for run, done in zip(runs.values(), epochs, strict=True)]
    rows = [
        (name, run.seconds, 1e3 * pace, *run.history.last().values())
        for (name, run), pace in zip(runs.items(), paces, strict=True)
    ]
    print(table([f"{args.samples} samples", "seconds", "ms an epoch", "loss", "accuracy"], rows))
    curves = [run.history.losses[: min(epochs)] for run in runs.values()]
    apart = np.abs(np.subtract(*curves)).max()
    ratio = digits_that_count(paces[0] / paces[1])
    print(f"compiled, it is {ratio} times as fast; the curves differ by {apart:.0g}")
    paths = draw(x, y, eager, compiled, args.out)
    page = playground(
        network(args.seed), F.hinge, (x, y), args.out / "moons_playground.html", title="Two moons"
    )
    report([*paths, page.path])
    return eager, compiled


def draw(x: Array, y: Array, eager: Run, compiled: Run, out: Any) -> list[Any]:
    """Draw both curves, the border between the classes, and how it came to be."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / name for name in ("moons_loss.png", "moons_decision.png", "moons.gif")]
    axes = plot_loss(compiled.history, log=True)
    (line,) = axes.lines
    line.set_label("compiled")
    epochs = range(1, len(eager.history.losses) + 1)
    axes.plot(
        epochs, eager.history.losses, "o", markersize=9, fillstyle="none", label="scalar by scalar"
    )
    axes.legend(frameon=False)
    axes.figure.savefig(paths[0])
    plot_decision(compiled.model, x, y, labels=MOONS).figure.savefig(paths[1])
    animate_decision(x, y, compiled.planes, paths[2], labels=MOONS)
    return paths


if __name__ == "__main__":
    main()
