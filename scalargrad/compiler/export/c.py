"""Programs as C99: functions on doubles that need the mathematics library alone."""

from __future__ import annotations

from collections.abc import Sequence
from re import ASCII, sub
from typing import ClassVar

from ... import notations
from .language import Braces, Function, Plan

__all__ = ["C"]

_LARGER = """\
static double larger(double x, double y) {
    return y > x || y != y ? y : x;
}
"""

_SHARE = """\
static double share(double x, double z) {
    return x != z ? exp(x - z) : x > -INFINITY ? 1.0 : 0.0;
}
"""

_WHOLE = """\
static double whole(double total, double z) {
    return fabs(z) < INFINITY ? total : 1.0;
}
"""


class C(Braces):
    """Translation units of C99; what they offer starts with the name of the file."""

    notation = notations.C
    own: ClassVar = {"larger": _LARGER, "share": _SHARE, "whole": _WHOLE}
    local, counter = "double", "int"

    def row(self, name: str, letters: Sequence[str], value: str) -> str:
        parameters = [f"double {letter}" for letter in letters]
        return self.function(f"static double {name}", parameters, [f"return {value};"])

    def file(self, plan: Plan) -> str:
        prefix, passed = _identifier(plan.name), plan.given()
        given = [f"const double *{name}" for name in passed]
        one, memory = len(plan.outputs) == 1, f"double v[{max(plan.results, 1)}];"
        forward = [memory, f"forward({', '.join([*passed, 'v'])});"]
        outputs = [f"z[{i}] = {output};" for i, output in enumerate(plan.outputs)]

        value = [*forward, f"return {plan.outputs[0]};"]
        functions = [
            self.function(f"double {prefix}_value", given or ["void"], value)
            if one
            else self.function(f"void {prefix}_value", [*given, "double *z"], [*forward, *outputs])
        ]
        if plan.backward is not None:
            functions.append(self._derivative(prefix, given, forward, plan, plan.backward))
        unused = [f"(void){name};" for name in passed if not plan.forward.uses(name)]
        inner = self.function(
            "static void forward", [*given, "double *v"],
            [*self.locals(plan.forward), *plan.forward.lines, *unused,
             *([] if plan.results else ["v[0] = 0.0;"])],
        )  # fmt: skip
        about = [
            *(f"// {line}" for line in plan.about), "//",
            *(f"// {text.splitlines()[0].removesuffix(' {')};" for text in functions),
            *([f"// extern const double {prefix}_parameters[{len(plan.numbers)}];"]
              if plan.numbers else []),
            "", "#include <math.h>", "",
        ]  # fmt: skip
        parts = ["\n".join(about)]
        if plan.numbers:
            declared = f"const double {prefix}_parameters[{len(plan.numbers)}] = {{"
            parts.append("\n".join([declared, *self.numbers(plan), "};", ""]))
        return "\n".join([*parts, *plan.helpers, inner, *functions])

    def _derivative(
        self,
        prefix: str,
        given: Sequence[str],
        forward: Sequence[str],
        plan: Plan,
        backward: Function,
    ) -> str:
        """Write ``value_and_grad``; of several outputs ``vjp``."""
        out, numbers = "gradient" if plan.by_inputs else "dp", len(plan.numbers)
        arrays = {"dv": max(plan.results, 1)}
        if plan.by_inputs:
            arrays |= {"dx": plan.inputs, **({"dp": numbers} if numbers else {})}
        lines = [*forward, *(f"double {name}[{size}] = {{0.0}};" for name, size in arrays.items())]
        if not plan.by_inputs:
            lines.append(f"for (int i = 0; i < {numbers}; i++) dp[i] = 0.0;")
        lines += [*self.locals(backward), *backward.lines]
        lines += ["(void)dv;"] * (not backward.uses("dv"))
        if plan.by_inputs:
            lines += [f"gradient[{i}] = {number};" for i, number in enumerate(plan.asked)]
        lines += [f"return {plan.outputs[0]};"] * (not plan.seeds)
        head = f"{'void' if plan.seeds else 'double'} {prefix}_{plan.derivative}"
        seeds = [f"const double *{name}" for name in plan.seeds]
        return self.function(head, [*given, *seeds, f"double *{out}"], lines)


def _identifier(name: str) -> str:
    """Turn the name of a file into the start of names.

    >>> _identifier("my-model"), _identifier("2 layers")
    ('my_model', 'model_2_layers')
    """
    name = sub(r"\W", "_", name, flags=ASCII)
    return name if name[:1].isalpha() else f"model_{name}"
