"""Formulas are read back by Python's own parser, and must mean the graph they were written from."""

from __future__ import annotations

import ast
import itertools
import math
import re
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import programs, repeatable

from scalargrad import Value, grad
from scalargrad.engine import constant, operands
from scalargrad.functional import where
from scalargrad.ops import PRIMITIVES
from viz.words.formula import formula as formula_of
from viz.words.formula import operation, rule_text

formula = partial(formula_of, names=False)  # here names are labels alone

OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}


def compute(text: str, leaves: dict[str, Value]) -> Value:
    """Compute a formula of several lines, the last line first."""
    known = {"nan": math.nan, "inf": math.inf} | leaves
    functions = {
        name: lambda x, *y, method=row.method: getattr(
            x if isinstance(x, Value) else Value(x), method
        )(*y)
        for name, row in PRIMITIVES.items()
    }
    lines = dict(line.partition(" = ")[::2] for line in text.splitlines() if " = " in line)
    lines = {name.strip(): right for name, right in lines.items()}

    def value(name: str) -> Value:
        if name not in known:
            tree = ast.parse(lines[name], mode="eval")
            used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            needed = {name: value(name) for name in used - functions.keys()}
            known[name] = eval(lines[name], functions | needed)
        return known[name]

    return value("root")


@repeatable
@given(programs(size=25))
def test_formula_computes_the_same_number(program) -> None:
    leaves = [Value(x, label=f"x{i}") for i, x in enumerate(program.inputs)]
    root = program.values(leaves)[-1]
    root.label = "root"
    again = compute(str(formula(root)), {leaf.label: leaf for leaf in leaves})
    assert again.data == root.data


# ── precedence ──────────────────────────────────────────────────────────────────────────────────


