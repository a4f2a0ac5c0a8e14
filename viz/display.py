"""What a notebook shows of a result at the end of a cell, after ``viz.notebook()``.

IPython has a formatter for each kind of output, and each of them a table of types: so neither the
engine nor a node knows of any of this.
"""

from __future__ import annotations

import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any

from scalargrad.engine import Value, operands
from scalargrad.graph import topological_sort
from scalargrad.nn import MLP, Layer, Module, Neuron

from .picture import draw_dot
from .picture.rendering import PictureError
from .plots import plot_loss

if TYPE_CHECKING:
    from scalargrad.compiler import Program
    from scalargrad.train import History

__all__ = ["load_ipython_extension", "notebook", "unload_ipython_extension"]

#: Of a graph with more nodes than this a cell shows the line alone: `draw_dot` folds it.
MOST = 1000

_SVG = "image/svg+xml"


def notebook(on: bool = True) -> None:
    """Let IPython and Jupyter show pictures of results, or no more; ``%load_ext viz`` does so, too.

    A Value at the end of a cell then shows its graph below its line; a program its listing; what
    `fit` returned its curve; and a model its layers.

    Raises:
        PictureError (a RuntimeError): this is no IPython and no notebook.

    >>> notebook()
    Traceback (most recent call last):
    ...
    viz.picture.embedded.PictureError: viz.notebook() is for IPython and notebooks, and none runs \
here: print(viz.tree(x)) shows a graph, and viz.draw_dot(x).render("x.svg") writes its picture
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        raise PictureError(
            "viz.notebook() is for IPython and notebooks, and none runs here: print(viz.tree(x)) "
            'shows a graph, and viz.draw_dot(x).render("x.svg") writes its picture'
        )
    (load_ipython_extension if on else unload_ipython_extension)(shell)


def load_ipython_extension(shell: Any) -> None:
    """Set up what `notebook` promises: ``%load_ext viz``."""
    formatters = shell.display_formatter.formatters
    for kind, module, name, show in _SHOWN:
        formatters[kind].for_type_by_name(module, name, show)


def unload_ipython_extension(shell: Any) -> None:
    """Undo it: ``%unload_ext viz``."""
    formatters = shell.display_formatter.formatters
    for kind, module, name, _ in _SHOWN:
        thing = getattr(sys.modules.get(module), name, f"{module}.{name}")
        formatters[kind].pop(thing, None)


def _value(node: Value) -> str | None:
    """Draw a result; a leaf is all in its line."""
    if not operands(node) or len(topological_sort([node], operands)) > MOST:
        return None
    return draw_dot(node)._repr_svg_()


def _module(model: Module) -> str | None:
    """Draw the layers of a model, of inputs that are 0; other modules have no known inputs."""
    first = model.layers[0] if isinstance(model, MLP) else model
    first = first.neurons[0] if isinstance(first, Layer) else first
    if not isinstance(first, Neuron) or not callable(model):
        return None
    outputs = model([Value(0.0, label=f"x{i}") for i in range(len(first.w))])
    root = Value(0.0, outputs, "outputs") if isinstance(outputs, list) else outputs
    return draw_dot(root, fold=True, names=False)._repr_svg_()


def _history(history: History) -> bytes | None:
    """Plot the losses of a training."""
    if not history.losses:
        return None
    from matplotlib.figure import Figure

    figure, file = Figure(figsize=(5.6, 3.2), dpi=100, layout="constrained"), BytesIO()
    plot_loss(history, figure.add_subplot())
    figure.savefig(file, format="png")
    return file.getvalue()


def _program(program: Program, printer: Any, _cycle: bool) -> None:
    """Write the listing of a program in the place of its line."""
    for i, line in enumerate(str(program).splitlines()):
        if i:
            printer.break_()
        printer.text(line)


#: What is shown: as what, of which type, and by which function.
_SHOWN = (
    (_SVG, "scalargrad.engine", "Value", _value),
    (_SVG, "scalargrad.nn.module", "Module", _module),
    ("image/png", "scalargrad.train.history", "History", _history),
    ("text/plain", "scalargrad.compiler.program", "Program", _program),
)
