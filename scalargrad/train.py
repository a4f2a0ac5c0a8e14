"""Training: go through data in batches and let an optimiser follow the gradient of the mean loss.

Compiled, a step touches no `Value`: the loss of one sample is traced once and runs on batches.
Scalar by scalar, the same loop builds the graph of every batch. Both give the same curve.
"""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from tqdm import tqdm

from . import functional as F
from .compiler import Program, compile
from .compiler.trace import trace
from .compiler.walk import Floats, Ints, named
from .engine import Value, operands
from .errors import (
    DivisionByZeroError,
    DomainError,
    NonFiniteError,
    OperandError,
    RangeError,
    SizeError,
)
from .graph import topological_sort
from .optim import Optimizer

__all__ = ["CHUNK", "History", "fit"]

Model: TypeAlias = Callable[[Any], Any]
#: A function of the outputs and the targets of one sample, two lists.
Loss: TypeAlias = Callable[[list[Value], list[Value]], Value]

#: So many samples at a time are evaluated, which bounds the memory that it takes.
CHUNK = 1000


@dataclass
class History:
    """How a training went.

    Accuracies are there if the targets are classes.
    """

    steps: list[float] = field(default_factory=list)  # the loss of each batch, before its step
    losses: list[float] = field(default_factory=list)  # the mean of these over each epoch
    accuracies: list[float] = field(default_factory=list)  # after each epoch, of all samples
    validation_losses: list[float] = field(default_factory=list)  # after each epoch
    validation_accuracies: list[float] = field(default_factory=list)
    interrupted: bool = False  # whether Ctrl-C ended it

    def last(self) -> dict[str, float]:
        """Return the figures of the last epoch by name."""
        figures = {
            "loss": self.losses,
            "accuracy": self.accuracies,
            "validation_loss": self.validation_losses,
            "validation_accuracy": self.validation_accuracies,
        }
        return {name: numbers[-1] for name, numbers in figures.items() if numbers}


def fit(
    model: Model,
    loss: Loss,
    data: tuple[Any, Any],
    optimizer: Optimizer,
    epochs: int = 1,
    batch_size: int | None = None,
    compiled: bool = True,
    progress: bool = True,
    *,
    validation: tuple[Any, Any] | None = None,
    seed: int = 0,
    on_epoch: Callable[[History], object] | None = None,
) -> History:
    """Train a model: minimise the mean loss over the data by steps on shuffled batches.

    Args:
        model: a function of a list of inputs that returns a Value or a list of them.
        loss: a function of two lists, the outputs and the targets of one sample; most losses of
            `functional` are such functions. What it does to one sample must not depend on others.
        data: a pair (X, y). X has shape (samples, inputs). y has shape (samples, targets), or
            (samples,) with one number each. If the model has several outputs, a number is the
            class 0, 1, … of the sample; the loss gets a target for each class, 1 for this one.
        optimizer: moves its parameters, which are leaves of the model.
        epochs: how often to go through the data.
        batch_size: how many samples make a step; None is for all.
        compiled: whether to compile the loss. Otherwise each batch is computed scalar by scalar:
            the same, hundreds of times slower, and with operations of one's own.
        progress: whether to show a bar with the loss and the accuracy.
        validation: data, as above, to evaluate after each epoch and not to train on.
        seed: of the order of the samples.
        on_epoch: is called after each epoch, with the model as it is then.

    Returns:
        The losses and accuracies. With Ctrl-C the training ends after the step that it is in, the
        model is as that step left it, and so is the history.

    Raises:
        NonFiniteError: the loss or a gradient is infinite or nan; it names the operation and the
            sample. The model stays as it was before that step.
        SizeError: the shapes of data, model and loss do not fit together.
        OperandError: the data are no numbers, or the model cannot be compiled.

    >>> from scalargrad import MLP, SGD
    >>> from scalargrad.functional import mse
    >>> model = MLP(1, [1], seed=0)
    >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> history = fit(model, mse, (X, y), SGD(model.parameters(), 0.2), epochs=200, progress=False)
    >>> [round(p.data, 4) for p in model.parameters()]           # y = 2 x + 1
    [2.0, 1.0]
    """
    _check_counts(epochs=epochs, batch_size=batch_size)
    x, y = _arrays("data", data)
    samples = _samples(x, y, len(_outputs(model, _leaves("x", x[0]))))
    held_out = None
    if validation is not None:
        held_out = _held_out(*_arrays("validation data", validation), samples)
    size = min(batch_size or len(x), len(x))
    order, history = np.random.default_rng(seed), History()
    trainer: _Trainer = (_Compiled if compiled else _Eager)(model, loss, optimizer, samples)
    total = epochs * math.ceil(len(x) / size)
    with (
        trainer.running(),
        _noticed_interrupts() as interrupts,
        tqdm(total=total, unit="step", disable=not progress) as bar,
    ):
        try:
            for _ in range(epochs):
                losses = 0.0
                for rows in _batches(len(x), size, order):
                    history.steps.append(_step(trainer, rows, history))
                    losses += len(rows) * history.steps[-1]
                    bar.update()
                    if interrupts:
                        raise KeyboardInterrupt
                history.losses.append(losses / len(x))
                _evaluate(trainer, samples, held_out, history)
                bar.set_postfix(history.last(), refresh=False)
                if on_epoch is not None:
                    trainer.push()
                    on_epoch(history)
        except KeyboardInterrupt:
            history.interrupted = True
            if progress:
                done = f"stopped by Ctrl-C after step {len(history.steps)} of {total}"
                bar.write(done, file=sys.stderr)
    return history


