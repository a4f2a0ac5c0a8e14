"""Training: go through data in batches and let an optimiser follow the gradient of the mean loss.

Compiled, a step touches no `Value`: the loss of one sample is traced once and runs on batches.
Scalar by scalar, the same loop builds the graph of every batch. Both give the same curve.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import index
from typing import Any, NamedTuple, SupportsIndex, TypeAlias

import numpy as np

from . import functional as F
from .compiler import Program, compile
from .compiler.passes.walk import Floats, Ints, counted, named
from .compiler.trace import trace
from .engine import Value, constant, operands
from .errors import (
    DivisionByZeroError,
    DomainError,
    NonFiniteError,
    OperandError,
    RangeError,
    ScalargradError,
    SizeError,
)
from .graph import topological_sort
from .interrupts import Interrupts
from .optim import Optimizer
from .progress import Bar
from .samples import Samples, arrays, held_out_of, samples_of, telling

__all__ = ["CHUNK", "History", "Traced", "fit", "trace_loss"]

Model: TypeAlias = Callable[[Any], Any]
#: A function of the outputs and the targets of one sample, two lists.
Loss: TypeAlias = Callable[[list[Value], list[Value]], Value]

#: So many samples at a time are evaluated, which bounds the memory that it takes.
CHUNK = 1000


_FIGURES = (
    "it has lists named losses, accuracies, validation_losses and validation_accuracies, with a "
    "number for each epoch, and steps, with one for each batch"
)


@dataclass(repr=False)
class History:
    """How a training went.

    Accuracies are there if the targets are classes.

    >>> History(steps=[0.5, 0.25], losses=[0.375], accuracies=[0.875], validation_losses=[0.5])
    <History of 1 epoch, 2 steps: loss 0.375 (0.5), accuracy 0.875>

    In brackets are the figures of the validation.
    """

    steps: list[float] = field(default_factory=list)  # the loss of each batch, before its step
    losses: list[float] = field(default_factory=list)  # the mean of these over each epoch
    accuracies: list[float] = field(default_factory=list)  # after each epoch, of all samples
    validation_losses: list[float] = field(default_factory=list)  # after each epoch
    validation_accuracies: list[float] = field(default_factory=list)
    interrupted: bool = False  # whether Ctrl-C ended it

    def last(self) -> dict[str, float]:
        """Return the figures of the last epoch by name."""
        return {name: numbers[-1] for name, numbers in self._figures.items() if numbers}

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a History has no {name!r}: {_FIGURES}")

    def __getitem__(self, key: object) -> Any:
        raise OperandError(f"a History is no dict, to be asked for {key!r}: {_FIGURES}")

    def __repr__(self) -> str:
        parts = [counted(len(self.losses), "epoch"), counted(len(self.steps), "step")]
        parts += ["interrupted"] * self.interrupted
        figures = f": {self._summary()}" if self.losses else ""
        return f"<History of {', '.join(parts)}{figures}{self._growth()}>"

    def _growth(self) -> str:
        """Say that the model runs off, if the last loss is far above those of the first half."""
        usual = max(map(abs, self.steps[: len(self.steps) // 2]), default=0.0)
        if not usual or self.steps[-1] <= 10 * usual:
            return ""
        grew = f"the loss grew from {self.steps[0]:.3g} to {self.steps[-1]:.3g}"
        return f"; {grew}, so the learning rate may be too high"

    def _summary(self) -> str:
        """Write the figures of the last epoch, those of the validation in brackets."""
        figures = {name: f"{number:.3g}" for name, number in self.last().items()}
        for name in ("loss", "accuracy"):
            if f"validation_{name}" in figures:
                figures[name] += f" ({figures.pop(f'validation_{name}')})"
        return ", ".join(f"{name} {text}" for name, text in figures.items())

    @property
    def _figures(self) -> dict[str, list[float]]:
        """What there is of each epoch, by name."""
        return {
            "loss": self.losses,
            "accuracy": self.accuracies,
            "validation_loss": self.validation_losses,
            "validation_accuracy": self.validation_accuracies,
        }

    def _add(self, **figures: float) -> None:
        """Note the figures of an epoch."""
        for name, number in figures.items():
            self._figures[name].append(number)


def fit(
    model: Model,
    loss: Loss,
    data: tuple[Any, Any],
    optimizer: Optimizer,
    epochs: SupportsIndex = 1,
    batch_size: SupportsIndex | None = None,
    compiled: bool = True,
    progress: bool = True,
    *,
    validation: tuple[Any, Any] | None = None,
    seed: int = 0,
    on_epoch: Callable[[History], object] | None = None,
) -> History:
    """Train a model: minimise the mean loss over the data by steps on shuffled batches.

    Args:
        model: a function of a list of inputs that returns a Value or a list of them. Compiled, it
            is called once for all steps: what is random in it, such as dropout, is drawn once, and
            all leaves but the parameters of the optimiser are constants.
        loss: a function of two lists, the outputs and the targets of one sample; most losses of
            `functional` are such functions. What it does to one sample must not depend on others.
            Before the training it is called with a sample of each label, which it may refuse.
        data: a pair (X, y). X has shape (samples, inputs). y has shape (samples, targets), or
            (samples,) with one number each. If the model has several outputs, a number is the
            class 0, 1, … of the sample; the loss gets a target for each class, 1 for this one.
        optimizer: moves its parameters, which are leaves of the model.
        epochs: how often to go through the data.
        batch_size: how many samples make a step; None is for all.
        compiled: whether to compile the loss. Otherwise each batch is computed scalar by scalar:
            the same, hundreds of times slower, and with operations of one's own. (There, as with
            floats, exp(1000) is an error even in 1 / (1 + exp(1000)), which is 0 for arrays.)
        progress: whether to show a bar with the loss and the accuracy, those of the validation in
            brackets.
        validation: data, as above, to evaluate after each epoch and not to train on.
        seed: of the order of the samples.
        on_epoch: is called after each epoch, with the model as it is then. It may change the
            parameters, and the training goes on from there. If it returns True, it ends there.

    Returns:
        The losses and accuracies. With Ctrl-C the training ends after the step that it is in, the
        model is as that step left it, and so is the history. An evaluation is broken off, and its
        epoch adds nothing but the losses of its steps.

    Raises:
        NonFiniteError: the loss or a gradient is infinite or nan, in training or in validation; it
            names the operation and the sample. The model stays as the step before left it.
        SizeError: the shapes or labels of data, model and loss do not fit together.
        OperandError: the data are no real numbers, the model cannot be compiled, or no parameter of
            the optimiser reaches the loss.

    >>> from scalargrad import MLP, SGD
    >>> from scalargrad.functional import mse
    >>> model = MLP(1, [1], seed=0)
    >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> history = fit(model, mse, (X, y), SGD(model.parameters(), 0.2), epochs=200, progress=False)
    >>> [round(p.data, 4) for p in model.parameters()]           # y = 2 x + 1
    [2.0, 1.0]
    """
    epochs = _count("epochs", epochs)
    trainer, held_out = _prepared(model, loss, data, optimizer, validation, compiled)
    samples = trainer.samples
    count = len(samples.x)
    size = _size(batch_size, count)
    order, history = _generator(seed), History()
    total = epochs * math.ceil(count / size)
    desc = f"epoch 1/{epochs}"
    with (
        trainer.running(),
        Interrupts().noticed() as interrupts,
        Bar(total=total, desc=desc, bar_format=_BAR, disable=not progress) as bar,
    ):
        try:
            for epoch in range(1, epochs + 1):
                bar.set_description_str(f"epoch {epoch}/{epochs}", refresh=False)
                losses = 0.0
                for rows in _batches(count, size, order):
                    history.steps.append(_step(trainer, rows, history))
                    losses += len(rows) * history.steps[-1]
                    bar.update()
                    interrupts.check()
                with interrupts.at_once():
                    figures = _evaluate(trainer, samples, held_out, history)
                history._add(loss=losses / count, **figures)
                bar.set_postfix_str(history._summary(), refresh=False)
                if on_epoch is not None and trainer.shown_to(on_epoch, history) is True:
                    break
            interrupts.check()  # it may have been pressed in the last call of on_epoch
        except KeyboardInterrupt:
            history.interrupted = True
            if progress:
                done = f"stopped by Ctrl-C after step {len(history.steps)} of {total}"
                bar.write(done, file=sys.stderr)
    return history


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
    >>> model = MLP(1, [1], seed=0)
    >>> traced = trace_loss(model, F.mse, ([[1.0]], [3.0]), SGD(model.parameters()))
    >>> [leaf.label for leaf in traced.leaves]
    ['x0', 'y0']
    """
    trainer, held_out = _prepared(model, loss, data, optimizer, validation, compiled=True)
    assert isinstance(trainer, _Compiled)
    (root, *outputs), samples = trainer.traced, trainer.samples
    size = _size(batch_size, len(samples.x))
    return Traced(root, outputs, trainer.leaves, trainer.parameters, samples, held_out, size)


