"""The check of programs against lies: the line that is wrong is named, whatever its lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from compiled_graphs import WORKLOADS, Graph, random_graphs
from hypothesis import assume, given, settings

from scalargrad import MLP, Value, check_gradients
from scalargrad.arrays.calls import Call, Source, Step
from scalargrad.compiler import Program, compile
from scalargrad.errors import GradientError, OperandError, SizeError


def samples(graph: Graph, count: int = 2) -> Any:
    return np.random.default_rng(0).uniform(0.1, 1.0, size=(count, len(graph[1])))


def small() -> Graph:
    model = MLP(2, [3, 1], seed=0)
    x, y = [Value(0.0, label="x0"), Value(0.0, label="x1")], Value(0.0, label="y")
    return (model(x) - y) ** 2, [*x, y], model.parameters()


def lines(program: Program) -> list[str]:
    return [f"{block.name} = {line}" for block, line in program.listing.operations]


def lie(program: Program, number: int, about: str) -> None:
    """Let a step of a program send back half as much again, or compute a little more."""
    step = program._arrays.emitted.steps[number]
    assert isinstance(step, Call)
    right = step.kernel

    def larger(send: Any) -> Any:
        return lambda *arguments: 1.5 * send(*arguments)

    def more(*arguments: Any) -> Any:
        value, kept = right.forward(*arguments)
        return value + 0.01, kept

    if about == "gradients":
        kernel = right._replace(gradients=tuple(map(larger, right.gradients)))
    else:
        kernel = right._replace(forward=more)
    steps: Any = program._arrays.emitted.steps
    steps[number] = step._replace(kernel=kernel)


def complaint(program: Program, fed: Any) -> str:
    """Return the sentence that the check ends with, or nothing."""
    try:
        check_gradients(program, fed)
    except GradientError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", sorted(set(WORKLOADS) - {"wide softmax regression", "hinge"}))
def test_program_of_a_workload_is_accepted(name: str) -> None:
    graph = WORKLOADS[name]()
    assert check_gradients(compile(*graph), samples(graph)) < 1e-6


@settings(max_examples=40, deadline=None, derandomize=True)
@given(random_graphs())
def test_random_programs_are_accepted_but_at_kinks(graph: Graph) -> None:
    assume(graph[2])
    found = complaint(compile(*graph), samples(graph) if graph[1] else None)
    assert not found or " is at a kink: " in found or " is at a jump: " in found


@pytest.mark.parametrize("line", range(len(lines(compile(*small(), machine="arrays")))))
def test_line_whose_gradient_is_wrong_is_named(line: int) -> None:
    program = compile(*small(), machine="arrays")
    lie(program, program._arrays.emitted.lines[line], "gradients")
    with pytest.raises(GradientError) as caught:
        check_gradients(program, samples(small()))
    assert str(caught.value).startswith(
        f"{lines(program)[line]} has a wrong derivative: with respect"
    )


@pytest.mark.parametrize("name", ["gelu", "softmax regression", "regression"])
@pytest.mark.parametrize(("about", "what"), [
    ("gradients", " has a wrong derivative: "), ("values", " is wrong: it gives ")
])  # fmt: skip
def test_any_wrong_step_of_a_listing_is_named_by_its_line(name: str, about: str, what: str) -> None:
    graph = WORKLOADS[name]()
    data = samples(graph)
    right = compile(*graph, machine="arrays")
    expected = right.value_and_grad(data)
    steps, ends = right._arrays.emitted.steps, right._arrays.emitted.lines
    found = set()
    for number, step in enumerate(steps):
        if isinstance(step, Source):
            continue
        program = compile(*graph, machine="arrays")
        lie(program, number, about)
        got = program.value_and_grad(data)
        if np.allclose(got[0], expected[0], 1e-6) and np.allclose(got[1], expected[1], 1e-6):
            continue  # it has no part in this: the gradient of a sample, say
        line = min(n for n, end in enumerate(ends) if number in leading_to(end, steps))
        assert complaint(program, data).startswith(f"{lines(program)[line]}{what}"), (line, step)
        found.add(line)
    assert found == set(range(len(lines(right))))


def leading_to(end: int, steps: Sequence[Step]) -> set[int]:
    return {end}.union(*(leading_to(operand, steps) for operand in steps[end].operands))


def test_wrong_source_of_right_lines_is_said() -> None:
    graph = small()
    program, data = compile(*graph, machine="arrays"), samples(graph)
    program.value_and_grad(data)
    ((key, run),) = program._runs.items()
    program._runs[key] = lambda x, p: (run(x, p)[0], 1.5 * run(x, p)[1])
    with pytest.raises(GradientError, match=r"^program\.source computes another gradient"):
        check_gradients(program, data)


def deep() -> Graph:
    """Return a graph without structure, of many operations."""
    x, w = Value(0.3, label="x"), [Value(0.1 * i) for i in range(3)]
    z = x * w[0]
    for i in range(600):
        z = (z + w[i % 3]).sin() * w[(i * 7) % 3] + x
    return z, [x], w


def test_large_graph_without_structure_is_checked_without_looking_for_any() -> None:
    program, data = compile(*deep()), [[0.3], [0.2]]
    assert check_gradients(program, data) < 1e-6
    assert "listing" not in vars(program._arrays)
    ((key, run),) = [(k, r) for k, r in program._runs.items() if k[0] == "mean"]
    program._runs[key] = lambda x, p: (run(x, p)[0], 1.5 * run(x, p)[1])
    with pytest.raises(GradientError, match=r"^the program has a wrong derivative: .* parameter 0"):
        check_gradients(program, np.array(data))
    program = compile(*deep())
    program(np.array(data))
    ((key, run),) = program._runs.items()
    program._runs[key] = lambda x, p: run(x, p) + np.array([0.0, 1.0])
    with pytest.raises(GradientError, match=r"^the program is wrong: it gives .* in sample 1"):
        check_gradients(program, data)


def test_wrong_line_is_the_first_of_several() -> None:
    graph = small()
    program = compile(*graph, machine="arrays")
    for number in program._arrays.emitted.lines[2:]:
        lie(program, number, "gradients")
    with pytest.raises(GradientError, match=r"^v2 = "):
        check_gradients(program, samples(graph))


def test_check_takes_what_the_program_is_fed_and_changes_nothing() -> None:
    graph = small()
    program, data = compile(*graph, machine="arrays"), samples(graph)
    before = program.parameters.copy()
    for fed in (data, data.tolist(), data[0], data[0].tolist(), data[:1]):
        assert check_gradients(program, fed) < 1e-7
    np.testing.assert_array_equal(program.parameters, before)
    w = Value(3.0)
    assert check_gradients(compile(w * w.tanh(), [], wrt=[w])) < 1e-9


def test_kink_of_a_program_is_no_wrong_line() -> None:
    x, w = Value(0.0, label="x"), Value(0.0, label="w")
    program = compile((w * x).relu() * 2 + w, [x], wrt=[w])
    assert check_gradients(program, [[0.0]]) < 1e-9
    with pytest.raises(GradientError, match=r"^v\d = relu\(.* is at a kink"):
        check_gradients(program, [[1.0]])


def test_program_without_a_gradient_is_an_error() -> None:
    x, w = Value(0.0, label="x"), Value(1.0, label="w")
    with pytest.raises(OperandError, match="no gradient to check: compile it with wrt=parameters"):
        check_gradients(compile(x * w, [x]), [[1.0]])
    with pytest.raises(SizeError, match="needs a program with one output"):
        check_gradients(compile([x * w, x + w], [x], wrt=[w]), [[1.0]])
    with pytest.raises(SizeError, match="the program has 1 input"):
        check_gradients(compile(x * w, [x], wrt=[w]), [[1.0, 2.0]])
    x.data = 1.0
    with pytest.raises(GradientError, match=r"^the program gives -inf.*: log .* is not finite"):
        check_gradients(compile((x * w).log(), [x], wrt=[w]), [[1.0], [0.0]])
