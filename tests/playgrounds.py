"""Playgrounds for the tests: models with their losses and data, and what is asked of a page."""

from __future__ import annotations

import numpy as np

from scalargrad import MLP, SGD, Adam, AdamW, Neuron, Value
from scalargrad import functional as F
from scalargrad.nn import Module

RNG = np.random.default_rng(0)
PLANE = RNG.normal(size=(30, 2))
SIGNS = np.where(PLANE[:, 0] * PLANE[:, 1] > 0, 1.0, -1.0)
FOUR = RNG.normal(size=(40, 4))
THREE = np.argmax(FOUR[:, :3], axis=1)
LINE = np.linspace(-1, 1, 20)[:, None]


def moons(sizes=(4, 3, 1), **options) -> tuple:
    return MLP(2, list(sizes), seed=1, **options), F.hinge, (PLANE, SIGNS)


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def value(page, what: str) -> float:
    return float(page.locator(f"#{what}").get_attribute("data-value"))


def losses(page, count: int) -> list[float]:
    """Return the loss now, and after each of some steps."""
    script = """(count) => Array.from({ length: count }, () => {
      const loss = Number($("loss").dataset.value);
      steps(1);
      return loss;
    })"""
    return page.evaluate(script, count)


def apart(found, expected) -> float:
    found, expected = np.array(found), np.array(expected)
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1e-300)))


class Recurrent(Module):
    """One neuron for all steps of a sequence: weights that are shared."""

    def __init__(self) -> None:
        self.cell, self.scale = Neuron(2, seed=3), Value(0.5)

    def __call__(self, x):
        state = x[0]
        for v in x[1:]:
            state = self.cell([state, v])
        return state * self.scale.exp()


class Attentive(Module):
    """Log-sum-exps, divisions and maxima of what is learned."""

    def __init__(self) -> None:
        self.w = [Value(v) for v in (0.3, -0.2, 0.5, 0.1)]

    def __call__(self, x):
        scores = F.softmax([w * v for w, v in zip(self.w, x, strict=True)])
        return F.dot(scores, x) + F.logsumexp(self.w) + x[0].max(self.w[1])


def decayed(model):
    """Return a loss with a term that depends on no sample."""

    def loss(outputs, targets):
        return F.hinge(outputs, targets) + 1e-2 * F.sum(p * p for p in model.parameters())

    return loss


def with_decay():
    model, _, data = moons()
    return model, decayed(model), data


CASES = {
    "relu": lambda: moons((16, 16, 1), activation="relu", init="he"),
    "classes": lambda: (MLP(4, [5, 3], seed=1), F.cross_entropy, (FOUR, THREE)),
    "line": lambda: (MLP(1, [6, 1], "gelu", seed=1), F.mse, (LINE, LINE[:, 0] ** 2)),
    "probability": lambda: (
        MLP(2, [3, 1], output="sigmoid", seed=1), F.binary_cross_entropy, (PLANE, SIGNS > 0)
    ),
    "decay": with_decay,
    "recurrent": lambda: (Recurrent(), F.mse, (FOUR, FOUR.sum(axis=1))),
    "attentive": lambda: (Attentive(), F.mse, (FOUR, FOUR.max(axis=1))),
    "two outputs": lambda: (MLP(4, [3, 2], seed=1), F.mae, (FOUR, FOUR[:, :2] ** 2)),
}  # fmt: skip

OPTIMISERS = {
    "sgd": lambda p: SGD(p, 0.05),
    "momentum": lambda p: SGD(p, 0.05, 0.9),
    "adam": lambda p: Adam(p, 0.05),
    "adamw": lambda p: AdamW(p, 0.05),
}
