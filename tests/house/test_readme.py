"""The README's snippets give the answers that it prints, its picture is of its snippet, and its
figures are those that were measured."""

import doctest
import math
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


def test_the_border_of_logits_is_drawn_where_their_accuracy_is_counted(readme):
    _, names = readme
    legend = [text.get_text() for text in names["axes"].get_legend().get_texts()]
    assert legend == ["y ≤ 0", "y > 0"]
    right = [
        (names["iris"](x).data > 0) == kind for x, kind in zip(names["X"], names["y"], strict=True)
    ]
    assert sum(right) / len(right) == names["history"].last()["accuracy"]


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
    table.title: table
    for table in tables_of((ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8"))
}
EAGER = "One training step of MLP(2, [16, 16, 1]) on 100 samples"
NETWORKS = [title for title in TABLES if title.startswith("Compiled: a training step of ")]
ONE = "Scalars: one evaluation with gradient"
NAME, NAMES, LINES = (
    "GPT: a training step on one name of 9 places",
    "GPT: a training step on 32 names of 9 places",
    "GPT: lines of the listing",
)
OURS, BY_HAND, ONES, HEYOKA, CASADI = (
    "scalargrad, compiled",
    "× NumPy by hand",
    "NumPy by hand, bias as a row of ones",
    "heyoka, compact mode",
    "CasADi, VM",
)


def cell(title, row, column):
    """Return the first number in a cell, of a column by name or number; of one without, nan."""
    table = TABLES[title]
    (found,) = [cells for cells in table.rows if cells[0] == row]
    place = column if isinstance(column, int) else table.columns.index(column)
    text = found[place].split()[0].replace(",", "")
    return math.nan if text == "–" else float(text)


def figures(titles, row, column):
    return [cell(title, row, column) for title in titles]


def ahead_on(engine):
    """Return on how many works of scalars an engine is ahead of ours."""
    works = [row[0] for row in TABLES[ONE].rows]
    return sum(cell(ONE, work, engine) < cell(ONE, work, OURS) for work in works)


def slowest_to_be_ready(engine):
    """Return after how many seconds an engine is ready for the work that takes it longest."""
    column = TABLES[ONE].columns.index(engine)
    found = [re.search(r"\((.*)\)", row[column]) for row in TABLES[ONE].rows]
    return max(float(match[1].replace(",", "")) for match in found if match) / 1000


#: What the section on speed says: a sentence with one or two figures, or with the ends of a range,
#: and the measured figures that it speaks of.
SAID = {
    r"micrograd takes (\S+) times as long": [cell(EAGER, "micrograd", 2)],
    r"in the style of microgpt (\S+) times": [cell(EAGER, "microgpt style", 2)],
    r"collector off (\S+) and": [cell(EAGER, "micrograd", 4)],
    r"collector off \S+ and (\S+) times": [cell(EAGER, "microgpt style", 4)],
    r"four networks takes (\S+) to (\S+) times as long": figures(NETWORKS, OURS, BY_HAND),
    r"row of ones for the bias, takes (\S+) to (\S+)\.": figures(NETWORKS, ONES, BY_HAND),
    r"CasADi's machine is ahead on (\S+) of": [ahead_on(CASADI)],
    r"machine code, on (\S+), after": [ahead_on(HEYOKA)],
    r"after up to (\S+) s": [slowest_to_be_ready(HEYOKA)],
    r"32 names at once take (\S+) times": [cell(NAMES, OURS, "× JAX, jit")],
}


def speed():
    """Return the section on speed."""
    return README.partition("\n## Speed\n")[2].partition("\n## ")[0]


def agree(said, measured):
    """Say whether a figure is a measured one, rounded."""
    decimals = len(said.partition(".")[2])
    return abs(float(said.replace(",", "")) - measured) <= 0.5001 * 10**-decimals


@pytest.mark.parametrize("pattern", SAID)
def test_speed_is_what_was_measured(pattern):
    (found,) = re.finditer(pattern, " ".join(speed().split()))
    ends = sorted({min(SAID[pattern]), max(SAID[pattern])})
    assert len(found.groups()) == len(ends)
    assert all(map(agree, found.groups(), ends))


def test_table_of_speed_is_what_was_measured():
    header, _, *rows = [
        [cell.strip() for cell in line[1:-1].split("|")]
        for line in speed().splitlines()
        if line.startswith("|")
    ]
    assert len(rows) == 6
    for name, *cells in rows:
        is_gpt = name.startswith("GPT")
        for column, said in zip(header[1:], cells, strict=True):
            engine = {"scalargrad": OURS}.get(column, column)
            if is_gpt and column == "scalars":
                measured = cell(LINES, "9", "scalars")
            elif is_gpt:
                measured = cell(NAME, engine, "µs") if said != "–" else math.nan
            else:
                measured = cell(ONE, name, engine)
            assert math.isnan(measured) if said == "–" else agree(said, measured), (name, column)


def test_core_is_as_long_as_the_readme_says():
    listed = re.findall(r"^\d\. \[`(scalargrad/\w+\.py)`\]", README, re.MULTILINE)[:4]
    lines = sum(len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in listed)
    said = int(re.search(r"about (\d+) lines", README)[1])
    assert abs(lines - said) <= 50
