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
        given = ["x"] * bool(plan.inputs) + ["p"] * bool(plan.numbers)
        defaults = [*given[:-1], "p=PARAMETERS"] if plan.numbers else given
        outputs = plan.outputs[0] if plan.single else f"[{', '.join(plan.outputs)}]"
        parts = ["\n".join([*(f"# {line}" for line in plan.about), "", "import math", ""])]
        if plan.numbers:
            parts.append("\n".join(["PARAMETERS = [", *self.numbers(plan), "]", ""]))
        parts.append(_definition("value", defaults, [
            *_checks(plan), *_forward(given), f"return {outputs}",
        ]))  # fmt: skip
        if plan.backward is not None:
            one = len(plan.outputs) == 1
            seeds = [] if one else ["cotangents"]
            name = "value_and_grad" if one else "vjp"
            gradient = f"[{', '.join(plan.asked)}]" if plan.by_inputs else "dp"
            after = len(defaults) - bool(plan.numbers)
            parts.append(_definition(name, [*defaults[:after], *seeds, *defaults[after:]], [
                *_checks(plan),
                *([] if one else [f"numbers(cotangents, {len(plan.outputs)}, 'output')"]),
                *_forward(given),
                f"dv, dp = [0.0] * {plan.results}, [0.0] * {len(plan.numbers)}",
                *([f"dx = [0.0] * {plan.inputs}"] if plan.by_inputs else []),
                *plan.backward.lines,
                f"return {outputs}, {gradient}" if one else f"return {gradient}",
            ]))  # fmt: skip
        lines = [f"v = [0.0] * {plan.results}", *plan.forward.lines, "return v"]
        parts.append(_definition("forward", given, lines))
        if given:
            parts.append(_NUMBERS)
        return "\n\n".join([*parts, *plan.helpers])


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


def _checks(plan: Plan) -> list[str]:
    counts = [("x", plan.inputs, "input"), ("p", len(plan.numbers), "parameter")]
    return [f"{x} = numbers({x}, {count}, {what!r})" for x, count, what in counts if count]


def _forward(given: Sequence[str]) -> list[str]:
    return [f"v = forward({', '.join(given)})"]
