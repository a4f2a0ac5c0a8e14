"""From scalars to structure: what both machines are given.

``walk`` (the graph as a table of numbers) → ``flatten`` (chains of ``+`` as sums of products,
constants as numbers) → ``raising`` (equal operations side by side as one on blocks): ``levels``
says what may be done at once, ``forms`` which operation on arrays (``operations``) a group is,
``axes`` in which order and shape, ``places`` as which parts of blocks (``patterns``) its operands
are found, and ``sums`` what sums share.
"""

from . import axes, flatten, forms, levels, operations, patterns, places, raising, sums, walk

__all__ = [
    "axes",
    "flatten",
    "forms",
    "levels",
    "operations",
    "patterns",
    "places",
    "raising",
    "sums",
    "walk",
]
