"""The engines of the compiled benchmark compute the same; how fast they are is not tested here."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from contests import Steps, assert_same, contenders, two_steps

from benchmarks import scalars
from benchmarks.compiled import CASES, measure, run
from benchmarks.contest import Case, Contender, Found, check
from benchmarks.demo import installed
from benchmarks.harness import Resident
from benchmarks.peers import BY_HAND, EAGER, ENGINES, MICROGRAD, Engine, Unable, eager
from benchmarks.peers.array_works import LOSSES
from benchmarks.scalar_works import (
    LSTM,
    Arm,
    Attention,
    LennardJones,
    Mixture,
    Neuron,
    Pendulum,
    Recurrent,
)
from benchmarks.works import Digits, Irregular, Moons, Work

NETWORKS = {
    "moons": Moons(sizes=(2, 4, 3, 1), count=5),
    "unrolled": Moons(sizes=(2, 4, 3, 1), count=5, unrolled=True),
    "regression": Digits(sizes=(4, 3), count=6),
    "hidden layer": Digits(sizes=(5, 4, 3), count=6),
    "one sample": Digits(sizes=(4, 3), count=1),
    "large logits": Digits(sizes=(4, 3), count=6, scale=3000.0),
}
SCALARS: dict[str, Work] = {
    "neuron": Neuron(),
    "recurrent net": Recurrent(steps=3, width=4),
    "LSTM": LSTM(steps=2, width=3),
    "attention": Attention(tokens=3, width=4),
    "Lennard-Jones": LennardJones(particles=4),
    "mixture": Mixture(points=5, parts=2),
    "arm": Arm(),
    "pendulum": Pendulum(steps=2),
    "irregular graph": Irregular(count=1, width=8, depth=9, leaves=3),
}
JAX = "JAX, jit"
PAIRS = [
    (engine, name)
    for engine in ENGINES
    for name, work in SCALARS.items()
    if not ENGINES[engine].arrays or (engine == JAX and type(work) in LOSSES)
]
OURS = "scalargrad, compiled"


WORKS = NETWORKS | {
    f"{name}, {count}": work.only(count) for name, work in SCALARS.items() for count in (1, 7)
}


@pytest.fixture(scope="module")
def contender():
    with contenders(ENGINES) as made:
        yield made


@cache
def eagerly(name: str) -> Steps:
    return two_steps(eager.prepare(WORKS[name]))


# ── the engines ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("engine", ENGINES)
def test_engine_trains_a_network_as_eager_scalars_do(contender, engine: str, name: str) -> None:
    assert_same(contender(engine).call("prepare", WORKS[name]), eagerly(name), 1e-10)


@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize(("engine", "name"), PAIRS)
def test_engine_evaluates_scalars_as_eager_ones_do(
    contender, engine: str, name: str, count: int
) -> None:
    name = f"{name}, {count}"
    assert_same(contender(engine).call("prepare", WORKS[name]), eagerly(name), 1e-10)


def test_nobody_writes_arms_and_irregular_graphs_as_array_code(contender) -> None:
    for name in ("arm", "pendulum", "irregular graph"):
        with pytest.raises(Unable, match="no array code"):
            contender(JAX).call("prepare", SCALARS[name])


def test_generated_c_needs_a_compiler(monkeypatch) -> None:
    if not installed("casadi"):
        pytest.skip("needs casadi")
    monkeypatch.setenv("PATH", "")
    with (
        Resident(Contender, ENGINES["CasADi, generated C"]) as resident,
        pytest.raises(Unable, match="no C compiler"),
    ):
        resident.call("prepare", NETWORKS["regression"])


# ── the works ───────────────────────────────────────────────────────────────────────────────────


def test_gradient_of_a_work_is_its_slope() -> None:
    work = NETWORKS["hidden layer"]
    prepared = eager.prepare(work)
    prepared.step()
    gradient, bump = prepared.gradient(), 1e-6

    def loss(parameters: np.ndarray) -> float:
        moved = work.only(work.count)
        moved.__dict__["parameters"] = parameters
        return eager.prepare(moved).step()

    for i in (0, 7, len(gradient) - 1):
        change = bump * np.eye(len(gradient))[i]
        slope = (loss(work.parameters + change) - loss(work.parameters - change)) / (2 * bump)
        assert gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_large_logits_are_large() -> None:
    work = NETWORKS["large logits"]
    ((weights, biases),) = work.layers(work.parameters)
    logits = work.samples[:, :4] @ weights.T + biases
    assert np.abs(logits).max() > 1000


def test_irregular_graph_is_10_000_operations_that_are_all_needed_200_levels_deep() -> None:
    work = Irregular()
    leaves = 2 * work.leaves
    assert abs(len(work.operations) - 10_000) < 100
    depths, used = [0] * leaves, {len(work.operations) + leaves - 1}
    for name, x, y in work.operations:
        depths.append(1 + max(depths[x], 0 if name == "tanh" else depths[y]))
    for i, (name, x, y) in reversed([*enumerate(work.operations, leaves)]):
        used |= {x} if i in used and name == "tanh" else {x, y} if i in used else set()
    assert max(depths) == 200
    assert used == {*range(leaves + len(work.operations))}


# ── the tables ──────────────────────────────────────────────────────────────────────────────────

FOUR = (BY_HAND, OURS, EAGER, MICROGRAD)


def numbers(cells: tuple[str, ...]) -> list[float]:
    words = " ".join(cells).replace("(", "").replace(")", "").replace(",", "").split()
    return [float(word) for word in words]


def test_table_has_a_row_of_numbers_for_each_engine() -> None:
    case = Case("Tiny", NETWORKS["regression"], FOUR, few=2, notes="A note.")
    (table,) = run(rounds=1, cases=[case])
    assert (table.title, table.notes) == ("Tiny", "A note.")
    assert [row[0] for row in table.rows] == [*FOUR]
    for row in table.rows:
        assert len(row) == len(table.columns)
        assert min(numbers(row[1:])) > 0
        assert (row[1] == "") == ENGINES[row[0]].builds
    assert table.rows[0][3] == table.rows[-1][4] == "1.00"


def test_table_of_scalars_has_a_row_for_each_work(monkeypatch) -> None:
    monkeypatch.setitem(ENGINES, JAX, Engine("jax", "no_such_package"))
    monkeypatch.setattr(scalars, "COMPILED", (OURS, "CasADi, VM", JAX))
    one, many = scalars.run(rounds=1, works={"neuron": SCALARS["neuron"]})
    for table in (one, many):
        assert [row[:2] for row in table.rows] == [("neuron", "10")]
        for row in table.rows:
            assert len(row) == len(table.columns)
            cells = dict(zip(table.columns, row, strict=True))
            assert cells[JAX] == "–"
            assert len(numbers((cells[OURS],))) == 2  # with the time until it is ready
            assert len(numbers((cells[EAGER],))) == 1
            assert (cells["× CasADi, VM"] == "–") == (cells["CasADi, VM"] == "–")
    assert many.title == "Scalars: 1,000 samples"


def test_scalars_are_counted_as_their_graph_has_them() -> None:
    assert scalars.size(Neuron()) == 10  # 2 inputs, 3 parameters, 2 products, 2 sums, tanh
    assert scalars.size(Irregular(count=1000)) == len(Irregular().operations) + 40


def test_table_says_which_engine_is_not_installed(monkeypatch) -> None:
    monkeypatch.setitem(ENGINES, "torch", Engine("torch", "no_such_package"))
    table = measure(Case("Tiny", NETWORKS["regression"], (BY_HAND, "torch")), 1, limit=60)
    assert table.rows[1] == ("torch", "not installed", "", "", "")


def test_table_says_who_was_not_ready_in_time() -> None:
    large = Digits(sizes=(784, 100, 10), count=2000)  # nobody is ready for it at once
    table = measure(Case("Large", large, (BY_HAND, OURS)), 1, limit=0)
    assert [row[1:] for row in table.rows] == 2 * [("not ready in 0 s", "", "", "")]


def test_engine_that_finds_something_else_is_an_error() -> None:
    case = Case("Tiny", NETWORKS["regression"], (BY_HAND, OURS))
    right = Found(0.1, [2.0, 1.0], np.array([1.0, 0.0, -3.0]))
    check(case, {BY_HAND: right, OURS: right._replace(ready=0.2)})
    for wrong in (
        right._replace(losses=[2.0, 1.0 + 1e-8]),
        right._replace(gradient=np.array([1.0, 1e-6, -3.0])),
        right._replace(losses=[np.nan, np.nan]),
    ):
        with pytest.raises(AssertionError, match=r"Tiny: scalargrad, compiled .* NumPy by hand"):
            check(case, {BY_HAND: right, OURS: wrong})


def test_engine_that_builds_graphs_gets_fewer_samples_and_its_time_is_scaled() -> None:
    step = Case("", Digits(sizes=(4, 3), count=100), few=20)
    assert [step.share(engine).count for engine in FOUR] == [100, 100, 20, 20]
    assert step.microseconds(OURS, 1.0) == 1e6
    assert step.microseconds(MICROGRAD, 1.0) == 5e6
    sample = Case("", Irregular(count=1000), FOUR, few=10, each=True)
    assert sample.microseconds(OURS, 1.0) == 1e3
    assert sample.microseconds(MICROGRAD, 1.0) == 1e5
    assert Case("", Irregular(count=1)).share(MICROGRAD).count == 1


def test_every_case_has_micrograd_and_a_table_of_its_own() -> None:
    assert len({case.title for case in CASES}) == len(CASES) == 5
    for case in CASES:
        assert {OURS, MICROGRAD, BY_HAND} <= {*case.engines}
