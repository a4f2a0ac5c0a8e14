"""PyTorch, eager, on one thread: array code; else a tensor for each scalar, of all samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ..works import DECAY, Array, Functions, Moons, Network, Work, flat
from . import Prepared
from .array_works import array_loss

torch.set_num_threads(1)

FUNCTIONS = Functions(torch.tanh, torch.relu, torch.exp, torch.log, torch.sin, torch.cos)

Loss = Callable[[], torch.Tensor]


def prepare(work: Work) -> Prepared:
    """Return the ordinary loop: forward, backward, and the update without gradients."""
    parameters, loss = network(work) if isinstance(work, Network) else scalars(work)

    def step() -> float:
        for p in parameters:
            p.grad = None
        value = loss()
        value.backward()
        if work.rate:
            with torch.no_grad():
                for p in parameters:
                    p -= work.rate * p.grad
        return value.item()

    def gradient() -> Array:
        parts = [p.grad.numpy() for p in parameters]
        if isinstance(work, Network):
            return flat(zip(parts[::2], parts[1::2], strict=True))
        return np.concatenate([part.reshape(-1) for part in parts])

    return Prepared(step, gradient)


def network(work: Network) -> tuple[list[torch.Tensor], Loss]:
    """Return weights and biases in turn, and the loss."""
    x, target = (torch.tensor(part) for part in np.split(work.samples, [work.sizes[0]], axis=1))
    labels = target.argmax(1)
    parameters = [
        torch.tensor(part, requires_grad=True)
        for layer in work.layers(work.parameters)
        for part in layer
    ]
    activation = getattr(FUNCTIONS, work.activation)

    def outputs() -> torch.Tensor:
        h = x
        for i in range(0, len(parameters), 2):
            h = torch.nn.functional.linear(activation(h) if i else h, *parameters[i : i + 2])
        return h

    def max_margin() -> torch.Tensor:
        penalty = sum(p.square().sum() for p in parameters)
        return (1 - target * outputs()).relu().mean() + DECAY * penalty

    def cross_entropy() -> torch.Tensor:
        return torch.nn.functional.cross_entropy(outputs(), labels)

    return parameters, max_margin if isinstance(work, Moons) else cross_entropy


def scalars(work: Work) -> tuple[list[torch.Tensor], Loss]:
    """Return the parameters, and the loss."""
    loss = array_loss(torch, work)
    samples, p = torch.tensor(work.samples), torch.tensor(work.parameters, requires_grad=True)
    if loss is not None and work.count == 1:
        return [p], lambda: loss(samples[0], p)
    if loss is not None:
        return [p], lambda: torch.vmap(loss, (0, None))(samples, p).mean()
    parameters = [torch.tensor(number, requires_grad=True) for number in work.parameters]
    columns = list(samples.T)
    return parameters, lambda: work.loss(FUNCTIONS, columns, parameters).mean()
