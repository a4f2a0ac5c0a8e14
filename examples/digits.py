"""Tell handwritten digits apart: softmax regression, then a network with a hidden layer.

The classic run of the second miniflow lab: one call gives the loss and the gradients, and the
weights are plain arrays outside of the graph. With ``--scalar`` the same classifiers are made of
`Neuron`s, every weight a `Value`; the loss of one sample is traced, and compiled for whole batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalargrad import MLP, SGD, Value, compile, fit
from scalargrad import functional as F
from scalargrad.miniflow import (
    CrossEntropyWithSoftmax,
    Input,
    Linear,
    Node,
    Sigmoid,
    accuracy,
    value_and_grad,
)
from scalargrad.progress import Bar
from viz import playground, plot_loss

from .common import count, parser, positive, report, table
from .datasets import Data, DataError, batches, digits

CLASSES = 10
SHOWN = 1000  # images in the page at most


class Classifier:
    """A graph of layers with sigmoids between them, and the arrays to feed it.

    Args:
        sizes: the number of pixels, of neurons in each hidden layer, and of classes.
        rng: draws the weights to start with.
    """

    def __init__(self, sizes: Sequence[int], rng: np.random.Generator) -> None:
        self.x, self.labels = Input("x"), Input("labels")
        self.weights: dict[Node, NDArray[Any]] = {}
        node: Node = self.x
        for i, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
            w, b = Input(f"W{i}"), Input(f"b{i}")
            self.weights[w] = rng.normal(scale=n_in**-0.5, size=(n_in, n_out))
            self.weights[b] = np.zeros(n_out)
            node = Linear(node if i == 1 else Sigmoid(node), w, b, name=f"l{i}")
        self.loss = CrossEntropyWithSoftmax(node, self.labels, name="loss")

    def feed(self, data: Data) -> dict[Node, NDArray[Any]]:
        """Return a feed_dict for some samples."""
        return {self.x: data.x, self.labels: data.y, **self.weights}

    def train_epoch(self, data: Data, size: int, rate: float, rng: np.random.Generator) -> float:
        """Go through the data once, in batches of a size; return the mean loss."""
        losses = []
        for batch in batches(data, size, rng):
            loss, gradients = value_and_grad(self.loss, self.feed(batch), wrt=[*self.weights])
            for array, gradient in zip(self.weights.values(), gradients, strict=True):
                array -= rate * gradient
            losses.append(loss)
        return float(np.mean(losses))

    def evaluate(self, data: Data) -> tuple[float, float]:
        """Return the loss and the accuracy on some samples."""
        feed_dict = self.feed(data)
        return float(value_and_grad(self.loss, feed_dict)[0]), accuracy(self.loss, feed_dict)


class Run(NamedTuple):
    """What the training of one classifier leaves behind."""

    weights: NDArray[Any]  # of the first layer: a column for each neuron
    losses: list[float]
    validation: list[tuple[float, float]]  # loss and accuracy after each epoch
    accuracy: float  # on the test data


def train(sizes: Sequence[int], parts: Sequence[Data], args: Any, rng: np.random.Generator) -> Run:
    """Train one classifier of arrays; its validation accuracy stands beside the progress bar."""
    training, validation, test = parts
    classifier = Classifier(sizes, rng)
    losses, checks = [], []
    progress = Bar(range(args.epochs), desc=shape(sizes))
    for _ in progress:
        losses.append(classifier.train_epoch(training, args.batch, args.rate, rng))
        checks.append(classifier.evaluate(validation))
        progress.set_postfix(loss=f"{losses[-1]:.4f}", validation=f"{checks[-1][1]:.4f}")
    weights = next(iter(classifier.weights.values()))
    return Run(weights, losses, checks, classifier.evaluate(test)[1])


def train_scalars(
    sizes: Sequence[int], parts: Sequence[Data], args: Any, _rng: np.random.Generator
) -> Run:
    """Train one classifier of scalars, compiled."""
    training, validation, test = parts
    model = network(sizes, args.seed)
    start = perf_counter()
    pixels = [Value(pixel) for pixel in training.x[0].tolist()]
    scores = compile(model(pixels), pixels, wrt=model.parameters())
    ready = 1e3 * (perf_counter() - start)
    print(f"{shape(sizes)}: {len(scores):,} scalars for each image, compiled in {ready:.0f} ms")
    history = fit(
        model, F.cross_entropy, training, SGD(model.parameters(), args.rate),
        args.epochs, args.batch, validation=validation, seed=args.seed,
    )  # fmt: skip
    scores.pull()
    right = scores(test.x).argmax(axis=1) == test.y
    weights = np.array([[w.data for w in neuron.w] for neuron in model.layers[0].neurons])
    checks = zip(history.validation_losses, history.validation_accuracies, strict=True)
    return Run(weights.T, history.losses, list(checks), float(right.mean()))


def network(sizes: Sequence[int], seed: int) -> MLP:
    """Return the untrained network of scalars."""
    return MLP(sizes[0], sizes[1:], activation="sigmoid", init="xavier", seed=seed)


def shape(sizes: Sequence[int]) -> str:
    """Write the sizes of layers as ``64→32→10``."""
    return "→".join(map(str, sizes))


def main(arguments: list[str] | None = None) -> dict[str, Run]:
    """Run the example; return the runs of both classifiers by their shape."""
    options = parser(__doc__.partition("\n")[0], epochs=60)
    options.add_argument("--data", choices=["digits", "mnist"], default="digits",
                         help="8×8 or 28×28 pixels, default: %(default)s")  # fmt: skip
    options.add_argument("--idx", type=Path, metavar="DIR", help="folder of MNIST's four files")
    options.add_argument("--scalar", action="store_true", help="made of Neurons, and compiled")
    options.add_argument("--hidden", type=count, default=32, help="neurons, default: %(default)s")
    options.add_argument("--batch", type=count, default=32, help="samples, default: %(default)s")
    options.add_argument(
        "--rate", type=positive, default=0.5, help="of learning, default: %(default)s"
    )
    args = options.parse_args(arguments)
    if args.idx and args.data != "mnist":
        options.error("--idx is for --data mnist")
    rng = np.random.default_rng(args.seed)
    try:
        parts = digits(args.data, rng, args.idx)
    except DataError as error:
        options.error(str(error))
    if args.batch > len(parts[0].y):
        options.error(f"--batch needs at most the {len(parts[0].y):,} samples of the training")

    pixels = parts[0].x.shape[1]
    shapes = [(pixels, CLASSES), (pixels, args.hidden, CLASSES)]
    way = train_scalars if args.scalar else train
    runs = {shape(sizes): way(sizes, parts, args, rng) for sizes in shapes}
    print(f"{args.data}: {', '.join(str(len(part.y)) for part in parts)} samples "
          "for training, validation and the test")  # fmt: skip
    rows = [
        (name, run.losses[-1], run.validation[-1][1], run.accuracy) for name, run in runs.items()
    ]
    print(table(["layers", "loss", "validation", "test"], rows))

    args.out.mkdir(parents=True, exist_ok=True)
    paths = draw(runs, args.data, args.out)
    if args.scalar:
        paths.append(page([pixels, args.hidden, CLASSES], parts, args))
    report(paths)
    return runs


def page(sizes: Sequence[int], parts: Sequence[Data], args: Any) -> Path:
    """Write a page in which the network of scalars trains on the first images, from the start."""
    training, validation, _ = parts
    path: Path = args.out / f"{args.data}_playground.html"
    playground(
        network(sizes, args.seed), F.cross_entropy, (training.x[:SHOWN], training.y[:SHOWN]), path,
        validation=(validation.x[:SHOWN], validation.y[:SHOWN]), learning_rate=args.rate,
        batch_size=args.batch, title=f"Handwritten digits, {shape(sizes)}",
    )  # fmt: skip
    return path


def draw(runs: dict[str, Run], data: str, out: Path) -> list[Path]:
    """Draw the loss of both classifiers, and the weights of the first."""
    paths = [out / f"{data}_{kind}.png" for kind in ("softmax_loss", "sigmoid_loss", "weights")]
    for (name, run), path in zip(runs.items(), paths[:2], strict=True):
        losses = [loss for loss, _ in run.validation]
        axes = plot_loss(run.losses, held_out=losses, labels=("training", "validation"), log=True)
        axes.set_title(f"{name}, {data}", loc="left", fontsize="medium")
        axes.figure.savefig(path)
    name, run = next(iter(runs.items()))
    plot_weights(run.weights, f"the weights of {name}, {data}", paths[2])
    return paths


def plot_weights(weights: NDArray[Any], title: str, path: Path) -> None:
    """Draw the weights of softmax regression: where ink speaks for a digit (blue), or against."""
    from matplotlib.figure import Figure

    side, reach = round(len(weights) ** 0.5), abs(weights).max()
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots(2, 5)
    for digit, ax in enumerate(axes.flat):
        image = ax.imshow(
            weights[:, digit].reshape(side, side), cmap="RdBu", vmin=-reach, vmax=reach
        )
        ax.set(title=str(digit), xticks=[], yticks=[])
    figure.suptitle(title, fontsize="medium")
    figure.colorbar(image, ax=axes, label="ink speaks against (−) or for (+) the digit")
    figure.savefig(path)


if __name__ == "__main__":
    main()