def _step(trainer: _Trainer, rows: Ints, history: History) -> float:
    try:
        return trainer.step(rows)
    except _NotFiniteError as problem:
        epoch, step = len(history.losses) + 1, len(history.steps) + 1
        raise NonFiniteError(
            f"{problem} in epoch {epoch}, step {step}: {trainer.culprit(rows)}; the model is as it "
            "was before this step"
        ) from None


def _evaluate(
    trainer: _Trainer, samples: _Samples, held_out: _Samples | None, history: History
) -> None:
    """Note the figures of the model as it is after an epoch."""
    if samples.classes:
        history.accuracies.append(_accuracy(trainer, samples))
    if held_out is not None:
        (losses,) = trainer.losses(held_out.x, held_out.targets)
        history.validation_losses.append(float(np.mean(losses)))
        if held_out.classes:
            history.validation_accuracies.append(_accuracy(trainer, held_out))


def _accuracy(trainer: _Trainer, samples: _Samples) -> float:
    """Return the share of samples whose class the model finds.

    Of several outputs the largest decides. A single one means the class for which the loss would be
    less, so it does not matter whether it is a score, a logit or a probability.
    """
    if len(samples.targets[0]) > 1:
        right = trainer.outputs(samples.x).argmax(axis=1) == samples.targets.argmax(axis=1)
    else:
        low, high = (np.full_like(samples.targets, target) for target in samples.classes)
        if_low, if_high = trainer.losses(samples.x, low, high)
        right = np.where(if_high < if_low, *samples.classes[::-1]) == samples.targets[:, 0]
    return float(np.mean(right))


def _batches(count: int, size: int, order: np.random.Generator) -> Iterator[Ints]:
    """Yield the numbers of the samples of each batch, shuffled unless one batch holds them all."""
    rows = np.arange(count) if size == count else order.permutation(count)
    for start in range(0, count, size):
        yield rows[start : start + size]


@contextmanager
def _noticed_interrupts() -> Iterator[list[int]]:
    """Collect the first Ctrl-C, so that it does not break into a step; a second one does."""
    noticed: list[int] = []

    def notice(number: int, _frame: object) -> None:
        noticed.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield noticed  # somebody else's handler stays
        return
    signal.signal(signal.SIGINT, notice)
    try:
        yield noticed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# ── two ways to make a step ─────────────────────────────────────────────────────────────────────


#: What the engine raises where an array has an infinite number, or none.
_ARITHMETIC = (DivisionByZeroError, DomainError, RangeError)


class _NotFiniteError(Exception):
    """Says what is not finite."""


