"""Jacobians, products with them and second derivatives on the tape machine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from compiled_graphs import TOLERANCE, Graph
from numpy.testing import assert_allclose
from tapes import X

from scalargrad import Value, hessian
from scalargrad import functional as F
from scalargrad.compiler import Program, compile
from scalargrad.compiler.tape import TapeMachine
from scalargrad.errors import ChoiceError, OperandError, SizeError


def several() -> tuple[list[Value], list[Value], list[Value]]:
    x, w = ([Value(number) for number in numbers] for numbers in ((0.3, -0.4, 0.9), (0.5, 1.5)))
    outputs = [x[0] * w[0] + x[1].sin(), (x[2] * w[1]).exp() / (x[0] + 2), w[0] * w[1] + x[1] ** 2]
    return [*outputs, x[0].tanh()], x, w


def eager_jacobian(samples: np.ndarray, wrt: str) -> np.ndarray:
    found = []
    for sample in samples:
        outputs, x, w = several()
        for leaf, number in zip(x, sample.tolist(), strict=True):
            leaf.data = number
        order = compile(outputs, x, w)._scalars.nodes
        rows = []
        for output in outputs:
            for node in order:
                node.grad = 0.0
                if node.primitive is not None:
                    node.data = node.primitive.evaluate(*(one.data for one in node._prev))
            output.backward()
            rows.append([leaf.grad for leaf in (x if wrt == "inputs" else w)])
        found.append(rows)
    return np.array(found)


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("wrt", ["inputs", "parameters"])
def test_jacobian_and_products_with_it_equal_the_scalars(wrt: str) -> None:
    program = compile(*several())
    generator = np.random.default_rng(0)
    samples = generator.uniform(-1, 1, (5, 3))
    right = eager_jacobian(samples, wrt)
    assert_allclose(program.jacobian(samples, wrt), right, **TOLERANCE)
    assert_allclose(program.jacobian(samples[0], wrt), right[0], **TOLERANCE)
    tangents = generator.normal(size=(5, right.shape[2]))
    cotangents = generator.normal(size=(5, 4))
    assert_allclose(
        program.jvp(samples, tangents, wrt), np.einsum("noi,ni->no", right, tangents), **TOLERANCE
    )
    assert_allclose(
        program.vjp(samples, cotangents, wrt),
        np.einsum("noi,no->ni", right, cotangents),
        **TOLERANCE,
    )
    assert_allclose(program.jvp(samples, tangents[0], wrt)[1], right[1] @ tangents[0], **TOLERANCE)
    assert_allclose(
        program.vjp(samples[2], cotangents[0], wrt), cotangents[0] @ right[2], **TOLERANCE
    )


def test_jacobian_of_few_leaves_goes_forward_and_of_few_outputs_backward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ways: list[str] = []
    for way in ("run", "tangents"):
        method = getattr(TapeMachine, way)

        def noted(
            self: TapeMachine, *args: object, _m: object = method, _way: str = way, **kw: object
        ) -> object:
            ways.append(_way)
            return _m(self, *args, **kw)  # type: ignore[operator]

        monkeypatch.setattr(TapeMachine, way, noted)
    x = [Value(0.1 * i) for i in range(10)]
    compile(F.dot(x, x), x).jacobian([1.0] * 10)
    compile([X * i for i in range(1, 11)], [X]).jacobian([1.0])
    assert ways == ["run", "tangents"]


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("wrt", ["inputs", "parameters"])
def test_hessian_and_products_with_it_equal_the_scalars(wrt: str) -> None:
    def graph() -> Graph:
        x, w = ([Value(a) for a in numbers] for numbers in ((0.3, -0.4), (0.5, 1.5, 0.7)))
        y = F.logsumexp([x[0] * w[0], x[1] * w[1], w[2] * x[0]]) + (x[0] * x[1] + w[2]).sin()
        return y + x[1] * 3, x, w

    program = compile(*graph())
    samples = np.random.default_rng(0).uniform(-1, 1, (3, 2))
    right = []
    for sample in samples.tolist():
        output, x, w = graph()
        y = output
        for leaf, number in zip(x, sample, strict=True):
            leaf.data = number
        x2, w2 = x, w
        y = (
            F.logsumexp([x2[0] * w2[0], x2[1] * w2[1], w2[2] * x2[0]])
            + (x2[0] * x2[1] + w2[2]).sin()
        )
        right.append(
            [
                [h.data if isinstance(h, Value) else h for h in row]
                for row in hessian(y + x2[1] * 3, x2 if wrt == "inputs" else w2)
            ]
        )
    right = np.array(right)
    assert_allclose(program.hessian(samples, wrt), right, rtol=1e-11, atol=1e-12)
    assert_allclose(program.hessian(samples[1], wrt), right[1], rtol=1e-11, atol=1e-12)
    v = np.random.default_rng(1).normal(size=right.shape[2])
    assert_allclose(program.hvp(samples, v, wrt), right @ v, rtol=1e-11, atol=1e-12)
    assert_allclose(program.hvp(samples[0], v, wrt), right[0] @ v, rtol=1e-11, atol=1e-12)


def test_derivatives_of_a_program_without_inputs() -> None:
    p = [Value(1.0), Value(2.0)]
    program = compile([p[0] * p[1], p[0] ** 3], [], p)
    assert program.jacobian(wrt="parameters").tolist() == [[2.0, 1.0], [3.0, 0.0]]
    assert program.vjp(None, [1.0, 1.0], "parameters").tolist() == [5.0, 1.0]
    assert program.jacobian(wrt="parameters", parameters=[2.0, 2.0]).tolist() == [[2, 2], [12, 0]]
    assert program.parameters.tolist() == [1.0, 2.0]


ERRORS: dict[str, tuple[Callable[[Program], object], type[Exception], str]] = {
    "wrt": (lambda p: p.jacobian([1.0] * 3, "x"), ChoiceError, "wrt is one of inputs, parameters"),
    "tangents": (
        lambda p: p.jvp([1.0] * 3, [1.0]),
        SizeError,
        r"tangents need shape \(3,\) or \(1, 3\), got \(1,\)",
    ),
    "cotangents": (lambda p: p.vjp(np.ones((2, 3)), np.ones((3, 4))), SizeError, "cotangents need"),
    "hessian of several": (lambda p: p.hessian([1.0] * 3), SizeError, "one output, got 4"),
    "hvp of several": (lambda p: p.hvp([1.0] * 3, [1.0] * 3), SizeError, "one output, got 4"),
    "samples": (lambda p: p.jacobian([1.0]), SizeError, "it needs shape"),
    "text": (lambda p: p.jvp([1.0] * 3, ["a"] * 3), OperandError, "array of real numbers"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_says_what_is_wrong_when(name: str) -> None:
    call, kind, text = ERRORS[name]
    with pytest.raises(kind, match=text):
        call(compile(*several()))
