"""What the tests ask of a stepper's page."""

from __future__ import annotations

from scalargrad import Value
from viz.pages.stepper import stepper


def opened(open_page, path, root: Value, address: str = "", **options):
    """Open the page of a graph."""
    return open_page(stepper(root).save(path), address, **options)


def position(page) -> int:
    return int(page.input_value("#slider")) + 1
