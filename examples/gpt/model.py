"""A GPT of Values: what microgpt does, in as many lines, with the functions of this library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

from scalargrad import Module, Value
from scalargrad import functional as F

__all__ = ["GPT", "Block", "Head", "Row", "Token"]

Row = list[Value]
Matrix = list[Row]
#: The number of a letter; or a scalar for each letter, of which one is 1.
Token = int | Sequence[Value]
#: The queries, keys and values of a head.
Head = tuple[list[Row], list[Row], list[Row]]

SPREAD = 0.08  # of the weights at the start


def matrix(rows: int, columns: int, draw: Random) -> Matrix:
    """Return random weights."""
    return [[Value(draw.gauss(0.0, SPREAD)) for _ in range(columns)] for _ in range(rows)]


def times(weights: Matrix, x: Row) -> Row:
    """Return a matrix times a vector."""
    return [F.dot(row, x) for row in weights]


def plus(x: Row, y: Row) -> Row:
    """Return the sum of two vectors."""
    return [a + b for a, b in zip(x, y, strict=True)]


class Block(Module):
    """A layer: every place looks back at the others, then thinks for itself."""

    def __init__(self, width: int, heads: int, draw: Random) -> None:
        self.heads = heads
        self.query, self.key, self.value, self.mix = (matrix(width, width, draw) for _ in range(4))
        self.up, self.down = matrix(4 * width, width, draw), matrix(width, 4 * width, draw)

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Return a row for each place, given a row for each."""
        seen = [F.attention(*head, causal=True) for head in self.split(rows)]
        mixed = [times(self.mix, [x for head in seen for x in head[i]]) for i in range(len(rows))]
        rows = [plus(row, more) for row, more in zip(rows, mixed, strict=True)]
        inner = [[z.relu() for z in times(self.up, F.rms_norm(row))] for row in rows]
        return [plus(row, times(self.down, z)) for row, z in zip(rows, inner, strict=True)]

    def split(self, rows: list[Row]) -> list[Head]:
        """Return what each head attends with: its part of all queries, keys and values."""
        normed = [F.rms_norm(row) for row in rows]
        tables = [[times(w, row) for row in normed] for w in (self.query, self.key, self.value)]
        size = len(rows[0]) // self.heads
        parts = [slice(i * size, (i + 1) * size) for i in range(self.heads)]
        return [tuple([row[part] for row in table] for table in tables) for part in parts]  # type: ignore[misc]


class GPT(Module):
    """A transformer that says of each letter of a name which one may follow.

    Args:
        tokens: how many there are.
        places: how many letters it may look at, with the one at the edge.
        layers, heads, width: its size; each head has an equal part of the width.
        seed: of the weights.
    """

    def __init__(
        self, tokens: int, places: int, *, layers: int, heads: int, width: int, seed: int
    ) -> None:
        draw = Random(seed)
        self.letters = matrix(tokens, width, draw)
        self.places = matrix(places, width, draw)
        self.blocks = [Block(width, heads, draw) for _ in range(layers)]
        self.head = matrix(tokens, width, draw)

    def rows(self, tokens: Iterable[Token]) -> list[list[Row]]:
        """Return the rows that enter each block, and after them those that leave the last one."""
        places = zip(tokens, self.places, strict=False)
        rows = [F.rms_norm(plus(F.embedding(token, self.letters), at)) for token, at in places]
        found = [rows]
        for block in self.blocks:
            found.append(block(found[-1]))
        return found

    def logits(self, tokens: Iterable[Token]) -> list[Row]:
        """Return for each place a score of every token that may come next."""
        return [times(self.head, row) for row in self.rows(tokens)[-1]]

    def loss(self, tokens: Sequence[Token]) -> Value:
        """Return how surprised it is by a name between its edges, in nats a letter."""
        guesses = zip(self.logits(tokens[:-1]), tokens[1:], strict=True)
        return F.mean([F.cross_entropy(logits, target) for logits, target in guesses])
