"""Values in plots of one's own: ``plt.plot(values)`` draws their numbers.

Matplotlib asks its registry of units how to convert what it does not know, as it does for dates. It
takes a while to load, so what converts Values is registered when somebody else has loaded it.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from scalargrad.engine import Value

__all__ = ["number", "register"]

_UNITS = "matplotlib.units"


def number(x: Any) -> float:
    """Return the number of a Value, or what is a number already as a float.

    >>> number(Value(2.0)), number(3)
    (2.0, 3.0)
    """
    return x.data if isinstance(x, Value) else float(x)


def register() -> None:
    """Register Values as something that Matplotlib can draw, now or when it is loaded."""
    if _UNITS in sys.modules:
        _register_in(sys.modules[_UNITS])
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds the module of Matplotlib that has the registry, to add to it when it has run."""

    def find_spec(self, name: str, path: Any, _target: Any = None) -> ModuleSpec | None:
        if name != _UNITS:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_register(module: ModuleType) -> None:
                run(module)
                _register_in(module)

            spec.loader.exec_module = run_and_register  # type: ignore[method-assign]
        return spec


def _register_in(units: ModuleType) -> None:
    class Converter(units.ConversionInterface):  # type: ignore[name-defined, misc]
        @staticmethod
        def convert(x: Any, _unit: Any, _axis: Any) -> Any:
            import numpy as np

            numbers = np.frompyfunc(number, 1, 1)(np.asarray(x, object))
            return np.asarray(numbers, float) if np.ndim(numbers) else numbers

    units.registry[Value] = Converter()
