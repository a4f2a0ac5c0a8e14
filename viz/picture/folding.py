"""Folding: a graph that is too large to read becomes one of fewer, larger blocks.

Nothing about it is stored on the nodes. The passes, from fine to coarse, go on until the picture is
small enough:

1. each node is a block;
2. neurons, as `viz.neurons` finds them;
3. layers: neurons with the same inputs and activation; and leaves that go to the same blocks;
4. what is nearest to the root, and one block for all the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scalargrad.engine import Value, operands
from scalargrad.graph import topological_sort, use_counts

from ..neurons import Neuron, neurons

__all__ = ["READABLE", "Block", "Limits", "fits", "fold"]


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
class Block:
    """What one box of a picture stands for: a node, or several nodes folded together."""

    results: Sequence[Value]  # the nodes whose numbers it shows
    kind: str = ""  # "neuron", "layer", "leaves" or "rest"; empty for a single node
    title: str = ""
    operands: list[Block] = field(default_factory=list)  # one for each use by a single node
    nodes: Sequence[Value] = ()  # all that it stands for

    @property
    def size(self) -> int:
        """How many nodes it stands for."""
        return len(self.nodes)


def fold(
    nodes: Sequence[Value], asked: bool | None = None, limits: Limits = READABLE
) -> list[Block]:
    """Return the blocks of a graph, operands first, the root's last.

    Args:
        nodes: the nodes, operands first, the root last.
        asked: True folds neurons even in a small graph, False folds nothing.
        limits: how large the picture may be that is not folded further.
    """
    single = {node: Block([node], nodes=[node]) for node in nodes}
    for node, block in single.items():
        block.operands = [single[operand] for operand in operands(node)]
    blocks = list(single.values())
    if asked is False or (fits(blocks, limits) and not asked):
        return blocks
    uses = use_counts(nodes, operands)
    boxes = {
        neuron: Block([neuron.result], kind="neuron", title=_title("neuron", neuron))
        for neuron in neurons(nodes, uses)
    }
    blocks = _fold_neurons(blocks, boxes, single, uses)
    if not fits(blocks, limits):
        blocks = _fold_leaves(_fold_layers(blocks, boxes))
    if not fits(blocks, limits):
        blocks = _keep_nearest(blocks)
    return blocks


def fits(blocks: Sequence[Block], limits: Limits = READABLE) -> bool:
    """Tell whether a picture of the blocks can be read, and drawn without a long wait."""
    arrows = sum(len(block.operands) for block in blocks)
    if len(blocks) > limits.boxes or arrows > limits.arrows:
        return False
    far, _ = _distances(blocks)
    steps = sum(far[operand] - far[block] for block in blocks for operand in block.operands)
    return steps <= limits.way


def _distances(blocks: Sequence[Block]) -> tuple[dict[Block, float], dict[Block, float]]:
    """Return how far each block is from the root, on its longest and on its shortest way."""
    longest = dict.fromkeys(blocks, 0.0)
    shortest = dict.fromkeys(blocks[:-1], math.inf) | {blocks[-1]: 0.0}
    for block in reversed(blocks):
        far, near = longest[block] + 1, shortest[block] + 1
        for operand in block.operands:
            longest[operand] = max(longest[operand], far)
            shortest[operand] = min(shortest[operand], near)
    return longest, shortest


def _merge(blocks: Sequence[Block], groups: Iterable[tuple[Block, Sequence[Block]]]) -> list[Block]:
    """Put a new block in the place of each group; between folded blocks one arrow is enough."""
    home = {block: block for block in blocks}
    for new, members in groups:
        home.update(dict.fromkeys(members, new))
        new.nodes = [node for member in members for node in member.nodes]
        new.operands = [operand for member in members for operand in member.operands]
    for block in dict.fromkeys(home.values()):
        block.operands = [home[operand] for operand in block.operands]
        if block.kind:
            block.operands = [each for each in dict.fromkeys(block.operands) if each is not block]
    return topological_sort([home[blocks[-1]]], lambda block: block.operands)


# ── neurons ─────────────────────────────────────────────────────────────────────────────────────


def _fold_neurons(
    blocks: Sequence[Block],
    boxes: Mapping[Neuron, Block],
    single: Mapping[Value, Block],
    uses: Mapping[Value, int],
) -> list[Block]:
    """Fold each neuron with the leaves that it alone uses, and the leaves that neurons share."""
    members = {box: [single[node] for node in neuron.inner] for neuron, box in boxes.items()}
    users: dict[Value, list[Block]] = {}
    for neuron, box in boxes.items():
        for leaf in _own_leaves(neuron):
            users.setdefault(leaf, []).append(box)
    shared: dict[tuple[Block, ...], list[Block]] = {}
    for leaf, homes in users.items():
        distinct = tuple(dict.fromkeys(homes))
        if len(homes) < uses[leaf]:
            continue  # it is used elsewhere, too
        if len(distinct) == 1:
            members[distinct[0]].append(single[leaf])
        else:
            shared.setdefault(distinct, []).append(single[leaf])
    return _merge(blocks, [*members.items(), *map(_leaves, shared.values())])


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


def _fold_layers(blocks: Sequence[Block], boxes: Mapping[Neuron, Block]) -> list[Block]:
    """Fold neurons with the same inputs and activation; constants are the same if equal."""
    layers: dict[object, list[Neuron]] = {}
    for neuron in boxes:
        inputs = (each.data if each.kind == "constant" else each for each in neuron.inputs)
        layers.setdefault((_symbol(neuron), *inputs), []).append(neuron)
    groups = []
    for layer in layers.values():
        if len(layer) > 1:
            title = _title(f"layer · {len(layer)} neurons", layer[0])
            block = Block([neuron.result for neuron in layer], kind="layer", title=title)
            groups.append((block, [boxes[neuron] for neuron in layer]))
    return _merge(blocks, groups)


def _fold_leaves(blocks: Sequence[Block]) -> list[Block]:
    """Fold leaves that go to the same blocks, if these are folded."""
    users: dict[Block, list[Block]] = {}
    for block in blocks:
        for operand in block.operands:
            if not operand.operands:
                users.setdefault(operand, []).append(block)
    groups: dict[tuple[Block, ...], list[Block]] = {}
    for leaf, homes in users.items():
        if all(block.kind for block in homes):
            groups.setdefault(tuple(homes), []).append(leaf)
    return _merge(blocks, [_leaves(group) for group in groups.values() if len(group) > 1])


def _leaves(blocks: list[Block]) -> tuple[Block, list[Block]]:
    """Return the block for blocks of leaves, and these."""
    results = [node for block in blocks for node in block.results]
    kinds = {node.kind for node in results}
    name = "parameters" if kinds == {"parameter"} else "leaves"
    return Block(results, kind="leaves", title=f"{len(results):,} {name}"), blocks


# ── the rest ────────────────────────────────────────────────────────────────────────────────────


def _keep_nearest(blocks: Sequence[Block]) -> list[Block]:
    """Keep the blocks nearest to the root and put all others into one.

    A block counts its longest way to the root, and so is farther than all its users: what is kept
    never leads to the rest. Leaves, which depend on nothing, count their shortest way.
    """
    longest, shortest = _distances(blocks)
    distance = {block: (longest if block.operands else shortest)[block] for block in blocks}
    rest = sorted(blocks, key=distance.__getitem__)[NEAREST:]
    size = sum(block.size for block in rest)
    return _merge(blocks, [(Block([], kind="rest", title=f"{size:,} more nodes"), rest)])
