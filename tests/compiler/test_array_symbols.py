"""Symbols: what is recorded, what is simplified, and what is written of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from scalargrad.arrays.calls import Source
from scalargrad.compiler.arrays.notes import Notes
from scalargrad.compiler.arrays.record import Recorder
from scalargrad.compiler.arrays.simplify import Simplifier
from scalargrad.compiler.arrays.source import prepare, write
from scalargrad.compiler.arrays.symbols import (
    Broadcast,
    Concatenated,
    DotProduct,
    Literal,
    MatrixProduct,
    Number,
    Part,
    Permuted,
    Reduction,
    Reshaped,
    Symbol,
    Ufunc,
)
from scalargrad.errors import OperandError

X = np.random.default_rng(0).normal(size=(3, 4))
P = np.random.default_rng(1).normal(size=(3, 4))


def evaluate(symbol: Symbol, x: np.ndarray = X, p: np.ndarray = P) -> np.ndarray:
    """Compute a recorded array with NumPy, straight from what each symbol means."""
    args = [evaluate(arg, x, p) for arg in symbol.args]
    match symbol.op:
        case Source(name):
            return {"x": x, "p": p}[name]
        case Number(text):
            return np.array(eval(text, {"nan": np.nan, "inf": np.inf}))
        case Literal(dtype, data):
            return np.frombuffer(data, dtype).reshape(symbol.shape)
        case Broadcast():
            return np.broadcast_to(args[0], symbol.shape)
        case Reshaped(shape):
            return args[0].reshape(shape)
        case Permuted(axes):
            return args[0].transpose(axes)
        case Part(axis, start, stop):
            return np.take(args[0], range(start, stop), axis)
        case Concatenated(axis):
            return np.concatenate(args, axis)
        case MatrixProduct():
            return args[0] @ args[1]
        case DotProduct():
            return np.sum(args[0] * args[1]).reshape(symbol.shape)
        case Reduction("sum", axes):
            return np.sum(args[0], axes, keepdims=True)
        case Reduction("max", axes, least):
            least = -np.inf if least is None else least
            return np.max(args[0], axes, keepdims=True, initial=least)
        case Ufunc() as ufunc:
            return ufunc.function(*args)
    raise AssertionError(f"{symbol.op} has no meaning here")


def needed(*symbols: Symbol) -> set[Symbol]:
    """Return some symbols and all that they are computed of."""
    return {*symbols}.union(*(needed(*symbol.args) for symbol in symbols))


def cost(symbol: Symbol) -> int:
    """Return how many arrays have to be computed."""
    return sum(not isinstance(each.op, Number | Broadcast) for each in needed(symbol))


def sources(xp: Recorder) -> tuple[Symbol, Symbol]:
    return xp.source("x", X.shape), xp.source("p", P.shape)


# ── identities ──────────────────────────────────────────────────────────────────────────────────

#: What is asked for, and what is left of it, in terms of a namespace xp and the arrays x and p.
IDENTITIES = {
    "x + xp.zeros_like(p)": "x",
    "xp.zeros(x.shape) + x": "x",
    "x - xp.zeros_like(p)": "x",
    "x + x": "x * 2",
    "1 * x": "x",
    "x / 1": "x",
    "-(-x)": "x",
    "x + -p": "x - p",
    "-p + x": "x - p",
    "2 * (x * 3)": "x * 6",
    "(x * 2) * (p / 4)": "(x * p) * 0.5",
    "x * 0.1 + p * 0.1": "(x + p) * 0.1",
    "x * 0.1 + p * -0.1": "(x - p) * 0.1",
    "x * 0.1 - p * 0.1": "(x - p) * 0.1",
    "x * 0.1 - p * -0.1": "(x + p) * 0.1",
    "x * 0.1 / p": "(x / p) * 0.1",
    "(x * 0.5) @ (p.T * 3)": "(x @ p.T) * 1.5",
    "x**2 + p**1 + x**0": "x * x + p + xp.ones_like(x)",
    "xp.where(x <= 0, 0, x)": "xp.maximum(x, 0)",
    "xp.where(x <= 0, 0, 1) * p": "xp.where(x <= 0, 0, p)",
    "xp.where((xp.ones_like(x) > 0) & (x < p), x, p)": "xp.where(x < p, x, p)",
    "xp.where(xp.zeros_like(x) > 0, x, p)": "p",
    "xp.reshape(xp.reshape(x, (2, 6)), (4, 3))": "xp.reshape(x, (4, -1))",
    "xp.permute_dims(xp.permute_dims(x, (1, 0)), (1, 0))": "x",
    "((x * 0.1).T * 0.1).T": "x * (0.1 * 0.1)",
    "xp.reshape(xp.reshape(x * 0.1, (12,)) * 0.1, (3, 4))": "x * (0.1 * 0.1)",
    "xp.reshape(x, (12,)) + xp.reshape(p, (12,))": "xp.reshape(x + p, (12,))",
    "x[1:3, :][:1, :]": "x[1:2, :]",
    "xp.concat([x, p], axis=0)[3:5, :]": "p[:2, :]",
    "x.T[1:2, :]": "x[:, 1:2].T",
    "(x * 0.1)[1:2, :]": "x[1:2, :] * 0.1",
    "x[:1, :] + xp.full((3, 4), 0.5)[1:2, :]": "x[:1, :] + 0.5",
    "(x @ p.T)[1:2, :]": "x[1:2, :] @ p.T",
    "(x @ p.T)[:, 1:2]": "x @ p.T[:, 1:2]",
    "xp.concat([x[:1, :], x[1:2, :], p], axis=0)": "xp.concat([x[:2, :], p], axis=0)",
    "xp.concat([x * 0.1, p * 0.1], axis=1)": "xp.concat([x, p], axis=1) * 0.1",
    "xp.concat([x, xp.zeros((2, 4))], axis=0) + xp.concat([xp.zeros((3, 4)), p[:2, :]], axis=0)":
        "xp.concat([x, p[:2, :]], axis=0)",
    "xp.sum(xp.sum(x, axis=0))": "xp.sum(x)",
    "xp.sum(x * 0.1)": "xp.sum(x) * 0.1",
    "xp.sum(xp.full(x.shape, 0.5), axis=0)": "xp.full((4,), 1.5)",
    "xp.sum(x + 2, keepdims=True)": "xp.sum(x, keepdims=True) + 24",
    "xp.mean(x)": "xp.sum(x) * (1 / 12)",
    "xp.max(xp.max(x, axis=0))": "xp.max(x)",
}  # fmt: skip


def recorded(text: str, xp: Recorder) -> Symbol:
    x, p = sources(xp)
    result: Symbol = eval(text, {"xp": xp, "x": x, "p": p})
    return result


@pytest.mark.parametrize("text", IDENTITIES)
def test_identity_leaves_what_it_says_and_what_numpy_gives(text: str) -> None:
    xp, plain = Simplifier(), recorded(text, Recorder())
    simplified = recorded(text, xp)
    assert simplified is recorded(IDENTITIES[text], xp)
    assert cost(simplified) <= cost(plain)
    assert_allclose(evaluate(simplified), evaluate(plain), rtol=1e-14)


SHAPES = [(), (1,), (4,), (1, 1), (1, 4), (3, 1), (3, 4)]
NUMBERS = [0.0, 1.0, 2.0, -1.0, 0.5]
TWO = ("add", "subtract", "multiply", "divide", "pow", "maximum", "minimum", "less_equal")


def operands(xp: Recorder, name: str, shape: tuple[int, ...]) -> Iterator[tuple[Symbol, Any, Any]]:
    """Yield arrays of a shape as symbols, what is fed for them, and what they are then."""
    fed = np.random.default_rng(len(name + str(shape))).uniform(0.1, 2.0, (*shape, 2))
    pair = xp.source(name, fed.shape)
    yield pair, fed, fed
    yield xp.max(pair, axis=-1), fed, fed.max(axis=-1)
    yield xp.max(pair, axis=-1, keepdims=True), fed, fed.max(axis=-1, keepdims=True)
    for number in NUMBERS:
        yield xp.full(shape, number), None, np.full(shape, number)


@pytest.mark.parametrize("op", TWO)
def test_identities_keep_the_shape_to_which_operands_broadcast(op: str) -> None:
    for one, other in product(SHAPES, SHAPES):
        xp = Simplifier()
        pairs = product(operands(xp, "x", one), operands(xp, "p", other))
        for (x, fed_x, a), (p, fed_p, b) in pairs:
            try:
                shape = np.broadcast_shapes(a.shape, b.shape)
            except ValueError:
                continue  # of an array and of one that has an axis less
            result = getattr(xp, op)(x, p)
            assert result.shape == shape, (x, p)
            with np.errstate(all="ignore"):
                expected = getattr(np, "power" if op == "pow" else op)(a, b)
                assert_allclose(evaluate(result, fed_x, fed_p), expected, rtol=1e-14)


def test_choices_keep_the_shape_to_which_operands_broadcast() -> None:
    for one, other, number, limit in product(SHAPES, SHAPES, (0.0, 2.0), (0.0, 1.0)):
        xp = Simplifier()
        y, full = xp.source("x", one), xp.full(other, number)
        known = xp.full(other, limit) <= xp.full(one, 0.5)
        for result in (xp.where(y <= limit, full, y), xp.where(known, y, full)):
            assert result.shape == np.broadcast_shapes(one, other)


def test_sums_of_products_are_dot_products() -> None:
    product = recorded("xp.sum(x * p)", Simplifier())
    assert {type(symbol.op) for symbol in needed(product)} == {Source, DotProduct, Reshaped}
    assert_allclose(evaluate(product), np.sum(X * P))


def test_a_least_number_starts_a_reduction() -> None:
    for least in (-1.0, 5.0):
        largest = recorded(f"xp.maximum(xp.max(x, axis=1, keepdims=True), {least})", Simplifier())
        assert largest.op == Reduction("max", (1,), least)
        assert_array_equal(evaluate(largest), np.maximum(X.max(1, keepdims=True), least))


def test_a_reshape_that_moves_elements_is_not_undone_by_a_transpose() -> None:
    xp = Simplifier()
    x, _ = sources(xp)
    assert xp.reshape(x.T, (3, 4)) is not x
    assert_array_equal(evaluate(xp.reshape(x.T, (3, 4))), X.T.reshape(3, 4))


def test_numbers_that_could_overflow_stay_where_they_are() -> None:
    xp = Simplifier()
    x, p = sources(xp)
    product = (x * 1e-200) * (p * 1e200)
    assert_allclose(evaluate(product, X * 1e200, P * 1e-200), X * P, rtol=1e-14)


def test_zeros_of_different_signs_and_nan_are_different_numbers() -> None:
    xp = Recorder()
    assert xp.number(0.0) is xp.number(0.0) is not xp.number(-0.0)
    assert xp.number(float("nan")) is xp.number(float("nan"))
    assert xp.number(1.0) is not xp.number(True)
    assert xp.asarray([0.0, 1.0]) is not xp.asarray([-0.0, 1.0])
    assert xp.asarray([1.0, 2.0]) is not xp.asarray([1, 2]) is xp.asarray([1, 2])


def test_a_recorded_array_has_no_truth() -> None:
    x, _ = sources(Recorder())
    with pytest.raises(OperandError, match="must not branch on data"):
        bool(x > 0.0)


# ── random expressions: three ways to compute them ──────────────────────────────────────────────


@st.composite
def expressions(draw: st.DrawFn) -> Callable[[Any], Any]:
    """Draw a function of a namespace and two matrices, of all that kernels do."""
    choices = draw(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 99), st.integers(0, 99))))
    numbers = [0.0, 1.0, -1.0, 2.0, 0.1, -0.1]

    def build(xp: Any, *arrays: Any) -> Any:
        pile = list(arrays)
        for op, i, j in choices:
            a, b = pile[i % len(pile)], pile[j % len(pile)]
            number = numbers[(i + j) % len(numbers)]
            match op:
                case 0:
                    new = a + b
                case 1:
                    new = a - b
                case 2:
                    new = a * b
                case 3:
                    new = a * number
                case 4:
                    new = xp.tanh(a)
                case 5:
                    new = xp.where(a <= 0.0, 0.0, b)
                case 6:
                    new = xp.where(a > b, a, b) * xp.where(b <= 0.0, 0.0, 1.0)
                case 7:
                    new = xp.broadcast_to(xp.sum(a, axis=j % 2, keepdims=True), a.shape)
                case 8:
                    new = xp.broadcast_to(xp.max(a, axis=j % 2, keepdims=True), a.shape)
                case 9:
                    new = xp.reshape(xp.reshape(a, (12,)), (3, 4))
                case 10:
                    new = xp.matmul(xp.matmul(a, xp.matrix_transpose(b)), a) * 0.01
                case 11:
                    cut = 1 + j % 2
                    new = xp.concat([a[:cut, ...], b[cut:, ...]], axis=0)
                case 12:
                    cut = 1 + j % 3
                    new = xp.concat([a[:, cut:], xp.zeros((3, cut))], axis=1)
                case 13:
                    new = xp.broadcast_to(xp.sum(a * b), a.shape) * 0.01
                case 14:
                    new = xp.reshape(xp.permute_dims(a, (1, 0)), (3, 4))
                case _:
                    new = -a + number
            pile.append(new)
        return pile[-1], xp.sum(pile[-1]) + number_of(pile, xp)

    def number_of(pile: list[Any], xp: Any) -> Any:
        return xp.mean(pile[len(pile) // 2])

    return build


@settings(max_examples=200, deadline=None)
@given(expressions())
def test_recorded_simplified_and_written_expressions_equal_numpy(build: Any) -> None:
    expected = build(np, X, P)
    for xp in (Recorder(), Simplifier()):
        x, p = sources(xp)
        results = build(xp, x, p)
        found = [evaluate(symbol) for symbol in results]
        source, constants = write(results, x, p, Notes())
        step = prepare(source, constants, P.copy())
        for numbers in (found, step(X), step(X)):  # twice, since buffers are used again
            assert_allclose(numbers[0], expected[0], rtol=1e-9, atol=1e-9)
            assert_allclose(numbers[1], expected[1], rtol=1e-9, atol=1e-9)