def _prepared(
    model: Model,
    loss: Loss,
    data: tuple[Any, Any],
    optimizer: Optimizer,
    validation: tuple[Any, Any] | None,
    compiled: bool,
) -> tuple[_Trainer, Samples | None]:
    """Check what is to be trained; return what makes the steps, and the validation data."""
    _check_functions({"model": model, "loss": loss})
    x, y = arrays("data", data)
    with _defined_at_first():
        samples = samples_of(x, y, len(_outputs(model, _leaves("x", x[0]))))
        held_out = None
        if validation is not None:
            held_out = held_out_of(*arrays("validation data", validation), samples)
        trainer: _Trainer = (_Compiled if compiled else _Eager)(model, loss, optimizer, samples)
    for part in (samples, held_out):
        if part is not None:
            trainer.check_targets(part)
    return trainer, held_out


#: So short that a terminal of 80 columns has room for the bar and all figures.
_BAR = "{desc} |{bar}| {remaining} left{postfix}"


@contextmanager
def _defined_at_first() -> Iterator[None]:
    """Say of what is undefined before the first step that it is so."""
    try:
        yield
    except _ARITHMETIC as error:
        raise NonFiniteError(f"the loss of the first sample is not defined: {error}") from None


def _step(trainer: _Trainer, rows: Ints, history: History) -> float:
    try:
        return trainer.step(rows)
    except (_NotFiniteError, NonFiniteError) as problem:
        what = f"{problem} in epoch {len(history.losses) + 1}, step {len(history.steps) + 1}"
        if isinstance(problem, _NotFiniteError):
            what += f": {trainer.culprit(trainer.samples, rows)}"
        raise NonFiniteError(
            f"{what}; the model is as it was before this step{history._growth()}"
        ) from None


