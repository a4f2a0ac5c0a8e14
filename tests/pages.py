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
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"waited in vain for {condition}")


def violations(page) -> list[str]:
    """Return what axe-core finds inaccessible."""
    axe = require_package("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]
