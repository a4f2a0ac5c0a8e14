"""Other methods for a class, for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

__all__ = ["replaced"]


@contextmanager
def replaced(owner: type, methods: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Give a class other methods until the block ends; then it has its own again, or inherits.

    >>> class Quiet(Exception):
    ...     pass
    >>> with replaced(Quiet, {"__str__": lambda _: "hush"}):
    ...     print(Quiet("boom"))
    hush
    >>> print(Quiet("boom"))
    boom
    """
    own = {name: vars(owner)[name] for name in methods if name in vars(owner)}
    try:
        for name, method in methods.items():
            setattr(owner, name, method)
        yield
    finally:
        for name in methods:
            if name in own:
                setattr(owner, name, own[name])
            else:
                delattr(owner, name)
