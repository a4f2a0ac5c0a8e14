"""The engine and its pictures in a browser's Python, which node runs as a browser does."""

import re
import subprocess

import pytest
from conftest import require_program
from oracles import ROOT

FOLDER = ROOT / "build" / "pyodide"
HERE = ROOT / "tests" / "house"


def test_engine_passes_its_tests_and_draws_by_the_graphviz_of_the_page():
    require_program("node")
    if not (FOLDER / "node_modules").is_dir():
        pytest.skip("needs Pyodide: make build/pyodide")
    done = subprocess.run(
        ["node", HERE / "pyodide.mjs", FOLDER, ROOT, HERE / "in_pyodide.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 700
