"""The machine for graphs with the structure of arrays.

``emit`` (miniflow nodes; ``nodes`` has those that miniflow has not) → ``record`` (what their
kernels do, forward and backward, as a list of array operations) → ``simplify`` (a shorter one) →
``buffers`` (where each array lies) → ``source`` (straight-line NumPy; ``notes`` says which line of
the listing each line computes). ``machine`` has all of it, and runs it.
"""

from . import buffers, emit, machine, nodes, notes, record, simplify, source

__all__ = ["buffers", "emit", "machine", "nodes", "notes", "record", "simplify", "source"]
