"""Composites over sequences of scalars: sums, softmax and the losses.

Every function takes lists of Values or numbers and returns Values made of the primitives alone, so
whatever can be done with a Value (drawing it, differentiating it twice) can be done with these.
None of them branches on data: the graph has the same shape for all inputs of the same length.
"""

from __future__ import annotations

from operator import index

from .engine import Value, constant
from .errors import DomainError, OperandError, SizeError

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import SupportsIndex

    from .engine import Operand

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dot",
    "hinge",
    "log_softmax",
    "logsumexp",
    "mae",
    "mean",
    "mse",
    "softmax",
    "sum",
    "where",
]


def where(condition: Operand, x: Operand, y: Operand) -> Value:
    """Return x where the condition is not 0, else y: a choice that is part of the graph.

    z = x if c ≠ 0 else y,  ∂z/∂c = 0,  ∂z/∂x = [c ≠ 0],  ∂z/∂y = [c = 0]

    A Python ``if`` chooses once, while the graph is built; this chooses anew whenever the graph is
    computed: compiled, in a page, for other numbers. ``a.greater(b)`` makes a condition. What was
    not chosen gets a gradient of exactly 0, even of a gradient that is infinite.

    Both branches are computed. One that is undefined on the other side needs a harmless operand
    there, chosen first:

    >>> x = Value(-2.0)
    >>> inside = x.greater(0)
    >>> where(inside, where(inside, x, 1).log(), 0).data    # where(inside, x.log(), 0) is an error
    0.0

    Raises:
        OperandError: something is no scalar, or the condition is a bool: ``a > b`` looks at data
            once and would never choose again.
    """
    if isinstance(condition, bool) or getattr(getattr(condition, "dtype", None), "kind", "") == "b":
        raise OperandError(
            f"where needs a condition that is part of the graph, got {condition}: write "
            "a.greater(b) instead of a > b; a choice made once is x if condition else y"
        )
    chooser = condition if isinstance(condition, Value) else constant(condition)
    return chooser._where(x, y)


def sum(values: Iterable[Operand]) -> Value:
    """Return the sum of some scalars, added from first to last; 0 for none.

    z = x₁ + … + xₙ,  ∂z/∂xᵢ = 1

    >>> sum([Value(1.0), Value(2.0), 3]).data
    6.0
    """
    terms = _values("sum", values)
    if not terms:
        return constant(0.0)
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def dot(xs: Iterable[Operand], ys: Iterable[Operand]) -> Value:
    """Return the dot product of two sequences of the same length.

    z = x₁·y₁ + … + xₙ·yₙ,  ∂z/∂xᵢ = yᵢ,  ∂z/∂yᵢ = xᵢ

    Raises:
        SizeError: the lengths differ.

    >>> dot([Value(1.0), Value(2.0)], [3, 4]).data
    11.0
    """
    return sum(x * y for x, y in _pairs("dot", xs, ys))


def mean(values: Iterable[Operand]) -> Value:
    """Return the arithmetic mean.

    z = (x₁ + … + xₙ) / n,  ∂z/∂xᵢ = 1 / n

    Raises:
        SizeError: there are no values.

    >>> mean([Value(1.0), Value(2.0), 6]).data
    3.0
    """
    terms = _some("mean", values)
    return sum(terms) / len(terms)


def logsumexp(values: Iterable[Operand]) -> Value:
    """Return the logarithm of the sum of exponentials, for numbers of any size.

    z = log(exp(x₁) + … + exp(xₙ)),  ∂z/∂xᵢ = softmax(x)ᵢ

    It is a chain of `Value.logaddexp`, each of which is safe on its own; so it needs no maximum to
    subtract, and the graph does not depend on the data.

    Raises:
        SizeError: there are no values.

    >>> logsumexp([Value(1000.0), Value(1000.0)]).data
    1000.6931471805599
    """
    first, *rest = _some("logsumexp", values)
    for value in rest:
        first = first.logaddexp(value)
    return first


def log_softmax(logits: Iterable[Operand]) -> list[Value]:
    """Return the logarithms of the softmax, accurate where the softmax itself underflows.

    zᵢ = xᵢ - logsumexp(x),  ∂zᵢ/∂xⱼ = [i = j] - softmax(x)ⱼ

    >>> [z.data for z in log_softmax([0.0, -1000.0])]
    [0.0, -1000.0]
    """
    values = _some("log_softmax", logits)
    total = logsumexp(values)
    return [value - total for value in values]


def softmax(logits: Iterable[Operand]) -> list[Value]:
    """Turn logits of any size into probabilities that sum up to 1.

    zᵢ = exp(xᵢ) / (exp(x₁) + … + exp(xₙ)),  ∂zᵢ/∂xⱼ = zᵢ · ([i = j] - zⱼ)

    >>> [z.data for z in softmax([1000.0, 1000.0])]
    [0.5, 0.5]
    """
    exponentials = [z.exp() for z in log_softmax(logits)]
    total = sum(exponentials)  # 1, but for the rounding of large logits
    return [z / total for z in exponentials]


# ── losses ──────────────────────────────────────────────────────────────────────────────────────


def mse(predictions: Iterable[Operand], targets: Iterable[Operand]) -> Value:
    """Return the mean squared error.

    z = mean((pᵢ - tᵢ)²),  ∂z/∂pᵢ = 2 (pᵢ - tᵢ) / n

    >>> mse([Value(1.0), Value(3.0)], [0.0, 0.0]).data
    5.0
    """
    return mean((p - t) ** 2 for p, t in _pairs("mse", predictions, targets))


