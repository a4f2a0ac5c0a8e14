"""Marks on functions that become machine code: what numba may do with them.

In the modules that ``native.py`` generates, each name is a way to compile; here it changes nothing.
"""

from __future__ import annotations

from typing import TypeVar

__all__ = ["inlined", "inlined_sum", "machine", "part"]

Function = TypeVar("Function")


def machine(function: Function) -> Function:
    """Mark what Python calls: it is compiled once, and kept on disk."""
    return function


def part(function: Function) -> Function:
    """Mark what drivers share."""
    return function


def inlined(function: Function) -> Function:
    """Mark what becomes a part of those who call it."""
    return function


def inlined_sum(function: Function) -> Function:
    """Mark what may also add up its terms in any order, so that it is done by vectors."""
    return function