def _evaluate(
    trainer: _Trainer, samples: Samples, held_out: Samples | None, history: History
) -> dict[str, float]:
    """Return the figures of the model as it is after an epoch, but for the mean of its losses."""
    figures = {}
    if samples.classes:
        _, figures["accuracy"] = _loss_and_accuracy(trainer, samples, history)
    if held_out is not None:
        loss, accuracy = _loss_and_accuracy(trainer, held_out, history)
        figures["validation_loss"] = loss
        if held_out.classes:
            figures["validation_accuracy"] = accuracy
    return figures


def _loss_and_accuracy(
    trainer: _Trainer, samples: Samples, history: History
) -> tuple[float, float]:
    """Return the mean loss, and the share of samples whose class the model finds.

    Of several outputs the largest decides. A single one means the class for which the loss would be
    less, so it does not matter whether it is a score, a logit or a probability.
    """
    targets, classes = samples.targets, samples.classes
    right: Any = math.nan
    if not classes or len(targets[0]) > 1:
        (losses,), outputs = trainer.evaluate(samples.x, targets)
        if classes:
            right = outputs.argmax(axis=1) == targets.argmax(axis=1)
    else:
        groups = [np.full_like(targets, label) for label in classes]
        (if_low, if_high), _ = trainer.evaluate(samples.x, *groups)
        is_high = targets[:, 0] == classes[1]
        losses = np.where(is_high, if_high, if_low)
        right = (_or_infinite(if_high) < _or_infinite(if_low)) == is_high
    with np.errstate(all="ignore"):
        loss = float(np.mean(losses))
    if not math.isfinite(loss):
        rows = np.flatnonzero(~np.isfinite(losses))
        raise NonFiniteError(
            f"the loss is not finite after epoch {len(history.losses) + 1}: "
            f"{trainer.culprit(samples, rows)}; the model is as the last step left it"
            f"{history._growth()}"
        )
    return loss, float(np.mean(right))


