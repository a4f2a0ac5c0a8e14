"""The misconceptions: what was probably thought, told from the numbers.

A `Guess` says which number comes out if somebody thinks so, as a text in the grammar of the table
of primitives: the operands ``x`` and ``y``, the result ``z``, the gradient from above ``g``, the
right local derivative ``p`` of the operand in question, the other operand's ``q``, and the
operand's own number ``own``. A guess is right if it gives the student's numbers everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

__all__ = ["GUESSES", "Guess", "guessed", "same"]


class Guess(NamedTuple):
    """One way to be wrong."""

    rows: str  # the rows of the table, or nodes, for which it is tried; empty: all
    of: str  # "x", "y", … for what that operand receives; "z" for the value; "*" for any operand
    text: str  # the number that comes out
    key: str  # of the sentence


#: In the order in which they are tried.
GUESSES: list[Guess] = [
    # ── values ──
    Guess("sub div pow_number", "z", "swapped", "operands-swapped"),
    Guess("sub", "z", "x + y", "adds"),
    Guess("mul", "z", "x + y", "adds"),
    Guess("div", "z", "x // y", "integer"),
    Guess("sigmoid", "z", "1 / (1 + exp(x))", "exp-sign"),
    Guess("softmax", "z", "exp(x) / np.sum(exp(x))", "softmax-all"),
    Guess("softmax", "z", "exp(x - np.max(x, axis=1, keepdims=True)) / "
          "np.sum(exp(x - np.max(x, axis=1, keepdims=True)))", "softmax-all"),
    Guess("softmax", "z", "exp(x) / np.sum(exp(x), axis=0)", "softmax-columns"),
    Guess("softmax", "z", "exp(x) - np.max(x, axis=1, keepdims=True) / rowsum(exp(x))",
          "softmax-brackets"),
    Guess("softmax", "z", "(exp(x) - np.max(x, axis=1, keepdims=True)) / "
          "rowsum(exp(x) - np.max(x, axis=1, keepdims=True))", "softmax-brackets"),
    Guess("softmax", "z", "exp(x) - np.max(x) / rowsum(exp(x))", "softmax-brackets"),
    Guess("softmax", "z", "(exp(x) - np.max(x)) / rowsum(exp(x) - np.max(x))", "softmax-brackets"),
    Guess("softmax", "z", "exp(x) / exp(x[:, :1]) + rowsum(exp(x[:, 1:]))", "softmax-brackets"),
    Guess("linear", "z", "x @ y", "bias-forgotten"),
    Guess("linear", "z", "x * y + w", "elementwise"),
    Guess("matmul", "z", "x * y", "elementwise"),
    Guess("mse", "z", "np.sum((x - y) ** 2)", "no-mean"),
    Guess("mse", "z", "np.mean(x - y)", "no-square-value"),
    Guess("mse", "z", "np.mean(abs(x - y))", "absolute"),
    Guess("mean", "z", "np.sum(x)", "no-mean"),
    Guess("cross_entropy", "z", "rowsum(y * log(x))[:, 0]", "loss-sign"),
    Guess("cross_entropy_with_softmax", "z", "z * len(x)", "no-mean"),
    Guess("cross_entropy_with_softmax", "z", "-z", "loss-sign"),
    # ── what one operation's operands receive ──
    Guess("sub", "y", "g", "minus"),
    Guess("mul", "*", "g * own", "own-factor"),
    Guess("div", "y", "-g * x / y", "no-square"),
    Guess("div", "y", "g * x / y ** 2", "quotient-sign"),
    Guess("div", "y", "-g / y ** 2", "no-numerator"),
    Guess("div", "x", "g * y", "times-denominator"),
    Guess("pow_number", "x", "g * x ** (y - 1)", "no-exponent"),
    Guess("pow_number", "x", "g * y * x ** y", "exponent-kept"),
    Guess("exp", "x", "g * x * exp(x - 1)", "power-of-e"),
    Guess("exp expm1", "x", "g * exp(exp(x))", "at-result"),
    Guess("tanh", "x", "g * (1 - x * x)", "at-input"),
    Guess("tanh", "x", "g * (1 - tanh(z) ** 2)", "at-result"),
    Guess("tanh", "x", "g * (1 - z)", "no-inner-square"),
    Guess("tanh", "x", "g * (1 + z * z)", "plus"),
    Guess("tanh", "x", "g * z * (1 - z)", "sigmoid-for-tanh"),
    Guess("sigmoid", "x", "g * x * (1 - x)", "at-input"),
    Guess("sigmoid", "x", "g * z * (1 - x)", "at-input"),
    Guess("sigmoid", "x", "g * sigmoid(z) * (1 - sigmoid(z))", "at-result"),
    Guess("sigmoid", "x", "g * z * (1 + z)", "plus"),
    Guess("sigmoid", "x", "g * (1 - z * z)", "tanh-for-sigmoid"),
    Guess("sigmoid", "x", "g * z", "half-rule"),
    Guess("sigmoid", "x", "g * (1 - z)", "half-rule"),
    Guess("relu", "x", "g", "no-mask"),
    Guess("relu", "x", "where(x < 0, g, 0)", "mask-inverted"),
    Guess("relu", "x", "g * z", "relu-value"),
    Guess("abs", "x", "g", "abs-sign"),
    Guess("log", "x", "g * x", "log-upside"),
    Guess("log", "x", "-g / x ** 2", "log-again"),
    Guess("log", "x", "g / z", "at-result"),
    Guess("sqrt", "x", "g / z", "root-half"),
    Guess("sqrt", "x", "g * 0.5 * z", "root-upside"),
    Guess("cos", "x", "g * sin(x)", "cosine-sign"),
    Guess("sin", "x", "g * cos(z)", "at-result"),
    # ── nodes of arrays; the third operand is w ──
    Guess("softmax", "x", "g * z - rowsum(g * z)", "softmax-brackets"),
    Guess("softmax", "x", "z * g - rowsum(z) * g", "softmax-brackets"),
    Guess("softmax", "x", "g * z * (1 - z)", "softmax-diagonal"),
    Guess("linear matmul", "x", "g @ y", "no-transpose"),
    Guess("linear matmul", "x", "y.T @ g", "product-order"),
    Guess("linear matmul", "x", "y @ g", "product-order"),
    Guess("linear matmul", "x", "y @ g.T", "transposed"),
    Guess("linear matmul", "y", "x @ g", "no-transpose"),
    Guess("linear matmul", "y", "g @ x", "product-order"),
    Guess("linear matmul", "y", "g @ x.T", "product-order"),
    Guess("linear matmul", "y", "g.T @ x", "transposed"),
    Guess("linear", "w", "g", "bias-not-summed"),
    Guess("bias_add", "y", "g", "bias-not-summed"),
    Guess("linear", "w", "np.mean(g, axis=0)", "bias-mean"),
    Guess("bias_add", "y", "np.mean(g, axis=0)", "bias-mean"),
    Guess("linear", "w", "np.sum(g)", "bias-all"),
    Guess("bias_add", "y", "np.sum(g)", "bias-all"),
    Guess("linear", "w", "np.sum(g) + 0 * w", "bias-all"),
    Guess("bias_add", "y", "np.sum(g) + 0 * y", "bias-all"),
    Guess("linear", "w", "np.sum(g, axis=1)", "bias-columns"),
    Guess("bias_add", "y", "np.sum(g, axis=1)", "bias-columns"),
    Guess("mean", "x", "g * np.ones_like(x)", "no-mean"),
    Guess("mse", "x", "2 * (x - y)", "no-mean"),
    Guess("mse", "y", "2 * (y - x)", "no-mean"),
    Guess("mse", "x", "(x - y) / x.size", "no-two"),
    Guess("mse", "y", "(y - x) / x.size", "no-two"),
    Guess("cross_entropy", "x", "g[:, None] * (x - y)", "loss-through-softmax"),
    Guess("cross_entropy_with_softmax", "x", "p * len(x)", "no-mean"),
    Guess("cross_entropy_with_softmax", "x", "softmax(x) - onehot(x, y) / len(x)", "mean-brackets"),
    Guess("cross_entropy_with_softmax", "x", "softmax(x) / len(x)", "no-target"),
    # ── any operation ──
    Guess("", "*", "p1", "upstream"),
    Guess("", "*", "0 * p", "nothing"),
    Guess("", "*", "-p", "sign"),
    Guess("", "*", "p1 + g", "adds-upstream"),
    Guess("", "*", "g", "no-factor"),
    Guess("", "*", "q", "swapped"),
    Guess("", "*", "2 * p", "twice"),
    Guess("", "*", "p / 2", "half"),
    Guess("", "*", "g * z", "value"),
]  # fmt: skip


def _softmax(x: Any) -> Any:
    powers = np.exp(x - np.max(x, axis=1, keepdims=True))
    return powers / np.sum(powers, axis=1, keepdims=True)


_NAMES: dict[str, Any] = {
    name: getattr(np, name) for name in ("exp", "log", "tanh", "sin", "cos", "where", "abs")
} | {
    "np": np,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softmax": _softmax,
    "rowsum": lambda x: np.sum(x, axis=1, keepdims=True),
    "onehot": lambda x, labels: np.eye(x.shape[1])[labels],
}


@cache
def _compiled(text: str) -> Any:
    return compile(text, "<guess>", "eval")


def same(expected: Any, got: Any) -> bool:
    """Whether two numbers or arrays are equal, but for rounding; shapes (n,) and (1, n) are, too.

    >>> same(0.1 + 0.2, 0.3), same([1.0, 2.0], [[1.0, 2.0]]), same(1.0, [1.0, 1.0])
    (True, True, False)
    """
    if isinstance(expected, (float, int)) and isinstance(got, (float, int)):
        return math.isclose(expected, got, rel_tol=1e-6, abs_tol=1e-9) or expected is got
    try:
        one, other = np.asarray(expected, dtype=float), np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        return False
    if one.shape != other.shape:
        if np.squeeze(one).shape != np.squeeze(other).shape:
            return False
        one, other = np.squeeze(one), np.squeeze(other)
    return bool(np.allclose(one, other, rtol=1e-6, atol=1e-9, equal_nan=True))


def guessed(row: str, of: str, samples: Sequence[Mapping[str, Any]]) -> str:
    """Return the key of the first guess that gives the student's numbers in all samples.

    Args:
        row: the operation, by its name in the table of primitives, or the node's.
        of: "z" for its value, else the name of the operand.
        samples: names and their numbers; ``got`` is the student's, or an exception.

    >>> guessed("mul", "x", [dict(x=2.0, y=3.0, z=6.0, g=0.5, p=1.5, p1=3.0, own=2.0, got=1.0)])
    'own-factor'
    """
    if all(isinstance(sample["got"], Exception) for sample in samples):
        return ""
    for guess in GUESSES:
        if guess.rows and row not in guess.rows.split():
            continue
        if guess.of != of and not (guess.of == "*" and of != "z"):
            continue
        if all(_fits(guess.text, sample) for sample in samples):
            return guess.key
    return ""


def _fits(text: str, sample: Mapping[str, Any]) -> bool:
    """Whether a guess gives what the student has got, be it a number or a failure."""
    got = sample["got"]
    try:
        with np.errstate(all="ignore"):
            answer = eval(_compiled(text), _NAMES, dict(sample))
    except (ArithmeticError, ValueError, NameError):
        return isinstance(got, Exception)
    if isinstance(got, Exception) or isinstance(answer, complex):
        return False
    return same(answer, got)
