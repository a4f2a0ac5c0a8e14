"""Pass 4, emit: each operation on blocks becomes nodes of a miniflow graph.

A block is an array with the shape of the block and, if it depends on inputs, the batch as its last
axis: so each scalar of the source is a row, and a layer of weights meets a batch in one product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import attrgetter

import numpy as np

from ...graph import topological_sort
from ...miniflow.node import Input, Node
from ...miniflow.nodes import Add, Mul, Sum, elementwise_node
from ..passes.operations import Combination, Dot, Elementwise, LogSumExp, Operation, Product
from ..passes.patterns import (
    Block,
    Constants,
    Gather,
    Joined,
    Operand,
    Permute,
    Reshape,
    Slice,
    View,
    ViewStep,
)
from ..passes.raising import Raised
from ..passes.walk import Floats
from .nodes import Combine, Concat, Rearrange, Take
from .nodes import LogSumExp as LogSumExpNode
from .nodes import Product as ProductNode

__all__ = ["WIDE", "Emitted", "emit"]

#: To copy an input beside a row of ones costs more than to add the bias, and to sum up its
#: gradient, if the input has so many times more numbers than the layer has neurons.
WIDE = 10


@dataclass
class Emitted:
    """A miniflow graph: where to feed it, and what it computes."""

    x: Input  # of shape (inputs, batch)
    p: Input  # of shape (parameters,)
    constants: dict[Node, Floats]  # more Inputs, that are always fed the same
    nodes: list[Node]  # of the operations, one each: what they compute
    output: Node  # of shape (outputs, batch), or (outputs,) if nothing depends on inputs
    batched: bool  # whether it has a batch

    def forget(self) -> None:
        """Remove what the last run left in the nodes."""
        for node in topological_sort([self.output], attrgetter("inbound_nodes")):
            node.value, node.gradient, node.gradients = self.constants.get(node), None, {}


def emit(raised: Raised) -> Emitted:
    """Make the nodes of all operations."""
    return _Emitting(raised).run()


class _Emitting:
    """The state of the pass: the nodes of blocks, views and constants, each made once."""

    def __init__(self, raised: Raised) -> None:
        self.raised = raised
        self.x, self.p = Input("x"), Input("p")
        x, p = raised.places.blocks[:2]
        self.nodes: dict[Block, Node] = {x: self.x, p: self.p}
        self.views: dict[tuple[Block, tuple[ViewStep, ...]], Node] = {}
        self.taken: dict[tuple[Node, tuple[int, ...], bytes], Node] = {}
        self.constants: dict[Node, Floats] = {}
        self.known: dict[tuple[tuple[int, ...], bytes], Node] = {}

    def run(self) -> Emitted:
        for block, operation in self.raised.operations:
            node = self.operation(operation, block.batched)
            node.name = block.name
            self.nodes[block] = node
        nodes = [self.nodes[block] for block, _ in self.raised.operations]
        output = self.operand(self.raised.output, self.raised.output.batched)
        return Emitted(self.x, self.p, self.constants, nodes, output, self.raised.output.batched)

    # ── operands ──

    def operand(self, operand: Operand, batched: bool, whole: bool = False) -> Node:
        """Return a node of the operand's value; with an axis of length 1 if it lacks the batch.

        Args:
            operand: what to look up.
            batched: whether it is used together with operands that have a batch.
            whole: whether constants need their full shape, since nothing broadcasts them.
        """
        if isinstance(operand, Joined):
            parts = [self.operand(part, batched, whole=True) for part in operand.parts]
            return Concat(parts, axis=len(operand.shape) - 1)
        if isinstance(operand, Constants):
            return self.constant(operand.values, batched, whole)
        if isinstance(operand, Gather):
            return self.gather(operand, batched)
        steps = operand.steps
        if batched and not operand.batched:
            shape = tuple(
                n if s else 1 for n, s in zip(operand.shape, operand.strides, strict=True)
            )
            steps = _and_reshape(steps, shape, (*shape, 1))
        if not steps:
            return self.nodes[operand.block]
        key = operand.block, steps
        if key not in self.views:
            self.views[key] = Rearrange(self.nodes[operand.block], steps, name=str(operand))
        return self.views[key]

    def gather(self, operand: Gather, batched: bool) -> Node:
        """Return the node that takes rows or scalars by a table."""
        source = self.operand(operand.source, batched, whole=True)
        key = source, operand.table.shape, operand.table.tobytes()
        if key not in self.taken:
            rows = operand.source.shape[0]
            self.taken[key] = Take(source, operand.table, rows, name=str(operand))
        return self.taken[key]

    def constant(self, values: Floats, batched: bool, whole: bool = False) -> Node:
        """Return a node of some numbers; along an axis where all are equal it may have length 1."""
        for axis in range(0 if whole else values.ndim):
            first = np.take(values, [0], axis=axis)
            values = first if (values == first).all() else values
        values = values[..., None] if batched else values
        key = values.shape, values.tobytes()
        if key not in self.known:
            self.known[key] = Input(str(Constants(values)))
            self.constants[self.known[key]] = np.ascontiguousarray(values)
        return self.known[key]

    # ── operations ──

    def operation(self, operation: Operation, batched: bool) -> Node:
        match operation:
            case Elementwise(row, operands):
                return elementwise_node(row.name)(*(self.operand(x, batched) for x in operands))
            case Combination(terms, offset):
                return self.plus(self.combination(terms, batched), offset, batched)
            case Product(left, right, offset):
                return self.plus(self.product(left, right), offset, batched)
            case Dot(left, right, offset):
                axis = max(len(left.shape), len(right.shape)) - 1
                x, y = (self.operand(side, batched) for side in (left, right))
                ones = isinstance(right, Constants) and (right.values == 1).all()
                product = x if ones else Mul(x, y)
                return self.plus(Sum(product, axis=axis, keepdims=axis == 0), offset, batched)
            case LogSumExp(x):
                axis = len(x.shape) - 1
                return LogSumExpNode(self.operand(x, batched), axis, keepdims=axis == 0)

    def plus(self, node: Node, offset: Constants | None, batched: bool) -> Node:
        return node if offset is None else Add(node, self.constant(offset.values, batched))

    def combination(self, terms: Sequence[tuple[Operand, Operand]], batched: bool) -> Node:
        """Add up products; a factor that is a single number becomes a weight.

        Terms that do not depend on the batch are added up before they meet it.
        """
        fixed = [term for term in terms if not any(side.batched for side in term)]
        moving = [term for term in terms if any(side.batched for side in term)]
        groups = [group for group in (moving, fixed) if group]
        return reduce(Add, (self._weighted(group, batched) for group in groups))

    def _weighted(self, terms: Sequence[tuple[Operand, Operand]], batched: bool) -> Node:
        nodes: list[Node] = []
        weights: list[float] = []
        for left, right in terms:
            if isinstance(left, Constants):
                left, right = right, left
            x = self.operand(left, batched)
            if isinstance(right, Constants) and (right.values == right.values.flat[0]).all():
                weights.append(float(right.values.flat[0]))
                nodes.append(x)
            else:
                weights.append(1.0)
                nodes.append(Mul(x, self.operand(right, batched)))
        return nodes[0] if weights == [1.0] else Combine(nodes, weights)

    def product(self, left: Operand, right: Operand) -> Node:
        """Multiply each row of left with each row of right."""
        x = self.operand(left, batched=False, whole=True)
        if not right.batched:
            return ProductNode(x, self.columns(right))
        if isinstance(right, Joined) and len(right.parts) == 2:
            fed, one = right.parts
            rows, count = left.shape
            if fed.batched and self.is_fed(fed) and _is_one(one) and count > WIDE * rows:
                weights, bias = (
                    Rearrange(x, [Slice(1, start, stop, count)])
                    for start, stop in ((0, count - 1), (count - 1, count))
                )
                return Add(ProductNode(weights, self.operand(fed, batched=True)), bias)
        return ProductNode(x, self.operand(right, batched=True, whole=True))

    def columns(self, operand: Operand) -> Node:
        """Return the node of an operand whose rows are to be columns."""
        if isinstance(operand, Joined) and len(operand.shape) == 2:
            return Concat([self.columns(part) for part in operand.parts], axis=0)
        node = self.operand(operand, batched=False, whole=True)
        return Rearrange(
            node,
            [Permute((1, 0))] if len(operand.shape) == 2 else [Reshape(1, (*operand.shape, 1))],
        )

    def is_fed(self, operand: Operand) -> bool:
        return isinstance(operand, View) and self.nodes[operand.block] is self.x


def _is_one(operand: Operand) -> bool:
    return isinstance(operand, Constants) and bool((operand.values == 1).all())


def _and_reshape(
    steps: tuple[ViewStep, ...], before: tuple[int, ...], after: tuple[int, ...]
) -> tuple[ViewStep, ...]:
    """Return steps with a reshape at the end."""
    if steps and isinstance(steps[-1], Reshape):
        return (*steps[:-1], Reshape(steps[-1].before, after))
    return (*steps, Reshape(len(before), after))
