"""The gradient check: every derivative against differences, and the first that is wrong by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .arguments import named, option
from .differences import Move, cause, fault, mirrored, slopes, steps
from .engine import Value, operands
from .errors import DomainError, GradientError, OperandError
from .evaluation import edited, replayed
from .graph import topological_sort
from .listed import called
from .own import backward_faults

if TYPE_CHECKING:
    from .compiler import Program
    from .miniflow import Node

__all__ = ["backward_faults", "check_gradients"]

#: So often a failing function is called again, to find out whether it always gives the same.
_CONFIRMATIONS = 8


def check_gradients(
    output: Value | Callable[[list[Value]], Value] | Node | Program,
    inputs: Iterable[Value | float] | Mapping[Node, Any] | None = None,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
) -> float:
    """Compare a gradient with central differences, and name the first operation that is wrong.

    Each input is moved a little to both sides and everything is computed anew. A node is wrong if
    it does not move as its operands' movements and its own partial derivatives say; the first such
    node in the order of evaluation is named, and if there is none, ``backward()`` has to give what
    the differences give. Where a node and the differences disagree, the step is narrowed, to tell a
    wrong derivative from a kink, a jump, or a function that changes too fast for differences.

    Args:
        output: a Value, whose graph is computed anew by the table of primitives; or a function of a
            list of Values, which is called anew. A graph with operations of one's own needs the
            function, since only that can compute their values. It may also be a node of miniflow,
            or a compiled program.
        inputs: the leaves to move, by default all but the constants; for a function, the numbers
            (or Values) to call it with; for a node, its ``feed_dict``; for a program, what it is
            fed with, while its parameters are moved.
        rtol, atol: how far the two may be apart: ``atol`` relative to the size of the node's value,
            which limits the precision of differences, plus ``rtol`` relative to the derivative.

    Returns:
        The largest difference between the two gradients, relative to the larger of 1 and the slope.

    Raises:
        GradientError (an AssertionError): they differ; or the point is a kink or a jump, and they
            cannot agree (at a kink they may: 0 for ``abs`` is the mean of both sides); or a
            ``_backward`` of one's own does not add its part to the gradients; or the function gives
            different results for the same inputs, or the graph's numbers were changed by hand.
        DomainError: moving an input leaves the domain of an operation, however small the step; or a
            tolerance is negative or not finite.

    All ``.grad`` are as before when it returns or raises. It costs two to four evaluations for each
    input, unless something is wrong.

    >>> x = Value(0.5, label="x")
    >>> check_gradients(x.tanh() * x) < 1e-9
    True
    """
    rtol, atol = option("rtol", rtol), option("atol", atol)
    if hasattr(output, "inbound_nodes"):
        from .miniflow import check_node_gradients

        return check_node_gradients(output, inputs or {}, rtol=rtol, atol=atol)  # type: ignore[arg-type]
    if hasattr(type(output), "listing"):
        from .compiler.check import check_program_gradients

        return check_program_gradients(output, inputs, rtol=rtol, atol=atol)  # type: ignore[arg-type]
    graph = (_Replay if isinstance(output, Value) else _Rerun)(output, inputs)  # type: ignore[arg-type]
    try:
        graph.confirm()
        return _Check(graph, rtol, atol).run()
    except (GradientError, DomainError):
        for _ in range(_CONFIRMATIONS):  # it may be chance that makes the difference
            graph.confirm()
        raise


# ── what is computed anew ───────────────────────────────────────────────────────────────────────


class _Replay:
    """A graph that is computed anew by the table of primitives."""

    def __init__(self, output: Value, inputs: Iterable[Value] | None) -> None:
        self.order = topological_sort([output], operands)
        for node in self.order:
            if node.kind == "op" and node.primitive is None:
                raise OperandError(
                    f"{named(node)} is an operation of your own, which only Python can compute "
                    "anew: give check_gradients a function of a list of Values instead of a Value"
                )
        self.leaves = [node for node in self.order if node.kind in ("leaf", "parameter")]
        if inputs is not None:
            self.leaves = [inputs] if isinstance(inputs, Value) else list(inputs)
            for leaf in self.leaves:
                if not isinstance(leaf, Value) or leaf.kind == "op":
                    raise OperandError(f"check_gradients moves leaves of the graph, got {leaf!r}")

    def evaluate(self, moved: Value, x: float) -> list[float]:
        """Return the data of all nodes, in order, when a leaf has another value.

        Raises:
            DomainError: a node cannot be computed there.
        """

        def undefined(node: Value) -> float:
            raise DomainError(
                f"{named(node)} is at the border of its domain: it cannot be computed "
                f"when {named(moved)} moves from {moved.data!r} to {x!r}"
            ) from None

        return replayed(self.order, {moved: x}, undefined)

    def confirm(self) -> None:
        """Raise an error if the numbers in the graph are not those that its operations give."""
        for node, now in edited(self.order):
            raise GradientError(
                f"{named(node)} is {node.data!r}, but {now!r} by now: some .data was changed "
                "after the graph was built, so build it again"
            )


class _Rerun:
    """A graph that is computed anew by calling the function that made it."""

    def __init__(
        self, function: Callable[[list[Value]], Value], inputs: Iterable[Value | float] | None
    ) -> None:
        if not callable(function):
            raise OperandError(
                "check_gradients checks a Value, a function of a list of Values, a node or a "
                f"program, got {function!r:.60}"
            )
        if inputs is None:
            raise OperandError("check_gradients of a function needs the inputs to call it with")
        if not isinstance(inputs, Iterable):
            raise OperandError(
                f"the inputs of check_gradients are a list, got {inputs!r}: write [{inputs!r}]"
            )
        self.function = function
        self.leaves = []
        for i, x in enumerate([inputs] if isinstance(inputs, Value) else inputs):
            x, label = (x.data, x.label) if isinstance(x, Value) else (x, "")
            self.leaves.append(Value(x, label=label or f"input {i}"))
        self.order = self._run(self.leaves)

    def _run(self, leaves: list[Value]) -> list[Value]:
        output = called(self.function, leaves)
        if not isinstance(output, Value):
            raise OperandError(
                f"check_gradients needs a function that returns a Value, got {output!r}"
            )
        return topological_sort([output], operands)

    def _run_again(self, moved: Value | None = None, x: float = 0.0) -> list[Value] | None:
        """Return the graph, with one leaf moved; None if it is another one."""
        leaves = [
            Value(x if leaf is moved else leaf.data, label=leaf.label) for leaf in self.leaves
        ]
        order = self._run(leaves)
        same = [node._op for node in order] == [node._op for node in self.order]
        return order if same else None

    def evaluate(self, moved: Value, x: float) -> list[float]:
        """Return the data of all nodes, in order, when a leaf has another value.

        Raises:
            DomainError: the function cannot be computed there.
            GradientError: it builds another graph there.
        """
        try:
            order = self._run_again(moved, x)
        except (ArithmeticError, ValueError) as error:
            raise DomainError(
                f"the function is at the border of its domain: it cannot be computed when "
                f"{named(moved)} moves from {moved.data!r} to {x!r}: {error}"
            ) from error
        if order is None:
            raise GradientError(
                f"the function builds another graph when {named(moved)} moves to {x!r}: "
                "its gradient does not exist there"
            )
        return [node.data for node in order]

    def confirm(self) -> None:
        """Raise an error if the function gives other numbers for the same inputs."""
        again = self._run_again()
        if again is None:
            raise GradientError(
                "the function is not repeatable: called again with the same inputs, it builds "
                "another graph"
            )
        for node, now in zip(self.order, again, strict=True):
            if not _same(node.data, now.data):
                name = named(node) if node.label or node._op else "a number that it makes"
                raise GradientError(
                    f"the function is not repeatable: {name} is {node.data!r}, and {now.data!r} "
                    "when it is called again with the same inputs"
                )


def _same(x: float, y: float) -> bool:
    return x == y or (math.isnan(x) and math.isnan(y))


# ── the comparison ──────────────────────────────────────────────────────────────────────────────


class _Check:
    """The comparison of a graph's rules with differences."""

    def __init__(self, graph: _Replay | _Rerun, rtol: float, atol: float) -> None:
        self.leaves, self.order, self.evaluate = graph.leaves, graph.order, graph.evaluate
        self.rtol, self.atol = rtol, atol
        self.root = self.order[-1]
        self.places = {node: i for i, node in enumerate(self.order)}

    def run(self) -> float:
        """Return the largest difference between the gradients, or raise."""
        self._check_that_it_is_finite()
        with _gradients_kept([*self.order, *self.leaves]):
            self._check_operations_of_ones_own()
            self.partials = {node: node.partials() for node in self.order}
            gradients = self._gradients_by_backward()
        pairs = zip(self.leaves, gradients, strict=True)
        return max((self._check(leaf, gradient) for leaf, gradient in pairs), default=0.0)

    def _check_that_it_is_finite(self) -> None:
        if not math.isfinite(self.root.data):
            first = next(node for node in self.order if not math.isfinite(node.data))
            raise GradientError(
                f"the result is {self.root.data}, so it has no derivative: "
                f"{named(first)} is the first that is {first.data}"
            )

    def _check_operations_of_ones_own(self) -> None:
        for node in self.order:
            for operand, what in backward_faults(node).items():
                raise GradientError(f"{named(node)} {what.format(x=_place(operand, node))}")

    def _gradients_by_backward(self) -> list[float]:
        for node in (*self.order, *self.leaves):
            node.grad = 0.0
        self.root.backward()
        return [leaf.grad for leaf in self.leaves]

    def _check(self, leaf: Value, gradient: float) -> float:
        """Move one leaf; return how far its gradient is from the central difference, or raise.

        To agree for one step is enough: a wider one may be too wide, a narrower one too narrow.
        """
        open_: dict[Value, list[Move]] = {node: [] for node in self.order}
        total: list[Move] = []  # what backward() gives, beside what the result does
        border: DomainError | GradientError | None = None
        worst: float | None = None
        for step in steps(leaf.data):
            x = leaf.data
            try:
                upper, lower = self.evaluate(leaf, x + step), self.evaluate(leaf, x - step)
            except (DomainError, GradientError) as error:
                border = border or error
                continue
            width = ((x + step) - (x - step)) / 2  # what is left of the step after rounding
            for node, move in self._moves(width, lower, upper):
                if node in open_:
                    open_[node].append(move)
                    if self._agrees(node, move):
                        del open_[node]
            if worst is None:
                data = self.root.data
                total.append(Move(width, (lower[-1], data, upper[-1]), (gradient,) * 3))
                if self._agrees(self.root, total[-1]):
                    worst = abs(total[-1].error) / max(1.0, abs(total[-1].slope))
            if worst is not None and not any(open_.values()):
                return worst
        if border and not total:
            raise border
        for node, moves in open_.items():
            if moves:
                raise GradientError(fault(moves, named(node), named(leaf)))
        if cause(total) == "wrong":
            raise GradientError(self._lost(leaf, lower, upper) or self._not_added_up(leaf, total))
        raise GradientError(fault(total, named(self.root), named(leaf)))

    def _moves(
        self, step: float, lower: Sequence[float], upper: Sequence[float]
    ) -> Iterator[tuple[Value, Move]]:
        """Yield how each node has moved whose operands have."""
        moved: dict[Value, tuple[float, float, float]] = {}  # the slopes of nodes that have
        for node, low, high in zip(self.order, lower, upper, strict=True):
            data = low, node.data, high
            terms = [
                (partial, moved[operand])
                for operand, partial in zip(operands(node), self.partials[node], strict=True)
                if operand in moved
            ]
            if any(own := slopes(data, step)):
                moved[node] = own
            if terms:
                left, both, right = (
                    math.fsum(partial * one[side] for partial, one in terms if one[side])
                    for side in range(3)
                )
                two_sided = any(one[0] for _, one in terms) and any(one[2] for _, one in terms)
                bend = None if two_sided else self._bend(node, step, lower, upper)
                yield node, Move(step, data, (left, both, right), bend)

    def _bend(
        self, node: Value, step: float, lower: Sequence[float], upper: Sequence[float]
    ) -> float:
        """Return how much a node's slope changes whose operands move to one side alone.

        They are moved as far to the other side; what is undefined there is nan. An operation of
        one's own cannot be computed there, and passes for one without a kink.
        """
        if node.primitive is None:
            return 0.0
        inputs = operands(node)
        places = [self.places[x] for x in inputs]
        ends = [mirrored(lower[i], x.data, upper[i]) for i, x in zip(places, inputs, strict=True)]
        try:
            low, high = (node.primitive.evaluate(*side) for side in zip(*ends, strict=True))
        except (ArithmeticError, ValueError):
            return math.nan
        own = [slopes((a, x.data, b), step) for (a, b), x in zip(ends, inputs, strict=True)]
        left, both, right = (
            math.fsum(p * one for p, one in zip(self.partials[node], side, strict=True) if one)
            for side in zip(*own, strict=True)
        )
        return Move(step, (low, node.data, high), (left, both, right)).gap

    def _agrees(self, node: Value, move: Move) -> bool:
        return move.agrees(self.rtol, self.atol * max(1.0, abs(node.data)))

    def _lost(self, leaf: Value, lower: Sequence[float], upper: Sequence[float]) -> str:
        """Say which node is computed from a leaf without a way for the gradient, if any is."""
        moved = {leaf}
        for node, low, high in zip(self.order, lower, upper, strict=True):
            if _same(low, high):
                continue
            if moved.isdisjoint((node, *operands(node))):
                return (
                    f"{named(node)} moves with {named(leaf)}, but is not computed from it in the "
                    "graph, so the gradient is lost there: make it of Values, as in x.exp(), or "
                    "give the operation all of its operands"
                )
            moved.add(node)
        return ""

    def _not_added_up(self, leaf: Value, total: Sequence[Move]) -> str:
        return (
            f"backward() gives {named(leaf)} the gradient {total[0].rule:.6g}, central differences "
            f"give {total[0].slope:.6g}, though each operation on the way is right"
        )


@contextmanager
def _gradients_kept(nodes: Iterable[Value]) -> Iterator[None]:
    """Leave all gradients as they were."""
    saved = {node: node.grad for node in nodes}
    try:
        yield
    finally:
        for node, gradient in saved.items():
            node.grad = gradient


def _place(operand: Value, node: Value) -> str:
    """Name an operand where Python would: by its label, or as one of the operands."""
    if operand.label:
        return operand.label if operand.label.isidentifier() else repr(operand.label)
    return f"_prev[{operands(node).index(operand)}]"
