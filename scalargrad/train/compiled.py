"""Training by programs on arrays: the loss of one sample is traced, and runs on batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property

import numpy as np

from ..compiler import Program, compile
from ..compiler.passes.walk import Floats, Ints
from ..compiler.trace import trace_function
from ..engine import Value
from ..errors import OperandError, SizeError
from ..optim import Optimizer
from .arguments import Loss, Model, leaves, outputs_of
from .history import History
from .samples import Samples
from .trainer import Trainer, check_finite, reached

__all__ = ["CHUNK", "Compiled"]

#: So many samples at a time are evaluated, which bounds the memory that it takes.
CHUNK = 1000


class Compiled(Trainer):
    """By programs on arrays: the loss of one sample is traced, and runs on batches."""

    def __init__(self, model: Model, loss: Loss, optimizer: Optimizer, samples: Samples) -> None:
        super().__init__(model, loss, optimizer, samples)
        if type(optimizer).step is not Optimizer.step:
            raise OperandError(
                f"{type(optimizer).__name__} has a step() of its own, which moves Values: say in "
                "update() how it moves, or fit with compiled=False"
            )
        inputs, targets = leaves("x", samples.x[0]), leaves("y", samples.targets[0])
        self.leaves = [*inputs, *targets]
        with self.explained():
            self.traced = trace_function(lambda _: self.traced_sample(inputs, targets), self.leaves)
        self.check_reach(self.traced[:1])
        with self.explained():
            self.program, self.columns = self.compiled(self.traced[:1])
        self.fed = np.hstack([samples.x, samples.targets])[:, self.columns]

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Add to an error of compiling what to do about it."""
        try:
            yield
        except (OperandError, SizeError) as error:
            with suppress(Exception):  # then it is no error of compiling
                self.loss_of(self.samples.x[0], self.samples.targets[0])
                error.add_note("fit(..., compiled=False) trains it scalar by scalar")
            raise

    def traced_sample(self, inputs: list[Value], targets: list[Value]) -> list[Value]:
        """Return the loss of a sample, and the outputs of the model."""
        outputs = outputs_of(self.model, inputs)
        return [self.sample_loss(outputs, targets), *outputs]

    def compiled(self, outputs: list[Value]) -> tuple[Program, list[int]]:
        """Return a program of some scalars, and the numbers of the leaves that these depend on."""
        found = reached(outputs)
        columns = [i for i, leaf in enumerate(self.leaves) if leaf in found]
        if not columns:
            raise SizeError("the loss and the outputs have to depend on what is fed, and do not")
        inputs = [self.leaves[i] for i in columns]
        return compile(outputs, inputs, self.parameters), columns

    @contextmanager
    def running(self) -> Iterator[None]:
        try:
            with self.optimizer.moving(self.program.parameters):
                yield
        finally:
            self.push()

    def push(self) -> None:
        self.program.push()

    def shown_to(self, on_epoch: Callable[[History], object], history: History) -> object:
        self.push()
        try:
            with self.optimizer.moving(self.parameters):
                return on_epoch(history)
        finally:
            self.program.pull()

    def step(self, rows: Ints) -> float:
        batch = self.fed if len(rows) == len(self.fed) else self.fed[rows]
        loss, gradient = self.program.value_and_grad(batch)
        check_finite(loss, gradient)
        self.optimizer.step(gradient)
        return float(loss)

    def evaluate(self, x: Floats, *targets: Floats) -> tuple[list[Floats], Floats]:
        program, columns = self.program, self.columns
        if self.samples.classes and len(self.traced) > 2:
            program, columns = self.prediction
            program.parameters = self.program.parameters
        fed = (np.hstack([x, group])[:, columns] for group in targets)
        results = [self.in_chunks(program, rows) for rows in fed]
        return [result[:, 0] for result in results], results[0][:, 1:]

    @cached_property
    def prediction(self) -> tuple[Program, list[int]]:
        """The program of the loss and the outputs, for the accuracy of several classes."""
        return self.compiled(self.traced)

    @staticmethod
    def in_chunks(program: Program, x: Floats) -> Floats:
        """Run a program on many samples in parts, which bounds the memory that it takes."""
        return np.concatenate([program(x[i : i + CHUNK]) for i in range(0, len(x), CHUNK)])
