"""Tell two kinds of iris apart by their petals: a sigmoid output and binary cross-entropy."""

from __future__ import annotations

import random
import statistics
from typing import NamedTuple

from sklearn.datasets import load_iris

from scalargrad import MLP, Adam, Value
from scalargrad.functional import binary_cross_entropy
from scalargrad.progress import Bar
from viz import playground, plot_decision, plot_loss

from .common import parser, report, table

KINDS = ("setosa", "versicolor", "virginica")
PETAL = (2, 3)  # the columns with the petal's length and width


class Data(NamedTuple):
    """Samples, and their classes as 0 or 1."""

    x: list[list[float]]
    y: list[int]


def load(kinds: tuple[str, str], seed: int) -> tuple[Data, Data]:
    """Return training data and held-out data (one third) of two kinds, shuffled, in centimetres."""
    iris = load_iris()
    samples = [
        ([float(row[column]) for column in PETAL], kinds.index(KINDS[target]))
        for row, target in zip(iris.data, iris.target, strict=True)
        if KINDS[target] in kinds
    ]
    random.Random(seed).shuffle(samples)
    x, y = (list(column) for column in zip(*samples, strict=True))
    third = len(samples) // 3
    return Data(x[third:], y[third:]), Data(x[:third], y[:third])


class Classifier:
    """A network that sees normalised measurements and answers with a probability of class 1."""

    def __init__(self, train: Data, seed: int) -> None:
        columns = list(zip(*train.x, strict=True))
        self.centers = [statistics.fmean(column) for column in columns]
        self.scales = [statistics.pstdev(column) for column in columns]
        self.network = MLP(2, [4, 1], output="sigmoid", seed=seed)

    def __call__(self, x: list[float]) -> Value:
        normal = [(v - c) / s for v, c, s in zip(x, self.centers, self.scales, strict=True)]
        return self.network(normal)

    def accuracy(self, data: Data) -> float:
        """Return the share of samples whose more probable class is the right one."""
        hits = [(self(x) > 0.5) == bool(y) for x, y in zip(*data, strict=True)]
        return statistics.fmean(hits)


class Run(NamedTuple):
    """What a run leaves behind."""

    classifier: Classifier
    losses: list[float]
    accuracy: float


def main(arguments: list[str] | None = None) -> Run:
    """Run the example; return the classifier, its losses and its accuracy on held-out samples."""
    options = parser(__doc__, epochs=60)
    options.add_argument("--kinds", nargs=2, choices=KINDS, default=KINDS[:2], metavar="KIND",
                         help=f"two of {', '.join(KINDS)}")  # fmt: skip
    args = options.parse_args(arguments)
    if args.kinds[0] == args.kinds[1]:
        options.error("--kinds needs two different kinds")

    train, held_out = load(tuple(args.kinds), args.seed)
    classifier = Classifier(train, args.seed)
    optimizer = Adam(classifier.network.parameters(), learning_rate=0.05)
    losses, held_out_losses = [], []
    for _ in Bar(range(args.epochs), desc="epochs"):
        loss = binary_cross_entropy([classifier(x) for x in train.x], train.y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)
        probabilities = [classifier(x) for x in held_out.x]
        held_out_losses.append(binary_cross_entropy(probabilities, held_out.y).data)

    accuracy = classifier.accuracy(held_out)
    rows = [
        ("training", len(train.y), losses[-1], classifier.accuracy(train)),
        ("held out", len(held_out.y), held_out_losses[-1], accuracy),
    ]
    print(table(["data", "samples", "loss", "accuracy"], rows))

    args.out.mkdir(parents=True, exist_ok=True)
    boundary, curve = args.out / "iris_boundary.png", args.out / "iris_loss.png"
    axes = plot_decision(
        classifier, *held_out,
        labels=args.kinds, features=("petal length, cm", "petal width, cm"),
    )  # fmt: skip
    axes.set_title("held-out flowers", loc="left", fontsize="medium")
    axes.figure.savefig(boundary)
    plot_loss(losses, held_out=held_out_losses, log=True).figure.savefig(curve)
    untrained = Classifier(train, args.seed)
    page = playground(
        untrained, binary_cross_entropy, train, args.out / "iris_playground.html",
        validation=held_out, optimizer=Adam(untrained.network.parameters(), 0.05),
        title=f"Iris: {' and '.join(args.kinds)} by their petals",
    )  # fmt: skip
    report([boundary, curve, page.path])
    return Run(classifier, losses, accuracy)


if __name__ == "__main__":
    main()
