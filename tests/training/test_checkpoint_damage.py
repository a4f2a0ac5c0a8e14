"""Files of others, damaged files, crashes while one is saved."""

import errno
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import threading

import pytest
from checkpoints import bits, doubles, small, written
from hypothesis import given
from hypothesis import strategies as st
from oracles import ROOT, python, repeatable

from scalargrad import MLP, Neuron
from scalargrad.errors import CheckpointError, SizeError

# ── files by hand ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


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
