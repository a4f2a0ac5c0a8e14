"""Arrays of any library: NumPy, or whatever follows the Python array API standard.

`unify` finds out what operands are made of. All of them become floating-point arrays of one
library, and its functions come along as a namespace ``xp`` with the names of the standard
(https://data-apis.org/array-api). NumPy arrays of floats, the usual case, pass at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import array_api_compat.numpy
import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj

from ..errors import OperandError

__all__ = ["NUMPY", "Array", "as_array", "copied", "unify"]

Array = Any  # an array of any library


def _sum(x: Any, *, axis: Any = None, keepdims: Any = False) -> Array:
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


def _max(x: Any, *, axis: Any = None, keepdims: Any = False) -> Array:
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims)


#: NumPy follows the standard since 2.1, and before with a wrapper. For arrays as small as a batch,
#: `np.sum` and `np.max` take about as long to find the ufunc's method as that takes to run.
NUMPY: Any = SimpleNamespace(
    **vars(np if hasattr(np, "__array_api_version__") else array_api_compat.numpy)
    | {"sum": _sum, "max": _max}
)

#: Reductions of NumPy give scalars of these types instead of arrays.
_NUMPY = frozenset({np.ndarray, np.float64, np.float32})


def unify(values: Sequence[Any], integers: Sequence[int] = ()) -> tuple[Any, list[Array]]:
    """Return the namespace of some arrays and numbers, and all of them as arrays of floats.

    Args:
        values: arrays of one library, or Python numbers.
        integers: the positions of operands that stay what they are (labels).

    Raises:
        OperandError: the arrays come from more than one library, or hold something else than
            real numbers.
    """
    for i, value in enumerate(values):
        if type(value) not in _NUMPY or value.dtype.kind not in ("iu" if i in integers else "f"):
            return _converted(values, integers)
    return NUMPY, list(values)


def _converted(values: Sequence[Any], integers: Sequence[int]) -> tuple[Any, list[Array]]:
    values = [as_array(value) for value in values]
    arrays = [value for value in values if not _is_number(value)]
    try:
        xp = array_namespace(*arrays) if arrays else NUMPY
    except TypeError:
        kinds = " and ".join(
            dict.fromkeys(type(array).__module__.split(".")[0] for array in arrays)
        )
        raise OperandError(f"needs arrays of one library, got {kinds}") from None
    where = {"device": device(arrays[0])} if arrays else {}
    floats = [array.dtype for array in arrays if xp.isdtype(array.dtype, "real floating")]
    dtype = xp.result_type(*floats) if floats else xp.asarray(0.0).dtype
    for i, value in enumerate(values):
        if _is_number(value):
            value = xp.asarray(value, dtype=None if i in integers else dtype, **where)
        if i in integers:
            if not xp.isdtype(value.dtype, "integral"):
                raise OperandError(f"needs integers as labels, got an array of {value.dtype}")
        elif xp.isdtype(value.dtype, ("bool", "integral")):
            value = xp.astype(value, dtype)
        elif not xp.isdtype(value.dtype, "real floating"):
            raise OperandError(f"needs real numbers, got an array of {value.dtype}")
        values[i] = value
    return xp, values


def as_array(value: Any) -> Any:
    """Return an array or a number as it is, and lists, data frames and the like as NumPy arrays."""
    if type(value) is np.ndarray or _is_number(value):
        return value
    if isinstance(value, np.ndarray) or not is_array_api_obj(value):
        return np.asarray(value)
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def copied(value: Any) -> Any:
    """Return a copy that shares no memory; numbers, and what is no array, as they are."""
    if type(value) is np.ndarray:
        return value.copy()
    if isinstance(value, np.generic) or not is_array_api_obj(value):
        return value
    return array_namespace(value).asarray(value, copy=True)
