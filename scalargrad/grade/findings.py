"""What a check says: findings, and a report of all of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

__all__ = [
    "FOLLOWS",
    "MISSING",
    "REMARK",
    "RIGHT",
    "WRONG",
    "Finding",
    "Report",
    "explained",
    "how_often",
]

RIGHT, WRONG, MISSING, REMARK = "right", "wrong", "missing", "remark"
#: Wrong, but perhaps only because an operation that it uses is.
FOLLOWS = "follows"


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Args:
        operation: what: ``*``, ``tanh``, ``backward``, ``Linear``, ``Neuron``, …
        aspect: of it: forward, backward, twice, shared, …
        status: right, wrong, missing, remark or follows.
        sentence: what is wrong or missing.
        misconception: the key of what was probably thought; empty if that is not known.
        example: the smallest input that shows it, as code.
        expected, got: its answers.
        operand: from which operand of the operation the wrong gradient comes, counted from 0.
        numbers: those operands, for a picture.
        calls: other operations that this one is made of.
    """

    operation: str
    aspect: str
    status: str
    sentence: str = ""
    misconception: str = ""
    example: str = ""
    expected: str = ""
    got: str = ""
    operand: int = -1
    numbers: tuple[float, ...] = ()
    calls: tuple[str, ...] = ()


@dataclass(repr=False)
class Report:
    """All that was found in one file.

    ``str(report)``, which a prompt shows, is the table; ``report.ok`` says whether all is right.
    """

    file: str
    found: str = ""  # what there was to check, in words
    findings: list[Finding] = field(default_factory=list)
    trouble: str = ""  # why it cannot be checked; empty if it can
    needed: Sequence[str] | None = None  # operations that may not be missing, if not the usual ones

    @property
    def wrong(self) -> list[Finding]:
        """What is wrong, and what is missing though it is needed."""
        return [
            finding
            for finding in self.findings
            if finding.status == WRONG or (finding.status == MISSING and self._needs(finding))
        ]

    def _needs(self, finding: Finding) -> bool:
        if self.needed is not None:
            return finding.operation in self.needed
        return finding.aspect != "optional"

    @property
    def status(self) -> int:
        """The exit status: 0 if all is right, 1 if something is wrong, 2 if it was not checked."""
        return 2 if self.trouble else 1 if self.wrong else 0

    @property
    def ok(self) -> bool:
        """Whether all is right."""
        return self.status == 0

    @property
    def misconceptions(self) -> dict[str, list[str]]:
        """The operations in which each misconception was found, by its key."""
        found: dict[str, list[str]] = {}
        for finding in self.wrong:
            if finding.misconception and finding.operation not in (
                places := found.setdefault(finding.misconception, [])
            ):
                places.append(finding.operation)
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "file": self.file,
            "found": self.found,
            "status": self.status,
            "trouble": self.trouble,
            "misconceptions": self.misconceptions,
            "findings": [asdict(finding) for finding in self.findings],
        }

    def json(self) -> str:
        """Return the report as the text of a JSON object."""
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False)

    def __str__(self) -> str:
        from .terminal import table

        return table(self)

    __repr__ = __str__


def how_often(reports: Iterable[Report]) -> list[tuple[str, int]]:
    """Return in how many files each misconception was found, the commonest first."""
    return Counter(key for report in reports for key in report.misconceptions).most_common()


def explained(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, where what an operation only passes on is said to follow from another.

    An operation that is made of others is blamed only if none of those is wrong.

    >>> times = Finding("*", "backward", WRONG)
    >>> minus = Finding("-", "backward", WRONG, calls=("+", "*"))
    >>> [finding.status for finding in explained([times, minus])]
    ['wrong', 'follows']
    """
    findings = list(findings)
    wrong = {finding.operation for finding in findings if finding.status == WRONG}
    return [
        replace(
            finding,
            status=FOLLOWS,
            misconception="",
            sentence=f"follows from {' and '.join(causes)}, perhaps",
        )
        if finding.status == WRONG and (causes := [name for name in finding.calls if name in wrong])
        else finding
        for finding in findings
    ]
