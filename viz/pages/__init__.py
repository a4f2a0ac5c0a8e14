"""The graph as a page: one file of HTML that works without a network."""

from .playground import playground
from .stepper import stepper

__all__ = ["playground", "stepper"]
