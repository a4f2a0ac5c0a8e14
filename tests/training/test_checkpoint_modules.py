"""Modules of all kinds are saved and loaded, each part by its name."""

import math
import os
from collections import deque

import numpy as np
import pytest
from checkpoints import bits, doubles, read, small, written
from hypothesis import given
from hypothesis import strategies as st
from oracles import repeatable

from scalargrad import MLP, Layer, Module, Neuron, Value
from scalargrad.errors import CheckpointError, OperandError, SizeError
from scalargrad.nn.checkpoint import load, save
from scalargrad.nn.tensors import tensors

# ── files by hand ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


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
