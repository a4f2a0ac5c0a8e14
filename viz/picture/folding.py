"""Folding: a graph that is too large to read becomes one of fewer, larger blocks.

Nothing about it is stored on the nodes. Neurons are found by their structure, so those that people
write themselves fold as those of `scalargrad.nn` do. The passes, from fine to coarse, go on until
the picture is small enough:

1. each node is a block;
2. neurons: sums of products with weights, a bias, and the activation on top;
3. layers: neurons with the same inputs and activation; and leaves that go to the same blocks;
4. what is nearest to the root, and one block for all the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scalargrad.engine import Value, operands
from scalargrad.graph import topological_sort, use_counts
from scalargrad.ops import PRIMITIVES

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

_ADD, _MUL = PRIMITIVES["add"], PRIMITIVES["mul"]


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
    neurons = _neurons(nodes, uses)
    blocks = _fold_neurons(blocks, neurons, single, uses)
    if not fits(blocks, limits):
        blocks = _fold_leaves(_fold_layers(blocks, neurons))
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


@dataclass(eq=False, slots=True)
class _Neuron:
    """A sum of products with weights, its bias, and the activation on top."""

    result: Value
    inner: list[Value]  # the sums, the products and the activation: nobody else uses them
    inputs: list[Value]
    own: list[Value]  # leaves: weights, bias and constants
    activation: str
    block: Block


def _neurons(nodes: Sequence[Value], uses: dict[Value, int]) -> list[_Neuron]:
    """Find the neurons of a graph: trees of sums over products with a leaf, used nowhere else."""
    products: dict[Value, int] = {}  # how many products a sum adds, where it may be in a neuron
    inner: set[Value] = set()  # sums and products that are part of a larger sum
    activations: dict[Value, Value] = {}  # by what they are applied to
    for node in nodes:
        primitive = node.primitive
        if primitive is _MUL:
            if _weights(node):
                products[node] = 1
        elif primitive is _ADD:
            terms = operands(node)
            parts = [term for term in terms if term in products and uses[term] == 1]
            if parts and all(term in parts or _is_bias(term) for term in terms):
                products[node] = sum(products[part] for part in parts)
                inner.update(parts)
        elif _activates(node):
            activations[operands(node)[0]] = node
    neurons = []
    for top, count in products.items():
        if top.primitive is _ADD and top not in inner:
            activation = activations.get(top) if uses[top] == 1 else None
            if count > 1 or activation is not None:  # a bare a * x + b is no neuron
                neurons.append(_neuron(top, activation, uses))
    return neurons


def _neuron(top: Value, activation: Value | None, uses: dict[Value, int]) -> _Neuron:
    """Take the neuron apart whose last sum is ``top``."""
    sums, products, biases = [], [], []
    stack = [top]
    while stack:
        node = stack.pop()
        if node.primitive is _ADD:
            sums.append(node)
            stack.extend(operands(node)[::-1])
        elif node.primitive is _MUL:
            products.append(node)
        else:
            biases.append(node)
    bias_uses = max((uses[bias] for bias in biases), default=1)
    inputs, own = [], biases
    for product in products:
        weight = _weight(product, uses, bias_uses)
        (value,) = (each for each in operands(product) if each is not weight)
        inputs.append(value)
        own.append(weight)
        if value.kind == "constant":
            own.append(value)
    inner, result, symbol = [*sums, *products], top, ""
    if activation is not None:
        inner.append(activation)
        own += operands(activation)[1:]
        result, symbol = activation, activation._op
    title = _title("neuron", symbol, f"{len(inputs)} input{'s' * (len(inputs) > 1)}")
    block = Block([result], kind="neuron", title=title)
    return _Neuron(result, inner, inputs, own, symbol, block)


def _is_bias(node: Value) -> bool:
    """Tell whether a node is a leaf that may be a bias, or the 0 with which ``sum()`` starts."""
    return not operands(node) and (node.kind != "constant" or node.data == 0.0)


def _activates(node: Value) -> bool:
    """Tell whether a node applies a function, like tanh or leaky_relu with its constant slope."""
    settings = operands(node)[1:]
    return node._op[:1].isalpha() and all(each.kind == "constant" for each in settings)


def _weights(product: Value) -> list[Value]:
    """Return the operands of a product that may be its weight: leaves other than numbers."""
    x, y = operands(product)
    return [each for each in (x, y) if each.kind in ("leaf", "parameter") and x is not y]


def _weight(product: Value, uses: dict[Value, int], bias_uses: int) -> Value:
    """Return the weight; of two leaves it is a parameter, or what is used as often as the bias."""

    def doubt(leaf: Value) -> tuple[bool, int]:
        return leaf.kind != "parameter", abs(uses[leaf] - bias_uses)

    return min(reversed(_weights(product)), key=doubt)


def _title(*parts: str) -> str:
    return " · ".join(filter(None, parts))


def _fold_neurons(
    blocks: Sequence[Block],
    neurons: Sequence[_Neuron],
    single: dict[Value, Block],
    uses: dict[Value, int],
) -> list[Block]:
    """Fold each neuron with the leaves that it alone uses, and the leaves that neurons share."""
    members = {neuron.block: [single[node] for node in neuron.inner] for neuron in neurons}
    users: dict[Value, list[Block]] = {}
    for neuron in neurons:
        for leaf in neuron.own:
            users.setdefault(leaf, []).append(neuron.block)
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


# ── layers and leaves ───────────────────────────────────────────────────────────────────────────


def _fold_layers(blocks: Sequence[Block], neurons: Iterable[_Neuron]) -> list[Block]:
    """Fold neurons with the same inputs and activation; constants are the same if equal."""
    layers: dict[object, list[_Neuron]] = {}
    for neuron in neurons:
        inputs = (each.data if each.kind == "constant" else each for each in neuron.inputs)
        layers.setdefault((neuron.activation, *inputs), []).append(neuron)
    groups = []
    for layer in layers.values():
        if len(layer) > 1:
            count = len(layer[0].inputs)
            title = _title(
                "layer",
                f"{len(layer)} neurons",
                layer[0].activation,
                f"{count} input{'s' * (count > 1)}",
            )
            block = Block([neuron.result for neuron in layer], kind="layer", title=title)
            groups.append((block, [neuron.block for neuron in layer]))
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
