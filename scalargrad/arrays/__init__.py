"""Arrays: differentiable functions of arrays of any library, without state.

- ``library.py`` finds the library that arrays are of: NumPy, or what follows the array API;
- ``translate.py`` reads the texts of the table of primitives as functions of arrays, and
  ``special.py`` has the error functions, which the array API lacks;
- ``kernels.py`` pairs functions with what sends their gradients back;
- ``calls.py`` runs a list of kernels, forward and backward.

The labs put nodes around the kernels (`scalargrad.miniflow`); the compiler runs lists of them.
"""

from . import calls, kernels, library, special, translate

__all__ = ["calls", "kernels", "library", "special", "translate"]
