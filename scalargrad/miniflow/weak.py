"""A list that keeps nothing alive, for nodes to know those that use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence
from typing import Any, Generic, TypeVar
from weakref import ref

__all__ = ["WeakList"]

_T = TypeVar("_T")


class WeakList(MutableSequence[_T], Generic[_T]):
    """A list from which an item drops out as soon as nothing else holds it.

    >>> class Item:
    ...     pass
    >>> first, second = Item(), Item()
    >>> items = WeakList([first, second])
    >>> del first
    >>> items == [second], len(items), items[0] is second
    (True, 1, True)
    """

    __slots__ = ("_limit", "_refs")
    __hash__ = None  # type: ignore[assignment]  # as a list: it can change

    def __init__(self, items: Iterable[_T] = ()) -> None:
        self._refs = list(map(ref, items))
        self._limit = 8  # at this length the dead are thrown out, so there are never many

    def _alive(self) -> list[_T]:
        return [item for r in self._refs if (item := r()) is not None]

    def append(self, item: _T) -> None:
        """Add an item at the end."""
        if len(self._refs) >= self._limit:
            self._refs = list(map(ref, self._alive()))
            self._limit = 2 * len(self._refs) + 8
        self._refs.append(ref(item))

    def insert(self, index: int, item: _T) -> None:
        """Add an item before the place ``index``."""
        items = self._alive()
        items.insert(index, item)
        self._refs = list(map(ref, items))

    def __getitem__(self, index: Any) -> Any:
        return self._alive()[index]

    def __setitem__(self, index: Any, item: Any) -> None:
        items = self._alive()
        items[index] = item
        self._refs = list(map(ref, items))

    def __delitem__(self, index: Any) -> None:
        items = self._alive()
        del items[index]
        self._refs = list(map(ref, items))

    def __len__(self) -> int:
        return len(self._alive())

    def __iter__(self) -> Iterator[_T]:
        return iter(self._alive())

    def __add__(self, other: Iterable[_T]) -> list[_T]:
        return [*self, *other]

    def __radd__(self, other: Iterable[_T]) -> list[_T]:
        return [*other, *self]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (list, WeakList)):
            return NotImplemented
        return self._alive() == list(other)

    def __repr__(self) -> str:
        return repr(self._alive())

    def __reduce__(self) -> Any:
        # A copy is filled after it was made, since its items refer to what holds it.
        return WeakList, (), None, iter(self._alive())
