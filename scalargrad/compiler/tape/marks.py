"""Marks on functions that become machine code: what numba may do with them.

In the modules that ``native.py`` generates, each name is a way to compile; here it changes nothing.
"""

from __future__ import annotations

from typing import TypeVar

__all__ = ["inlined", "inlined_sum", "machine", "part"]

Function = TypeVar("Function")


def _unchanged(function: Function) -> Function:
    """Mark a function."""
    return function


#: Marks what Python calls: it is compiled once, and kept on disk.
machine = _unchanged
#: Marks what drivers share.
part = _unchanged
#: Marks what becomes a part of those who call it.
inlined = _unchanged
#: Marks what may also add up its terms in any order, so that it is done by vectors.
inlined_sum = _unchanged
