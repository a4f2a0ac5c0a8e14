"""Nodes of a miniflow over Inputs of their own."""

from scalargrad.miniflow import DummyGrad, Input, Node, value_and_grad


def run(node_type, *values, seed=None, **options):
    """Return the value of a node over Inputs, and its gradient with respect to each of them."""
    inputs = [Input(f"x{i}") for i in range(len(values))]
    node = DummyGrad(node_type(*inputs, **options))
    feed_dict = dict(zip(inputs, values, strict=True))
    if seed is not None:
        feed_dict[node] = seed
    return value_and_grad(node, feed_dict, inputs)


class Square(Node):
    """A node of one's own that keeps an array of its last run."""

    def __init__(self, x):
        Node.__init__(self, [x])

    def forward(self):
        self.x = self.inbound_nodes[0].value
        self.value = self.x**2

    def backward(self):
        self.gradients = dict.fromkeys(self.inbound_nodes, 0.0)
        for node in self.outbound_nodes:
            self.gradients[self.inbound_nodes[0]] += 2 * self.x * node.gradients[self]


class Scaled(Node):
    """A node of one's own with a setting."""

    def __init__(self, x, factor):
        Node.__init__(self, [x])
        self.factor = factor

    def forward(self):
        self.value = self.factor * self.inbound_nodes[0].value.sum()

    def backward(self):
        self.gradients = {self.inbound_nodes[0]: self.factor}
