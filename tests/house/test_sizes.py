"""A file is a chapter: nobody has to read more than 400 lines of it."""

import pytest
from oracles import ROOT

FOLDERS = ("scalargrad", "viz", "examples", "benchmarks", "tests")
MOST = 400
#: To be divided with the rooms that they test.
STILL_LONG = {
    "tests/compiler/test_compiler_source.py",
    "tests/miniflow/test_miniflow_lifetime.py",
    "tests/miniflow/test_miniflow_nodes.py",
    "tests/miniflow/test_miniflow_run.py",
}


def lengths(folder):
    """Return the number of lines of each source file below a folder, by its name."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8").count("\n")
        for ending in ("py", "js", "mjs", "css")
        for path in sorted((ROOT / folder).rglob(f"*.{ending}"))
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_longer_than_a_chapter(folder):
    found = lengths(folder)
    assert found
    assert {name for name, lines in found.items() if lines > MOST} <= STILL_LONG


def test_files_that_have_become_short_are_no_exceptions_any_more():
    found = lengths("tests")
    assert {name for name in STILL_LONG if found.get(name, 0) <= MOST} == set()
