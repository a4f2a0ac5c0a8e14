"""The README's snippets give the answers that it prints, and its picture is of its snippet."""

import doctest
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from examples.readme_pictures import snippets

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def results():
    runner = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST)
    tests = snippets(README)
    for test in tests:
        runner.run(test, clear_globs=False)
    return runner.summarize(verbose=False), tests


def test_snippets_print_what_the_readme_says(results):
    summary, tests = results
    assert summary.attempted == sum(len(test.examples) for test in tests) > 30
    assert summary.failed == 0


def test_picture_shows_the_labels_and_numbers_of_its_snippet(results):
    _, (first, *_) = results
    svg = ElementTree.parse(ROOT / "examples" / "pictures" / "readme.svg")
    shown = " ".join("".join(svg.getroot().itertext()).split())
    for name in "abcdfL":
        node = first.globs[name]
        assert f"{name} data {node.data:.4f} grad {node.grad:.4f}" in shown


def test_links_and_pictures_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_examples_that_the_readme_lists_exist():
    listed = set(re.findall(r"python -m examples\.(\w+)", README))
    own = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert listed == own - {"__init__", "common", "readme_pictures", "datasets"}
