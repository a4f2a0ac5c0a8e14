"""Measuring: each measurement in a process of its own, several rounds of all of them in turn.

In one process, one engine's cyclic garbage is collected on another's clock. In turn, because a
shared machine is faster at one minute than at the next.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import Any, TypeVar

from tqdm import tqdm

Case = TypeVar("Case", bound=tuple[Any, ...])
Answer = TypeVar("Answer")


def alone(function: Callable[..., Answer], *arguments: Any) -> Answer:
    """Call a module's function in a fresh Python process and return its answer."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as process:
        return process.submit(function, *arguments).result()


def in_turn(
    measure: Callable[..., Answer], cases: Sequence[Case], rounds: int
) -> dict[Case, list[Answer]]:
    """Measure every case once a round, each time alone; return the answers of all rounds.

    Args:
        measure: a module's function, called with a case as its arguments.
        cases: the arguments of each measurement.
        rounds: how often to go through the cases.
    """
    answers: dict[Case, list[Answer]] = {case: [] for case in cases}
    turns = list(product(range(rounds), cases))
    for _, case in tqdm(turns, desc=measure.__module__, leave=False, disable=None):
        answers[case].append(alone(measure, *case))
    return answers
