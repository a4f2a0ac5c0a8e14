"""The graph as a page: one file of HTML that works without a network."""

from .drill import drill
from .playground import playground
from .stepper import stepper

__all__ = ["drill", "playground", "stepper"]
