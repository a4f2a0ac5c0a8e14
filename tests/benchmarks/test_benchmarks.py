"""The benchmark runs, and its engines compute the same; how fast they are is not tested here."""

from __future__ import annotations

import math
import re
import threading
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from oracles import ROOT

from benchmarks import __main__ as command
from benchmarks import chains, demo, eager, imports
from benchmarks.harness import Resident, alone, in_turn
from benchmarks.report import Table, page, ratio, report, spread, tables_of

RIVALS = [name for name in eager.CONTENDERS if name != "scalargrad"]


def one_step(contender: str, samples: int) -> tuple[float, list[float], list[float]]:
    value, network = demo.make_model(contender)
    loss = demo.step(value, network, demo.two_moons(samples))
    weights = network.parameters()
    return loss, [p.grad for p in weights], [p.data for p in weights]


def numbers(cells: tuple[str, ...]) -> list[float]:
    """Read the numbers out of cells like ``1,234`` and ``12.3 (11.0)``."""
    words = " ".join(cells).replace("(", "").replace(")", "").replace(",", "").split()
    return [float(word) for word in words]


# ── the workload ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rival", RIVALS)
def test_loss_and_gradients_agree_on_every_engine(rival: str) -> None:
    if rival == "micrograd":
        pytest.importorskip("micrograd")
    ours, theirs = one_step("scalargrad", samples=4), one_step(rival, samples=4)
    assert theirs[0] == pytest.approx(ours[0], rel=1e-12)
    assert len(theirs[1]) == 2 * 16 + 16 + 16 * 16 + 16 + 16 + 1
    assert theirs[1] == pytest.approx(ours[1], rel=1e-11, abs=1e-14)
    assert theirs[2] == pytest.approx(ours[2], rel=1e-12)


@pytest.mark.parametrize("contender", ["scalargrad", "microgpt style"])
def test_step_returns_the_loss_that_plain_numbers_give(contender: str) -> None:
    value, network = demo.make_model(contender)
    points = demo.two_moons(3)
    weights = [[([w.data for w in ws], b.data) for ws, b in layer] for layer in network.layers]
    flat = [w for layer in weights for ws, b in layer for w in (*ws, b)]
    margins = []
    for x, label in points:
        for i, layer in enumerate(weights):
            x = [math.fsum([b, *map(math.prod, zip(ws, x, strict=True))]) for ws, b in layer]
            if i < len(weights) - 1:
                x = [max(z, 0.0) for z in x]
        margins.append(max(0.0, 1 - label * x[0]))
    expected = math.fsum(margins) / 3 + 1e-4 * math.fsum(w * w for w in flat)
    assert demo.step(value, network, points) == pytest.approx(expected, rel=1e-12)


def test_training_lowers_the_loss() -> None:
    value, network = demo.make_model("scalargrad")
    points = demo.two_moons(20)
    losses = [demo.step(value, network, points) for _ in range(15)]
    assert losses[-1] < 0.5 * losses[0]


def test_two_moons_are_the_same_in_every_run_and_balanced() -> None:
    assert demo.two_moons(10) == demo.two_moons(10)
    assert sorted(label for _, label in demo.two_moons(10)) == [-1] * 5 + [1] * 5


def test_count_nodes_counts_shared_nodes_once() -> None:
    value = demo.value_class("scalargrad")
    a, b = value(2.0), value(3.0)
    c = a * b
    assert eager.count_nodes(c * c + a) == 5


# ── the suites, as small as they go ─────────────────────────────────────────────────────────────


def test_eager_suite_has_a_row_of_numbers_for_each_engine() -> None:
    table = eager.run(rounds=1, samples=2, steps=1)
    assert [row[0] for row in table.rows] == list(eager.CONTENDERS)
    for row in table.rows:
        assert row[1] == "not installed" or all(x > 0 for x in numbers(row[1:]))
    assert table.rows[0][2] == table.rows[0][4] == "1.00"


def test_eager_suite_says_which_engine_is_not_installed(monkeypatch) -> None:
    monkeypatch.setitem(demo.ENGINES, "micrograd", "no_such_package.engine")
    monkeypatch.setattr(eager, "CONTENDERS", ("scalargrad", "micrograd"))
    table = eager.run(rounds=1, samples=1, steps=1)
    assert table.rows[1] == ("micrograd", "not installed", "", "", "", "")


def test_chains_suite_names_the_engine_that_recurses() -> None:
    table = chains.run(rounds=1, lengths=(10, 5000))
    rows = {row[:2]: row[2:] for row in table.rows}
    assert len(rows) == len(table.rows)
    assert min(numbers(rows["scalargrad", "10"] + rows["scalargrad", "5,000"])) > 0
    assert rows["microgpt style", "10"][0] != "RecursionError"
    assert rows["microgpt style", "5,000"][0] == "RecursionError"


def test_imports_suite_has_a_row_for_each_statement() -> None:
    table = imports.run(rounds=1, imports=["import scalargrad", "import json"])
    assert [row[0] for row in table.rows] == ["`import scalargrad`", "`import json`"]


def test_in_turn_measures_every_case_once_a_round() -> None:
    assert in_turn(math.hypot, [(3.0, 4.0), (6.0, 8.0)], rounds=2) == {
        (3.0, 4.0): [5.0, 5.0],
        (6.0, 8.0): [10.0, 10.0],
    }


