"""The graph as a page, one file of HTML that works without a network, and as a film in SVG."""

from .drill import drill
from .film import film
from .playground import playground
from .stepper import stepper

__all__ = ["drill", "film", "playground", "stepper"]