class _Trainer:
    """A model that is being trained, one sample at a time where speed does not matter."""

    def __init__(self, model: Model, loss: Loss, optimizer: Optimizer, samples: _Samples) -> None:
        self.model, self.loss, self.optimizer, self.samples = model, loss, optimizer, samples
        self.parameters = _values(optimizer)

    def running(self) -> AbstractContextManager[object]:
        """Return what to hold while it runs."""
        return nullcontext()

    def push(self) -> None:
        """Hand the parameters to their Values."""

    def step(self, rows: Ints) -> float:
        """Take a step on some samples; return their mean loss before it.

        Raises:
            _NotFiniteError: the loss or a gradient is not finite; then no step is taken.
        """
        raise NotImplementedError

    def outputs(self, x: Floats) -> Floats:
        """Return the model's outputs, of shape (samples, outputs)."""
        raise NotImplementedError

    def losses(self, x: Floats, *targets: Floats) -> list[Floats]:
        """Return the loss of each sample, for each of some targets that they could have."""
        raise NotImplementedError

    def sample_loss(self, outputs: list[Value], targets: list[Value]) -> Value:
        """Return the loss of one sample."""
        try:
            loss = self.loss(outputs, targets)
        except TypeError as error:
            error.add_note("fit calls loss(outputs, targets) with two lists for each sample")
            raise
        if not isinstance(loss, Value):
            raise OperandError(
                f"the loss is a function of the outputs and the targets of one sample, two lists, "
                f"that returns a Value; got {loss!r}"
            )
        return loss

    def culprit(self, rows: Ints) -> str:
        """Say which operation on which of some samples is not finite, or has such a gradient."""
        self.push()
        x, targets = self.samples.x[rows], self.samples.targets[rows]
        for row, *sample in zip(rows.tolist(), x, targets, strict=True):
            try:
                inputs, wanted = (_leaves(*each) for each in zip("xy", sample, strict=True))
                reason = _not_finite(self.sample_loss(_outputs(self.model, inputs), wanted))
            except _ARITHMETIC as error:
                reason = str(error)
            if reason:
                return f"{reason}, in sample {row}"
        return "that of no single sample is, but their sum"


class _Eager(_Trainer):
    """Scalar by scalar: each step builds the graph of its batch."""

    def step(self, rows: Ints) -> float:
        x, targets = self.samples.x[rows], self.samples.targets[rows]
        try:
            loss = F.mean(
                self.sample_loss(_outputs(self.model, _leaves("x", a)), _leaves("y", b))
                for a, b in zip(x, targets, strict=True)
            )
        except _ARITHMETIC:
            raise _NotFiniteError("the loss is not defined") from None
        self.optimizer.zero_grad()
        loss.backward()
        _check_finite(loss.data, [p.grad for p in self.parameters], self.parameters)
        self.optimizer.step()
        return loss.data

    def outputs(self, x: Floats) -> Floats:
        return np.array([[v.data for v in _outputs(self.model, _leaves("x", row))] for row in x])

    def losses(self, x: Floats, *targets: Floats) -> list[Floats]:
        outputs = [_outputs(self.model, _leaves("x", row)) for row in x]
        return [
            np.array([
                self.sample_loss(output, _leaves("y", row)).data
                for output, row in zip(outputs, group, strict=True)
            ])
            for group in targets
        ]  # fmt: skip


class _Compiled(_Trainer):
    """By programs on arrays: the loss of one sample is traced, and runs on batches."""

    def __init__(self, model: Model, loss: Loss, optimizer: Optimizer, samples: _Samples) -> None:
        super().__init__(model, loss, optimizer, samples)
        if type(optimizer).step is not Optimizer.step:
            raise OperandError(
                f"{type(optimizer).__name__} has a step() of its own, which moves Values: say in "
                "update() how it moves, or fit with compiled=False"
            )
        inputs, targets = _leaves("x", samples.x[0]), _leaves("y", samples.targets[0])
        self.leaves = [*inputs, *targets]
        try:
            self.traced = trace(lambda _: self.traced_sample(inputs, targets), self.leaves)
        except _ARITHMETIC as error:
            raise NonFiniteError(f"the loss of the first sample is not defined: {error}") from None
        self.program, columns = self.compiled(self.traced[:1])
        self.columns = columns
        self.fed = np.hstack([samples.x, samples.targets])[:, columns]

    def traced_sample(self, inputs: list[Value], targets: list[Value]) -> list[Value]:
        """Return the loss of a sample, and the outputs of the model."""
        outputs = _outputs(self.model, inputs)
        return [self.sample_loss(outputs, targets), *outputs]

    def compiled(self, outputs: list[Value]) -> tuple[Program, list[int]]:
        """Return a program of some scalars, and the numbers of the leaves that these depend on."""
        reached = {*topological_sort(outputs, operands)}
        columns = [i for i, leaf in enumerate(self.leaves) if leaf in reached]
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

    def step(self, rows: Ints) -> float:
        batch = self.fed if len(rows) == len(self.fed) else self.fed[rows]
        loss, gradient = self.program.value_and_grad(batch)
        _check_finite(loss, gradient, self.parameters)
        self.optimizer.step(gradient)
        return float(loss)

    def outputs(self, x: Floats) -> Floats:
        program, columns = self.prediction
        program.parameters = self.program.parameters
        return self.in_chunks(program, x[:, columns])

    @cached_property
    def prediction(self) -> tuple[Program, list[int]]:
        """The program of the outputs, which only the accuracy of several classes asks for."""
        return self.compiled(self.traced[1:])

    def losses(self, x: Floats, *targets: Floats) -> list[Floats]:
        fed = (np.hstack([x, group])[:, self.columns] for group in targets)
        return [self.in_chunks(self.program, rows)[:, 0] for rows in fed]

    @staticmethod
    def in_chunks(program: Program, x: Floats) -> Floats:
        """Run a program on many samples in parts, which bounds the memory that it takes."""
        return np.concatenate([program(x[i : i + CHUNK]) for i in range(0, len(x), CHUNK)])


