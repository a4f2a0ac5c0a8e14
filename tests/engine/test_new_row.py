"""A new operation is one more row: nothing else has to be told about it."""

import shutil

import pytest
from oracles import ROOT, python

ROW = """    Primitive("asinh", "asinh", "asinh(x)", ("1 / sqrt(1 + x * x)",), (0.5,),
              "Inverse hyperbolic sine."),
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """Return a copy of the project whose table has another row."""
    root = tmp_path_factory.mktemp("extended")
    for folder in ("scalargrad", "viz"):
        shutil.copytree(ROOT / folder, root / folder)
    table = root / "scalargrad" / "ops.py"
    text = table.read_text(encoding="utf-8")
    place = text.index("    # ── activations and their kin")
    table.write_text(text[:place] + ROW + text[place:], encoding="utf-8")
    return root


def run(root, code):
    """Run code in an interpreter that sees the copy first."""
    begin = f"import sys; sys.path.insert(0, {str(root)!r})\n"
    return python(begin + code).splitlines()


def test_row_has_its_method_with_documentation_and_all_derivatives(extended):
    code = """
import math
from scalargrad import Value, check_gradients, grad
from scalargrad.debugging import debug, source_line
x = Value(0.7, label="x")
y = x.asinh()
y.backward()
first, = grad(y, [x])
second, = grad(first, [x])
assert y.data == math.asinh(0.7) and x.grad == first.data
assert math.isclose(first.data, 1 / math.sqrt(1.49)), first
assert math.isclose(second.data, -0.7 / 1.49**1.5), second
assert check_gradients(Value(0.7).asinh().exp()) < 1e-8
assert "Inverse hyperbolic sine." in Value.asinh.__doc__
with debug():
    assert source_line(Value(0.1).asinh())
print(Value.asinh.__qualname__)
"""
    assert run(extended, code) == ["Value.asinh"]


@pytest.mark.parametrize("machine", ["arrays", "tape"])
@pytest.mark.parametrize("numba", [True, False])
def test_row_is_compiled(extended, machine, numba):
    code = f"""
if not {numba}:
    sys.modules["numba"] = None
import math, warnings
warnings.simplefilter("ignore")
import numpy as np
from scalargrad import Value, compile
from scalargrad import functional as F
x, w = Value(0.0), Value(0.5)
program = compile((w * x).asinh() + F.sum((w * x * k).asinh() for k in (1, 2, 3)), [x], [w],
                  machine={machine!r})
value, (gradient,) = program.value_and_grad(np.array([[0.3], [2.0]]))
expected = np.mean([sum(math.asinh(k * 0.5 * x) for k in (1, 1, 2, 3)) for x in (0.3, 2.0)])
slope = np.mean([sum(k * x / math.hypot(1, k * 0.5 * x) for k in (1, 1, 2, 3)) for x in (0.3, 2.0)])
assert math.isclose(value, expected) and math.isclose(gradient, slope), (value, gradient)
print(program([2.0]) == program(np.array([[2.0]]))[0] or program([2.0]) - program([[2.0]])[0])
"""
    (answer,) = run(extended, code)
    assert answer == "True" or abs(float(answer)) < 1e-15


def test_row_is_a_node_of_miniflow_a_formula_and_a_rule_of_the_page(extended):
    code = """
import numpy as np
from scalargrad import Value
from scalargrad.miniflow import Input, value_and_grad
from scalargrad.miniflow.nodes import elementwise_node
from scalargrad.ops import PRIMITIVES
import viz
from viz.pages.shared.javascript import rules
from viz.words.formula import rule_text
x = Input("x")
value, gradients = value_and_grad(elementwise_node("asinh")(x), {x: np.array(0.5)}, [x])
assert np.allclose([value, *gradients], [np.arcsinh(0.5), 1 / np.sqrt(1.25)]), gradients
assert "checked(Math.asinh)(x)" in rules()
y = Value(0.5, label="x").asinh()
print(viz.formula(y))
print(rule_text(PRIMITIVES["asinh"]))
"""
    assert run(extended, code) == ["y = asinh(x)", "asinh′ = 1 / √(1 + x²)"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("arcosh(x)", "names 'arcosh', which there is not for floats"),
        ("x @ x", "the texts of the table have no form such as 'x @ x'"),
        ("lgamma(x)", "Arrays has no way to write the function 'lgamma'"),
    ],
)
def test_text_that_cannot_be_read_says_so_by_name(value, message):
    code = f"""
from scalargrad.errors import TextError
from scalargrad.ops import Primitive
from scalargrad.arrays.translate import array_function
row = Primitive("new", "new", {value!r}, ("1",), (2.0,), "New.")
try:
    row.evaluate(2.0)
    array_function(row, row.value)
except TextError as error:
    print(error)
except TypeError:
    from scalargrad.texts import parse
    try:
        array_function(Primitive("n", "n", "x", ("1",), (2.0,), "New."), row.value)
    except TextError as error:
        print(error)
"""
    assert message in python(code)
