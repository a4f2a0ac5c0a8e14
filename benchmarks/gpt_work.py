"""The work of the GPT suite: a step of a character GPT on names of one length.

The network is that of microgpt: rows of letters and of places, RMS norm, causal attention by
several heads, two linear maps with a ReLU between them, a score for each letter. No biases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .works import RATE, Array, Work

__all__ = ["EPSILON", "Names"]

EPSILON = 1e-5  # of the norms

Shape = tuple[int, int]


@dataclass(frozen=True)
class Names(Work):
    """A training step on names; each is a row of tokens, of which the first and the last are 0.

    Args:
        places: at so many of them a next letter is guessed.
        tokens, layers, heads, width: sizes of the network.
        longest: for so many places there are rows.
    """

    rate: ClassVar[float] = RATE

    count: int = 1
    places: int = 9
    tokens: int = 27
    layers: int = 1
    heads: int = 4
    width: int = 16
    longest: int = 16

    def tiny(self) -> Names:
        return replace(self, count=min(2, self.count), places=2, tokens=3, heads=2, width=4)

    @cached_property
    def samples(self) -> Array:
        letters = np.random.default_rng(0).integers(1, self.tokens, (self.count, self.places - 1))
        return np.pad(letters, ((0, 0), (1, 1)))

    @property
    def shapes(self) -> Iterator[tuple[str, Shape]]:
        """The tables of the network, by name, in order."""
        n, wide = self.width, 4 * self.width
        yield "letters", (self.tokens, n)
        yield "places", (self.longest, n)
        for layer in range(self.layers):
            for name in ("query", "key", "value", "mix"):
                yield f"{name}{layer}", (n, n)
            yield f"up{layer}", (wide, n)
            yield f"down{layer}", (n, wide)
        yield "head", (self.tokens, n)

    @cached_property
    def parameters(self) -> Array:
        count = sum(rows * columns for _, (rows, columns) in self.shapes)
        return np.random.default_rng(1).normal(scale=0.2, size=count)

    def tables(self, parameters: Any) -> dict[str, Any]:
        """Return views of flat parameters, by name."""
        found, start = {}, 0
        for name, (rows, columns) in self.shapes:
            end = start + rows * columns
            found[name] = parameters[start:end].reshape(rows, columns)
            start = end
        return found