# ── what is not finite ──────────────────────────────────────────────────────────────────────────


def _check_finite(loss: float, gradient: Any, parameters: Sequence[Value]) -> None:
    if not math.isfinite(loss):
        raise _NotFiniteError(f"the loss became {loss}")
    for i in np.flatnonzero(~np.isfinite(gradient)).tolist():
        name = repr(parameters[i].label) if parameters[i].label else f"number {i}"
        raise _NotFiniteError(f"the gradient of parameter {name} became {gradient[i]}")


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


# ── arguments ───────────────────────────────────────────────────────────────────────────────────


class _Samples(NamedTuple):
    x: Floats  # (samples, inputs)
    targets: Floats  # (samples, targets)
    classes: tuple[float, ...]  # that the targets stand for, or none


def _samples(x: Floats, y: Floats, outputs: int) -> _Samples:
    """Return what the loss gets for each sample, and whether the targets are classes."""
    if y.ndim == 1 and outputs > 1:
        wrong = y[(y != np.trunc(y)) | (y < 0) | (y >= outputs)]
        if len(wrong):
            raise SizeError(
                f"the model has {outputs} outputs, so y needs a row of targets for each sample or "
                f"a class from 0 to {outputs - 1}, got {wrong[0]:g}"
            )
        return _Samples(x, np.eye(outputs)[y.astype(int)], tuple(map(float, range(outputs))))
    targets = y if y.ndim == 2 else y[:, None]
    classes: tuple[float, ...] = ()
    if targets.shape[1] == outputs == 1:
        found = tuple(np.unique(targets).tolist())
        classes = found if found in ((0.0, 1.0), (-1.0, 1.0)) else ()
    elif targets.shape[1] == outputs and (np.sort(targets) == np.eye(outputs)[-1]).all():
        classes = tuple(map(float, range(outputs)))
    return _Samples(x, targets, classes)


def _held_out(x: Floats, y: Floats, samples: _Samples) -> _Samples:
    """Return the validation data, with the same classes as those that are trained on."""
    inputs, targets = samples.x.shape[1], samples.targets.shape[1]
    if x.shape[1] != inputs:
        raise SizeError(f"the validation data need {inputs} inputs, got {x.shape[1]}")
    held_out = _samples(x, y, targets)
    if held_out.targets.shape[1] != targets:
        raise SizeError(
            f"the validation data need {targets} targets, got {held_out.targets.shape[1]}"
        )
    return held_out._replace(classes=samples.classes)


def _arrays(what: str, data: Any) -> tuple[Floats, Floats]:
    """Return X and y as arrays."""
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise OperandError(f"the {what} are a pair (X, y), got {type(data).__name__}")
    try:
        x, y = (np.asarray(part, dtype=float) for part in data)
    except (TypeError, ValueError) as error:
        raise OperandError(f"the {what} are two arrays of numbers: {error}") from None
    if x.ndim != 2 or y.ndim not in (1, 2) or len(x) != len(y) or not x.size or not y.size:
        raise SizeError(
            f"the {what} need X of shape (samples, inputs) and y of shape (samples,) or (samples, "
            f"targets), got {x.shape} and {y.shape}"
        )
    return x, y


def _values(optimizer: Optimizer) -> list[Value]:
    if not isinstance(optimizer, Optimizer) or not isinstance(optimizer.parameters, list):
        raise OperandError(
            "fit needs an optimiser of the model's Values, such as SGD(model.parameters()), got "
            f"{optimizer!r}"
        )
    return optimizer.parameters


def _leaves(name: str, numbers: Floats) -> list[Value]:
    return [Value(number, label=f"{name}{i}") for i, number in enumerate(numbers.tolist())]


def _outputs(model: Model, inputs: list[Value]) -> list[Value]:
    """Return the model's outputs for one sample, as a list."""
    outputs = model(inputs)
    listed = [outputs] if isinstance(outputs, Value) else outputs
    if not isinstance(listed, (list, tuple)) or not all(isinstance(v, Value) for v in listed):
        raise OperandError(f"a model returns a Value or a list of them, got {outputs!r}")
    return list(listed)


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None and (
            isinstance(count, bool) or not isinstance(count, int) or count < 1
        ):
            raise SizeError(f"{name} is a positive int, got {count!r}")
