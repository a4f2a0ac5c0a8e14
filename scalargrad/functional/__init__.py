"""Composites over sequences of scalars: sums, softmax, losses, and what layers are made of.

Every function takes lists of Values or numbers and returns Values made of the primitives alone, so
whatever can be done with a Value (drawing it, differentiating it twice) can be done with these.
None of them branches on data: the graph has the same shape for all inputs of the same length.

- ``sequences.py``: where, sum, dot, mean, logsumexp, softmax, log_softmax;
- ``losses.py``: mse, mae, hinge and the cross-entropies;
- ``layers.py``: rms_norm, layer_norm, embedding, attention.

``arguments.py`` checks what they are given, and ``formulas.py`` is what several of them share.
"""

from __future__ import annotations

from .layers import attention, embedding, layer_norm, rms_norm
from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    mae,
    mse,
)
from .sequences import dot, log_softmax, logsumexp, mean, softmax, where
from .sequences import sum as sum

__all__ = [
    "attention",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dot",
    "embedding",
    "hinge",
    "layer_norm",
    "log_softmax",
    "logsumexp",
    "mae",
    "mean",
    "mse",
    "rms_norm",
    "softmax",
    "where",
]  # and sum, which a star import must not put in the place of the builtin
