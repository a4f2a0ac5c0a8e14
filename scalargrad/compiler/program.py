"""Programs: what `compile` returns, a graph of scalars that runs at the speed of arrays."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from ..arguments import assigned_data
from ..engine import Value
from ..errors import ChoiceError, OperandError, SizeError
from ..miniflow.node import Node
from ..optim import Optimizer
from .arrays.machine import ArrayMachine
from .collector import paused
from .cost import MACHINES, NEVER, Choice
from .derivatives import Derivatives
from .export import export
from .feed import FLOAT64, Array, is_foreign, listed, no_leaves, parameters_of, samples_of
from .nonfinite import first_nonfinite
from .passes.flatten import flatten
from .passes.raising import Raised
from .passes.walk import Floats, counted, walk
from .runs import MEAN, REDUCTIONS, VALUES, Machine, Run, Shape, samples_in
from .saving import save
from .tape import PythonMachine, TapeMachine, assemble, default_threads
from .trace import trace_function

__all__ = ["RUNS", "SHOWN", "Program"]

Outputs: TypeAlias = "Value | Sequence[Value] | Callable[[list[Value]], Value | Sequence[Value]]"

#: So many runs are kept prepared; then those that were prepared first are forgotten.
RUNS = 16

#: `Program.source` is for so many samples.
SHOWN = 100


def compile(
    outputs: Outputs,
    inputs: Iterable[Value] | None = None,
    wrt: Iterable[Value] = (),
    *,
    machine: str = "auto",
    threads: int | None = None,
) -> Program:
    """Turn a graph of scalars into a program.

    Args:
        outputs: a Value, or a list of them; or a function of the list of inputs that returns one,
            which is called once, here.
        inputs: the leaves that will be fed, in this order; ``[]`` for none.
        wrt: the leaves whose gradient is wanted, in this order; usually ``model.parameters()``.
            Those that are not fed are the parameters of the program. Of one that is fed, too,
            ``value_and_grad`` finds the derivative of the mean (or the sum) over the batch, as of a
            parameter; `Program.jacobian` finds that of each sample.
        machine: what NumPy arrays are computed with: "arrays", code for whole arrays, or "tape",
            scalars one by one as machine code. "auto" takes for each number of samples what costs
            less, by the numbers of scalars and of lines (`Program.machine` says what that is).
        threads: how many of them compute a batch on the tape; without it as many as the environment
            variable SCALARGRAD_THREADS says, or the machine has processors.

    Every other leaf is a constant, with the value that it has now. So are the decisions that Python
    has made: a function is watched while it is called here, and may not branch on a Value; in a
    graph that is ready an ``if`` has left no trace.

    Raises:
        OperandError: an input or one of ``wrt`` is no leaf, or is there twice; an operation was
            defined by hand; or the function branches on a Value, by ``if`` or a comparison, or
            makes a float of one.
        SizeError: an input does not reach the output.
        ChoiceError: the machine is unknown.

    >>> from scalargrad import Value
    >>> x, w = Value(0.0, label="x"), Value(3.0, label="w")
    >>> program = compile(w * x * x, [x], wrt=[w])
    >>> program([2.0])                                     # one sample: w x²
    12.0
    >>> program([[1.0], [2.0]])                            # a batch
    array([ 3., 12.])
    >>> program.value_and_grad([[1.0], [2.0]])             # the mean, and its slope: the mean of x²
    (7.5, array([2.5]))
    """
    if not isinstance(machine, str) or machine not in MACHINES:
        raise ChoiceError(f"machine is one of {', '.join(MACHINES)}, got {machine!r}")
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise OperandError(f"threads is a number from 1 up, got {threads!r}")
    fed, learned = listed(inputs), listed(wrt)
    for name, leaves in (("inputs", fed), ("wrt", learned)):
        if error := no_leaves(name, leaves):
            raise error
    with paused():
        traced = trace_function(outputs, fed) if callable(outputs) else outputs
        if not isinstance(traced, (Value, list, tuple)):
            what = "the function" if callable(outputs) else "compile"
            raise OperandError(f"the outputs of {what} are a Value or a list, got {traced!r}")
        return Program(traced, fed, learned, machine, threads)


class Program(Derivatives):
    """A compiled graph of scalars. Made by `compile`.

    ``print(program)`` lists its operations on arrays. Let x be the inputs of all samples and p the
    parameters; then a layer of neurons with its activation is two lines::

        v0 = p[0:48] @ [x[0:2] 1]   (16×3, 3)
        v1 = relu(v0)

    Threads may run the same program: side by side on the tape, in turn on arrays.
    """

    def __init__(
        self,
        outputs: Value | Sequence[Value],
        inputs: Sequence[Value],
        wrt: Sequence[Value],
        machine: str = "auto",
        threads: int | None = None,
    ) -> None:
        self._single = isinstance(outputs, Value)
        results = [outputs] if isinstance(outputs, Value) else list(outputs)
        self._scalars = walk(results, inputs, wrt)
        self._reduced = flatten(self._scalars)
        self._wrt = [self._scalars.nodes[i] for i in self._scalars.wrt]
        self._inputs = len(inputs)
        self._parameters = np.empty(len(self._wrt))
        self.pull()
        self._threads = threads or default_threads()
        self._arrays = ArrayMachine(self._reduced, self._parameters, self._single)
        self._choice = Choice(machine, self._reduced, lambda: self._arrays.listing)
        self._gradients: dict[str, TapeMachine | PythonMachine] = {}
        self._runs: dict[tuple[str, Shape], Run] = {}  # by what is wanted and the shape of samples
        self._preparing = threading.RLock()

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse copies: they would share parameters and buffers."""
        raise OperandError("a program cannot be copied or pickled: compile the graph once more")

    def __str__(self) -> str:
        listed = self._reduced if self._choice.start == NEVER else self.listing
        return f"machine: {self.machine}\n{listed}"

    def __repr__(self) -> str:
        return f"<Program of {counted(len(self._scalars), 'scalar')}, machine: {self.machine}>"

    def __len__(self) -> int:
        """The number of scalars that were compiled."""
        return len(self._scalars)

    # ── machines ──

    @property
    def machine(self) -> str:
        """What computes NumPy arrays: "tape", "arrays", or which of them from how many samples on.

        >>> from scalargrad import MLP, Value
        >>> x = [Value(0.0), Value(0.0)]
        >>> compile(MLP(2, [1])(x), x, machine="tape").machine
        'tape'
        """
        start = self._choice.start
        if start <= 1:
            return "arrays"
        if start == NEVER or not self._inputs:
            return "tape"
        return f"tape, arrays from {start:,} samples on"

    @property
    def listing(self) -> Raised:
        """The operations on arrays, whatever machine computes them."""
        return self._arrays.listing

    @property
    def graph(self) -> Node:
        """The node of the miniflow graph that computes the outputs, each a row."""
        return self._arrays.graph

    @cached_property
    def source(self) -> str:
        """The array code, written out: of ``value_and_grad`` for a batch of 100 samples.

        It is the same whatever machine runs the program; other batch sizes differ in the shapes. Of
        a program with several outputs it is that of a call.
        """
        wanted = MEAN if len(self._scalars.outputs) == 1 else VALUES
        return self._arrays.written(wanted, SHOWN * bool(self._inputs))[0]

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the program to a file of its own: Python, C99 or JavaScript, by its suffix.

        The file needs nothing besides, scalargrad least of all. It has a function ``value`` and,
        of a program with parameters, ``value_and_grad`` (of several outputs: ``vjp``), for one
        sample, and the parameters as they are now. Results are the program's but for the last
        digits, which depend on a platform's ``exp`` and its like, also where they are infinite or
        nan. In C, names start with the file's.

        Args:
            path: ends in .py, .c or .js. An old file is replaced when the new one is complete.

        Raises:
            ChoiceError: the path ends in another suffix, or none.
            SizeError: the program would become more than 20,000 lines, loops counted once.
            OSError: the file cannot be written, for example since its folder is missing.
        """
        tape, nodes = assemble(self._reduced), self._scalars.nodes
        labels = [node.label for node in nodes]
        export(tape, labels.__getitem__, self._parameters.tolist(), self._single, path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program to a file of numbers and names, which `load_program` reads.

        An old file is replaced when the new one is complete; if anything fails, it stays.

        Raises:
            OSError: the file cannot be written, for example since its folder is missing.
        """
        save(self, path)

    # ── parameters ──

    @property
    def parameters(self) -> Floats:
        """The numbers of the leaves in ``wrt`` that are not fed, as one flat array.

        To train is to change it.

        >>> from scalargrad import Value
        >>> w = Value(3.0)
        >>> program = compile(w * w, [], wrt=[w])
        >>> program.parameters -= 0.1 * program.value_and_grad()[1]
        >>> program.push()
        >>> round(w.data, 6)
        2.4
        """
        return self._parameters

    @parameters.setter
    def parameters(self, numbers: Any) -> None:
        if numbers is not self._parameters:
            self._parameters[:] = parameters_of(numbers, len(self._wrt))

    def pull(self) -> None:
        """Fetch the parameters from their Values: ``value.data`` → ``program.parameters``."""
        self._shared = list(map(assigned_data, self._wrt))
        self._parameters[:] = self._shared
        self._seen = Optimizer.steps_of_values

    def push(self) -> None:
        """Hand the parameters to their Values: ``program.parameters`` → ``value.data``."""
        self._shared = self._parameters.tolist()
        for p, number in zip(self._wrt, self._shared, strict=True):
            p.data = number

    def _check_shared(self) -> None:
        """Check that no optimiser moves the Values while the program stays where it is.

        Only after a step of some optimiser of Values: to look at each Value takes its time.
        """
        moved = [p.data for p in self._wrt] != self._shared
        if moved and self._parameters.tolist() == self._shared:
            raise OperandError(
                "an optimiser moved the Values, and the gradient is wanted at program.parameters, "
                "which stayed: let it move these, as in SGD(program.parameters), or fetch the "
                "Values after each step by program.pull()"
            )
        self._seen = Optimizer.steps_of_values

    # ── running ──

    def __call__(self, X: Array = None, *, parameters: Array = None) -> Any:
        """Compute the outputs of one sample, or of a batch of them.

        Args:
            X: shape (inputs,) or (batch, inputs); nothing for a program without inputs.
            parameters: numbers to use in place of ``program.parameters``, which stay as they are.

        Returns:
            One sample and one output: a float. Otherwise an array: of shape (outputs,), (batch,)
            or (batch, outputs), of the library that X came from. It belongs to the caller.

        Raises:
            SizeError: X has another number of columns than the program has inputs, or
                ``parameters`` are more or fewer than ``wrt``.
        """
        if parameters is None:
            run = self._runs.get((VALUES, _shape(X)))
            if run is not None:  # a shortcut, since all that follows may take longer than the work
                return run(X, self._parameters)
        return self._computed(VALUES, samples_of(X, self._inputs), parameters)

    def value_and_grad(
        self,
        X: Array = None,
        reduction: str = "mean",
        *,
        parameters: Array = None,
    ) -> tuple[Any, Array]:
        """Compute the mean of the output over a batch, and its gradient.

        z = 1/n Σ f(xᵢ, p),  ∂z/∂p = 1/n Σ ∂f/∂p(xᵢ, p)

        Args:
            X: as for a call.
            reduction: "mean", or "sum" for the sum over the batch.
            parameters: as for a call. So this is a function of X and parameters alone, of which
                ``jax.jit`` makes one call, and which ``scipy.optimize.minimize`` can minimise.

        Returns:
            A float, and an array with a number for each of ``wrt`` (none where that is empty: then
            `jacobian` has the derivatives by the inputs), of a leaf that is fed as if it moved in
            all samples alike; both in X's library if X is not of NumPy. They belong to the
            caller.

        Raises:
            SizeError: as for a call; or X has no rows, or the program has more than one output.
            ChoiceError: the reduction is unknown.
            OperandError: there are targets beside X; or an optimiser has moved the Values of
                ``wrt``, while ``program.parameters`` are what they shared before.
        """
        if parameters is None and type(reduction) is str:
            run = self._runs.get((reduction, _shape(X)))
            if run is not None and self._seen == Optimizer.steps_of_values:  # as in a call
                value, gradient = run(X, self._parameters)
                return value, gradient
        if not isinstance(reduction, str):
            raise OperandError(
                "value_and_grad takes one array, in which each sample carries its targets as its "
                f"last inputs, as in np.column_stack([X, y]); got {type(reduction).__name__} beside"
            )
        if reduction not in REDUCTIONS:
            raise ChoiceError(f"reduction is one of {', '.join(REDUCTIONS)}, got {reduction!r}")
        if parameters is None and self._seen != Optimizer.steps_of_values:
            self._check_shared()
        if len(self._scalars.outputs) != 1:
            raise SizeError(
                f"value_and_grad needs a program with one output, got {len(self._scalars.outputs)}"
            )
        samples = samples_of(X, self._inputs)
        if samples is not None and not samples.shape[0]:
            raise SizeError("value_and_grad needs at least one sample, got none")
        value, gradient = self._computed(reduction, samples, parameters)
        return value, gradient

    def _computed(self, wanted: str, x: Array, parameters: Array) -> Any:
        """Compute what is wanted for samples of any library, or none."""
        p = self._parameters
        if parameters is not None:
            p = parameters_of(parameters, len(self._wrt))
        if is_foreign(x) or is_foreign(p):
            return self._arrays.run(wanted, x, p)
        return self._run(wanted, None if x is None else x.shape)(x, p)

    def _run(self, wanted: str, shape: Shape) -> Run:
        """Return the run for samples of a shape, prepared now if they are the first."""
        key = wanted, shape
        run = self._runs.get(key)
        if run is None:
            with self._preparing:
                on_arrays = self._choice.is_arrays(samples_in(shape))
                machine: Machine = self._arrays if on_arrays else self._tape
                run = machine.prepared(wanted, shape)
                if len(self._runs) >= RUNS:
                    del self._runs[next(iter(self._runs))]
                self._runs[key] = run
        return run

    # ── when something is not finite ──

    def first_nonfinite(self, X: Array = None) -> str | None:
        """Say which scalar operation, on which sample, is the first whose result is not finite.

        Every scalar of the graph is computed for this, on the tape. None if everything is finite.

        >>> from scalargrad import Value
        >>> x = Value(1.0, label="x")
        >>> y = x.log(); y.label = "y"
        >>> compile(y, [x]).first_nonfinite([[2.0], [0.0]])
        "log (node 'y') of 0.0 is not finite, in sample 1"
        """
        samples = np.asarray(() if (x := samples_of(X, self._inputs)) is None else x, float)
        found = first_nonfinite(self._scalars, np.atleast_2d(samples), self._parameters)
        if found is None:
            return None
        sentence, number = found
        return sentence if samples.ndim == 1 else f"{sentence}, in sample {number}"


def _shape(X: Array) -> Shape:
    """Return the shape under which the run for some samples is kept: () if they need a look."""
    if type(X) is np.ndarray and X.dtype is FLOAT64:
        shape: Shape = X.shape
        return shape
    return None if X is None else ()