def _or_infinite(losses: Floats) -> Floats:
    """Return losses, infinite where they are not defined: another class is not found there."""
    return np.where(np.isfinite(losses), losses, math.inf)


def _batches(count: int, size: int, order: np.random.Generator) -> Iterator[Ints]:
    """Yield the numbers of the samples of each batch, shuffled unless one batch holds them all."""
    rows = np.arange(count) if size == count else order.permutation(count)
    for start in range(0, count, size):
        yield rows[start : start + size]


def _generator(seed: Any) -> np.random.Generator:
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise OperandError(f"a seed is an int from 0 up, got {seed!r}") from None


# ── two ways to make a step ─────────────────────────────────────────────────────────────────────


#: What the engine raises where an array has an infinite number, or none.
_ARITHMETIC = (DivisionByZeroError, DomainError, RangeError)


class _NotFiniteError(Exception):
    """Some operation gave a step a loss or a gradient that is not finite."""


_NOT_FINITE = "the loss or its gradient is not finite"


class _Trainer:
    """A model that is being trained, one sample at a time where speed does not matter."""

    def __init__(self, model: Model, loss: Loss, optimizer: Optimizer, samples: Samples) -> None:
        self.model, self.loss, self.optimizer, self.samples = model, loss, optimizer, samples
        self.parameters = _values(optimizer)

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
        if all(_reached([loss]).isdisjoint(self.parameters) for loss in losses):
            raise OperandError(
                f"none of the optimiser's {counted(len(self.parameters), 'parameter')} reaches "
                "the loss: it needs the parameters of this model, and a loss of its outputs"
            )

    def step(self, rows: Ints) -> float:
        """Take a step on some samples; return their mean loss before it.

        Raises:
            _NotFiniteError: the loss or a gradient is not finite; then no step is taken.
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
        outputs = _outputs(self.model, _leaves("x", self.samples.x[0]))
        for row in telling(samples.targets):
            targets = [constant(number) for number in samples.targets[row].tolist()]
            try:
                self.sample_loss(outputs, targets)
            except SizeError as error:
                raise SizeError(f"{error} (in sample {row}{samples.of})") from None
            except _ARITHMETIC:
                pass  # that is for the steps to say

    def loss_of(self, x: Floats, targets: Floats) -> Value:
        """Return the loss of one sample, with a graph of its own."""
        return self.sample_loss(_outputs(self.model, _leaves("x", x)), _leaves("y", targets))

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
            except _ARITHMETIC as error:
                reason = str(error)
            if reason:
                return f"{reason}, in sample {row}{samples.of}"
        return "that of no single sample is, but their sum"


class _Eager(_Trainer):
    """Scalar by scalar: each step builds the graph of its batch."""

    def __init__(self, model: Model, loss: Loss, optimizer: Optimizer, samples: Samples) -> None:
        super().__init__(model, loss, optimizer, samples)
        x, targets = samples.x, samples.targets
        first = self.loss_of(x[0], targets[0])
        with suppress(*_ARITHMETIC):  # a step will say what is wrong
            # An `if` may leave the parameters out of one sample, as a perceptron's loss does.
            self.check_reach(chain([first], map(self.loss_of, x[1:], targets[1:])))

    def step(self, rows: Ints) -> float:
        x, targets = self.samples.x[rows], self.samples.targets[rows]
        try:
            loss = F.mean(map(self.loss_of, x, targets))
        except _ARITHMETIC:
            raise _NotFiniteError(_NOT_FINITE) from None
        self.optimizer.zero_grad()
        loss.backward()
        _check_finite(loss.data, [p.grad for p in self.parameters])
        self.optimizer.step()
        return loss.data

    def evaluate(self, x: Floats, *targets: Floats) -> tuple[list[Floats], Floats]:
        losses, outputs = zip(*map(self.evaluate_sample, x, *targets), strict=True)
        return list(np.array(losses).T), np.array(outputs)

    def evaluate_sample(self, x: Floats, *targets: Floats) -> tuple[list[float], list[float]]:
        """Return the losses and the outputs for one sample; nan for what is not defined."""
        losses, numbers = [math.nan] * len(targets), [math.nan]
        with suppress(*_ARITHMETIC):
            outputs = _outputs(self.model, _leaves("x", x))
            numbers = [v.data for v in outputs]
            for i, row in enumerate(targets):
                with suppress(*_ARITHMETIC):
                    losses[i] = self.sample_loss(outputs, _leaves("y", row)).data
        return losses, numbers


class _Compiled(_Trainer):
    """By programs on arrays: the loss of one sample is traced, and runs on batches."""

    def __init__(self, model: Model, loss: Loss, optimizer: Optimizer, samples: Samples) -> None:
        super().__init__(model, loss, optimizer, samples)
        if type(optimizer).step is not Optimizer.step:
            raise OperandError(
                f"{type(optimizer).__name__} has a step() of its own, which moves Values: say in "
                "update() how it moves, or fit with compiled=False"
            )
        inputs, targets = _leaves("x", samples.x[0]), _leaves("y", samples.targets[0])
        self.leaves = [*inputs, *targets]
        with self.explained():
            self.traced = trace(lambda _: self.traced_sample(inputs, targets), self.leaves)
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
        outputs = _outputs(self.model, inputs)
        return [self.sample_loss(outputs, targets), *outputs]

    def compiled(self, outputs: list[Value]) -> tuple[Program, list[int]]:
        """Return a program of some scalars, and the numbers of the leaves that these depend on."""
        reached = _reached(outputs)
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
        _check_finite(loss, gradient)
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


def _reached(outputs: list[Value]) -> set[Value]:
    """Return the nodes of the graph that leads to some outputs."""
    return {*topological_sort(outputs, operands)}


# ── what is not finite ──────────────────────────────────────────────────────────────────────────


def _check_finite(loss: float, gradient: Any) -> None:
    if not math.isfinite(loss) or not np.isfinite(gradient).all():
        raise _NotFiniteError(_NOT_FINITE)


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


def _check_functions(functions: dict[str, object]) -> None:
    for name, function in functions.items():
        if not callable(function):
            example = ", such as mse of scalargrad.functional" if name == "loss" else ""
            raise OperandError(f"the {name} is a function{example}, got {function!r}")


def _size(batch_size: SupportsIndex | None, count: int) -> int:
    """Return how many samples make a step."""
    return count if batch_size is None else min(_count("batch_size", batch_size), count)


def _count(name: str, count: SupportsIndex) -> int:
    """Return a count as an int: NumPy has integers of its own."""
    is_int = hasattr(count, "__index__") and not isinstance(count, (bool, np.bool_))
    if not is_int or index(count) < 1:
        raise SizeError(f"{name} is a positive int, got {count!r}")
    return index(count)
