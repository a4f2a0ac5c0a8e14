"""Exported programs, run by their own tools, give what the program gives."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from compiled_graphs import WORKLOADS, Graph, apply, random_graphs
from conftest import require_program
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from scalargrad import MLP, Value
from scalargrad import functional as F
from scalargrad.compiler import Program, compile
from scalargrad.compiler.export.folding import Element, Loop, fold
from scalargrad.errors import ChoiceError, SizeError
from scalargrad.ops import PRIMITIVES

#: The tools differ from NumPy and numba in the last digits of exp, tanh and their like.
TOLERANCE = {"rtol": 2e-13, "atol": 1e-14}

LANGUAGES = {"py": "python", "c": "cc", "js": "node"}

Case = tuple[Program, np.ndarray]


# ── running what was written ────────────────────────────────────────────────────────────────────


def run(language: str, cases: Sequence[Case], folder: Path) -> list[list[list[float]]]:
    """Return for each program and sample the numbers that its file prints: outputs, gradient."""
    if language != "py":
        require_program(LANGUAGES[language])
    for number, (program, _) in enumerate(cases):
        program.export(folder / f"m{number}.{language}")
    lines = iter(_DRIVERS[language](cases, folder).splitlines())
    return [[[*map(float, next(lines).split())] for _ in samples] for _, samples in cases]


def arguments(program: Program, sample: np.ndarray, brackets: str) -> tuple[list[str], list[str]]:
    """Return what to call ``value`` with, and its derivative."""
    x = [brackets.format(", ".join(_number(a) for a in sample))] * bool(len(sample))
    cotangents = [brackets.format(", ".join(map(_number, weights(program))))]
    return x, cotangents * (len(weights(program)) > 1)


def weights(program: Program) -> list[float]:
    return [1.0 + 0.5 * i for i in range(len(program._scalars.outputs))]


def gradient_size(program: Program) -> int:
    return len(program._scalars.asked)


def _number(x: float) -> str:
    return repr(float(x)).replace("inf", "INF").replace("nan", "NAN")


def _output(command: Sequence[str | Path], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not done.stderr
    return done.stdout


def _python(cases: Sequence[Case], folder: Path) -> str:
    lines = ["import sys", f"sys.path.append({str(folder)!r})", "from math import inf, nan"]
    lines += ["INF, NAN = inf, nan", "flat = lambda z: z if isinstance(z, list) else [z]"]
    for number, (program, samples) in enumerate(cases):
        lines.append(f"import m{number} as m")
        for sample in samples:
            x, cotangents = arguments(program, sample, "[{}]")
            lines.append(f"z = flat(m.value({', '.join(x)}))")
            if gradient_size(program) and cotangents:
                lines.append(f"z += m.vjp({', '.join([*x, *cotangents])})")
            elif gradient_size(program):
                lines += [f"y, g = m.value_and_grad({', '.join(x)})"]
                lines += ["assert repr(flat(y)) == repr(z)", "z += g"]
            lines.append("print(*z)")
    (folder / "driver.py").write_text("\n".join(lines))
    return _output([sys.executable, "-I", "driver.py"], folder)


def _javascript(cases: Sequence[Case], folder: Path) -> str:
    lines = ["const INF = Infinity, NAN = NaN;", "let z, y, g;"]
    for number, (program, samples) in enumerate(cases):
        lines.append(f'import * as m{number} from "./m{number}.js";')
        for sample in samples:
            x, cotangents = arguments(program, sample, "[{}]")
            lines.append(f"z = [m{number}.value({', '.join(x)})].flat();")
            if gradient_size(program) and cotangents:
                lines.append(f"z.push(...m{number}.vjp({', '.join([*x, *cotangents])}));")
            elif gradient_size(program):
                lines += [f"[y, g] = m{number}.value_and_grad({', '.join(x)});", "z.push(...g);"]
            lines.append("console.log(z.join(' '));")
    (folder / "driver.mjs").write_text("\n".join(lines))
    (folder / "package.json").write_text('{"type": "module"}')
    return _output(["node", "driver.mjs"], folder)


def _c(cases: Sequence[Case], folder: Path) -> str:
    declared, lines = [], []
    for number, (program, samples) in enumerate(cases):
        text = (folder / f"m{number}.c").read_text()
        declared += [
            line[3:] for line in text.splitlines() if line.startswith("// ") and ";" in line
        ]
        outputs, count = len(weights(program)), gradient_size(program)
        p = [f"m{number}_parameters"] * bool(len(program.parameters))
        for sample in samples:
            x, cotangents = arguments(program, sample, "(double[]){{{}}}")
            if outputs == 1:
                lines.append(f"z[0] = m{number}_value({', '.join([*x, *p])});")
            else:
                lines.append(f"m{number}_value({', '.join([*x, *p, 'z'])});")
            name = "vjp" if cotangents else "value_and_grad"
            if count:
                given = ", ".join([*x, *p, *cotangents, f"z + {outputs}"])
                lines.append(f"m{number}_{name}({given});")
            lines += [
                f'for (int i = 0; i < {outputs + count}; i++) printf("%.17g ", z[i]);',
                'puts("");',
            ]
    head = ["#include <math.h>", "#include <stdio.h>", "#define INF INFINITY", *declared]
    body = ["int main(void) {", "static double z[100000];", *lines, "return 0;", "}"]
    (folder / "driver.c").write_text("\n".join([*head, *body]) + "\n")
    files = [f"m{number}.c" for number in range(len(cases))]
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O0"]
    _output(["cc", *strict, "driver.c", *files, "-o", "driver", "-lm"], folder)
    return _output([folder / "driver"], folder)


_DRIVERS = {"py": _python, "c": _c, "js": _javascript}


def expected(program: Program, sample: np.ndarray) -> list[float]:
    x = sample if len(sample) else None
    numbers = np.ravel(program(x)).tolist()
    asked = program._scalars.asked.tolist()
    by = [program.vjp(x, weights(program), wrt=wrt).ravel() for wrt in ("inputs", "parameters")]
    return [*numbers, *np.concatenate(by)[asked].tolist()]


def check(language: str, cases: Sequence[Case], folder: Path) -> None:
    found = run(language, cases, folder)
    for (program, samples), rows in zip(cases, found, strict=True):
        for sample, row in zip(samples, rows, strict=True):
            assert_allclose(row, expected(program, sample), **TOLERANCE)


def case(graph: Graph, seed: int = 0, count: int = 2) -> Case:
    outputs, inputs, wrt = graph
    samples = np.random.default_rng(seed).normal(size=(count, len(inputs)))
    return compile(outputs, inputs, wrt, machine="tape"), samples


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


def deep() -> Graph:
    """Return steps in time, which fold into a loop over groups of results."""
    x, a, b = Value(0.3, label="x"), Value(0.9, label="a"), Value(0.1, label="b")
    for _ in range(50):
        x = (a * x.sin() + b * x * x).tanh()
    return x, [], [a, b]


def scattered() -> Graph:
    """Return a sum that is too long for a line, of terms that are no loop."""
    w = [Value(0.1 * i) for i in range(30)]
    products = [w[i] * w[(i * i) % 29] for i in range(0, 30, 2)]
    scaled = [(0.5 - i) * w[(7 * i) % 30] for i in range(9)]
    return F.sum([*products, *scaled]) + 0.25, [], w


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


# ── what it looks like ──────────────────────────────────────────────────────────────────────────


def test_layer_is_a_loop_with_the_names_of_its_neurons(tmp_path: Path) -> None:
    model, x = MLP(2, [16, 16, 1], seed=1), [Value(0.1, label="x0"), Value(0.2, label="x1")]
    compile(model(x), x, model.parameters()).export(tmp_path / "model.py")
    text = (tmp_path / "model.py").read_text()
    assert "        v[i + 16] = math.tanh(v[i])  # l0.n0 ... l0.n15\n" in text
    assert "            z += p[17 * i + j + 48] * v[j + 16]\n" in text
    assert text.count("\n") < 200


def test_steps_in_time_are_a_loop(tmp_path: Path) -> None:
    compile(*deep()).export(tmp_path / "steps.js")
    text = (tmp_path / "steps.js").read_text()
    assert text.count("Math.tanh") == 2  # the first step starts from a constant
    assert len(text) < 3000


def test_labels_are_text_whatever_they_hold(tmp_path: Path) -> None:
    labels = ["*/ int", "a\nb = 1", '"""', "\\", "??/", "\u2028 x", "é" * 500, "\ud800", "#", "'"]
    x = [Value(0.5, label=label) for label in labels]
    w = [Value(0.5, label=label) for label in labels]
    products = [a * b for a, b in zip(x, w, strict=True)]
    for product, label in zip(products, labels, strict=True):
        product.label = label
    nodes = [product.exp() for product in products]
    for node, label in zip(nodes, labels, strict=True):
        node.label = label
    for language in LANGUAGES:
        folder = tmp_path / language
        folder.mkdir()
        check(language, [(compile([*nodes, F.sum(nodes)], x, w), np.ones((1, len(x))))], folder)


