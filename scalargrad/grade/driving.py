"""Driving a student's engine: its operations without its ``backward``, and the other way round.

If the results know what they were made of and how to push their gradient on, as micrograd's do
(``_prev``, ``_backward``), the graph is sorted here, so that an operation is not blamed for a wrong
sort. Else ``backward`` does it, and other gradients than 1 come about by ``*`` and ``+``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from scalargrad.graph import topological_sort
from scalargrad.patching import replaced

__all__ = ["Engine", "NotWrittenError", "failure", "is_number", "shown"]

_OPERANDS = ("_prev", "prev", "_children", "children", "_parents", "parents", "_inputs", "inputs")
_PUSHES = ("_backward", "backward_fn", "_backprop", "_grad_fn", "grad_fn", "_pull", "_push")


class NotWrittenError(Exception):
    """What the exercise asks for is not there yet."""


def shown(number: Any) -> str:
    """Write what a student's node holds: a number with six digits, anything else as it is.

    >>> shown(2 / 3), shown(None)
    ('0.666667', 'None')
    """
    return f"{float(number):.6g}" if is_number(number) else f"{number!r:.60}"


def is_number(x: Any) -> bool:
    """Whether x is a real number of any library, and no array of several.

    >>> is_number(2), is_number(None)
    (True, False)
    """
    try:
        float(x)
    except Exception:
        return False
    return not isinstance(x, str)


def failure(error: BaseException) -> str:
    """Describe an error in a few words.

    >>> failure(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    """
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text:.120}" if text else type(error).__name__


class Engine:
    """A student's class of scalars, and how to run it.

    Args:
        cls: the class.
    """

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.name = cls.__name__
        self.children = self.pusher = ""  # what its attributes are called, if it has them
        self._find_attributes()

    def _find_attributes(self) -> None:
        for make in (operator.mul, operator.add, lambda a, _: a.tanh()):
            try:
                out: Any = make(self.leaf(2.0), self.leaf(3.0))
                self.children = next((x for x in _OPERANDS if self._are_nodes(out, x)), "")
                self.pusher = next((x for x in _PUSHES if callable(getattr(out, x, None))), "")
                if self.drivable:
                    self.push([(out, 1.0)])
                    return
            except Exception:  # it is no operation to learn that from
                self.pusher = ""

    def _are_nodes(self, out: Any, attribute: str) -> bool:
        nodes = getattr(out, attribute, None)
        if not isinstance(nodes, (tuple, list, set, frozenset, dict)):
            return False
        return bool(nodes) and all(isinstance(node, self.cls) for node in nodes)

    @property
    def drivable(self) -> bool:
        """Whether the graph of a result can be walked, and its nodes push gradients one by one."""
        return bool(self.children and self.pusher)

    @staticmethod
    def waits(out: Any) -> bool:
        """Whether it is the result's own way to push its gradient on that is not written yet."""
        for push in filter(callable, (getattr(out, name, None) for name in _PUSHES)):
            try:
                push()
            except NotImplementedError:
                return True
            except Exception:  # it wants something else
                continue
        return False

    def leaf(self, x: float) -> Any:
        """Make a leaf of a number."""
        return self.cls(x)

    def operands(self, node: Any) -> Sequence[Any]:
        """Return what a node was made of, as it knows itself."""
        nodes = getattr(node, self.children, None) or () if self.children else ()
        return [node for node in nodes if isinstance(node, self.cls)]

    def order(self, roots: Sequence[Any]) -> list[Any]:
        """Return all nodes that lead to some, operands first."""

        def operands(same: _Same) -> list[_Same]:
            return [_Same(node) for node in self.operands(same.node)]

        return [each.node for each in topological_sort(map(_Same, roots), operands)]

    def push(self, seeds: Sequence[tuple[Any, float]]) -> None:
        """Leave in all nodes the gradient of the sum of some results, each times its seed."""
        if not self.drivable:
            self._push_by_backward(seeds)
            return
        self.propagate(seeds, self.order([root for root, _ in seeds])[::-1])

    def propagate(
        self, seeds: Sequence[tuple[Any, float]], order: Sequence[Any], fresh: bool = True
    ) -> None:
        """Let nodes push their gradients on, in an order, from gradients of 0 or what is there."""
        for node in order if fresh else ():
            node.grad = 0.0
        for root, seed in seeds:
            root.grad += seed
        for node in order:
            push = getattr(node, self.pusher, None)
            if callable(push):
                push()

    def _push_by_backward(self, seeds: Sequence[tuple[Any, float]]) -> None:
        parts = [root if seed == 1.0 else root * self.leaf(seed) for root, seed in seeds]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        total.backward()

    @contextmanager
    def calls(self, methods: Mapping[str, str]) -> Iterator[set[str]]:
        """Note which operations are called meanwhile, one from inside of another.

        Args:
            methods: the operation of each method that is watched.
        """
        inside: list[str] = []
        called: set[str] = set()

        def watched(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
            def call(*operands: Any, **options: Any) -> Any:
                called.update({name} if inside else ())
                inside.append(name)
                try:
                    return method(*operands, **options)
                finally:
                    inside.pop()

            return call

        watching = {
            name: watched(operation, getattr(self.cls, name))
            for name, operation in methods.items()
            if hasattr(self.cls, name)
        }
        with replaced(self.cls, watching):
            yield called


class _Same:
    """A node as a key by identity, whatever its class makes of == and hash."""

    def __init__(self, node: Any) -> None:
        self.node = node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.node is other.node

    def __hash__(self) -> int:
        return id(self.node)
