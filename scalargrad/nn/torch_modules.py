"""From PyTorch and back: ``MLP.from_torch(module)`` and ``model.to_torch()``.

A ``torch.nn.Sequential`` of linear layers and the usual activations is an `MLP`, number for number.
PyTorch is not needed by anything else here, and loads when one of the two is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from ..engine import Value, constant, parameter
from ..errors import OperandError, SizeError
from .layers import MLP, Layer

__all__ = ["from_torch", "to_torch"]

#: How PyTorch calls the activations, and what their options have to be.
_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "Tanh": ("tanh", {}),
    "ReLU": ("relu", {}),
    "Sigmoid": ("sigmoid", {}),
    "Softplus": ("softplus", {"beta": 1}),
    "GELU": ("gelu", {"approximate": "none"}),
}

#: The slope of ``leaky_relu`` by name, here and in PyTorch.
_SLOPE = 0.01


def from_torch(kind: type[MLP], module: Any) -> MLP:
    """Return the MLP that computes what a module of PyTorch computes: see `MLP.from_torch`."""
    torch = _torch()
    if not isinstance(module, torch.nn.Module):
        raise OperandError(f"from_torch takes a module of torch, got {type(module).__name__}")
    pairs: list[tuple[str, Any, Any]] = []  # the path, the linear layer, its activation
    activated = True
    for path, part in _parts(torch, "", module):
        if _is(torch, part, "Linear"):
            _check_numbers(path, part)
            pairs.append((path, part, None))
            activated = False
        elif not _does_nothing(torch, path, part):
            activation = _activation(torch, path, part)
            if activated:
                where = "after another one" if pairs else "before the first layer"
                raise OperandError(
                    "an MLP has one activation after each linear layer, and "
                    f"{_shown(path, part)} stands {where}"
                )
            pairs[-1] = (*pairs[-1][:2], activation)
            activated = True
    if not pairs:
        raise SizeError(f"the module has no linear layer: {type(module).__name__}")
    return _built(kind, pairs)


def to_torch(model: MLP) -> Any:
    """Return the module of PyTorch that computes what an MLP computes: see `MLP.to_torch`."""
    torch = _torch()
    parts: list[Any] = []
    made: dict[tuple[Value, ...], Any] = {}  # shared tensors stay shared
    for number, layer in enumerate(model.layers):
        if isinstance(layer.activation, list):
            raise OperandError(f"layer {number} has neurons with different activations")
        function = _torch_activation(torch, layer.activation, number)
        weights = [neuron.w for neuron in layer.neurons]
        biases = [neuron.b for neuron in layer.neurons]
        free = [neuron.b.kind != "constant" or neuron.b.data != 0 for neuron in layer.neurons]
        linear = torch.nn.Linear(len(weights[0]), len(weights), bias=any(free)).double()
        linear.weight = _tensor(torch, made, weights, (len(weights), len(weights[0])))
        if any(free):
            linear.bias = _tensor(torch, made, [biases], (len(biases),))
        parts += [linear] if function is None else [linear, function]
    return torch.nn.Sequential(*parts)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "a model comes from and goes to PyTorch by PyTorch: python -m pip install torch"
        ) from error
    return torch


# ── from PyTorch ────────────────────────────────────────────────────────────────────────────────


def _parts(torch: Any, path: str, module: Any) -> Iterator[tuple[str, Any]]:
    """Yield the modules in a row, those of nested rows as well, with their paths."""
    if not _is(torch, module, "Sequential"):
        yield path, module
        return
    for name, part in module._modules.items():  # also what stands in the row twice
        yield from _parts(torch, f"{path}.{name}" if path else name, part)


def _is(torch: Any, module: Any, name: str) -> bool:
    """Say whether a module is of a kind, and computes what that computes."""
    kind = getattr(torch.nn, name)
    return isinstance(module, kind) and type(module).forward is kind.forward


def _does_nothing(torch: Any, path: str, part: Any) -> bool:
    """Say whether a module passes on a sample as it is.

    Raises:
        OperandError: it does so when the model is evaluated, and it is being trained.
    """
    if _is(torch, part, "Identity") or _is(torch, part, "Flatten"):
        return True
    if not isinstance(part, torch.nn.modules.dropout._DropoutNd):
        return False
    if part.training and part.p:
        raise OperandError(
            f"{_shown(path, part)} drops other numbers each time: call module.eval() first"
        )
    return True


def _activation(torch: Any, path: str, part: Any) -> str | Callable[[Value], Value]:
    if _is(torch, part, "LeakyReLU"):
        slope = float(part.negative_slope)
        other = partial(Value.leaky_relu, negative_slope=slope)
        return "leaky_relu" if slope == _SLOPE else other
    for kind, (name, options) in _ACTIVATIONS.items():
        if not _is(torch, part, kind):
            continue
        for option, needed in options.items():
            if getattr(part, option) != needed:
                raise OperandError(f"{_shown(path, part)} needs {option}={needed!r} to be known")
        return name
    known = ", ".join(["Linear", *_ACTIVATIONS, "LeakyReLU", "Identity", "Flatten", "Dropout"])
    hint = "; losses here take logits" if "oftmax" in type(part).__name__ else ""
    raise OperandError(f"an MLP is made of {known}; got {_shown(path, part)}{hint}")


def _built(kind: type[MLP], pairs: Sequence[tuple[str, Any, Any]]) -> MLP:
    for (before, first, _), (path, second, _) in pairwise(pairs):
        if first.out_features != second.in_features:
            raise SizeError(
                f"{_shown(path, second)} needs {second.in_features} inputs, and "
                f"{_shown(before, first)} has {first.out_features} outputs"
            )
    sizes = [pairs[0][1].in_features, *(linear.out_features for _, linear, _ in pairs)]
    model = kind(sizes[0], sizes[1:], seed=0)
    made: dict[int, list[Value]] = {}
    for layer, (_, linear, activation) in zip(model.layers, pairs, strict=True):
        layer.activation = activation
        _fill(layer, linear, made)
    return model


def _fill(layer: Layer, linear: Any, made: dict[int, list[Value]]) -> None:
    """Give a layer the numbers of a linear one; a tensor used twice gives the same leaves."""
    for tensor in (linear.weight, linear.bias):
        if tensor is not None and id(tensor) not in made:
            made[id(tensor)] = [parameter(x) for x in _numbers(tensor)]
    weights = iter(made[id(linear.weight)])
    for number, neuron in enumerate(layer.neurons):
        labels = [weight.label for weight in neuron.w]
        neuron.w = [next(weights) for _ in neuron.w]
        for weight, label in zip(neuron.w, labels, strict=True):
            weight.label = weight.label or label
        bias = neuron.b.label
        # Without a bias the sum starts from a constant, which is no parameter.
        neuron.b = constant(0.0) if linear.bias is None else made[id(linear.bias)][number]
        neuron.b.label = neuron.b.label or bias


def _numbers(tensor: Any) -> list[float]:
    numbers: list[float] = tensor.detach().cpu().double().flatten().tolist()
    return numbers


def _check_numbers(path: str, linear: Any) -> None:
    for tensor in filter(lambda tensor: tensor is not None, (linear.weight, linear.bias)):
        if tensor.is_meta or type(tensor).__name__.startswith("Uninitialized"):
            raise OperandError(f"{_shown(path, linear)} has no numbers yet: run the module once")
        if not tensor.is_floating_point():
            raise OperandError(f"{_shown(path, linear)} needs real numbers, got {tensor.dtype}")


def _shown(path: str, part: Any) -> str:
    text = f"{part!r}" if len(f"{part!r}") < 60 else type(part).__name__
    return f"{text} (module {path!r})" if path else text


# ── to PyTorch ──────────────────────────────────────────────────────────────────────────────────


def _torch_activation(torch: Any, activation: Any, number: int) -> Any:
    if activation is None:
        return None
    if activation == "leaky_relu":
        return torch.nn.LeakyReLU(_SLOPE)
    if isinstance(activation, partial) and activation.func is Value.leaky_relu:
        return torch.nn.LeakyReLU(activation.keywords["negative_slope"])
    for kind, (name, _) in _ACTIVATIONS.items():
        if name == activation:
            return getattr(torch.nn, kind)()
    known = ", ".join([*(name for name, _ in _ACTIVATIONS.values()), "leaky_relu"])
    raise OperandError(
        f"PyTorch has modules for {known}; layer {number} has the activation {activation!r}"
    )


def _tensor(
    torch: Any, made: dict[tuple[Value, ...], Any], rows: Sequence[Sequence[Value]], shape: Any
) -> Any:
    leaves = tuple(leaf for row in rows for leaf in row)
    if leaves not in made:
        others = {leaf for tensor in made for leaf in tensor}
        if len({*leaves}) < len(leaves) or others & {*leaves}:
            raise OperandError(
                "PyTorch shares whole tensors, and here single parameters are shared among layers"
            )
        numbers = [Value(leaf.data).data for leaf in leaves]
        made[leaves] = torch.nn.Parameter(torch.tensor(numbers, dtype=torch.float64).reshape(shape))
    return made[leaves]
