"""Compiled programs on arrays of other libraries: the same numbers, in the same kind of array."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from examples import backends
from scalargrad import MLP, Value
from scalargrad import functional as F
from scalargrad.compiler import Program, compile


@pytest.fixture(scope="module")
def program() -> Program:
    model = MLP(4, [6, 5, 3], activation="gelu", seed=0)
    x, target = [Value(0.0) for _ in range(4)], [Value(0.0) for _ in range(3)]
    penalty = 1e-3 * F.sum(p * p for p in model.parameters())
    loss = F.cross_entropy(list(model(x)), target) + penalty
    return compile(loss, [*x, *target], model.parameters())


@pytest.fixture(scope="module")
def samples() -> Any:
    generator = np.random.default_rng(0)
    return np.concatenate(
        [generator.normal(size=(60, 4)), np.eye(3)[generator.integers(0, 3, 60)]], axis=1
    )


def same(program: Program, samples: Any, foreign: Any) -> None:
    value, gradient = program.value_and_grad(foreign)
    expected_value, expected = program.value_and_grad(samples)
    assert math.isclose(float(value), expected_value, rel_tol=1e-12)
    np.testing.assert_allclose(np.asarray(gradient), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(np.asarray(program(foreign)), program(samples), rtol=1e-12)


def test_program_runs_on_strict_arrays(program: Program, samples: Any) -> None:
    strict = pytest.importorskip("array_api_strict")
    value, gradient = program.value_and_grad(strict.asarray(samples))
    assert type(gradient).__module__.startswith("array_api_strict")
    assert math.isclose(float(value), program.value_and_grad(samples)[0], rel_tol=1e-12)
    same(program, samples, strict.asarray(samples))


def test_gradient_of_what_is_fed_is_found_on_strict_arrays() -> None:
    strict = pytest.importorskip("array_api_strict")
    x, w = [Value(0.5), Value(1.0)], [Value(3.0), Value(-1.0)]
    output = (w[0] * x[0] * x[1] + w[1] * x[0]).tanh()
    program = compile(output, x, wrt=[w[1], x[1], w[0], x[0]])
    samples = np.random.default_rng(0).normal(size=(5, 2))
    for fed in (samples, samples[0]):
        same(program, fed, strict.asarray(fed))
    assert program.parameters.tolist() == [-1.0, 3.0]


def test_threads_may_run_a_program_on_arrays_of_a_library(program: Program, samples: Any) -> None:
    strict = pytest.importorskip("array_api_strict")
    batches = [samples[i : i + 10 + i] for i in range(8)]
    expected = [program.value_and_grad(batch)[1] for batch in batches]

    def run(i: int) -> bool:
        batch = strict.asarray(batches[i])
        found = [np.asarray(program.value_and_grad(batch)[1]) for _ in range(10)]
        return all(np.allclose(gradient, expected[i], rtol=1e-12, atol=1e-14) for gradient in found)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(8)))


def test_program_runs_on_torch_tensors(program: Program, samples: Any) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.asarray(samples)
    assert isinstance(program.value_and_grad(tensor)[1], torch.Tensor)
    same(program, samples, tensor)


def test_program_runs_on_jax_arrays(program: Program, samples: Any) -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        array = jax.numpy.asarray(samples)
        assert isinstance(program.value_and_grad(array)[1], jax.Array)
        same(program, samples, array)


def test_program_runs_on_dask_chunks_in_several_workers(program: Program, samples: Any) -> None:
    array = pytest.importorskip("dask.array")
    dask = pytest.importorskip("dask")
    everybody = threading.Barrier(3)

    def load(chunk: Any) -> Any:
        everybody.wait(timeout=30)  # until three workers have a chunk each
        return chunk

    chunks = array.from_array(samples, chunks=(20, samples.shape[1])).map_blocks(
        load, dtype=float, meta=np.empty((0, 0))
    )
    assert chunks.numblocks == (3, 1)
    value, gradient = program.value_and_grad(chunks)
    assert isinstance(gradient, array.Array)  # nothing is computed yet
    with dask.config.set(scheduler="threads", num_workers=3):
        value, gradient = dask.compute(value, gradient)
        values = program(chunks).compute()
    expected_value, expected = program.value_and_grad(samples)
    assert math.isclose(float(value), expected_value, rel_tol=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(values, program(samples), rtol=1e-12)


def test_integers_become_floats_of_their_library(program: Program) -> None:
    torch = pytest.importorskip("torch")
    whole = np.random.default_rng(0).integers(0, 2, (5, 7))
    value, gradient = program.value_and_grad(torch.asarray(whole))
    expected_value, expected = program.value_and_grad(whole)
    assert gradient.dtype == torch.float32
    assert math.isclose(float(value), expected_value, rel_tol=1e-5)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


def test_program_without_inputs_runs_where_its_parameters_are() -> None:
    torch = pytest.importorskip("torch")
    w = Value(3.0)
    program = compile((w * 2.0).tanh(), [], [w])
    value, gradient = program.value_and_grad(parameters=torch.asarray([0.5], dtype=torch.float64))
    assert isinstance(gradient, torch.Tensor)
    assert float(value) == pytest.approx(math.tanh(1.0))
    assert float(gradient[0]) == pytest.approx(2 * (1 - math.tanh(1.0) ** 2))
    assert program.parameters.tolist() == [3.0]


def test_jax_compiles_and_differentiates_a_program(program: Program, samples: Any) -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        step = jax.jit(lambda p, x: program.value_and_grad(x, parameters=p))
        array = jax.numpy.asarray(samples)
        for scale in (1.0, -0.5):  # the parameters are not frozen
            p = scale * program.parameters
            value, gradient = step(jax.numpy.asarray(p), array)
            expected_value, expected = program.value_and_grad(samples, parameters=p)
            assert math.isclose(float(value), expected_value, rel_tol=1e-12)
            np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)
        # An independent gradient: JAX differentiates the values that the program computes.
        mean = jax.grad(lambda p: jax.numpy.mean(program(array, parameters=p)))
        np.testing.assert_allclose(mean(jax.numpy.asarray(p)), expected, rtol=1e-9, atol=1e-12)


# ── the documented examples ─────────────────────────────────────────────────────────────────────


def test_example_learns_on_numpy(capsys: pytest.CaptureFixture[str]) -> None:
    losses, _ = backends.main(["--on", "numpy", "--epochs", "50"])["numpy"]
    assert losses[-1] < 0.8 < 2.2 < losses[0]
    assert "1797 samples, 50 steps" in capsys.readouterr().out


@pytest.mark.parametrize("library", ["torch", "jax", "dask"])
def test_example_learns_the_same_on_arrays_of(library: str) -> None:
    pytest.importorskip(library)
    runs = backends.main(["--on", "numpy", library, "--epochs", "3"])
    np.testing.assert_allclose(runs[library][0], runs["numpy"][0], rtol=1e-12)
    np.testing.assert_allclose(runs[library][1], runs["numpy"][1], rtol=1e-10, atol=1e-13)


def test_example_refuses_a_library_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda _: None)
    with pytest.raises(SystemExit):
        backends.main(["--on", "jax"])
    assert "jax: not installed here" in capsys.readouterr().err
