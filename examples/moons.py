"""Tell two moons apart: micrograd's own demo, scalar by scalar and compiled, side by side.

The same model, data and optimiser, twice. Scalar by scalar, each step builds the graph of all
samples; compiled, the graph of one was traced and runs on all. The curves are the same.
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
from viz import animate_decision, decision_grid, plot_decision, plot_loss

from .common import parser, report, table

L2 = 1e-4  # the weight of the squared parameters in the loss, as in micrograd's demo
FRAMES = 25  # of the film, about
SIDE = 60  # places along each axis of the plane at which the classifier is asked

Array = NDArray[Any]


class Run(NamedTuple):
    """What a training leaves behind."""

    model: MLP
    history: History
    seconds: float
    planes: list[tuple[int, Array]]  # the epoch, and the scores on the plane after it


def data(samples: int, noise: float, seed: int) -> tuple[Array, Array]:
    """Return points of two half circles, and -1 or 1 for each."""
    x, y = make_moons(samples, noise=noise, random_state=seed)
    return x, 2.0 * y - 1


def plane(x: Array) -> Array:
    """Return the points at which to ask the classifier, row by row."""
    across, up = decision_grid(x.tolist(), SIDE)
    return np.array([[a, b] for b in up for a in across])


def train(x: Array, y: Array, epochs: int, seed: int, compiled: bool) -> Run:
    """Train a network; one that is compiled is asked for the whole plane on the way."""
    model = MLP(2, [16, 16, 1], activation="relu", init="he", seed=seed)
    # The gradient of L2 · Σ p² is 2 · L2 · p.
    optimizer = SGD(model.parameters(), linear_decay(1.0, 0.1, epochs), weight_decay=2 * L2)
    point = [Value(0.0, label=name) for name in ("x0", "x1")]
    score = compile(model(point), point, wrt=model.parameters())
    places, planes = plane(x), []

    def look(history: History) -> None:
        epoch = len(history.losses)
        if epoch == epochs or epoch % max(1, epochs // FRAMES) == 0:
            score.pull()
            planes.append((epoch, score(places).reshape(SIDE, SIDE)))

    start = perf_counter()
    history = fit(
        model, F.hinge, (x, y), optimizer, epochs, compiled=compiled,
        on_epoch=look if compiled else None,
    )  # fmt: skip
    return Run(model, history, perf_counter() - start, planes)


def listing(model: MLP) -> str:
    """Return what the compiled loss of one sample does."""
    point, target = [Value(0.5, label="x0"), Value(0.5, label="x1")], Value(1.0, label="y")
    program = compile(F.hinge([model(point)], [target]), [*point, target], model.parameters())
    return f"{len(program)} scalars, compiled:\n\n{program}\n"


def main(arguments: list[str] | None = None) -> tuple[Run, Run]:
    """Run the example; return the run scalar by scalar, and the compiled one."""
    options = parser(__doc__.partition("\n")[0], epochs=50)
    options.add_argument("--samples", type=int, default=100, help="default: %(default)s")
    options.add_argument("--noise", type=float, default=0.1, help="default: %(default)s")
    args = options.parse_args(arguments)
    if args.samples < 2 or args.noise < 0:
        options.error("--samples needs at least 2, and --noise a number that is not negative")

    x, y = data(args.samples, args.noise, args.seed)
    eager, compiled = (train(x, y, args.epochs, args.seed, mode) for mode in (False, True))
    print(listing(compiled.model))
    rows = [
        (name, run.seconds, 1e3 * run.seconds / args.epochs, *run.history.last().values())
        for name, run in (("scalar by scalar", eager), ("compiled", compiled))
    ]
    print(table([f"{args.samples} samples", "seconds", "ms an epoch", "loss", "accuracy"], rows))
    apart = np.abs(np.subtract(eager.history.losses, compiled.history.losses)).max()
    print(f"{eager.seconds / compiled.seconds:.0f} times faster; the curves differ by {apart:.0e}")
    report(draw(x, y, eager, compiled, args.out))
    return eager, compiled


def draw(x: Array, y: Array, eager: Run, compiled: Run, out: Any) -> list[Any]:
    """Draw both curves, the border between the classes, and how it came to be."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / name for name in ("moons_loss.png", "moons_decision.png", "moons.gif")]
    axes = plot_loss(compiled.history.losses, log=True)
    (line,) = axes.lines
    line.set_label("compiled")
    epochs = range(1, len(eager.history.losses) + 1)
    axes.plot(epochs, eager.history.losses, "o", fillstyle="none", label="scalar by scalar")
    axes.legend(frameon=False)
    axes.figure.savefig(paths[0])
    points, classes = x.tolist(), y.tolist()
    axes = plot_decision(lambda p: compiled.model(p).data, points, classes, border=0.0)
    axes.figure.savefig(paths[1])
    animate_decision(points, classes, compiled.planes, paths[2], border=0.0)
    return paths


if __name__ == "__main__":
    main()
