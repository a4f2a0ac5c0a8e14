"""How a page trains at first: the optimiser with its numbers, and where weights are drawn from."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from inspect import getclosurevars, isfunction
from typing import Any

from scalargrad.engine import Value
from scalargrad.errors import ChoiceError, OperandError
from scalargrad.nn import Module, Neuron
from scalargrad.nn.module import parts_of
from scalargrad.optim import SGD, Adam, AdamW, Optimizer

__all__ = ["OPTIMIZERS", "initial", "names_of", "optimizer_of", "settings_of"]

_MOMENTUM = 0.9

#: The optimisers of a page, by the names that they are chosen by.
OPTIMIZERS: dict[str, Callable[[list[Value], float], Optimizer]] = {
    "sgd": lambda parameters, rate: SGD(parameters, rate),
    "momentum": lambda parameters, rate: SGD(parameters, rate, _MOMENTUM),
    "adam": lambda parameters, rate: Adam(parameters, rate),
    "adamw": lambda parameters, rate: AdamW(parameters, rate),
}


def optimizer_of(model: Any, optimizer: Any, learning_rate: Any) -> Optimizer:
    """Return an optimiser of the parameters that are to be trained.

    Raises:
        ChoiceError: there is no optimiser of this name.
        OperandError: the parameters are not known, or the rate is a function; or the optimiser is
            one that the page cannot compute.
    """
    is_one = isinstance(optimizer, Optimizer)
    made: Optimizer = optimizer if is_one else _by_name(model, optimizer, learning_rate)
    if type(made) not in (SGD, Adam, AdamW):
        raise OperandError(
            f"a playground computes SGD, Adam and AdamW, got {type(made).__name__}, whose "
            "update() is Python"
        )
    rate = made.learning_rate
    if callable(rate):
        name = getattr(rate, "__qualname__", repr(rate))
        raise OperandError(
            f"the learning rate of a playground is a number, which its page can change, got {name}"
        )
    return made


def _by_name(model: Any, name: Any, learning_rate: Any) -> Optimizer:
    if not isinstance(name, str) or name not in OPTIMIZERS:
        raise ChoiceError(
            f"optimizer is one of {', '.join(OPTIMIZERS)}, or an Optimizer such as "
            f"Adam(model.parameters()), got {name!r}"
        )
    parameters = getattr(model, "parameters", None)
    if not callable(parameters):
        raise OperandError(
            "a playground needs the parameters of the model: a Module has them; of a function say "
            "which they are, as in optimizer=SGD(parameters)"
        )
    return OPTIMIZERS[name](parameters(), learning_rate)


def settings_of(optimizer: Any, size: int) -> dict[str, Any]:
    """Return how the page trains at first, with batches of a size."""
    plain = Adam([Value(0.0)])
    given = "adamw" if isinstance(optimizer, AdamW) else "adam"
    if isinstance(optimizer, SGD):
        given = "momentum" if optimizer.momentum else "sgd"
    # Where another optimiser is chosen in the page, weights decay as they did, but in AdamW's way.
    decay = 0.0 if given == "adamw" else optimizer.weight_decay
    decays = dict.fromkeys(OPTIMIZERS, decay) | {"adamw": AdamW([Value(0.0)]).weight_decay}
    beta1, beta2 = getattr(optimizer, "betas", plain.betas)
    return {
        "optimizer": given,
        "rate": optimizer.learning_rate,
        "momentum": getattr(optimizer, "momentum", 0.0) or _MOMENTUM,
        "beta1": beta1,
        "beta2": beta2,
        "epsilon": getattr(optimizer, "epsilon", plain.epsilon),
        "decays": decays | {given: optimizer.weight_decay},
        "batch": size,
    }


# ── parameters ──────────────────────────────────────────────────────────────────────────────────


def names_of(model: Any, parameters: Sequence[Value]) -> list[tuple[str, Value]]:
    """Return all parameters with the names that ``load_state_dict`` takes.

    A model that is no Module may hold one, or use it, to which the parameters belong. What belongs
    to none has its label for a name or, where others have the same, its number.
    """
    for module in _within(model):
        if isinstance(module, Module):
            named = module.named_parameters()
            if {value for _, value in named} >= {*parameters}:
                return named
    uses = Counter(value.label for value in parameters)
    return [
        (value.label if value.label and uses[value.label] == 1 else f"p{i}", value)
        for i, value in enumerate(parameters)
    ]


def _within(model: Any) -> list[Any]:
    """Return a model and what it holds; what a method belongs to; what a function refers to."""
    owner = getattr(model, "__self__", model)
    held = [*getattr(owner, "__dict__", {}).values()]
    if isfunction(model):
        names = getclosurevars(model)
        held += [*names.nonlocals.values(), *names.globals.values()]
    return [owner, *held]


def initial(model: Any, parameters: Sequence[Value]) -> dict[str, Any]:
    """Say how each parameter is drawn anew.

    A weight of a `Neuron` is drawn as the neuron's initialiser does, a bias starts at 0; any other
    is normally distributed with the spread of those, or stays where it is if it is a single one.
    """
    of: dict[Value, list[Any]] = {}
    for neuron in _neurons(model):
        of |= {w: [neuron.init, len(neuron.w), neuron.nout] for w in neuron.w}
        of[neuron.b] = ["zero", 0, 0]
    others = [p.data for p in parameters if p not in of and math.isfinite(p.data)] or [0.0]
    other = ["normal", statistics.fmean(others), statistics.pstdev(others)]
    ways = [of.get(p, other) for p in parameters]
    kinds: list[list[Any]] = []
    for way in ways:
        if way not in kinds:
            kinds.append(way)
    return {"kinds": kinds, "of": [kinds.index(way) for way in ways]}


def _neurons(model: Any) -> Iterator[Neuron]:
    """Yield the neurons within a model, also where it is no Module but holds some."""
    wanted, seen = _within(model), dict[int, Any]()
    while wanted:
        part = wanted.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        if isinstance(part, Neuron):
            yield part
        else:
            wanted += [each for _, each in parts_of(part) or ()]
