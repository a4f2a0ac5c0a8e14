"""What tests of pages ask a browser."""

from __future__ import annotations

import pytest
from conftest import require_package


def text(page, selector: str) -> str:
    """Return what an element shows; in a drawing, row by row."""
    drawn = "[...each.querySelectorAll('text')].map((row) => row.textContent).join(' ')"
    shown = page.locator(selector).evaluate(f"(each) => each.innerText ?? {drawn}")
    return " ".join(shown.split())


def wait_for(page, condition: str) -> None:
    """Wait for something in the page, whose policy forbids page.wait_for_function."""
    for _ in range(500):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    pytest.fail(f"waited in vain for {condition}")


def violations(page) -> list[str]:
    """Return what axe-core finds inaccessible."""
    axe = require_package("axe_playwright_python.sync_playwright")
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.Axe().axe_script)
    only = "{ resultTypes: ['violations'] }"
    found = page.evaluate(f"axe.run({only}).then((results) => results.violations)")
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]
