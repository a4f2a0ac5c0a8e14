"""What LLVM is told of loops over lanes: no lane needs what is another's.

So they become vectors without a look, each time, at where the arrays are. The loop has a note of
its accesses to arrays, and these belong to a group; both are nodes of LLVM's metadata that are
themselves alone, whatever is in them.
"""

# mypy: ignore-errors

from __future__ import annotations

from llvmlite import ir

__all__ = ["group_of", "note"]


class _Distinct(ir.values.MDValue):
    def descr(self, buf):
        buf.append("distinct ")
        super().descr(buf)

    __eq__, __hash__ = object.__eq__, object.__hash__


def _distinct(module):
    return _Distinct(module, (), name=str(len(module.metadata)))


def group_of(line, module):
    """Return a new group of accesses if a loop is one of ``for s in range(width)``, or None."""
    return _distinct(module) if line.target.id == "s" else None


def note(branch, module, group):
    """Note at the branch that ends a loop what its accesses are."""
    if group is not None:
        loop = _distinct(module)
        loop.operands = loop, module.add_metadata(["llvm.loop.parallel_accesses", group])
        branch.set_metadata("llvm.loop", loop)
