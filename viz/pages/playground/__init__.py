"""A page in which a network trains: one's own model on one's own data, in any browser."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, SupportsIndex

from scalargrad.engine import Value
from scalargrad.errors import NonFiniteError, OperandError
from scalargrad.optim import Optimizer

from ..shared.page import Page
from .page import write
from .settings import optimizer_of, settings_of

if TYPE_CHECKING:
    from scalargrad.train import Traced

__all__ = ["Playground", "playground"]


class Playground(Page):
    """A page in which a network trains: save it, or let a notebook show it."""

    allowed = "allow-scripts allow-downloads"


def playground(
    model: Callable[[Any], Any],
    loss: Callable[[list[Value], list[Value]], Value],
    data: tuple[Any, Any],
    path: str | os.PathLike[str] | None = None,
    *,
    validation: tuple[Any, Any] | None = None,
    optimizer: str | Optimizer = "sgd",
    learning_rate: float = 0.1,
    batch_size: SupportsIndex | None = None,
    title: str = "",
) -> Playground:
    """Make a page in which a model is trained: every weight, neuron and sample in sight.

    The page computes what Python computes: it runs the tape of the loss, by JavaScript made from
    the table of primitives. Where a batch is all samples, its losses are those of `fit` with the
    same optimiser, step by step. (Smaller batches are drawn by the page's own random numbers.)

    The page is one HTML file without anything to load; the model is not changed. What was trained
    there comes back as JSON, which ``model.load_state_dict`` takes.

    Args:
        model, loss, data, validation, batch_size: as for `fit`. The model is any that `fit`
            compiles; where it consists of neurons, these are drawn in layers.
        path: the file to write, if any.
        optimizer: "sgd", "momentum" (SGD with momentum 0.9), "adam" or "adamw", of
            ``model.parameters()``; or an optimiser such as ``Adam(parameters, 0.01)``, whose
            numbers and parameters the page takes over. The page can change it.
        learning_rate: where the optimiser is given by name.
        title: of the page.

    Returns:
        the page: ``.html`` is its text, ``.save(path)`` writes it, and a notebook shows it.

    Raises:
        NonFiniteError, SizeError, OperandError, DomainError: as for `fit`; also for data that are
            not finite, and for an optimiser that the page cannot compute, such as one of your own.
        ChoiceError: there is no optimiser of this name.

    >>> from scalargrad import MLP
    >>> from scalargrad.functional import mse
    >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> playground(MLP(1, [4, 1], seed=0), mse, (X, y))
    <playground of 13 parameters, 3 samples; not saved yet: use .save(path)>
    """
    from scalargrad.train import trace_loss  # with NumPy and the compiler, for the first page

    from .content import content_of

    if not isinstance(title, str):
        raise OperandError(f"the title of a page is a text, got {title!r}")
    if not callable(model):
        raise OperandError(f"the model is a function, got {model!r:.60}")
    carrier = optimizer_of(model, optimizer, learning_rate)
    traced = trace_loss(model, loss, data, carrier, batch_size, validation=validation)
    _check_finite(traced)
    settings = settings_of(carrier, traced.batch_size)
    shown, interpreter = content_of(model, traced, settings)
    parameters, samples = len(traced.parameters), len(traced.samples.x)
    what = (
        f"playground of {parameters:,} parameter{'s' * (parameters != 1)}, "
        f"{samples:,} sample{'s' * (samples != 1)}"
    )
    return Playground(write(shown, interpreter, title or "A network, training"), what, path)


def _check_finite(traced: Traced) -> None:
    """Check the data, which `fit` would meet in a step, and the page in nobody's sight."""
    for samples in filter(None, (traced.samples, traced.held_out)):
        for name, numbers in (("X", samples.x), ("y", samples.targets)):
            places = (~(abs(numbers) < math.inf)).nonzero()
            for row, number in zip(places[0].tolist(), numbers[places].tolist(), strict=True):
                raise NonFiniteError(
                    f"the data need finite numbers, got {number} in {name}, in sample {row}"
                    f"{samples.of}"
                )
