"""A GPT in the way of microgpt, for any Value: each name is a document whose tokens Python knows.

It does what Karpathy's microgpt does (https://karpathy.ai/microgpt.html), in code of our own: the
softmax is shifted by the greatest number, and keys and values of the places before are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .gpt_work import EPSILON, Names

__all__ = ["loss", "tables"]

Scalar = Any
Row = list[Scalar]
Table = list[Row]


def tables(work: Names, parameters: Sequence[Scalar]) -> dict[str, Table]:
    """Return flat parameters as tables, by name."""
    numbers = iter(parameters)
    return {
        name: [[next(numbers) for _ in range(columns)] for _ in range(rows)]
        for name, (rows, columns) in work.shapes
    }


def linear(x: Row, table: Table) -> Row:
    return [sum(w * v for w, v in zip(row, x, strict=True)) for row in table]


def softmax(logits: Row) -> Row:
    greatest = max(z.data for z in logits)
    exponentials = [(z - greatest).exp() for z in logits]
    total = sum(exponentials)
    return [e / total for e in exponentials]


def rms_norm(x: Row) -> Row:
    scale = (sum(v * v for v in x) / len(x) + EPSILON) ** -0.5
    return [v * scale for v in x]


def next_logits(
    work: Names, weights: Mapping[str, Table], token: int, place: int, seen: list[list[Any]]
) -> Row:
    """Return the scores of all tokens after this one; what it is looked at by is added to seen."""
    x = [a + b for a, b in zip(weights["letters"][token], weights["places"][place], strict=True)]
    x = rms_norm(x)
    size = work.width // work.heads
    for layer in range(work.layers):
        normed = rms_norm(x)
        query = linear(normed, weights[f"query{layer}"])
        seen[layer].append([linear(normed, weights[f"{name}{layer}"]) for name in ("key", "value")])
        found: Row = []
        for head in range(work.heads):
            part = slice(head * size, (head + 1) * size)
            scores = [
                sum(q * k for q, k in zip(query[part], key[part], strict=True)) / size**0.5
                for key, _ in seen[layer]
            ]
            shares = softmax(scores)
            columns = zip(*(value[part] for _, value in seen[layer]), strict=True)
            found += [sum(s * v for s, v in zip(shares, column, strict=True)) for column in columns]
        x = [a + b for a, b in zip(x, linear(found, weights[f"mix{layer}"]), strict=True)]
        inner = [z.relu() for z in linear(rms_norm(x), weights[f"up{layer}"])]
        x = [a + b for a, b in zip(x, linear(inner, weights[f"down{layer}"]), strict=True)]
    return linear(x, weights["head"])


def loss(work: Names, weights: Mapping[str, Table], tokens: Sequence[int]) -> Scalar:
    """Return the mean of -log p over the places of a name."""
    seen: list[list[Any]] = [[] for _ in range(work.layers)]
    losses = []
    for place in range(len(tokens) - 1):
        chances = softmax(next_logits(work, weights, tokens[place], place, seen))
        losses.append(-chances[tokens[place + 1]].log())
    return sum(losses) / len(losses)
