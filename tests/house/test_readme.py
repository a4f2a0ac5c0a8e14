"""The README's snippets give the answers that it prints, its picture is of its snippet, and its
figures are those that were measured."""

import doctest
import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from benchmarks.report import tables_of
from examples.readme_pictures import snippets

mpl.use("agg")

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOW_TO = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
PICTURES = ROOT / "examples" / "pictures"


def run(text):
    """Run the snippets of a page, one after the other; return what came of it, and the names."""
    runner = doctest.DocTestRunner()
    tests = snippets(text)
    for test in tests:
        runner.run(test, clear_globs=False)
    return runner.summarize(verbose=False), tests[0].globs


@pytest.fixture(scope="module")
def readme():
    return run(README)


def test_snippets_print_what_the_readme_says(readme):
    (failed, attempted), _ = readme
    assert (failed, attempted > 30) == (0, True)


def test_snippets_print_what_the_how_tos_say():
    (failed, attempted), _ = run(HOW_TO)
    assert (failed, attempted > 20) == (0, True)


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 200
    assert len(README.encode()) <= 14_000


@pytest.mark.parametrize("picture", ["readme.svg", "film.svg"])
def test_pictures_show_the_names_and_numbers_of_the_snippet(readme, picture):
    _, names = readme
    svg = ElementTree.parse(PICTURES / picture)
    shown = " ".join(" ".join(svg.getroot().itertext()).split()).replace("−", "-")
    for name in "abcdfL":
        node = names[name]
        assert f"{name} data {node.data:.4f} grad {node.grad:.4f}" in shown


def test_links_and_pictures_exist():
    for text, folder in ((README, ROOT), (HOW_TO, ROOT / "examples")):
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if not target.startswith("http"):
                assert (folder / target).exists(), target


def test_examples_that_are_listed_exist():
    listed = set(re.findall(r"python -m examples\.(\w+)", HOW_TO))
    folders = {path.parent.name for path in (ROOT / "examples").glob("*/__main__.py")}
    own = {path.stem for path in (ROOT / "examples").glob("*.py")} | folders
    assert listed == own - {"__init__", "common", "readme_pictures", "datasets", "one_page"}


# ── figures ─────────────────────────────────────────────────────────────────────────────────────

TABLES = {
    table.title.removeprefix("Compiled: "): table
    for table in tables_of((ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8"))
}
EAGER = "One training step of MLP(2, [16, 16, 1]) on 100 samples"
WORKS = [title for title in TABLES if title.startswith("a training step of ")]
ONE, MANY = (
    "an irregular graph, one evaluation with gradient",
    "the irregular graph on 1,000 samples",
)
MINIFLOW = "A training step of a miniflow graph on 100 samples"
EAGER_TAKES = "scalargrad, eager takes ×"


def figures(titles, column, *engines):
    """Return the numbers in a column of some tables, of these engines or of all rows."""
    found = []
    for title in titles:
        table = TABLES[title]
        place = column if isinstance(column, int) else table.columns.index(column)
        rows = [row for row in table.rows if not engines or row[0] in engines]
        assert len(rows) >= len(engines)
        found += [float(row[place].split()[0].replace(",", "")) for row in rows]
    return found


OURS, CASADI = "scalargrad, compiled", ("CasADi, VM", "CasADi, generated C")
BY_HAND, MICROGRAD = "× NumPy by hand", "micrograd takes ×"

#: What the section on speed says: a sentence with one or two figures, or with the ends of a range,
#: and the measured figures that it speaks of.
SAID = {
    r"micrograd takes (\S+) times as long for a training step": figures([EAGER], 2, "micrograd"),
    r"the style of microgpt (\S+) times": figures([EAGER], 2, "microgpt style"),
    r"collector off, they take (\S+) and": figures([EAGER], 4, "micrograd"),
    r"collector off, they take \S+ and (\S+) times": figures([EAGER], 4, "microgpt style"),
    r"networks takes (\S+) to (\S+) times as long as NumPy": figures(WORKS, BY_HAND, OURS),
    r"micrograd takes (\S+) to (\S+) times as long as the": figures(WORKS, MICROGRAD, OURS),
    r"ready after (\S+) to (\S+) ms": figures(WORKS, "ready, ms", OURS),
    r"three of the four, with (\S+) to (\S+)\.": figures(
        WORKS, BY_HAND, "NumPy by hand, bias as a row of ones"
    ),
    r"one evaluation (\S+) times as fast, and many": figures([ONE], EAGER_TAKES, OURS),
    r"and many samples (\S+) times": figures([MANY], EAGER_TAKES, OURS),
    r"heyoka makes them (\S+) and": figures([ONE], EAGER_TAKES, "heyoka"),
    r"heyoka makes them \S+ and (\S+) times": figures([MANY], EAGER_TAKES, "heyoka"),
    r"one evaluation (\S+) to (\S+) times as fast, but": figures([ONE], EAGER_TAKES, *CASADI),
    r"many samples only (\S+) to (\S+) times": figures([MANY], EAGER_TAKES, *CASADI),
    r"\*\*miniflow\*\* takes (\S+) to (\S+) times": figures([MINIFLOW], 3),
    r"torch takes (\S+) to (\S+) times": figures([MINIFLOW], 7),
}


def speed():
    """Return the section on speed, as one line."""
    section = README.partition("\n## Speed\n")[2].partition("\n## ")[0]
    return " ".join(section.split())


@pytest.mark.parametrize("pattern", SAID)
def test_speed_is_what_was_measured(pattern):
    (found,) = re.finditer(pattern, speed())
    ends = sorted({min(SAID[pattern]), max(SAID[pattern])})
    assert len(found.groups()) == len(ends)
    for said, measured in zip(found.groups(), ends, strict=True):
        decimals = len(said.partition(".")[2])
        whole = 1000 if said.endswith(",000") else 1  # 38,000 speaks of thousands
        assert abs(float(said.replace(",", "")) - measured) <= 0.5 * whole * 10**-decimals


def test_peers_are_ahead_where_the_readme_says_so():
    times = {
        title: {row[0]: figures([title], 2, row[0])[0] for row in TABLES[title].rows}
        for title in WORKS
    }
    ahead = [{peer for peer in of if of[peer] < of[OURS]} for of in times.values()]
    assert len(ahead) == 4
    assert sorted(map(len, ahead)) == [0, 1, 1, 1]
    assert set.union(*ahead) == {"NumPy by hand, bias as a row of ones"}


def test_core_is_as_long_as_the_readme_says():
    listed = re.findall(r"^\d\. \[`(scalargrad/\w+\.py)`\]", README, re.MULTILINE)[:4]
    lines = sum(len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in listed)
    said = int(re.search(r"about (\d+) lines", README)[1])
    assert abs(lines - said) <= 50
