"""Neurons, layers and multilayer perceptrons, each weight a `Value`.

>>> model = MLP(3, [4, 4, 1], seed=0)
>>> len(model.parameters())
41
>>> model([2.0, 3.0, -1.0]).label
'l2.n0'

Modules have micrograd's names. Their default activation is tanh, as in micrograd's lecture.
"""

from __future__ import annotations

import math
import random
from collections.abc import (
    Callable,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set,
    Sized,
    ValuesView,
)
from importlib import import_module
from operator import index
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast

from .engine import Value, _shown, parameter
from .errors import ChoiceError, OperandError, ScalargradError, SizeError
from .ops import PRIMITIVES

if TYPE_CHECKING:
    import os

    from .engine import Operand

__all__ = ["ACTIVATIONS", "INITIALIZERS", "MLP", "Layer", "Module", "Neuron"]

Activation: TypeAlias = "str | Callable[[Value], Value] | None"
Seed: TypeAlias = "int | random.Random | None"

#: The activations that can be asked for by name; None is for a linear neuron.
ACTIVATIONS = ("tanh", "relu", "sigmoid", "leaky_relu", "softplus", "gelu", "sin")


def _uniform(rng: random.Random, _nin: int, _nout: int) -> float:
    """Draw from (-1, 1), as micrograd does."""
    return rng.uniform(-1.0, 1.0)


def _xavier(rng: random.Random, nin: int, nout: int) -> float:
    """Draw as Glorot and Bengio 2010 do, for tanh and sigmoid."""
    return math.sqrt(6.0 / (nin + nout)) * rng.uniform(-1.0, 1.0)


def _he(rng: random.Random, nin: int, _nout: int) -> float:
    """Draw as He et al. 2015 do, for relu and its kin."""
    return math.sqrt(2.0 / nin) * rng.gauss(0.0, 1.0)


#: How weights can be drawn, by name, for a neuron with nin inputs in a layer of nout neurons.
INITIALIZERS = {"uniform": _uniform, "xavier": _xavier, "he": _he}


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
        for name, value in _leaves("", self):
            found.setdefault(value, name)
        return [(name, value) for value, name in found.items()]

    def parameters(self) -> list[Value]:
        """Return the parameters, in the order in which they were made."""
        return list(dict.fromkeys(value for _, value in _leaves("", self)))

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
                f"them, got {_shown(state)}"
            )
        own = dict(self.named_parameters())
        missing, unknown = own.keys() - state.keys(), state.keys() - own.keys()
        if missing or unknown:
            raise SizeError(
                "the state does not fit this module: "
                f"missing {_first(missing)}; unknown {_first(unknown)}"
            )
        numbers = {name: Value(state[name]).data for name in own}
        for name, value in own.items():
            value.data = numbers[name]

    def save(self, path: str | os.PathLike[str] = "") -> None:
        """Write the parameters to a safetensors file, which PyTorch loads: `checkpoint.save`."""
        _check_path("save", self, path)
        import_module(".checkpoint", __package__).save(self, path)

    def load(self, path: str | os.PathLike[str] = "") -> None:
        """Set the parameters to those of a safetensors file: `checkpoint.load`."""
        _check_path("load", self, path)
        import_module(".checkpoint", __package__).load(self, path)


def _check_path(name: str, module: object, path: str | os.PathLike[str]) -> None:
    """Check that a module and a file are given: the class itself has no parameters."""
    if not isinstance(module, Module):
        raise OperandError(
            f"{name} is for a model that is there already: model = MLP(...), then "
            f"model.{name}({module!r})"
        )
    if path == "":
        raise OperandError(f'{name} needs the path of a file, as in model.{name}("m.safetensors")')


#: The kinds of leaves that can be learned, which constants are not.
_LEAVES = ("leaf", "parameter")


def _leaves(path: str, value: object, known: Container[int] = ()) -> Iterator[tuple[str, Value]]:
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
            parts = _parts(value)
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


def _is_leaf(value: object) -> TypeGuard[Value]:
    return isinstance(value, Value) and value.kind in _LEAVES


def _parts(value: object) -> Iterable[tuple[object, object]] | None:
    """Return what a value consists of, by name; None for what is not looked into."""
    if isinstance(value, Module):
        return _attributes(value).items()
    if isinstance(value, Mapping):
        return value.items()
    items = _listed(value)
    return enumerate(items) if isinstance(items, list) else None


def _attributes(module: Module) -> dict[str, object]:
    """Return the attributes of a module, also those in slots, by name."""
    state = object.__getstate__(module)
    own, slots = state if isinstance(state, tuple) else (state, {})
    return {**slots, **(own or {})}


def _listed(value: object) -> object:
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
    return [part for part in parts if _is_leaf(part)]