def test_alone_passes_an_error_on() -> None:
    with pytest.raises(ValueError, match="math domain error"):
        alone(math.acos, 2.0)


# ── processes that stay ─────────────────────────────────────────────────────────────────────────


def test_resident_keeps_its_object_between_calls() -> None:
    with Resident(Counter, "aab") as letters:
        letters.call("update", "bbb")
        assert letters.call("most_common", 1) == [("b", 4)]


def test_resident_passes_errors_on_and_stays() -> None:
    with Resident(dict) as table:
        with pytest.raises(KeyError, match="missing") as error:
            table.call("pop", "missing")
        assert "Traceback" in error.value.__notes__[0]
        assert table.call("get", "missing", 1) == 1


def test_resident_that_cannot_be_made_says_so_when_it_is_called() -> None:
    with (
        Resident(import_module, "no_such_module") as module,
        pytest.raises(ModuleNotFoundError, match="no_such_module"),
    ):
        module.call("anything")


def test_resident_gives_up_after_the_limit() -> None:
    with Resident(threading.Event) as event:
        with pytest.raises(TimeoutError, match=r"wait takes more than 0\.1 s"):
            event.call("wait", 60, limit=0.1)
        with pytest.raises(ChildProcessError, match="ended"):
            event.call("is_set")


def test_resident_that_dies_is_an_error() -> None:
    with (
        Resident(import_module, "os") as system,
        pytest.raises(ChildProcessError, match="code 3"),
    ):
        system.call("_exit", 3)


def test_resident_has_one_thread_for_blas_and_leaves_no_files() -> None:
    with Resident(import_module, "os") as system:
        assert system.call("getenv", "OPENBLAS_NUM_THREADS") == "1"
    with Resident(import_module, "tempfile") as files:
        folder = Path(files.call("mkdtemp"))
        assert folder.is_dir()
    assert not folder.exists()


# ── the report ──────────────────────────────────────────────────────────────────────────────────

TABLE = Table("Speed", ("engine", "ms"), [("a", "1.00 (0.50)"), ("long name", "12.0")], "A note.")


def test_table_is_aligned_markdown() -> None:
    assert str(TABLE).splitlines() == [
        "## Speed",
        "",
        "| engine    |          ms |",
        "| --------- | ----------: |",
        "| a         | 1.00 (0.50) |",
        "| long name |        12.0 |",
        "",
        "A note.",
    ]


def test_table_without_notes_ends_with_its_rows() -> None:
    assert str(Table("Speed", ("engine", "ms"), [("a", "1.00")])).endswith("| a      | 1.00 |")


def test_spread_and_ratio_take_medians() -> None:
    assert spread([300.0, 1.0, 20.0]) == "20.0 (1.00)"
    assert ratio([2.0, 9.0, 100.0], [1.0, 3.0, 1.0]) == "3.00"


def test_tables_are_read_as_they_were_written() -> None:
    tables = [TABLE, Table("Space", ("engine", "MB", ""), [("a", "", "1.00")])]
    assert tables_of(report(tables)) == tables


def test_page_of_results_is_one_that_the_command_wrote() -> None:
    text = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    (measured,) = re.findall(r"^Measured on .*$", text, re.MULTILINE)
    assert len(tables_of(text)) > len(command.SUITES)
    assert page(tables_of(text), measured) == text


def test_report_says_when_and_on_what() -> None:
    assert re.search(r"^Measured on 2\d{3}-", report([TABLE]), re.MULTILINE)
    assert "Python 3." in report([TABLE])
    assert str(TABLE) in report([TABLE])


# ── the command ─────────────────────────────────────────────────────────────────────────────────


def test_command_prints_the_suites_and_writes_them(tmp_path, monkeypatch, capsys) -> None:
    asked = []
    monkeypatch.setattr(command, "run", lambda *which: asked.append(which) or [TABLE])
    written = tmp_path / "RESULTS.md"
    written.write_text("of an earlier run", encoding="utf-8")
    command.main(["eager", "imports", "--rounds", "2", "--write", str(written)])
    assert asked == [("eager", 2), ("imports", 2)]
    assert capsys.readouterr().out.count(str(TABLE)) == 2
    assert written.read_text(encoding="utf-8") == report([TABLE, TABLE])


def test_command_prints_every_table_of_a_suite(monkeypatch, capsys) -> None:
    monkeypatch.setattr(imports, "run", lambda: iter([TABLE, TABLE]))
    command.main(["imports"])
    assert capsys.readouterr().out.count(str(TABLE)) == 2


def test_command_runs_a_suite_by_its_name(monkeypatch, capsys) -> None:
    monkeypatch.setattr(imports, "run", lambda rounds=25: TABLE if rounds == 25 else None)
    command.main(["imports"])
    assert str(TABLE) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["egaer"], f"no suite is called egaer; there are {', '.join(command.SUITES)}"),
        (["--rounds", "0"], "--rounds needs a number from 1 up, got 0"),
        (["--write", "no/such/page.md"], "cannot write to no/such/page.md: it needs a file in"),
        (["--write", "benchmarks"], "cannot write to benchmarks: it needs a file in a folder"),
    ],
)
def test_command_refuses_before_it_measures(arguments, complaint, monkeypatch, capsys) -> None:
    monkeypatch.setattr(command, "run", lambda *_: pytest.fail("measured"))
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert complaint in capsys.readouterr().err
