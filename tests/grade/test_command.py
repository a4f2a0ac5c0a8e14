"""The command: processes with limits, reports, points, exercises."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from html import unescape

import pytest
from mutants import MUTANTS, SOURCES
from solutions import solved

from scalargrad.errors import ChoiceError
from scalargrad.grade import Finding, Report, check
from scalargrad.grade.cli import main
from scalargrad.grade.exercises import copy_out, names
from scalargrad.grade.findings import FOLLOWS, MISSING, RIGHT, WRONG
from scalargrad.grade.junit import junit
from scalargrad.grade.pages import page
from scalargrad.grade.pictures import picture_of, save_pictures
from scalargrad.grade.points import read_rubric
from scalargrad.grade.process import Limits, grade_file
from scalargrad.grade.terminal import class_table, details

SEED = next(mutant for mutant in MUTANTS if mutant.thought == "minus").text()

WILD = SOURCES["page"].replace(
    "    def backward(",
    """    def tanh(self):
        while True:
            try:
                while True:
                    pass
            except Exception:
                pass

    def exp(self):
        import os
        os._exit(3)

    def log(self):
        raise SystemExit(0)

    def relu(self):
        hoard = []
        while True:
            hoard.append(bytearray(10**9))

    def backward(""",
    1,
)


@pytest.fixture(scope="module")
def wild(tmp_path_factory):
    path = tmp_path_factory.mktemp("wild") / "wild.py"
    path.write_text("print('hello')\nassert not input.__doc__ is None\n" + WILD, encoding="utf-8")
    return grade_file(path, limits=Limits(0.5, 1024))


# ── the process ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("operation", "sentence"),
    [
        ("tanh", "tanh does not come to its end within 0.5 s"),
        ("exp", "exp ends the whole process (exit status 3)"),
        ("log", "log leaves the program: SystemExit: 0"),
        ("relu", "relu fails MemoryError"),
    ],
)
def test_what_would_end_the_grader_is_a_line_of_the_report(wild, operation, sentence):
    (finding,) = [f for f in wild.wrong if f.operation == operation]
    assert f"{finding.sentence} {finding.got}".strip() == sentence


def test_the_rest_is_checked_all_the_same(wild):
    assert wild.status == 1
    assert wild.found.startswith("class Value")
    right = {f.operation for f in wild.findings if f.status == RIGHT}
    assert {"+", "*", "-", "/", "**", "sigmoid", "backward"} <= right


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("class Value\n", r"the file fails in line 1: SyntaxError: expected ':'"),
        ("x = 1\nimport nothing_like_it\n", r"the file fails in line 2: ModuleNotFoundError"),
        ("x = 1\n", r"there is nothing to check: neither a class with data, grad and backward"),
        ("while True:\n    pass\n", r"the file does not come to its end within 0.5 s"),
        ("import os\nos.abort()\n", r"the file ends the whole process \(signal 6\)"),
    ],
    ids=["syntax", "import", "empty", "endless", "abort"],
)
def test_a_file_that_cannot_be_checked_has_status_2_and_a_reason(text, trouble, tmp_path):
    path = tmp_path / "student.py"
    path.write_text(text, encoding="utf-8")
    report = grade_file(path, limits=Limits(0.5))
    assert report.status == 2
    assert re.match(trouble, report.trouble)
    assert "cannot be checked" in str(report)


def test_a_notebook_is_checked_cell_by_cell(tmp_path):
    cells = ["%matplotlib inline\nimport math", "1 / 0", SOURCES["page"]]
    cells = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    path = tmp_path / "student.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert grade_file(path).ok


@pytest.mark.parametrize("text", ["", "not JSON", "[]", "{}", '{"cells": [1]}', '{"cells": 3}'])
def test_what_is_no_notebook_is_not_blamed_on_a_line(text, tmp_path):
    path = tmp_path / "student.ipynb"
    path.write_text(text, encoding="utf-8")
    report = grade_file(path)
    assert report.status == 2
    assert report.trouble.startswith("student.ipynb is no notebook: it is not JSON with a list")


def test_a_folder_is_called_a_folder(tmp_path):
    assert grade_file(tmp_path).trouble == f"{tmp_path} is a folder"


# ── the command ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def classroom(tmp_path, monkeypatch):
    """Three submissions: right, wrong, and none."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"ada": SOURCES["page"], "bob": SEED, "eve": "oops("}.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("classroom")
def test_one_file_is_a_table_with_what_is_wrong(capsys):
    assert main(["bob.py"]) == 1
    said = capsys.readouterr().out
    assert re.search(r"^- +right +WRONG", said, re.MULTILINE)
    assert "-: the second operand of a difference receives −out.grad: it is subtracted" in said
    assert "expected -1, got 1" in said
    assert "1 to be mended" in said


def test_many_files_are_a_class_with_its_reports_and_points(classroom, capsys):
    rubric = '[points]\n"+" = 1\n"-" = 2\n"*.twice" = 0.5\nbackward = 3\n'
    (classroom / "rubric.toml").write_text(rubric, encoding="utf-8")
    reports = ["--html", "class.html", "--junit", "class.xml", "--pictures", "drawn"]
    assert main(["ada.py", "bob.py", "eve.py", "--points", "rubric.toml", *reports]) == 2
    said = capsys.readouterr().out
    assert re.search(r"^bob\.py +wrong +-$", said, re.MULTILINE)
    assert re.search(r"^eve\.py +not checked +the file fails in line 1", said, re.MULTILINE)
    assert re.search(r"^1 +minus +the second operand", said, re.MULTILINE)
    assert re.search(r"^ada\.py +6\.5$", said, re.MULTILINE)
    assert re.search(r"^bob\.py +4\.5 +- 0 of 2$", said, re.MULTILINE)
    assert [path.name for path in (classroom / "drawn").iterdir()] == ["bob_1_minus.svg"]
    html = (classroom / "class.html").read_text(encoding="utf-8")
    assert "expected -1, got 1" in unescape(html)
    assert "http:" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", html)
    suites = ElementTree.parse(classroom / "class.xml").getroot()
    assert [suite.attrib["failures"] for suite in suites] == ["0", "2", "0"]
    assert [suite.attrib["errors"] for suite in suites] == ["0", "0", "1"]


@pytest.mark.usefixtures("classroom")
def test_a_place_that_cannot_be_written_to_is_told(capsys):
    assert main(["ada.py", "--pictures", "ada.py", "--json"]) == 2
    assert "the report cannot be written: " in capsys.readouterr().err


@pytest.mark.usefixtures("classroom")
def test_json_has_all_that_was_found(capsys):
    assert main(["bob.py", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["misconceptions"] == {"minus": ["-"]}
    assert found["status"] == 1


def test_what_is_needed_may_not_be_missing(classroom, capsys):
    assert main(["ada.py", "--need", "+", "tanh"]) == 0
    assert main(["ada.py", "--need", "+", "Linear"]) == 1
    assert "Linear: Linear was not found" in capsys.readouterr().out
    (classroom / "ada.py").write_text(
        SOURCES["page"].replace("tanh = ", "tanh_ = "), encoding="utf-8"
    )
    assert main(["ada.py", "--need", "+", "tanh"]) == 1


@pytest.mark.usefixtures("classroom")
def test_a_class_that_is_not_there_is_told(capsys):
    assert main(["ada.py", "--class", "Val"]) == 2
    assert "there is no class 'Val'; those of the file: Value" in capsys.readouterr().out


def test_no_file_is_told_with_the_exercises(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "Or --new NAME, for an exercise: backward, gradients" in capsys.readouterr().err


# ── points ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("points = 3", "needs a table"),
        ("[points]\n", "needs a table"),
        ("[points]\ntanh = 'two'", "needs a number of points for 'tanh', got 'two'"),
        ("[points]\ntanh = -1", "needs a number of points for 'tanh', got -1"),
        ("[points]\ntanh = true", "needs a number of points for 'tanh', got True"),
        ("[points", "cannot be read: "),
    ],
)
def test_a_rubric_that_is_none_is_told(text, sentence, tmp_path):
    path = tmp_path / "rubric.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ChoiceError, match=re.escape(sentence)):
        read_rubric(path)


def test_points_for_what_was_not_checked_are_not_given(tmp_path):
    path = tmp_path / "rubric.toml"
    path.write_text('[points]\ntanh = 1\n"+" = 1\n"*" = 1\n', encoding="utf-8")
    rubric = read_rubric(path)
    findings = [Finding("+", "forward", RIGHT), Finding("*", "forward", MISSING)]
    assert [got for _, got in rubric.points(Report("x.py", findings=findings))] == [0, 1, 0]


def test_what_only_follows_costs_no_points(tmp_path):
    path = tmp_path / "rubric.toml"
    path.write_text('[points]\n"*" = 1\n"/" = 1\n', encoding="utf-8")
    findings = [Finding("*", "backward", WRONG), Finding("/", "backward", FOLLOWS)]
    points = read_rubric(path).points(Report("x.py", findings=findings))
    assert [got for _, got in points] == [0, 1]


# ── pictures, pages, XML ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "thought", ["own-factor", "minus", "assigns", "at-input", "no-transpose", "order", "plus"]
)
def test_a_picture_marks_the_wrong_edge(thought):
    from mutants import module

    mutant = next(mutant for mutant in MUTANTS if mutant.thought == thought)
    (finding, *_) = details(check(module(mutant.text())))
    source = picture_of(finding).source
    marked = [line for line in source.splitlines() if "dashed" in line and "->" in line]
    assert marked
    assert "expected" in marked[0]
    if thought == "minus":
        assert marked == [line for line in marked if line.strip().startswith("n1 -> n2op")]
        assert "expected -1, got 1" in marked[0]


@pytest.mark.parametrize("name", ["tanh", "relu", "**", "*"])
def test_a_picture_of_two_uses_shows_both(name):
    """What is expected is the sum of two edges, so both are drawn, and the sum is what `a` gets."""
    from mutants import module

    text = SOURCES["page"].replace("self.grad += ", "self.grad = ")
    finding = next(
        f for f in check(module(text)).wrong if (f.operation, f.aspect) == (name, "shared")
    )
    source = picture_of(finding).source
    assert len([line for line in source.splitlines() if "dashed" in line and "->" in line]) == 2
    assert f"|grad {float(finding.expected):.4f}" in source


def test_what_has_no_graph_has_no_picture(tmp_path):
    report = Report("x.py", findings=[Finding("tanh", "forward", MISSING, "tanh is missing")])
    assert save_pictures(report, tmp_path / "new") == []


def test_a_page_and_xml_hold_whatever_a_student_wrote():
    text = "</script><b>&\x00\x1b]]>"
    report = Report("<i>.py", findings=[Finding("+", "forward", WRONG, text, got=text)])
    html = page([report])
    assert "<b>" not in html
    assert "<i>" not in html
    ElementTree.fromstring(junit([report]))


def test_the_class_table_counts_files_and_not_operations():
    findings = [Finding(x, "shared", WRONG, "", "assigns") for x in ("+", "*")]
    said = class_table([Report("a.py", findings=findings), Report("b.py", findings=findings[:1])])
    assert re.search(r"^2 +assigns +an operation sets an operand\.grad", said, re.MULTILINE)
    assert "0 of 2 files are all right" in said


# ── exercises ───────────────────────────────────────────────────────────────────────────────────


def test_new_copies_an_exercise_out_and_never_over_ones_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--new", "backward"]) == 0
    (tmp_path / "backward.py").write_text(solved("backward"), encoding="utf-8")
    assert main(["--new", "backward"]) == 2
    assert "backward.py is there already" in capsys.readouterr().err
    assert main(["backward.py"]) == 0


def test_an_exercise_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ChoiceError, match="no exercise 'loops'; there are: backward, gradients"):
        copy_out("loops", tmp_path)


@pytest.mark.parametrize("name", names())
def test_an_exercise_says_what_to_do_and_how_to_check_it(name, tmp_path):
    text = copy_out(name, tmp_path).read_text(encoding="utf-8")
    assert text.startswith('"""Exercise: ')
    assert f"Then: python -m scalargrad.grade {name}.py\n" in text
    assert "your code" in text or "your answer" in text
