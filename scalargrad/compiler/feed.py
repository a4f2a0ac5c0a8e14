"""What a program is given, checked: leaves, and samples and parameters of any library's arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj

from ..arguments import shown
from ..engine import Value
from ..errors import OperandError, SizeError
from ..reals import reals
from .passes.walk import Floats, counted

__all__ = [
    "FLOAT64",
    "as_floats",
    "is_foreign",
    "listed",
    "no_leaves",
    "parameters_of",
    "rows",
    "samples_of",
]

Array: TypeAlias = Any

FLOAT64 = np.dtype(float)


def listed(leaves: Iterable[Value] | None) -> Any:
    """Return an argument as a list; what is no iterable as it is."""
    return list(leaves) if isinstance(leaves, Iterable) else leaves


def no_leaves(name: str, leaves: Any) -> OperandError | None:
    """Return the error for an argument that is no list of Values."""
    needed = f"{name} is a list of leaf Values"
    if leaves is None:
        return OperandError(
            f"compile needs to know which leaves are its {name}, those that are fed: "
            "compile(L, [a, b]); [] if none is, as in compile(L, [], wrt=model.parameters())"
        )
    if not isinstance(leaves, list):
        return OperandError(f"{needed}, got {leaves!r}{_hint(leaves)}")
    for leaf in leaves:
        if not isinstance(leaf, Value):
            return OperandError(
                f"{needed}, of one sample, got one that holds {shown(leaf)}: the program takes "
                "the numbers of all samples at once, as in program(X)"
            )
    return None


def _hint(leaves: Any) -> str:
    """Say what to do with what is no list of leaves."""
    if isinstance(leaves, Value):
        return ": put it into a list"
    if hasattr(leaves, "parameters"):
        return ": write model.parameters()"
    return ": call it" if callable(leaves) else ""


def samples_of(X: Array, inputs: int) -> Array:
    """Return samples as floats: one, or a row for each; None for a program without inputs.

    Raises:
        SizeError: each sample needs another number of inputs.
        OperandError: they are no real numbers.
    """
    if not inputs:
        if X is not None:
            raise SizeError("this program has no inputs, so it is called without a batch")
        return None
    if X is None:
        raise SizeError(f"the program has {counted(inputs, 'input')}, got none")
    samples = as_floats(X)
    if samples.ndim not in (1, 2) or samples.shape[-1] != inputs:
        raise SizeError(
            f"the program has {counted(inputs, 'input')}: it needs shape ({inputs},) or "
            f"(batch, {inputs}), got {tuple(samples.shape)}"
        )
    return samples


def parameters_of(numbers: Array, count: int) -> Array:
    """Return numbers for the parameters as floats, in one piece.

    Raises:
        SizeError: they are more or fewer.
        OperandError: they are no real numbers.
    """
    found = as_floats(numbers)
    if found.shape != (count,):
        raise SizeError(
            f"the program has {counted(count, 'parameter')}, got an array of shape "
            f"{tuple(found.shape)}"
        )
    return found if is_foreign(found) or found.flags.carray else np.array(found)


def rows(what: str, numbers: Any, count: int, width: int) -> Floats:
    """Return numbers for each sample as rows.

    Raises:
        SizeError: they are neither a row for each sample nor one for all.
        OperandError: they are no real numbers.
    """
    found: Floats = np.asarray(as_floats(numbers))
    if found.shape not in ((width,), (count, width)):
        raise SizeError(
            f"{what} need shape ({width},) or ({count}, {width}), got {tuple(found.shape)}"
        )
    return np.broadcast_to(found, (count, width))


def as_floats(numbers: Any) -> Array:
    """Return an array of floats, of the library that it is of, or else of NumPy."""
    if type(numbers) is np.ndarray and numbers.dtype is FLOAT64:
        return numbers
    if is_foreign(numbers):
        xp = array_namespace(numbers)
        if xp.isdtype(numbers.dtype, ("bool", "integral")):
            return xp.astype(numbers, xp.asarray(0.0).dtype)
        return numbers
    return reals("a program takes an array of real numbers", numbers)


def is_foreign(array: Any) -> bool:
    """Say whether an array is of another library than NumPy."""
    return not isinstance(array, (np.ndarray, np.generic, list, tuple)) and is_array_api_obj(array)
