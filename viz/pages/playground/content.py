"""What a page shows, as data for its script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from scalargrad.engine import Value
from scalargrad.train import Traced

from .interpreter import interpreter
from .network import described, network
from .settings import initial, names_of
from .tapes import CODES_OF_SUMS, numbers, program

__all__ = ["content_of"]

#: From so many inputs on, a square number of them is taken for the pixels of an image.
_LEAST_IMAGE = 16


def content_of(model: Any, traced: Traced, settings: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Collect what a page shows of a model and its data.

    Returns:
        the data; and the source of the interpreter of its tape.
    """
    units = network(traced)
    totals = [unit.neuron.total for unit in units if unit.neuron is not None]
    watched = [*dict.fromkeys([*(unit.node for unit in units), *totals])]
    tape, slots = program(traced, watched)
    slot = dict(zip(watched, slots, strict=True))
    number = {unit: i for i, unit in enumerate(units)}
    parameter = {p: i for i, p in enumerate(traced.parameters)}
    samples, held_out = traced.samples, traced.held_out
    inputs = samples.x.shape[1]
    side = math.isqrt(inputs)
    parts = [samples, *([held_out] if held_out is not None else [])]
    data = {
        "tape": tape | CODES_OF_SUMS,
        "units": [described(unit, number, parameter, slot) for unit in units],
        "parameters": _parameters(model, traced.parameters),
        "initial": initial(model, traced.parameters),
        "settings": settings,
        "samples": {
            "inputs": inputs,
            "targets": samples.targets.shape[1],
            "x": numbers(np.concatenate([part.x for part in parts]).ravel()),
            "y": numbers(np.concatenate([part.targets for part in parts]).ravel()),
            "held": len(held_out.x) if held_out is not None else 0,
        },
        "classes": [*samples.classes],
        "image": side if side * side == inputs >= _LEAST_IMAGE else 0,
    }
    codes = {run[0] for run in tape["runs"]}
    return data, interpreter(codes)


def _parameters(model: Any, parameters: Sequence[Value]) -> dict[str, Any]:
    """Return the parameters, and with their names all that the model's state holds."""
    place = {p: i for i, p in enumerate(parameters)}
    named = names_of(model, parameters)
    titles = {p: name for name, p in named}
    names, labels = [titles[p] for p in parameters], [p.label for p in parameters]
    tell_apart = all(labels) and len({*labels}) == len(labels)
    return {
        "names": names,
        "short": labels if tell_apart else names,  # as their neurons are called
        "data": numbers(np.array([p.data for p in parameters])),
        "state": [
            [name, place.get(p, -1), p.data if math.isfinite(p.data) else 0.0] for name, p in named
        ],
    }