def test_parameters_in_the_file_are_those_of_the_program(tmp_path: Path) -> None:
    w = Value(1.0, label="w")
    program = compile(w * w, [], [w])
    program.parameters[0] = 3.0
    program.export(tmp_path / "square.py")
    assert "    3.0,  # w\n" in (tmp_path / "square.py").read_text()


def test_fold_of_groups_and_of_loops() -> None:
    elements = [Element(kind, (10 * i + k,)) for i in range(5) for k, kind in enumerate("abc")]
    (loop,) = fold(elements)
    assert loop == Element(Loop(5, (10, 10, 10), ("a", "b", "c")), (0, 1, 2))
    rows = [Element("a", (10 * i + j,)) for i in range(6) for j in range(4)]
    assert fold(rows) == [Element(Loop(6, (10,), (Loop(4, (1,), ("a",)),)), (0,))]
    assert fold(elements[:4]) == elements[:4]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=40))
def test_fold_changes_neither_what_is_done_nor_the_order(listed: list[tuple[str, int]]) -> None:
    elements = [Element(kind, (start,)) for kind, start in listed]
    assert list(unfolded(fold(elements))) == elements


def unfolded(elements: Sequence[Element]):  # type: ignore[no-untyped-def]
    for shape, starts in elements:
        if not isinstance(shape, Loop):
            yield Element(shape, starts)
            continue
        for turn in range(shape.count):
            moved = iter([x + turn * by for x, by in zip(starts, shape.steps, strict=True)])
            width = {part: len(part.steps) if isinstance(part, Loop) else 1 for part in shape.body}
            inner = [
                Element(part, tuple(next(moved) for _ in range(width[part]))) for part in shape.body
            ]
            yield from unfolded(inner)


