"""The graph as a picture.

``tracing`` (nodes and edges) · ``folding`` (neurons and layers as one box) ← ``sketch`` (boxes and
arrows) ← ``drawing`` (DOT) ← ``rendering`` (SVG, PNG, PDF; ``embedded`` where there is no
Graphviz, ``handed`` for one of a page) ← ``shapes`` (for pages and films).
"""

from .drawing import draw_dot
from .handed import use_graphviz
from .tracing import trace

__all__ = ["draw_dot", "trace", "use_graphviz"]
