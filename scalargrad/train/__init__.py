"""Training: go through data in batches and let an optimiser follow the gradient of the mean loss.

Compiled, a step touches no `Value`: the loss of one sample is traced once and runs on batches.
Scalar by scalar, the same loop builds the graph of every batch. Both give the same curve.

``samples`` (data as rows), ``arguments`` and ``history`` ← ``trainer`` (a model that is trained),
``eager`` and ``compiled`` (the two ways to make a step) ← ``prepare`` (what is to be trained,
checked) ← ``loop`` (`fit`), with ``interrupts`` (Ctrl-C).
"""

from .compiled import CHUNK
from .history import History
from .loop import fit
from .prepare import Traced, trace_loss

__all__ = ["CHUNK", "History", "Traced", "fit", "trace_loss"]
