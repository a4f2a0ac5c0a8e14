"""What is to be done when somebody loads a module of others, which nobody here wants to load."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

__all__ = ["when_loaded"]


def when_loaded(name: str, run: Callable[[ModuleType], object]) -> None:
    """Call a function with a module: now if it is loaded, or else as soon as it is.

    Asked for the same function once more before that, it is still called once.
    """
    if name in sys.modules:
        run(sys.modules[name])
    elif (waiting := _Finder(name, run)) not in sys.meta_path:
        sys.meta_path.insert(0, waiting)


class _Finder:
    """Stands among those who find modules until its module is looked for, and has run."""

    def __init__(self, name: str, run: Callable[[ModuleType], object]) -> None:
        self.it = self.name, self.run = name, run

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Finder) and self.it == other.it

    def __hash__(self) -> int:
        return hash(self.it)

    def find_spec(self, name: str, path: Any, _target: Any = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        from importlib.machinery import PathFinder

        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_run(module: ModuleType) -> None:
                execute(module)
                self.run(module)

            spec.loader.exec_module = execute_and_run  # type: ignore[method-assign]
        return spec
