"""The report as JUnit XML, which autograders and continuous integration read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from .findings import FOLLOWS, MISSING, REMARK, Finding, Report

__all__ = ["junit"]


def junit(reports: Sequence[Report]) -> str:
    """Return a test suite for each file, with a test case for each operation and aspect."""
    root = ElementTree.Element("testsuites")
    for report in reports:
        checked = [f for f in report.findings if f.status and f.aspect != "optional"]
        failed = sum(_counts(finding, report) for finding in checked)
        counts = {"tests": str(max(len(checked), 1)), "failures": str(failed)}
        counts["errors"] = "1" if report.trouble else "0"
        suite = ElementTree.SubElement(root, "testsuite", {"name": _text(report.file)} | counts)
        if report.trouble:
            _add(_case(suite, report, "file"), "error", report.trouble)
        for finding in checked:
            case = _case(suite, report, f"{finding.operation} {finding.aspect}")
            if _counts(finding, report):
                kind = finding.misconception or finding.status
                got = f"{finding.example}\nexpected {finding.expected}, got {finding.got}"
                _add(case, "failure", finding.sentence, type=kind).text = _text(got)
            elif finding.status in (FOLLOWS, MISSING, REMARK):
                _add(case, "skipped", finding.sentence)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, report: Report, name: str) -> ElementTree.Element:
    about = {"classname": _text(report.file), "name": name}
    return ElementTree.SubElement(suite, "testcase", about)


def _add(case: ElementTree.Element, tag: str, message: str, **more: str) -> ElementTree.Element:
    return ElementTree.SubElement(case, tag, {"message": _text(message)} | more)


def _counts(finding: Finding, report: Report) -> bool:
    return any(finding is each for each in report.wrong)


def _text(text: str) -> str:
    """Leave out what XML cannot hold, whatever a student's error says."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
