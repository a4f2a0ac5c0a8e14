"""CasADi: the graph of scalars and its gradient, on its virtual machine or as generated C.

The loss of one sample is a function; `Function.map` runs it on all samples and adds up.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import casadi as ca
import numpy as np

from ..works import Array, Functions, Work
from . import Prepared, Unable
from .descent import of_array

FUNCTIONS = Functions(
    tanh=ca.tanh,
    relu=lambda z: ca.fmax(z, 0),
    exp=ca.exp,
    log=ca.log,
    sin=ca.sin,
    cos=ca.cos,
    greatest=lambda zs: reduce(ca.fmax, zs),
)

Make = Callable[[str, Sequence[ca.SX], Sequence[ca.SX]], ca.Function]


def prepare(work: Work, generate: bool = False) -> Prepared:
    """Make a function of the flat parameters, and call it on buffers made once.

    Args:
        work: what it computes.
        generate: whether the functions of scalars are compiled as C.
    """
    make = compiled if generate else ca.Function
    function = unrolled(work, make) if work.unrolled else mapped(work, make)
    parameters, value = work.parameters.copy(), np.empty(1)
    gradient = np.empty_like(parameters)
    buffer, run = function.buffer()
    buffer.set_arg(0, memoryview(parameters))
    buffer.set_res(0, memoryview(value))
    buffer.set_res(1, memoryview(gradient))

    def evaluate(_alive: object = (function, buffer)) -> tuple[float, Array]:
        run()  # which does not keep alive what it works on
        return float(value[0]), gradient

    return of_array(work, parameters, evaluate)


def unrolled(work: Work, make: Make) -> ca.Function:
    """Return value and gradient from the graph of all samples."""
    p = ca.SX.sym("p", len(work.parameters))
    return make("step", [p], with_gradient(work.objective(FUNCTIONS, ca.vertsplit(p)), p))


def mapped(work: Work, make: Make) -> ca.Function:
    """Return value and gradient from the graph of one sample."""
    x, p = (ca.SX.sym(*of) for of in (("x", work.samples.shape[1]), ("p", len(work.parameters))))
    loss = work.loss(FUNCTIONS, ca.vertsplit(x), ca.vertsplit(p))
    one = make("one", [x, p], with_gradient(loss, p))
    every = one.map("every", "serial", work.count, [1], [0, 1])  # p is shared, both results added
    parameters = ca.MX.sym("parameters", len(work.parameters))
    results = [total / work.count for total in every(ca.DM(work.samples.T), parameters)]
    penalty = work.penalty(FUNCTIONS, ca.vertsplit(p))
    if penalty is not None:
        more = make("penalty", [p], with_gradient(penalty, p))(parameters)
        results = [total + part for total, part in zip(results, more, strict=True)]
    return ca.Function("step", [parameters], results)


def with_gradient(value: ca.SX, p: ca.SX) -> list[ca.SX]:
    """Return a value and its gradient, zeros included."""
    return [value, ca.densify(ca.gradient(value, p))]


def compiled(name: str, inputs: Sequence[ca.SX], outputs: Sequence[ca.SX]) -> Any:
    """Return a function of scalars as machine code, by way of C.

    Raises:
        Unable: there is no C compiler.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise Unable("no C compiler")
    folder = tempfile.mkdtemp()
    generator = ca.CodeGenerator(f"{name}.c")
    generator.add(ca.Function(name, inputs, outputs))
    source, library = generator.generate(f"{folder}/"), f"{folder}/{name}.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", source, "-o", library, "-lm"], check=True)
    return ca.external(name, library)
