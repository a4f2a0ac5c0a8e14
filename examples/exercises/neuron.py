"""Exercise: from numbers to a network.

    Neuron(n)        n weights and a bias; of inputs x it makes tanh(Σ wᵢ·xᵢ + b)
    Layer(n, width)  so many neurons with the same n inputs; it returns the list of their outputs
    MLP(n, widths)   layers, each of which takes what the one before it gives; the last one's single
                     output is returned without its list

Each has `parameters()`: the list of all its weights and biases. Weights begin as random numbers
from -1 to 1, biases as 0.

Then: python -m scalargrad.grade neuron.py
"""

import random

from scalargrad import Value


class Neuron:
    def __init__(self, n):
        self.w = [Value(random.uniform(-1, 1)) for _ in range(n)]
        self.b = Value(0.0)

    def __call__(self, x):
        raise NotImplementedError  # your code

    def parameters(self):
        raise NotImplementedError  # your code


class Layer:
    def __init__(self, n, width):
        self.neurons = [Neuron(n) for _ in range(width)]

    def __call__(self, x):
        raise NotImplementedError  # your code

    def parameters(self):
        raise NotImplementedError  # your code


class MLP:
    def __init__(self, n, widths):
        sizes = [n, *widths]
        self.layers = [Layer(sizes[i], sizes[i + 1]) for i in range(len(widths))]

    def __call__(self, x):
        raise NotImplementedError  # your code

    def parameters(self):
        raise NotImplementedError  # your code
