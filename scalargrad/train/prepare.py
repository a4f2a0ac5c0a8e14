"""What is to be trained, checked; and the loss of one sample as a graph, for those who show it."""

from __future__ import annotations

from typing import Any, NamedTuple, SupportsIndex

from ..engine import Value
from ..errors import NonFiniteError
from ..optim import Optimizer
from .arguments import Loss, Model, batch_of, check_functions, leaves, outputs_of
from .compiled import Compiled
from .eager import Eager
from .samples import Samples, arrays, held_out_of, samples_of
from .trainer import ARITHMETIC, Trainer

__all__ = ["Traced", "prepared", "trace_loss"]


class Traced(NamedTuple):
    """The loss of one sample as a graph of scalars, and all that is fed to it."""

    loss: Value
    outputs: list[Value]  # of the model
    leaves: list[Value]  # the inputs, then the targets
    parameters: list[Value]
    samples: Samples
    held_out: Samples | None
    batch_size: int


def trace_loss(
    model: Model,
    loss: Loss,
    data: tuple[Any, Any],
    optimizer: Optimizer,
    batch_size: SupportsIndex | None = None,
    *,
    validation: tuple[Any, Any] | None = None,
) -> Traced:
    """Return what `fit` would train, as a graph: it takes and refuses the same arguments.

    Raises:
        NonFiniteError, SizeError, OperandError: as for `fit`.

    >>> from scalargrad import MLP, SGD
    >>> from scalargrad.functional import mse
    >>> model = MLP(1, [1], seed=0)
    >>> traced = trace_loss(model, mse, ([[1.0]], [3.0]), SGD(model.parameters()))
    >>> [leaf.label for leaf in traced.leaves]
    ['x0', 'y0']
    """
    trainer, held_out = prepared(model, loss, data, optimizer, validation, compiled=True)
    assert isinstance(trainer, Compiled)
    (root, *outputs), samples = trainer.traced, trainer.samples
    size = batch_of(batch_size, len(samples.x))
    return Traced(root, outputs, trainer.leaves, trainer.parameters, samples, held_out, size)


def prepared(
    model: Model,
    loss: Loss,
    data: tuple[Any, Any],
    optimizer: Optimizer,
    validation: tuple[Any, Any] | None,
    compiled: bool,
) -> tuple[Trainer, Samples | None]:
    """Check what is to be trained; return what makes the steps, and the validation data."""
    check_functions({"model": model, "loss": loss})
    x, y = arrays("data", data)
    try:
        samples = samples_of(x, y, len(outputs_of(model, leaves("x", x[0]))))
        held_out = None
        if validation is not None:
            held_out = held_out_of(*arrays("validation data", validation), samples)
        trainer: Trainer = (Compiled if compiled else Eager)(model, loss, optimizer, samples)
    except ARITHMETIC as error:
        raise NonFiniteError(f"the loss of the first sample is not defined: {error}") from None
    for part in (samples, held_out):
        if part is not None:
            trainer.check_targets(part)
    return trainer, held_out
