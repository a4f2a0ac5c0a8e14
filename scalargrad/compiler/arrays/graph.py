"""The miniflow graph of a program: calls as nodes, to be drawn, read and checked one by one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from ...arrays.calls import Call, Source, Step
from ...arrays.kernels import Kernel
from ...miniflow.node import Input, Node, Op
from ...miniflow.nodes import elementwise_node
from ...ops import PRIMITIVES
from ..passes.walk import Floats

__all__ = ["miniflow_nodes"]


def miniflow_nodes(steps: Iterable[Step], constants: dict[int, Floats]) -> list[Node]:
    """Return a node for each step; those of constants have their values."""
    nodes: list[Node] = []
    for number, step in enumerate(steps):
        if isinstance(step, Source):
            node: Node = Input(step.name)
            node.value = constants.get(number)
        else:
            node = _node(step, [nodes[i] for i in step.operands])
        nodes.append(node)
    return nodes


def _node(call: Call, operands: list[Node]) -> Node:
    if call.kernel.name in PRIMITIVES:
        node: Op = elementwise_node(call.kernel.name)(*operands, name=call.name)
        node.kernel = call.kernel
        return node
    return _kind(call.kernel)(operands, call.name)


@cache
def _kind(kernel: Kernel) -> type[Op]:
    """Return the class of nodes with a kernel, which has its name."""
    return type(kernel.name, (Op,), {"kernel": kernel, "__module__": __name__})
