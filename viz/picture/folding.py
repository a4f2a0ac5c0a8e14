"""Folding: a graph that is too large to read becomes one of fewer, larger groups.

Nothing about it is stored on the nodes. The passes, from fine to coarse, go on until the picture is
small enough:

1. each node is a group;
2. neurons, as `viz.neurons` finds them;
3. layers: neurons with the same inputs and activation; and leaves that go to the same groups;
4. what is nearest to the root, and one group for all the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from scalargrad.engine import Value, operands
from scalargrad.graph import topological_sort, use_counts

from ..neurons import Neuron, neurons

__all__ = ["READABLE", "Group", "Limits", "fits", "fold", "way"]

Node = TypeVar("Node", bound=Hashable)


class Limits(NamedTuple):
    """What a picture may hold at most."""

    boxes: int
    arrows: int
    #: Steps that the arrows take together: Graphviz' time grows with the square of this.
    way: int


#: What can be read, and drawn without a long wait.
READABLE = Limits(300, 600, 2000)
#: So many boxes are kept if folding is not enough: such a picture is read from its root.
NEAREST = 40


@dataclass(eq=False, slots=True)
class Group:
    """What one box of a picture stands for: a node, or several nodes folded together."""

    results: Sequence[Value]  # the nodes whose numbers it shows
    kind: str = ""  # "neuron", "layer", "leaves" or "rest"; empty for a single node
    title: str = ""
    operands: list[Group] = field(default_factory=list)  # one for each use by a single node
    nodes: Sequence[Value] = ()  # all that it stands for

    @property
    def size(self) -> int:
        """How many nodes it stands for."""
        return len(self.nodes)


def fold(
    nodes: Sequence[Value], asked: bool | None = None, limits: Limits = READABLE
) -> list[Group]:
    """Return the groups of a graph, operands first, the root's last.

    Args:
        nodes: the nodes, operands first, the root last.
        asked: True folds neurons even in a small graph, False folds nothing.
        limits: how large the picture may be that is not folded further.
    """
    single = {node: Group([node], nodes=[node]) for node in nodes}
    for node, group in single.items():
        group.operands = [single[operand] for operand in operands(node)]
    groups = list(single.values())
    if asked is False or (fits(groups, limits) and not asked):
        return groups
    uses = use_counts(nodes, operands)
    boxes = {
        neuron: Group([neuron.result], kind="neuron", title=_title("neuron", neuron))
        for neuron in neurons(nodes, uses)
    }
    groups = _fold_neurons(groups, boxes, single, uses)
    if not fits(groups, limits):
        groups = _fold_leaves(_fold_layers(groups, boxes))
    if not fits(groups, limits):
        groups = _keep_nearest(groups)
    return groups


def fits(groups: Sequence[Group], limits: Limits = READABLE) -> bool:
    """Tell whether a picture of the groups can be read, and drawn without a long wait."""
    arrows = sum(len(group.operands) for group in groups)
    if len(groups) > limits.boxes or arrows > limits.arrows:
        return False
    return way(groups, lambda group: group.operands) <= limits.way


def way(order: Sequence[Node], operands: Callable[[Node], Sequence[Node]]) -> int:
    """Return over how many columns the arrows of a graph go, all together.

    Args:
        order: its nodes, operands first.
        operands: gives those of a node.
    """
    far = _longest_ways(order, operands)
    return sum(far[operand] - far[node] for node in order for operand in operands(node))


def _longest_ways(
    order: Sequence[Node], operands: Callable[[Node], Sequence[Node]]
) -> dict[Node, int]:
    """Return how far each node is from what uses nobody else, on its longest way."""
    far = dict.fromkeys(order, 0)
    for node in reversed(order):
        for operand in operands(node):
            far[operand] = max(far[operand], far[node] + 1)
    return far


def _merge(groups: Sequence[Group], merged: Iterable[tuple[Group, Sequence[Group]]]) -> list[Group]:
    """Put new groups in the place of others; between folded groups one arrow is enough."""
    home = {group: group for group in groups}
    for new, members in merged:
        home.update(dict.fromkeys(members, new))
        new.nodes = [node for member in members for node in member.nodes]
        new.operands = [operand for member in members for operand in member.operands]
    for group in dict.fromkeys(home.values()):
        group.operands = [home[operand] for operand in group.operands]
        if group.kind:
            group.operands = [each for each in dict.fromkeys(group.operands) if each is not group]
    return topological_sort([home[groups[-1]]], lambda group: group.operands)


# ── neurons ─────────────────────────────────────────────────────────────────────────────────────


def _fold_neurons(
    groups: Sequence[Group],
    boxes: Mapping[Neuron, Group],
    single: Mapping[Value, Group],
    uses: Mapping[Value, int],
) -> list[Group]:
    """Fold each neuron with the leaves that it alone uses, and the leaves that neurons share."""
    members = {box: [single[node] for node in neuron.inner] for neuron, box in boxes.items()}
    users: dict[Value, list[Group]] = {}
    for neuron, box in boxes.items():
        for leaf in _own_leaves(neuron):
            users.setdefault(leaf, []).append(box)
    shared: dict[tuple[Group, ...], list[Group]] = {}
    for leaf, homes in users.items():
        distinct = tuple(dict.fromkeys(homes))
        if len(homes) < uses[leaf]:
            continue  # it is used elsewhere, too
        if len(distinct) == 1:
            members[distinct[0]].append(single[leaf])
        else:
            shared.setdefault(distinct, []).append(single[leaf])
    return _merge(groups, [*members.items(), *map(_leaves, shared.values())])


def _own_leaves(neuron: Neuron) -> Iterator[Value]:
    """Yield weights, bias and numbers of a neuron, once for each use: all leaves but its inputs."""
    fed = {node for node in neuron.inputs if node.kind != "constant"}
    for node in neuron.inner:
        yield from (leaf for leaf in operands(node) if not operands(leaf) and leaf not in fed)


def _title(kind: str, neuron: Neuron) -> str:
    count = len(neuron.inputs)
    return " · ".join(filter(None, [kind, _symbol(neuron), f"{count} input{'s' * (count > 1)}"]))


def _symbol(neuron: Neuron) -> str:
    return "" if neuron.activation is None else neuron.activation._op


# ── layers and leaves ───────────────────────────────────────────────────────────────────────────


def _fold_layers(groups: Sequence[Group], boxes: Mapping[Neuron, Group]) -> list[Group]:
    """Fold neurons with the same inputs and activation; constants are the same if equal."""
    layers: dict[object, list[Neuron]] = {}
    for neuron in boxes:
        inputs = (each.data if each.kind == "constant" else each for each in neuron.inputs)
        layers.setdefault((_symbol(neuron), *inputs), []).append(neuron)
    merged = []
    for layer in layers.values():
        if len(layer) > 1:
            title = _title(f"layer · {len(layer)} neurons", layer[0])
            group = Group([neuron.result for neuron in layer], kind="layer", title=title)
            merged.append((group, [boxes[neuron] for neuron in layer]))
    return _merge(groups, merged)


def _fold_leaves(groups: Sequence[Group]) -> list[Group]:
    """Fold leaves that go to the same groups, if these are folded."""
    users: dict[Group, list[Group]] = {}
    for group in groups:
        for operand in group.operands:
            if not operand.operands:
                users.setdefault(operand, []).append(group)
    together: dict[tuple[Group, ...], list[Group]] = {}
    for leaf, homes in users.items():
        if all(group.kind for group in homes):
            together.setdefault(tuple(homes), []).append(leaf)
    return _merge(groups, [_leaves(some) for some in together.values() if len(some) > 1])


def _leaves(groups: list[Group]) -> tuple[Group, list[Group]]:
    """Return the group for groups of leaves, and these."""
    results = [node for group in groups for node in group.results]
    kinds = {node.kind for node in results}
    name = "parameters" if kinds == {"parameter"} else "leaves"
    return Group(results, kind="leaves", title=f"{len(results):,} {name}"), groups


# ── the rest ────────────────────────────────────────────────────────────────────────────────────


def _keep_nearest(groups: Sequence[Group]) -> list[Group]:
    """Keep the groups nearest to the root and put all others into one.

    A group counts its longest way to the root, and so is farther than all its users: what is kept
    never leads to the rest. Leaves, which depend on nothing, count their shortest way.
    """
    longest: Mapping[Group, float] = _longest_ways(groups, lambda group: group.operands)
    shortest = dict.fromkeys(groups[:-1], math.inf) | {groups[-1]: 0.0}
    for group in reversed(groups):
        for operand in group.operands:
            shortest[operand] = min(shortest[operand], shortest[group] + 1)
    distance = {group: (longest if group.operands else shortest)[group] for group in groups}
    rest = sorted(groups, key=distance.__getitem__)[NEAREST:]
    size = sum(group.size for group in rest)
    return _merge(groups, [(Group([], kind="rest", title=f"{size:,} more nodes"), rest)])
