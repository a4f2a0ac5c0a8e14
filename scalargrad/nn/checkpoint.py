"""Save the parameters of a module to a safetensors file, and load them: ``model.save(path)``.

The file of an MLP is also that of the ``torch.nn.Sequential`` that computes the same::

    model = scalargrad.MLP(3, [4, 1])                                   # tanh, then linear
    model.save("model.safetensors")

    twin = torch.nn.Sequential(Linear(3, 4), Tanh(), Linear(4, 1)).double()
    twin.load_state_dict(safetensors.torch.load_file("model.safetensors"))

and ``model.load(path)`` reads what ``safetensors.torch.save_file(twin.state_dict(), path)`` wrote.
A file holds numbers and names alone: to load it runs no code, as to load a pickle does.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from .. import files
from ..engine import Value
from ..errors import CheckpointError, SizeError
from .layers import MLP, Layer, Neuron
from .module import Module, few
from .tensors import Tensor, tensors

__all__ = ["load", "save"]

#: What the library safetensors allows, in bytes.
_LARGEST_HEADER = 100_000_000


def save(module: Module, path: str | os.PathLike[str]) -> None:
    """Write the parameters of a module to a safetensors file, as float64: nothing is rounded.

    An old file is replaced at once when the new one is complete; if anything fails, it stays.
    A process that is killed here can leave a ``….tmp`` beside it, which may be deleted.

    Raises:
        SizeError: the module has no parameters.
        OSError: the file cannot be written, for example since its folder is missing.
    """
    arrays = {name: _array(tensor) for name, tensor in tensors(module).items()}
    # Names and shapes are those of PyTorch's layers; "pt" says so to the libraries that ask.
    about = {"format": "pt"}
    if activations := _activations(module):
        about["activations"] = activations
    files.replace(os.fsdecode(path), _in_order(safetensors.numpy.save(arrays, about), about))


def load(module: Module, path: str | os.PathLike[str]) -> None:
    """Set the parameters of a module to the numbers of a safetensors file.

    The file may come from `save` or from PyTorch, with real numbers of any type that NumPy has.
    Only ``data`` changes: Values, labels and gradients stay. The activations of an MLP, a layer or
    a neuron are in a file from `save`, by name, and have to be the same; one from PyTorch has none.

    Raises:
        CheckpointError: the file is damaged, is no safetensors file, or holds no real numbers; or
            the model that it was saved from has other activations.
        SizeError: its tensors have other names or shapes than those of the module.
        OSError: the file cannot be read, for example since it is missing.

    After an error the module is as it was.
    """
    wanted, path = tensors(module), os.fsdecode(path)
    stored, saved = _read(path)
    _check_fit(wanted, stored, path)
    own = _activations(module)
    if saved and own and saved != own:
        raise CheckpointError(
            f"{path} is of a model with the activations {saved}, this one has {own}: it would give "
            "other answers"
        )
    numbers: dict[Value, float] = {}
    for name, tensor in wanted.items():
        for leaf, number in zip(tensor.leaves, _floats(stored[name]), strict=True):
            if not _same(numbers.setdefault(leaf, number), number):
                raise CheckpointError(
                    f"{path} does not fit this module: {name} sets a parameter that is shared "
                    f"with another tensor to {number}, the other one to {numbers[leaf]}"
                )
    for leaf, number in numbers.items():
        leaf.data = number


# ── from tensors to arrays and back ─────────────────────────────────────────────────────────────


def _array(tensor: Tensor) -> Any:
    # Through Value: people assign to `data`, and what is no number is an error that says so.
    numbers = [Value(leaf.data).data for leaf in tensor.leaves]
    return np.array(numbers, np.float64).reshape(tensor.shape)


def _floats(array: Any) -> list[float]:
    floats: list[float] = array.astype(np.float64).ravel().tolist()
    return floats


def _same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)  # NaN is the same as NaN here


def _check_fit(wanted: dict[str, Tensor], stored: dict[str, Any], path: str) -> None:
    missing, unknown = wanted.keys() - stored.keys(), stored.keys() - wanted.keys()
    if missing or unknown:
        raise SizeError(
            f"{path} does not fit this module: missing {few(missing)}; unknown {few(unknown)}"
            + _hint(missing, unknown)
        )
    for name, tensor in wanted.items():
        if stored[name].shape != tensor.shape:
            raise SizeError(
                f"{path} does not fit this module: {name} needs the shape {tensor.shape}, "
                f"got {stored[name].shape}"
            )
        if stored[name].dtype.kind not in "fiu":
            raise CheckpointError(f"{path}: {name} needs real numbers, got {stored[name].dtype}")


def _hint(missing: set[str], unknown: set[str]) -> str:
    """Say why names may differ in their numbers alone."""
    kinds = [sorted(re.sub(r"\d+", "", name) for name in names) for names in (missing, unknown)]
    if kinds[0] != kinds[1]:
        return ""
    return "; the activations may differ, since each takes a number of its own"


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def _in_order(content: bytes, about: dict[str, str]) -> bytes:
    """Return a file with its metadata in this order: the library shuffles them."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end]) | {"__metadata__": about}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the numbers begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text + content[end:]


def _activations(module: Module) -> str:
    """Name the activations of a model's layers, in order; nothing for a module of another kind."""
    match module:
        case MLP(layers=list(layers)):
            return ", ".join(_named(layer.activation) for layer in layers)
        case Layer(neurons=list()) | Neuron(w=list()):
            return _named(module.activation)
    return ""


def _named(activation: Any) -> str:
    if isinstance(activation, list):
        return f"({' '.join(map(_named, activation))})"
    if activation is None or isinstance(activation, str):
        return activation or "linear"
    return getattr(activation, "__name__", type(activation).__name__)


def _read(path: str) -> tuple[dict[str, Any], str]:
    """Return the arrays of a file, and the activations that it names, if it does."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        arrays = dict(safetensors.numpy.load(content))
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return arrays, header.get("__metadata__", {}).get("activations", "")
    except KeyError as error:
        raise CheckpointError(
            f"{path} holds numbers of the type {error.args[0]}, which NumPy does not have: "
            "save them as float32"
        ) from None
    except (SafetensorError, ValueError) as error:
        if _may_run_code(content):
            raise CheckpointError(
                f"{path} is a pickle or a zip file, such as torch.save writes, which could run "
                "code when loaded: save it as safetensors"
            ) from None
        reason = str(error).removeprefix("Error while deserializing: ")
        raise CheckpointError(f"{path} is damaged or no safetensors file: {reason}") from None


def _may_run_code(content: bytes) -> bool:
    """Return whether a file begins like a pickle or a zip file, and not like a safetensors file.

    That begins with the size of its header, which has the same first bytes if it is a certain size.
    """
    size = int.from_bytes(content[:8], "little")
    return content.startswith((b"\x80", b"PK\3\4")) and size > _LARGEST_HEADER
