"""Programs as C, JavaScript and Python give what the program gives."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from compiled_graphs import WORKLOADS, Graph, apply, random_graphs
from exports import LANGUAGES, case, check, deep, scattered
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scalargrad import Value
from scalargrad import functional as F
from scalargrad.compiler import compile
from scalargrad.ops import PRIMITIVES

# ── running what was written ────────────────────────────────────────────────────────────────────
each_language = pytest.mark.parametrize("language", LANGUAGES)

# ── values and gradients ────────────────────────────────────────────────────────────────────────


def of_rows(name: str) -> Graph:
    row = PRIMITIVES[name]
    inputs = [Value(x) for x in row.example]
    scale = Value(0.9, label=f"scale of {name}")
    return apply(name, *[scale * x for x in inputs]), inputs, [scale]


@each_language
def test_export_equals_the_program_for_every_row(language: str, tmp_path: Path) -> None:
    graphs = [of_rows(name) for name in PRIMITIVES]
    check(
        language,
        [
            (compile(*graph), np.array([[x.data for x in graph[1]], [0.7 for _ in graph[1]]]))
            for graph in graphs
        ],
        tmp_path,
    )


@each_language
def test_export_equals_the_program_for_workloads(language: str, tmp_path: Path) -> None:
    check(language, [case(graph()) for graph in WORKLOADS.values()], tmp_path)


@each_language
@settings(
    max_examples=4, deadline=None, suppress_health_check=[*HealthCheck], phases=[Phase.generate]
)
@given(graphs=st.lists(random_graphs(), min_size=20, max_size=20))
def test_export_equals_the_program_on_random_graphs(
    language: str, graphs: list[Graph], tmp_path_factory: pytest.TempPathFactory
) -> None:
    check(
        language, [case(graph, i) for i, graph in enumerate(graphs)], tmp_path_factory.mktemp("g")
    )


def several() -> Graph:
    """Return several outputs: results, one twice, a parameter, an input and a constant."""
    x, w = Value(0.5, label="x"), Value(2.0, label="w")
    y = x * w
    return [y, y.exp(), y, w, x, Value(3.0), Value(math.inf)], [x], [w]  # type: ignore[return-value]


SMALL = {
    "several outputs": several,
    "one output in a list": lambda: ([Value(2.0) * (x := Value(1.0))], [x], []),
    "an input alone": lambda: ((x := Value(1.0)), [x], []),
    "a parameter alone": lambda: ((w := Value(1.5)), [], [w]),
    "a constant": lambda: (Value(2.0) * 3.0, [], []),
    "no parameters": lambda: ((x := Value(1.0)).tanh() * 2 + 1, [x], []),
    "parameters that do not matter": lambda: (
        (x := Value(1.0)) * 2,
        [x],
        [Value(1.0), Value(-0.0)],
    ),
    "parameters of inputs alone": lambda: (
        F.sum([(x := Value(1.0)).exp(), w := Value(2.0)]),
        [x],
        [w],
    ),
    "gradient by inputs": lambda: by_inputs(),
    "one squared": lambda: ((w := Value(1.5)) * w, [], [w]),
    "logsumexp": lambda: (F.logsumexp(w := [Value(0.1 * i) for i in range(9)]), [], w),
    "logsumexp of few": lambda: (F.logsumexp([w := Value(2.0), x := Value(0.0)]), [x], [w]),
    "deep": lambda: deep(),
    "scattered": lambda: scattered(),
}


def by_inputs() -> Graph:
    """Return a loss whose gradient is asked for by an input, too, between parameters."""
    x, y, a, b = (Value(0.3 * i, label="xyab"[i]) for i in range(4))
    return (a * x + b * y).tanh() * y, [x, y], [b, y, a]


@each_language
def test_export_equals_the_program_for_programs_of_few_parts(language: str, tmp_path: Path) -> None:
    check(language, [case(graph()) for graph in SMALL.values()], tmp_path)


INFINITE = [-math.inf, math.inf, math.nan, 0.0, -1.0, 1e300, -1e300, 1e-320, 5.0, -750.0]


@each_language
def test_numbers_beyond_the_domain_give_what_the_program_gives(
    language: str, tmp_path: Path
) -> None:
    cases = []
    for name, row in PRIMITIVES.items():
        inputs = [Value(x) for x in row.example]
        scale = Value(1.0)
        program = compile(apply(name, scale * inputs[0], *inputs[1:]), inputs, [scale])
        others = row.example[1:]
        cases.append((program, np.array([[x, *others] for x in INFINITE])))
    with np.errstate(all="ignore"):
        check(language, cases, tmp_path)


@each_language
def test_powers_are_those_of_ieee_754(language: str, tmp_path: Path) -> None:
    x, y = Value(2.0), Value(3.0)
    numbers = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 3.0, -3.0, math.inf, -math.inf, math.nan]
    samples = np.array([(a, b) for a in numbers for b in numbers])
    with np.errstate(all="ignore"):
        check(language, [(compile(x**y, [x, y]), samples)], tmp_path)
