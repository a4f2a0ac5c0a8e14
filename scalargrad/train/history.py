"""What is left of a training: its losses and accuracies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..compiler.passes.walk import counted
from ..errors import OperandError

__all__ = ["History"]

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
        figures = f": {self.summary()}" if self.losses else ""
        return f"<History of {', '.join(parts)}{figures}{self.growth()}>"

    def growth(self) -> str:
        """Say that the model runs off, if the last loss is far above those of the first half."""
        usual = max(map(abs, self.steps[: len(self.steps) // 2]), default=0.0)
        if not usual or self.steps[-1] <= 10 * usual:
            return ""
        grew = f"the loss grew from {self.steps[0]:.3g} to {self.steps[-1]:.3g}"
        return f"; {grew}, so the learning rate may be too high"

    def summary(self) -> str:
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

    def add(self, **figures: float) -> None:
        """Note the figures of an epoch."""
        for name, number in figures.items():
            self._figures[name].append(number)
