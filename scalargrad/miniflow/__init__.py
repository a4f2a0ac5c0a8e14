"""miniflow: a static graph over arrays, as in the labs that build one to see how TensorFlow works.

A graph of nodes is defined first, and run later, forward and backward, on whatever is fed:

>>> from scalargrad.miniflow import *
>>> X, W, b = Input(), Input(), Input()
>>> f = Sigmoid(Linear(X, W, b))
>>> feed_dict = {X: np.ones((4, 2)), W: np.zeros((2, 3)), b: np.zeros(3)}
>>> value, (gradient,) = value_and_grad(f, feed_dict, wrt=[b])
>>> gradient                                    # the sum over four rows of 0.5 · (1 - 0.5)
array([1., 1., 1.])

What the public miniflow labs import from their ``miniflow`` is here under the same names, NumPy as
``np`` included; their layer style is in ``layers.py``. What the nodes compute are the kernels of
`scalargrad.arrays`. Read the source in this order: ``node.py``, ``nodes.py``, ``losses.py``,
``run.py``, ``results.py``, ``plan.py``. Then ``straight.py`` shows how a graph runs fast,
``weak.py`` how it is let go, ``expand.py`` what it is in scalars, ``check.py`` whether its
gradients are right.
"""

import numpy as np

from .check import check_node_gradients
from .expand import expand
from .losses import MSE, CrossEntropy, CrossEntropyWithSoftmax
from .node import DummyGrad, GraphError, Input, Node
from .nodes import (
    Add,
    BiasAdd,
    Div,
    Elementwise,
    Exp,
    Linear,
    Log,
    MatMul,
    Mean,
    Mul,
    ReLU,
    Sigmoid,
    Softmax,
    Sub,
    Sum,
    Tanh,
    elementwise_node,
)
from .run import (
    accuracy,
    forward_and_backward,
    forward_pass,
    forward_pass_graph,
    sgd_update,
    topological_sort,
    value_and_grad,
)

__all__ = [
    "MSE",
    "Add",
    "BiasAdd",
    "CrossEntropy",
    "CrossEntropyWithSoftmax",
    "Div",
    "DummyGrad",
    "Elementwise",
    "Exp",
    "GraphError",
    "Input",
    "Linear",
    "Log",
    "MatMul",
    "Mean",
    "Mul",
    "Node",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Sub",
    "Sum",
    "Tanh",
    "accuracy",
    "check_node_gradients",
    "elementwise_node",
    "expand",
    "forward_and_backward",
    "forward_pass",
    "forward_pass_graph",
    "np",
    "sgd_update",
    "topological_sort",
    "value_and_grad",
]
