"""What is compiled or fed by mistake, and what the error says."""

from __future__ import annotations

import copy
import gc
import math
import pickle
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from compiled_graphs import hinge_loss

from scalargrad import MLP, Value, check_gradients, debug
from scalargrad.compiler import Program, compile
from scalargrad.compiler.cost import MACHINES
from scalargrad.errors import ChoiceError, DomainError, OperandError, SizeError

# ── the interface ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        compile(*hinge_loss()).value_and_grad(np.zeros((2, 3)))
        assert gc.isenabled() == enabled
        with pytest.raises(OperandError):
            compile(branching, [X0])
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()


# ── errors ──────────────────────────────────────────────────────────────────────────────────────


def custom() -> Value:
    out = Value(1.0, (Value(2.0),), "cube", label="c")
    out._backward = lambda: None
    return out


def branching(v: list[Value]) -> Value:
    return v[0] if v[0] * 2 > 1 else -v[0]


def truthy(v: list[Value]) -> Value:
    return v[0].relu() or v[0]


def stale() -> Program:
    constant = Value(1.0)
    logarithm = constant.log()
    logarithm.label, constant.data = "c", -1.0
    return compile(logarithm * X0, [X0])


X0, X1 = Value(1.0, label="x"), Value(2.0, label="x1")
ERRORS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "input is no leaf": (lambda: compile(X0 * 2, [X0 * 2]), OperandError, "only leaves can be fed"),
    "input does not reach": (
        lambda: compile(X0 * 2, [X0, Value(1.0, label="lost")]),
        SizeError,
        "'lost', input 1, does not reach the output",
    ),
    "fed twice": (lambda: compile(X0 * 2, [X0, X0]), OperandError, "'x' is an input .number 1.*"),
    "asked twice": (lambda: compile(X0 * 2, [X0], [X0, X0]), OperandError, "'x' is in wrt .*once"),
    "wrt is no leaf": (lambda: compile(X0 * 2, [], [X0 * 2]), OperandError, "has operands"),
    "no output": (lambda: compile([], []), SizeError, "at least one output"),
    "output is a number": (lambda: compile([1.0], []), OperandError, "are Values"),
    "op by hand": (
        lambda: compile(custom() * 2, []),
        OperandError,
        r"cube \(node 'c'\) is an operation defined by hand at .*test_program_errors.py:\d+",
    ),
    "branch on derived": (
        lambda: compile(branching, [X0]),
        OperandError,
        r"comparison is asked for at .*test_program_errors.py:\d+",
    ),
    "branch on truth": (lambda: compile(truthy, [X0]), OperandError, "its truth is asked for at"),
    "float of derived": (
        lambda: compile(lambda v: v[0] * math.exp(v[0] * 2), [X0]),
        OperandError,
        r"cannot follow \* \(node with data 2.0\) into a Python number: it is .*errors.py:\d+",
    ),
    "int": (
        lambda: compile(lambda v: v[0] * int(v[0]), [X0]),
        OperandError,
        "into a Python number",
    ),
    "round": (
        lambda: compile(lambda v: v[0] * round(v[0]), [X0]),
        OperandError,
        "into a Python number",
    ),
    "largest": (lambda: compile(lambda v: max(v[0], v[1]), [X0, X1]), OperandError, "branch on"),
    "wrong width": (
        lambda: compile(X0 * 2, [X0])([1.0, 2.0]),
        SizeError,
        r"\(1,\) or \(batch, 1\), got \(2,\)",
    ),
    "no batch": (lambda: compile(X0 * 2, [X0])(), SizeError, "has 1 input, got none"),
    "needless batch": (lambda: compile(X0 * 2, [])([1.0]), SizeError, "has no inputs"),
    "text": (lambda: compile(X0 * 2, [X0])(["a"]), OperandError, "array of real numbers"),
    "empty batch": (
        lambda: compile(X0 * 2, [X0]).value_and_grad(np.zeros((0, 1))),
        SizeError,
        "at least one sample",
    ),
    "two outputs": (
        lambda: compile([X0, X0], [X0]).value_and_grad([1.0]),
        SizeError,
        "one output, got 2",
    ),
    "reduction": (
        lambda: compile(X0 * 2, [X0]).value_and_grad([1.0], reduction="max"),
        ChoiceError,
        "mean, sum, got 'max'",
    ),
    "complex": (
        lambda: compile(X0 * 2, [X0])([1j]),
        OperandError,
        "real numbers: it holds complex128",
    ),
    "text as parameters": (
        lambda: setattr(compile(X0 * 2, [], [X0]), "parameters", ["a"]),
        OperandError,
        "array of real numbers: it holds texts, such as 'a'",
    ),
    "targets instead of a reduction": (
        lambda: compile(X0 * 2, [X0]).value_and_grad([[1.0]], np.ones(3)),
        OperandError,
        "each sample carries its targets as its last inputs, as in np.column_stack.* got ndarray",
    ),
    "no reduction": (
        lambda: compile(X0 * 2, [X0]).value_and_grad([1.0], None),
        OperandError,
        "takes one array.* got NoneType beside",
    ),
    "missing": (
        lambda: compile(X0 * 2, [X0]).value_and_grad([[1.0], [None]]),
        OperandError,
        "a program takes an array of real numbers: it holds None in row 1: leave out",
    ),
    "missing parameter": (
        lambda: compile(X0 * 2, [], [X0])(parameters=[None]),
        OperandError,
        "it holds None in row 0",
    ),
    "inputs are one Value": (
        lambda: compile(X0 * 2, X0),
        OperandError,
        "inputs is a list of leaf Values, got Value.*: put it into a list",
    ),
    "inputs are samples": (
        lambda: compile(MLP(2, [1]), np.ones((3, 2))),
        OperandError,
        r"inputs is a list of leaf Values, of one sample, got one that holds ndarray array.*"
        r"numbers of all samples at once, as in program\(X\)$",
    ),
    "inputs are numbers": (
        lambda: compile(MLP(2, [1]), [1.0, 2.0]),
        OperandError,
        "inputs is a list of leaf Values, of one sample, got one that holds float 1.0",
    ),
    "parameters are a method": (
        lambda: compile(X0 * 2, [X0], MLP(1, [1]).parameters),
        OperandError,
        "wrt is a list of leaf Values, got <bound method.*: call it",
    ),
    "parameters are a model": (
        lambda: compile(X0 * 2, [X0], MLP(1, [1])),
        OperandError,
        r"wrt is a list of leaf Values, got MLP .*: write model.parameters\(\)$",
    ),
    "no graph": (lambda: compile(3.0, [X0]), OperandError, "of compile are a Value or a list"),
    "function of a number": (
        lambda: compile(lambda _: 3.0, [X0]),
        OperandError,
        "outputs of the function are a Value or a list, got 3.0",
    ),
    "function of nothing": (lambda: compile(lambda _: None, [X0]), OperandError, "got None"),
    "lists in a list": (lambda: compile([[X0]], [X0]), OperandError, r"are Values, got \[Value"),
    "constant out of its domain": (
        stale,
        DomainError,
        r"log \(node 'c'\) is a constant, and cannot be computed: math domain error",
    ),
    "copy": (lambda: copy.deepcopy(compile(X0 * 2, [X0])), OperandError, "compile the graph once"),
    "pickle": (lambda: pickle.dumps(compile(X0 * 2, [X0])), OperandError, "cannot be copied"),
    "given parameters": (
        lambda: compile(X0 * 2, [X0], [X1])([1.0], parameters=[1.0, 2.0]),
        SizeError,
        r"has 1 parameter, got an array of shape \(2,\)",
    ),
    "parameters": (
        lambda: setattr(compile(X0 * 2, [], [X0]), "parameters", [1.0, 2.0]),
        SizeError,
        "has 1 parameter",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_says_what_is_wrong_when(name: str) -> None:
    call, kind, text = ERRORS[name]
    with pytest.raises(kind, match=text):
        call()


@pytest.mark.parametrize("function", [lambda x: x * 2, lambda x: 2 * x, lambda x: x.tanh()])
def test_function_of_a_single_value_is_told_that_it_gets_a_list(function: Callable) -> None:
    with pytest.raises(OperandError, match=r"gets one list of all inputs, as in lambda x: x\[0\]"):
        compile(function, [Value(1.0)])


@pytest.mark.parametrize("function", [lambda a, b: a * b, lambda a, b, c=1: a * b * c])
def test_function_of_several_values_is_told_that_it_gets_a_list(function: Callable) -> None:
    message = r"gets one list of all inputs, and takes 2 arguments: .* lambda x: f\(\*x\)"
    with pytest.raises(OperandError, match=message):
        compile(function, [Value(1.0), Value(2.0)])
    with pytest.raises(OperandError, match=message):
        check_gradients(function, [1.0, 2.0])
    assert check_gradients(lambda x: function(*x), [1.0, 2.0]) < 1e-9


@pytest.mark.parametrize(
    "function",
    [
        lambda x, scale=2.0: x[0] * scale,
        lambda *x: x[0][0] * 2,
        partial(lambda k, x: x[0] * k, 2.0),
    ],
)
def test_function_of_a_list_may_have_more_parameters(function: Callable) -> None:
    assert compile(function, [Value(1.0)])([1.5]) == 3.0
    assert check_gradients(function, [1.0]) < 1e-9


def test_comparisons_work_again_after_a_traced_branch() -> None:
    with pytest.raises(OperandError):
        compile(branching, [X0])
    assert Value(2.0) > 1.0
    assert bool(Value(2.0))
    assert round(Value(2.2)) == 2
    with pytest.raises(OperandError, match=r"write value\.sqrt\(\)"):
        math.sqrt(Value(4.0))


def test_errors_name_the_source_line_while_debugging() -> None:
    with debug():
        x = Value(1.0, label="x")
        y = x * 2
    with pytest.raises(OperandError, match=r"\* \(node with data 2.0, made in .*: y = x \* 2\)"):
        compile(y + 1, [y])
    with pytest.raises(
        SizeError, match=r"the leaf 'x' \(made in .*test_program_errors.py:\d+: x = V"
    ):
        compile(Value(1.0) * 2, [x])


def test_first_nonfinite_names_operation_label_and_sample() -> None:
    x = Value(3.0, label="x")
    y = (x - 1.0).log()
    y.label = "y"
    program = compile(y * 2, [x])
    assert program.first_nonfinite([[2.0], [3.0]]) is None
    assert program.first_nonfinite([[2.0], [1.0]]) == (
        "log (node 'y') of 0.0 is not finite, in sample 1"
    )
    assert "the leaf 'x' is not finite" in str(program.first_nonfinite([math.inf]))


def test_single_sample_outside_of_the_domain_gives_what_an_array_gives() -> None:
    x = Value(1.0)
    program = compile(x.log(), [x])
    assert program([0.0]) == -math.inf
    assert math.isnan(program([-1.0]))
    assert compile(x.exp(), [x])([1000.0]) == math.inf


def test_compile_without_inputs_says_what_to_write():
    with pytest.raises(
        OperandError, match=r"those that are fed: compile\(L, \[a, b\]\); \[\] if none"
    ):
        compile(Value(1.0) * 2)


@pytest.mark.parametrize("machine", MACHINES)
def test_no_samples_have_no_outputs_on_any_machine(machine):
    x, y = Value(1.0), Value(2.0)
    none = np.empty((0, 2))
    assert compile(x * y + x.relu(), [x, y], machine=machine)(none).shape == (0,)
    assert compile([x * y, x / y], [x, y], machine=machine)(none).shape == (0, 2)


def test_function_that_takes_nothing_is_told_what_it_gets() -> None:
    with pytest.raises(OperandError, match=r"gets one list of all inputs, and takes no arguments$"):
        compile(lambda: X0 * 2, [X0, X1])  # type: ignore[arg-type, misc]
