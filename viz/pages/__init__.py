"""The graph as a page: one file of HTML that works without a network."""

from .stepper import stepper

__all__ = ["stepper"]
