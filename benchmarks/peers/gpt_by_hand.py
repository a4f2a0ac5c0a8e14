"""The GPT in NumPy, forward and backward written by hand, all names and places at once."""

# ruff: noqa: N806  (weights are called W, as in the formulas)

from __future__ import annotations

import numpy as np

from ..gpt_work import EPSILON, Names
from ..works import Array
from . import Prepared
from .descent import of_array


def prepare(work: Names) -> Prepared:
    """Return a step; its parameters and its gradient are flat, and the tables views of them."""
    parameters, gradient = work.parameters.copy(), np.empty_like(work.parameters)
    network = Network(work, work.tables(parameters), work.tables(gradient))
    return of_array(work, parameters, lambda: (network.step(), gradient))


class Network:
    """The network: tables of weights, and those that their gradients are written into."""

    def __init__(self, work: Names, weights: dict[str, Array], slopes: dict[str, Array]) -> None:
        self.work, self.W, self.dW = work, weights, slopes
        places = work.places
        self.later = np.where(np.triu(np.ones((places, places)), 1) == 1, -np.inf, 0.0)
        one_hot = np.eye(work.tokens)[work.samples]
        self.tokens = one_hot[:, :-1].reshape(-1, work.tokens)
        self.targets = one_hot[:, 1:].reshape(-1, work.tokens)

    def step(self) -> float:
        """Return the loss, and leave its gradient in the tables."""
        work, W, dW = self.work, self.W, self.dW
        rows = work.count * work.places
        found = self.tokens @ W["letters"] + np.tile(W["places"][: work.places], (work.count, 1))
        x, scale = norm(found)
        first = x, scale
        kept = []
        for layer in range(work.layers):
            x, parts = self.block(layer, x)
            kept.append(parts)
        logits = x @ W["head"].T
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        totals = shares.sum(axis=1, keepdims=True)
        loss = (np.log(totals).sum() - (self.targets * logits).sum()) / rows

        d = (shares / totals - self.targets) / rows
        dW["head"][:] = d.T @ x
        d = d @ W["head"]
        for layer in reversed(range(work.layers)):
            d = self.block_back(layer, d, *kept[layer])
        d = norm_back(d, *first)
        dW["letters"][:] = self.tokens.T @ d
        dW["places"][work.places :] = 0.0
        dW["places"][: work.places] = d.reshape(work.count, work.places, -1).sum(axis=0)
        return float(loss)

    def block(self, layer: int, x: Array) -> tuple[Array, tuple[Array, ...]]:
        """Return what leaves a layer, and what its way back needs."""
        W = self.W
        y, scale = norm(x)
        q, k, v = (self.heads(y @ W[f"{name}{layer}"].T) for name in ("query", "key", "value"))
        scores = q @ k.transpose(0, 1, 3, 2) * q.shape[-1] ** -0.5 + self.later
        a = np.exp(scores - scores.max(axis=-1, keepdims=True))
        a /= a.sum(axis=-1, keepdims=True)
        o = self.rows(a @ v)
        x = x + o @ W[f"mix{layer}"].T
        z, scale2 = norm(x)
        u = np.maximum(z @ W[f"up{layer}"].T, 0.0)
        return x + u @ W[f"down{layer}"].T, (y, scale, q, k, v, a, o, z, scale2, u)

    def block_back(self, layer: int, d: Array, *parts: Array) -> Array:
        """Return the gradient by what enters a layer, given that by what leaves it."""
        y, scale, q, k, v, a, o, z, scale2, u = parts
        W, dW = self.W, self.dW
        dW[f"down{layer}"][:] = d.T @ u
        du = (d @ W[f"down{layer}"]) * (u > 0)
        dW[f"up{layer}"][:] = du.T @ z
        d = d + norm_back(du @ W[f"up{layer}"], z, scale2)
        dW[f"mix{layer}"][:] = d.T @ o
        do = self.heads(d @ W[f"mix{layer}"])
        da = do @ v.transpose(0, 1, 3, 2)
        ds = a * (da - (da * a).sum(axis=-1, keepdims=True)) * q.shape[-1] ** -0.5
        slopes = {
            "query": ds @ k,
            "key": ds.transpose(0, 1, 3, 2) @ q,
            "value": a.transpose(0, 1, 3, 2) @ do,
        }
        dy = np.zeros_like(y)
        for name, slope in slopes.items():
            flat = self.rows(slope)
            dW[f"{name}{layer}"][:] = flat.T @ y
            dy += flat @ W[f"{name}{layer}"]
        return d + norm_back(dy, y, scale)

    def heads(self, x: Array) -> Array:
        """Return rows as (names, heads, places, numbers of a head)."""
        work = self.work
        return x.reshape(work.count, work.places, work.heads, -1).transpose(0, 2, 1, 3)

    def rows(self, x: Array) -> Array:
        """Return what heads have found as rows."""
        return x.transpose(0, 2, 1, 3).reshape(self.work.count * self.work.places, -1)


def norm(x: Array) -> tuple[Array, Array]:
    """Return rows divided by the root of their mean square, and one over that."""
    scale = ((x * x).mean(axis=1, keepdims=True) + EPSILON) ** -0.5
    return x * scale, scale


def norm_back(d: Array, y: Array, scale: Array) -> Array:
    """Return the gradient by the rows that were normed to y."""
    return (d - y * (d * y).mean(axis=1, keepdims=True)) * scale
