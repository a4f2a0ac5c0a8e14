"""Optimisers: how parameters follow their gradients downhill.

>>> x = Value(1.0)
>>> optimizer = SGD([x], learning_rate=0.25)
>>> for _ in range(3):
...     optimizer.zero_grad()
...     (x**2).backward()
...     optimizer.step()
>>> x.data                       # 1 → 0.5 → 0.25 → 0.125
0.125
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TypeAlias

from .engine import Value
from .errors import OperandError, SizeError

__all__ = ["SGD", "Adam", "Optimizer", "cosine_decay", "linear_decay"]

#: A step size, or a function that gives it for the number of steps taken so far (0, 1, …).
LearningRate: TypeAlias = "float | Callable[[int], float]"


class Optimizer:
    """What the optimisers share: the parameters, the learning rate, the number of steps taken."""

    def __init__(self, parameters: Iterable[Value], learning_rate: LearningRate) -> None:
        self.parameters = list(dict.fromkeys(parameters))  # a shared weight moves once
        if not self.parameters:
            raise SizeError("an optimiser needs at least one parameter, got none")
        for p in self.parameters:
            if not isinstance(p, Value) or p._prev:
                raise OperandError(f"an optimiser moves leaf Values, got {p!r}")
        self.learning_rate = learning_rate
        self.steps = 0

    @property
    def current_learning_rate(self) -> float:
        """The size of the next step."""
        rate = self.learning_rate
        return rate(self.steps) if callable(rate) else rate

    def zero_grad(self) -> None:
        """Set all gradients back to 0, since ``backward()`` adds to those of leaves."""
        for p in self.parameters:
            p.grad = 0.0

    def step(self) -> None:
        """Move each parameter once, by its gradient."""
        raise NotImplementedError


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

    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum, self.weight_decay = momentum, weight_decay
        self._velocities = [0.0] * len(self.parameters)

    def step(self) -> None:
        """Move each parameter once, by its velocity."""
        rate = self.current_learning_rate
        for i, p in enumerate(self.parameters):
            velocity = self.momentum * self._velocities[i] + p.grad + self.weight_decay * p.data
            self._velocities[i] = velocity
            p.data -= rate * velocity
        self.steps += 1


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

    def __init__(
        self,
        parameters: Iterable[Value],
        learning_rate: LearningRate = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.betas, self.epsilon, self.weight_decay = betas, epsilon, weight_decay
        self._means = [0.0] * len(self.parameters)
        self._squares = [0.0] * len(self.parameters)

    def step(self) -> None:
        """Move each parameter once, by its adapted step."""
        rate = self.current_learning_rate
        self.steps += 1
        beta1, beta2 = self.betas
        unbias1, unbias2 = 1 - beta1**self.steps, 1 - beta2**self.steps
        for i, p in enumerate(self.parameters):
            gradient = p.grad + self.weight_decay * p.data
            mean = self._means[i] = beta1 * self._means[i] + (1 - beta1) * gradient
            square = self._squares[i] = beta2 * self._squares[i] + (1 - beta2) * gradient**2
            p.data -= rate * (mean / unbias1) / (math.sqrt(square / unbias2) + self.epsilon)


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
