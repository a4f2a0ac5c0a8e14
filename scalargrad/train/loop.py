"""The loop of a training: batches, steps, and what is evaluated after each epoch."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from typing import Any, SupportsIndex

import numpy as np

from ..compiler.passes.walk import Floats, Ints
from ..errors import NonFiniteError
from ..optim import Optimizer
from ..progress import Bar
from .arguments import Loss, Model, batch_of, check_functions, count_of, generator, values_of
from .history import History
from .interrupts import Interrupts
from .prepare import prepared
from .samples import Samples
from .trainer import NotFiniteError, Trainer

__all__ = ["fit"]

#: So short that a terminal of 80 columns has room for the bar and all figures.
_BAR = "{desc} |{bar}| {remaining} left{postfix}"


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
    values_of(optimizer)  # first: where X and y are no pair, all that follows is in a wrong place
    epochs = count_of("epochs", epochs)
    if on_epoch is not None:
        check_functions({"callback on_epoch": on_epoch})
    trainer, held_out = prepared(model, loss, data, optimizer, validation, compiled)
    samples = trainer.samples
    count = len(samples.x)
    size = batch_of(batch_size, count)
    order, history = generator(seed), History()
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
                history.add(loss=losses / count, **figures)
                bar.set_postfix_str(history.summary(), refresh=False)
                if on_epoch is not None and trainer.shown_to(on_epoch, history) is True:
                    break
            interrupts.check()  # it may have been pressed in the last call of on_epoch
        except KeyboardInterrupt:
            history.interrupted = True
            if progress:
                done = f"stopped by Ctrl-C after step {len(history.steps)} of {total}"
                bar.write(done, file=sys.stderr)
    return history


def _step(trainer: Trainer, rows: Ints, history: History) -> float:
    try:
        return trainer.step(rows)
    except (NotFiniteError, NonFiniteError) as problem:
        what = f"{problem} in epoch {len(history.losses) + 1}, step {len(history.steps) + 1}"
        if isinstance(problem, NotFiniteError):
            what += f": {trainer.culprit(trainer.samples, rows)}"
        raise NonFiniteError(
            f"{what}; the model is as it was before this step{history.growth()}"
        ) from None


def _evaluate(
    trainer: Trainer, samples: Samples, held_out: Samples | None, history: History
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


def _loss_and_accuracy(trainer: Trainer, samples: Samples, history: History) -> tuple[float, float]:
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
            f"{history.growth()}"
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
