"""Programs: what `compile` returns, a graph of scalars that runs at the speed of arrays."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj

from ..engine import Value
from ..errors import ChoiceError, OperandError, SizeError
from ..miniflow.node import Node
from ..miniflow.nodes import Mean, Sum
from ..miniflow.plan import sorted_to
from ..miniflow.run import value_and_grad
from .emit import emit
from .flatten import flatten
from .nonfinite import first_nonfinite
from .notes import Notes
from .raising import raise_
from .record import Symbol
from .simplify import Simplifier
from .source import Step, prepare, write
from .trace import trace
from .walk import Floats, counted, walk

__all__ = ["BATCH_SIZES", "NO_REDUCTION", "READABLE", "REDUCTIONS", "Program"]

Outputs: TypeAlias = "Value | Sequence[Value] | Callable[[list[Value]], Value | Sequence[Value]]"
Array: TypeAlias = Any
Shape: TypeAlias = tuple[int, ...]

REDUCTIONS = ("mean", "sum")
NO_REDUCTION = ""  # where all outputs are wanted

#: For so many batch sizes the buffers are kept; then those that were made first are forgotten.
BATCH_SIZES = 16

#: The source of programs of more operations goes without comments.
READABLE = 1000

_FLOAT64 = np.dtype(float)
_ANYWHERE: Mapping[str, Any] = {}


def compile(outputs: Outputs, inputs: Iterable[Value], wrt: Iterable[Value] = ()) -> Program:
    """Turn a graph of scalars into a program on arrays.

    Args:
        outputs: a Value, or a list of them; or a function of the list of inputs that returns one,
            which is called once, here.
        inputs: the leaves that will be fed, in this order.
        wrt: the leaves whose gradient is wanted, in this order; usually ``model.parameters()``.

    Every other leaf is a constant, with the value that it has now. So are the decisions that Python
    has made: a function is watched while it is called here, and may not branch on a Value; in a
    graph that is ready an ``if`` has left no trace.

    Raises:
        OperandError: an input or parameter is no leaf; an operation was defined by hand; or the
            function branches on a Value, by ``if`` or a comparison, or makes a float of one.
        SizeError: an input does not reach the output.

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
    fed, learned = (_leaves(*group) for group in (("inputs", inputs), ("wrt", wrt)))
    with _collector_paused():
        traced = trace(outputs, fed) if callable(outputs) else outputs
        if not isinstance(traced, (Value, list, tuple)):
            what = "the function" if callable(outputs) else "compile"
            raise OperandError(f"the outputs of {what} are a Value or a list, got {traced!r}")
        return Program(traced, fed, learned)


def _leaves(name: str, leaves: Iterable[Value]) -> list[Value]:
    """Return the argument of a name as a list; what is in it is checked later."""
    if isinstance(leaves, Value) or not isinstance(leaves, Iterable):
        hint = (
            ": call it" if callable(leaves) else ": put it into a list" * isinstance(leaves, Value)
        )
        raise OperandError(f"{name} is a list of leaf Values, got {leaves!r}{hint}")
    return list(leaves)


class Program:
    """A compiled graph of scalars. Made by `compile`.

    ``print(program)`` lists its operations on arrays. Let x be the inputs of all samples and p the
    parameters; then a layer of neurons with its activation is two lines::

        v0 = p[0:48] @ [x[0:2] 1]   (16×3, 3)
        v1 = relu(v0)

    Threads that run the same program wait for each other, since its buffers and nodes are shared.
    """

    def __init__(
        self, outputs: Value | Sequence[Value], inputs: Sequence[Value], wrt: Sequence[Value]
    ) -> None:
        self._single = isinstance(outputs, Value)
        results = [outputs] if isinstance(outputs, Value) else list(outputs)
        self._scalars = walk(results, inputs, wrt)
        #: The operations on arrays: what ``print(program)`` shows.
        self.listing = raise_(flatten(self._scalars))
        self._graph = emit(self.listing)
        self._wrt = wrt
        self._inputs = len(inputs)
        self._parameters = np.array([p.data for p in wrt], float)
        self._targets: dict[str, Node] = {NO_REDUCTION: self._graph.output}
        self._steps: dict[tuple[str, Shape | None], Step] = {}  # by the shape of what is fed
        self._running = threading.RLock()
        #: The source that was prepared last for NumPy arrays: each shape that is fed has its own.
        self.source = ""

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse copies: they would share parameters and buffers."""
        raise OperandError("a program cannot be copied or pickled: compile the graph once more")

    def __str__(self) -> str:
        return str(self.listing)

    def __repr__(self) -> str:
        return f"<Program of {len(self._scalars)} scalars in {len(self.listing.operations)} steps>"

    def __len__(self) -> int:
        """The number of scalars that were compiled."""
        return len(self._scalars)

    @property
    def graph(self) -> Node:
        """The node of the miniflow graph that computes the outputs, each a row."""
        return self._graph.output

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
        self._parameters[:] = [p.data for p in self._wrt]

    def push(self) -> None:
        """Hand the parameters to their Values: ``program.parameters`` → ``value.data``."""
        for p, number in zip(self._wrt, self._parameters.tolist(), strict=True):
            p.data = number

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
        batch, alone = self._batch(X)
        (values,) = self._results(NO_REDUCTION, batch, parameters)
        if not self._graph.batched:
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
        """
        if not isinstance(reduction, str) or reduction not in REDUCTIONS:
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
        """Run the graph on symbols, and write what they recorded as source for this batch size."""
        recorder = Simplifier()
        x = recorder.source("x", (self._inputs, size))
        p = recorder.source("p", self._parameters.shape)
        with _collector_paused():
            results = self._on_graph(reduction, x, p, recorder)
            self.source, constants = write(results, x, p, self._notes(reduction))
            self._graph.forget()
            return prepare(self.source, constants, self._parameters)

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
        if reduction not in self._targets:
            node = Mean if reduction == "mean" and self._graph.batched else Sum
            self._targets[reduction] = node(self._graph.output)
        return self._targets[reduction]

    # ── when something is not finite ──

    def first_nonfinite(self, X: Array = None) -> str | None:  # noqa: N803
        """Say which scalar operation, on which sample, is the first whose result is not finite.

        The samples are computed scalar by scalar, one after the other, so this is slow. None if
        everything is finite.

        >>> from scalargrad import Value
        >>> x = Value(1.0, label="x")
        >>> y = x.log(); y.label = "y"
        >>> compile(y, [x]).first_nonfinite([[2.0], [0.0]])
        "log (node 'y') of 0.0 is not finite, in sample 1"
        """
        batch, alone = self._batch(X)
        samples = [[]] if batch is None else np.asarray(batch).T.tolist()
        for number, sample in enumerate(samples):
            found = first_nonfinite(self._scalars, sample, self._parameters.tolist())
            if found:
                return found if alone or batch is None else f"{found}, in sample {number}"
        return None


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
    try:
        array = np.asarray(numbers)
        if array.dtype.kind not in "biufO":  # complex numbers would lose a part, and texts be read
            raise ValueError
        return array.astype(float)
    except (TypeError, ValueError):
        raise OperandError(f"a program takes an array of real numbers, got {numbers!r}") from None


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
