"""From scalars to structure: what both machines are given.

``walk`` (the graph as a table of numbers) → ``flatten`` (chains of ``+`` as sums of products,
constants as numbers) → ``raising`` (equal operations side by side as one on blocks; ``patterns``
finds which part of which block a table of places is).
"""

from . import flatten, patterns, raising, walk

__all__ = ["flatten", "patterns", "raising", "walk"]
