"""The backward pass as a list of its steps, one for each edge of the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from scalargrad.engine import Value, operands
from scalargrad.graph import use_counts
from scalargrad.own import backward_faults, push

from .names import Names, named, nodes_with_numbers, number, shown, slope

__all__ = ["Edge", "Step", "Steps", "edges", "steps"]

_MOST_LINES = 200


class Edge(NamedTuple):
    """One use of an operand by a node."""

    parent: Value
    derivative: float  # ∂node/∂parent, here
    constant: bool  # the table says that the derivative is 0 for all numbers

    def push(self, gradient: float) -> float:
        """Return what the node's gradient adds to the operand's.

        A constant 0 adds nothing, not even where the gradient is infinite: the engine skips it.
        """
        return 0.0 if self.constant else gradient * self.derivative


def edges(node: Value) -> list[Edge]:
    """Return the edges from a node to its operands, in their order.

    >>> x = Value(3.0)
    >>> [edge.derivative for edge in edges(x**2)]
    [6.0, 0.0]
    """
    parents, row = operands(node), node.primitive
    if not parents:
        return []
    texts = row.partials if row else ("",) * len(parents)
    columns = zip(parents, node.partials(), texts, strict=True)
    return [Edge(parent, slope, text == "0") for parent, slope, text in columns]


class Step(NamedTuple):
    """One step of the chain rule: ∂root/∂parent += ∂root/∂node · ∂node/∂parent.

    The first step is the seed, ∂root/∂root = 1, with the root as node and as parent.
    """

    root: Value
    node: Value
    parent: Value  # the operand of the node whose gradient grows
    gradient: float  # ∂root/∂node, complete by now
    derivative: float  # ∂node/∂parent, the local derivative
    contribution: float  # gradient · derivative
    before: float  # ∂root/∂parent before this step ...
    after: float  # ... and after it
    use: int  # this is the first, second, … use of the parent ...
    uses: int  # ... of so many
    names: Mapping[Value, str]  # how the nodes of the graph are called
    fault: str = ""  # what a _backward of one's own does wrong in this step

    def __str__(self) -> str:
        root, node, parent = (self.names[x] for x in (self.root, self.node, self.parent))
        before, gradient, derivative, after = (
            f"{number(x):>8}" for x in (self.before, self.gradient, self.derivative, self.after)
        )
        if self.node is self.parent:
            return f"{after:>41}   {slope(root, root)} = 1"
        use = f", use {self.use:,} of {self.uses:,}" if self.uses > 1 else ""
        return (
            f"{before} + {gradient} · {derivative} = {after}   {slope(root, parent)} += "
            f"{slope(root, node)} · {slope(node, parent)}   ({shown(self.node._op or 'op')}{use})"
            f"{f'   {node} {self.fault}' if self.fault else ''}"
        )

    def __repr__(self) -> str:
        return str(self)


class Steps(Iterator[Step]):
    """The steps of a backward pass: a loop takes them one by one, a prompt shows them."""

    def __init__(self, root: Value, names: Names = True) -> None:
        self._order = nodes_with_numbers(root, "steps")
        self._names = named(self._order, names)
        self._left = _steps(self._order, self._names)

    def __next__(self) -> Step:
        return next(self._left)

    def __repr__(self) -> str:
        every = _steps(self._order, self._names)  # those that a loop has taken, too
        lines = [str(step) for step in islice(every, _MOST_LINES)]
        left_out = sum(1 for _ in every)
        more = [f"… {left_out:,} more steps: a loop takes them all"] if left_out else []
        return "\n".join([*lines, *more])


def steps(root: Value, *, names: Names = True) -> Steps:
    """Iterate over the backward pass of ``root``: the seed, then one step for each edge.

    A prompt shows its first 200 steps as lines.

    The steps come in the order in which ``root.backward()`` takes them, and compute what it would
    add to gradients that are 0. They only look: no ``.grad`` is read or changed, so a loop may stop
    anywhere. To see the gradients grow in the graph itself, set ``step.parent.grad = step.after``
    in the loop; all of them at once are ``{step.parent: step.after for step in steps(root)}``.

    An operation of one's own takes part with what its ``_backward`` does, right or wrong; where it
    sets a gradient instead of adding to it, or the like, the step has a ``fault`` that says so.

    Args:
        root: the result.
        names: whether a node without a label is called by the variable that holds it here; or the
            variables by hand, as ``names=locals()``.

    Raises:
        OperandError: ``root`` is no Value.

    >>> a = Value(3.0)
    >>> b = a + a
    >>> steps(b)
                                       1.0000   ∂b/∂b = 1
      0.0000 +   1.0000 ·   1.0000 =   1.0000   ∂b/∂a += ∂b/∂b · ∂b/∂a   (+, use 1 of 2)
      1.0000 +   1.0000 ·   1.0000 =   2.0000   ∂b/∂a += ∂b/∂b · ∂b/∂a   (+, use 2 of 2)
    """
    return Steps(root, names)


def _steps(order: Sequence[Value], called: Mapping[Value, str]) -> Iterator[Step]:
    root, uses = order[-1], use_counts(order, operands)
    used = dict.fromkeys(order, 0)
    gradients = dict.fromkeys(order, 0.0)
    gradients[root] = 1.0
    yield Step(root, root, root, 1.0, 1.0, 1.0, 0.0, 1.0, 0, 0, called)
    for node in reversed(order):
        gradient = gradients[node]
        ours = node.kind == "op" and node.primitive is None
        faults = backward_faults(node)
        pushed = push(node, gradient, {x: gradients[x] for x in operands(node)}) if ours else {}
        for edge in edges(node):
            parent, contribution = edge.parent, edge.push(gradient)
            before = gradients[parent]
            # All that one's own operation sends to an operand comes with its first use.
            after = pushed.pop(parent, before) if ours else before + contribution
            gradients[parent] = after
            used[parent] += 1
            fault = faults.pop(parent, "").format(x=called[parent])
            yield Step(
                root, node, parent, gradient, edge.derivative, contribution,
                before, after, used[parent], uses[parent], called, fault,
            )  # fmt: skip
