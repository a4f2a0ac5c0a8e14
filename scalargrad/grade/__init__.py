"""The grader: an engine that a student wrote, checked operation by operation.

``python -m scalargrad.grade FILE`` checks a micrograd-like ``Value`` or the nodes of a miniflow, in
a process of its own; `check` does the same with a class or a module that is there already:

>>> from scalargrad import Value
>>> from scalargrad.grade import check
>>> check(Value).ok
True

From wrong numbers it tells what was probably thought: ``misconceptions.py`` lists the sentences,
``guesses.py`` the numbers that come out. Read ``subjects.py`` for what is looked for,
``scalars.py``, ``passes.py`` and ``arrays.py`` for how it is checked, ``process.py`` for the limits
on time and memory, and ``terminal.py``, ``pages.py``, ``junit.py``, ``points.py`` for the reports.
"""

from __future__ import annotations

from typing import Any

from .findings import Finding, Report, explained

__all__ = ["Finding", "Report", "check", "explained"]


def check(thing: Any, class_name: str = "") -> Report:
    """Check a class or a module, here and now, without limits on time and memory.

    Args:
        thing: a class such as micrograd's Value, a class of nodes, or a module that holds some.
        class_name: the class to take for the Value, if it is not called so.

    Returns:
        a report: ``.ok`` says whether all is right, ``str`` of it is the table.

    Raises:
        OperandError: there is nothing to check in it.

    >>> from scalargrad.miniflow import Mul
    >>> [finding.status for finding in check(Mul).findings]
    ['right', 'right', 'right', 'right', 'right']
    """
    from .subjects import subject_of

    subject = subject_of(thing, class_name)
    findings = [finding for task in subject.tasks for finding in task.findings()]
    name = getattr(thing, "__name__", "")
    return Report(name, "; ".join(subject.found), explained(findings))