def expressions() -> st.SearchStrategy[Value]:
    """Return graphs of operators on labelled leaves and constants, without shared parts.

    They are operations of one's own, so that they are written as they are.
    """
    letters = itertools.count()
    leaves = st.builds(lambda: Value(1.5, label=f"a{next(letters)}"))

    def grow(parts: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
        return st.one_of(
            st.builds(lambda x: Value(1.5, (x,), "neg"), parts),
            st.builds(lambda x: x.sigmoid(), parts),
            st.builds(
                lambda x, n, op: Value(1.5, (x, constant(n)), op),
                *(parts, st.sampled_from([2, -3, 0.5]), st.sampled_from("*+")),
            ),
            st.builds(
                lambda x, y, op: Value(1.5, (x, y), op),
                *(parts, parts, st.sampled_from([*OPERATORS.values()])),
            ),
        )

    return st.recursive(leaves, grow, max_leaves=8)


def tree_of(node: Value) -> object:
    """Return a graph as nested tuples."""
    if node.kind != "op":
        return node.label or node.data
    return (node._op, *[tree_of(x) for x in operands(node)])


def tree_of_text(node: ast.expr) -> object:
    """Return what Python's parser makes of a formula as nested tuples."""
    match node:
        case ast.Name(name):
            return name
        case ast.Constant(number):
            return number
        case ast.UnaryOp(ast.USub(), ast.Constant(number)):
            return -number
        case ast.UnaryOp(ast.USub(), x):
            return ("neg", tree_of_text(x))
        case ast.BinOp(x, op, y):
            return (OPERATORS[type(op)], tree_of_text(x), tree_of_text(y))
        case ast.Call(ast.Name(name), inputs):
            return (name, *map(tree_of_text, inputs))
    raise NotImplementedError(ast.dump(node))


def parsed(text: str) -> object:
    return tree_of_text(ast.parse(text, mode="eval").body)


@repeatable
@given(expressions())
def test_formula_parses_as_its_graph_with_no_parentheses_to_spare(root: Value) -> None:
    text = str(formula(root)).removeprefix(f"{root.label} = ")
    meaning = 1.5 if root.label else tree_of(root)
    assert parsed(text) == meaning
    for opening in re.finditer(r"(?<![a-z])\(", text):
        level, end = 1, opening.end()
        while level:
            level += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        bare = text[: opening.start()] + text[opening.end() : end - 1] + text[end:]
        assert parsed(bare) != meaning


A, B = Value(2.0, label="a"), Value(3.0, label="b")


@pytest.mark.parametrize(
    ("root", "text", "latex"),
    [
        (A - (B - A), "a - (b - a)", r"a - \left(b - a\right)"),
        (A - B - A, "a - b - a", "a - b - a"),
        (A / (B * A), "a / (b * a)", r"\frac{a}{b \cdot a}"),
        ((A + B) * 2, "(a + b) * 2", r"\left(a + b\right) \cdot 2"),
        (-(A**2), "-a ** 2", "-a^{2}"),
        ((-A) ** 2, "(-a) ** 2", r"\left(-a\right)^{2}"),
        (A**B**2, "a ** b ** 2", "a^{b^{2}}"),
        ((A**B) ** 2, "(a ** b) ** 2", r"\left(a^{b}\right)^{2}"),
        (A**-2, "a ** -2", "a^{-2}"),
        (A * -B, "a * -b", r"a \cdot \left(-b\right)"),
        ((-A).neg(), "a", "a"),
        (2 - A, "2 - a", "2 - a"),
        (A * 1e-7, "a * 1e-07", r"a \cdot 10^{-7}"),
        (A * 2.5e20, "a * 2.5e+20", r"a \cdot \left(2.5 \cdot 10^{20}\right)"),
        (A * float("-inf"), "a * -inf", r"a \cdot \left(-\infty\right)"),
        (abs(A - B), "abs(a - b)", r"\left|a - b\right|"),
        (A.exp() + B.sqrt(), "exp(a) + sqrt(b)", r"e^{a} + \sqrt{b}"),
        (A.max(B), "max(a, b)", r"\max\left(a, b\right)"),
        (A.sigmoid(), "sigmoid(a)", r"\sigma\left(a\right)"),
        (
            where(A.greater(B), A, B),
            "where(greater(a, b), a, b)",
            r"\begin{cases} a & \text{if } a \gt b \\ b & \text{otherwise} \end{cases}",
        ),
        (
            where(A, B, 0),
            "where(a, b, 0)",
            r"\begin{cases} b & \text{if } a \ne 0 \\ 0 & \text{otherwise} \end{cases}",
        ),
        (A.relu(), "relu(a)", r"\operatorname{ReLU}\left(a\right)"),
    ],
)
def test_formula_in_text_and_latex(root, text, latex) -> None:
    found = formula(root)
    assert str(found) == text
    assert found.latex == rf"\begin{{aligned}} & {latex} \end{{aligned}}"
    assert found._repr_latex_() == f"$${found.latex}$$"


# ── as a person would write it ──────────────────────────────────────────────────────────────────


@repeatable
@given(programs(size=12), st.integers(1, 2))
def test_formula_of_a_gradient_computes_the_same_number_and_says_nothing_in_vain(
    program, order
) -> None:
    leaves = [Value(x, label=f"x{i}") for i, x in enumerate(program.inputs)]
    root = program.values(leaves)[-1]
    for _ in range(order):
        (root,) = grad(root, leaves[0])
    text = str(formula(root * 1, size=None))
    assert not re.search(r"\*\* 1\b(?!\.)|\b1 \*|[*/] 1\b(?!\.)|[+-] 0\b(?!\.)|[+-] -|--", text), (
        text
    )
    first, *others = text.split("\n")
    again = compute("\n".join([f"root = {first.partition(' = ')[2] or first}", *others]),
                    {leaf.label: leaf for leaf in leaves})  # fmt: skip
    assert getattr(again, "data", again) == pytest.approx(root.data, rel=1e-9, abs=1e-9)


X, Y, W = Value(2.0, label="x"), Value(3.0, label="y"), Value(0.5, label="w")
E = X.tanh()
E.label = "e"


@pytest.mark.parametrize(
    ("root", "text"),
    [
        (X * 1, "x"), (1 * X, "x"), (X * -1, "-x"), (X + 0, "x"), (0 + X, "x"), (0 - X, "-x"),
        (X - 0, "x"), (X / 1, "x"), (X**1, "x"), (X - -Y, "x + y"), (X + -Y, "x - y"),
        (-X + Y, "y - x"), ((-X).neg(), "x"), (-(X - Y), "y - x"), (X + -3, "x - 3"),
        (X - -3, "x + 3"), (X + -2 * Y, "x - 2 * y"), (3 * (2 * X), "6 * x"),
        (X * 2 * Y, "2 * x * y"),
        (2 * X * 3, "6 * x"), (X * (1 / Y), "x / y"), (-X * -Y, "x * y"), (2 * -X, "-2 * x"),
        (-(2 * X), "-2 * x"), (X * Y + X * Y, "2 * x * y"), (3 * (0.1 * X), "3 * (0.1 * x)"),
        (X.tanh() + Y.tanh() * X.tanh(), "v1 + tanh(y) * v1\nv1 = tanh(x)"),
        (E + X.tanh(), "e + e\ne = tanh(x)"), (X + X, "x + x"), (X * 0, "x * 0"),
    ],
)  # fmt: skip
def test_what_changes_nothing_is_not_written(root, text) -> None:
    assert str(formula(root)).replace(" " * 2, " ") == text


@pytest.mark.parametrize(
    ("root", "text"),
    [
        (X**3, "3 * x ** 2"), (X * Y * 1, "y = 3"), ((W * X - Y) ** 2, "2 * (w * x - y) * w"),
        (X.log(), "1 / x"), (1 / X, "-1 / x / x"), (X.sqrt(), "0.5 / sqrt(x)"),
        (X**4 + 3 * X, "3 + 4 * x ** 3"), (X.relu(), "where(greater(x, 0), 1, 0)"),
    ],
)  # fmt: skip
def test_formula_of_a_gradient(root, text) -> None:
    (slope,) = grad(root, X)
    assert str(formula(slope)) == text


def test_formulas_of_several_results_share_their_parts() -> None:
    found = formula(grad((W * X).tanh(), [X, W, Y]))
    assert str(found) == "v4 * w\nv4 * x\n0\nv4 = 1 - v2 * v2\nv2 = tanh(w * x)"
    assert str(formula(grad(X * Y, [X, Y]))) == "y\nx"
    # A single one in a list is written as by itself, also a leaf, which is its own line.
    for root in (X, X + Y, (X * Y).tanh(), Value(2.0)):
        assert formula([root], names=False) == formula(root, names=False)
    assert formula(grad(X * Y, [X])) == formula(Y)


# ── lines ───────────────────────────────────────────────────────────────────────────────────────


def test_labelled_results_get_lines_of_their_own_from_the_root_down() -> None:
    a, b, c, f = (Value(x, label=name) for x, name in [(2, "a"), (-3, "b"), (10, "c"), (-2, "f")])
    e = a * b
    d = e + c
    L = d * f  # noqa: N806
    e.label, d.label, L.label = "e", "d", "loss"
    assert str(formula(L)) == "loss = d * f\nd    = e + c\ne    = a * b"
    assert formula(L).latex == (
        r"\begin{aligned} \mathrm{loss} &= d \cdot f \\ d &= e + c \\ e &= a \cdot b \end{aligned}"
    )


def test_shared_result_without_label_gets_a_name() -> None:
    x = Value(2.0, label="x")
    square = x * x
    assert str(formula(square.sin() / square)) == "sin(v1) / v1\nv1 = x * x"


def test_long_expression_is_broken_into_lines() -> None:
    x = total = Value(1.0, label="x")
    for _ in range(1000):
        total = total + x
    total.label = "root"
    text = str(formula(total))
    assert max(map(len, text.splitlines())) < 100
    assert compute(text, {"x": x}).data == 1001.0


def test_formula_says_what_it_left_out() -> None:
    x = total = Value(1.0, label="x")
    for _ in range(1000):
        total = total + x
    found = formula(total, size=3)
    assert str(found).splitlines()[3:] == ["… 56 more lines left out (size=3)"]
    assert r"\\ & \text{… 56 more lines left out}" in found.latex
    assert len(formula(total, size=None).splitlines()) == 59


def test_leaves_without_label_are_numbers_in_full() -> None:
    assert str(formula(Value(0.1) * Value(6.8813735870195432))) == "0.1 * 6.881373587019543"
    assert str(formula(Value(2.0, label="a"))) == "a = 2"
    assert str(formula(Value(2.0))) == "2"


def test_label_is_text_and_never_more() -> None:
    odd = Value(2.0, label="__import__('os')")
    total = odd + Value(1.0, label="a + b")
    assert str(formula(total)) == "\"__import__('os')\" + 'a + b'"
    for label in ("2", "inf", "-1.5", "a b", "x+y", "f(x)"):
        assert str(formula(Value(1.0, label=label) * 2)) == f"'{label}' * 2"
    for label in ("w1", "layers[0].b", "l0.n1.w0", "x'", "α", "W_out"):
        assert str(formula(Value(1.0, label=label) * 2)) == f"{label} * 2"


def test_latex_of_labels() -> None:
    def name(label: str) -> str:
        return formula(Value(1.0, label=label) * 2).latex.split("& ")[1].split(r" \cdot")[0]

    assert name("x") == "x"
    assert name("w12") == "w_{12}"
    assert name("bias") == r"\mathrm{bias}"
    assert name("w_out") == r"\mathrm{w\_out}"
    assert name("</script>") == r"\mathrm{’\lt /script\gt ’}"
    assert name("$\\{}") == r"\mathrm{’＄\backslash \backslash \{\}’}"


def test_operation_of_ones_own_is_a_call() -> None:
    x = Value(3.0, label="x")
    assert str(formula(Value(9.0, (x,), "square") + 1)) == "square(x) + 1"
    assert str(formula(Value(9.0, (x, x, x), "my op"))) == "'my op'(x, x, x)"
    assert str(formula(Value(9.0, (x,)))) == "op(x)"
    assert operation(Value(9.0, (x, x), "*"), {x: "x"}) == "x * x"


# ── rules ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "place", "text"),
    [
        ("tanh", 0, "tanh′ = 1 − out²"),
        ("sigmoid", 0, "sigmoid′ = out · (1 − out)"),
        ("exp", 0, "exp′ = out"),
        ("mul", 0, "∂out/∂x = y"),
        ("mul", 1, "∂out/∂y = x"),
        ("div", 1, "∂out/∂y = −out / y"),
        ("cos", 0, "cos′ = −sin(x)"),
        ("erf", 0, "erf′ = 2 / √π · exp(−x²)"),
        ("relu", 0, "ReLU′ = 0 if x ≤ 0 else 1"),
        ("sqrt", 0, "sqrt′ = 0.5 · (1 / out)"),
        ("pow", 0, "∂out/∂x = y · (x if y ≠ 0 or |x| > 0 else 1)^(y − 1)"),
        ("where", 1, "∂out/∂x = 1 if c ≠ 0 else 0"),
    ],
)
def test_rule_in_text(name, place, text) -> None:
    assert rule_text(PRIMITIVES[name], place) == text


def test_rule_in_the_names_of_nodes_at_their_numbers() -> None:
    power = PRIMITIVES["pow_number"]
    assert rule_text(power, 0, ["a", "3", "c"], at=[2.0, 3.0, 8.0]) == "∂c/∂a = 3 · a^(3 − 1)"
    assert rule_text(power, 0, ["a", "0", "c"], at=[2.0, 0.0, 1.0]) == "∂c/∂a = 0 · a^(0 − 1)"
    assert rule_text(PRIMITIVES["tanh"], 0, ["a", "my out"]) == "tanh′ = 1 − 'my out'²"


@pytest.mark.parametrize("row", PRIMITIVES.values(), ids=PRIMITIVES)
def test_every_rule_of_the_table_can_be_written(row) -> None:
    called = [*("first", "second", "third")[: len(row.partials)], "result"]
    for place, slope in enumerate(row.partials):
        used = {node.id for node in ast.walk(ast.parse(slope)) if isinstance(node, ast.Name)}
        right = rule_text(row, place, called).split(" = ", 1)[1]
        letters = [*row.operands.split(", "), "z"]
        assert {x for x, name in zip(letters, called, strict=True) if name in right} == (
            used & {*letters}
        )
