"""heyoka: the graph of scalars and its gradient, in reverse mode, compiled by LLVM.

The loss of one sample is a compiled function that runs on all samples at once; the mean over them
and the update are NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import heyoka as hy
import numpy as np

from ..works import Array, Functions, Work
from . import Prepared
from .descent import of_array

hy.set_nthreads(1)
hy.llvm_state.set_diskcache_enabled(False)  # or else the second benchmark compiles in no time

Expression = hy.expression


def greater(x: Expression, y: Expression) -> Expression:
    """Return the greater of two, which has a derivative."""
    return hy.select(hy.gt(x, y), x, y)


def total(terms: Sequence[Expression | float]) -> Expression:
    """Add up expressions, and numbers among them."""
    return hy.sum([term if isinstance(term, Expression) else Expression(term) for term in terms])


FUNCTIONS = Functions(
    *(hy.tanh, hy.relu, hy.exp, hy.log, hy.sin, hy.cos),
    greatest=lambda zs: reduce(greater, zs),
    total=total,
)


def variables(name: str, count: int) -> list[Expression]:
    """Return variables with numbered names."""
    return [Expression(f"{name}{i}") for i in range(count)]


def prepare(work: Work, compact: bool = False) -> Prepared:
    """Compile the value and the gradient.

    Args:
        work: what it computes.
        compact: compile faster, and to code that is a little slower.
    """
    p = variables("p", len(work.parameters))

    def compiled(value: Expression, inputs: Sequence[Expression]) -> Any:
        gradient = hy.diff_tensors([value], diff_args=p).gradient
        return hy.cfunc([value, *gradient], vars=[*inputs, *p], compact_mode=compact)

    parameters = work.parameters.copy()
    if work.unrolled:
        both = of_parameters(compiled(work.objective(FUNCTIONS, p), []), parameters)
    else:
        x = variables("x", work.samples.shape[1])
        both = mean(compiled(work.loss(FUNCTIONS, x, p), x), work.samples, parameters)
        penalty = work.penalty(FUNCTIONS, p)
        if penalty is not None:
            both = added(both, of_parameters(compiled(penalty, []), parameters))

    def evaluate() -> tuple[float, Array]:
        numbers = both()
        return float(numbers[0]), numbers[1:]

    return of_array(work, parameters, evaluate)


# ── functions that return the value and, after it, the gradient ─────────────────────────────────


def of_parameters(function: Any, parameters: Array) -> Callable[[], Array]:
    """Call a function of the parameters alone."""
    numbers = np.empty(1 + len(parameters))
    return lambda: function(parameters, outputs=numbers)


def mean(function: Any, samples: Array, parameters: Array) -> Callable[[], Array]:
    """Call a function on all samples, each a column above the parameters, and take the mean."""
    count, width = samples.shape
    columns = np.concatenate([samples.T, np.empty((len(parameters), count))])
    found, shares = np.empty((1 + len(parameters), count)), np.full(count, 1 / count)

    def call() -> Array:
        columns[width:] = parameters[:, None]
        return function(columns, outputs=found) @ shares

    return call


def added(one: Callable[[], Array], other: Callable[[], Array]) -> Callable[[], Array]:
    """Call two functions, and add."""
    return lambda: one() + other()
