"""See a graph of Values: as a picture, in the terminal, in words and as plots of its training.

It only reads the engine. What draws, Graphviz and Matplotlib, loads with the first picture or plot.
"""

from .audit import audit
from .decisions import animate_decision, decision_grid, plot_decision
from .drawing import draw_dot
from .explain import explain
from .formula import formula
from .plots import animate_fit, plot_fit, plot_loss
from .stepper import stepper
from .steps import steps
from .tracing import trace
from .tree import tree
from .units import register

__all__ = [
    "animate_decision",
    "animate_fit",
    "audit",
    "decision_grid",
    "draw_dot",
    "explain",
    "formula",
    "plot_decision",
    "plot_fit",
    "plot_loss",
    "stepper",
    "steps",
    "trace",
    "tree",
]

register()
