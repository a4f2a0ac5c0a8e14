"""The engines of the GPT suite compute the same; how fast they are is not tested here."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from contests import Steps, assert_same, contenders, two_steps

from benchmarks import gpt, microgpt, microgpt_style
from benchmarks.contest import Case
from benchmarks.gpt_work import Names
from benchmarks.peers import gpt_by_hand, gpt_scalars
from scalargrad import Value, compile

SMALL = {"places": 4, "tokens": 5, "heads": 2, "width": 6, "longest": 5}
WORKS = {
    "one name": Names(**SMALL),
    "several names": Names(count=3, **SMALL),
    "two layers": Names(count=2, layers=2, **SMALL),
    "one place": Names(**SMALL | {"places": 1}),
}
#: The functions that microgpt needs from a Value, and where their slopes are tried.
SLOPES = {
    "+": lambda x, y: x + y,
    "number +": lambda x, y: 3.0 + x + y,
    "-": lambda x, y: x - y,
    "neg": lambda x, y: -x * y,
    "*": lambda x, y: 2.0 * x * y,
    "/": lambda x, y: x / y,
    "/ number": lambda x, y: x * y / 4,
    "**": lambda x, y: x**-0.5 + y**3,
    "exp, log": lambda x, y: x.exp() * y.log(),
    "relu": lambda x, y: (x - y).relu() + (y - x).relu(),
}


@pytest.fixture(scope="module")
def contender():
    with contenders(gpt.ENGINES) as made:
        yield made


@cache
def eagerly(name: str) -> Steps:
    return two_steps(gpt_scalars.eager(WORKS[name], "scalargrad"))


@pytest.mark.parametrize("name", WORKS)
@pytest.mark.parametrize("engine", gpt.ENGINES)
def test_engine_trains_as_eager_scalars_in_microgpts_way_do(
    contender, engine: str, name: str
) -> None:
    assert_same(contender(engine).call("prepare", WORKS[name]), eagerly(name), 1e-11)


def test_gradient_by_hand_is_the_slope() -> None:
    work, bump = WORKS["two layers"], 1e-6
    prepared = gpt_by_hand.prepare(work)
    prepared.step()
    gradient = prepared.gradient()

    def loss(parameters: np.ndarray) -> float:
        moved = work.only(work.count)
        moved.__dict__["parameters"] = parameters
        return gpt_by_hand.prepare(moved).step()

    for i in range(0, len(gradient), 37):
        change = bump * np.eye(len(gradient))[i]
        slope = (loss(work.parameters + change) - loss(work.parameters - change)) / (2 * bump)
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("function", SLOPES.values(), ids=SLOPES)
def test_value_in_microgpts_style_has_our_slopes(function) -> None:
    for point in ((0.5, 2.0), (3.0, 0.25)):
        theirs = [microgpt_style.Value(x) for x in point]
        ours = [Value(x) for x in point]
        one, other = function(*theirs), function(*ours)
        one.backward()
        other.backward()
        assert one.data == pytest.approx(other.data, rel=1e-14)
        assert [v.grad for v in theirs] == pytest.approx([v.grad for v in ours], rel=1e-13)


# ── the unmodified way ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("machine", ["tape", "arrays", "auto"])
def test_a_loss_of_one_document_in_microgpts_way_compiles_as_it_is(machine: str) -> None:
    """Its tokens are Python's, its softmax looks at data, and its place is a number."""
    work = WORKS["two layers"]
    parameters = [Value(number) for number in work.parameters.tolist()]
    weights = microgpt.tables(work, parameters)
    for name in work.samples.tolist():
        program = compile(
            lambda _, name=name: microgpt.loss(work, weights, name), [], parameters, machine=machine
        )
        for moved in (work.parameters, 2.0 * work.parameters + 0.1):
            loss, gradient = program.value_and_grad(parameters=moved)
            for p, number in zip(parameters, moved.tolist(), strict=True):
                p.data, p.grad = number, 0.0
            eager = microgpt.loss(work, weights, name)
            eager.backward()
            assert loss == pytest.approx(eager.data, rel=1e-12)
            np.testing.assert_allclose(
                gradient, [p.grad for p in parameters], rtol=1e-9, atol=1e-12
            )


# ── the tables ──────────────────────────────────────────────────────────────────────────────────

OURS, ARRAYS, EAGER = "scalargrad, compiled", "scalargrad, arrays", "scalargrad, eager"


def test_table_has_a_row_for_each_engine_and_the_lines_of_array_code() -> None:
    case = Case("Tiny", WORKS["several names"], ("NumPy by hand", ARRAYS, EAGER), few=2)
    (table,) = gpt.run(rounds=1, cases=[case], places=[])
    assert table.columns == ("engine", "ready, ms", "µs", "× JAX, jit", "lines")
    assert [row[0] for row in table.rows] == [*case.engines]
    assert [bool(row[4]) for row in table.rows] == [False, True, False]
    assert [bool(row[1]) for row in table.rows] == [True, True, False]
    assert all(float(row[2].split()[0].replace(",", "")) > 0 for row in table.rows)


def test_table_says_which_engine_is_not_installed(monkeypatch) -> None:
    absent = gpt.ENGINES["torch"]._replace(package="no_such_package")
    monkeypatch.setitem(gpt.ENGINES, "torch", absent)
    case = Case("Tiny", WORKS["one name"], ("NumPy by hand", "torch"))
    (table,) = gpt.run(rounds=1, cases=[case], places=[])
    assert table.rows[1] == ("torch", "not installed", "", "", "")


def test_listings_have_a_row_for_each_length(monkeypatch) -> None:
    monkeypatch.setattr(gpt, "Names", lambda **options: Names(**SMALL | options))
    (table,) = gpt.run(cases=[], places=[1, 3])
    assert [row[0] for row in table.rows] == ["1", "3"]
    assert all(int(row[2]) > 5 and int(row[4]) > 5 for row in table.rows)


def test_network_is_as_large_as_microgpts() -> None:
    assert len(Names().parameters) == 4192
    assert Names().samples.shape == (1, 10)
    assert (Names(count=32).samples[:, [0, -1]] == 0).all()
    assert (Names(count=32).samples[:, 1:-1] > 0).all()
