"""The machine for graphs with the structure of arrays.

``emit`` (calls of kernels; ``kernels`` has those that the labs have not) → ``record`` (what they
do, forward and backward, as ``symbols``) → ``simplify`` (fewer of them, by ``identities``) →
``buffers`` (where each array lies) → ``source`` (straight-line NumPy; ``notes`` says which line of
the listing each line computes). ``machine`` has all of it, and runs it; ``graph`` shows the calls
as nodes.
"""

from . import (
    buffers,
    emit,
    graph,
    identities,
    kernels,
    machine,
    notes,
    record,
    simplify,
    source,
    symbols,
)

__all__ = [
    "buffers",
    "emit",
    "graph",
    "identities",
    "kernels",
    "machine",
    "notes",
    "record",
    "simplify",
    "source",
    "symbols",
]