def _of_class(kind: type) -> Iterator[tuple[str, Value]]:
    """Yield the leaves that are attributes of a class of modules, and where they are."""
    for above in kind.__mro__[: kind.__mro__.index(Module)]:
        for name, value in vars(above).items():
            if _is_leaf(value):
                yield f"{above.__name__}.{name} belongs to the class and not to self", value


def _first(names: Iterable[str]) -> str:
    some = sorted(names)
    return ", ".join(some[:3]) + (", ..." if len(some) > 3 else "") if some else "none"


class Neuron(Module):
    """A weighted sum of its inputs and a bias, through an activation: act(w · x + b).

    Args:
        nin: the number of inputs.
        nonlin: False for a linear neuron, as in micrograd.
        activation: a name of `ACTIVATIONS`, a function of a Value, or None for a linear neuron.
        init: a name of `INITIALIZERS`; the bias starts at 0.
        nout: the number of neurons beside this one, for `init`.
        seed: an int or a ``random.Random``; None uses the ``random`` module, as micrograd does.
        label: names the result, and with a suffix the weights and the bias.

    >>> n = Neuron(2, seed=1)
    >>> n.w[0].data, n.w[1].data, n.b.data = 1.0, 2.0, 0.5
    >>> n([3.0, -2.0]).data == math.tanh(1.0 * 3.0 + 2.0 * -2.0 + 0.5)
    True
    """

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        *,
        activation: Activation = "tanh",
        init: str = "uniform",
        nout: int = 1,
        seed: Seed = None,
        label: str = "",
    ) -> None:
        _check_counts(nin, nout)
        self.activation = "tanh" if activation is None else activation
        self.nonlin = nonlin and activation is not None
        self.label = label
        self.init, self.nout = init, nout
        rng, draw, prefix = _generator(seed), _initializer(init), f"{label}." if label else ""
        self.w = [parameter(draw(rng, nin, nout), f"{prefix}w{i}") for i in range(nin)]
        self.b = parameter(0.0, f"{prefix}b")

    def __call__(self, x: Iterable[Operand], *more: object) -> Value:
        """Return the neuron's result for one sample.

        Raises:
            SizeError: there are more or fewer inputs than weights.
        """
        if more:
            raise _several(self, len(self.w))
        inputs = _inputs(x)
        if len(inputs) != len(self.w):
            raise _misfit(self, x, inputs, len(self.w))
        total = self.b
        for weight, value in zip(self.w, inputs, strict=True):
            total = total + weight * value
        result = self._function(total) if self._nonlin else total
        if not isinstance(result, Value):
            raise OperandError(
                f"an activation takes and returns a Value, {self.activation!r} returned "
                f"{result!r}: by name there are {', '.join(ACTIVATIONS)}"
            )
        result.label = self.label
        return result

    @property
    def activation(self) -> Activation:
        """The activation: a name or a function, None if the neuron is linear."""
        return self._activation if self._nonlin else None

    @activation.setter
    def activation(self, activation: Activation) -> None:
        function = _activation(activation)
        self._nonlin = function is not None
        if function is not None:
            self._activation, self._function = activation, function

    @property
    def nonlin(self) -> bool:
        """Whether there is an activation, as in micrograd; set to True, it is the last one again.

        >>> n = Neuron(2, activation="relu")
        >>> n.nonlin = False
        >>> n
        LinearNeuron(2)
        """
        return self._nonlin

    @nonlin.setter
    def nonlin(self, nonlin: bool) -> None:
        self._nonlin = bool(nonlin)

    def __repr__(self) -> str:
        return f"{_title(self.activation)}Neuron({len(self.w)})"


