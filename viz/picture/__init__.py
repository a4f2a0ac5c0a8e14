"""The graph as a picture.

``tracing`` (nodes and edges) · ``folding`` (neurons and layers as one box) ← ``sketch`` (boxes and
arrows) ← ``drawing`` (DOT) ← ``rendering`` (SVG, PNG, PDF; ``embedded`` where there is no
Graphviz) ← ``shapes`` (for pages and films).
"""

from .drawing import draw_dot
from .tracing import trace

__all__ = ["draw_dot", "trace"]
