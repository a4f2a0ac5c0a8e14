"""The methods: stochastic gradient descent, Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Sequence

from ..arguments import option
from .arguments import checked_betas
from .optimizer import LearningRate, Number, Optimizer, Parameters

__all__ = ["SGD", "Adam", "AdamW"]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and weight decay as in PyTorch.

    With the gradient g of parameter p, learning rate η, momentum μ and weight decay λ:

        v ← μ v + g + λ p
        p ← p - η v

    Raises:
        DomainError: μ is not in [0, 1], or η or λ is negative or not finite.
        OperandError: one of them is no number, or there is no option of such a name.

    >>> from scalargrad import Value
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
        self.momentum = option("momentum", momentum, "from 0 to 1", lambda x: 0 <= x <= 1)
        self.weight_decay = option("weight_decay", weight_decay)

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

    Raises:
        DomainError: β₁ or β₂ is not in [0, 1), ε is not positive, η or λ is negative or not finite.
        OperandError: one of them is no number, or there is no option of such a name.

    >>> from scalargrad import Value
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
        self.betas = checked_betas(betas)
        self.epsilon = option("epsilon", epsilon, "greater than 0", lambda x: x > 0)
        self.weight_decay = option("weight_decay", weight_decay)

    def update(self, p: Number, gradient: Number, rate: float, *memory: Number) -> Sequence[Number]:
        """Return the moved parameter, and the running means of its gradient and of its square."""
        return self._adapted(p, gradient + self.weight_decay * p, rate, *memory)

    def _adapted(
        self, p: Number, gradient: Number, rate: float, mean: Number, square: Number
    ) -> Sequence[Number]:
        """Move a parameter by a gradient, as long as the running means of all so far."""
        (beta1, beta2), t = self.betas, self.steps + 1
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * gradient * gradient
        size = (square / (1 - beta2**t)) ** 0.5 + self.epsilon
        return p - rate * (mean / (1 - beta1**t)) / size, mean, square


class AdamW(Adam):
    """Adam with decoupled weight decay: parameters shrink by themselves, not by their gradients.

    With the gradient g, decay rates β₁ and β₂ and weight decay λ, after t steps:

        m ← β₁ m + (1 - β₁) g             p ← (1 - η λ) p - η m̂ / (√v̂ + ε)
        v ← β₂ v + (1 - β₂) g²            m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)

    `Adam` adds λ p to the gradient, and its steps adapt to the size of that, too: a parameter with
    large gradients decays less there. Here all decay alike. Without decay the two are the same.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, 2019, algorithm 2.

    Raises:
        DomainError: β₁ or β₂ is not in [0, 1), ε is not positive, η or λ is negative or not finite.
        OperandError: one of them is no number, or there is no option of such a name.

    >>> from scalargrad import Value
    >>> w = Value(1.0)
    >>> w.grad = 0.5
    >>> AdamW([w], learning_rate=0.1, weight_decay=0.5).step()
    >>> round(w.data, 6)                       # 1 - 0.1 · 0.5 · 1 - 0.1
    0.85
    """

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: LearningRate = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, learning_rate, betas, epsilon, weight_decay)

    def update(self, p: Number, gradient: Number, rate: float, *memory: Number) -> Sequence[Number]:
        """Return the moved parameter, and the running means of its gradient and of its square."""
        return self._adapted(p - rate * self.weight_decay * p, gradient, rate, *memory)
