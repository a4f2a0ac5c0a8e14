"""The GPT in PyTorch, eager, on one thread, with the functions that it has for it."""

# ruff: noqa: N803, N806  (weights are called W, as in the formulas)

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from ..gpt_work import EPSILON, Names
from . import Prepared

torch.set_num_threads(1)


def prepare(work: Names) -> Prepared:
    """Return the ordinary loop: forward, backward, and the update without gradients."""
    W = {
        name: torch.tensor(table, requires_grad=True)
        for name, table in work.tables(work.parameters).items()
    }
    tokens = torch.tensor(work.samples)

    def step() -> float:
        for table in W.values():
            table.grad = None
        value = loss(work, W, tokens)
        value.backward()
        with torch.no_grad():
            for table in W.values():
                table -= work.rate * table.grad
        return value.item()

    return Prepared(step, lambda: np.concatenate([t.grad.numpy().ravel() for t in W.values()]))


def norm(x: torch.Tensor) -> torch.Tensor:
    return F.rms_norm(x, x.shape[-1:], eps=EPSILON)


def loss(work: Names, W: dict[str, torch.Tensor], tokens: torch.Tensor) -> torch.Tensor:
    """Return the mean loss of names."""

    def heads(x: torch.Tensor) -> torch.Tensor:
        return x.view(work.count, work.places, work.heads, -1).transpose(1, 2)

    x = norm(F.embedding(tokens[:, :-1], W["letters"]) + W["places"][: work.places])
    for layer in range(work.layers):
        y = norm(x)
        q, k, v = (heads(F.linear(y, W[f"{name}{layer}"])) for name in ("query", "key", "value"))
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + F.linear(o.transpose(1, 2).reshape(x.shape), W[f"mix{layer}"])
        x = x + F.linear(F.relu(F.linear(norm(x), W[f"up{layer}"])), W[f"down{layer}"])
    return F.cross_entropy(F.linear(x, W["head"]).flatten(0, 1), tokens[:, 1:].flatten())
