"""Optimisers: how parameters follow their gradients downhill.

>>> from scalargrad import Value
>>> x = Value(1.0)
>>> optimizer = SGD([x], learning_rate=0.25)
>>> for _ in range(3):
...     optimizer.zero_grad()
...     (x**2).backward()
...     optimizer.step()
>>> x.data                       # 1 → 0.5 → 0.25 → 0.125
0.125

The parameters of a compiled program are one array, and move in the same way::

    optimizer = SGD(program.parameters, learning_rate=0.25)
    loss, gradient = program.value_and_grad(X)
    optimizer.step(gradient)

What an optimiser cannot do it says when it is made, and a step that fails moves nothing.

- ``optimizer.py``: what the optimisers share;
- ``methods.py``: SGD, Adam, AdamW;
- ``schedules.py``: learning rates that fall with the steps;
- ``arguments.py`` checks what they are given.
"""

from __future__ import annotations

from .methods import SGD, Adam, AdamW
from .optimizer import Optimizer
from .schedules import cosine_decay, linear_decay

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "cosine_decay", "linear_decay"]
