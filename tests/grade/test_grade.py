"""The grader finds each seeded mistake and what was thought, and minds nothing that is right."""

from __future__ import annotations

from collections import Counter
from types import ModuleType

import micrograd.engine
import micrograd.nn
import pytest
from mutants import MUTANTS, SOURCES, Mutant, module
from solutions import EXERCISES, solved
from variants import NODE_VARIANTS, VARIANTS

import scalargrad
from examples import one_page
from scalargrad import miniflow
from scalargrad.errors import OperandError
from scalargrad.grade import Finding, Report, check, explained
from scalargrad.grade.findings import FOLLOWS, MISSING, REMARK, WRONG
from scalargrad.grade.guesses import GUESSES
from scalargrad.grade.kinds import NODES
from scalargrad.grade.misconceptions import MISCONCEPTIONS

#: What the labs leave to their readers.
MUL = """
class Mul(Node):
    def __init__(self, x, y):
        Node.__init__(self, [x, y])

    def forward(self):
        x, y = self.inbound_nodes
        self.value = x.value * y.value

    def backward(self):
        x, y = self.inbound_nodes
        self.gradients = {n: 0 * n.value for n in self.inbound_nodes}
        for n in self.outbound_nodes:
            self.gradients[x] = self.gradients[x] + y.value * n.gradients[self]
            self.gradients[y] = self.gradients[y] + x.value * n.gradients[self]
"""


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    return {mutant.name: check(module(mutant.text())) for mutant in MUTANTS}


# ── what is right ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "thing",
    [scalargrad.Value, one_page, micrograd.engine, micrograd.nn, micrograd.engine.Value],
    ids=["scalargrad", "one page", "micrograd", "its networks", "its class"],
)
def test_real_engines_are_right(thing):
    report = check(thing)
    assert report.findings
    assert report.wrong == []
    assert report.status == 0


@pytest.mark.parametrize("name", NODES)
def test_nodes_of_this_miniflow_are_right(name):
    report = check(getattr(miniflow, name))
    assert {finding.status for finding in report.findings} == {"right"}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_right_variant_raises_no_alarm(name):
    report = check(module(VARIANTS[name]))
    assert report.wrong == []
    checked = {f.operation for f in report.findings if f.status == "right"}
    assert {"+", "*", "-", "/", "**", "neg", "backward"} <= checked


@pytest.mark.parametrize("name", NODE_VARIANTS)
def test_right_nodes_raise_no_alarm(name):
    report = check(module(NODE_VARIANTS[name]))
    assert report.wrong == []
    checked = {f.operation for f in report.findings if f.status == "right"}
    assert {"Add", "Linear", "Sigmoid", "MSE"} <= checked


def test_a_lab_that_runs_its_own_graph_is_checked_as_a_whole():
    text = NODE_VARIANTS["the lab's"] + MUL
    assert check(module(text)).wrong == []
    broken = text.replace("graph[::-1]", "graph")
    assert [f.operation for f in check(module(broken)).wrong] == ["forward_and_backward"]


def test_there_are_enough_right_variants():
    assert len(set(VARIANTS.values())) >= 20


@pytest.mark.parametrize("name", SOURCES)
def test_sources_of_the_mutants_are_right(name):
    assert check(module(SOURCES[name])).wrong == []


# ── what is wrong ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_is_found_in_its_operation(mutant: Mutant, reports):
    wrong = [finding.operation for finding in reports[mutant.name].wrong]
    assert mutant.operation in wrong


#: Mutants of what several operations share: all of these are wrong.
SHARED = {
    "a function that assigns", "a function without the gradient from above", "Add of one path",
}  # fmt: skip


@pytest.mark.parametrize(
    "mutant", [x for x in MUTANTS if x.name not in SHARED], ids=lambda mutant: mutant.name
)
def test_no_other_operation_is_blamed(mutant: Mutant, reports):
    assert {finding.operation for finding in reports[mutant.name].wrong} == {mutant.operation}


def test_nine_of_ten_mistakes_are_explained(reports):
    explained = [
        mutant.thought
        in [f.misconception for f in reports[mutant.name].wrong if f.operation == mutant.operation]
        for mutant in MUTANTS
    ]
    assert len(MUTANTS) >= 40
    assert sum(explained) >= 0.9 * len(MUTANTS)


def test_a_mistake_comes_with_its_smallest_example(reports):
    (first, *_) = reports["- as in the seed's notebook"].wrong
    assert first.sentence.startswith("the second operand of a difference receives −out.grad")
    assert first.example == "a = Value(2.0); b = Value(3.0); (a - b).backward(); b.grad"
    assert (first.expected, first.got, first.operand) == ("-1", "1", 1)


def test_examples_show_what_they_say(reports):
    """Run the example of each mistake of a Value on the mutant, and on the engine."""
    for mutant in MUTANTS:
        made = module(mutant.text())
        for finding in reports[mutant.name].wrong:
            if finding.operation == "backward" or not finding.example.endswith((".grad", ".data")):
                continue
            *statements, answer = finding.example.split("; ")
            for engine, expected in (
                (made.Value, finding.got),
                (scalargrad.Value, finding.expected),
            ):
                names = {"Value": engine}
                exec("; ".join(statements), names)
                assert f"{float(eval(answer, names)):.6g}" == expected, mutant.name


