"""Modules: how the parameters are found in what people build of Values, lists and other modules."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set, ValuesView
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, TypeGuard

from ..arguments import shown
from ..engine import Value
from ..errors import OperandError, SizeError

if TYPE_CHECKING:
    import os

__all__ = ["Module", "few", "is_leaf", "leaves", "listed", "parts_of"]


class Module:
    """Something with parameters: all leaves among its attributes, and in what these hold.

    Looked into are modules, dicts, lists, tuples, deques and other sequences, and NumPy arrays of
    objects, in any nesting. Each is looked into once, also where modules share parts or refer to
    each other. Not looked into are sets, which have no order, and attributes of other objects:
    parameters that are nowhere else are an error, and so are those of the class itself, which all
    of its modules would share. Those in closures and generators are not seen.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(1.0), Value(0.0)
    >>> [name for name, _ in Line().named_parameters()]
    ['slope', 'offset']
    """

    def named_parameters(self) -> list[tuple[str, Value]]:
        """Return each parameter once, with its path: ``layers.0.neurons.1.w.2``.

        Raises:
            OperandError: a parameter is where it is not looked for.
        """
        found: dict[Value, str] = {}
        for name, value in leaves("", self):
            found.setdefault(value, name)
        return [(name, value) for value, name in found.items()]

    def parameters(self) -> list[Value]:
        """Return the parameters, in the order in which they were made."""
        return list(dict.fromkeys(value for _, value in leaves("", self)))

    def zero_grad(self) -> None:
        """Set all gradients back to 0, since ``backward()`` adds to those of leaves."""
        for value in self.parameters():
            value.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        """Return the parameters as numbers, by path."""
        return {name: value.data for name, value in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set the parameters to the numbers of a `state_dict` of the same kind of module.

        Raises:
            SizeError: names are missing or unknown; then nothing is changed.
            OperandError: it is no dict of numbers.
        """
        if not isinstance(state, Mapping):
            raise OperandError(
                "load_state_dict needs numbers by name, as state_dict() of such a module returns "
                f"them, got {shown(state)}"
            )
        own = dict(self.named_parameters())
        missing, unknown = own.keys() - state.keys(), state.keys() - own.keys()
        if missing or unknown:
            raise SizeError(
                "the state does not fit this module: "
                f"missing {few(missing)}; unknown {few(unknown)}"
            )
        numbers = {name: Value(state[name]).data for name in own}
        for name, value in own.items():
            value.data = numbers[name]

    def save(self, path: str | os.PathLike[str] = "") -> None:
        """Write the parameters to a safetensors file, which PyTorch loads: `checkpoint.save`."""
        _checkpoint("save", self, path)

    def load(self, path: str | os.PathLike[str] = "") -> None:
        """Set the parameters to those of a safetensors file: `checkpoint.load`."""
        _checkpoint("load", self, path)

    def _tensors(self) -> dict[str, object]:
        """Return the tensors of its file by PyTorch's names; none if they are its attributes."""
        return {}


def _checkpoint(name: str, module: object, path: str | os.PathLike[str]) -> None:
    """Save or load a module: the class itself has no parameters, and a file is needed."""
    if not isinstance(module, Module):
        raise OperandError(
            f"{name} is for a model that is there already: model = MLP(...), then "
            f"model.{name}({module!r})"
        )
    if path == "":
        raise OperandError(f'{name} needs the path of a file, as in model.{name}("m.safetensors")')
    getattr(import_module(".checkpoint", __package__), name)(module, path)  # with NumPy


#: The kinds of leaves that can be learned, which constants are not.
_LEAVES = ("leaf", "parameter")


def leaves(path: str, value: object, known: Container[int] = ()) -> Iterator[tuple[str, Value]]:
    """Yield the leaf Values within a value, with their paths, in order.

    Args:
        path: that of the value.
        value: what to look into.
        known: the ids of what is not looked into, since it was before.
    """
    stack: list[tuple[str, object]] = [(path, value)]
    seen: dict[int, object] = {}  # what was looked into, which must live as long as its id is used
    found: list[Value] = []
    hidden: list[tuple[str, Value]] = []
    classes: set[type] = set()
    while stack:
        path, value = stack.pop()
        if isinstance(value, Value):
            if value._rule.kind in _LEAVES:
                found.append(value)
                yield path, value
        elif id(value) not in seen and id(value) not in known:
            parts = parts_of(value)
            if parts is None:
                where = f"{path} is a {type(value).__name__}"
                hidden += [(where, leaf) for leaf in _hidden(value)]
            else:
                if type(value) not in classes and isinstance(value, Module):
                    classes.add(type(value))
                    hidden += _of_class(type(value))
                seen[id(value)] = value
                prefix = f"{path}." if path else ""
                stack.extend([(f"{prefix}{name}", part) for name, part in parts][::-1])
    elsewhere = set(found) if hidden else set()
    for where, leaf in hidden:
        if leaf not in elsewhere:
            raise OperandError(
                f"{where}, in which no parameters are looked for, and holds {leaf!r}: "
                "put it into a list, a dict or a Module"
            )


def is_leaf(value: object) -> TypeGuard[Value]:
    """Say whether a value is a leaf that can be learned."""
    return isinstance(value, Value) and value.kind in _LEAVES


def parts_of(value: object) -> Iterable[tuple[object, object]] | None:
    """Return what a value consists of, by name; None for what is not looked into."""
    if isinstance(value, Module):
        return _attributes(value).items()
    if isinstance(value, Mapping):
        return value.items()
    items = listed(value)
    return enumerate(items) if isinstance(items, list) else None


def _attributes(module: Module) -> dict[str, object]:
    """Return the attributes of a module, also those in slots, by name."""
    state = object.__getstate__(module)
    own, slots = state if isinstance(state, tuple) else (state, {})
    return {**slots, **(own or {})}


def listed(value: object) -> object:
    """Return a sequence, or an array of objects, as a list."""
    if isinstance(value, (list, float, str, bytes, range)):
        return value
    if isinstance(value, Sequence):
        return list(value)
    if getattr(getattr(value, "dtype", None), "hasobject", False):
        items = value.tolist()  # type: ignore[attr-defined]
        return items if isinstance(items, list) else [items]  # without dimensions it holds one
    return value


def _hidden(value: object) -> list[Value]:
    """Return the leaves that can be seen in what is not looked into."""
    parts: Iterable[object] = ()
    if isinstance(value, (Set, ValuesView)):
        parts = value
    elif not isinstance(value, (type, ModuleType)):
        parts = getattr(value, "__dict__", {}).values()
    return [part for part in parts if is_leaf(part)]


def _of_class(kind: type) -> Iterator[tuple[str, Value]]:
    """Yield the leaves that are attributes of a class of modules, and where they are."""
    for above in kind.__mro__[: kind.__mro__.index(Module)]:
        for name, value in vars(above).items():
            if is_leaf(value):
                yield f"{above.__name__}.{name} belongs to the class and not to self", value


def few(names: Iterable[str]) -> str:
    """List the first of some names."""
    some = sorted(names)
    return ", ".join(some[:3]) + (", ..." if len(some) > 3 else "") if some else "none"
