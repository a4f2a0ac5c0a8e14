"""Losses, stable for logits of any size.

A loss checks the targets that are numbers. Those that are Values it takes as they come, since they
may be leaves that a program feeds later.
"""

from __future__ import annotations

from math import fsum
from operator import index

from ..engine import Value
from ..errors import DomainError, OperandError, SizeError
from .arguments import node_of, paired, some, some_paired
from .formulas import average, log_softmax_of, logsumexp_of, total

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import SupportsIndex

    from ..engine import Operand

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge",
    "mae",
    "mse",
]


def mse(predictions: Iterable[Operand], targets: Iterable[Operand]) -> Value:
    """Return the mean squared error.

    z = mean((pᵢ - tᵢ)²),  ∂z/∂pᵢ = 2 (pᵢ - tᵢ) / n

    >>> mse([Value(1.0), Value(3.0)], [0.0, 0.0]).data
    5.0
    """
    return average([(p - t) ** 2 for p, t in some_paired("mse", predictions, targets)])


def mae(predictions: Iterable[Operand], targets: Iterable[Operand]) -> Value:
    """Return the mean absolute error.

    z = mean(|pᵢ - tᵢ|),  ∂z/∂pᵢ = sign(pᵢ - tᵢ) / n

    >>> mae([Value(1.0), Value(-3.0)], [0.0, 0.0]).data
    2.0
    """
    return average([abs(p - t) for p, t in some_paired("mae", predictions, targets)])


def hinge(scores: Iterable[Operand], targets: Iterable[Operand]) -> Value:
    """Return the mean hinge loss of scores, for targets -1 and +1: the max-margin loss.

    z = mean(max(0, 1 - tᵢ sᵢ)),  ∂z/∂sᵢ = -tᵢ / n within the margin, else 0

    Raises:
        SizeError: a target is another number.

    >>> hinge([Value(2.0), Value(0.5)], [1, -1]).data
    0.75
    """
    pairs = some_paired("hinge", scores, targets)
    _check_targets("hinge", [t for _, t in pairs], "-1 or 1", lambda t: t in (-1, 1), _TO_SIGNS)
    return average([(1 - t * s).relu() for s, t in pairs])


def binary_cross_entropy(probabilities: Iterable[Operand], targets: Iterable[Operand]) -> Value:
    """Return the mean cross-entropy of probabilities in [0, 1], for targets in [0, 1].

    z = -mean(tᵢ log pᵢ + (1 - tᵢ) log(1 - pᵢ)),  ∂z/∂pᵢ = (pᵢ - tᵢ) / (pᵢ (1 - pᵢ)) / n

    As in PyTorch a logarithm is never less than -100, so that a wrong probability of exactly 0 or 1
    costs much but not infinitely much. Where there are logits, `binary_cross_entropy_with_logits`
    is more accurate.

    Raises:
        DomainError: a probability is not in [0, 1].
        SizeError: a target is not.

    >>> round(binary_cross_entropy([Value(0.9), Value(0.1)], [1, 0]).data, 4)
    0.1054
    """
    losses = []
    for p, t in _pairs_of_probabilities("binary_cross_entropy", probabilities, targets):
        if not 0.0 <= p.data <= 1.0:  # if compiled, other numbers come later: the logarithm is nan
            got = f"{p.data!r}{node_of(p)}"
            raise DomainError(f"binary_cross_entropy needs 0 <= p <= 1, got {got}")
        losses.append(t * p.clamped_log() + (1 - t) * (1 - p).clamped_log())
    return -average(losses)


def binary_cross_entropy_with_logits(
    logits: Iterable[Operand], targets: Iterable[Operand]
) -> Value:
    """Return the mean cross-entropy of sigmoid(logits), for targets in [0, 1] and any logits.

    z = mean(softplus(xᵢ) - tᵢ xᵢ),  ∂z/∂xᵢ = (sigmoid(xᵢ) - tᵢ) / n

    A logit is what goes into the sigmoid, so the last layer of the model is linear. Results of a
    sigmoid are for `binary_cross_entropy`; given here, they are warned of.

    Raises:
        SizeError: a target is not in [0, 1].

    >>> binary_cross_entropy_with_logits([Value(1000.0), Value(-1000.0)], [0, 0]).data
    500.0
    >>> binary_cross_entropy_with_logits([Value(30.0)], [1]).data    # tiny, and exact
    9.357622968839737e-14
    """
    name = "binary_cross_entropy_with_logits"
    pairs = _pairs_of_probabilities(name, logits, targets)
    if any(_made_by("sigmoid", x) for x, _ in pairs):
        _warn(f"{name} applies the sigmoid itself, and got results of one: leave it out, or use "
              "binary_cross_entropy")  # fmt: skip
    return average([_logistic_loss(x, t) for x, t in pairs])


