"""Values in plots of one's own: ``plt.plot(values)`` draws their numbers.

Matplotlib asks its registry of units how to convert what it does not know, as it does for dates. It
takes a while to load, so what converts Values is registered when somebody else has loaded it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from scalargrad.engine import Value
from scalargrad.loading import when_loaded

__all__ = ["number", "register"]


def number(x: Any) -> float:
    """Return the number of a Value, or what is a number already as a float.

    >>> number(Value(2.0)), number(3)
    (2.0, 3.0)
    """
    return x.data if isinstance(x, Value) else float(x)


def register() -> None:
    """Register Values as something that Matplotlib can draw, now or when it is loaded."""
    when_loaded("matplotlib.units", _register_in)


def _register_in(units: ModuleType) -> None:
    class Converter(units.ConversionInterface):  # type: ignore[name-defined, misc]
        @staticmethod
        def convert(x: Any, _unit: Any, _axis: Any) -> Any:
            import numpy as np

            numbers = np.frompyfunc(number, 1, 1)(np.asarray(x, object))
            return np.asarray(numbers, float) if np.ndim(numbers) else numbers

    units.registry[Value] = Converter()
