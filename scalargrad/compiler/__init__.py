"""The compiler: a graph of scalars becomes a miniflow graph on arrays.

Seven passes, each a function of a data class that can be printed; read them in this order:

1. ``walk.py``: the graph of Values as a table of numbers;
2. ``flatten.py``: chains of ``+`` become sums, and their products dot products;
3. ``raising.py``: equal operations side by side become matrix products and other array operations
   (``patterns.py``: where their operands lie);
4. ``emit.py``: these become nodes of miniflow (``nodes.py``: those that miniflow has not).

This graph runs on any arrays. On NumPy it is run once on arrays that record:

5. ``record.py``: what the nodes' kernels do, forward and backward, as a list of array operations
   (``simplify.py``: a shorter one);
6. ``buffers.py``: where each array lies;
7. ``source.py``: straight-line NumPy.

``program.py`` has what comes out, and `compile`; ``trace.py`` calls a function to get its graph,
``nonfinite.py`` finds the scalar that an infinity comes from.
"""

from .program import Program
from .program import compile as compile

__all__ = ["Program"]  # and compile, which a star import must not put in the place of the builtin
