"""What runs a miniflow graph, where a student has written it: the sort, and both passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .arrays import CONSUMERS, sent
from .driving import failure
from .findings import MISSING, RIGHT, WRONG, Finding
from .guesses import same

__all__ = ["FUNCTIONS", "check_flow"]

#: The functions that are looked for.
FUNCTIONS = ("topological_sort", "forward_and_backward", "value_and_grad")
_CODE = "x = 2, y = 3: g = Mul(x, y), h = Add(g, x), f = Mul(g, h)"
_EXPECTED = (48.0, 28.0)  # ∂f/∂x and ∂f/∂y, where f = xy·(xy + x)


class _End:
    """What stands behind a result and sends 1, since many nodes pass on only what comes to them."""

    def __init__(self, node: Any) -> None:
        self.inbound_nodes = self.input_nodes = [node]
        self.outbound_nodes: list[Any] = []
        self.output_nodes = self.outbound_nodes
        self.value: Any = None
        self.gradients: dict[Any, Any] = {}
        for name in CONSUMERS:
            if hasattr(node, name):
                getattr(node, name).append(self)

    def forward(self) -> None:
        """Pass the value on."""
        self.value = self.inbound_nodes[0].value

    def backward(self) -> None:
        """Send 1."""
        self.gradients = self.dvalues = {self.inbound_nodes[0]: np.array(1.0)}


def check_flow(
    functions: Mapping[str, Callable[..., Any]], nodes: Mapping[str, type]
) -> list[Finding]:
    """Check a student's functions on a small graph with two diamonds."""
    findings: list[Finding] = []
    for name, function in functions.items():
        x, y = nodes["Input"](), nodes["Input"]()
        product = nodes["Mul"](x, y)
        result = _End(nodes["Mul"](product, nodes["Add"](product, x)))
        feed = {x: np.array(2.0), y: np.array(3.0)}
        try:
            if name == "value_and_grad":
                _, gradients = function(result, feed, [x, y])
                got = [*gradients]
            elif name == "topological_sort":
                findings.append(_sorted(function(feed), result))
                continue
            elif "topological_sort" in functions:
                function(functions["topological_sort"](feed))
                got = [sent(x, x), sent(y, y)]
            else:
                continue
        except NotImplementedError:
            findings.append(Finding(name, "forward", MISSING, f"{name} is still to be written"))
            continue
        except Exception as error:
            findings.append(_wrong(name, "fails", got=failure(error)))
            continue
        if any(each is None for each in got):
            findings.append(Finding(name, "forward", MISSING, f"{name} leaves no gradients yet"))
        elif all(map(same, _EXPECTED, got)):
            findings.append(Finding(name, "forward", RIGHT))
        else:
            findings.append(_wrong(name, "gives wrong gradients", "", f"{_EXPECTED}", f"{got}"))
    return findings


def _sorted(order: Any, result: Any) -> Finding:
    """Check that each node comes once, and after its operands."""
    name = "topological_sort"
    if order is None:
        text = f"{name} is still to be written: it returns nothing"
        return Finding(name, "forward", MISSING, text)
    order = [*order]
    places = {id(node): i for i, node in enumerate(order)}
    if len(places) != len(order):
        return _wrong(name, "lists a node twice")
    if id(result) not in places or len(order) != 6:
        return _wrong(name, "leaves nodes out", "", "all nodes", f"{len(order)}")
    for node in order:
        for operand in getattr(node, "inbound_nodes", ()):
            if places.get(id(operand), -1) > places[id(node)]:
                return _wrong(name, "lists a node before what it was made of", "preorder")
    return Finding(name, "forward", RIGHT)


def _wrong(name: str, what: str, key: str = "", expected: str = "", got: str = "") -> Finding:
    return Finding(name, "forward", WRONG, f"{name} {what}", key, _CODE, expected, got)
