"""Programs: what `compile` returns, a graph of scalars that runs at the speed of arrays."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj

from ..calculus import grad
from ..engine import Value, _shown, assigned_data
from ..errors import ChoiceError, OperandError, SizeError
from ..miniflow.node import Node
from ..miniflow.nodes import Mean, Sum
from ..miniflow.plan import sorted_to
from ..miniflow.run import value_and_grad
from ..optim import Optimizer
from ..samples import reals
from . import derivatives
from .arrays.emit import Emitted, emit
from .arrays.notes import Notes
from .arrays.record import Symbol
from .arrays.simplify import Simplifier
from .arrays.source import Step, prepare, write
from .cost import MACHINES, NEVER, Code, arrays_from, code_of, least_code_of, work_of
from .export import export
from .nonfinite import first_nonfinite
from .passes.flatten import flatten
from .passes.raising import Raised, raise_
from .passes.walk import Floats, counted, walk
from .tape import TapeMachine, assemble, default_threads, native
from .trace import trace

__all__ = ["BATCH_SIZES", "NO_REDUCTION", "READABLE", "REDUCTIONS", "SHOWN", "Program"]

Outputs: TypeAlias = "Value | Sequence[Value] | Callable[[list[Value]], Value | Sequence[Value]]"
Array: TypeAlias = Any
Shape: TypeAlias = tuple[int, ...]

REDUCTIONS = ("mean", "sum")
NO_REDUCTION = ""  # where all outputs are wanted

#: For so many batch sizes the buffers are kept; then those that were made first are forgotten.
BATCH_SIZES = 16

#: `Program.source` is for so many samples.
SHOWN = 100

#: The source of programs of more operations goes without comments.
READABLE = 1000

_FLOAT64 = np.dtype(float)
_ANYWHERE: Mapping[str, Any] = {}


def compile(
    outputs: Outputs,
    inputs: Iterable[Value],
    wrt: Iterable[Value] = (),
    *,
    machine: str = "auto",
    threads: int | None = None,
) -> Program:
    """Turn a graph of scalars into a program.

    Args:
        outputs: a Value, or a list of them; or a function of the list of inputs that returns one,
            which is called once, here.
        inputs: the leaves that will be fed, in this order.
        wrt: the leaves whose gradient is wanted, in this order; usually ``model.parameters()``.
        machine: what NumPy arrays are computed with: "arrays", code for whole arrays, or "tape",
            scalars one by one as machine code. "auto" takes for each number of samples what costs
            less, by the numbers of scalars and of lines (`Program.machine` says what that is).
        threads: how many of them compute a batch on the tape; without it as many as the environment
            variable SCALARGRAD_THREADS says, or the machine has processors.

    Every other leaf is a constant, with the value that it has now. So are the decisions that Python
    has made: a function is watched while it is called here, and may not branch on a Value; in a
    graph that is ready an ``if`` has left no trace.

    Raises:
        OperandError: an input or parameter is no leaf; an operation was defined by hand; or the
            function branches on a Value, by ``if`` or a comparison, or makes a float of one.
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
    fed, learned = _listed(inputs), _listed(wrt)
    for name, leaves in (("inputs", fed), ("wrt", learned)):
        if error := _no_leaves(name, leaves):
            raise error
    with _collector_paused():
        traced = trace(outputs, fed) if callable(outputs) else outputs
        if not isinstance(traced, (Value, list, tuple)):
            what = "the function" if callable(outputs) else "compile"
            raise OperandError(f"the outputs of {what} are a Value or a list, got {traced!r}")
        return Program(traced, fed, learned, machine, threads)


def _listed(leaves: Iterable[Value]) -> Any:
    """Return an argument as a list; what is no iterable as it is."""
    return list(leaves) if isinstance(leaves, Iterable) else leaves


def _no_leaves(name: str, leaves: Any) -> OperandError | None:
    """Return the error for an argument that is no list of Values."""
    needed = f"{name} is a list of leaf Values"
    if not isinstance(leaves, list):
        hint = (
            ": call it" if callable(leaves) else ": put it into a list" * isinstance(leaves, Value)
        )
        return OperandError(f"{needed}, got {leaves!r}{hint}")
    for leaf in leaves:
        if not isinstance(leaf, Value):
            return OperandError(
                f"{needed}, of one sample, got one that holds {_shown(leaf)}: the program takes "
                "the numbers of all samples at once, as in program(X)"
            )
    return None


