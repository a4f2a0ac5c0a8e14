"""Names, letter by letter: where they come from, their alphabet, and a bigram model of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple
from zoneinfo import available_timezones

__all__ = ["Alphabet", "NamesError", "Split", "bigram_loss", "cities", "read", "split"]

#: Where time zones are named after cities, and not after countries or offsets.
AREAS = {
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe",
    "Indian", "Pacific",
}  # fmt: skip

#: So often each pair of letters is taken to have been seen once more: a bigram model may choose.
SMOOTHINGS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


LONGEST = 64  # letters: the program of a name grows with the square of its length


class NamesError(ValueError):
    """Names that are not there, or cannot be learned."""


def cities() -> list[str]:
    """Return the cities after which time zones are named: "buenos aires", "port-au-prince".

    They are the system's, or those of the package tzdata; another version has a few others.
    """
    zones = [zone for zone in available_timezones() if zone.partition("/")[0] in AREAS]
    names = {zone.rpartition("/")[2].replace("_", " ").lower() for zone in zones}
    if not names:
        raise NamesError("this machine has no time zones to take cities from: pip install tzdata")
    return sorted(names)


def read(path: Path) -> list[str]:
    """Return the lines of a file, each once, without empty ones, in small letters.

    Raises:
        NamesError: it cannot be read, or holds fewer than two names, or one that is too long.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise NamesError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NamesError(f"{path} is no text in UTF-8, with a name on each line") from None
    names = sorted({line.strip().lower() for line in lines} - {""})
    if len(names) < 2:
        raise NamesError(f"{path} needs two names at least, one on each line, got {len(names)}")
    longest = max(names, key=len)
    if len(longest) > LONGEST:
        raise NamesError(
            f"{path} needs names of at most {LONGEST} letters, got one of {len(longest)}: "
            f"{longest[:20]}..."
        )
    return names


class Split(NamedTuple):
    """Names to train on, and others to see what was learned."""

    training: list[str]
    held_out: list[str]


def split(names: Sequence[str], seed: int) -> Split:
    """Hold a tenth of the names out, at least one, in random order."""
    shuffled = Random(seed).sample(names, len(names))
    count = max(1, len(names) // 10)
    return Split(shuffled[count:], shuffled[:count])


class Alphabet:
    """The letters of some names as numbers from 1; 0 is where a name begins and ends.

    >>> Alphabet(["anna", "bob"]).tokens("nab")
    [0, 3, 1, 2, 0]
    """

    EDGE = 0

    def __init__(self, names: Sequence[str]) -> None:
        self.letters = sorted({letter for name in names for letter in name})
        self._numbers = {letter: i for i, letter in enumerate(self.letters, 1)}

    def __len__(self) -> int:
        """The number of tokens: one for each letter, and that of the edge."""
        return len(self.letters) + 1

    def tokens(self, name: str) -> list[int]:
        """Return a name as tokens, between its edges."""
        return [self.EDGE, *(self._numbers[letter] for letter in name), self.EDGE]


def bigram_loss(names: Split, alphabet: Alphabet) -> float:
    """Return how surprised a bigram model is by the held-out names, in nats a letter.

    It knows how often each letter follows each other one in training, and is smoothed as suits the
    held-out names best, so that it is not beaten for a bad choice.
    """
    known, asked = (
        [pair for name in part for pair in pairwise(alphabet.tokens(name))] for part in names
    )
    pairs, firsts = Counter(known), Counter(first for first, _ in known)

    def loss(extra: float) -> float:
        chances = [
            (pairs[pair] + extra) / (firsts[pair[0]] + extra * len(alphabet)) for pair in asked
        ]
        return -math.fsum(map(math.log, chances)) / len(chances)

    return min(map(loss, SMOOTHINGS))
