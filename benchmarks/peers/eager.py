"""scalargrad without compiling: every step builds the graph of all samples."""

from __future__ import annotations

from ..works import Work
from . import Prepared
from .descent import of_values
from .ours import Model, model, objective


def prepare(work: Work, made: Model | None = None) -> Prepared:
    """Return a step that builds the graph, runs backward and moves each parameter."""
    parameters, loss = made or model(work)
    return of_values(work, parameters, lambda: objective(work, parameters, loss))