class Program:
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
        self._wrt = wrt
        self._inputs = len(inputs)
        self._parameters = np.empty(len(wrt))
        self.pull()
        self._asked, self._threads = machine, threads or default_threads()
        self._work = work_of(self._reduced)
        # The number of samples from which on arrays are the machine: not before this, ...
        self._arrays_from = self._estimate(least_code_of(self._work))
        self._is_settled = self._asked != "auto" or self._arrays_from == NEVER  # ... or exactly
        self._targets: dict[str, Node] = {}
        self._steps: dict[tuple[str, Shape | None], Step] = {}  # by the shape of what is fed
        self._gradients: dict[str, TapeMachine] = {}
        self._running = threading.RLock()
        self._alone = self._inputs, len(results) == 1 and not self._runs_on_arrays(1)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse copies: they would share parameters and buffers."""
        raise OperandError("a program cannot be copied or pickled: compile the graph once more")

    def __str__(self) -> str:
        if self._settled() == NEVER:
            return f"machine: {self.machine}\n{self._reduced}"
        return f"machine: {self.machine}\n{self.listing}"

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
        start = self._settled()
        if start <= 1:
            return "arrays"
        if start == NEVER or not self._inputs:
            return "tape"
        return f"tape, arrays from {start:,} samples on"

    def _estimate(self, code: Code) -> float:
        """Return from how many samples on array code is the better machine."""
        if self._asked != "auto":
            return NEVER if self._asked == "tape" else 0
        return arrays_from(self._work, code, native.is_installed())

    def _settled(self) -> float:
        """Return from how many samples on arrays are the machine, now that it has to be known."""
        if not self._is_settled:
            self._arrays_from = self._estimate(code_of(self.listing))
            self._is_settled = True
        return self._arrays_from

    def _runs_on_arrays(self, samples: int) -> bool:
        """Say which machine so many samples are for; no structure is looked for in vain."""
        return samples >= self._arrays_from and samples >= self._settled()

    @cached_property
    def listing(self) -> Raised:
        """The operations on arrays, whatever machine computes them."""
        with _collector_paused():
            return raise_(self._reduced)

    @cached_property
    def _graph(self) -> Emitted:
        """The nodes of the operations on arrays."""
        return emit(self.listing)

    @cached_property
    def _tape(self) -> TapeMachine:
        with _collector_paused():
            return TapeMachine(assemble(self._reduced), self._threads)

    @cached_property
    def source(self) -> str:
        """The array code, written out: of ``value_and_grad`` for a batch of 100 samples.

        It is the same whatever machine runs the program; other batch sizes differ in the shapes. Of
        a program with several outputs it is that of a call.
        """
        with self._running:
            reduction = REDUCTIONS[0] if len(self._scalars.outputs) == 1 else NO_REDUCTION
            return self._written(reduction, SHOWN * bool(self._inputs))[0]

    @property
    def graph(self) -> Node:
        """The node of the miniflow graph that computes the outputs, each a row."""
        return self._graph.output

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

    # ── parameters ──

    @property
    def parameters(self) -> Floats:
        """The numbers of ``wrt``, as one flat array; to train is to change it.

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
            numbers = _as_floats(numbers)
            self._check_parameters(numbers)
            self._parameters[:] = numbers

    def _check_parameters(self, numbers: Any) -> None:
        if np.shape(numbers) != self._parameters.shape:
            raise SizeError(
                f"the program has {counted(len(self._wrt), 'parameter')}, got an array of shape "
                f"{np.shape(numbers)}"
            )

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

    def __call__(self, X: Array = None, *, parameters: Array = None) -> Any:  # noqa: N803  (the field's name)
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
        if (
            type(X) is np.ndarray
            and parameters is None
            and (X.size, True) == self._alone
            and X.ndim == 1
            and X.dtype is _FLOAT64
        ):
            value = self._tape.value(X, self._parameters)
            return value if self._single else np.array([value])
        batch, alone = self._batch(X)
        (values,) = self._results(NO_REDUCTION, batch, parameters)
        if not self._inputs:
            return _item(values[0]) if self._single else values
        if self._single:
            return _item(values[0, 0]) if alone else values[0, :]
        return values[:, 0] if alone else values.T

    def value_and_grad(
        self,
        X: Array = None,  # noqa: N803
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
            A float, and an array with a number for each of ``wrt``; both in X's library if X is
            not of NumPy. They belong to the caller.

        Raises:
            SizeError: as for a call; or X has no rows, or the program has more than one output.
            ChoiceError: the reduction is unknown.
            OperandError: there are targets beside X; or an optimiser has moved the Values of
                ``wrt``, while ``program.parameters`` are what they shared before.
        """
        if not isinstance(reduction, str):
            raise OperandError(
                "value_and_grad takes one array, in which each sample carries its targets as its "
                f"last inputs, as in np.column_stack([X, y]); got {type(reduction).__name__} beside"
            )
        if self._seen != Optimizer.steps_of_values and parameters is None:
            self._check_shared()
        if (
            type(X) is np.ndarray
            and parameters is None
            and (X.size, True) == self._alone
            and X.ndim == 1
            and X.dtype is _FLOAT64
            and reduction in REDUCTIONS
        ):  # a shortcut, since all that follows may take longer than the work
            return self._tape.value_and_grad(X, self._parameters)
        if reduction not in REDUCTIONS:
            raise ChoiceError(f"reduction is one of {', '.join(REDUCTIONS)}, got {reduction!r}")
        step = self._steps.get((reduction, _shape(X))) if parameters is None else None
        if step is not None:  # a shortcut: a whole step may take 20 µs, and what follows 3
            value, gradient = self._on_numpy(step, reduction, None if X is None else X.T)
            return value, gradient
        if not self._single and len(self._scalars.outputs) != 1:
            raise SizeError(
                f"value_and_grad needs a program with one output, got {len(self._scalars.outputs)}"
            )
        batch, _ = self._batch(X)
        if batch is not None and not batch.shape[1]:
            raise SizeError("value_and_grad needs at least one sample, got none")
        value, gradient = self._results(reduction, batch, parameters)
        return value, gradient

    # ── more derivatives: on the tape, of NumPy arrays ──

    def jvp(
        self,
        X: Array,  # noqa: N803
        tangents: Array,
        wrt: str = "inputs",
        *,
        parameters: Array = None,
    ) -> Floats:
        """Compute how the outputs change when inputs, or parameters, move: J · tangents.

        Args:
            X: as for a call; None for a program without inputs.
            tangents: the direction, of the shape of X; of parameters one for each sample, or one
                for all.
            wrt: whether it is the "inputs" or the "parameters" that move.
            parameters: as for a call.

        Returns:
            An array of shape (samples, outputs); of one sample (outputs,).

        Raises:
            SizeError, OperandError: as for a call; and the tangents are to fit.
            ChoiceError: ``wrt`` is unknown.

        >>> from scalargrad import Value
        >>> x = [Value(1.0), Value(2.0)]
        >>> compile([x[0] * x[1], x[0] ** 2], x).jvp([3.0, 4.0], [1.0, 0.0])
        array([4., 6.])
        """
        x, p, leaves, alone = self._to_derive("jvp", X, wrt, parameters)
        width = self._inputs if wrt == "inputs" else len(p)
        directions = _rows("the tangents", tangents, len(x), width)
        slopes = derivatives.jvp(self._tape, x, p, directions, leaves)
        return slopes[0] if alone else slopes

    def vjp(
        self,
        X: Array,  # noqa: N803
        cotangents: Array,
        wrt: str = "inputs",
        *,
        parameters: Array = None,
    ) -> Floats:
        """Compute the gradient of the outputs, each times a number: cotangents · J.

        Args:
            X: as for a call; None for a program without inputs.
            cotangents: a number for each output, of each sample or for all.
            wrt: whether the gradient is by the "inputs" or by the "parameters".
            parameters: as for a call.

        Returns:
            A row for each sample, with a number for each of ``wrt``; of one sample the row alone.

        Raises:
            SizeError, OperandError: as for a call; and the cotangents are to fit.
            ChoiceError: ``wrt`` is unknown.

        >>> from scalargrad import Value
        >>> x = [Value(1.0), Value(2.0)]
        >>> compile([x[0] * x[1], x[0] ** 2], x).vjp([3.0, 4.0], [1.0, 10.0])
        array([64.,  3.])
        """
        x, p, leaves, alone = self._to_derive("vjp", X, wrt, parameters)
        weights = _rows("the cotangents", cotangents, len(x), len(self._scalars.outputs))
        rows = derivatives.vjp(self._tape, x, p, weights, leaves)
        return rows[0] if alone else rows

    def jacobian(
        self,
        X: Array = None,  # noqa: N803
        wrt: str = "inputs",
        *,
        parameters: Array = None,
    ) -> Floats:
        """Compute the derivative of each output by each input, or parameter: ∂zᵢ/∂xⱼ.

        By the parameters of a loss this is the gradient of each sample. It is found row by row or
        column by column, whichever is cheaper.

        Args:
            X: as for a call.
            wrt: whether the derivatives are by the "inputs" or by the "parameters".
            parameters: as for a call.

        Returns:
            An array of shape (samples, outputs, inputs); of one sample, and of a single output that
            was not given as a list, without that axis.

        Raises:
            SizeError, OperandError: as for a call.
            ChoiceError: ``wrt`` is unknown.

        >>> from scalargrad import Value
        >>> x = [Value(1.0), Value(2.0)]
        >>> compile([x[0] * x[1], x[0] ** 2], x).jacobian([3.0, 4.0])
        array([[4., 3.],
               [6., 0.]])
        """
        x, p, leaves, alone = self._to_derive("jacobian", X, wrt, parameters)
        found = derivatives.jacobian(self._tape, x, p, leaves)
        found = found[:, 0] if self._single else found
        return found[0] if alone else found

    def hessian(
        self,
        X: Array = None,  # noqa: N803
        wrt: str = "inputs",
        *,
        parameters: Array = None,
    ) -> Floats:
        """Compute the second derivatives of the output: ∂²z/∂xᵢ∂xⱼ.

        Args:
            X: as for a call.
            wrt: whether they are by the "inputs" or by the "parameters".
            parameters: as for a call.

        Returns:
            A matrix for each sample; of one sample the matrix.

        Raises:
            SizeError: as for a call; or the program has more than one output.
            ChoiceError: ``wrt`` is unknown.

        >>> from scalargrad import Value
        >>> x = [Value(1.0), Value(2.0)]
        >>> compile(x[0] ** 2 * x[1], x).hessian([3.0, 4.0])
        array([[8., 6.],
               [6., 0.]])
        """
        x, p, leaves, alone = self._to_derive("hessian", X, wrt, parameters)
        found = derivatives.jacobian(self._gradient_of("hessian", wrt), x, p, leaves)
        return found[0] if alone else found

    def hvp(
        self,
        X: Array,  # noqa: N803
        v: Array,
        wrt: str = "inputs",
        *,
        parameters: Array = None,
    ) -> Floats:
        """Compute the Hessian matrix times a vector, without the matrix: H · v.

        Args:
            X: as for a call; None for a program without inputs.
            v: a number for each of ``wrt``, of each sample or for all.
            wrt: whether the derivatives are by the "inputs" or by the "parameters".
            parameters: as for a call.

        Returns:
            A row for each sample; of one sample the row.

        Raises:
            SizeError: as for a call; or the program has more than one output, or v does not fit.
            ChoiceError: ``wrt`` is unknown.

        >>> from scalargrad import Value
        >>> x = [Value(1.0), Value(2.0)]
        >>> compile(x[0] ** 2 * x[1], x).hvp([3.0, 4.0], [1.0, 1.0])
        array([14.,  6.])
        """
        x, p, leaves, alone = self._to_derive("hvp", X, wrt, parameters)
        directions = _rows("v", v, len(x), self._inputs if wrt == "inputs" else len(p))
        found = derivatives.jvp(self._gradient_of("hvp", wrt), x, p, directions, leaves)
        return found[0] if alone else found

    def _to_derive(
        self,
        what: str,
        X: Array,  # noqa: N803
        wrt: str,
        parameters: Array,
    ) -> tuple[Floats, Floats, slice, bool]:
        """Return samples as rows, the parameters, the leaves in question, and whether it is one."""
        if not isinstance(wrt, str) or wrt not in derivatives.WRT:
            raise ChoiceError(f"wrt is one of {', '.join(derivatives.WRT)}, got {wrt!r}")
        batch, alone = self._batch(X)
        p = self._parameters if parameters is None else _as_floats(parameters)
        self._check_parameters(p)
        if _is_foreign(batch) or _is_foreign(p):
            raise OperandError(
                f"{what} takes NumPy arrays: of another library's arrays, that library derives "
                "program(X, parameters=p)"
            )
        leaves = slice(self._inputs) if wrt == "inputs" else slice(self._inputs, None)
        if batch is None:
            return np.empty((1, 0)), p, leaves, True
        return batch.T, p, leaves, alone

    def _gradient_of(self, what: str, wrt: str) -> TapeMachine:
        """Return the tape of the gradient as a graph, made when it is first asked for."""
        if len(self._scalars.outputs) != 1:
            raise SizeError(
                f"{what} needs a program with one output, got {len(self._scalars.outputs)}"
            )
        if wrt not in self._gradients:
            nodes, places = self._scalars.nodes, self._scalars.inputs
            inputs = [nodes[i] for i in places]
            with _collector_paused():
                slopes = grad(
                    nodes[self._scalars.outputs[0]], inputs if wrt == "inputs" else self._wrt
                )
                # With the output itself, all inputs are reached.
                scalars = walk([*slopes, nodes[self._scalars.outputs[0]]], inputs, self._wrt)
                tape = assemble(flatten(scalars))
            tape = replace(tape, outputs=tape.outputs[:-1])
            self._gradients[wrt] = TapeMachine(tape, self._threads)
        return self._gradients[wrt]

    def _batch(self, X: Array) -> tuple[Array, bool]:  # noqa: N803
        """Return the samples as columns, and whether it is one that was not in a batch."""
        if not self._inputs:
            if X is not None:
                raise SizeError("this program has no inputs, so it is called without a batch")
            return None, False
        if X is None:
            raise SizeError(f"the program has {counted(self._inputs, 'input')}, got none")
        samples = _as_floats(X)
        if samples.ndim not in (1, 2) or samples.shape[-1] != self._inputs:
            raise SizeError(
                f"the program has {counted(self._inputs, 'input')}: it needs shape "
                f"({self._inputs},) or (batch, {self._inputs}), got {tuple(samples.shape)}"
            )
        return (samples.T, False) if samples.ndim == 2 else (samples[:, None], True)

    def _results(self, reduction: str, batch: Array, parameters: Array) -> tuple[Any, ...]:
        """Run the program for a batch of any library, or none."""
        p = self._parameters
        if parameters is not None:
            p = _as_floats(parameters)
            self._check_parameters(p)
        foreign = [array for array in (batch, p) if _is_foreign(array)]
        if not foreign and not self._runs_on_arrays(1 if batch is None else batch.shape[1]):
            return self._on_tape(reduction, batch, p)
        with self._running:
            if foreign:
                xp, where = array_namespace(*foreign), _dtype_and_device(foreign[0])
                x = None if batch is None else xp.asarray(batch, **where)
                return self._on_graph(reduction, x, xp.asarray(p, **where), xp, where)
            with self._replaced(p):
                return self._on_numpy(self._step(reduction, batch), reduction, batch)

    @contextmanager
    def _replaced(self, p: Floats) -> Iterator[None]:
        """Use other parameters for a while: the prepared steps read them from one array."""
        if p is self._parameters:
            yield
            return
        own = self._parameters.copy()
        self.parameters = p
        try:
            yield
        finally:
            self._parameters[:] = own

    def _step(self, reduction: str, batch: Array) -> Step:
        """Return the step for batches of this size, prepared now if this is the first."""
        key = reduction, None if batch is None else batch.T.shape
        if key not in self._steps:
            if len(self._steps) == BATCH_SIZES:
                del self._steps[next(iter(self._steps))]
            self._steps[key] = self._prepared(reduction, 0 if batch is None else batch.shape[1])
        return self._steps[key]

    def _prepared(self, reduction: str, size: int) -> Step:
        """Return the function that the source for this batch size makes."""
        return prepare(*self._written(reduction, size), self._parameters)

    def _written(self, reduction: str, size: int) -> tuple[str, Mapping[str, Any]]:
        """Run the graph on symbols, and write what they recorded as source, with its constants."""
        recorder = Simplifier()
        x = recorder.source("x", (self._inputs, size))
        p = recorder.source("p", self._parameters.shape)
        with _collector_paused():
            results = self._on_graph(reduction, x, p, recorder)
            written = write(results, x, p, self._notes(reduction))
            self._graph.forget()
            return written

    def _on_tape(self, reduction: str, batch: Array, p: Floats) -> tuple[Any, ...]:
        """Run the tape on NumPy arrays: samples are columns, and so are their outputs."""
        samples = np.empty((1, 0)) if batch is None else batch.T
        if reduction not in REDUCTIONS:
            values = self._tape.values(samples, p)
            return (values[0] if batch is None else values.T,)
        share = 1 / len(samples) if reduction == "mean" else 1.0
        values, gradient = self._tape.run(samples, p, np.full((1, 1), share))
        return float(values.sum()) * share, gradient[0, self._inputs :]

    def _on_numpy(self, step: Step, reduction: str, batch: Array) -> tuple[Any, ...]:
        with self._running:
            try:
                return step(batch)
            except (ArithmeticError, ValueError):
                # A float has no logarithm of 0, and the like; an array has.
                values = self._on_graph(reduction, batch, self._parameters)
                return tuple(_item(value) if not np.shape(value) else value for value in values)

    def _notes(self, reduction: str) -> Notes:
        """Say of what was recorded which line of the listing it is, or the gradient of which."""
        notes, nodes = Notes(), self._graph.nodes
        if len(nodes) > READABLE:
            return notes
        for (block, operation), node in zip(self.listing.operations, nodes, strict=True):
            notes.value(node.value, f"{block.name} = {operation}")
            if isinstance(node.gradient, Symbol):
                notes.gradient(node.gradient, block.name)
        for node in sorted_to([self._target(reduction)]):
            for operand in node.inbound_nodes:
                notes.link(operand.value, node.value)
        return notes

    def _on_graph(
        self, reduction: str, x: Array, p: Array, xp: Any = np, where: Mapping[str, Any] = _ANYWHERE
    ) -> tuple[Any, ...]:
        """Run the miniflow graph, forward and backward, on arrays of any library."""
        graph = self._graph
        feed = {node: xp.asarray(c, **where) for node, c in graph.constants.items()} | {graph.p: p}
        if x is not None:
            feed[graph.x] = x
        with np.errstate(all="ignore"):
            wanted = [graph.p] if reduction in REDUCTIONS else []
            value, gradients = value_and_grad(self._target(reduction), feed, wrt=wanted)
        return (value, *gradients)

    def _target(self, reduction: str) -> Node:
        if reduction == NO_REDUCTION:
            return self._graph.output
        if reduction not in self._targets:
            node = Mean if reduction == "mean" and self._graph.batched else Sum
            self._targets[reduction] = node(self._graph.output)
        return self._targets[reduction]

    # ── when something is not finite ──

    def first_nonfinite(self, X: Array = None) -> str | None:  # noqa: N803
        """Say which scalar operation, on which sample, is the first whose result is not finite.

        Every scalar of the graph is computed for this, on the tape. None if everything is finite.

        >>> from scalargrad import Value
        >>> x = Value(1.0, label="x")
        >>> y = x.log(); y.label = "y"
        >>> compile(y, [x]).first_nonfinite([[2.0], [0.0]])
        "log (node 'y') of 0.0 is not finite, in sample 1"
        """
        batch, alone = self._batch(X)
        samples = np.empty((1, 0)) if batch is None else np.asarray(batch.T, float)
        found = first_nonfinite(self._scalars, samples, self._parameters)
        if found is None:
            return None
        sentence, number = found
        return sentence if alone or batch is None else f"{sentence}, in sample {number}"


def _rows(what: str, numbers: Any, count: int, width: int) -> Floats:
    """Return numbers for each sample as rows.

    Raises:
        SizeError: they are neither a row for each sample nor one for all.
    """
    rows: Floats = np.asarray(_as_floats(numbers))
    if rows.shape not in ((width,), (count, width)):
        raise SizeError(
            f"{what} need shape ({width},) or ({count}, {width}), got {tuple(rows.shape)}"
        )
    return np.broadcast_to(rows, (count, width))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector, which would walk through all that is made again and again.

    There is nothing to collect, since everything is needed until the end.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _as_floats(numbers: Any) -> Array:
    """Return an array of floats, of the library that it is of, or else of NumPy."""
    if type(numbers) is np.ndarray and numbers.dtype == np.float64:
        return numbers
    if _is_foreign(numbers):
        xp = array_namespace(numbers)
        if xp.isdtype(numbers.dtype, ("bool", "integral")):
            return xp.astype(numbers, xp.asarray(0.0).dtype)
        return numbers
    return reals("a program takes an array of real numbers", numbers)


def _is_foreign(array: Any) -> bool:
    """Say whether an array is of another library than NumPy."""
    return is_array_api_obj(array) and not isinstance(array, (np.ndarray, np.generic))


def _dtype_and_device(array: Array) -> dict[str, Any]:
    return {"dtype": array.dtype, "device": device(array)}


def _shape(X: Array) -> Shape | None:  # noqa: N803
    """Return the shape under which the step for some samples is kept: () if they need a look."""
    if X is None:
        return None
    return X.shape if type(X) is np.ndarray and X.dtype is _FLOAT64 else ()


def _item(value: Any) -> Any:
    """Return the number in an array of NumPy; another library's array as it is."""
    return value.item() if isinstance(value, (np.ndarray, np.generic)) else value
