"""The report as one page of HTML that loads nothing, with a picture of each mistake."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .findings import Finding, Report, how_often
from .misconceptions import sentence
from .points import Rubric
from .terminal import details, table

__all__ = ["page"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1f2933; background: #fff; }
pre, code { font: 14px/1.4 ui-monospace, monospace; }
pre { background: #f3f4f6; padding: .8rem; overflow-x: auto; }
article { border-left: 4px solid #c2410c; padding: 0 1rem; margin: 1.5rem 0; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .2rem .8rem; }
tr { border-bottom: 1px solid #d5d9de; } svg { max-width: 100%; height: auto; }
"""


def page(reports: Sequence[Report], rubric: Rubric | None = None) -> str:
    """Return the page of one report or of a class."""
    title = reports[0].file if len(reports) == 1 else f"{len(reports)} files"
    body = [f"<h1>{escape(title)}</h1>"]
    if len(reports) > 1:
        body += [_overview(reports, rubric), _misconceptions(reports)]
    for i, report in enumerate(reports):
        body.append(_section(report, i, rubric))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>"
        + "\n".join(filter(None, body))
        + "</body></html>\n"
    )


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    first = "".join(f"<th>{escape(text)}</th>" for text in head)
    rest = ("".join(f"<td>{text}</td>" for text in row) for row in rows)
    return f"<table><tr>{first}</tr>{''.join(f'<tr>{row}</tr>' for row in rest)}</table>"


def _overview(reports: Sequence[Report], rubric: Rubric | None) -> str:
    rows = []
    for i, report in enumerate(reports):
        wrong = dict.fromkeys(finding.operation for finding in report.wrong)
        row = [f'<a href="#file{i}">{escape(report.file)}</a>']
        row.append(escape(report.trouble or ", ".join(wrong) or "all right"))
        rows.append([*row, *([_points(report, rubric)] if rubric else [])])
    return _rows(["file", "to be mended", *(["points"] if rubric else [])], rows)


def _points(report: Report, rubric: Rubric) -> str:
    return f"{sum(got for _, got in rubric.points(report)):g} of {rubric.total:g}"


def _misconceptions(reports: Sequence[Report]) -> str:
    rows = [[str(count), escape(sentence(key))] for key, count in how_often(reports)]
    head = "<h2>What was thought, in how many files</h2>"
    return f"{head}{_rows(['files', ''], rows)}" if rows else ""


def _section(report: Report, i: int, rubric: Rubric | None) -> str:
    parts = [f'<section id="file{i}"><h2>{escape(report.file)}</h2>']
    if rubric:
        parts.append(f"<p>{_points(report, rubric)} points</p>")
    summary = table(report).split("\n\n")[1] if not report.trouble else table(report)
    parts.append(f"<pre>{escape(summary)}</pre>")
    parts += [_article(finding) for finding in details(report)]
    return "\n".join([*parts, "</section>"])


def _article(finding: Finding) -> str:
    from .pictures import picture_of

    parts = [f"<article><h3>{escape(finding.operation)}</h3><p>{escape(finding.sentence)}</p>"]
    if finding.example:
        parts.append(f"<pre>{escape(finding.example)}</pre>")
        parts.append(f"<p>expected <code>{escape(finding.expected or 'a result')}</code>, got "
                     f"<code>{escape(finding.got)}</code></p>")  # fmt: skip
    drawn = picture_of(finding)
    if drawn is not None:
        svg = drawn.pipe("svg", encoding="utf-8")
        parts.append(svg[svg.index("<svg") :])
    return "\n".join([*parts, "</article>"])
