"""Data as people have them, and as a training takes them: rows of inputs and of targets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import OperandError, SizeError
from ..reals import Floats, reals

__all__ = ["MANY", "Samples", "arrays", "held_out_of", "samples_of", "telling"]

#: More numbers than these are no labels.
MANY = 10


class Samples(NamedTuple):
    """What is fed, a row for each sample."""

    x: Floats  # (samples, inputs)
    targets: Floats  # (samples, targets)
    classes: tuple[float, ...]  # that the targets stand for, or none
    of: str = ""  # which data they are, after "sample 3"


def arrays(what: str, data: Any) -> tuple[Floats, Floats]:
    """Return X and y as arrays."""
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise OperandError(f"the {what} are a pair (X, y), got {type(data).__name__}")
    needed = f"the {what} are two arrays of numbers"
    x, y = (reals(needed, part, name, _HINTS[name]) for name, part in zip("Xy", data, strict=True))
    if x.ndim != 2 or y.ndim not in (1, 2) or len(x) != len(y) or not x.size or not y.size:
        hint = ": for one input, write [[x] for x in X]" if x.ndim == 1 and x.size else ""
        raise SizeError(
            f"the {what} need X of shape (samples, inputs) and y of shape (samples,) or (samples, "
            f"targets), got {x.shape} and {y.shape}{hint}"
        )
    return x, y


#: What to do about texts.
_HINTS = {"X": "turn them into numbers first", "y": "number the classes 0, 1, ..."}


def samples_of(x: Floats, y: Floats, outputs: int) -> Samples:
    """Return what the loss gets for each sample, and whether the targets are classes."""
    if y.ndim == 1 and outputs > 1:
        wrong = y[(y != np.trunc(y)) | (y < 0) | (y >= outputs)]
        if len(wrong):
            raise SizeError(
                f"the model has {outputs} outputs, so y needs a row of targets for each sample or "
                f"a class from 0 to {outputs - 1}, got {wrong[0]:g}"
            )
        return Samples(x, np.eye(outputs)[y.astype(int)], tuple(map(float, range(outputs))))
    targets = y if y.ndim == 2 else y[:, None]
    classes: tuple[float, ...] = ()
    if targets.shape[1] == outputs == 1:
        found = tuple(np.unique(targets).tolist())
        classes = found if found in ((0.0, 1.0), (-1.0, 1.0)) else ()
    elif targets.shape[1] == outputs and (np.sort(targets) == np.eye(outputs)[-1]).all():
        classes = tuple(map(float, range(outputs)))
    return Samples(x, targets, classes)


def held_out_of(x: Floats, y: Floats, samples: Samples) -> Samples:
    """Return the validation data, with the same classes as those that are trained on."""
    inputs, targets = samples.x.shape[1], samples.targets.shape[1]
    if x.shape[1] != inputs:
        raise SizeError(f"the validation data need {inputs} inputs, got {x.shape[1]}")
    held_out = samples_of(x, y, targets)
    if held_out.targets.shape[1] != targets:
        raise SizeError(
            f"the validation data need {targets} targets, got {held_out.targets.shape[1]}"
        )
    _check_labels(held_out, samples)
    return held_out._replace(classes=samples.classes, of=" of the validation data")


def telling(targets: Floats) -> list[int]:
    """Return samples that have each number among the targets; of many, the least and the largest.

    >>> telling(np.array([[0.0], [1.0], [0.0], [-1.0]]))
    [0, 1, 3]
    """
    numbers, places = np.unique(targets, return_index=True)
    if len(numbers) > MANY:
        places = places[[0, -1]]
    return [*map(int, np.unique(places // targets.shape[1]))]


def _check_labels(held_out: Samples, samples: Samples) -> None:
    """Check that the labels of two classes are those that are trained on."""
    found, known = (np.unique(part.targets).tolist() for part in (held_out, samples))
    if samples.classes and samples.targets.shape[1] == 1 and not {*found} <= {*known}:
        raise SizeError(
            f"the validation data need the labels of the training data, {_shown(known)}, "
            f"got {_shown(found)}"
        )


def _shown(labels: list[float]) -> str:
    """Write a set of labels, or its least."""
    texts = [f"{label:g}" for label in labels[:3]] + ["..."] * (len(labels) > 3)
    return f"{{{', '.join(texts)}}}"
