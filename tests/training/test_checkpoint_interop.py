"""Saved models in PyTorch, and PyTorch's here: the same file, the same outputs."""

from __future__ import annotations

from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")

import safetensors.torch  # noqa: E402

from scalargrad import MLP, Layer, Module, Value  # noqa: E402
from scalargrad.errors import CheckpointError, SizeError  # noqa: E402

ACTIVATIONS = {
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
    "sigmoid": torch.nn.Sigmoid,
    "leaky_relu": lambda: torch.nn.LeakyReLU(0.01),
    "softplus": torch.nn.Softplus,
    "gelu": torch.nn.GELU,
    None: None,
}
X = [[0.5, -1.25, 2.0], [0.0, 0.0, 0.0], [-3.0, 0.125, 1.0]]


def sequential(sizes, activation, output):
    """Build by hand what people build: Linear layers, with activations between them."""
    modules = []
    for i, (nin, nout) in enumerate(pairwise(sizes)):
        modules.append(torch.nn.Linear(nin, nout))
        if make := ACTIVATIONS[output if i == len(sizes) - 2 else activation]:
            modules.append(make())
    return torch.nn.Sequential(*modules).double()


def outputs(model):
    results = [model(x) for x in X]
    return torch.tensor(
        [[v.data for v in (r if isinstance(r, list) else [r])] for r in results],
        dtype=torch.float64,
    )


def same(model, twin):
    expected = twin(torch.tensor(X, dtype=torch.float64))
    torch.testing.assert_close(outputs(model), expected, rtol=1e-12, atol=1e-12)


each_network = pytest.mark.parametrize(
    ("sizes", "activation", "output"),
    [([3, 4, 4, 2], activation, None) for activation in ACTIVATIONS]
    + [([3, 5, 1], "tanh", "sigmoid"), ([3, 1], "tanh", None), ([3, 2], "tanh", "sigmoid")],
)


@each_network
def test_sequential_loads_a_saved_model_as_it_is(tmp_path, sizes, activation, output):
    model = MLP(sizes[0], sizes[1:], activation, output, seed=3)
    for i, p in enumerate(model.parameters()):
        p.data += i / 100  # biases start at 0
    model.save(tmp_path / "model.safetensors")
    twin = sequential(sizes, activation, output)
    twin.load_state_dict(safetensors.torch.load_file(tmp_path / "model.safetensors"), strict=True)
    same(model, twin)


@each_network
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_model_loads_a_saved_sequential_as_it_is(tmp_path, sizes, activation, output, dtype):
    twin = sequential(sizes, activation, output).to(dtype)
    safetensors.torch.save_file(twin.state_dict(), tmp_path / "model.safetensors")
    model = MLP(sizes[0], sizes[1:], activation, output, seed=3)
    model.load(tmp_path / "model.safetensors")
    same(model, twin.double())


def test_module_of_modules_is_the_torch_module_with_the_same_attributes(tmp_path):
    class Ours(Module):
        def __init__(self):
            self.body, self.head, self.scale = MLP(3, [4, 2], seed=0), Layer(2, 2), Value(1.5)

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = sequential([3, 4, 2], "tanh", None), torch.nn.Linear(2, 2)
            self.scale = torch.nn.Parameter(torch.tensor(0.0))

    path, model, twin = tmp_path / "model.safetensors", Ours(), Theirs().double()
    model.save(path)
    twin.load_state_dict(safetensors.torch.load_file(path), strict=True)
    same(model.body, twin.body)
    assert twin.scale.item() == 1.5
    torch.testing.assert_close(
        twin.head.weight.tolist(), [[w.data for w in n.w] for n in model.head.neurons]
    )


def test_tied_weights_of_torch_load_and_ours_load_there(tmp_path):
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = self.b = torch.nn.Parameter(torch.zeros(2, 3, dtype=torch.float64))

    class Ours(Module):
        def __init__(self):
            self.a = self.b = [[Value(3.0 * i + j) for j in range(3)] for i in range(2)]

    path, model, twin = tmp_path / "model.safetensors", Ours(), Tied()
    model.save(path)
    twin.load_state_dict(safetensors.torch.load_file(path), strict=True)
    assert twin.b.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    with torch.no_grad():
        twin.a += 0.25
    copies = {name: tensor.clone() for name, tensor in twin.state_dict().items()}
    safetensors.torch.save_file(copies, path)
    model.load(path)
    assert [[p.data for p in row] for row in model.b] == twin.a.tolist()


def test_files_of_torch_that_do_not_fit_are_errors(tmp_path):
    path, model = tmp_path / "model.safetensors", MLP(3, [4, 1], seed=0)
    before = model.state_dict()
    twin = sequential([3, 4, 1], "tanh", None)
    safetensors.torch.save_file(twin.bfloat16().state_dict(), path)
    with pytest.raises(CheckpointError, match="type BF16, which NumPy does not have"):
        model.load(path)
    torch.save(twin.state_dict(), path)
    with pytest.raises(
        CheckpointError, match=r"such as torch\.save writes.*save it as safetensors"
    ):
        model.load(path)
    bare = torch.nn.Sequential(torch.nn.Linear(3, 4, bias=False), torch.nn.Tanh())
    safetensors.torch.save_file(bare.state_dict(), path)
    with pytest.raises(SizeError, match=r"missing 0\.bias, 2\.bias, 2\.weight; unknown none"):
        model.load(path)
    assert model.state_dict() == before
