"""Arrays of real numbers, from what people give for them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from .arguments import shown
from .errors import OperandError

__all__ = ["reals"]

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


def reals(
    needed: str, numbers: Any, name: str = "it", hint: str = "turn them into numbers first"
) -> Floats:
    """Return real numbers as an array of floats.

    NumPy would drop imaginary parts and masks, read texts, and make nan of None.

    Raises:
        OperandError: there are others. The message begins with what is needed.
    """
    try:
        array = np.asarray(numbers)
    except (TypeError, ValueError) as error:  # what is no array, and what NumPy calls ragged
        ragged = f"{name} holds lists of different lengths"
        reason = ragged if isinstance(error, ValueError) else str(error)
        raise OperandError(f"{needed}: {reason}") from None
    if array.dtype.kind in "US":  # the numbers beside a text are no texts
        array = np.asarray(numbers, object)
    reason = f"{name} has masked places: {_MISSING}" if np.ma.is_masked(numbers) else ""
    reason = reason or _reason(array, name, hint)
    if not reason:
        try:
            return np.asarray(array, dtype=float)
        except (TypeError, ValueError, OverflowError) as error:
            reason = str(error)
    raise OperandError(f"{needed}: {reason}") from None


_MISSING = "leave out what is missing, or fill it in"


def _reason(array: np.ndarray[Any, Any], name: str, hint: str) -> str:
    """Say why an array does not hold real numbers; nothing if its objects may be some."""
    if array.dtype.kind in "biuf":
        return ""
    if array.dtype.kind != "O":
        return f"{name} holds {array.dtype}, and not real numbers"
    for place, item in np.ndenumerate(array):
        if item is None:
            where = f" in row {place[0]}" if place else ""
            return f"{name} holds None{where}: {_MISSING}"
        if isinstance(item, (str, bytes)):
            return f"{name} holds texts, such as {item!r}: {hint}"
        if not hasattr(item, "__float__"):
            return f"{name} holds {shown(item)}, and not real numbers"
    return ""
