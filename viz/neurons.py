"""The neurons of a graph, found by their structure: one answer for words, pictures and pages.

A neuron is a sum of products, each of a weight and an input, with a bias or without, and with an
activation on top or without. Those that people write themselves are found as those of
`scalargrad.nn` are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scalargrad.engine import Value, operands
from scalargrad.ops import PRIMITIVES

__all__ = ["Neuron", "neurons"]

_ADD, _MUL = PRIMITIVES["add"], PRIMITIVES["mul"]


@dataclass(eq=False, slots=True)
class Neuron:
    """A weighted sum of inputs, its bias, and the activation on top."""

    total: Value  # the sum
    activation: Value | None = None  # what is applied to it; None if the neuron is linear
    bias: Value | None = None
    weights: list[Value] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)  # one for each weight
    inner: list[Value] = field(default_factory=list)  # the operations that nobody else uses

    @property
    def result(self) -> Value:
        """The node that others use."""
        return self.total if self.activation is None else self.activation

    @property
    def parameters(self) -> list[Value]:
        """What it learns: its weights, then its bias if it has one."""
        return self.weights if self.bias is None else [*self.weights, self.bias]


def neurons(
    order: Sequence[Value], uses: Mapping[Value, int], learned: Collection[Value] = ()
) -> list[Neuron]:
    """Find the neurons of a graph, each after those that feed it.

    Args:
        order: the nodes, operands first.
        uses: how often each is used.
        learned: what may be a weight or a bias. By default these are the parameters of modules; if
            there are none any leaf may be one, and then it takes two products or an activation to
            tell a neuron from other expressions.

    >>> from scalargrad.graph import topological_sort, use_counts
    >>> w, x, b = (Value(data, label=label) for data, label in [(2.0, "w"), (3.0, "x"), (1.0, "b")])
    >>> order = topological_sort([(w * x + b).tanh()], operands)
    >>> (neuron,) = neurons(order, use_counts(order, operands), learned={w, b})
    >>> [node.label for node in neuron.parameters], neuron.inputs == [x], neuron.result._op
    (['w', 'b'], True, 'tanh')
    """
    known = {*learned} or {node for node in order if node.kind == "parameter"}
    weights = known or {node for node in order if node.kind == "leaf"}
    activations = {operands(node)[0]: node for node in order if _activates(node)}
    found = []
    for total in _totals(order, uses, weights):
        neuron = _taken_apart(total, uses, weights)
        if uses[total] == 1 and total in activations:
            neuron.activation = activations[total]
            neuron.inner.append(neuron.activation)
        if total.primitive is _MUL:
            is_one = bool(known) and neuron.inputs[0].kind != "constant"
        else:
            is_one = bool(known) or len(neuron.inputs) > 1 or neuron.activation is not None
        if is_one:
            found.append(neuron)
    return found


def _activates(node: Value) -> bool:
    """Tell whether a node applies a function, like tanh or leaky_relu with its constant slope."""
    settings = operands(node)[1:]
    return node._op[:1].isalpha() and all(each.kind == "constant" for each in settings)


def _totals(
    order: Sequence[Value], uses: Mapping[Value, int], learned: Collection[Value]
) -> Iterator[Value]:
    """Yield the products with a weight, and the largest sums of them with at most one bias."""
    biases: dict[Value, int] = {}  # how many each of these products and sums has
    terms: set[Value] = set()  # those that are part of a larger sum
    for node in order:
        if node.primitive is _MUL and _weights(node, learned):
            biases[node] = 0
        elif node.primitive is _ADD:
            parts = [x for x in operands(node) if x in biases and uses[x] == 1]
            others = [x for x in operands(node) if x not in parts]
            count = sum(biases[x] for x in parts) + sum(x in learned for x in others)
            fits = count <= 1 and all(x in learned or _is_zero(x) for x in others)
            if parts and fits:
                biases[node] = count
            terms.update(x for x in parts if fits or x.primitive is _MUL)
    yield from (node for node in biases if node not in terms)


def _is_zero(node: Value) -> bool:
    """Tell whether a node is the number with which Python's ``sum`` starts."""
    return node.kind == "constant" and node.data == 0.0


def _weights(product: Value, learned: Collection[Value]) -> list[Value]:
    """Return the operands of a product that may be its weight."""
    x, y = operands(product)
    return [each for each in (x, y) if each in learned and x is not y]


def _taken_apart(total: Value, uses: Mapping[Value, int], learned: Collection[Value]) -> Neuron:
    """Return the neuron, without an activation, that a sum or a product is."""
    neuron, products, stack = Neuron(total), list[Value](), [total]
    while stack:
        node = stack.pop()
        if node.primitive is _ADD:
            neuron.inner.append(node)
            stack.extend(operands(node)[::-1])
        elif node.primitive is _MUL:
            products.append(node)
        elif node in learned:
            neuron.bias = node
    neuron.inner += products
    # Of two leaves, the weight is the one that is used as often as the bias is.
    expected = uses[neuron.bias] if neuron.bias is not None else 1
    for product in products:
        x, y = operands(product)
        weight = min(reversed(_weights(product, learned)), key=lambda w: abs(uses[w] - expected))
        neuron.weights.append(weight)
        neuron.inputs.append(y if weight is x else x)
    return neuron
