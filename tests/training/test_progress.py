"""A bar moves where somebody watches, and is one line in a log."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO

import pytest
from oracles import ROOT
from trainings import on_a_terminal

from scalargrad import MLP, SGD, fit
from scalargrad.functional import mse
from scalargrad.progress import Bar

LOOP = "from scalargrad.progress import Bar\nfor _ in Bar(range(5), 'epochs', mininterval=0): pass"


def in_a_log(*command: str) -> list[str]:
    """Return the lines that a program writes to a pipe as its standard error."""
    process = subprocess.run(
        [sys.executable, *command], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert process.returncode == 0, process.stderr.decode()
    return process.stderr.decode().split("\n")


def states(monkeypatch: pytest.MonkeyPatch, *, interactive: bool) -> str:
    """Return what a bar of three steps writes to a stream that is no terminal."""
    if interactive:
        monkeypatch.setattr(sys, "ps1", "In [1]: ", raising=False)
    else:
        monkeypatch.delattr(sys, "ps1", raising=False)
    stream = StringIO()
    for _ in Bar(range(3), "epochs", file=stream, mininterval=0):
        pass
    return stream.getvalue()


def test_bar_in_a_log_is_one_line() -> None:
    line, rest = in_a_log("-c", LOOP)
    assert line.startswith("epochs: 100%|")
    assert "5/5" in line
    assert "\r" not in line
    assert rest == ""


@pytest.mark.parametrize("rows", [24, 0])
@pytest.mark.parametrize("columns", [80, 0])
def test_bar_on_a_terminal_shows_each_step_whether_the_size_is_known_or_not(
    rows: int, columns: int
) -> None:
    written, _ = on_a_terminal(LOOP, rows, columns)
    found = [state for state in written.replace("\n", "").split("\r") if state.strip()]
    for step in range(6):
        assert any(f"{step}/5" in state for state in found)
    if columns:
        assert max(map(len, found)) <= columns


def test_bar_in_a_notebook_moves_although_its_stream_is_no_terminal(monkeypatch) -> None:
    moved = states(monkeypatch, interactive=True)
    assert [f"{step}/3" in moved for step in range(4)] == [True] * 4
    assert states(monkeypatch, interactive=False).count("epochs") == 1


def test_bar_of_a_loop_that_breaks_off_says_how_far_it_came(monkeypatch) -> None:
    monkeypatch.delattr(sys, "ps1", raising=False)
    stream = StringIO()
    for step in Bar(range(3), "epochs", file=stream):
        if step == 1:
            break
    assert stream.getvalue().startswith("epochs:  33%|")
    assert stream.getvalue().count("\n") == 1


def test_bar_that_is_not_asked_for_writes_nothing() -> None:
    stream = StringIO()
    assert list(Bar(range(3), file=stream, disable=True)) == [0, 1, 2]
    assert stream.getvalue() == ""


def test_line_written_beside_a_bar_stands_alone(monkeypatch) -> None:
    monkeypatch.delattr(sys, "ps1", raising=False)
    stream = StringIO()
    with Bar(total=2, file=stream, bar_format="{desc}: {n}", desc="epochs") as bar:
        bar.write("stopped", file=stream)
        bar.update()
    assert stream.getvalue() == "stopped\nepochs: 1\n"


def test_training_in_a_log_is_one_line_with_its_figures(capsys, monkeypatch) -> None:
    monkeypatch.delattr(sys, "ps1", raising=False)
    model = MLP(1, [1], seed=0)
    fit(model, mse, ([[0.0], [1.0]], [0.0, 1.0]), SGD(model.parameters(), 0.1), 300, 1)
    printed, written = capsys.readouterr()
    assert printed == ""
    assert written.count("\n") == 1
    assert "\r" not in written
    assert written.startswith("epoch 300/300 |")
    assert "loss" in written
