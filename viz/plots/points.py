"""What plots read: data as `fit` takes them, in lists, arrays or tables, and the answers of models.

NumPy loads when the first of them are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from scalargrad.engine import Value
from scalargrad.errors import NonFiniteError, OperandError, SizeError
from scalargrad.nn import MLP, Layer, Neuron

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "answer",
    "check_model",
    "classes",
    "column",
    "columns",
    "numbers",
    "places",
    "plane",
    "sides",
    "takes_lists",
]

Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


# ── data ────────────────────────────────────────────────────────────────────────────────────────


def numbers(name: str, data: Any, advice: str = "") -> Floats:
    """Return data as an array of floats: numbers or Values in lists, arrays or tables.

    Args:
        name: of the data, for errors.
        data: what a user has.
        advice: what to do with texts.

    Raises:
        OperandError: they are no numbers.
        SizeError: rows differ in length.

    >>> numbers("y", [True, Value(0.5), 2]).tolist()
    [1.0, 0.5, 2.0]
    """
    import numpy as np

    if isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Iterable):
        raise OperandError(f"{name} is a list or an array of numbers, got {data!r:.60}")
    try:
        array = np.asarray(data if hasattr(data, "__array__") else list(data))
    except ValueError:
        raise SizeError(f"the rows of {name} differ in length") from None
    if array.dtype.kind in "biuf":
        return array.astype(float)
    # As objects, since dates would become ints in a list.
    floats = [_float(name, item, advice) for item in array.astype(object).ravel()]
    return np.array(floats).reshape(array.shape)


def _float(name: str, item: Any, advice: str) -> float:
    if isinstance(item, Value):
        return item.data
    if isinstance(item, (str, bytes)):
        raise OperandError(f"{name} holds texts, such as {item!r:.30}{advice or _NUMBERS}")
    try:
        return float(item)
    except (TypeError, ValueError):
        raise OperandError(f"{name} holds {item!r:.60}{_NUMBERS}") from None


_NUMBERS = ", where numbers are needed"
_CLASSES = ": number the classes 0, 1, …"


def column(name: str, data: Any) -> list[float]:
    """Return one finite number for each sample; a table has them in its only column.

    >>> column("x", [[1.0], [2.0]])
    [1.0, 2.0]
    """
    return _column(name, numbers(name, data))


def columns(x: Any, y: Any) -> tuple[list[float], list[float], bool]:
    """Return points as two lists, and whether each x is in a row of its own, as for `fit`.

    >>> columns([[1.0], [2.0]], [3.0, 4.0])
    ([1.0, 2.0], [3.0, 4.0], True)
    """
    xs, ys = numbers("x", x), numbers("y", y)
    _check_lengths(xs, ys)
    return _column("x", xs), _column("y", ys), xs.ndim == 2


def plane(x: Any, y: Any) -> tuple[list[list[float]], Floats]:
    """Return points of a plane, and what is known of each as an array."""
    xs, ys = numbers("x", x), numbers("y", y, _CLASSES)
    _check_lengths(xs, ys)
    return places(xs), _finite("y", ys)


def places(x: Any) -> list[list[float]]:
    """Return the two features of each sample.

    >>> places([(1, 2), (3, 4)])
    [[1.0, 2.0], [3.0, 4.0]]
    """
    xs = _finite("x", numbers("x", x))
    if xs.ndim != 2 or xs.shape[1] != 2:
        got = f"a sample of {xs.shape[1]}" if xs.ndim == 2 else f"an array of shape {xs.shape}"
        raise SizeError(f"a plane has two features for each sample, as in [[0, 1], …], got {got}")
    found: list[list[float]] = xs.tolist()
    return found


def classes(y: Floats, outputs: int) -> list[int]:
    """Return the class of each sample for a model with several outputs, as `fit` reads it.

    >>> import numpy as np
    >>> classes(np.array([2.0, 0.0]), 3), classes(np.array([[0.0, 1.0], [1.0, 0.0]]), 2)
    ([2, 0], [1, 0])
    """
    import numpy as np

    if y.ndim == 2 and y.shape[1] == outputs and (np.sort(y) == np.eye(outputs)[-1]).all():
        return [int(number) for number in y.argmax(axis=1)]
    numbers = _column("y", y)
    for number in numbers:
        if number not in range(outputs):
            raise SizeError(
                f"the model has {outputs} outputs, so y needs a class from 0 to {outputs - 1} for "
                f"each sample, got {number:g}"
            )
    return [int(number) for number in numbers]


def sides(y: Floats, border: float | None) -> tuple[list[int], float]:
    """Return on which side of a border each sample is, 1 above it; and the border.

    Without one it is half way between the two classes that there are.

    >>> import numpy as np
    >>> sides(np.array([-1.0, 1.0, 1.0]), None)
    ([0, 1, 1], 0.0)
    """
    numbers = _column("y", y)
    if border is None:
        found = sorted({*numbers})
        if len(found) > 2:
            shown = ", ".join(f"{number:g}" for number in found[:3])
            raise SizeError(
                f"one output tells two classes apart, but y has {len(found):,} ({shown}"
                f"{', …' if len(found) > 3 else ''}): draw a model with an output for each class, "
                "or say border="
            )
        # Of a single class, the other is 0 or 1, unless it is -1.
        border = sum(found) / 2 if len(found) == 2 else 0.0 if found[0] < 0 else 0.5
    return [int(number > border) for number in numbers], border


def _check_lengths(x: Floats, y: Floats) -> None:
    found = [len(part) if part.ndim else 0 for part in (x, y)]
    if found[0] != found[1] or not all(part.size for part in (x, y)):
        raise SizeError(
            f"a plot needs as many x as y, and at least one, got {found[0]} and {found[1]}"
        )


def _column(name: str, array: Floats) -> list[float]:
    """Return one number for each sample; a table has them in its only column."""
    if array.ndim > 2 or (array.ndim == 2 and array.shape[1] != 1):
        raise SizeError(f"{name} has one number for each sample, got an array of {array.shape}")
    found: list[float] = _finite(name, array).ravel().tolist()
    return found


def _finite(name: str, array: Floats) -> Floats:
    import numpy as np

    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        first = tuple(wrong[0].tolist())
        raise NonFiniteError(f"{name} has to be finite, but sample {first[0]} has {array[first]}")
    return array


# ── answers ─────────────────────────────────────────────────────────────────────────────────────


def check_model(call: str, model: Any) -> None:
    """Check that a plot has a model to ask; the call says where it stands among the arguments."""
    if not callable(model):
        raise OperandError(
            f"{call} asks a model or a function, got {type(model).__name__} as predict"
        )


def takes_lists(model: Any) -> bool:
    """Whether a model is known to take its only input in a list: those of `nn`, and programs."""
    return isinstance(model, (Neuron, Layer, MLP)) or hasattr(type(model), "listing")


def answer(model: Callable[[Any], Any], sample: float | Sequence[float]) -> list[float]:
    """Return what a model answers, as a list of finite numbers.

    Raises:
        OperandError: the answer is no number, and no list of them.
        NonFiniteError: a number is infinite or nan.
    """
    try:
        found = model(sample)
    except Exception as error:
        error.add_note(f"the plot asked for predict({sample!r})")
        raise
    if hasattr(found, "reshape"):
        found = found.reshape(-1).tolist()
    items = found if isinstance(found, (list, tuple)) else [found]
    try:
        numbers = [item.data if isinstance(item, Value) else float(item) for item in items]
    except (TypeError, ValueError):
        numbers = []
    if not numbers:
        raise OperandError(f"predict({sample!r}) has to be a number or several, got {found!r:.60}")
    for number in numbers:
        if not -math.inf < number < math.inf:
            raise NonFiniteError(f"predict({sample!r}) has to be finite, got {number}")
    return numbers
