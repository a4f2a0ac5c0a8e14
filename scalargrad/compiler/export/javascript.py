"""Programs as JavaScript: an ES module that needs nothing, for pages and for node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ... import notations
from .language import Function, Language, Plan

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


class JavaScript(Language):
    """ES modules."""

    notation = notations.JavaScript
    own: ClassVar = {"larger": _LARGER, "share": _SHARE, "whole": _WHOLE}
    tab = "  "

    def loop(self, variable: str, count: int, backward: bool) -> str:
        if backward:
            return f"for (let {variable} = {count - 1}; {variable} >= 0; {variable}--) {{"
        return f"for (let {variable} = 0; {variable} < {count}; {variable}++) {{"

    def row(self, name: str, letters: Sequence[str], value: str) -> str:
        return f"function {name}({', '.join(letters)}) {{\n  return {value};\n}}\n"

    def file(self, plan: Plan) -> str:
        given = ["x"] * bool(plan.inputs) + ["p"] * bool(plan.numbers)
        defaults = [*given[:-1], "p = PARAMETERS"] if plan.numbers else given
        outputs = plan.outputs[0] if plan.single else f"[{', '.join(plan.outputs)}]"
        parts = ["\n".join([*(f"// {line}" for line in plan.about), ""])]
        if plan.numbers:
            parts.append("\n".join(["export const PARAMETERS = [", *self.numbers(plan), "];", ""]))
        checks = [
            f'check({x}, {count}, "{what}");'
            for x, count, what in (
                ("x", plan.inputs, "input"),
                ("p", len(plan.numbers), "parameter"),
            )
            if count
        ]
        forward = [*checks, f"const v = forward({', '.join(given)});"]
        parts.append(_function("export function value", defaults, [*forward, f"return {outputs};"]))
        if plan.backward is not None:
            one = len(plan.outputs) == 1
            name = "value_and_grad" if one else "vjp"
            seeds = [] if one else ["cotangents"]
            count = f'check(cotangents, {len(plan.outputs)}, "output");'
            gradient = f"[{', '.join(plan.asked)}]" if plan.by_inputs else "dp"
            after = len(defaults) - bool(plan.numbers)
            parts.append(_function(
                f"export function {name}", [*defaults[:after], *seeds, *defaults[after:]],
                [
                    *([] if one else [count]), *forward,
                    f"const dv = new Float64Array({plan.results});",
                    f"const dp = new Float64Array({len(plan.numbers)});",
                    *([f"const dx = new Float64Array({plan.inputs});"] if plan.by_inputs else []),
                    *_declared(plan.backward), *plan.backward.lines,
                    f"return [{outputs}, {gradient}];" if one else f"return {gradient};",
                ],
            ))  # fmt: skip
        parts.append(_function("function forward", given, [
            f"const v = new Float64Array({plan.results});",
            *_declared(plan.forward), *plan.forward.lines, "return v;",
        ]))  # fmt: skip
        return "\n".join([*parts, *([_CHECK] if given else []), *plan.helpers])


def _function(declared: str, parameters: Sequence[str], lines: Sequence[str]) -> str:
    body = "\n".join(f"  {line}" for line in lines)
    return f"{declared}({', '.join(parameters)}) {{\n{body}\n}}\n"


def _declared(function: Function) -> list[str]:
    return [f"let {', '.join(function.locals)};"] if function.locals else []
