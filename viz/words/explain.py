"""Why a gradient is what it is: the sum over all paths of the products of local derivatives."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby, pairwise
from operator import itemgetter
from typing import NamedTuple

from scalargrad.engine import Value, operands
from scalargrad.errors import OperandError
from scalargrad.graph import topological_sort

from .names import (
    LONG,
    Called,
    Names,
    about,
    elided,
    gap,
    named,
    nodes_with_numbers,
    number,
    pad,
    short,
    slope,
    width,
)  # fmt: skip
from .notation import LATEX, Term, environment
from .steps import edges

__all__ = ["Explanation", "Path", "explain"]


class Path(NamedTuple):
    """One way from a node to the result."""

    nodes: tuple[Value, ...]  # from the node to the result
    places: tuple[int, ...]  # as which operand, from 0, each node enters the next
    derivatives: tuple[float, ...]  # of the next node with respect to each
    product: float  # of the derivatives


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """A gradient as a sum over paths; a prompt shows it as text, a notebook in LaTeX."""

    x: Value
    root: Value
    gradient: float  # ∂root/∂x, summed up in the order of backward()
    count: int  # of all paths
    paths: tuple[Path, ...]  # those with the largest products, the largest first
    names: Called  # how the nodes of the graph are called

    @property
    def _is_swapped(self) -> bool:
        """Whether it is x that comes of the root."""
        return self.root in set(topological_sort([self.x], operands))

    @property
    def rest(self) -> float:
        """The sum over the paths that are not listed."""
        if len(self.paths) == self.count:
            return 0.0
        return self.gradient - sum(path.product for path in self.paths)

    def __str__(self) -> str:
        root, x = self.names[self.root], self.names[self.x]
        head = f"{slope(root, x)} = {short(self.gradient)}"
        if self.x is self.root:
            return f"{head}: it is the result itself"
        if self.count == 0:
            swapped = f"; the other way round it is explain({root}, {x})" * self._is_swapped
            return f"{head}: no path leads from {x} to {root}{swapped}"
        rows = [
            (_route(path, self.names), _product(path), number(path.product)) for path in self.paths
        ]
        more = self.count - len(self.paths)
        if more:
            rows.append((f"… and {about(more)} more", "", number(self.rest)))
        route, product, value = (max(map(width, column)) for column in zip(*rows, strict=True))
        lines = [f"  {pad(r, route)}   {pad(p, product)} = {v:>{value}}" for r, p, v in rows]
        along = f"the sum over {about(self.count)} paths" if self.count > 1 else "along one path"
        return "\n".join([f"{head}, {along}", *lines])

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        terms = [_latex_term(path, self.names) for path in self.paths if path.derivatives]
        more = self.count - len(self.paths)
        if more:
            terms.append(rf"\text{{… and {about(more)} more}} && = {_rounded(self.rest).text}")
        signs = ["=", *"+" * (len(terms) - 1), "="] if terms else ["="]
        terms.append(_rounded(self.gradient).text)
        rows = [f"& {sign} {term}" for sign, term in zip(signs, terms, strict=True)]
        rows[0] = f"{LATEX.slope(self.names[self.root], self.names[self.x])} {rows[0]}"
        return f"$${environment('aligned', rows)}$$"


def explain(x: Value, root: Value, most: int = 8, *, names: Names = True) -> Explanation:
    """Explain ∂root/∂x: every path from x to root, with the product of its local derivatives.

    The gradient is the sum over all paths of the product ∂root/∂n · … · ∂m/∂x. It equals ``x.grad``
    after a first ``root.backward()``; no ``.grad`` is read or changed.

    There may be more paths than could ever be listed. So they are counted, not enumerated; those
    with the largest products are listed, and all others stand as one number. Each node keeps only
    the best ways that lead down to it from the root, the way k longest paths are found in an
    acyclic graph: the cost is that of ``most`` backward passes.

    Args:
        x: a leaf, or any node on the way.
        root: the result.
        most: how many paths to list.
        names: whether a node without a label is called by the variable that holds it here; or the
            variables by hand, as ``names=locals()``.

    Raises:
        OperandError: ``x`` or ``root`` is no Value.

    >>> a = Value(2.0)
    >>> b = a * a
    >>> L = b + 3 * a
    >>> explain(a, L)
    ∂L/∂a = 7, the sum over 3 paths
      a → v1 → L   3 · 1 = 3.0000
      a →₁ b → L   2 · 1 = 2.0000
      a →₂ b → L   2 · 1 = 2.0000
    """
    order = nodes_with_numbers(root, "explain")
    if not isinstance(x, Value):
        raise OperandError(f"explain needs a Value to explain the gradient of, got {x!r:.60}")
    called = named(order if x in set(order) else [*order, x], names)
    between = {x}  # the nodes that depend on x
    for node in order:
        if not between.isdisjoint(operands(node)):
            between.add(node)
    if root not in between:
        return Explanation(x, root, 0.0, 0, (), called)

    gradients, counts = dict.fromkeys(between, 0.0), dict.fromkeys(between, 0)
    ways: dict[Value, list[_Way]] = {node: [] for node in between}
    gradients[root], counts[root], ways[root] = 1.0, 1, [_Way(1.0, root)]
    for node in reversed(order):
        if node is x:
            break
        if node in between:
            # A node has received everything by now. It is not kept: a count may have many digits.
            gradient, count, best = gradients[node], counts.pop(node), _best(ways.pop(node), most)
            for place, edge in enumerate(edges(node)):
                below = edge.parent
                if below in between:
                    gradients[below] += edge.push(gradient)
                    counts[below] += count
                    ways[below] += [
                        _Way(edge.push(way.product), below, place, edge.derivative, way)
                        for way in best
                    ]
    paths = tuple(map(_path, _best(ways[x], most)))
    return Explanation(x, root, gradients[x], counts[x], paths, called)


# ── the ways with the largest products ──────────────────────────────────────────────────────────


class _Way(NamedTuple):
    """A way from the result down to a node, as a linked list."""

    product: float  # of the derivatives so far
    node: Value
    place: int = 0  # as which operand the node enters the one above
    derivative: float = 1.0  # of the one above with respect to the node
    above: _Way | None = None


def _best(ways: list[_Way], most: int) -> list[_Way]:
    """Return the ways with the largest products, those that are not numbers first."""
    return heapq.nlargest(most, ways, key=_size)


def _size(way: _Way) -> float:
    return math.inf if math.isnan(way.product) else abs(way.product)


def _path(way: _Way) -> Path:
    nodes, places, derivatives, product = [way.node], [], [], way.product
    while way.above:
        places.append(way.place)
        derivatives.append(way.derivative)
        way = way.above
        nodes.append(way.node)
    return Path(tuple(nodes), tuple(places), tuple(derivatives), product)


# ── writing a path ──────────────────────────────────────────────────────────────────────────────


def _route(path: Path, called: Called) -> str:
    """Write the nodes of a path; where one enters the next twice, a number tells as which."""
    stops = [called[path.nodes[0]]]
    for (below, above), place in zip(pairwise(path.nodes), path.places, strict=True):
        twice = operands(above).count(below) > 1
        stops.append(f"→{_subscript(place + 1) if twice else ''} {called[above]}")
    if len(stops) > LONG and any(node in called.titled for node in path.nodes[1:-1]):
        # Labels tell more than the first and the last few nodes do.
        kept = [True, *[node in called.titled for node in path.nodes[1:-1]], True]
        runs = groupby(zip(kept, stops, strict=True), key=itemgetter(0))
        stops = [stop for name, run in runs for stop in ([s for _, s in run] if name else ["→ …"])]
    return " ".join(elided(stops, gap))


def _subscript(n: int) -> str:
    return str(n).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _factors(path: Path) -> list[float]:
    """Return the factors to be shown: of a long product only those that are not 1."""
    factors = list(path.derivatives)
    return factors if len(factors) <= LONG else [x for x in factors if x != 1.0] or [1.0]


def _product(path: Path) -> str:
    return " · ".join(elided([short(x) for x in _factors(path)], gap))


def _latex_term(path: Path, called: Mapping[Value, str]) -> str:
    links = pairwise(path.nodes)
    slopes = [Term(LATEX.slope(called[above], called[below])) for below, above in links]
    factors = _latex_product([_rounded(x) for x in _factors(path)])
    product = f" = {_rounded(path.product).text}" if len(slopes) > 1 else ""
    return f"{_latex_product(slopes)} && = {factors}{product}"


def _latex_product(factors: Sequence[Term]) -> str:
    shown = elided(factors, lambda _: Term(r"\cdots"))
    return reduce(lambda x, y: LATEX.infix("*", x, y), shown).text


def _rounded(x: float) -> Term:
    return LATEX.number(float(short(x)))
