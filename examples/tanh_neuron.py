"""One neuron, one backward pass, node by node: o = tanh(x1·w1 + x2·w2 + b).

The numbers are those of the classic lecture; the bias is chosen so that the gradients come out
round. Afterwards the neuron is trained for a few steps towards the output 0.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from scalargrad import SGD, Value
from scalargrad.engine import operands
from scalargrad.graph import topological_sort
from viz import draw_dot, stepper

from .common import parser, report, save_svg, table

LECTURE = {"x1": 2.0, "x2": 0.0, "w1": -3.0, "w2": 1.0, "b": 6.8813735870195432}


class Neuron(NamedTuple):
    """The nodes of the expression that carry a name."""

    x1: Value
    x2: Value
    w1: Value
    w2: Value
    b: Value
    x1w1: Value
    x2w2: Value
    sum: Value
    n: Value
    o: Value


def build(numbers: dict[str, float]) -> Neuron:
    """Write the neuron down, step by step, with a name for each step."""
    x1, x2, w1, w2, b = (Value(number, label=name) for name, number in numbers.items())
    x1w1 = x1 * w1
    x2w2 = x2 * w2
    total = x1w1 + x2w2
    n = total + b
    o = n.tanh()
    x1w1.label, x2w2.label, total.label = "x1·w1", "x2·w2", "x1·w1 + x2·w2"
    n.label, o.label = "n", "o"
    return Neuron(x1, x2, w1, w2, b, x1w1, x2w2, total, n, o)


def main(arguments: list[str] | None = None) -> Neuron:
    """Run the example; return the neuron after its first backward pass."""
    options = parser(__doc__.partition("\n")[0], epochs=10, seed=None)
    args = options.parse_args(arguments)
    numbers = LECTURE
    if args.seed is not None:
        rng = random.Random(args.seed)
        numbers = {name: rng.uniform(-2.0, 2.0) for name in LECTURE}

    neuron = build(numbers)
    o = neuron.o
    pictures = [save_svg(draw_dot(o), args.out / "tanh_neuron_1_before.svg")]

    print("The backward pass, one node at a time:\n")
    o.grad = 1.0
    print(f"  o.grad = 1.0{'':24}the derivative of o with respect to itself")
    for node in reversed(topological_sort([o], operands)):
        if not node._prev:
            continue
        node._backward()
        gradients = ", ".join(f"{operand.label} {operand.grad:.4f}" for operand in node._prev)
        print(f"  {node.label + '._backward()':36}gradients now: {gradients}")
        if node is neuron.n:
            pictures.append(save_svg(draw_dot(o), args.out / "tanh_neuron_2_during.svg"))

    pictures.append(
        save_svg(draw_dot(o, local_derivatives=True), args.out / "tanh_neuron_3_after.svg")
    )
    print("\nAll gradients:\n")
    print(table(["node", "data", "grad"], [(v.label, v.data, v.grad) for v in neuron]))

    print(f"\n{args.epochs} steps of gradient descent on o²:\n")
    print(table(["step", "o"], train(neuron, args.epochs)))
    pictures.append(args.out / "tanh_neuron_stepper.html")
    stepper(o, pictures[-1])
    report(pictures)
    return neuron


def train(neuron: Neuron, steps: int) -> list[tuple[str, float]]:
    """Move weights and bias so that the output comes closer to 0; return the outputs."""
    names = list(LECTURE)
    weights = {name: Value(getattr(neuron, name).data, label=name) for name in names[2:]}
    optimizer = SGD(weights.values(), learning_rate=0.1)
    outputs = []
    for step in range(steps + 1):
        total = neuron.x1.data * weights["w1"] + neuron.x2.data * weights["w2"] + weights["b"]
        output = total.tanh()
        outputs.append((str(step), output.data))
        optimizer.zero_grad()
        (output**2).backward()
        optimizer.step()
    return outputs


if __name__ == "__main__":
    main()
