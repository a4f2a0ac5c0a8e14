"""Two ways to train the same GPT on the same batches: compiled, and scalar by scalar."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import islice
from random import Random
from time import perf_counter
from typing import Any

import numpy as np

from scalargrad import AdamW, Value, compile
from scalargrad.compiler import Program
from scalargrad.optim import linear_decay
from scalargrad.progress import Bar
from scalargrad.train.interrupts import Interrupts

from .model import GPT
from .names import Alphabet, Split

__all__ = ["Plan", "Programs", "Run", "batches", "invent", "train"]

Array = np.ndarray[Any, np.dtype[np.float64]]

BETAS = (0.9, 0.99)
LOOKS = 20  # at the held-out names, in a training
#: As machine code, the tape is the faster one here, also on batches, and sooner ready.
MACHINE = "tape" if find_spec("numba") else "auto"


@dataclass(frozen=True)
class Plan:
    """What a training is to do: so many steps on batches, by AdamW with a rate that falls to 0."""

    steps: int
    batch: int
    rate: float
    decay: float
    seed: int


@dataclass
class Run:
    """How a training went."""

    losses: list[float] = field(default_factory=list)  # of each batch, before its step
    held_out: dict[int, float] = field(default_factory=dict)  # by the number of steps taken
    seconds: float = 0.0  # of the steps alone


class Programs:
    """The losses of a GPT compiled, one for the names of each length, all of the same parameters.

    What Python decides while a loss is traced is decided for good, such as which letter is where.
    So the letters are inputs, one-hot: a number for each token, 1 for the letter and else 0.
    """

    def __init__(self, model: GPT, alphabet: Alphabet) -> None:
        self.model, self.alphabet = model, alphabet
        self.values = model.parameters()
        self.parameters: Array = np.array([p.data for p in self.values])
        self._made: dict[int, Program] = {}

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, length: int) -> Program:
        """Return the loss of a name of so many letters; it is made when it is first asked for."""
        if length not in self._made:
            letters, leaves = self.letters(length)
            self._made[length] = compile(
                lambda _: self.model.loss([Alphabet.EDGE, *letters, Alphabet.EDGE]),
                leaves, self.values, machine=MACHINE,
            )  # fmt: skip
        return self._made[length]

    def letters(self, length: int) -> tuple[list[list[Value]], list[Value]]:
        """Return letters to be fed, and their numbers in one list."""
        letters = [[Value(0.0) for _ in range(len(self.alphabet))] for _ in range(length)]
        return letters, [number for letter in letters for number in letter]

    def fed(self, names: Sequence[str]) -> Array:
        """Return what names of one length are fed as, a row for each."""
        tokens = [self.alphabet.tokens(name)[1:-1] for name in names]
        return np.eye(len(self.alphabet))[tokens].reshape(len(names), -1)

    def value_and_grad(self, names: Sequence[str]) -> tuple[float, Array]:
        """Return the mean loss of names of one length, and its gradient."""
        program = self[len(names[0])]
        return program.value_and_grad(self.fed(names), parameters=self.parameters)

    def loss(self, names: Sequence[str]) -> float:
        """Return the loss of names of any lengths, in nats a letter."""
        total = letters = 0.0
        for length, alike in by_length(names).items():
            losses = self[length](self.fed(alike), parameters=self.parameters)
            total += (length + 1) * float(losses.sum())
            letters += (length + 1) * len(alike)
        return total / letters

    def pull(self) -> None:
        """Fetch the parameters from their Values."""
        self.parameters[:] = [p.data for p in self.values]

    def push(self) -> None:
        """Hand the parameters to their Values."""
        for p, number in zip(self.values, self.parameters.tolist(), strict=True):
            p.data = number


def by_length(names: Sequence[str]) -> dict[int, list[str]]:
    """Return names in groups, by the number of their letters."""
    groups: dict[int, list[str]] = {}
    for name in names:
        groups.setdefault(len(name), []).append(name)
    return groups


def batches(names: Sequence[str], size: int, seed: int) -> Iterator[list[str]]:
    """Yield names of one length again and again: as many as of a name drawn, or what there is."""
    draw, groups = Random(seed), by_length(names)
    while True:
        alike = groups[len(draw.choice(names))]
        yield draw.sample(alike, min(size, len(alike)))


def train(programs: Programs, names: Split, plan: Plan, *, eager: bool = False) -> Run:
    """Train a GPT, and look at the held-out names on the way; Ctrl-C ends it after a step.

    Args:
        programs: of the GPT. If eager, they only tell the loss of the held-out names.
        names: to train on, and held out.
        plan: what to do.
        eager: build the graph of each batch, scalar by scalar.
    """
    run, model, alphabet = Run(), programs.model, programs.alphabet
    optimizer = AdamW(
        programs.values if eager else programs.parameters,
        linear_decay(plan.rate, 0.0, plan.steps),
        BETAS,
        weight_decay=plan.decay,
    )

    def compiled_step(batch: Sequence[str]) -> float:
        loss, gradient = programs.value_and_grad(batch)
        optimizer.step(gradient)
        return float(loss)

    def eager_step(batch: Sequence[str]) -> float:
        optimizer.zero_grad()
        total = 0.0
        for name in batch:  # gradients add up, so that one graph at a time is enough
            loss = model.loss(alphabet.tokens(name)) / len(batch)
            loss.backward()
            total += loss.data
        optimizer.step()
        return total

    def look(done: int) -> None:
        if eager:
            programs.pull()
        run.held_out[done] = programs.loss(names.held_out)

    step = eager_step if eager else compiled_step
    looks = {plan.steps * number // LOOKS for number in range(1, LOOKS + 1)}
    look(0)
    drawn = batches(names.training, plan.batch, plan.seed)
    with Interrupts().noticed() as interrupts, Bar(total=plan.steps, desc="steps") as bar:
        for done, batch in enumerate(islice(drawn, plan.steps), 1):
            started = perf_counter()
            run.losses.append(step(batch))
            run.seconds += perf_counter() - started
            bar.update()
            if done in looks or interrupts.waits:
                look(done)
                recent = run.losses[-max(1, plan.steps // LOOKS) :]
                bar.set_postfix_str(
                    f"loss {math.fsum(recent) / len(recent):.3f}, held out {run.held_out[done]:.3f}"
                )
            if interrupts.waits:
                break
    programs.push()
    return run


def invent(programs: Programs, count: int, longest: int, seed: int) -> list[str]:
    """Let the GPT continue the edge of a name, letter by letter, until it says that it ends.

    One program gives what it says at all places. It looks back alone, so what is not written yet
    makes no difference.
    """
    draw, tokens = Random(seed), len(programs.alphabet)
    letters, leaves = programs.letters(longest)
    logits = programs.model.logits([Alphabet.EDGE, *letters])
    program = compile(
        [score for place in logits for score in place], leaves, programs.values, machine=MACHINE
    )
    written, names = np.zeros((count, longest, tokens)), [""] * count
    going = set(range(count))
    for place in range(longest):
        said = program(written.reshape(count, -1), parameters=programs.parameters)
        scores = said.reshape(count, longest + 1, tokens)[:, place]
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        if not place:
            chances[:, Alphabet.EDGE] = 0.0  # a name has a letter
        for i in sorted(going):
            (token,) = draw.choices(range(tokens), chances[i])
            if token == Alphabet.EDGE:
                going.remove(i)
            else:
                written[i, place, token] = 1.0
                names[i] += programs.alphabet.letters[token - 1]
    return names
