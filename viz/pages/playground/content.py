"""What a page shows, as data for its script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from scalargrad.engine import Value
from scalargrad.train import Traced

from .interpreter import interpreter
from .network import Unit, described, network
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
    before = [unit.neuron.total for unit in units if unit.neuron is not None]
    watched = [*(unit.node for unit in units), *before]
    tape, slots = program(traced, watched)
    samples, held_out = traced.samples, traced.held_out
    inputs = samples.x.shape[1]
    side = math.isqrt(inputs)
    parts = [samples, *([held_out] if held_out is not None else [])]
    data = {
        "tape": tape | CODES_OF_SUMS,
        "units": _described(units, slots, traced.parameters),
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


def _described(
    units: Sequence[Unit], slots: Sequence[int], parameters: Sequence[Value]
) -> list[dict[str, Any]]:
    number = {unit: i for i, unit in enumerate(units)}
    parameter = {p: i for i, p in enumerate(parameters)}
    rest = iter(slots[len(units) :])
    return [
        described(unit, number, parameter)
        | {"slot": slots[i], "before": next(rest) if unit.neuron is not None else None}
        for unit, i in number.items()
    ]


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
