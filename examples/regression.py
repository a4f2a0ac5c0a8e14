"""Predict a number with two layers of a miniflow graph, trained by mini-batches of 11.

The classic run of the first miniflow lab: define a graph, sort it once, then feed, run forward and
backward, and update, batch by batch. Linear regression on the same data is there to compare.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalargrad.miniflow import (
    MSE,
    Input,
    Linear,
    Node,
    Sigmoid,
    forward_and_backward,
    sgd_update,
    topological_sort,
    value_and_grad,
)
from scalargrad.progress import Bar
from viz import plot_loss

from .common import count, parser, positive, report, table
from .datasets import Data, DataError, batches, regression

BATCH = 11


class Network(NamedTuple):
    """A graph with two layers: where to feed it, and what comes out."""

    x: Input
    y: Input
    trainables: list[Input]
    output: Node
    cost: Node

    def feed(self, x: NDArray[Any], y: NDArray[Any] | None = None) -> dict[Node, Any]:
        """Return what to feed: samples, with or without their targets, and the weights."""
        targets = {} if y is None else {self.y: y}
        return {self.x: x, **targets, **{w: w.value for w in self.trainables}}


def build(n_features: int, n_hidden: int, rng: np.random.Generator) -> Network:
    """Define the graph, with small random weights in it."""
    x, y, w1, b1, w2, b2 = (Input(name) for name in ("X", "y", "W1", "b1", "W2", "b2"))
    hidden = Sigmoid(Linear(x, w1, b1, name="l1"))
    output = Linear(hidden, w2, b2, name="l2")
    w1.value = rng.normal(scale=n_features**-0.5, size=(n_features, n_hidden))
    w2.value = rng.normal(scale=n_hidden**-0.5, size=(n_hidden, 1))
    b1.value, b2.value = np.zeros(n_hidden), np.zeros(1)
    return Network(x, y, [w1, b1, w2, b2], output, MSE(y, output, name="cost"))


def train_epoch(
    network: Network, graph: list[Node], data: Data, rate: float, rng: np.random.Generator
) -> float:
    """Go through the data once; return the mean loss."""
    losses = []
    for batch in batches(data, BATCH, rng):
        network.x.value, network.y.value = batch
        forward_and_backward(graph)
        sgd_update(network.trainables, learning_rate=rate)
        losses.append(network.cost.value)
    return float(np.mean(losses))


def predict(network: Network, x: NDArray[Any]) -> NDArray[Any]:
    """Return the network's answer for each row."""
    value, _ = value_and_grad(network.output, network.feed(x))
    return value[:, 0]


def linear_regression(train: Data, x: NDArray[Any]) -> NDArray[Any]:
    """Return the answers of a plane laid through the training data by least squares."""
    (weights, *_) = np.linalg.lstsq(_with_ones(train.x), train.y, rcond=None)
    return _with_ones(x) @ weights


def _with_ones(x: NDArray[Any]) -> NDArray[Any]:
    return np.column_stack([x, np.ones(len(x))])


def normalised(train: Data, held_out: Data) -> tuple[Data, Data]:
    """Return both with features and targets of mean 0 and variance 1 in the training data."""

    def scaled(column: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
        spread = known.std(axis=0)
        return (column - known.mean(axis=0)) / np.where(spread > 0, spread, 1.0)

    first, second = (Data(scaled(x, train.x), scaled(y, train.y)) for x, y in (train, held_out))
    return first, second


def r2(y: NDArray[Any], answers: NDArray[Any]) -> float:
    """Return the share of the targets' variance that the answers explain."""
    return float(1 - np.mean((y - answers) ** 2) / np.var(y))


class Run(NamedTuple):
    """What a run leaves behind."""

    network: Network
    losses: list[float]
    r2: float  # on held-out data
    linear_r2: float


def main(arguments: list[str] | None = None) -> Run:
    """Run the example; return the network, its losses, and how well both methods predict."""
    options = parser(__doc__.partition("\n")[0], epochs=100)
    options.add_argument("--data", default="friedman", help="default: %(default)s",
                         choices=["friedman", "diabetes", "california", "boston"])  # fmt: skip
    options.add_argument("--hidden", type=count, default=20, help="neurons, default: %(default)s")
    options.add_argument(
        "--rate", type=positive, default=0.1, help="of learning, default: %(default)s"
    )
    args = options.parse_args(arguments)
    rng = np.random.default_rng(args.seed)
    try:
        data = regression(args.data, args.seed)
    except DataError as error:
        options.error(str(error))

    train, held_out = normalised(*data.split(rng, 0.75))
    network = build(train.x.shape[1], args.hidden, rng)
    graph = topological_sort(network.feed(train.x, train.y))
    losses, held_out_losses = [], []
    for _ in Bar(range(args.epochs), desc="epochs"):
        losses.append(train_epoch(network, graph, train, args.rate, rng))
        answers = predict(network, held_out.x)
        held_out_losses.append(float(np.mean((held_out.y - answers) ** 2)))

    network_r2 = r2(held_out.y, predict(network, held_out.x))
    linear_r2 = r2(held_out.y, linear_regression(train, held_out.x))
    rows = [
        ("linear regression", train.x.shape[1] + 1, 1 - linear_r2, linear_r2),
        ("two layers", sum(w.value.size for w in network.trainables), 1 - network_r2, network_r2),
    ]
    print(f"{args.data}: {len(train.y)} samples to learn from, {len(held_out.y)} held out")
    print(table(["held out", "weights", "MSE / variance", "R²"], rows))

    args.out.mkdir(parents=True, exist_ok=True)
    curve = args.out / f"regression_{args.data}_loss.png"
    plot_loss(losses, held_out=held_out_losses, log=True).figure.savefig(curve)
    report([curve])
    return Run(network, losses, network_r2, linear_r2)


if __name__ == "__main__":
    main()
