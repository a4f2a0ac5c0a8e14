"""Lists of calls: run forward and backward by pure functions, against the labs' nodes."""

from __future__ import annotations

from typing import Any

import array_api_strict
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from oracles import repeatable

from scalargrad.arrays.calls import Call, Forward, Source, Step, backward, forward
from scalargrad.arrays.kernels import MATMUL, elementwise, sum_over
from scalargrad.compiler.arrays.graph import miniflow_nodes
from scalargrad.miniflow import value_and_grad
from scalargrad.ops import PRIMITIVES

SHAPE = (3, 3)
ARRAYS = [np.random.default_rng(i).uniform(0.5, 1.5, SHAPE) for i in range(3)]
KERNELS = [MATMUL, *(elementwise(PRIMITIVES[name]) for name in ("add", "mul", "tanh", "exp"))]


@st.composite
def computations(draw: st.DrawFn) -> list[Step]:
    """Draw calls of kernels with any earlier arrays; the last is summed up."""
    steps: list[Step] = [Source("x"), Source("y"), Source("unused")]
    for _ in range(draw(st.integers(0, 6))):
        kernel = draw(st.sampled_from(KERNELS))
        count = len(kernel.gradients)
        numbers = st.integers(0, len(steps) - 1).filter(lambda i: i != 2)
        steps.append(Call(kernel, tuple(draw(numbers) for _ in range(count))))
    return [*steps, Call(sum_over(), (len(steps) - 1,))]


def run(xp: Any, steps: list[Step], wrt: list[int]) -> tuple[Forward, dict[int, Any]]:
    way = forward(xp, steps, {i: xp.asarray(array) for i, array in enumerate(ARRAYS)})
    return way, backward(xp, steps, way, len(steps) - 1, wrt)


@repeatable
@given(computations(), st.lists(st.integers(0, 2), unique=True))
def test_calls_give_what_nodes_give(steps: list[Step], wrt: list[int]) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        way, gradients = run(np, steps, wrt)
        nodes = miniflow_nodes(steps, {})
        feed = dict(zip(nodes, ARRAYS, strict=False))
        value, expected = value_and_grad(nodes[-1], feed, wrt=[nodes[i] for i in wrt])
    assert_array_equal(way.values[-1], value)
    for number, gradient in zip(wrt, expected, strict=True):
        assert_array_equal(gradients[number], gradient)


@repeatable
@given(computations())
def test_calls_run_on_any_library_with_the_standard_functions_alone(steps: list[Step]) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        way, gradients = run(array_api_strict, steps, [0, 1, 2])
        _, expected = run(np, steps, [0, 1, 2])
    assert all(value.__array_namespace__() is array_api_strict for value in way.values)
    for number in (0, 1, 2):
        assert_allclose(np.asarray(gradients[number]), expected[number], rtol=1e-12)


def test_what_depends_on_nothing_wanted_is_not_differentiated() -> None:
    def send(*_arguments: Any) -> Any:
        raise AssertionError("nobody asked for this gradient")

    silent = elementwise(PRIMITIVES["exp"])._replace(gradients=(send,))
    steps = [Source("x"), Source("y"), Call(silent, (0,)), Call(MATMUL, (2, 1))]
    way = forward(np, steps, {0: ARRAYS[0], 1: ARRAYS[1]})
    gradients = backward(np, steps, way, 3, wrt=[1])
    assert gradients.keys() == {1, 3}
    assert_allclose(gradients[1], np.exp(ARRAYS[0]).T @ np.ones(SHAPE))


def test_a_step_that_does_not_lead_to_the_result_has_zeros() -> None:
    steps = [Source("x"), Source("y"), Call(elementwise(PRIMITIVES["exp"]), (0,))]
    way = forward(np, steps, {0: ARRAYS[0], 1: ARRAYS[1]})
    assert_array_equal(backward(np, steps, way, 2, wrt=[1])[1], np.zeros(SHAPE))
    assert_array_equal(backward(np, steps, way, 0, wrt=[0])[0], np.ones(SHAPE))