class Layer(Module):
    """Neurons side by side on the same inputs.

    Args:
        nin: the number of inputs.
        nout: the number of neurons.
        nonlin, activation, init, seed: as for `Neuron`.
        label: names the neurons, as ``label.n0`` and so on.

    >>> [n.b.label for n in Layer(2, 3, seed=0).neurons]
    ['n0.b', 'n1.b', 'n2.b']
    """

    def __init__(
        self,
        nin: int,
        nout: int,
        nonlin: bool = True,
        *,
        activation: Activation = "tanh",
        init: str = "uniform",
        seed: Seed = None,
        label: str = "",
    ) -> None:
        _check_counts(nin, nout)
        rng, prefix = _generator(seed), f"{label}." if label else ""
        self.neurons = [
            Neuron(
                nin, nonlin, activation=activation, init=init, nout=nout, seed=rng,
                label=f"{prefix}n{i}",
            )
            for i in range(nout)
        ]  # fmt: skip

    def __call__(self, x: Iterable[Operand], *more: object) -> Value | list[Value]:
        """Return the neurons' results for one sample; of a single neuron, the Value itself."""
        if more:
            raise _several(self, len(self.neurons[0].w))
        results = self.outputs(x)
        return results[0] if len(results) == 1 else results

    def outputs(self, x: Iterable[Operand]) -> list[Value]:
        """Return the neurons' results for one sample, always as a list."""
        inputs, count = _inputs(x), len(self.neurons[0].w)
        if len(inputs) != count:
            raise _misfit(self, x, inputs, count)
        return [neuron(inputs) for neuron in self.neurons]

    @property
    def activation(self) -> Activation | list[Activation]:
        """The activation of the neurons, to be set for all of them; a list if they differ."""
        return _common([neuron.activation for neuron in self.neurons])  # type: ignore[no-any-return]

    @activation.setter
    def activation(self, activation: Activation) -> None:
        _activation(activation)
        for neuron in self.neurons:
            neuron.activation = activation

    @property
    def nonlin(self) -> bool:
        """Whether a neuron has an activation, to be set for all of them."""
        return any(neuron.nonlin for neuron in self.neurons)

    @nonlin.setter
    def nonlin(self, nonlin: bool) -> None:
        for neuron in self.neurons:
            neuron.nonlin = nonlin

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(repr, self.neurons))}]"


