"""The classic first training run: MLP(3, [4, 4, 1]) on four samples, by plain gradient descent."""

from __future__ import annotations

from scalargrad import MLP, SGD
from scalargrad.functional import mse
from scalargrad.progress import Bar
from viz import draw_dot, plot_loss

from .common import parser, report, save_svg, table

XS = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
YS = [1.0, -1.0, -1.0, 1.0]


def main(arguments: list[str] | None = None) -> tuple[MLP, list[float]]:
    """Run the example; return the model and the loss after each epoch."""
    args = parser(__doc__, epochs=100).parse_args(arguments)
    model = MLP(3, [4, 4, 1], output="tanh", seed=args.seed)
    optimizer = SGD(model.parameters(), learning_rate=0.1)
    print(f"{len(model.parameters())} parameters, {len(XS)} samples")

    losses = []
    for _ in Bar(range(args.epochs), desc="epochs"):
        loss = mse([model(x) for x in XS], YS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.data)

    predictions = [model(x) for x in XS]
    rows = [(str(x), y, p.data) for x, y, p in zip(XS, YS, predictions, strict=True)]
    print(table(["sample", "target", "prediction"], rows))
    print(f"loss {losses[0]:.4f} → {losses[-1]:.4f}")

    picture = args.out / "four_points_network.svg"
    curve = args.out / "four_points_loss.png"
    loss = mse(predictions[:1], YS[:1])
    optimizer.zero_grad()
    loss.backward()
    save_svg(draw_dot(loss, fold=True), picture)
    plot_loss(losses, log=True).figure.savefig(curve)
    report([picture, curve])
    return model, losses


if __name__ == "__main__":
    main()
