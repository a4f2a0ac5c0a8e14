"""Optimisers: how parameters follow their gradients downhill.

>>> x = Value(1.0)
>>> optimizer = SGD([x], learning_rate=0.25)
>>> for _ in range(3):
...     optimizer.zero_grad()
...     (x**2).backward()
...     optimizer.step()
>>> x.data                       # 1 → 0.5 → 0.25 → 0.125
0.125

The parameters of a compiled program are one array, and move in the same way::

    optimizer = SGD(program.parameters, learning_rate=0.25)
    loss, gradient = program.value_and_grad(X)
    optimizer.step(gradient)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from .engine import Value
from .errors import OperandError, SizeError

__all__ = ["SGD", "Adam", "Optimizer", "cosine_decay", "linear_decay"]

#: A step size, or a function that gives it for the number of steps taken so far (0, 1, …).
LearningRate: TypeAlias = "float | Callable[[int], float]"

#: Leaf Values, or an array of NumPy that is changed in place: that of a compiled program.
Parameters: TypeAlias = "Iterable[Value] | Any"

#: A float, or an array of them: the formulas are the same.
Number: TypeAlias = Any


class Optimizer:
    """What the optimisers share: the parameters, the learning rate, the number of steps taken.

    An optimiser of one's own says in `update` how a parameter moves. The formula is used for one
    float after the other, or for all parameters at once as an array.

    >>> class SignDescent(Optimizer):
    ...     def update(self, p, gradient, rate):
    ...         return p - rate * ((gradient > 0) * 1.0 - (gradient < 0) * 1.0),
    >>> w = Value(1.0)
    >>> w.grad = -7.0
    >>> SignDescent([w], learning_rate=0.25).step()
    >>> w.data
    1.25
    """

    #: How many numbers an optimiser remembers for each parameter; they start at 0.
    memories = 0

    def __init__(self, parameters: Parameters, learning_rate: LearningRate) -> None:
        self.parameters: Any = _checked(parameters)
        self.learning_rate = _checked_rate(learning_rate)
        self.steps = 0
        self._memory: list[Any] = [[0.0] * len(self.parameters) for _ in range(self.memories)]
        if _is_array(self.parameters):
            self._memory = [0.0] * self.memories  # they become arrays in the first step

    @property
    def current_learning_rate(self) -> float:
        """The size of the next step."""
        rate = self.learning_rate
        return rate(self.steps) if callable(rate) else rate

    def zero_grad(self) -> None:
        """Set all gradients back to 0, since ``backward()`` adds to those of leaves."""
        if not _is_array(self.parameters):
            for p in self.parameters:
                p.grad = 0.0

    def update(self, p: Number, gradient: Number, rate: float, *memory: Number) -> Sequence[Number]:
        """Return where a parameter moves, and after it what is to be remembered."""
        raise NotImplementedError(f"{type(self).__name__} has no update()")

    def step(self, gradient: Any = None) -> None:
        """Move each parameter once, by its gradient.

        Args:
            gradient: a number for each parameter, as a list or an array of any library that NumPy
                converts; of Values, by default, their ``grad``.

        Raises:
            SizeError: there are more or fewer numbers than parameters.
            OperandError: they are no numbers.
        """
        rate = self.current_learning_rate
        if _is_array(self.parameters):
            self._step_array(gradient, rate)
        else:
            self._step_values(gradient, rate)
        self.steps += 1

    def _step_values(self, gradient: Any, rate: float) -> None:
        own = gradient is None
        gradients = [p.grad for p in self.parameters] if own else _floats(gradient).tolist()
        _check_count(len(gradients), len(self.parameters))
        for i, (p, g) in enumerate(zip(self.parameters, gradients, strict=True)):
            p.data, *memory = self.update(p.data, g, rate, *(slot[i] for slot in self._memory))
            for slot, number in zip(self._memory, memory, strict=True):
                slot[i] = number

    def _step_array(self, gradient: Any, rate: float) -> None:
        if gradient is None:
            raise SizeError("an optimiser of an array needs the gradient: step(gradient)")
        gradient = _floats(gradient)
        _check_count(len(gradient), len(self.parameters))
        moved, *self._memory = self.update(self.parameters, gradient, rate, *self._memory)
        self.parameters[:] = moved

    @contextmanager
    def moving(self, parameters: Any) -> Iterator[None]:
        """Move an array in place of the Values, or the other way, as long as a ``with`` lasts.

        Steps and memory go on from the one to the other, and back.
        """
        own = self.parameters
        self._take(_checked(parameters))
        try:
            yield
        finally:
            self._take(own)

    def _take(self, parameters: Any) -> None:
        from numpy import array as as_array

        self.parameters = parameters
        slots = [as_array(slot) for slot in self._memory]
        self._memory = slots if _is_array(parameters) else [slot.tolist() for slot in slots]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and weight decay as in PyTorch.

    With the gradient g of parameter p, learning rate η, momentum μ and weight decay λ:

        v ← μ v + g + λ p
        p ← p - η v

    >>> w = Value(1.0)
    >>> w.grad = 0.5
    >>> SGD([w], learning_rate=0.1).step()
    >>> w.data
    0.95
    """

    memories = 1

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum, self.weight_decay = momentum, weight_decay

    def update(self, p: Number, gradient: Number, rate: float, *memory: Number) -> Sequence[Number]:
        """Return the moved parameter and its velocity."""
        (velocity,) = memory
        velocity = self.momentum * velocity + gradient + self.weight_decay * p
        return p - rate * velocity, velocity


