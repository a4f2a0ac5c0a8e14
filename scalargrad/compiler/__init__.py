"""The compiler: a graph of scalars becomes a program, and two machines run it.

- ``passes/``: from scalars to structure, which both machines are given;
- ``arrays/``: the machine for what has the structure of arrays: calls of kernels, on any library's
  arrays, and on NumPy straight-line source;
- ``tape/``: the machine for what has none: a list of operations on places, and machine code that
  reads it;
- ``cost.py`` estimates which of them is cheaper; ``runs.py`` has the one way to run both.

``program.py`` has what comes out, and `compile`: parameters, checks (``feed.py``) and the choice of
a machine; ``derivatives.py`` has the derivatives of several outputs, ``trace.py`` calls a function
to get its graph, ``check.py`` checks a program's gradients, ``export/`` writes a
program in other languages, ``saving.py`` keeps it in a file, ``nonfinite.py`` finds the scalar that
an infinity comes from.
"""

from .program import Program
from .program import compile as compile
from .saving import load_program

__all__ = [
    "Program",
    "load_program",
]  # and compile, which a star import must not put in the place of the builtin
