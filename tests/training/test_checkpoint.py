"""Saved parameters against the bytes of the file, and files that are damaged on the way."""

import errno
import json
import math
import os
import pickle
import re
import stat
import struct
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import ROOT, python, repeatable

from scalargrad import MLP, Layer, Module, Neuron, Value
from scalargrad.errors import CheckpointError, OperandError, SizeError
from scalargrad.nn.checkpoint import load, save
from scalargrad.nn.tensors import tensors

# ── files by hand ───────────────────────────────────────────────────────────────────────────────


def header_of(content):
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def read(content):
    """Return (dtype, shape, bytes) of each tensor of a file, as its format is specified."""
    header, body = header_of(content)
    header.pop("__metadata__", None)
    return {
        name: (entry["dtype"], tuple(entry["shape"]), body[slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


def written(entries):
    """Return a file with tensors name: (dtype, shape, bytes)."""
    header, body = {}, b""
    for name, (dtype, shape, data) in entries.items():
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def doubles(numbers):
    return struct.pack(f"<{len(numbers)}d", *numbers)


def bits(module):
    """Return all that a load must not change by accident."""
    return doubles([p.data for p in module.parameters()])


def small():
    return MLP(2, [2, 1], seed=0)


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


# ── modules of all kinds ────────────────────────────────────────────────────────────────────────


class Attributes(Module):
    """A module with any attributes."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


class Scaled(MLP):
    """An MLP with a parameter of its own."""

    def __init__(self):
        super().__init__(2, [2, 1], seed=0)
        self.scale = Value(2.0)


class Gated(Neuron):
    """A neuron with a parameter of its own."""

    def __init__(self):
        super().__init__(2, seed=0)
        self.gate = Value(1.0)


class Doubled(MLP):
    """An MLP with behaviour of its own."""

    def __call__(self, x):
        return super().__call__(x) * 2


class Bare(Layer):
    """A layer without neurons."""

    def __init__(self):
        self.cells = [Value(1.0)]


def leaves(*shape):
    if not shape:
        return Value(1.0)
    return [leaves(*shape[1:]) for _ in range(shape[0])]


def gated_layer():
    layer = Layer(2, 1, seed=0)
    layer.neurons.append(Gated())
    return layer


def pruned_layer():
    layer = Layer(3, 2, seed=0)
    del layer.neurons[0].w[1]
    return layer


def family():
    parent, child = Attributes(w=Value(1.0)), Attributes(v=Value(2.0))
    parent.child, child.parent = child, parent
    return parent


def with_parents(model):
    for layer in model.layers:
        layer.parent = model
    return model


def twenty_levels(block):
    for _ in range(20):
        block = Attributes(a=block, b=block, both=[block, {"again": block}])
    return block


def within_itself():
    within = [Value(1.0)]
    within.append(within)
    return Attributes(within=within)


TWO_LAYERS = {"0.weight": (2, 2), "0.bias": (2,), "2.weight": (1, 2), "2.bias": (1,)}

MODULES = [
    (lambda: Neuron(3), {"weight": (1, 3), "bias": (1,)}),
    (lambda: Layer(3, 2), {"weight": (2, 3), "bias": (2,)}),
    (lambda: MLP(2, [2, 1], None), {
        "0.weight": (2, 2), "0.bias": (2,), "1.weight": (1, 2), "1.bias": (1,)}),
    (lambda: Doubled(2, [2, 1]), TWO_LAYERS),
    (Scaled, {
        "layers.0.weight": (2, 2), "layers.0.bias": (2,),
        "layers.1.weight": (1, 2), "layers.1.bias": (1,), "scale": ()}),
    (Gated, {"w": (2,), "b": (), "gate": ()}),
    (Bare, {"cells": (1,)}),
    (gated_layer, {
        "neurons.0.weight": (1, 2), "neurons.0.bias": (1,),
        "neurons.1.w": (2,), "neurons.1.b": (), "neurons.1.gate": ()}),
    (pruned_layer, {"weight.0": (2,), "weight.1": (3,), "bias": (2,)}),
    (lambda: Attributes(a=Value(1.0)), {"a": ()}),
    (lambda: Attributes(wte=leaves(5, 3), cube=leaves(2, 1, 3)), {
        "wte": (5, 3), "cube": (2, 1, 3)}),
    (lambda: Attributes(pair=(Value(1.0), Value(2.0))), {"pair": (2,)}),
    (lambda: Attributes(rows=[leaves(2), leaves(3)]), {"rows.0": (2,), "rows.1": (3,)}),
    (lambda: Attributes(mixed=[Value(1.0), 2.0]), {"mixed.0": ()}),
    (lambda: Attributes(mixed=[Value(1.0), leaves(2)]), {"mixed.0": (), "mixed.1": (2,)}),
    (lambda: Attributes(heads={"up": leaves(2), 3: Layer(1, 1)}), {
        "heads.up": (2,), "heads.3.weight": (1, 1), "heads.3.bias": (1,)}),
    (lambda: Attributes(blocks=[small(), Layer(2, 1)]), {
        **{f"blocks.0.{name}": shape for name, shape in TWO_LAYERS.items()},
        "blocks.1.weight": (1, 2), "blocks.1.bias": (1,)}),
    (lambda: Attributes(wte=np.array(leaves(5, 3))), {"wte": (5, 3)}),
    (lambda: Attributes(pairs=((leaves(),), (leaves(),)), queue=deque(leaves(2))), {
        "pairs": (2, 1), "queue": (2,)}),
    (lambda: Attributes(blocks=np.array([small()], object)), {
        f"blocks.0.{name}": shape for name, shape in TWO_LAYERS.items()}),
    (family, {"w": (), "child.v": ()}),
    (lambda: with_parents(MLP(2, [2, 1])), TWO_LAYERS),
    (lambda: twenty_levels(Attributes(w=leaves(2))), {f"{'a.' * 20}w": (2,)}),
    (lambda: twenty_levels(small()), {
        f"{'a.' * 20}{name}": shape for name, shape in TWO_LAYERS.items()}),
    (within_itself, {"within.0": ()}),
    (lambda: Attributes(w=Value(1.0), result=Value(1.0) * 2, rate=0.1, name="x", no=[], none=None),
        {"w": ()}),
]  # fmt: skip


@pytest.mark.parametrize(("make", "expected"), MODULES)
def test_tensors_of_a_module_have_these_names_and_shapes(path, make, expected):
    model, twin = make(), make()
    assert {name: tensor.shape for name, tensor in tensors(model).items()} == expected
    for i, p in enumerate(model.parameters()):
        p.data = i + 0.5
    model.save(path)
    twin.load(path)
    assert bits(twin) == bits(model) == doubles([i + 0.5 for i in range(len(model.parameters()))])


names = st.text("abc", min_size=1, max_size=3)
structures = st.recursive(
    st.builds(Value, st.floats(-9, 9)) | st.just(1.0) | st.builds(small),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@repeatable
@given(st.dictionaries(names, structures, min_size=1, max_size=3))
def test_no_parameter_is_left_out_of_any_structure(attributes):
    model = Attributes(**attributes, last=Value(0.0))

    found = [value for tensor in tensors(model).values() for value in tensor.leaves]
    assert len(found) == len(set(found))
    assert set(found) == set(model.parameters())


def test_tied_weights_are_in_the_file_twice_and_are_loaded_once(path):
    def tied():
        table = leaves(2, 3)
        return Attributes(encoder=table, decoder=table)

    model, twin = tied(), tied()
    model.encoder[1][2].data = math.nan
    model.save(path)
    stored = read(path.read_bytes())
    assert stored["encoder"] == stored["decoder"]
    twin.load(path)
    assert bits(twin) == bits(model)
    assert twin.encoder[0][0] is twin.decoder[0][0]


def test_file_with_two_numbers_for_a_tied_weight_is_refused(path):
    weight = Value(3.0)
    model = Attributes(a=weight, b=[weight])
    path.write_bytes(written({"a": ("F64", [], doubles([1])), "b": ("F64", [1], doubles([2]))}))
    with pytest.raises(CheckpointError) as caught:
        model.load(path)
    assert str(caught.value) == (
        f"{path} does not fit this module: b sets a parameter that is shared with another tensor "
        "to 2.0, the other one to 1.0"
    )
    assert weight.data == 3.0


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (Module(), SizeError, "Module has no parameters to save or load"),
        (Attributes(cells={Value(1.0)}), OperandError,
         "cells is a set, in which no parameters are looked for, and holds Value(data=1.0, grad="
         "0.0): put it into a list, a dict or a Module"),
        (Attributes(n=1.0, result=-Value(1.0)), SizeError,
         "Attributes has no parameters to save or load"),
        ([Value(1.0)], OperandError, "a Module can be saved and loaded, got list"),
        ("model.safetensors", OperandError, "a Module can be saved and loaded, got str"),
        (Attributes(**{"a": {"b": Value(1.0)}, "a.b": Value(2.0)}), SizeError,
         "a safetensors file has one place for the name 'a.b': rename one"),
        (Attributes(__metadata__=Value(1.0)), SizeError,
         "a safetensors file has one place for the name '__metadata__': rename one"),
    ],
)  # fmt: skip
def test_what_cannot_be_saved_is_an_error_and_makes_no_file(path, module, error, message):
    for action in (save, load):
        with pytest.raises(error) as caught:
            action(module, path)
        assert str(caught.value) == message
    assert not os.listdir(path.parent)


@pytest.mark.parametrize("wrong", ["3", None, [1.0], 1j])
def test_data_that_is_no_number_is_an_error_and_leaves_the_old_file(path, wrong):
    model = small()
    model.save(path)
    old = path.read_bytes()
    model.layers[1].neurons[0].b.data = wrong
    with pytest.raises(OperandError, match="a Value holds one real number"):
        model.save(path)
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name]


# ── files of others ─────────────────────────────────────────────────────────────────────────────

TYPES = [("F64", "d"), ("F32", "f"), ("F16", "e"), ("I64", "q"), ("I32", "i"), ("U8", "B")]


@pytest.mark.parametrize(("dtype", "code"), TYPES)
def test_real_numbers_of_every_type_can_be_loaded(path, dtype, code):
    numbers = [-0.5, -0.0, 3.25] if dtype[0] == "F" else [1, 0, 96]
    weight, bias = struct.pack(f"<2{code}", *numbers[:2]), struct.pack(f"<{code}", numbers[2])
    path.write_bytes(written({"weight": (dtype, [1, 2], weight), "bias": (dtype, [1], bias)}))
    neuron = Neuron(2, seed=0)
    neuron.load(path)
    assert bits(neuron) == doubles(numbers)
    assert {type(p.data) for p in neuron.parameters()} == {float}


FITS = {"weight": ("F64", [1, 2], doubles([1, 2])), "bias": ("F64", [1], doubles([3]))}

MISFITS = [
    ({"weight": FITS["weight"]}, "missing bias; unknown none"),
    ({**FITS, "scale": ("F64", [], doubles([3]))}, "missing none; unknown scale"),
    ({"w": FITS["weight"], "b": FITS["bias"]}, "missing bias, weight; unknown b, w"),
    ({}, "missing bias, weight; unknown none"),
    ({**FITS, "weight": ("F64", [1, 3], doubles([1, 2, 3]))},
     "weight needs the shape (1, 2), got (1, 3)"),
    ({**FITS, "weight": ("F64", [2], doubles([1, 2]))}, "weight needs the shape (1, 2), got (2,)"),
    ({**FITS, "weight": ("F64", [2, 1], doubles([1, 2]))},
     "weight needs the shape (1, 2), got (2, 1)"),
    ({**FITS, "bias": ("F64", [], doubles([3]))}, "bias needs the shape (1,), got ()"),
    ({**FITS, "bias": ("F64", [0], b"")}, "bias needs the shape (1,), got (0,)"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "reason"), MISFITS)
def test_file_for_another_shape_is_an_error_that_names_the_tensor(path, entries, reason):
    message = f"{path} does not fit this module: {reason}"
    refused(Neuron(2, seed=0), path, written(entries), SizeError, message)


def test_file_of_another_network_is_an_error(path):
    wide, deep, linear = MLP(2, [3, 1]), MLP(2, [2, 2, 1]), MLP(2, [2, 1], None)
    for other, reason in [
        (wide, "0.weight needs the shape (2, 2), got (3, 2)"),
        (deep, "missing none; unknown 4.bias, 4.weight"),
        (linear, "missing 2.bias, 2.weight; unknown 1.bias, 1.weight; the activations may differ, "
         "since each takes a number of its own"),
    ]:  # fmt: skip
        other.save(path)
        message = f"{path} does not fit this module: {reason}"
        refused(small(), path, path.read_bytes(), SizeError, message)


def refused(module, path, content, error, message=None):
    """Check that a file is an error, and leaves the module as it was."""
    path.write_bytes(content)
    before = bits(module)
    with pytest.raises(error) as caught:
        module.load(path)
    assert type(caught.value) is error
    assert bits(module) == before
    if message:
        assert str(caught.value) == message
    return str(caught.value)


# ── damage ──────────────────────────────────────────────────────────────────────────────────────

SAVED = MLP(2, [2, 1], seed=9)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "model.safetensors"
    SAVED.save(path)
    return path.read_bytes()


def test_file_that_ends_early_is_an_error_wherever_it_ends(path, content):
    for size in range(len(content)):
        message = refused(small(), path, content[:size], CheckpointError)
        assert message.startswith(f"{path} is damaged or no safetensors file: ")
        assert "\n" not in message


def test_file_that_goes_on_is_an_error(path, content):
    for more in (b"\0", b"\0" * 8, content):
        refused(small(), path, content + more, CheckpointError)


def test_flipped_bit_in_the_header_is_an_error_or_harmless(path, content):
    (size,) = struct.unpack("<Q", content[:8])
    model, errors = small(), 0
    original = bits(model)
    for place in range(8 * (8 + size)):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            model.load(path)
        except (CheckpointError, SizeError):
            errors += 1
            assert bits(model) == original, place
        else:
            assert bits(model) == bits(SAVED), place  # in a blank, or in the word "format"
            model = small()
    assert errors > 7 * size


@repeatable
@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_are_an_error(tmp_path_factory, noise, framed):
    path = tmp_path_factory.getbasetemp() / "noise.safetensors"
    content = struct.pack("<Q", len(noise)) + noise if framed else noise
    refused(small(), path, content, CheckpointError)


def raw(text, body=b""):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(shape, start=0, stop=8, dtype="F64"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


DAMAGED = {
    "empty": b"",
    "zeros": bytes(100),
    "a long header that begins like a pickle": struct.pack("<Q", 0x0280) + bytes(100),
    "a long header that begins like a zip file": struct.pack("<Q", 0x04034B50) + bytes(100),
    "JSON": b'{"weight": [1, 2]}',
    "a huge header": b"\xff" * 8 + b"{}",
    "no JSON": raw(b"{weight}"),
    "no UTF-8": raw(b"\xff\xfe\xfd"),
    "a list": raw([]),
    "deep JSON": raw(b'{"a":' * 9999 + b"1" + b"}" * 9999),
    "an unknown type": raw({"a": entry([1], dtype="F63")}, bytes(8)),
    "no shape": raw({"a": {"dtype": "F64", "data_offsets": [0, 8]}}, bytes(8)),
    "a negative shape": raw({"a": entry([-1])}, bytes(8)),
    "a shape of too many numbers": raw({"a": entry([2**63, 4])}, bytes(8)),
    "a shape of too many axes": raw({"a": entry([1] * 100)}, bytes(8)),
    "an empty shape that is too large": raw({"a": entry([0, 2**62], 0, 0)}),
    "offsets outside": raw({"a": entry([1], 8, 16)}, bytes(8)),
    "offsets backwards": raw({"a": entry([1], 8, 0)}, bytes(8)),
    "overlapping tensors": raw({"a": entry([1]), "b": entry([1])}, bytes(8)),
    "a gap": raw({"a": entry([1]), "b": entry([1], 16, 24)}, bytes(24)),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_file_is_a_clear_error(path, content):
    message = refused(small(), path, content, CheckpointError)
    assert message.startswith(f"{path} is damaged or no safetensors file: ")


PICKLES = {
    **{f"a pickle {i}": pickle.dumps({"w": [1.0, 2.0]}, protocol=i) for i in range(2, 6)},
    "a long pickle": pickle.dumps({"w": [1.0] * 9999}),
    "a file of torch.save": b"PK\x03\x04" + bytes(range(200)),
}


@pytest.mark.parametrize("content", PICKLES.values(), ids=PICKLES)
def test_pickle_or_file_of_torch_is_an_error_that_says_what_is_needed(path, content):
    message = (
        f"{path} is a pickle or a zip file, such as torch.save writes, which could run code when "
        "loaded: save it as safetensors"
    )
    refused(small(), path, content, CheckpointError, message)


def test_numbers_that_are_not_real_or_unknown_to_numpy_are_an_error(path):
    content = written({**FITS, "bias": ("BOOL", [1], b"\1")})
    message = f"{path}: bias needs real numbers, got bool"
    refused(Neuron(2, seed=0), path, content, CheckpointError, message)
    content = written({**FITS, "bias": ("BF16", [1], b"\1\1")})
    message = (
        f"{path} holds numbers of the type BF16, which NumPy does not have: save them as float32"
    )
    refused(Neuron(2, seed=0), path, content, CheckpointError, message)


class Trap:
    """A pickle of it would make a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_a_pickle_is_not_run(path):
    sprung = str(path) + ".sprung"
    refused(small(), path, pickle.dumps(Trap(sprung)), CheckpointError)
    assert not os.path.exists(sprung)


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


# ── crashes while saving ────────────────────────────────────────────────────────────────────────


def fails(error):
    def fail(*_arguments, **_names):
        raise error

    return fail


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize(
    ("step", "old"),
    [("os.fsync", True), ("os.fsync", False), ("os.replace", True), ("os.replace", False),
     ("shutil.copymode", True)],
)  # fmt: skip
def test_save_that_fails_changes_nothing(path, monkeypatch, content, step, error, old):
    if old:
        path.write_bytes(content)
    with monkeypatch.context() as patch:
        patch.setattr(f"scalargrad.files.{step}", fails(error))
        with pytest.raises(type(error)):
            small().save(path)
    assert os.listdir(path.parent) == ([path.name] if old else [])
    assert not old or path.read_bytes() == content


@pytest.mark.parametrize("step", ["os.replace", "os.fsync", "open"])
def test_error_names_the_path_that_was_given(path, monkeypatch, step):
    def fail(*arguments):
        raise OSError(errno.EACCES, "no", *map(str, arguments))

    monkeypatch.chdir(path.parent)
    monkeypatch.setattr(f"scalargrad.files.{step}", fail, raising=False)
    with pytest.raises(OSError, match="no") as caught:
        small().save(path.name)
    assert (caught.value.filename, caught.value.filename2) == (path.name, None)
    assert str(caught.value).endswith(f"no: '{path.name}'")


def test_whole_content_is_on_the_disk_before_the_file_gets_its_name(path, monkeypatch, content):
    path.write_bytes(b"old")
    on_disk = []

    def look(file):
        on_disk.append((os.fstat(file).st_size, path.read_bytes()))

    monkeypatch.setattr("scalargrad.files.os.fsync", look)
    SAVED.save(path)
    assert on_disk == [(len(content), b"old")]
    assert path.read_bytes() == content


SAVE = """
import os, resource
from scalargrad import MLP
from scalargrad.nn import checkpoint
{crash}
try:
    MLP(2, [2, 1], seed=0).save({path!r})
except OSError as error:
    print(os.strerror(error.errno))
"""


def test_disk_that_is_full_in_the_middle_leaves_the_old_file_and_nothing_else(path, content):
    path.write_bytes(content)
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    assert python(SAVE.format(crash=limit, path=str(path))).strip() == os.strerror(errno.EFBIG)
    assert path.read_bytes() == content
    assert os.listdir(path.parent) == [path.name]


KILLS = {
    "in the middle of the content": """
def die(file):
    os.truncate(file, 100)
    os._exit(9)
os.fsync = die
""",
    "before the content is on the disk": "os.fsync = lambda _: os._exit(9)",
    "before the new file has its name": "os.replace = lambda *_: os._exit(9)",
}


@pytest.mark.parametrize("crash", KILLS.values(), ids=KILLS)
def test_process_that_is_killed_leaves_the_old_file_and_saves_next_time(path, content, crash):
    path.write_bytes(content)
    code = SAVE.format(crash=crash, path=str(path))
    for _ in range(2):  # the second one finds what the first one left
        process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
        assert process.returncode == 9
        assert path.read_bytes() == content
    litter = [name for name in os.listdir(path.parent) if name != path.name]
    assert len(litter) == 2
    assert all(re.fullmatch(rf"{path.name}\.\w+\.tmp", name) for name in litter)
    small().save(path)
    twin = MLP(2, [2, 1], seed=1)
    twin.load(path)
    assert bits(twin) == bits(small())


def test_readers_and_writers_at_the_same_time_see_whole_files(path):
    models = [MLP(3, [8, 1], seed=seed) for seed in range(3)]
    states = {bits(model) for model in models}
    models[0].save(path)
    writers = [
        threading.Thread(target=lambda m=model: [m.save(path) for _ in range(20)])
        for model in models
    ]
    for writer in writers:
        writer.start()
    twin = MLP(3, [8, 1], seed=9)
    while any(writer.is_alive() for writer in writers):
        twin.load(path)
        assert bits(twin) in states
    for writer in writers:
        writer.join()
    assert os.listdir(path.parent) == [path.name]


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
