"""The compiler: a graph of scalars becomes a miniflow graph on arrays.

Five passes, each a function of a data class that can be printed; read them in this order:

1. ``walk.py``: the graph of Values as a table of numbers;
2. ``flatten.py``: chains of ``+`` become sums, and their products dot products;
3. ``raising.py``: equal operations side by side become matrix products and other array operations
   (``patterns.py``: where their operands lie);
4. ``emit.py``: these become nodes of miniflow (``nodes.py``: those that miniflow has not);
5. ``record.py`` and ``source.py``: on NumPy, the nodes' kernels are run once on arrays that record,
   and what they recorded is written as straight-line source.

``program.py`` has what comes out, and `compile`; ``trace.py`` calls a function to get its graph.
"""

from .program import Program, compile

__all__ = ["Program", "compile"]
