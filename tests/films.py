"""Graphs to film in the tests."""

from __future__ import annotations

from scalargrad import Value
from scalargrad.nn import MLP

HOSTILE = [
    "</style><script>alert(1)</script>", "</desc></svg>", "]]>", '"><image href="x" onload="y">',
    "{}@import url(x)", "a\u2028b\0c\ud800", "w" * 20_000, "n0", "n1-0", "grad 1", "אבג", "日本語",
]  # fmt: skip


def hostile() -> Value:
    root = Value(1.0)
    for label in HOSTILE:
        root = root * Value(1.0, (), label=label)
        root.label = label
    return root


def large() -> Value:
    return MLP(3, [20, 10, 1], seed=0)([1.0, 2.0, 3.0])


def medium() -> Value:
    return MLP(2, [3, 1], seed=0)([1.0, 2.0])
