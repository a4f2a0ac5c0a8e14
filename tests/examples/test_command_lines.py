"""Each example in a process of its own: the same seed, the same run; and what a log gets of it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from oracles import ROOT

from examples.gpt import command as gpt

FEW = ["--epochs", "2", "--seed", "5"]
#: Arguments of each example, and how many trainings show their progress.
RUNS = {
    "tanh_neuron": (FEW, 0),
    "quadratic": (FEW, 1),
    "four_points": (FEW, 1),
    "iris": (FEW, 1),
    "moons": ([*FEW, "--samples", "20"], 2),
    "regression": (FEW, 1),
    "digits": (FEW, 2),
}


def alone(name: str, *arguments: str) -> tuple[list[str], list[str]]:
    """Run an example and return the lines that it prints, and those of its standard error."""
    done = subprocess.run(
        [sys.executable, "-m", f"examples.{name}", *arguments],
        cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": "1"}, capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout.decode().splitlines(), done.stderr.decode().split("\n")


@pytest.mark.parametrize("name", RUNS)
def test_the_same_seed_gives_the_same_run_and_a_log_has_a_line_for_each_training(
    name, tmp_path, capsys
):
    arguments, trainings = RUNS[name]
    arguments = [*arguments, "--out", str(tmp_path)]
    printed, (*progress, rest) = alone(name, *arguments)
    pictures = [Path(line.strip()) for line in printed[printed.index("pictures:") + 1 :]]
    assert pictures
    assert all(path.exists() for path in pictures)
    assert all("2/2" in line and "\r" not in line for line in progress)
    assert (len(progress), rest) == (trainings, "")
    if name != "moons":  # whose table has seconds
        import_module(f"examples.{name}").main(arguments)
        assert capsys.readouterr().out.splitlines() == printed


def test_the_same_seed_gives_the_same_gpt(tmp_path, capsys):
    path = tmp_path / "names.txt"
    path.write_text("\n".join(f"{a}x{b}" for a in "abcdef" for b in "abcdef"), "utf-8")
    arguments = ["--names", str(path), "--steps", "5", "--heads", "2", "--width", "8"]
    arguments += ["--seed", "3", "--out", str(tmp_path / "out")]
    printed, _ = alone("gpt", *arguments)
    gpt.main(arguments)
    one, other = (
        [line for line in lines if " s" not in line]  # without seconds
        for lines in (printed, capsys.readouterr().out.splitlines())
    )
    assert one == other
    assert len(one) > 10
