"""Neurons, layers and multilayer perceptrons, each weight a `Value`.

>>> model = MLP(3, [4, 4, 1], seed=0)
>>> len(model.parameters())
41
>>> model([2.0, 3.0, -1.0]).label
'l2.n0'

Modules have micrograd's names. Their default activation is tanh, as in micrograd's lecture.

``module`` (where parameters are found), ``choices`` (activations and first weights) and ``inputs``
(one sample, checked) ← ``layers`` (`Neuron`, `Layer`, `MLP`) ← ``torch_modules`` (from PyTorch and
back) and ``checkpoint`` (a file, with the names of ``tensors``).
"""

from .choices import ACTIVATIONS, INITIALIZERS
from .layers import MLP, Layer, Neuron
from .module import Module

__all__ = ["ACTIVATIONS", "INITIALIZERS", "MLP", "Layer", "Module", "Neuron"]