def mae(predictions: Iterable[Operand], targets: Iterable[Operand]) -> Value:
    """Return the mean absolute error.

    z = mean(|pᵢ - tᵢ|),  ∂z/∂pᵢ = sign(pᵢ - tᵢ) / n

    >>> mae([Value(1.0), Value(-3.0)], [0.0, 0.0]).data
    2.0
    """
    return mean(abs(p - t) for p, t in _pairs("mae", predictions, targets))


def hinge(scores: Iterable[Operand], targets: Iterable[Operand]) -> Value:
    """Return the mean hinge loss of scores, for targets -1 and +1: the max-margin loss.

    z = mean(max(0, 1 - tᵢ sᵢ)),  ∂z/∂sᵢ = -tᵢ / n within the margin, else 0

    >>> hinge([Value(2.0), Value(0.5)], [1, -1]).data
    0.75
    """
    return mean((1 - t * s).relu() for s, t in _pairs("hinge", scores, targets))


def binary_cross_entropy(probabilities: Iterable[Operand], targets: Iterable[Operand]) -> Value:
    """Return the mean cross-entropy of probabilities in [0, 1], for targets in [0, 1].

    z = -mean(tᵢ log pᵢ + (1 - tᵢ) log(1 - pᵢ)),  ∂z/∂pᵢ = (pᵢ - tᵢ) / (pᵢ (1 - pᵢ)) / n

    As in PyTorch a logarithm is never less than -100, so that a wrong probability of exactly 0 or 1
    costs much but not infinitely much. Where there are logits, `binary_cross_entropy_with_logits`
    is more accurate.

    Raises:
        DomainError: a probability is not in [0, 1].

    >>> round(binary_cross_entropy([Value(0.9), Value(0.1)], [1, 0]).data, 4)
    0.1054
    """
    losses = []
    for p, t in _pairs("binary_cross_entropy", probabilities, targets):
        if not 0.0 <= p.data <= 1.0:  # if compiled, other numbers come later: the logarithm is nan
            raise _not_a_probability(p)
        losses.append(t * p.clamped_log() + (1 - t) * (1 - p).clamped_log())
    return -mean(losses)


def binary_cross_entropy_with_logits(
    logits: Iterable[Operand], targets: Iterable[Operand]
) -> Value:
    """Return the mean cross-entropy of sigmoid(logits), for targets in [0, 1] and any logits.

    z = mean(softplus(xᵢ) - tᵢ xᵢ),  ∂z/∂xᵢ = (sigmoid(xᵢ) - tᵢ) / n

    >>> binary_cross_entropy_with_logits([Value(1000.0), Value(-1000.0)], [0, 0]).data
    500.0
    """
    pairs = _pairs("binary_cross_entropy_with_logits", logits, targets)
    return mean(x.softplus() - t * x for x, t in pairs)


def cross_entropy(logits: Iterable[Operand], target: SupportsIndex | Sequence[Operand]) -> Value:
    """Return the cross-entropy of softmax(logits) of one sample, for logits of any size.

    z = logsumexp(x) - x[target],  ∂z/∂xᵢ = softmax(x)ᵢ - [i = target]

    Args:
        logits: one number for each class.
        target: the index of the right class, or a probability for each class.

    Raises:
        SizeError: the index is out of range, or there are more or fewer probabilities than logits.

    >>> round(cross_entropy([Value(1.0), Value(2.0), Value(3.0)], 2).data, 4)
    0.4076
    """
    values = _some("cross_entropy", logits)
    try:
        label = index(target)  # type: ignore[arg-type]
    except TypeError:  # arrays have the method, too, and refuse it
        if not hasattr(target, "__iter__"):
            raise OperandError(
                "cross_entropy needs the index of a class, which is an int, or a list of "
                f"probabilities, got {target!r}"
            ) from None
        return -sum(t * z for z, t in _pairs("cross_entropy", log_softmax(values), target))  # type: ignore[arg-type]
    if not 0 <= label < len(values):
        raise SizeError(f"cross_entropy needs a class from 0 to {len(values) - 1}, got {label}")
    return logsumexp(values) - values[label]


# ── arguments ───────────────────────────────────────────────────────────────────────────────────


def _values(name: str, scalars: Iterable[Operand]) -> list[Value]:
    if isinstance(scalars, (Value, float, int, str)):
        raise OperandError(f"{name} needs a list of scalars, got {scalars!r}: put it into a list")
    return [x if isinstance(x, Value) else constant(x) for x in scalars]


def _some(name: str, scalars: Iterable[Operand]) -> list[Value]:
    values = _values(name, scalars)
    if not values:
        raise SizeError(f"{name} needs at least one scalar, got none")
    return values


def _pairs(name: str, xs: Iterable[Operand], ys: Iterable[Operand]) -> list[tuple[Value, Value]]:
    left, right = _values(name, xs), _values(name, ys)
    if len(left) != len(right):
        raise SizeError(f"{name} needs lists of the same length, got {len(left)} and {len(right)}")
    return list(zip(left, right, strict=True))


def _not_a_probability(value: Value) -> DomainError:
    label = f" (node {value.label!r})" if value.label else ""
    return DomainError(f"binary_cross_entropy needs 0 <= p <= 1, got {value.data!r}{label}")
