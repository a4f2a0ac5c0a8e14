"""Training scalar by scalar: each step builds the graph of its batch."""

from __future__ import annotations

import math
from contextlib import suppress
from itertools import chain

import numpy as np

from .. import functional as F
from ..compiler.passes.walk import Floats, Ints
from ..optim import Optimizer
from .arguments import Loss, Model, leaves, outputs_of
from .samples import Samples
from .trainer import ARITHMETIC, NOT_FINITE, NotFiniteError, Trainer, check_finite

__all__ = ["Eager"]


class Eager(Trainer):
    """Scalar by scalar: each step builds the graph of its batch."""

    def __init__(self, model: Model, loss: Loss, optimizer: Optimizer, samples: Samples) -> None:
        super().__init__(model, loss, optimizer, samples)
        x, targets = samples.x, samples.targets
        first = self.loss_of(x[0], targets[0])
        with suppress(*ARITHMETIC):  # a step will say what is wrong
            # An `if` may leave the parameters out of one sample, as a perceptron's loss does.
            self.check_reach(chain([first], map(self.loss_of, x[1:], targets[1:])))

    def step(self, rows: Ints) -> float:
        x, targets = self.samples.x[rows], self.samples.targets[rows]
        try:
            loss = F.mean(map(self.loss_of, x, targets))
        except ARITHMETIC:
            raise NotFiniteError(NOT_FINITE) from None
        self.optimizer.zero_grad()
        loss.backward()
        check_finite(loss.data, [p.grad for p in self.parameters])
        self.optimizer.step()
        return loss.data

    def evaluate(self, x: Floats, *targets: Floats) -> tuple[list[Floats], Floats]:
        losses, outputs = zip(*map(self.evaluate_sample, x, *targets), strict=True)
        return list(np.array(losses).T), np.array(outputs)

    def evaluate_sample(self, x: Floats, *targets: Floats) -> tuple[list[float], list[float]]:
        """Return the losses and the outputs for one sample; nan for what is not defined."""
        losses, numbers = [math.nan] * len(targets), [math.nan]
        with suppress(*ARITHMETIC):
            outputs = outputs_of(self.model, leaves("x", x))
            numbers = [v.data for v in outputs]
            for i, row in enumerate(targets):
                with suppress(*ARITHMETIC):
                    losses[i] = self.sample_loss(outputs, leaves("y", row)).data
        return losses, numbers
