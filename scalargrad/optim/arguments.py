"""The arguments of optimisers: parameters, gradients and options, checked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..arguments import option
from ..engine import Value
from ..errors import NonFiniteError, OperandError, SizeError

__all__ = [
    "check_count",
    "checked",
    "checked_betas",
    "checked_rate",
    "floats",
    "is_flat",
    "not_finite",
    "own_gradients",
    "parameter_name",
]


def is_flat(parameters: Any) -> bool:
    """Say whether parameters are the array of a program, and no list of Values."""
    return not isinstance(parameters, list)


def checked(parameters: Any) -> Any:
    """Return the Values as a list without repeats, or the array as it is."""
    if hasattr(parameters, "dtype"):
        if parameters.ndim != 1 or parameters.dtype != float:
            raise OperandError(
                "an optimiser moves the flat array of a program, of float64; got one of shape "
                f"{parameters.shape} and {parameters.dtype}"
            )
        return parameters
    if not isinstance(parameters, Iterable) or isinstance(parameters, Value):
        # A model would list all of its layers.
        got = repr(parameters) if isinstance(parameters, Value) else type(parameters).__name__
        raise OperandError(
            f"an optimiser moves a list of leaf Values, such as model.parameters(), or the array "
            f"program.parameters; got {got}"
        )
    values = list(dict.fromkeys(parameters))  # a shared weight moves once
    if not values:
        raise SizeError("an optimiser needs at least one parameter, got none")
    for p in values:
        if not isinstance(p, Value) or p._prev:
            raise OperandError(f"an optimiser moves leaf Values, got {p!r}")
    return values


def checked_betas(betas: Any) -> tuple[float, float]:
    """Return the two decay rates of Adam."""
    try:
        beta1, beta2 = betas
    except (TypeError, ValueError):
        raise OperandError(
            f"betas is a pair of numbers, such as (0.9, 0.999), got {betas!r}"
        ) from None
    needed = "from 0 to less than 1", lambda x: 0 <= x < 1
    return option("each of betas", beta1, *needed), option("each of betas", beta2, *needed)


def checked_rate(rate: Any) -> float:
    """Return a learning rate that is a number."""
    either = ", or a function from the number of steps taken to one"
    return option("a learning rate", rate, otherwise=either)


def floats(gradient: Any) -> Any:
    """Return a gradient as a flat array of NumPy."""
    from ..reals import reals  # with NumPy, which a step on Values does without

    if isinstance(gradient, (list, tuple)):  # `grad` returns Values
        gradient = [g.data if isinstance(g, Value) else g for g in gradient]
    numbers = reals("a gradient is a number for each parameter", gradient)
    if numbers.ndim == 0:
        raise SizeError(
            f"a gradient has a number for each parameter, got {numbers}: the learning rate is an "
            "option of the optimiser, and can be set as optimizer.learning_rate"
        )
    if numbers.ndim != 1:
        raise SizeError(f"a gradient has a number for each parameter, got shape {numbers.shape}")
    return numbers


def own_gradients(parameters: list[Value]) -> list[float]:
    """Return what the last ``backward()`` left in the Values."""
    gradients = [p.grad for p in parameters]
    for i, g in enumerate(gradients):
        if not isinstance(g, (float, int)) and not hasattr(g, "__float__"):
            raise OperandError(
                f"the gradient of {parameter_name(i, parameters[i])} is {g!r}, and no number: "
                "set it to 0.0, or call zero_grad(), before backward()"
            )
    return list(map(float, gradients))


def parameter_name(i: int, p: Value | None = None) -> str:
    """Return how an error names a parameter."""
    return f"parameter {i}" + (f" ({p.label!r})" if p is not None and p.label else "")


def not_finite(name: str, moved: float, gradient: float, rate: float) -> NonFiniteError:
    """Return the error for a parameter that would no longer be finite."""
    if not math.isfinite(gradient):
        return NonFiniteError(f"the gradient of {name} is {gradient}")
    return NonFiniteError(
        f"{name} would become {moved}, by the gradient {gradient:g} and the learning rate {rate:g}"
    )


def check_count(gradients: int, parameters: int) -> None:
    """Check that there is a gradient for each parameter."""
    if gradients != parameters:
        raise SizeError(f"the optimiser moves {parameters} parameters, got {gradients} gradients")
