"""Fit y = x² + 3x with one hidden layer of tanh neurons, on two thirds of 40 points."""

from __future__ import annotations

import random
import statistics
from typing import NamedTuple

from scalargrad import MLP, Adam, Value
from scalargrad.functional import mse
from scalargrad.optim import cosine_decay
from scalargrad.progress import Bar
from viz import animate_fit, playground, plot_fit, plot_loss

from .common import parser, report, table

POINTS = 40
FRAMES = 40
GRID = [-5 + i / 10 for i in range(101)]


def quadratic(x: float) -> float:
    """Return what the network has to find out."""
    return x**2 + 3 * x


class Model:
    """A network between numbers of ordinary size: it sees x / 2 and answers in units of y.

    The units are the mean and the deviation of the training targets.
    """

    def __init__(self, hidden: int, seed: int, targets: list[float]) -> None:
        self.network = MLP(1, [hidden, 1], seed=seed)
        self.center, self.scale = statistics.fmean(targets), statistics.pstdev(targets)

    def loss(self, xs: list[float], ys: list[float]) -> Value:
        """Return the mean squared error, in units of the targets' variance."""
        outputs = [self.network([x / 2]) for x in xs]
        return mse(outputs, [(y - self.center) / self.scale for y in ys])

    def __call__(self, x: float) -> float:
        return self.answer([x]).data

    def answer(self, inputs: list[Value]) -> Value:
        """Return y for a list with x, as a Value."""
        return self.network([inputs[0] / 2]) * self.scale + self.center

    def r2(self, xs: list[float], ys: list[float]) -> float:
        """Return the share of the variance of ``ys`` that the model explains."""
        errors = [(self(x) - y) ** 2 for x, y in zip(xs, ys, strict=True)]
        return 1 - statistics.fmean(errors) / statistics.pvariance(ys)


class Run(NamedTuple):
    """What a run leaves behind."""

    model: Model
    losses: list[float]
    r2: float


def main(arguments: list[str] | None = None) -> Run:
    """Run the example; return the model, its losses and its R² on the held-out points."""
    args = parser(__doc__, epochs=500).parse_args(arguments)
    xs = [-5 + 10 * i / (POINTS - 1) for i in range(POINTS)]
    random.Random(args.seed).shuffle(xs)
    ys = [quadratic(x) for x in xs]
    third = POINTS // 3
    held_out, train = (xs[:third], ys[:third]), (xs[third:], ys[third:])

    model = Model(hidden=8, seed=args.seed, targets=train[1])
    optimizer = Adam(model.network.parameters(), cosine_decay(0.1, 0.001, args.epochs))
    losses, held_out_losses, curves = [], [], []
    for epoch in Bar(range(args.epochs), desc="epochs"):
        loss = model.loss(*train)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
        held_out_losses.append(model.loss(*held_out).data)
        if epoch % max(1, args.epochs // FRAMES) == 0 or epoch == args.epochs - 1:
            curves.append((epoch + 1, [model(x) for x in GRID]))

    rows = [(f"{x:.2f}", y, model(x)) for x, y in sorted(zip(*held_out, strict=True))]
    r2 = model.r2(*held_out)
    print(table(["held-out x", "x² + 3x", "network"], rows))
    print(f"\nloss {losses[0]:.4f} → {losses[-1]:.6f}, of the variance of y")
    print(f"R² on the held-out points {r2:.5f}")

    args.out.mkdir(parents=True, exist_ok=True)
    loss_png, fit_png, fit_gif = pictures = [
        args.out / name for name in ("quadratic_loss.png", "quadratic_fit.png", "quadratic_fit.gif")
    ]
    plot_loss(losses, held_out=held_out_losses, log=True).figure.savefig(loss_png)
    plot_fit(*train, model, held_out=held_out).figure.savefig(fit_png)
    animate_fit(*train, curves, fit_gif, grid=GRID, held_out=held_out)
    untrained = Model(hidden=8, seed=args.seed, targets=train[1])
    (xs, ys), (held_xs, held_ys) = train, held_out
    page = playground(
        untrained.answer, mse, ([[x] for x in xs], ys), args.out / "quadratic_playground.html",
        validation=([[x] for x in held_xs], held_ys), title="y = x² + 3x",
        optimizer=Adam(untrained.network.parameters(), 0.05),
    )  # fmt: skip
    report([*pictures, page.path])
    return Run(model, losses, r2)


if __name__ == "__main__":
    main()