# ── what cannot be written ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["model", "model.cpp", "model.", ".py", ""])
def test_suffix_says_the_language(name: str, tmp_path: Path) -> None:
    x = Value(1.0)
    with pytest.raises(ChoiceError, match=re.escape("says its language, .py, .c, .js; got")):
        compile(x * x, [x]).export(f"{tmp_path}/{name}")
    assert not [*tmp_path.iterdir()]


def test_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    x = Value(1.0)
    compile(x * x, [x]).export(tmp_path / "M.PY")
    assert "def value" in (tmp_path / "M.PY").read_text()


def test_path_that_cannot_be_written(tmp_path: Path) -> None:
    x = Value(1.0)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        compile(x * x, [x]).export(tmp_path / "missing" / "m.c")
    (tmp_path / "m.js").mkdir()
    with pytest.raises(IsADirectoryError):
        compile(x * x, [x]).export(tmp_path / "m.js")
    assert [*tmp_path.iterdir()] == [tmp_path / "m.js"]


def test_program_that_is_too_large_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalargrad.compiler.export.write.LARGEST", 3)
    (tmp_path / "m.c").write_text("old")
    program, _ = case(scattered())
    program.export(tmp_path / "m.c")
    x = [Value(0.1), Value(0.2)]
    irregular = F.sum([(x[0] * x[1]).exp().tanh().sin(), x[0].cos()])
    with pytest.raises(SizeError, match=r"would be \d+ statements .* at most 3 are written"):
        compile(irregular, x).export(tmp_path / "n.c")
    assert not (tmp_path / "n.c").exists()


def test_wrong_counts_get_a_sentence(tmp_path: Path) -> None:
    x, w = [Value(1.0), Value(2.0)], Value(3.0)
    compile(x[0] * x[1] * w, x, [w]).export(tmp_path / "m.py")
    names: dict[str, object] = {}
    exec((tmp_path / "m.py").read_text(), names)
    assert names["value"]([1, 2]) == 6.0  # type: ignore[operator]
    with pytest.raises(ValueError, match="there are 2 inputs, got 1"):
        names["value"]([1.0])  # type: ignore[operator]
    with pytest.raises(ValueError, match="there are 1 parameters, got 0"):
        names["value_and_grad"]([1.0, 2.0], [])  # type: ignore[operator]


def test_c_names_start_with_the_name_of_the_file(tmp_path: Path) -> None:
    w = Value(3.0)
    compile(w * w, [], [w]).export(tmp_path / "2 layers-é.c")
    assert "double model_2_layers___value(const double *p)" in next(tmp_path.iterdir()).read_text()
