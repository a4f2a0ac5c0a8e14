"""The tape: the machine for graphs that have no structure of arrays.

1. ``assembly.py``: what ``flatten.py`` has found becomes a few flat arrays;
2. ``interpreter.py``: the source of what runs them, generated from the table of primitives;
3. ``native.py``: this source as machine code, with the functions of ``functions.py`` and
   ``vector.py``, and ``driver.py`` around it; ``plain.py``: the same in Python;
4. ``machine.py``: one sample or many, memory and threads; ``python.py``: without numba.
"""

from .assembly import Tape, assemble
from .machine import TapeMachine, default_threads, machine_of
from .python import PythonMachine

__all__ = ["PythonMachine", "Tape", "TapeMachine", "assemble", "default_threads", "machine_of"]
