"""The parameters of a module as tensors, by the names that PyTorch gives them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from ..engine import Value
from ..errors import OperandError, SizeError
from .module import Module, is_leaf, leaves, listed, parts_of

__all__ = ["Tensor", "tensors"]


class Tensor(NamedTuple):
    """Leaves in an order, and the shape that they have."""

    shape: tuple[int, ...]
    leaves: list[Value]


def tensors(module: Module) -> dict[str, Tensor]:
    """Return the tensors of a module by name.

    The names and shapes are PyTorch's:

    - a layer has a ``weight`` of shape (outputs, inputs) and a ``bias`` of shape (outputs,), and a
      neuron is a layer with one output;
    - the layers of an MLP have the numbers that they have in a ``torch.nn.Sequential``, where an
      activation takes a number, too;
    - other modules have a tensor for each attribute that is a leaf (of shape ()) or a list, a tuple
      or an array of leaves, also a nested one. A list whose rows differ in length becomes a tensor
      for each row.

    A leaf with two names is in two tensors, as tied weights are in PyTorch's ``state_dict()``. A
    module with two names has the first one, as in `Module.named_parameters`.

    >>> from scalargrad import MLP, Layer
    >>> [(name, tensor.shape) for name, tensor in tensors(MLP(3, [4, 1])).items()]
    [('0.weight', (4, 3)), ('0.bias', (4,)), ('2.weight', (1, 4)), ('2.bias', (1,))]

    >>> class Bigrams(Module):
    ...     def __init__(self):
    ...         self.table = [[Value(0.0) for _ in range(27)] for _ in range(27)]
    ...         self.scale, self.head = Value(1.0), Layer(27, 2)
    >>> [(name, tensor.shape) for name, tensor in tensors(Bigrams()).items()]
    [('table', (27, 27)), ('scale', ()), ('head.weight', (2, 27)), ('head.bias', (2,))]

    Raises:
        SizeError: there are no parameters, or the paths to two of them are the same text.
        OperandError: a parameter is where `Module.named_parameters` does not look for it.
    """
    if not isinstance(module, Module):
        raise OperandError(f"a Module can be saved and loaded, got {type(module).__name__}")
    module.named_parameters()  # which says so if one is not found
    found: dict[str, Tensor] = {}
    for name, tensor in _tensors(module):
        if name in found or name == "__metadata__":
            raise SizeError(f"a safetensors file has one place for the name {name!r}: rename one")
        found[name] = tensor
    if not found:
        raise SizeError(f"{type(module).__name__} has no parameters to save or load")
    return found


def _tensors(module: Module) -> Iterator[tuple[str, Tensor]]:
    stack: list[tuple[str, object]] = [("", module)]
    seen: dict[int, object] = {}
    while stack:
        path, value = stack.pop()
        shape = _shape_of(value)
        if shape is not None:
            yield path, Tensor(shape, _flat(value))
        elif id(value) not in seen:
            parts = _named_parts(value, seen)
            seen[id(value)] = value
            prefix = f"{path}." if path else ""
            stack.extend([(f"{prefix}{name}", part) for name, part in parts][::-1])


def _shape_of(value: object, *outer: object) -> tuple[int, ...] | None:
    """Return the shape of a tensor; None for what is not one."""
    if isinstance(value, Value):
        return () if is_leaf(value) else None
    if any(value is one for one in outer):
        return None  # a list within itself
    items = listed(value)
    if not isinstance(items, list):
        return None
    shapes = {_shape_of(item, value, *outer) for item in items}
    shape = shapes.pop() if len(shapes) == 1 else None
    return None if shape is None else (len(items), *shape)


def _named_parts(value: object, seen: Container[int]) -> Iterable[tuple[object, object]]:
    """Return what a value consists of, by name; PyTorch's names where they cover all of it."""
    if isinstance(value, Module):
        with suppress(AttributeError):  # a subclass may do without neurons or weights
            parts = value._tensors()
            if parts and set(_flat(parts)) == set(_flat(value, seen)):
                return parts.items()
    return parts_of(value) or ()


def _flat(value: object, seen: Container[int] = ()) -> list[Value]:
    """Return the leaves in a value, in order."""
    return [leaf for _, leaf in leaves("", value, seen)]
