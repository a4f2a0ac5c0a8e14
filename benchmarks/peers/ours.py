"""scalargrad: networks of its own ``nn``, traced once and compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scalargrad import MLP, Value
from scalargrad import functional as F
from scalargrad.compiler import compile

from ..works import Functions, Moons, Network, Scalar, Work
from . import Prepared
from .descent import of_array

FUNCTIONS = Functions(
    *(Value.tanh, Value.relu, Value.exp, Value.log, Value.sin, Value.cos),
    greatest=max,
    total=F.sum,
)

Loss = Callable[[Sequence[Scalar]], Value]
Model = tuple[list[Value], Loss]


def model(work: Work) -> Model:
    """Return the parameters of a work, and its loss as a function of a sample."""
    if not isinstance(work, Network):
        leaves = [Value(number) for number in work.parameters.tolist()]
        return leaves, lambda sample: work.loss(FUNCTIONS, list(map(scalar, sample)), leaves)
    inputs, *sizes = work.sizes
    network = MLP(inputs, sizes, activation=work.activation)
    for p, number in zip(network.parameters(), work.parameters.tolist(), strict=True):
        p.data = number

    def max_margin(sample: Sequence[Scalar]) -> Value:
        *x, label = sample
        return (1 - label * network(x)).relu()

    def cross_entropy(sample: Sequence[Scalar]) -> Value:
        return F.cross_entropy(network(sample[:inputs]), sample[inputs:])

    return network.parameters(), max_margin if isinstance(work, Moons) else cross_entropy


def scalar(number: Scalar) -> Value:
    """Return a number as a Value; a Value as it is."""
    return number if isinstance(number, Value) else Value(number)


def penalized(work: Work, loss: Value, parameters: Sequence[Value]) -> Value:
    """Return a loss with the penalty of a work, if it has one."""
    penalty = work.penalty(FUNCTIONS, parameters)
    return loss if penalty is None else loss + penalty


def objective(work: Work, parameters: Sequence[Value], loss: Loss) -> Value:
    """Return the graph of all samples."""
    return penalized(work, F.mean(map(loss, work.samples.tolist())), parameters)


def prepare(work: Work, made: Model | None = None) -> Prepared:
    """Compile the graph of one sample, or of all of them where the work is unrolled."""
    parameters, loss = made or model(work)
    if work.unrolled:
        program, samples = compile(objective(work, parameters, loss), [], parameters), ()
    else:
        sample = [Value(0.0) for _ in work.samples[0]]
        graph = penalized(work, loss(sample), parameters)
        program = compile(graph, sample, parameters)
        samples = (work.samples if work.count > 1 else work.samples[0],)
    return of_array(work, program.parameters, lambda: program.value_and_grad(*samples))
