"""Composites over sequences: a choice, sums, means, and the softmax and its kin."""

from __future__ import annotations

from ..engine import Value, constant
from ..errors import OperandError
from .arguments import paired, some, values_of
from .formulas import average, log_softmax_of, logsumexp_of, softmax_of, total

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..engine import Operand

__all__ = [
    "dot",
    "log_softmax",
    "logsumexp",
    "mean",
    "softmax",
    "where",
]  # and sum, which a star import must not put in the place of the builtin


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
    return total(values_of("sum", values))


def dot(xs: Iterable[Operand], ys: Iterable[Operand]) -> Value:
    """Return the dot product of two sequences of the same length.

    z = x₁·y₁ + … + xₙ·yₙ,  ∂z/∂xᵢ = yᵢ,  ∂z/∂yᵢ = xᵢ

    Raises:
        SizeError: the lengths differ.

    >>> dot([Value(1.0), Value(2.0)], [3, 4]).data
    11.0
    """
    return total([x * y for x, y in paired("dot", xs, ys)])


def mean(values: Iterable[Operand]) -> Value:
    """Return the arithmetic mean.

    z = (x₁ + … + xₙ) / n,  ∂z/∂xᵢ = 1 / n

    Raises:
        SizeError: there are no values.

    >>> mean([Value(1.0), Value(2.0), 6]).data
    3.0
    """
    return average(some("mean", values))


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
    return logsumexp_of(some("logsumexp", values))


def log_softmax(logits: Iterable[Operand]) -> list[Value]:
    """Return the logarithms of the softmax, accurate where the softmax itself underflows.

    zᵢ = xᵢ - logsumexp(x),  ∂zᵢ/∂xⱼ = [i = j] - softmax(x)ⱼ

    >>> [z.data for z in log_softmax([0.0, -1000.0])]
    [0.0, -1000.0]
    """
    return log_softmax_of(some("log_softmax", logits))


def softmax(logits: Iterable[Operand]) -> list[Value]:
    """Turn logits of any size into probabilities that sum up to 1.

    zᵢ = exp(xᵢ) / (exp(x₁) + … + exp(xₙ)),  ∂zᵢ/∂xⱼ = zᵢ · ([i = j] - zⱼ)

    >>> [z.data for z in softmax([1000.0, 1000.0])]
    [0.5, 0.5]
    """
    return softmax_of(some("softmax", logits))
