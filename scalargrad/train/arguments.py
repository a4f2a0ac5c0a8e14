"""What `fit` is given, checked; and what a model is given and returns for one sample."""

from __future__ import annotations

from collections.abc import Callable, Sized
from operator import index
from typing import Any, SupportsIndex, TypeAlias

import numpy as np

from ..engine import Value
from ..errors import OperandError, SizeError
from ..optim import Optimizer
from ..reals import Floats

__all__ = [
    "batch_of",
    "check_functions",
    "count_of",
    "generator",
    "leaves",
    "outputs_of",
    "values_of",
]

Model: TypeAlias = Callable[[Any], Any]
#: A function of the outputs and the targets of one sample, two lists.
Loss: TypeAlias = Callable[[list[Value], list[Value]], Value]


def values_of(optimizer: Optimizer) -> list[Value]:
    """Return the Values that an optimiser moves."""
    if not isinstance(optimizer, Optimizer) or not isinstance(optimizer.parameters, list):
        got = f"{optimizer!r}"
        if isinstance(optimizer, Sized) and not isinstance(optimizer, str):
            got = f"{type(optimizer).__name__}: X and y are one pair, fit(model, loss, (X, y), ...)"
        raise OperandError(
            "fit needs an optimiser of the model's Values, such as SGD(model.parameters()), got "
            f"{got}"
        )
    return optimizer.parameters


def leaves(name: str, numbers: Floats) -> list[Value]:
    """Make leaves of numbers, labelled x0, x1 and so on."""
    return [Value(number, label=f"{name}{i}") for i, number in enumerate(numbers.tolist())]


def outputs_of(model: Model, inputs: list[Value]) -> list[Value]:
    """Return the model's outputs for one sample, as a list."""
    outputs = model(inputs)
    listed = [outputs] if isinstance(outputs, Value) else outputs
    if not isinstance(listed, (list, tuple)) or not all(isinstance(v, Value) for v in listed):
        raise OperandError(f"a model returns a Value or a list of them, got {outputs!r}")
    return list(listed)


def check_functions(functions: dict[str, object]) -> None:
    """Check that what has to be a function is one: a model, a loss, what is called meanwhile."""
    for name, function in functions.items():
        if not callable(function):
            example = ", such as mse of scalargrad.functional" if name == "loss" else ""
            raise OperandError(f"the {name} is a function{example}, got {function!r:.60}")


def batch_of(batch_size: SupportsIndex | None, count: int) -> int:
    """Return how many samples make a step."""
    return count if batch_size is None else min(count_of("batch_size", batch_size), count)


def count_of(name: str, count: SupportsIndex) -> int:
    """Return a count as an int: NumPy has integers of its own."""
    is_int = hasattr(count, "__index__") and not isinstance(count, (bool, np.bool_))
    if not is_int or index(count) < 1:
        raise SizeError(f"{name} is a positive int, got {count!r}")
    return index(count)


def generator(seed: Any) -> np.random.Generator:
    """Return the generator that a seed stands for."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise OperandError(f"a seed is an int from 0 up, got {seed!r}") from None
