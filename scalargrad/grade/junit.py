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
            case = ElementTree.SubElement(
                suite, "testcase", classname=_text(report.file), name="file"
            )
            ElementTree.SubElement(case, "error", message=_text(report.trouble))
        for finding in checked:
            name = f"{finding.operation} {finding.aspect}"
            case = ElementTree.SubElement(
                suite, "testcase", classname=_text(report.file), name=name
            )
            if _counts(finding, report):
                kind = finding.misconception or finding.status
                failure = ElementTree.SubElement(
                    case, "failure", message=_text(finding.sentence), type=kind
                )
                failure.text = _text(
                    f"{finding.example}\nexpected {finding.expected}, got {finding.got}"
                )
            elif finding.status in (FOLLOWS, MISSING, REMARK):
                ElementTree.SubElement(case, "skipped", message=_text(finding.sentence))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _counts(finding: Finding, report: Report) -> bool:
    return any(finding is each for each in report.wrong)


def _text(text: str) -> str:
    """Leave out what XML cannot hold, whatever a student's error says."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
