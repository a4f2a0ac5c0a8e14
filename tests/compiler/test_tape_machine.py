"""How the tape machine runs: many samples and threads, which machine, its cache, without numba."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from compiled_graphs import TOLERANCE, WORKLOADS
from numpy.testing import assert_allclose, assert_array_equal
from tapes import X, pendulum, tape_of

from scalargrad import MLP, Value
from scalargrad import functional as F
from scalargrad.compiler import compile
from scalargrad.compiler.cost import Code, arrays_from, code_of, least_code_of, work_of
from scalargrad.compiler.cost import Work as Count
from scalargrad.compiler.tape import machine, native
from scalargrad.errors import ChoiceError, OperandError

# ── many samples, many threads ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [2, 31, 32, 33, 128, 129, 1000])
def test_blocks_of_any_number_of_samples(count: int) -> None:
    program = tape_of(pendulum())
    samples = np.random.default_rng(0).uniform(-1, 1, (count, 4))
    single = [program.value_and_grad(x) for x in samples]
    values, gradients = (np.array(part) for part in zip(*single, strict=True))
    assert_allclose(program(samples), values, rtol=1e-12, atol=1e-14)
    value, gradient = program.value_and_grad(samples)
    assert_allclose(value, values.mean(), rtol=1e-12)
    assert_allclose(gradient, gradients.mean(axis=0), rtol=1e-11, atol=1e-13)
    each = program.jacobian(samples, wrt="parameters")
    assert_allclose(each, gradients, rtol=1e-11, atol=1e-13)


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (3000, 4))
    found = [tape_of(pendulum(), threads=threads).value_and_grad(samples) for threads in (1, 2, 5)]
    for value, gradient in found[1:]:
        assert value == found[0][0]
        assert_array_equal(gradient, found[0][1])


def test_environment_says_how_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALARGRAD_THREADS", "3")
    assert tape_of(pendulum(1))._tape.threads == 3
    assert tape_of(pendulum(1), threads=2)._tape.threads == 2
    for wrong in ("0", "many", "-1", ""):
        monkeypatch.setenv("SCALARGRAD_THREADS", wrong)
        with pytest.raises(OperandError, match="SCALARGRAD_THREADS is a number from 1 up, got"):
            tape_of(pendulum(1))


def test_python_threads_have_memory_of_their_own(language: str) -> None:
    program = tape_of(pendulum(1))
    batches = [np.random.default_rng(i).uniform(-1, 1, (40, 4)) for i in range(6)]
    expected = [(program.value_and_grad(b), program.value_and_grad(b[0])) for b in batches]
    ready = threading.Barrier(6)

    def run(i: int) -> bool:
        ready.wait()
        for _ in range(200 if language == "machine code" else 20):
            for samples, (value, gradient) in zip(
                (batches[i], batches[i][0]), expected[i], strict=True
            ):
                found = program.value_and_grad(samples)
                if found[0] != value or not np.array_equal(found[1], gradient):
                    return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(run, range(6)))


@pytest.mark.usefixtures("language")
def test_samples_may_be_read_only_or_lie_in_pieces() -> None:
    program = tape_of(pendulum(1))
    wide = np.random.default_rng(0).uniform(-1, 1, (10, 8))
    frozen = wide[:, :4].copy()
    frozen.flags.writeable = False
    for samples in (frozen, wide[:, :4], np.asfortranarray(frozen), wide[::-1, :4][::-1]):
        for some in (samples, samples[1]):
            value, gradient = program.value_and_grad(some)
            right = program.value_and_grad(np.ascontiguousarray(some).copy())
            assert value == right[0]
            assert_array_equal(gradient, right[1])


# ── which machine ───────────────────────────────────────────────────────────────────────────────


def test_what_has_no_structure_is_never_raised() -> None:
    program = compile(*pendulum(20))
    program.value_and_grad(np.zeros((20_000, 4)))
    assert program.machine == "tape"
    assert "listing" not in vars(program._arrays)
    assert repr(program).endswith(f"machine: {program.machine}>")
    assert str(program).startswith("machine: tape\n")


def test_a_program_may_use_both_machines() -> None:
    x = [Value(0.1 * i) for i in range(20)]
    model = MLP(20, [30, 10], seed=0)
    program = compile(F.sum(model(x)), x, model.parameters())
    assert program.machine.startswith("tape, arrays from ")
    start = int(program.machine.split()[3].replace(",", ""))
    samples = np.random.default_rng(0).normal(size=(2 * start, 20))
    whole = program(samples)
    assert "_tape" not in vars(program)
    assert_allclose(program(samples[: start - 1]), whole[: start - 1], **TOLERANCE)
    assert "_tape" in vars(program)
    assert program.source == compile(F.sum(model(x)), x, model.parameters()).source


@pytest.mark.parametrize("native_", [True, False])
def test_more_code_never_makes_arrays_cheaper(native_: bool) -> None:
    work = Count(operations=500, operands=20_000, groups=5)
    for each in (0.0, 100.0, 1e6):
        found = [arrays_from(work, Code(calls, each), native_) for calls in (1, 5, 20, 100, 1000)]
        assert found == sorted(found)
    for calls in (1, 20, 1000):
        found = [arrays_from(work, Code(calls, each), native_) for each in (0.0, 100.0, 1e6)]
        assert found == sorted(found)


@pytest.mark.parametrize("name", WORKLOADS)
def test_code_is_at_least_what_is_known_before_its_structure(name: str) -> None:
    program = compile(*WORKLOADS[name]())
    least, code = least_code_of(work_of(program._reduced)), code_of(program.listing)
    assert arrays_from(work_of(program._reduced), least, True) <= arrays_from(
        work_of(program._reduced), code, True
    )


def test_large_batches_of_networks_run_on_arrays() -> None:
    for name in ("hinge", "softmax regression", "two layers"):
        start = compile(*WORKLOADS[name]()).machine.split()[3]
        assert int(start.replace(",", "")) <= 200


def test_machine_can_be_asked_for() -> None:
    graph = WORKLOADS["hinge"]()
    for name in ("tape", "arrays"):
        assert compile(*graph, machine=name).machine == name
    for wrong in ("numba", None, 3):
        with pytest.raises(ChoiceError, match="machine is one of auto, tape, arrays, got"):
            compile(*graph, machine=wrong)  # type: ignore[arg-type]
    assert compile(*graph, threads=np.int64(2))._tape.threads == 2
    for wrong in (0, -1, 1.5, "2", True, np.float64(2.0), np.int64(0)):
        with pytest.raises(OperandError, match="threads is a number from 1 up"):
            compile(*graph, threads=wrong)  # type: ignore[arg-type]


def test_listing_of_a_long_tape_says_what_it_leaves_out() -> None:
    program = tape_of(pendulum(10))
    count = len(program._reduced.kept)
    lines = str(program).splitlines()
    assert len(lines) < 50
    assert lines[1] == f"{len(program)} scalars in {count} operations"
    assert f"... {count - 40} lines left out" in lines
    short = compile(Value(1.0, label="a") * X * X, [X], machine="tape")
    assert "left out" not in str(short)


# ── numba's cache, and without numba ────────────────────────────────────────────────────────────
ONE = """
from scalargrad import Value, compile
from scalargrad.compiler.tape import native
import numpy as np
x = Value(0.5)
assert compile(x.tanh() * x, [x], machine="tape")(np.array([0.0])) == 0.0
stats = native.one().stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def test_machine_code_is_kept_for_other_processes(tmp_path: Path) -> None:
    def run() -> str:
        environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
        environment.pop("NUMBA_CACHE_DIR", None)
        done = subprocess.run(
            [sys.executable, "-c", ONE], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert [run(), run()] == ["0 1", "1 0"]


def test_source_is_kept_where_it_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "given"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    path = native._written("a.py", "x = 1\n")
    assert path == tmp_path / "given" / "scalargrad" / "a.py"
    assert path.read_text() == "x = 1\n"
    before = path.stat().st_mtime_ns
    assert native._written("a.py", "x = 1\n") == path
    assert path.stat().st_mtime_ns == before  # or numba would compile once more
    assert native._written("a.py", "x = 2\n").read_text() == "x = 2\n"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    if sys.platform == "linux":
        assert native._written("a.py", "").parent == tmp_path / "users" / "scalargrad"
    monkeypatch.setattr(native, "_users_cache", lambda: tmp_path / "file")
    assert native._written("a.py", "x = 3\n").read_text() == "x = 3\n"


def test_without_numba_it_is_said_once_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "is_installed", lambda: False)
    machine._say_what_is_missing.cache_clear()
    with pytest.warns(UserWarning, match="python -m pip install numba"):
        tape_of(pendulum(1)).value_and_grad(np.zeros(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tape_of(pendulum(1)).value_and_grad(np.zeros(4))


def test_numba_is_imported_when_a_tape_first_runs() -> None:
    code = ONE.split("assert")[0] + "import sys; compile(x * x, [x], machine='arrays')([1.0]);"
    code += "print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
