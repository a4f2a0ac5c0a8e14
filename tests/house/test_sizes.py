"""A file is a chapter: nobody has to read more than 400 lines of it."""

import pytest
from oracles import ROOT

FOLDERS = ("scalargrad", "viz", "examples", "benchmarks", "tests")
MOST = 400


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_longer_than_a_chapter(folder):
    lengths = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8").count("\n")
        for ending in ("py", "js", "mjs", "css")
        for path in sorted((ROOT / folder).rglob(f"*.{ending}"))
    }
    assert lengths
    assert {name for name, lines in lengths.items() if lines > MOST} == set()
