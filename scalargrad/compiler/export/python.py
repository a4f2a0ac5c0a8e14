"""Programs as Python: functions on floats that need the standard library alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ... import notations
from .language import Language, Plan

__all__ = ["Python"]

_SHARE = """\
def share(x, z):
    if x == z:
        return 1.0 if x > -math.inf else 0.0
    return exp(x - z)
"""


class Python(Language):
    """Modules of Python."""

    notation = notations.Python
    own: ClassVar = {
        "larger": "def larger(x, y):\n    return y if y > x or y != y else x\n",
        "share": _SHARE,
        "whole": "def whole(total, z):\n    return total if abs(z) < math.inf else 1.0\n",
    }
    end = close = ""
    remark = "#"

    def loop(self, variable: str, count: int, backward: bool) -> str:
        return (
            f"for {variable} in {f'reversed(range({count}))' if backward else f'range({count})'}:"
        )

    def row(self, name: str, letters: Sequence[str], value: str) -> str:
        return f"def {name}({', '.join(letters)}):\n    return {value}\n"

    def file(self, plan: Plan) -> str:
        parts = ["\n".join([*(f"# {line}" for line in plan.about), "", "import math", ""])]
        if plan.numbers:
            parts.append("\n".join(["PARAMETERS = [", *self.numbers(plan), "]", ""]))
        counts = [("x", plan.inputs, "input"), ("p", len(plan.numbers), "parameter")]
        checks = [f"{x} = numbers({x}, {count}, {what!r})" for x, count, what in counts if count]
        forward = f"v = forward({', '.join(plan.given())})"
        value = [*checks, forward, f"return {plan.answer}"]
        parts.append(_definition("value", plan.given("p=PARAMETERS"), value))
        if plan.backward is not None:
            answer = plan.gradient if plan.seeds else f"{plan.answer}, {plan.gradient}"
            given = plan.given("p=PARAMETERS", *plan.seeds)
            parts.append(_definition(plan.derivative, given, [
                *checks,
                *(f"numbers({seeds}, {len(plan.outputs)}, 'output')" for seeds in plan.seeds),
                forward,
                f"dv, dp = [0.0] * {plan.results}, [0.0] * {len(plan.numbers)}",
                *([f"dx = [0.0] * {plan.inputs}"] if plan.by_inputs else []),
                *plan.backward.lines,
                f"return {answer}",
            ]))  # fmt: skip
        lines = [f"v = [0.0] * {plan.results}", *plan.forward.lines, "return v"]
        parts.append(_definition("forward", plan.given(), lines))
        return "\n\n".join([*parts, *([_NUMBERS] if plan.given() else []), *plan.helpers])


_NUMBERS = """\
def numbers(given, count, what):
    given = [float(number) for number in given]
    if len(given) != count:
        raise ValueError(f"there are {count} {what}s, got {len(given)}")
    return given
"""


def _definition(name: str, parameters: Sequence[str], lines: Sequence[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"def {name}({', '.join(parameters)}):\n{body}\n"
