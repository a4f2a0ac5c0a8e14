"""One compiled program on four kinds of arrays: NumPy, PyTorch, JAX and Dask.

The scalars of a softmax regression are traced and compiled once. Fed an array of a library, the
program runs there: each function below is how a person of that library would descend the gradient,
with the parameters as an array of that library, too. All of them learn the same.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from scalargrad import Layer, Value, compile
from scalargrad import functional as F
from scalargrad.compiler import Program

from .common import parser, table

RATE = 0.5  # of learning
WORKERS = 2  # of Dask, each with its chunks

Array = NDArray[Any]
Descent = tuple[list[float], Array]  # the losses, and the parameters at the end


def with_numpy(program: Program, samples: Array, steps: int) -> Descent:
    """Descend in straight-line NumPy, with buffers that were made once."""
    losses = []
    for _ in range(steps):
        loss, gradient = program.value_and_grad(samples)
        program.parameters -= RATE * gradient
        losses.append(loss)
    return losses, program.parameters.copy()


def with_torch(program: Program, samples: Array, steps: int) -> Descent:
    """Descend in PyTorch, on its accelerator if it has one."""
    import torch

    has_accelerator = torch.accelerator.is_available()
    device = torch.accelerator.current_accelerator() if has_accelerator else "cpu"
    x = torch.asarray(samples, device=device)
    p = torch.asarray(program.parameters.copy(), device=device)
    losses = []
    for _ in range(steps):
        loss, gradient = program.value_and_grad(x, parameters=p)
        p -= RATE * gradient
        losses.append(float(loss))
    return losses, p.cpu().numpy()


def with_jax(program: Program, samples: Array, steps: int) -> Descent:
    """Descend in JAX: jit makes one call of a whole step."""
    import jax

    @jax.jit
    def step(p: Any, x: Any) -> tuple[Any, Any]:
        loss, gradient = program.value_and_grad(x, parameters=p)
        return loss, p - RATE * gradient

    with jax.enable_x64(True):  # double precision; without it, JAX takes single
        x, p = jax.numpy.asarray(samples), jax.numpy.asarray(program.parameters)
        losses = []
        for _ in range(steps):
            loss, p = step(p, x)
            losses.append(float(loss))
        return losses, np.asarray(p)


def with_dask(program: Program, samples: Array, steps: int) -> Descent:
    """Descend in Dask: workers compute the gradients of chunks, which may exceed the memory."""
    import dask
    import dask.array

    x = dask.array.from_array(samples, chunks=(len(samples) // WORKERS + 1, samples.shape[1]))
    p, losses = program.parameters.copy(), []
    with dask.config.set(scheduler="threads", num_workers=WORKERS):
        for _ in range(steps):
            loss, gradient = dask.compute(*program.value_and_grad(x, parameters=p))
            p -= RATE * gradient
            losses.append(float(loss))
    return losses, p


BACKENDS: dict[str, Callable[[Program, Array, int], Descent]] = {
    "numpy": with_numpy,
    "torch": with_torch,
    "jax": with_jax,
    "dask": with_dask,
}


def classifier(seed: int) -> tuple[Program, Array]:
    """Return the loss of one handwritten digit as a program, and all digits."""
    images, labels = load_digits(return_X_y=True)
    model = Layer(64, 10, activation=None, init="xavier", seed=seed)
    pixels, target = ([Value(0.0) for _ in range(n)] for n in (64, 10))
    loss = F.cross_entropy(model.outputs(pixels), target)
    program = compile(loss, [*pixels, *target], wrt=model.parameters())
    return program, np.hstack([images / 16, np.eye(10)[labels]])


def main(arguments: list[str] | None = None) -> dict[str, Descent]:
    """Run the example; return what each library has learned."""
    options = parser(__doc__.partition("\n")[0], epochs=50)
    options.add_argument(
        "--on", nargs="+", choices=BACKENDS, metavar="LIBRARY",
        help=f"of {', '.join(BACKENDS)}; default: those that are installed",
    )  # fmt: skip
    args = options.parse_args(arguments)
    names = args.on or [name for name in BACKENDS if find_spec(name)]
    if missing := [name for name in names if not find_spec(name)]:
        options.error(f"{', '.join(missing)}: not installed here")

    runs, rows = {}, []
    for name in names:
        program, samples = classifier(args.seed)
        losses, parameters = runs[name] = BACKENDS[name](program, samples, args.epochs)
        apart = np.abs(parameters - runs[names[0]][1]).max()
        rows.append([name, losses[0], losses[-1], f"{apart:.0e}"])
    print(f"{len(samples)} samples, {args.epochs} steps with all of them")
    print(table(["arrays", "first loss", "last loss", f"apart from {names[0]}"], rows))
    if left := [name for name in BACKENDS if not (args.on or find_spec(name))]:
        print(f"not installed: {', '.join(left)}")
    return runs


if __name__ == "__main__":
    main()