def test_what_is_made_of_a_wrong_operation_follows_from_it(reports):
    findings = reports["* by its own number"].findings
    statuses = {f.operation: f.status for f in findings if f.status in (WRONG, FOLLOWS)}
    assert statuses["*"] == WRONG
    assert statuses["-"] == statuses["/"] == FOLLOWS  # 2 - a and 2 / a
    findings = [Finding("/", "backward", WRONG, calls=("**",)), Finding("**", "backward", WRONG)]
    chain = explained(findings)[0]
    assert chain.sentence == "follows from **, perhaps"


def test_every_misconception_that_is_guessed_has_a_sentence():
    assert {guess.key for guess in GUESSES} <= MISCONCEPTIONS.keys()
    assert {mutant.thought for mutant in MUTANTS} <= MISCONCEPTIONS.keys()


def test_mutants_are_different_and_differently_named():
    assert Counter(mutant.name for mutant in MUTANTS).most_common(1)[0][1] == 1
    assert len({mutant.text() for mutant in MUTANTS}) == len(MUTANTS)


# ── what is missing ─────────────────────────────────────────────────────────────────────────────


EXERCISE_NAMES = sorted(path.stem for path in EXERCISES.glob("*.py"))


@pytest.mark.parametrize("name", EXERCISE_NAMES)
def test_an_exercise_is_to_be_written_and_its_solution_is_right(name):
    untouched = check(module((EXERCISES / f"{name}.py").read_text(encoding="utf-8")))
    assert {f.status for f in untouched.wrong} == {MISSING}
    assert untouched.status == 1
    solution = check(module(solved(name)))
    assert solution.wrong == []
    assert not [f for f in solution.findings if f.status == MISSING and f.aspect != "optional"]


def test_answers_by_hand_are_judged_without_being_told():
    text = solved("gradients").replace('"b": -4.0', '"b": 4.0').replace('"c": -2.0', '"c": 3.0')
    report = check(module(text))
    assert [(f.operation, f.misconception) for f in report.wrong] == [
        ("∂/∂b", "sign"),
        ("∂/∂c", ""),
    ]
    assert "-4" not in report.json()


def test_a_value_without_a_number_on_the_left_is_not_complete():
    text = SOURCES["page"].replace("    __radd__, __rmul__ = __add__, __mul__", "    pass")
    report = check(module(text))
    assert [(f.operation, f.status) for f in report.wrong if f.status == MISSING] == [
        ("+", MISSING),
        ("*", MISSING),
    ]


def test_what_is_missing_is_told_beside_a_mistake_of_the_same_operation():
    text = SOURCES["page"].replace("    __radd__, __rmul__ = __add__, __mul__", "    pass")
    text = text.replace("other.grad += out.grad", "other.grad = out.grad")
    told = str(check(module(text)))
    assert "+ sets" in told
    assert "2 + a is missing: there is no __radd__" in told


def test_a_backward_that_waits_for_its_operations_is_not_called_unwritten():
    report = check(module((EXERCISES / "backward.py").read_text(encoding="utf-8")))
    (finding,) = (f for f in report.findings if f.aspect == "order")
    assert finding.status == REMARK
    assert finding.sentence == (
        "backward can be checked once the backward passes of + and * are written"
    )
    half = solved("backward").replace(
        "self.grad += other.data * out.grad", "raise NotImplementedError"
    )
    assert {f.operation for f in check(module(half)).wrong} == {"*", "neg"}
    unsorted = check(module((EXERCISES / "topological_sort.py").read_text(encoding="utf-8")))
    assert [f.sentence for f in unsorted.wrong] == ["backward is still to be written"]
    assert "remark" not in str(unsorted)


def test_numbers_that_are_to_be_wrapped_are_not_called_the_operation():
    report = check(module((EXERCISES / "operators.py").read_text(encoding="utf-8")))
    told = [f.sentence.partition(":")[0] for f in report.wrong if f.aspect == "on the left"]
    assert told == ["2.0 + a is still to be written", "2.0 * a is still to be written"]
    assert {f.status for f in report.findings if (f.operation, f.aspect) == ("+", "number")} == {
        "right"
    }


def test_a_report_at_a_prompt_is_its_table():
    report = check(one_page)
    assert repr(report) == str(report)
    assert "all right" in repr(report)


def test_a_graph_that_is_left_in_a_second_call_is_a_remark():
    remarks = [f.aspect for f in check(micrograd.engine).findings if f.status == REMARK]
    assert remarks == ["again", "deep"]


@pytest.mark.parametrize("thing", [ModuleType("empty"), 3], ids=["module", "number"])
def test_nothing_to_check_is_an_error(thing):
    with pytest.raises(OperandError, match=r"nothing to check|checks a class, a module"):
        check(thing)


def test_a_class_that_is_not_there_is_an_error_that_lists_those_that_are():
    with pytest.raises(
        OperandError, match=r"no class 'Val'; those of the file: Value, Neuron, Layer"
    ):
        check(one_page, "Val")


def test_a_class_that_cannot_be_made_of_a_number_is_told_so():
    (finding,) = check(dict).wrong
    assert finding.sentence.startswith("dict(2.0) cannot be made: TypeError")


def test_a_mistake_that_nobody_guesses_is_found_all_the_same():
    text = SOURCES["page"].replace("n * a.data ** (n - 1)", "17 * n + a.data")
    report = check(module(text))
    assert {(f.operation, f.misconception) for f in report.wrong} == {("**", "")}
    assert report.wrong[0].sentence == "**: what a receives is wrong"
    assert "error" not in str(report)


def test_no_check_comes_to_an_error_of_its_own(reports):
    assert not [
        finding
        for report in reports.values()
        for finding in report.findings
        if "comes to an error" in finding.sentence
    ]
