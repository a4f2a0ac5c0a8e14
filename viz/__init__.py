"""See a graph of Values: as a picture, in the terminal, in words and as plots of its training.

It only reads the engine. What draws, Graphviz and Matplotlib, loads with the first picture or plot.

``words`` (names, text and what is said about a graph) · ``neurons`` (where they are in it) ←
``picture`` ← ``pages`` and films; ``plots`` of training; ``display`` in notebooks.
"""

from scalargrad.debugging import FOREIGN_FILES

from .display import load_ipython_extension, notebook, unload_ipython_extension
from .pages.drill import drill
from .pages.film import film
from .pages.playground import playground
from .pages.stepper import stepper
from .picture import draw_dot, trace, use_graphviz
from .plots import (
    animate_decision,
    animate_fit,
    decision_grid,
    plot_decision,
    plot_fit,
    plot_loss,
    register,
)
from .words.audit import audit
from .words.explain import explain
from .words.formula import formula
from .words.steps import steps
from .words.tree import tree

__all__ = [
    "animate_decision",
    "animate_fit",
    "audit",
    "decision_grid",
    "draw_dot",
    "drill",
    "explain",
    "film",
    "formula",
    "load_ipython_extension",
    "notebook",
    "playground",
    "plot_decision",
    "plot_fit",
    "plot_loss",
    "stepper",
    "steps",
    "trace",
    "tree",
    "unload_ipython_extension",
    "use_graphviz",
]

FOREIGN_FILES.append(__file__.removesuffix("__init__.py"))
register()


def __dir__() -> list[str]:
    return __all__
