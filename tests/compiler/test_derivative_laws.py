"""Derivatives of programs where slopes are infinite or undefined: what does not move adds nothing.

Forward, a derivative is found with a direction for each leaf, backward with a weight for each
output; most of these are 0. A slope that is infinite or undefined, times such a 0, would be nan,
though what it belongs to has no part in the answer. The engine's graphs leave out what has no
part, so they are what is right here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from compiled_graphs import apply
from numpy.testing import assert_allclose, assert_array_equal

from scalargrad import Value, hessian
from scalargrad.compiler import Program, compile
from scalargrad.compiler.tape import machine, native
from scalargrad.errors import ScalargradError
from scalargrad.ops import PRIMITIVES


@pytest.fixture(params=["machine code", "Python"], autouse=True)
def _language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "is_installed", lambda: request.param == "machine code")
    monkeypatch.setattr(machine, "_say_what_is_missing", lambda: None)


#: Numbers inside of domains, on their borders, at kinks, and where operands are the same.
NUMBERS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0)

#: Exponents that stand in an expression as numbers.
EXPONENTS = (-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 2.5)


def _operations() -> dict[str, tuple[int, Callable[..., Value]]]:
    """Return how many operands an operation has, and a function of them, by name."""
    found: dict[str, tuple[int, Callable[..., Value]]] = {
        name: (len(row.partials), lambda *x, name=name: apply(name, *x))  # type: ignore[misc]
        for name, row in PRIMITIVES.items()
        if name != "pow_number"
    }
    for n in EXPONENTS:
        found[f"power of {n}"] = 1, lambda x, n=n: x**n
    return found


OPERATIONS = _operations()


def _right(function: Callable[..., Value], point: tuple[float, ...]) -> np.ndarray | None:
    """Return the Hessian matrix of the engine; None where there is no number or no derivative."""
    leaves = [Value(x) for x in point]
    try:
        found = np.array([[h.data for h in row] for row in hessian(function(*leaves), leaves)])
    except ScalargradError:  # of the operation, or of its slope, which may be too large
        return None
    return found


@pytest.mark.parametrize("name", OPERATIONS)
def test_second_derivatives_are_the_engines_all_over_the_domain(name: str) -> None:
    arity, function = OPERATIONS[name]
    x = [Value(a) for a in (PRIMITIVES[name].example if name in PRIMITIVES else (2.0,))]
    program = compile(function(*x), x)
    points = [
        (point, right)
        for point in itertools.product(NUMBERS, repeat=arity)
        if (right := _right(function, point)) is not None
    ]
    assert points
    samples = [point for point, _ in points]
    found = program.hessian(samples)
    for column, direction in enumerate(np.eye(arity)):
        assert_array_equal(program.hvp(samples, direction), found[:, :, column])
    for (point, right), each in zip(points, found, strict=True):
        known = ~np.isnan(right)
        assert_allclose(each[known], right[known], rtol=1e-12, atol=1e-15, err_msg=f"at {point}")


#: A number, and a function whose slope there is infinite, undefined or both.
WILD: dict[str, tuple[float, Callable[[Value], Value]]] = {
    "root of 0": (0.0, Value.sqrt),
    "power of 0": (0.0, lambda x: x**0.5),
    "border of asin": (1.0, Value.asin),
    "negative base": (2.0, lambda x: Value(-2.0) ** x),
    "product with an infinite number": (3.0, lambda x: x * math.inf),
    "product with an infinite slope": (0.0, lambda x: x.sqrt() * (x + 2)),
    "sum with an infinite slope": (0.0, lambda x: x.sqrt() + x * x + x),
    "log-sum-exp": (0.0, lambda x: x.sqrt().logaddexp(x).logaddexp(1.0)),
}


@pytest.mark.parametrize("name", WILD)
@pytest.mark.parametrize("fed", [True, False])
def test_what_does_not_move_adds_nothing(name: str, fed: bool) -> None:
    number, function = WILD[name]
    x, w = Value(2.0), Value(number)
    y = x * x * 1.5 + function(w)
    program = compile(y, [x, w]) if fed else compile(y, [x], wrt=[w])
    sample, still = ([3.0, number], [1.0, 0.0]) if fed else ([3.0], [1.0])
    assert program.jvp(sample, still).tolist() == [9.0]
    assert program.jvp([sample] * 3, still).tolist() == [[9.0]] * 3
    assert program.jacobian(sample)[0] == 9.0
    assert program.hvp(sample, still)[0] == 3.0
    assert program.hessian(sample)[0, 0] == 3.0


@pytest.mark.parametrize("name", WILD)
@pytest.mark.parametrize("more", [0, 3], ids=["by rows", "by columns"])
def test_a_row_of_the_jacobian_matrix_is_the_gradient_of_its_output(name: str, more: int) -> None:
    number, function = WILD[name]
    x = [Value(a) for a in (number, 1.0, 2.0, 3.0, 4.0, 5.0)]
    outputs = [function(x[0]), x[0] * x[1] + x[2] * x[3], x[4] * x[5] + x[0], *x[:more]]
    rows = []
    for output in outputs:
        for leaf in x:
            leaf.grad = 0.0
        output.backward()
        rows.append([leaf.grad for leaf in x])
    program = compile(outputs, x)
    sample = [leaf.data for leaf in x]
    assert_array_equal(program.jacobian(sample), rows)
    assert_array_equal(program.jacobian([[0.5] * 6, sample, [0.25] * 6])[1], rows)


def test_a_power_whose_exponent_is_no_number_of_the_expression_has_its_slope_in_the_base() -> None:
    a, n = Value(-2.0), Value(3.0)
    program: Program = compile(a**n, [a], wrt=[n])
    assert program.jacobian([-2.0]).tolist() == [12.0]
    assert program.jvp([-2.0], [1.0]).tolist() == [12.0]
    assert program.hessian([-2.0]).tolist() == [[-12.0]]
    assert math.isnan(program.jacobian([-2.0], "parameters")[0])
