"""From scalars to structure: what both machines are given.

``walk`` (the graph as a table of numbers) → ``flatten`` (chains of ``+`` as sums of products,
constants as numbers) → ``raising`` (equal operations side by side as one on blocks).

What raising is made of: ``forms`` (which operation a group is; ``axes`` finds the order and shape
of its arrays, ``sums`` what sums share), ``places`` (where scalars are; ``patterns``: views and
gathers) and ``operations`` (what comes out).
"""

from . import axes, flatten, forms, operations, patterns, places, raising, sums, walk

__all__ = [
    "axes",
    "flatten",
    "forms",
    "operations",
    "patterns",
    "places",
    "raising",
    "sums",
    "walk",
]