def _logistic_loss(x: Value, t: Value) -> Value:
    """Return softplus(x) - t x; for a target of 0 or 1 without the difference of close numbers."""
    if t.kind == "constant" and t.data in (0.0, 1.0):
        return (-x if t.data else x).softplus()
    return x.softplus() - t * x


def cross_entropy(logits: Iterable[Operand], target: SupportsIndex | Sequence[Operand]) -> Value:
    """Return the cross-entropy of softmax(logits) of one sample, for logits of any size.

    z = logsumexp(x) - x[target],  ∂z/∂xᵢ = softmax(x)ᵢ - [i = target]

    Args:
        logits: a number for each of two classes or more, of any size. They are what goes into the
            softmax, so the last layer of the model is linear; results of a softmax are warned of.
        target: the index of the right class, or a probability for each class.

    Raises:
        SizeError: there is one logit, whose softmax is always 1; the index is out of range; there
            are more or fewer probabilities than logits, or they do not sum up to 1.

    >>> round(cross_entropy([Value(1.0), Value(2.0), Value(3.0)], 2).data, 4)
    0.4076
    """
    values = some("cross_entropy", logits)
    if len(values) == 1:
        raise SizeError(
            "cross_entropy needs a logit for each class, got 1, whose softmax is 1 whatever it is: "
            "for two classes use two outputs, or binary_cross_entropy_with_logits"
        )
    if _is_softmax(values):
        _warn("cross_entropy applies the softmax itself, and got results of one: leave it out")
    try:
        label = index(target)  # type: ignore[arg-type]
    except TypeError:  # arrays have the method, too, and refuse it
        if not hasattr(target, "__iter__"):
            raise OperandError(
                "cross_entropy needs the index of a class, which is an int, or a list of "
                f"probabilities, got {target!r}"
            ) from None
        pairs = paired("cross_entropy", log_softmax_of(values), target)  # type: ignore[arg-type]
        _check_distribution([t for _, t in pairs])
        return -total([t * z for z, t in pairs])
    if not 0 <= label < len(values):
        raise SizeError(f"cross_entropy needs a class from 0 to {len(values) - 1}, got {label}")
    return logsumexp_of(values) - values[label]


# ── what a loss takes ───────────────────────────────────────────────────────────────────────────

_TO_SIGNS = "labels 0 and 1 become -1 and 1 by 2 * y - 1"
_TO_PROBABILITIES = "labels -1 and 1 become 0 and 1 by (y + 1) / 2"


def _pairs_of_probabilities(
    name: str, xs: Iterable[Operand], targets: Iterable[Operand]
) -> list[tuple[Value, Value]]:
    """Return the pairs whose second one is, if it is a number, a probability."""
    pairs = some_paired(name, xs, targets)
    _check_targets(name, [t for _, t in pairs], "from 0 to 1", _is_probability, _TO_PROBABILITIES)
    return pairs


def _is_probability(number: float) -> bool:
    return 0.0 <= number <= 1.0


def _check_targets(
    name: str, targets: list[Value], needed: str, fits: Callable[[float], bool], advice: str
) -> None:
    for t in targets:
        if t.kind == "constant" and not fits(t.data):
            raise SizeError(f"{name} needs targets {needed}, got {t.data:g}{node_of(t)}: {advice}")


def _check_distribution(targets: list[Value]) -> None:
    """Check the probabilities of the classes: in single precision they sum up to 1 roughly."""
    if any(t.kind != "constant" for t in targets):
        return
    numbers = [t.data for t in targets]
    if not all(map(_is_probability, numbers)) or abs(fsum(numbers) - 1.0) > 1e-3:
        shown = ", ".join([f"{number:g}" for number in numbers[:3]] + ["..."] * (len(numbers) > 3))
        raise SizeError(
            f"cross_entropy needs probabilities that sum up to 1, or the index of a class, got "
            f"[{shown}]: for labels of which several may hold use binary_cross_entropy_with_logits"
        )


def _made_by(name: str, node: Value) -> bool:
    return node.primitive is not None and node.primitive.name == name


def _is_softmax(values: list[Value]) -> bool:
    """Tell whether some nodes are exponentials that are divided by the same number."""
    if not all(_made_by("div", value) for value in values):
        return False
    numerators, denominators = zip(*[value._prev for value in values], strict=True)
    return len({*denominators}) == 1 and all(_made_by("exp", x) for x in numerators)


def _warn(text: str) -> None:
    """Warn of the user's own line that leads here, once for each line."""
    import warnings

    from ..debugging import users_frame

    frame = users_frame()
    if frame:
        registry = frame.f_globals.setdefault("__warningregistry__", {})
        file, line = frame.f_code.co_filename, frame.f_lineno
        warnings.warn_explicit(text, UserWarning, file, line, registry=registry)
