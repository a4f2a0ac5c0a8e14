"""Graphs to compile, and what their programs are compared with: the scalars themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from scalargrad import MLP, Value
from scalargrad import functional as F
from scalargrad.compiler import Program, compile
from scalargrad.compiler.cost import MACHINES
from scalargrad.ops import PRIMITIVES

TOLERANCE = {"rtol": 1e-12, "atol": 1e-13}

Graph = tuple[Value, list[Value], list[Value]]


def eager(graph: Graph, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the value for each sample and the gradient of the mean, scalar by scalar."""
    output, inputs, wrt = graph
    order = compile(output, inputs, wrt)._scalars.nodes
    values, gradients = [], []
    for sample in samples:
        for leaf, x in zip(inputs, sample, strict=True):
            leaf.data = float(x)
        for node in order:
            node.grad = 0.0
            if node.primitive is not None:
                node.data = node.primitive.evaluate(*(operand.data for operand in node._prev))
        output.backward()
        values.append(output.data)
        gradients.append([p.grad for p in wrt])
    return np.array(values), np.mean(gradients, axis=0)


def check(graph: Graph, samples: np.ndarray) -> Program:
    """Compare programs with the scalars: on each machine; return the one that chooses itself."""
    expected = eager(graph, samples)
    chosen, *_ = [check_on(machine, graph, samples, *expected) for machine in MACHINES]
    return chosen


def check_on(
    machine: str, graph: Graph, samples: np.ndarray, values: np.ndarray, gradient: np.ndarray
) -> Program:
    """Compare a program with what is right: batched, one sample at a time, mean and sum."""
    program = compile(*graph, machine=machine)
    np.testing.assert_allclose(program(samples), values, **TOLERANCE)
    np.testing.assert_allclose([program(x) for x in samples], values, **TOLERANCE)
    value, found = program.value_and_grad(samples)
    np.testing.assert_allclose(value, values.mean(), **TOLERANCE)
    np.testing.assert_allclose(found, gradient, **TOLERANCE)
    value, found = program.value_and_grad(samples, reduction="sum")
    np.testing.assert_allclose(value, values.sum(), **TOLERANCE)
    np.testing.assert_allclose(found, gradient * len(samples), **TOLERANCE)
    single = [program.value_and_grad(x) for x in samples]
    np.testing.assert_allclose([value for value, _ in single], values, **TOLERANCE)
    np.testing.assert_allclose(np.mean([g for _, g in single], axis=0), gradient, **TOLERANCE)
    return program


# ── the workloads ───────────────────────────────────────────────────────────────────────────────


def hinge_loss() -> Graph:
    model = MLP(2, [16, 16, 1], activation="relu", seed=1)
    x, y = [Value(0.1, label="x0"), Value(0.2, label="x1")], Value(1.0, label="y")
    penalty = 1e-4 * sum(p * p for p in model.parameters())
    return (1 + -y * model(x)).relu() + penalty, [*x, y], model.parameters()


def classifier(sizes: Sequence[int], activation: str = "tanh") -> Graph:
    model = MLP(sizes[0], list(sizes[1:]), activation=activation, seed=2)
    x = [Value(0.0) for _ in range(sizes[0])]
    target = [Value(0.0) for _ in range(sizes[-1])]
    return F.cross_entropy(list(model(x)), target), [*x, *target], model.parameters()


def regression() -> Graph:
    model = MLP(3, [5, 2], activation="sigmoid", seed=3)
    x, target = [Value(0.0) for _ in range(3)], [Value(0.0) for _ in range(2)]
    return F.mse(list(model(x)), target), [*x, *target], model.parameters()


WORKLOADS: dict[str, Callable[[], Graph]] = {
    "hinge": hinge_loss,
    "softmax regression": lambda: classifier([12, 5]),
    "wide softmax regression": lambda: classifier([70, 10]),
    "two layers": lambda: classifier([6, 7, 5]),
    "gelu": lambda: classifier([6, 7, 5, 3], "gelu"),
    "leaky relu": lambda: classifier([3, 4, 2], "leaky_relu"),
    "regression": regression,
}


# ── random graphs ───────────────────────────────────────────────────────────────────────────────

SAFE = [name for name in PRIMITIVES if not PRIMITIVES[name].domain and name not in ("exp", "expm1")]
SAFE = [name for name in SAFE if name not in ("sinh", "cosh")]


@st.composite
def random_graphs(draw: st.DrawFn) -> Graph:
    """Draw a graph of any shape, with shared nodes and constants."""
    numbers = st.floats(-2, 2, allow_subnormal=False)
    inputs = [Value(draw(numbers)) for _ in range(draw(st.integers(0, 4)))]
    wrt = [Value(draw(numbers)) for _ in range(draw(st.integers(0, 4)))]
    nodes = [*inputs, *wrt, Value(draw(numbers))]
    for _ in range(draw(st.integers(1, 25))):
        name = draw(st.sampled_from(["add", "mul", "sub", *SAFE]))
        operands = [draw(st.sampled_from(nodes)) for _ in PRIMITIVES[name].partials]
        node = apply(name, *operands)
        # Squashed, so that no number explodes.
        nodes.append(node.tanh() if abs(node.data) > 4 or name == "mul" else node)
    output = F.sum([nodes[-1], *inputs, *draw(st.lists(st.sampled_from(nodes), max_size=3))])
    return output, inputs, wrt


def apply(name: str, *operands: Value) -> Value:
    """Apply a row of the table to Values."""
    result: Value = getattr(operands[0], PRIMITIVES[name].method)(*operands[1:])
    return result
