"""Gradients that a student filled in by hand, beside the expression that they belong to.

A file of this kind has a function, ``expression(a, b, …)``, and two dicts: ``numbers`` for its
operands and ``gradients`` for the answers, where None is a hole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scalargrad.engine import Value

from .driving import failure, is_number
from .findings import MISSING, RIGHT, WRONG, Finding

__all__ = ["check_answers"]


def check_answers(
    expression: Callable[..., Any], numbers: Mapping[str, float], gradients: Mapping[str, Any]
) -> list[Finding]:
    """Compare each answer with the gradient.

    Within a thousandth of it, so that an answer with four digits is right.
    """
    leaves = {name: Value(x, label=name) for name, x in numbers.items()}
    try:
        root = expression(**leaves)
        root.backward()
    except Exception as error:
        return [Finding("gradients", "forward", WRONG, "the expression fails", got=failure(error))]
    return [_answer(name, leaf.grad, gradients.get(name)) for name, leaf in leaves.items()]


def _answer(name: str, expected: float, got: Any) -> Finding:
    place = f"∂/∂{name}"
    if got is None or got is ...:
        return Finding(place, "answer", MISSING, f"the gradient of {name} is still to be filled in")
    if is_number(got) and abs(float(got) - expected) <= 1e-3 * abs(expected) + 1e-4:
        return Finding(place, "answer", RIGHT)
    key = "sign" if is_number(got) and abs(float(got) + expected) <= 1e-3 * abs(expected) else ""
    text = "the sign is wrong" if key else f"the gradient of {name} is another one"
    # The right answer is not told: it is what the student is to find.
    return Finding(
        place, "answer", WRONG, text, key, f"gradients[{name!r}]", "another number", f"{got!r:.40}"
    )
