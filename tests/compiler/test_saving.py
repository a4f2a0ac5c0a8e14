"""Programs come back from their files as they were, and no other file is taken for one."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from compiled_graphs import WORKLOADS, Graph, random_graphs
from hypothesis import HealthCheck, given, settings
from numpy.testing import assert_array_equal

from scalargrad import MLP, Value, load_program
from scalargrad.compiler import Program, compile
from scalargrad.compiler.cost import MACHINES
from scalargrad.compiler.saving import VERSION
from scalargrad.errors import CheckpointError
from scalargrad.functional import where
from scalargrad.optim import SGD


def again(program: Program, folder: Path) -> Program:
    program.save(folder / "saved.program")
    return load_program(folder / "saved.program")


def listing(program: Program) -> str:
    """Return what is printed where no variable names a scalar."""
    return str(program)


def check(graph: Graph, machine: str, folder: Path) -> None:
    program = compile(*graph, machine=machine)
    twin = again(program, folder)
    assert listing(twin) == listing(program)
    assert twin.source == program.source
    assert_array_equal(twin.parameters, program.parameters)
    samples = np.random.default_rng(0).normal(size=(3, len(graph[1])))
    if graph[1]:
        for X in (samples, samples[0]):
            assert_array_equal(twin(X), program(X))
            assert_array_equal(twin.value_and_grad(X)[1], program.value_and_grad(X)[1])
    else:
        assert twin() == program()


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", WORKLOADS)
def test_loaded_program_is_the_same_for_workload(name: str, machine: str, tmp_path: Path) -> None:
    check(WORKLOADS[name](), machine, tmp_path)


@settings(max_examples=25, deadline=None, suppress_health_check=[*HealthCheck])
@given(random_graphs())
def test_loaded_program_is_the_same_on_random_graphs(
    tmp_path_factory: pytest.TempPathFactory, graph: Graph
) -> None:
    check(graph, "tape", tmp_path_factory.mktemp("saved"))


def test_loaded_program_trains_and_pushes_to_its_own_values(tmp_path: Path) -> None:
    model, x = MLP(2, [3, 1], seed=0), [Value(0.1, label="x0"), Value(0.2, label="x1")]
    program = compile((model(x) - 1.0) ** 2, x, model.parameters())
    before = [p.data for p in model.parameters()]
    program.parameters[:] *= 0.5
    twin = again(program, tmp_path)
    assert_array_equal(twin.parameters, program.parameters)
    optimizer = SGD(twin.parameters, 0.1)
    loss = twin.value_and_grad([[1.0, 2.0]])[0]
    for _ in range(5):
        optimizer.step(twin.value_and_grad([[1.0, 2.0]])[1])
    twin.push()
    assert twin([1.0, 2.0]) < loss
    assert [p.data for p in model.parameters()] == before
    assert "l0.n0.w0" in [value.label for value in twin._wrt]


def test_derivatives_and_the_first_nonfinite_are_there_again(tmp_path: Path) -> None:
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    node = x.log()
    node.label = "the logarithm"
    twin = again(compile(node * y * y, [x, y]), tmp_path)
    assert_array_equal(twin.hessian([1.0, 3.0]), [[-9.0, 6.0], [6.0, 0.0]])
    assert "the logarithm" in str(twin.first_nonfinite([0.0, 1.0]))


def test_constants_are_those_of_the_compilation_and_special_numbers_stay(tmp_path: Path) -> None:
    x, c = Value(1.0), Value(3.0)
    special = [Value(number) for number in (math.inf, math.nan, -0.0, 1e-320, 0.1)]
    program = compile([c * x, *special, where(x, c, x)], [x])
    c.data = 5.0
    twin = again(program, tmp_path)
    assert_array_equal(twin([2.0]), program([2.0]))
    assert math.copysign(1, twin([2.0])[3]) == -1


@pytest.mark.parametrize(
    "outputs", [lambda x: x, lambda x: [x], lambda x: [x, x * 2, x], lambda _: Value(2.0)]
)
def test_shape_of_the_output_stays(outputs: Callable[[Value], Value], tmp_path: Path) -> None:
    x = Value(1.0)
    fed = [] if outputs(x) is not x and isinstance(outputs(x), Value) else [x]
    program = compile(outputs(x), fed)
    given = [2.0] if fed else None
    assert_array_equal(again(program, tmp_path)(given), program(given))


def test_gradient_by_an_input_stays(tmp_path: Path) -> None:
    x, w = Value(1.0), Value(2.0)
    program = compile(w * x * x, [x], wrt=[x, w])
    twin = again(program, tmp_path)
    assert_array_equal(twin.value_and_grad([3.0])[1], program.value_and_grad([3.0])[1])


# ── other files ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    x, w = Value(1.0, label="x"), Value(2.0, label="w")
    compile((x * w).tanh(), [x], [w]).save(tmp_path / "a.program")
    return tmp_path / "a.program"


def test_any_flipped_bit_is_told(saved: Path) -> None:
    content = saved.read_bytes()
    for place in range(len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 1
        saved.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"a\.program"):
            load_program(saved)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_file_that_was_cut_off_is_told(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="damaged"):
        load_program(saved)


@pytest.mark.parametrize("content", [b"", b"\x80\x04.", b"[1, 2]", b"{}", b"PK\3\4", b"\xff" * 99])
def test_foreign_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "foreign").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"foreign is no program that program\.save wrote"):
        load_program(tmp_path / "foreign")


def test_later_version_is_told(saved: Path) -> None:
    head, body, _ = saved.read_text().split("\n")
    about = json.loads(head) | {"version": VERSION + 1}
    saved.write_text(f"{json.dumps(about)}\n{body}\n")
    with pytest.raises(CheckpointError, match="from a later scalargrad"):
        load_program(saved)


@pytest.mark.parametrize(
    ("column", "content"),
    [("rule", [0]), ("operands", [[5]]), ("data", ["x"]), ("inputs", [99]), ("rules", ["nowhere"]),
     ("outputs", []), ("machine", "abacus"), ("parameters", [1.0, 2.0]), ("labels", {"99": "a"})],
)  # fmt: skip
def test_table_that_is_no_graph_is_told(saved: Path, column: str, content: object) -> None:
    head, body, _ = saved.read_text().split("\n")
    body = json.dumps(json.loads(body) | {column: content})
    about = json.loads(head) | {"sha256": hashlib.sha256(body.encode()).hexdigest()}
    saved.write_text(f"{json.dumps(about)}\n{body}\n")
    with pytest.raises(CheckpointError, match=r"is damaged|is not in the table"):
        load_program(saved)


def test_missing_file_and_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_program(tmp_path / "missing")
    x = Value(1.0)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        compile(x * x, [x]).save(tmp_path / "missing" / "a.program")
