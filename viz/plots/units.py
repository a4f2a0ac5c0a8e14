"""Values in plots of one's own: ``plt.plot(values)`` draws their numbers.

Matplotlib asks its registry of units how to convert what it does not know, as it does for dates. It
takes a while to load, so what converts Values is registered when somebody else has loaded it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

from scalargrad.engine import Value
from scalargrad.errors import OperandError
from scalargrad.loading import when_loaded

__all__ = ["number", "register"]

#: What draws a table of numbers, and asks no registry what they are.
_OF_TABLES = ("contour", "contourf", "imshow", "pcolor", "pcolormesh")


def number(x: Any) -> float:
    """Return the number of a Value, or what is a number already as a float.

    >>> number(Value(2.0)), number(3)
    (2.0, 3.0)
    """
    return x.data if isinstance(x, Value) else float(x)


def register() -> None:
    """Register Values as something that Matplotlib can draw, now or when it is loaded."""
    when_loaded("matplotlib.units", _register_in)
    when_loaded("matplotlib.axes", _explain_in)


def _register_in(units: ModuleType) -> None:
    class Converter(units.ConversionInterface):  # type: ignore[name-defined, misc]
        @staticmethod
        def convert(x: Any, _unit: Any, _axis: Any) -> Any:
            import numpy as np

            numbers = np.frompyfunc(number, 1, 1)(np.asarray(x, object))
            return np.asarray(numbers, float) if np.ndim(numbers) else numbers

    units.registry[Value] = Converter()


def _explain_in(axes: ModuleType) -> None:
    for name in _OF_TABLES:
        setattr(axes.Axes, name, _explained(getattr(axes.Axes, name)))


def _explained(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Let what fails on Values say so, and what to write."""

    @wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> Any:
        try:
            return draw(*args, **kwargs)
        except TypeError:
            if not any(map(_holds_values, args[1:])):
                raise
        raise OperandError(
            f"{draw.__name__} draws bare numbers, got Values: write [[v.data for v in row] for row "
            "in rows]"
        )

    return drawn


def _holds_values(table: Any) -> bool:
    if isinstance(table, (list, tuple)):
        return any(map(_holds_values, table))
    if getattr(getattr(table, "dtype", None), "hasobject", False):
        return _holds_values(table.tolist())
    return isinstance(table, Value)
