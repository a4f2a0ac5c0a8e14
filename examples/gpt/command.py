"""Let a GPT made of scalars invent names: train it on cities, or on the lines of a file.

Compiled, a batch of names of one length is one call of a program; with --eager the same steps build
the graph of every name, scalar by scalar, and give the same losses.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from scalargrad.progress import Bar

from ..common import count, digits_that_count, option, parser, positive, report, table
from . import pictures
from .model import GPT
from .names import Alphabet, NamesError, Split, bigram_loss, cities, read, split
from .training import Plan, Programs, Run, by_length, invent, train

INVENTED = 20
SHOWN = 10  # letters of a name whose attention is drawn, at most
DEFAULT = ", default: %(default)s"


class Result(NamedTuple):
    """What the example leaves behind."""

    model: GPT
    run: Run
    bigram: float  # the loss of a bigram model on the held-out names
    invented: list[str]


def main(arguments: list[str] | None = None) -> Result:
    """Run the example."""
    started = perf_counter()
    args, names = asked(arguments)
    everything = [*names.training, *names.held_out]
    alphabet, longest = Alphabet(everything), max(map(len, everything))
    model = GPT(
        len(alphabet), longest + 1,
        layers=args.layers, heads=args.heads, width=args.width, seed=args.seed,
    )  # fmt: skip
    programs, bigram = Programs(model, alphabet), bigram_loss(names, alphabet)
    print(
        f"{len(names.training):,} names to train on, {len(names.held_out):,} held out: "
        f"{len(alphabet.letters)} letters, at most {longest} in a name\n"
        f"{len(programs.parameters):,} parameters: {args.layers} × {args.heads} heads, "
        f"{args.width} wide"
    )
    lengths = sorted(by_length(names.held_out if args.eager else everything))
    for length in Bar(lengths, desc="compile"):
        _ = programs[length]
    print(f"{len(programs)} programs, one for each length, after {perf_counter() - started:.1f} s")

    plan = Plan(args.steps, args.batch, args.rate, args.decay, args.seed)
    run = train(programs, names, plan, eager=args.eager)
    way = "scalar by scalar" if args.eager else "compiled"
    print(
        f"{len(run.losses):,} steps, {way}: {run.seconds:.1f} s, "
        f"{digits_that_count(1e3 * run.seconds / len(run.losses))} ms a step\n"
    )
    print(table(["nats a letter", "held out"], verdict(run, bigram, alphabet)))
    invented = invent(programs, INVENTED, longest, args.seed)
    print(f"\n{INVENTED} names that it invents; * is one that it was trained on:")
    print("  " + ", ".join(name + "*" * (name in names.training) for name in invented))
    report(draw(model, run, bigram, alphabet, names, args.out))
    print(f"{perf_counter() - started:.1f} s in all")
    return Result(model, run, bigram, invented)


def asked(arguments: list[str] | None) -> tuple[argparse.Namespace, Split]:
    """Return the options, and the names that they ask for."""
    options = parser(__doc__.partition("\n")[0])
    for name, default, about in (
        ("layers", 1, "of the transformer"),
        ("heads", 4, "in each layer"),
        ("width", 16, "of each layer"),
        ("steps", 1000, "of the training"),
        ("batch", 32, "names of one length in a step, at most"),
    ):
        options.add_argument(f"--{name}", type=count, default=default, help=about + DEFAULT)
    options.add_argument("--rate", type=positive, default=0.005, help="of the first step" + DEFAULT)
    decay = option(float, lambda x: 0 <= x < math.inf, "a number from 0 up")
    options.add_argument("--decay", type=decay, default=2.0, help="of the weights" + DEFAULT)
    options.add_argument("--names", type=Path, metavar="FILE", help="one on each line; else cities")
    options.add_argument("--eager", action="store_true", help="scalar by scalar, for comparison")
    args = options.parse_args(arguments)
    if args.width % args.heads:
        options.error(f"--width needs a multiple of --heads {args.heads}, got {args.width}")
    try:
        return args, split(cities() if args.names is None else read(args.names), args.seed)
    except NamesError as error:
        options.error(str(error))


def verdict(run: Run, bigram: float, alphabet: Alphabet) -> list[tuple[str, float]]:
    """Return the losses that the GPT's is to be compared with, and its own."""
    *_, last = run.held_out.values()
    return [("any letter alike", math.log(len(alphabet))), ("bigram model", bigram), ("GPT", last)]


def draw(
    model: GPT, run: Run, bigram: float, alphabet: Alphabet, names: Split, out: Path
) -> list[Path]:
    """Draw all pictures; the name that is looked at is the longest one of those held out."""
    out.mkdir(parents=True, exist_ok=True)
    name = max((name for name in names.held_out if len(name) <= SHOWN), key=len, default="")
    name = name or min(names.held_out, key=len)
    return [
        pictures.draw_loss(run, bigram, out / "gpt_loss.png"),
        pictures.draw_attention(model, alphabet, name, out / "gpt_attention.png"),
        pictures.draw_letters(model, alphabet, out / "gpt_letters.png"),
        pictures.write_stepper(model, alphabet, name, out / "gpt_head.html"),
    ]