class Adam(Optimizer):
    """Adam: steps that adapt to the mean and the size of each parameter's gradient.

    With the gradient g (plus weight decay λ p), decay rates β₁ and β₂, after t steps:

        m ← β₁ m + (1 - β₁) g             p ← p - η m̂ / (√v̂ + ε)
        v ← β₂ v + (1 - β₂) g²            m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)

    Source: Kingma and Ba, Adam: a method for stochastic optimization, 2015, algorithm 1.

    >>> w = Value(1.0)
    >>> w.grad = 0.5
    >>> Adam([w], learning_rate=0.1).step()
    >>> round(w.data, 6)
    0.9
    """

    memories = 2

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: LearningRate = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.betas, self.epsilon, self.weight_decay = betas, epsilon, weight_decay

    def update(self, p: Number, gradient: Number, rate: float, *memory: Number) -> Sequence[Number]:
        """Return the moved parameter, and the running means of its gradient and of its square."""
        (beta1, beta2), (mean, square), t = self.betas, memory, self.steps + 1
        gradient = gradient + self.weight_decay * p
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * gradient * gradient
        size = (square / (1 - beta2**t)) ** 0.5 + self.epsilon
        return p - rate * (mean / (1 - beta1**t)) / size, mean, square


# ── arguments ───────────────────────────────────────────────────────────────────────────────────


def _is_array(parameters: Any) -> bool:
    return not isinstance(parameters, list)


def _checked(parameters: Any) -> Any:
    """Return the Values as a list without repeats, or the array as it is."""
    if hasattr(parameters, "dtype"):
        if parameters.ndim != 1 or parameters.dtype != float:
            raise OperandError(
                "an optimiser moves the flat array of a program, of float64; got one of shape "
                f"{parameters.shape} and {parameters.dtype}"
            )
        return parameters
    if not isinstance(parameters, Iterable) or isinstance(parameters, Value):
        raise OperandError(
            f"an optimiser moves a list of leaf Values, such as model.parameters(), or the array "
            f"program.parameters; got {parameters!r}"
        )
    values = list(dict.fromkeys(parameters))  # a shared weight moves once
    if not values:
        raise SizeError("an optimiser needs at least one parameter, got none")
    for p in values:
        if not isinstance(p, Value) or p._prev:
            raise OperandError(f"an optimiser moves leaf Values, got {p!r}")
    return values


def _checked_rate(rate: Any) -> LearningRate:
    # What NumPy or torch calls a number has a __float__; what float() would parse, a text, has not.
    if callable(rate) or hasattr(rate, "__float__"):
        return rate  # type: ignore[no-any-return]
    raise OperandError(
        "a learning rate is a number, or a function from the number of steps taken to one; "
        f"got {rate!r}"
    )


def _floats(gradient: Any) -> Any:
    """Return a gradient as a flat array of NumPy."""
    from numpy import asarray

    try:
        if isinstance(gradient, (list, tuple)):  # `grad` returns a list of Values
            gradient = [g.data if isinstance(g, Value) else g for g in gradient]
        numbers = asarray(gradient, float)
    except (TypeError, ValueError) as error:
        raise OperandError(f"a gradient is a number for each parameter: {error}") from None
    if numbers.ndim != 1:
        raise SizeError(f"a gradient has a number for each parameter, got shape {numbers.shape}")
    return numbers


def _check_count(gradients: int, parameters: int) -> None:
    if gradients != parameters:
        raise SizeError(f"the optimiser moves {parameters} parameters, got {gradients} gradients")


# ── learning-rate schedules: functions from the number of steps taken to a learning rate ────────


def linear_decay(start: float, end: float, steps: int) -> Callable[[int], float]:
    """Return a schedule that goes from ``start`` to ``end`` on a line, and stays there.

    >>> rate = linear_decay(1.0, 0.1, steps=90)
    >>> rate(0), round(rate(45), 3), rate(1000)
    (1.0, 0.55, 0.1)
    """

    def rate(step: int) -> float:
        progress = min(step / steps, 1.0)
        return (1 - progress) * start + progress * end

    return rate


def cosine_decay(start: float, end: float, steps: int) -> Callable[[int], float]:
    """Return a schedule that goes from ``start`` to ``end`` on half a cosine, and stays there.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017.

    >>> rate = cosine_decay(1.0, 0.0, steps=100)
    >>> rate(0), round(rate(50), 3), rate(100)
    (1.0, 0.5, 0.0)
    """
    return lambda step: end + (start - end) * (1 + math.cos(math.pi * min(step / steps, 1.0))) / 2
