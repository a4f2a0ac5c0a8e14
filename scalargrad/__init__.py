"""Write scalars, see every scalar: a scalar autograd engine with a tiny neural-network module.

>>> from scalargrad import Value
>>> x = Value(3.0, label="x")
>>> y = x**2 + 1
>>> y.backward()
>>> x.grad
6.0

Read the source in this order: ``ops.py`` (the table of primitives), ``rules.py``, ``engine.py``
(`Value`), ``functional/``, ``calculus.py``, ``check.py``, ``nn/``, ``optim/``,
``train/``.
"""

from __future__ import annotations

from importlib import import_module

from .engine import Value

TYPE_CHECKING = False  # for type checkers; at run time these names are loaded when first used
if TYPE_CHECKING:
    from .calculus import grad, hessian
    from .check import check_gradients
    from .compiler import compile as compile
    from .compiler import load_program as load_program
    from .debugging import debug, source_line
    from .nn import MLP, Layer, Module, Neuron
    from .optim import SGD, Adam, AdamW
    from .train import fit as fit

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "Layer",
    "Module",
    "Neuron",
    "Value",
    "check_gradients",
    "debug",
    "fit",
    "grad",
    "hessian",
    "load_program",
    "source_line",
]

_ROOMS = {"grad": "calculus", "hessian": "calculus", "check_gradients": "check"}
_ROOMS |= {"compile": "compiler"}  # not in __all__: it would shadow the builtin
_ROOMS |= {"fit": "train", "load_program": "compiler"}  # with NumPy, as a star import is
_ROOMS |= {"debug": "debugging", "source_line": "debugging"}
_ROOMS |= {"Layer": "nn", "MLP": "nn", "Module": "nn", "Neuron": "nn"}
_ROOMS |= {"Adam": "optim", "AdamW": "optim", "SGD": "optim"}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ROOMS[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS, "__version__"})
