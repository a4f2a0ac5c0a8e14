"""The formulas that composites share, of lists of Values that have been checked."""

from __future__ import annotations

from ..engine import Value, constant

__all__ = ["average", "log_softmax_of", "logsumexp_of", "softmax_of", "total"]


def total(terms: list[Value]) -> Value:
    """Return the sum, added from first to last; 0 for none."""
    if not terms:
        return constant(0.0)
    z = terms[0]
    for term in terms[1:]:
        z = z + term
    return z


def average(terms: list[Value]) -> Value:
    """Return the arithmetic mean."""
    return total(terms) / len(terms)


def logsumexp_of(values: list[Value]) -> Value:
    """Return log Σ exp, as a chain of which each step is safe for numbers of any size."""
    z = values[0]
    for value in values[1:]:
        z = z.logaddexp(value)
    return z


def log_softmax_of(values: list[Value]) -> list[Value]:
    """Return the logarithms of the softmax."""
    z = logsumexp_of(values)
    return [value - z for value in values]


def softmax_of(values: list[Value]) -> list[Value]:
    """Return probabilities that sum up to 1."""
    exponentials = [z.exp() for z in log_softmax_of(values)]
    whole = total(exponentials)  # 1, but for the rounding of large logits
    return [z / whole for z in exponentials]
