"""Training as plots: curves of the loss, fits of a line, regions of a decision.

``figures`` (axes and animations) · ``points`` (what `fit` takes, as points of a plot) ← ``curves``
and ``decisions``; ``units`` teaches Matplotlib what a Value is.
"""

from .curves import animate_fit, plot_fit, plot_loss
from .decisions import animate_decision, decision_grid, plot_decision
from .units import register

__all__ = [
    "animate_decision",
    "animate_fit",
    "decision_grid",
    "plot_decision",
    "plot_fit",
    "plot_loss",
    "register",
]
