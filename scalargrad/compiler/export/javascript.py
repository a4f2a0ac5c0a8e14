"""Programs as JavaScript: an ES module that needs nothing, for pages and for node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ... import notations
from .language import Braces, Plan

__all__ = ["JavaScript"]

_LARGER = """\
function larger(x, y) {
  return y > x || y !== y ? y : x;
}
"""

_SHARE = """\
function share(x, z) {
  if (x === z) return x > -Infinity ? 1 : 0;
  return Math.exp(x - z);
}
"""

_WHOLE = """\
function whole(total, z) {
  return Math.abs(z) < Infinity ? total : 1;
}
"""

_CHECK = """\
function check(given, count, what) {
  if (given.length !== count) {
    throw new RangeError(`there are ${count} ${what}s, got ${given.length}`);
  }
}
"""


class JavaScript(Braces):
    """ES modules."""

    notation = notations.JavaScript
    own: ClassVar = {"larger": _LARGER, "share": _SHARE, "whole": _WHOLE}
    tab = "  "
    local = counter = "let"

    def row(self, name: str, letters: Sequence[str], value: str) -> str:
        return self.function(f"function {name}", letters, [f"return {value};"])

    def file(self, plan: Plan) -> str:
        parts = ["\n".join([*(f"// {line}" for line in plan.about), ""])]
        if plan.numbers:
            parts.append("\n".join(["export const PARAMETERS = [", *self.numbers(plan), "];", ""]))
        counts = [("x", plan.inputs, "input"), ("p", len(plan.numbers), "parameter")]
        checks = [f'check({x}, {count}, "{what}");' for x, count, what in counts if count]
        forward = [*checks, f"const v = forward({', '.join(plan.given())});"]
        head, value = "export function value", [*forward, f"return {plan.answer};"]
        parts.append(self.function(head, plan.given("p = PARAMETERS"), value))
        if plan.backward is not None:
            answer = plan.gradient if plan.seeds else f"[{plan.answer}, {plan.gradient}]"
            parts.append(self.function(
                f"export function {plan.derivative}", plan.given("p = PARAMETERS", *plan.seeds),
                [
                    *(f'check({seeds}, {len(plan.outputs)}, "output");' for seeds in plan.seeds),
                    *forward,
                    f"const dv = new Float64Array({plan.results});",
                    f"const dp = new Float64Array({len(plan.numbers)});",
                    *([f"const dx = new Float64Array({plan.inputs});"] if plan.by_inputs else []),
                    *self.locals(plan.backward), *plan.backward.lines,
                    f"return {answer};",
                ],
            ))  # fmt: skip
        parts.append(self.function("function forward", plan.given(), [
            f"const v = new Float64Array({plan.results});",
            *self.locals(plan.forward), *plan.forward.lines, "return v;",
        ]))  # fmt: skip
        return "\n".join([*parts, *([_CHECK] if plan.given() else []), *plan.helpers])
