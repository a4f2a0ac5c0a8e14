"""The engines of the benchmark of compiled scalars, each in the way that its users would take.

A module here has a function ``prepare(work)`` that returns a `Prepared`; if it also has a function
``model(work)``, it is handed what that returns, which is not timed. Array code is written where a
person would; who has scalars takes the loss from the work, and so can do irregular graphs, too.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from ..demo import installed
from ..works import Array, Work


class Prepared(NamedTuple):
    """A work that an engine is ready to do."""

    step: Callable[[], float]  # does it once: loss, gradient, update; returns the loss
    gradient: Callable[[], Array]  # by the flat parameters, in the first step; called after it


class Unable(Exception):  # noqa: N818  (no error: it becomes a row of the table)
    """An engine cannot do a work; the message says why."""


class Engine(NamedTuple):
    """Where to find an engine.

    Args:
        module: the module of this package that prepares works for it.
        package: what needs to be installed.
        options: what else its ``prepare`` is called with.
        arrays: it has array code for networks, and for few other works or none.
        builds: it makes an object for every scalar in every step, which takes long.
    """

    module: str
    package: str = "numpy"
    options: dict[str, Any] = {}  # noqa: RUF012  (nobody changes it)
    arrays: bool = False
    builds: bool = False

    def begin(self, work: Work) -> tuple[Any, ...]:
        """Make what is there before anything is compiled: the data, and a model made of scalars.

        Raises:
            Unable: it is not installed.
        """
        if not installed(self.package):
            raise Unable("not installed")
        _ = work.samples, work.parameters  # which are made when they are first asked for
        module = import_module(f"{__name__}.{self.module}")
        return (module.model(work),) if hasattr(module, "model") else ()

    def prepare(self, work: Work, begun: tuple[Any, ...] | None = None) -> Prepared:
        """Make everything ready, but for what the first step does.

        Raises:
            Unable: it cannot do this work, or not on this machine.
        """
        begun = self.begin(work) if begun is None else begun
        module = import_module(f"{__name__}.{self.module}")
        prepared: Prepared = module.prepare(work, *begun, **self.options)
        return prepared


BY_HAND, EAGER, MICROGRAD = "NumPy by hand", "scalargrad, eager", "micrograd"

#: The engines, by the name that they have in a table.
ENGINES = {
    BY_HAND: Engine("by_hand", arrays=True),
    f"{BY_HAND}, bias as a row of ones": Engine("by_hand_ones", arrays=True),
    "scalargrad, compiled": Engine("ours"),
    "JAX, jit": Engine("jax", "jax", arrays=True),
    "torch": Engine("torch", "torch"),
    "heyoka": Engine("heyoka", "heyoka"),
    "heyoka, compact mode": Engine("heyoka", "heyoka", {"compact": True}),
    "CasADi, VM": Engine("casadi", "casadi"),
    "CasADi, generated C": Engine("casadi", "casadi", {"generate": True}),
    EAGER: Engine("eager", builds=True),
    MICROGRAD: Engine("micrograd", "micrograd", builds=True),
}
