"""Pass 4, emit: each operation on blocks becomes calls of kernels.

A block is an array with the shape of the block and, if it depends on inputs, the batch as its last
axis: so each scalar of the source is a row, and a layer of weights meets a batch in one product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from ...arrays.calls import Call, Source, Step
from ...arrays.kernels import Kernel, elementwise, sum_over
from ...graph import topological_sort
from ...ops import PRIMITIVES
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
from .kernels import PRODUCT, combine, concat, logsumexp, rearrange, take

__all__ = ["INPUTS", "PARAMETERS", "WIDE", "Emitted", "emit"]

#: To copy an input beside a row of ones costs more than to add the bias, and to sum up its
#: gradient, if the input has so many times more numbers than the layer has neurons.
WIDE = 10


#: The numbers of the inputs and of the parameters, of shapes (inputs, batch) and (parameters,).
INPUTS, PARAMETERS = 0, 1

ADD, MUL = elementwise(PRIMITIVES["add"]), elementwise(PRIMITIVES["mul"])


@dataclass(frozen=True)
class Emitted:
    """A program as calls of kernels, by their numbers."""

    steps: Sequence[Step]  # operands first
    constants: dict[int, Floats]  # more sources, that are always fed the same
    lines: Sequence[int]  # of the operations, one each: what they compute
    output: int  # of shape (outputs, batch), or (outputs,) if nothing depends on inputs
    batched: bool  # whether it has a batch


def emit(raised: Raised) -> Emitted:
    """Make the calls of all operations."""
    return _Emitting(raised).run()


class _Emitting:
    """The state of the pass: the numbers of blocks, views and constants, each made once."""

    def __init__(self, raised: Raised) -> None:
        self.raised = raised
        self.steps: list[Step] = [Source("x"), Source("p")]
        x, p = raised.places.blocks[:2]
        self.blocks: dict[Block, int] = {x: INPUTS, p: PARAMETERS}
        self.views: dict[tuple[Block, tuple[ViewStep, ...]], int] = {}
        self.taken: dict[tuple[int, tuple[int, ...], bytes], int] = {}
        self.constants: dict[int, Floats] = {}
        self.known: dict[tuple[tuple[int, ...], bytes], int] = {}

    def run(self) -> Emitted:
        for block, operation in self.raised.operations:
            number = self.operation(operation, block.batched)
            self.steps[number] = self.steps[number]._replace(name=block.name)
            self.blocks[block] = number
        output = self.operand(self.raised.output, self.raised.output.batched)
        order = self.depth_first(output)
        place = {number: i for i, number in enumerate(order)}
        return Emitted(
            [self.renumbered(number, place) for number in order],
            {place[i]: values for i, values in self.constants.items() if i in place},
            [place[self.blocks[block]] for block, _ in self.raised.operations],
            place[output],
            self.raised.output.batched,
        )

    def depth_first(self, output: int) -> list[int]:
        """Return the numbers of the steps in an order in which what is computed is soon used."""
        order = topological_sort([output], lambda number: self.steps[number].operands)
        return [*dict.fromkeys([INPUTS, PARAMETERS, *order])]

    def renumbered(self, number: int, place: Mapping[int, int]) -> Step:
        step = self.steps[number]
        return step._replace(operands=tuple(place[operand] for operand in step.operands))

    def step(self, step: Step) -> int:
        """Add a step, and return its number."""
        self.steps.append(step)
        return len(self.steps) - 1

    def call(self, kernel: Kernel, *operands: int, name: str = "") -> int:
        return self.step(Call(kernel, operands, name))

    # ── operands ──

    def operand(self, operand: Operand, batched: bool, whole: bool = False) -> int:
        """Return the number of the operand's value; with an axis of length 1 if it lacks the batch.

        Args:
            operand: what to look up.
            batched: whether it is used together with operands that have a batch.
            whole: whether constants need their full shape, since nothing broadcasts them.
        """
        if isinstance(operand, Joined):
            parts = [self.operand(part, batched, whole=True) for part in operand.parts]
            return self.call(concat(len(parts), len(operand.shape) - 1), *parts)
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
            return self.blocks[operand.block]
        key = operand.block, steps
        if key not in self.views:
            kernel, block = rearrange(steps), self.blocks[operand.block]
            self.views[key] = self.call(kernel, block, name=str(operand))
        return self.views[key]

    def gather(self, operand: Gather, batched: bool) -> int:
        """Return what takes rows or scalars by a table."""
        source = self.operand(operand.source, batched, whole=True)
        key = source, operand.table.shape, operand.table.tobytes()
        if key not in self.taken:
            kernel = take(operand.table, operand.source.shape[0])
            self.taken[key] = self.call(kernel, source, name=str(operand))
        return self.taken[key]

    def constant(self, values: Floats, batched: bool, whole: bool = False) -> int:
        """Return some numbers; along an axis where all are equal it may have length 1."""
        for axis in range(0 if whole else values.ndim):
            first = np.take(values, [0], axis=axis)
            values = first if (values == first).all() else values
        values = values[..., None] if batched else values
        key = values.shape, values.tobytes()
        if key not in self.known:
            self.known[key] = self.step(Source(str(Constants(values))))
            self.constants[self.known[key]] = np.ascontiguousarray(values)
        return self.known[key]

    # ── operations ──

    def operation(self, operation: Operation, batched: bool) -> int:
        match operation:
            case Elementwise(row, operands):
                return self.call(elementwise(row), *[self.operand(x, batched) for x in operands])
            case Combination(terms, offset):
                return self.plus(self.combination(terms, batched), offset, batched)
            case Product(left, right, offset):
                return self.plus(self.product(left, right), offset, batched)
            case Dot(left, right, offset):
                axis = max(len(left.shape), len(right.shape)) - 1
                x, y = (self.operand(side, batched) for side in (left, right))
                ones = isinstance(right, Constants) and (right.values == 1).all()
                product = x if ones else self.call(MUL, x, y)
                return self.plus(self.call(sum_over(axis, axis == 0), product), offset, batched)
            case LogSumExp(x):
                axis = len(x.shape) - 1
                return self.call(logsumexp(axis, axis == 0), self.operand(x, batched))

    def plus(self, x: int, offset: Constants | None, batched: bool) -> int:
        return x if offset is None else self.add(x, self.constant(offset.values, batched))

    def add(self, x: int, y: int) -> int:
        return self.call(ADD, x, y)

    def combination(self, terms: Sequence[tuple[Operand, Operand]], batched: bool) -> int:
        """Add up products; a factor that is a single number becomes a weight.

        Terms that do not depend on the batch are added up before they meet it.
        """
        fixed = [term for term in terms if not any(side.batched for side in term)]
        moving = [term for term in terms if any(side.batched for side in term)]
        groups = [group for group in (moving, fixed) if group]
        return reduce(self.add, (self._weighted(group, batched) for group in groups))

    def _weighted(self, terms: Sequence[tuple[Operand, Operand]], batched: bool) -> int:
        operands: list[int] = []
        weights: list[float] = []
        for left, right in terms:
            if isinstance(left, Constants):
                left, right = right, left
            x = self.operand(left, batched)
            if isinstance(right, Constants) and (right.values == right.values.flat[0]).all():
                weights.append(float(right.values.flat[0]))
                operands.append(x)
            else:
                weights.append(1.0)
                operands.append(self.call(MUL, x, self.operand(right, batched)))
        return operands[0] if weights == [1.0] else self.call(combine(weights), *operands)

    def product(self, left: Operand, right: Operand) -> int:
        """Multiply each row of left with each row of right."""
        x = self.operand(left, batched=False, whole=True)
        if not right.batched:
            return self.call(PRODUCT, x, self.columns(right))
        if isinstance(right, Joined) and len(right.parts) == 2:
            fed, one = right.parts
            rows, count = left.shape
            if fed.batched and self.is_fed(fed) and _is_one(one) and count > WIDE * rows:
                weights, bias = (
                    self.call(rearrange([Slice(1, start, stop, count)]), x)
                    for start, stop in ((0, count - 1), (count - 1, count))
                )
                product = self.call(PRODUCT, weights, self.operand(fed, batched=True))
                return self.add(product, bias)
        return self.call(PRODUCT, x, self.operand(right, batched=True, whole=True))

    def columns(self, operand: Operand) -> int:
        """Return an operand with its rows as columns."""
        if isinstance(operand, Joined) and len(operand.shape) == 2:
            parts = [self.columns(part) for part in operand.parts]
            return self.call(concat(len(parts), axis=0), *parts)
        step = Permute((1, 0)) if len(operand.shape) == 2 else Reshape(1, (*operand.shape, 1))
        return self.call(rearrange([step]), self.operand(operand, batched=False, whole=True))

    def is_fed(self, operand: Operand) -> bool:
        return isinstance(operand, View) and self.blocks[operand.block] == INPUTS


def _is_one(operand: Operand) -> bool:
    return isinstance(operand, Constants) and bool((operand.values == 1).all())


def _and_reshape(
    steps: tuple[ViewStep, ...], before: tuple[int, ...], after: tuple[int, ...]
) -> tuple[ViewStep, ...]:
    """Return steps with a reshape at the end."""
    if steps and isinstance(steps[-1], Reshape):
        return (*steps[:-1], Reshape(steps[-1].before, after))
    return (*steps, Reshape(len(before), after))
