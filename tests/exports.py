"""Exported programs, run as their users would."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from compiled_graphs import Graph
from conftest import require_program
from numpy.testing import assert_allclose

from scalargrad import Value
from scalargrad import functional as F
from scalargrad.compiler import Program, compile

#: The tools differ from NumPy and numba in the last digits of exp, tanh and their like.
TOLERANCE = {"rtol": 2e-13, "atol": 1e-14}
LANGUAGES = {"py": "python", "c": "cc", "js": "node"}
Case = tuple[Program, np.ndarray]


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
