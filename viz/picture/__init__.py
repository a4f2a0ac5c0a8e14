"""The graph as a picture.

``tracing`` (nodes and edges) · ``folding`` (neurons and layers as one box) ← ``sketch`` (boxes and
arrows) ← ``drawing`` (DOT) ← ``rendering`` (SVG, PNG, PDF).
"""

from .drawing import draw_dot
from .tracing import trace

__all__ = ["draw_dot", "trace"]
