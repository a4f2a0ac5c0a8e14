"""What is in a file of parameters, where it can be, and what is loaded from it."""

import math
import os
import stat
import struct
from pathlib import Path

import pytest
from checkpoints import bits, doubles, header_of, read, small
from hypothesis import given
from hypothesis import strategies as st
from oracles import repeatable

from scalargrad import MLP, Layer, Neuron
from scalargrad.errors import CheckpointError
from scalargrad.nn.tensors import tensors

# ── files by hand ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


# ── what is in a file ───────────────────────────────────────────────────────────────────────────


def test_file_has_one_weight_and_one_bias_per_layer_in_rows_of_outputs(path):
    model = MLP(3, [4, 2, 1], "tanh", output="sigmoid", seed=1)
    for i, p in enumerate(model.parameters()):
        p.data += i / 7  # biases start at 0
    model.save(path)
    expected = {}
    for place, layer in zip(["0", "2", "4"], model.layers, strict=True):
        weights = [w.data for neuron in layer.neurons for w in neuron.w]
        biases = [neuron.b.data for neuron in layer.neurons]
        outputs = len(layer.neurons)
        expected[f"{place}.weight"] = ("F64", (outputs, len(weights) // outputs), doubles(weights))
        expected[f"{place}.bias"] = ("F64", (outputs,), doubles(biases))
    assert read(path.read_bytes()) == expected
    assert header_of(path.read_bytes())[0]["__metadata__"] == {
        "format": "pt",
        "activations": "tanh, tanh, sigmoid",
    }


layouts = st.tuples(
    st.integers(1, 4),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.sampled_from([None, "tanh", "relu", "gelu", math.sin]),
    st.sampled_from([None, "sigmoid"]),
)


@repeatable
@given(layout=layouts, data=st.data())
def test_round_trip_is_exact_for_every_layout(tmp_path_factory, layout, data):
    nin, nouts, activation, output = layout
    path = tmp_path_factory.getbasetemp() / "round_trip.safetensors"
    model = MLP(nin, nouts, activation, output, seed=0)
    for p in model.parameters():
        p.data = data.draw(st.floats(allow_subnormal=True))
    model.save(path)
    twin = MLP(nin, nouts, activation, output, seed=1)
    twin.load(path)
    assert bits(twin) == bits(model)

    # A Sequential by hand: the activations take places, too.
    row = []
    for i in range(len(nouts)):
        last = i == len(nouts) - 1
        row += ["Linear"] + (["act"] if (output if last else activation) else [])
    places = [str(i) for i, kind in enumerate(row) if kind == "Linear"]
    assert list(tensors(model)) == [f"{i}.{part}" for i in places for part in ("weight", "bias")]


SPECIAL = {
    "inf": 0x7FF0000000000000,
    "-inf": 0xFFF0000000000000,
    "-0": 0x8000000000000000,
    "smallest subnormal": 0x0000000000000001,
    "largest subnormal": 0x800FFFFFFFFFFFFF,
    "largest": 0x7FEFFFFFFFFFFFFF,
    "nan": 0x7FF8000000000000,
    "nan with a sign and a payload": 0xFFF80000DEADBEEF,
}


@pytest.mark.parametrize("pattern", SPECIAL.values(), ids=SPECIAL)
def test_special_number_keeps_its_bits(path, pattern):
    data = pattern.to_bytes(8, "little")
    model, twin = Neuron(1, seed=0), Neuron(1, seed=1)
    (model.w[0].data,) = struct.unpack("<d", data)
    model.save(path)
    assert read(path.read_bytes())["weight"] == ("F64", (1, 1), data)
    twin.load(path)
    assert bits(twin) == data + doubles([0.0])


def test_load_keeps_values_labels_and_gradients(path):
    model, twin = small(), MLP(2, [2, 1], seed=1)
    model.save(path)
    for i, p in enumerate(twin.parameters()):
        p.grad = float(i)
    before = [(id(p), p.label, p.grad, p.kind) for p in twin.parameters()]
    twin.load(path)
    assert [(id(p), p.label, p.grad, p.kind) for p in twin.parameters()] == before
    assert twin([0.5, -1.0]).data == model([0.5, -1.0]).data


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_path_can_be_a_text_bytes_or_a_path(path, kind):
    model, twin = small(), MLP(2, [2, 1], seed=1)
    model.save(kind(path))
    twin.load(kind(path))
    assert bits(twin) == bits(model)


# ── where files can be ──────────────────────────────────────────────────────────────────────────


def test_missing_file_and_missing_folder_are_what_python_says(tmp_path):
    model = small()
    before = bits(model)
    with pytest.raises(FileNotFoundError):
        model.load(tmp_path / "none.safetensors")
    with pytest.raises(FileNotFoundError, match=r"no such folder.*'.*none'"):
        model.save(tmp_path / "none" / "model.safetensors")
    for path in (tmp_path, f"{tmp_path}/", str(tmp_path / "x" / "..")):
        with pytest.raises((IsADirectoryError, FileNotFoundError)):
            model.save(path)
    with pytest.raises(IsADirectoryError):
        model.load(tmp_path)
    with pytest.raises(TypeError):
        model.save(1)
    assert not os.listdir(tmp_path)
    assert bits(model) == before


def test_path_without_a_folder_is_in_the_current_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, twin = small(), MLP(2, [2, 1], seed=1)
    model.save("here")
    twin.load("here")
    assert bits(twin) == bits(model)
    assert os.listdir() == ["here"]


def test_pipe_is_not_replaced_by_a_file(path):
    os.mkfifo(path)
    with pytest.raises(IsADirectoryError, match="a device"):
        small().save(path)
    assert stat.S_ISFIFO(os.stat(path).st_mode)


@pytest.mark.parametrize("exists", [True, False])
def test_link_stays_a_link(tmp_path, exists):
    link, target = tmp_path / "latest", tmp_path / "runs" / "7"
    target.parent.mkdir()
    link.symlink_to(Path("runs") / "7")
    if exists:
        target.write_bytes(b"old")
    model, twin = small(), MLP(2, [2, 1], seed=1)
    model.save(link)
    assert link.is_symlink()
    assert not target.is_symlink()
    twin.load(target)
    assert bits(twin) == bits(model)
    assert sorted(os.listdir(tmp_path)) == ["latest", "runs"]
    assert os.listdir(target.parent) == ["7"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_new_file_has_the_rights_of_any_new_file_and_an_old_one_keeps_its_own(path, umask):
    before = os.umask(umask)
    try:
        small().save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
        path.chmod(0o640)
        small().save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(before)


# ── activations ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("saved", "other", "words"),
    [
        (MLP(2, [2, 1], output="tanh"), MLP(2, [2, 1]), "tanh, tanh, this one has tanh, linear"),
        (MLP(2, [2, 1], "relu"), MLP(2, [2, 1]), "relu, linear, this one has tanh, linear"),
        (Layer(2, 2), Layer(2, 2, activation="relu"), "tanh, this one has relu"),
    ],
)
def test_a_file_of_a_model_with_other_activations_is_not_loaded(tmp_path, saved, other, words):
    saved.save(tmp_path / "m")
    before = other.state_dict()
    with pytest.raises(CheckpointError, match=words):
        other.load(tmp_path / "m")
    assert other.state_dict() == before
    saved.load(tmp_path / "m")
