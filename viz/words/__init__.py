"""The graph as text: what its nodes are called, and what is said about them.

``names`` (what a node is called) · ``notation`` (how it is written) · ``algebra`` (without what
changes nothing) ← ``formula`` ← ``tree`` (as lines) and ``steps`` (forward and backward, one by
one) ← ``explain`` (a gradient, path by path) and ``audit`` (what looks wrong), whose ``findings``
are a thing to print.

A module is called like the function that it is about: `viz` offers the functions.
"""
