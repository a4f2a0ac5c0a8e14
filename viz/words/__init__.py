"""The graph as text: what its nodes are called, and what is said about them.

``names`` (what a node is called) · ``notation`` (how it is written) · ``algebra`` (without what
changes nothing) ← ``formula`` ← ``tree`` (as lines) and ``steps``
(forward and backward, one by one) ← ``explain`` (a gradient, path by path) and ``audit`` (what
looks wrong).
"""

from .audit import audit
from .explain import explain
from .formula import formula
from .steps import steps
from .tree import tree

__all__ = ["audit", "explain", "formula", "steps", "tree"]