class MLP(Module):
    """A multilayer perceptron: layers in a row.

    Args:
        nin: the number of inputs.
        nouts: the number of neurons of each layer.
        activation: of the hidden layers, as for `Neuron`.
        output: the activation of the last layer, by default none (linear); "sigmoid" makes
            probabilities.
        init: a name of `INITIALIZERS`.
        seed: as for `Neuron`.

    >>> MLP(2, [3, 1], output="sigmoid", seed=0)
    MLP of [Layer of [TanhNeuron(2), TanhNeuron(2), TanhNeuron(2)], Layer of [SigmoidNeuron(3)]]
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int] = (),
        activation: Activation = "tanh",
        output: Activation = None,
        *,
        init: str = "uniform",
        seed: Seed = None,
    ) -> None:
        if isinstance(nin, Iterable) and not isinstance(nin, str):
            raise SizeError(
                "an MLP needs the number of its inputs, and then a list with the size of each "
                f"layer, as in MLP(3, [4, 4, 1]), got {nin!r} for the number"
            )
        sizes = [nin, *nouts] if isinstance(nouts, Iterable) else []
        if len(sizes) < 2:
            raise SizeError(f"an MLP needs a list with the size of each layer, got {nouts!r}")
        _activation(activation)  # also where there is no hidden layer to use it
        rng = _generator(seed)
        self.layers = [
            Layer(
                size, sizes[i + 1], init=init, seed=rng, label=f"l{i}",
                activation=output if i == len(sizes) - 2 else activation,
            )
            for i, size in enumerate(sizes[:-1])
        ]  # fmt: skip

    def __call__(self, x: Iterable[Operand], *more: object) -> Value | list[Value]:
        """Return the last layer's results for one sample; of a single neuron, the Value itself.

        Raises:
            SizeError: there are more or fewer inputs than the first layer takes.
        """
        if more:
            raise _several(self, len(self.layers[0].neurons[0].w))
        values, count = _inputs(x), len(self.layers[0].neurons[0].w)
        if len(values) != count:
            raise _misfit(self, x, values, count)
        for layer in self.layers:
            values = layer.outputs(values)
        return values[0] if len(values) == 1 else values

    @property
    def activation(self) -> Activation | list[Activation]:
        """The activation of the hidden layers, to be set for all of them; a list if they differ."""
        return _common([layer.activation for layer in self.layers[:-1]])  # type: ignore[no-any-return]

    @activation.setter
    def activation(self, activation: Activation) -> None:
        _activation(activation)
        for layer in self.layers[:-1]:
            layer.activation = activation

    @property
    def output(self) -> Activation | list[Activation]:
        """The activation of the last layer, to be set for all of its neurons."""
        return self.layers[-1].activation

    @output.setter
    def output(self, activation: Activation) -> None:
        self.layers[-1].activation = activation

    @classmethod
    def from_torch(cls, module: Any) -> MLP:
        """Return the MLP that computes what a small network of PyTorch computes.

        All numbers are copied, as float64; a weight that two layers share is shared. All of them
        become parameters, those that are frozen there as well; a layer without a bias has none.
        (PyTorch's softplus ends at 20, where ours goes on: they differ by 2e-9 there.)

        Args:
            module: a ``torch.nn.Linear``, or a ``torch.nn.Sequential``, also a nested one, of
                these and Tanh, ReLU, LeakyReLU, Sigmoid, Softplus, GELU; Identity, Flatten, and
                Dropout after ``module.eval()``, do nothing.

        Raises:
            OperandError: another module is in it, an activation stands where there is no layer
                before it, or has an option that is not known here.
            SizeError: there is no layer, or two that do not fit together.
            ImportError: PyTorch is not installed.
        """
        return import_module(".torch_modules", __package__).from_torch(cls, module)  # type: ignore[no-any-return]

    def to_torch(self) -> Any:
        """Return the ``torch.nn.Sequential`` that computes the same, in float64.

        Its ``state_dict()`` has the names of the file that `save` writes.

        Raises:
            OperandError: an activation is a function, or one that PyTorch has no module for.
            ImportError: PyTorch is not installed.
        """
        return import_module(".torch_modules", __package__).to_torch(self)

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"


# ── arguments ───────────────────────────────────────────────────────────────────────────────────


#: Neither a scalar nor a text is a list of inputs, nor what holds them by name or in no order.
_NO_LIST = (Value, float, int, str, Mapping, Set)


def _inputs(x: Iterable[Operand]) -> list[Value]:
    """Return one sample as Values; nothing if it is no list of scalars."""
    if isinstance(x, _NO_LIST) or not isinstance(x, Iterable):
        return []
    items = list(x) if getattr(x, "ndim", 1) == 1 else []
    try:
        return [item if isinstance(item, Value) else Value(item) for item in items]
    except OperandError:
        if any(map(_is_row, items)):
            return []
        raise


def _is_row(item: object) -> bool:
    return hasattr(item, "__len__") and not isinstance(item, str) and bool(getattr(item, "ndim", 1))


def _misfit(
    module: Module, x: Iterable[Operand], inputs: list[Value], count: int
) -> ScalargradError:
    """Return the error for inputs that are more or fewer than they should be, or no sample."""
    kind = type(module).__name__
    if isinstance(x, _NO_LIST) or not isinstance(x, Iterable) or getattr(x, "ndim", 1) == 0:
        return OperandError(f"{kind} needs a list of {count} inputs, got {x!r}: put it into a list")
    if inputs or (isinstance(x, Sized) and not len(x)):
        return SizeError(f"{kind} needs {count} inputs, got {len(inputs)}")
    shape = f" of shape {tuple(x.shape)}" if hasattr(x, "shape") else " of rows"
    rows = "X.to_numpy()" if hasattr(x, "to_numpy") else "X"  # else a table yields its columns
    return OperandError(
        f"{kind} takes one sample at a time, a list of {count} inputs, got {type(x).__name__}"
        f"{shape}: write [model(x) for x in {rows}]"
    )


def _several(module: Module, count: int) -> OperandError:
    names = ", ".join(f"x{i}" for i in range(min(count, 3))) + ", ..." * (count > 3)
    return OperandError(
        f"{type(module).__name__} takes its {count} inputs in one list: write model([{names}])"
    )


def _check_counts(*counts: int) -> None:
    for count in counts:
        if isinstance(count, bool) or _whole(count) < 1:
            raise SizeError(f"the sizes of neurons and layers are positive ints, got {count!r}")


def _whole(count: Any) -> int:
    """Return an int, or an integer of NumPy, as an int; 0 if it is neither."""
    try:
        return index(count)
    except TypeError:
        return 0


def _generator(seed: Any) -> random.Random:
    if seed is None or seed is random:
        # The module itself is a generator, too: random.seed(1337) then gives micrograd's weights.
        return cast(random.Random, random)
    if isinstance(seed, random.Random):
        return seed
    try:
        return random.Random(index(seed))
    except TypeError:
        raise OperandError(f"a seed is an int, a random.Random or None, got {seed!r}") from None


def _initializer(name: str) -> Callable[[random.Random, int, int], float]:
    if name not in INITIALIZERS:
        raise ChoiceError(f"init is one of {', '.join(INITIALIZERS)}, got {name!r}")
    return INITIALIZERS[name]


def _activation(activation: Activation) -> Callable[[Value], Value] | None:
    if activation is None or callable(activation):
        return activation
    if activation not in ACTIVATIONS:
        names = ", ".join(ACTIVATIONS)
        raise ChoiceError(
            f"an activation is a function, None or one of {names}; got {activation!r}"
        )
    method: Callable[[Value], Value] = getattr(Value, activation)
    return method


def _common(activations: Sequence[Any]) -> Any:
    """Return what all have in common, or all of them."""
    first = activations[0] if activations else None
    return first if all(one == first for one in activations) else list(activations)


def _title(activation: Activation) -> str:
    if activation is None:
        return "Linear"
    if callable(activation):
        return getattr(activation, "__name__", "Custom").strip("<>").capitalize()
    return "".join(word[0].upper() + word[1:] for word in PRIMITIVES[activation].symbol.split())
