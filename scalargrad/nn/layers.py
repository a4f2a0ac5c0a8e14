"""Neurons, layers, and layers in a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..engine import Value, parameter
from ..errors import OperandError, SizeError
from .choices import (
    ACTIVATIONS,
    Activation,
    Seed,
    activation_of,
    common,
    generator,
    initializer,
    title,
)
from .inputs import check_counts, misfit, sample, several
from .module import Module

if TYPE_CHECKING:
    from ..engine import Operand

__all__ = ["MLP", "Layer", "Neuron"]


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

    >>> import math
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
        check_counts(nin, nout)
        self.activation = "tanh" if activation is None else activation
        self.nonlin = nonlin and activation is not None
        self.label = label
        self.init, self.nout = init, nout
        rng, draw, prefix = generator(seed), initializer(init), f"{label}." if label else ""
        self.w = [parameter(draw(rng, nin, nout), f"{prefix}w{i}") for i in range(nin)]
        self.b = parameter(0.0, f"{prefix}b")

    def __call__(self, x: Iterable[Operand], *more: object) -> Value:
        """Return the neuron's result for one sample.

        Raises:
            SizeError: there are more or fewer inputs than weights.
        """
        if more:
            raise several(self, len(self.w))
        inputs = sample(x)
        if len(inputs) != len(self.w):
            raise misfit(self, x, inputs, len(self.w))
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
        function = activation_of(activation)
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

    def _tensors(self) -> dict[str, object]:
        return {"weight": [self.w], "bias": [self.b]}  # a layer with one output

    def __repr__(self) -> str:
        return f"{title(self.activation)}Neuron({len(self.w)})"


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
        check_counts(nin, nout)
        rng, prefix = generator(seed), f"{label}." if label else ""
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
            raise several(self, len(self.neurons[0].w))
        results = self.outputs(x)
        return results[0] if len(results) == 1 else results

    def outputs(self, x: Iterable[Operand]) -> list[Value]:
        """Return the neurons' results for one sample, always as a list."""
        inputs, count = sample(x), len(self.neurons[0].w)
        if len(inputs) != count:
            raise misfit(self, x, inputs, count)
        return [neuron(inputs) for neuron in self.neurons]

    @property
    def activation(self) -> Activation | list[Activation]:
        """The activation of the neurons, to be set for all of them; a list if they differ."""
        return common([neuron.activation for neuron in self.neurons])  # type: ignore[no-any-return]

    @activation.setter
    def activation(self, activation: Activation) -> None:
        activation_of(activation)
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

    def _tensors(self) -> dict[str, object]:
        return {"weight": [n.w for n in self.neurons], "bias": [n.b for n in self.neurons]}

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
        activation_of(activation)  # also where there is no hidden layer to use it
        rng = generator(seed)
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
            raise several(self, len(self.layers[0].neurons[0].w))
        values, count = sample(x), len(self.layers[0].neurons[0].w)
        if len(values) != count:
            raise misfit(self, x, values, count)
        for layer in self.layers:
            values = layer.outputs(values)
        return values[0] if len(values) == 1 else values

    @property
    def activation(self) -> Activation | list[Activation]:
        """The activation of the hidden layers, to be set for all of them; a list if they differ."""
        return common([layer.activation for layer in self.layers[:-1]])  # type: ignore[no-any-return]

    @activation.setter
    def activation(self, activation: Activation) -> None:
        activation_of(activation)
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
        from .torch_modules import from_torch

        return from_torch(cls, module)

    def to_torch(self) -> Any:
        """Return the ``torch.nn.Sequential`` that computes the same, in float64.

        Its ``state_dict()`` has the names of the file that `save` writes.

        Raises:
            OperandError: an activation is a function, or one that PyTorch has no module for.
            ImportError: PyTorch is not installed.
        """
        from .torch_modules import to_torch

        return to_torch(self)

    def _tensors(self) -> dict[str, object]:
        """Return the layers by their numbers in a row where an activation takes one, too."""
        parts: dict[str, object] = {}
        place = 0
        for layer in self.layers:
            parts[str(place)] = layer
            place += 1 if all(neuron.activation is None for neuron in layer.neurons) else 2
        return parts

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"
