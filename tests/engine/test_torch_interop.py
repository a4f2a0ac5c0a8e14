"""Networks of PyTorch become MLPs, and back: the same numbers, the same gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from scalargrad import MLP, Value
from scalargrad.errors import OperandError, SizeError

torch = pytest.importorskip("torch")
nn = torch.nn


def network(*parts: object) -> object:
    torch.manual_seed(0)
    return nn.Sequential(*parts)


SHARED = nn.Linear(4, 4)

NETWORKS: dict[str, Callable[[], object]] = {
    "a linear layer": lambda: nn.Linear(3, 2),
    "a row of one": lambda: network(nn.Linear(3, 1)),
    "without a bias": lambda: network(nn.Linear(3, 4, bias=False), nn.Tanh(), nn.Linear(4, 2)),
    "linear layers in a row": lambda: network(nn.Linear(3, 4), nn.Linear(4, 1)),
    "an activation at the end": lambda: network(
        nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid()
    ),
    "all activations": lambda: network(
        *(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Sigmoid()),
        *(nn.Linear(4, 4), nn.LeakyReLU(), nn.Linear(4, 4), nn.LeakyReLU(0.2), nn.Linear(4, 4)),
        *(nn.GELU(), nn.Linear(4, 4), nn.Softplus()),
    ),
    "what does nothing": lambda: network(
        nn.Flatten(), nn.Linear(3, 4), nn.Identity(), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 1)
    ).eval(),
    "a nested row": lambda: network(network(nn.Linear(3, 4), nn.Tanh()), network(nn.Linear(4, 2))),
    "a layer that stands there twice": lambda: network(
        nn.Linear(3, 4), SHARED, nn.Tanh(), SHARED, nn.ReLU(), nn.Linear(4, 1)
    ),
    "half precision": lambda: network(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).half(),
    "frozen": lambda: network(nn.Linear(3, 4), nn.Tanh()).requires_grad_(False),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_values_and_gradients_are_those_of_torch_and_back(name: str) -> None:
    module = NETWORKS[name]()
    model = MLP.from_torch(module)
    module.double().requires_grad_(True)
    assert len(model.parameters()) == sum(p.numel() for p in module.parameters())
    x = [0.3, -0.8, 0.5]
    check(model, module, x)
    twin = model.to_torch()
    check(model, twin, x)
    assert [p.shape for p in twin.parameters()] == [p.shape for p in module.parameters()]
    assert repr(MLP.from_torch(twin)) == repr(model)


def check(model: MLP, module: object, x: list[float]) -> None:
    outputs = model(x)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    found = module(torch.tensor([x], dtype=torch.float64))[0]
    assert_allclose([z.data for z in outputs], found.tolist(), rtol=1e-12)
    model.zero_grad()
    module.zero_grad()
    loss = sum(((z * (i + 1)) for i, z in enumerate(outputs)), start=Value(0.0))
    loss.backward()
    (found * (1 + torch.arange(len(found)))).sum().backward()
    expected = np.concatenate([p.grad.numpy().ravel() for p in module.parameters()])
    slopes = np.concatenate([
        np.ravel([value.grad for value in values])
        for values in tensors(model)
    ])  # fmt: skip
    assert_allclose(slopes, expected, rtol=1e-11, atol=1e-15)


def tensors(model: MLP) -> list[list[Value]]:
    """Return the parameters as PyTorch orders them: weights, then biases, each tensor once."""
    found: dict[tuple[Value, ...], list[Value]] = {}
    for layer in model.layers:
        weights = [w for neuron in layer.neurons for w in neuron.w]
        biases = [neuron.b for neuron in layer.neurons if neuron.b.kind != "constant"]
        for leaves in filter(None, (weights, biases)):
            found[tuple(leaves)] = leaves
    return [*found.values()]


def test_state_dict_is_that_of_the_file_which_save_writes(tmp_path) -> None:
    from safetensors.torch import load_file

    model = MLP(3, [4, 1], seed=0)
    model.save(tmp_path / "model.safetensors")
    state, stored = model.to_torch().state_dict(), load_file(tmp_path / "model.safetensors")
    assert state.keys() == stored.keys()
    for name, tensor in stored.items():
        assert_array_equal(state[name], tensor)


def test_labels_name_layers_and_neurons() -> None:
    model = MLP.from_torch(network(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1, bias=False)))
    assert [p.label for p in model.parameters()][:4] == [
        "l0.n0.w0",
        "l0.n0.w1",
        "l0.n0.b",
        "l0.n1.w0",
    ]
    assert len(model.parameters()) == 8


def test_shared_weights_are_shared_both_ways() -> None:
    layer = nn.Linear(2, 2)
    model = MLP.from_torch(nn.Sequential(layer, nn.Tanh(), layer))
    assert model.layers[0].neurons[0].w[0] is model.layers[1].neurons[0].w[0]
    assert len([*model.to_torch().parameters()]) == 2
    model.layers[0].neurons[0].b = model.layers[0].neurons[1].b
    with pytest.raises(OperandError, match="single parameters are shared"):
        model.to_torch()


class Other(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 2


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (network(nn.Conv1d(1, 1, 3)), r"is made of Linear, .*; got Conv1d\(.*\(module '0'\)"),
        (network(nn.Linear(2, 2), nn.Softmax(-1)), "losses here take logits"),
        (network(nn.Linear(2, 2), nn.Dropout(0.5)), r"call module\.eval\(\) first"),
        (network(nn.Linear(2, 2), nn.GELU("tanh")), "needs approximate='none'"),
        (network(nn.Linear(2, 2), nn.Softplus(2.0)), "needs beta=1"),
        (network(nn.Tanh(), nn.Linear(2, 2)), r"Tanh\(\) \(module '0'\) stands before the first"),
        (network(nn.Linear(2, 2), nn.Tanh(), nn.ReLU()), "stands after another one"),
        (network(Other(2, 2)), r"got Other\("),
        (network(nn.LazyLinear(2)), "Lazy|no numbers"),
        (nn.Linear(2, 2, device="meta"), "has no numbers yet"),
        (nn.Linear(2, 2, dtype=torch.complex64), "real numbers, got torch.complex64"),
        ([nn.Linear(2, 2)], "takes a module of torch, got list"),
        (nn.Linear, "takes a module of torch, got type"),
    ],
)
def test_what_is_no_mlp_gets_a_sentence(module: object, sentence: str) -> None:
    with pytest.raises(OperandError, match=sentence):
        MLP.from_torch(module)


def test_layers_that_do_not_fit_get_a_sentence() -> None:
    with pytest.raises(SizeError, match=r"needs 4 inputs, and .* has 3 outputs"):
        MLP.from_torch(network(nn.Linear(2, 3), nn.Linear(4, 1)))
    with pytest.raises(SizeError, match="no linear layer"):
        MLP.from_torch(network())


@pytest.mark.parametrize("activation", ["sin", lambda x: x * x])
def test_activation_that_torch_lacks_gets_a_sentence(activation: object) -> None:
    with pytest.raises(OperandError, match=r"PyTorch has modules for tanh, .* layer 0 has"):
        MLP(2, [2, 1], activation=activation).to_torch()
