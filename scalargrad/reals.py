"""Arrays of real numbers, from what people give for them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from .errors import OperandError

__all__ = ["reals"]

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


def reals(
    needed: str, numbers: Any, name: str = "it", hint: str = "turn them into numbers first"
) -> Floats:
    """Return real numbers as an array of floats.

    NumPy would drop imaginary parts, read texts, and make nan of None.

    Raises:
        OperandError: there are others. The message begins with what is needed.
    """
    try:
        array = np.asarray(numbers)
        if array.dtype.kind in "biuf":
            return np.asarray(array, dtype=float)
        if array.dtype.kind in "US":  # the numbers beside a text are no texts
            array = np.asarray(numbers, object)
        reason = _reason(array, name, hint)
        if not reason:
            return array.astype(float)
    except (TypeError, ValueError) as error:
        reason = str(error)
    raise OperandError(f"{needed}: {reason}") from None


def _reason(array: np.ndarray[Any, Any], name: str, hint: str) -> str:
    """Say why an array does not hold real numbers; nothing if its objects may be some."""
    if array.dtype.kind != "O":
        return f"{name} holds {array.dtype}, and not real numbers"
    for place, item in np.ndenumerate(array):
        if item is None:
            where = f" in row {place[0]}" if place else ""
            return f"{name} holds None{where}: leave out what is missing, or fill it in"
        if isinstance(item, (str, bytes)):
            return f"{name} holds texts, such as {item!r}: {hint}"
    return ""
