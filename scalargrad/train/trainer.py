"""A model that is being trained: what is common to both ways to make a step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from ..compiler.passes.walk import Floats, Ints, counted, named
from ..engine import Value, constant, operands
from ..errors import (
    DivisionByZeroError,
    DomainError,
    OperandError,
    RangeError,
    ScalargradError,
    SizeError,
)
from ..graph import topological_sort
from ..optim import Optimizer
from .arguments import Loss, Model, leaves, outputs_of, values_of
from .history import History
from .samples import Samples, telling

__all__ = ["ARITHMETIC", "NOT_FINITE", "NotFiniteError", "Trainer", "check_finite", "reached"]

#: What the engine raises where an array has an infinite number, or none.
ARITHMETIC = (DivisionByZeroError, DomainError, RangeError)


class NotFiniteError(Exception):
    """Some operation gave a step a loss or a gradient that is not finite."""


NOT_FINITE = "the loss or its gradient is not finite"


class Trainer:
    """A model that is being trained, one sample at a time where speed does not matter."""

    def __init__(self, model: Model, loss: Loss, optimizer: Optimizer, samples: Samples) -> None:
        self.model, self.loss, self.optimizer, self.samples = model, loss, optimizer, samples
        self.parameters = values_of(optimizer)

    def running(self) -> AbstractContextManager[object]:
        """Return what to hold while it runs."""
        return nullcontext()

    def push(self) -> None:
        """Hand the parameters to their Values."""

    def shown_to(self, on_epoch: Callable[[History], object], history: History) -> object:
        """Return what a function answers that sees the model and may change it."""
        return on_epoch(history)

    def check_reach(self, losses: Iterable[Value]) -> None:
        """Check that the parameters reach one of some losses."""
        if all(reached([loss]).isdisjoint(self.parameters) for loss in losses):
            raise OperandError(
                f"none of the optimiser's {counted(len(self.parameters), 'parameter')} reaches "
                "the loss: it needs the parameters of this model, and a loss of its outputs"
            )

    def step(self, rows: Ints) -> float:
        """Take a step on some samples; return their mean loss before it.

        Raises:
            NotFiniteError: the loss or a gradient is not finite; then no step is taken.
        """
        raise NotImplementedError

    def evaluate(self, x: Floats, *targets: Floats) -> tuple[list[Floats], Floats]:
        """Return the loss of each sample, for each of some targets that it could have.

        It is not finite where it is not defined. After them, if the largest of several outputs
        decides, the outputs, of shape (samples, outputs).
        """
        raise NotImplementedError

    def check_targets(self, samples: Samples) -> None:
        """Let the loss say whether it is made for targets such as these.

        A compiled loss is called once, and sees no numbers but those of the first sample.
        """
        outputs = outputs_of(self.model, leaves("x", self.samples.x[0]))
        for row in telling(samples.targets):
            targets = [constant(number) for number in samples.targets[row].tolist()]
            try:
                self.sample_loss(outputs, targets)
            except SizeError as error:
                raise SizeError(f"{error} (in sample {row}{samples.of})") from None
            except ARITHMETIC:
                pass  # that is for the steps to say

    def loss_of(self, x: Floats, targets: Floats) -> Value:
        """Return the loss of one sample, with a graph of its own."""
        return self.sample_loss(outputs_of(self.model, leaves("x", x)), leaves("y", targets))

    def sample_loss(self, outputs: list[Value], targets: list[Value]) -> Value:
        """Return the loss of the outputs for one sample."""
        try:
            loss = self.loss(outputs, targets)
        except ScalargradError:
            raise  # it says itself what is wrong
        except TypeError as error:
            error.add_note("fit calls loss(outputs, targets) with two lists for each sample")
            raise
        if not isinstance(loss, Value):
            raise OperandError(
                f"the loss is a function of the outputs and the targets of one sample, two lists, "
                f"that returns a Value; got {loss!r}"
            )
        return loss

    def culprit(self, samples: Samples, rows: Ints) -> str:
        """Say which operation on which of some samples is not finite, or has such a gradient."""
        self.push()
        for row in rows.tolist():
            try:
                reason = _not_finite(self.loss_of(samples.x[row], samples.targets[row]))
            except ARITHMETIC as error:
                reason = str(error)
            if reason:
                return f"{reason}, in sample {row}{samples.of}"
        return "that of no single sample is, but their sum"


def reached(outputs: list[Value]) -> set[Value]:
    """Return the nodes of the graph that leads to some outputs."""
    return {*topological_sort(outputs, operands)}


def check_finite(loss: float, gradient: Any) -> None:
    """Raise NotFiniteError if a loss or its gradient is infinite or nan."""
    if not math.isfinite(loss) or not np.isfinite(gradient).all():
        raise NotFiniteError(NOT_FINITE)


def _not_finite(root: Value) -> str:
    """Name the first operation whose result is not finite, or the last with such a slope."""
    order = topological_sort([root], operands)
    for node in order:
        if not math.isfinite(node.data):
            return f"{named(node)} is {node.data}"
    for node in order:
        node.grad = 0.0
    root.backward()
    for node in reversed(order):
        for operand in operands(node):
            if not math.isfinite(operand.grad):
                return f"the slope of {named(node)} at {named(operand)} is {operand.grad}"
    return ""
