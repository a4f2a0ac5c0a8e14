"""Exercise: the nodes of a static graph over arrays.

Each node takes the values of its `inbound_nodes` and makes its own `value` of them (`forward`).
On the way back it adds up what its `outbound_nodes` send to it, and leaves in `gradients` what it
sends on to each operand (`backward`). `Add` is done. Write the holes of the others:

    Mul              x * y, element by element
    Linear           x @ w + b, for x of shape (m, n), w (n, p) and b (p,)
    Sigmoid          1 / (1 + exp(-x)), element by element
    MSE              mean((y - a)²), a number

Then: python -m scalargrad.grade nodes.py
"""

import numpy as np


class Node:
    def __init__(self, inbound_nodes=()):
        self.inbound_nodes = list(inbound_nodes)
        self.outbound_nodes = []
        self.value = None
        self.gradients = {}
        for node in self.inbound_nodes:
            node.outbound_nodes.append(self)

    def forward(self):
        raise NotImplementedError

    def backward(self):
        raise NotImplementedError

    def gradient_from_above(self):
        """Add up what comes from each consumer; a node without any is the result itself."""
        if not self.outbound_nodes:
            return np.ones_like(self.value)
        return sum(node.gradients[self] for node in dict.fromkeys(self.outbound_nodes))

    def zeros(self):
        """Return gradients of zero, one for each operand: to add to."""
        return {node: np.zeros(np.shape(node.value)) for node in self.inbound_nodes}


class Input(Node):
    def forward(self):
        pass  # its value is set from outside

    def backward(self):
        self.gradients = {self: self.gradient_from_above()}


class Add(Node):
    def __init__(self, x, y):
        super().__init__([x, y])

    def forward(self):
        x, y = self.inbound_nodes
        self.value = x.value + y.value

    def backward(self):
        x, y = self.inbound_nodes
        g = self.gradient_from_above()
        self.gradients = self.zeros()
        self.gradients[x] += g  # += because x and y may be the same node
        self.gradients[y] += g


class Mul(Node):
    def __init__(self, x, y):
        super().__init__([x, y])

    def forward(self):
        raise NotImplementedError  # your code

    def backward(self):
        raise NotImplementedError  # your code


class Linear(Node):
    def __init__(self, x, w, b):
        super().__init__([x, w, b])

    def forward(self):
        raise NotImplementedError  # your code

    def backward(self):
        raise NotImplementedError  # your code


class Sigmoid(Node):
    def __init__(self, x):
        super().__init__([x])

    def forward(self):
        raise NotImplementedError  # your code

    def backward(self):
        raise NotImplementedError  # your code


class MSE(Node):
    def __init__(self, y, a):
        super().__init__([y, a])

    def forward(self):
        raise NotImplementedError  # your code

    def backward(self):
        raise NotImplementedError  # your code
