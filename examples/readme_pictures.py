"""Make the pictures of the README: its first snippet, the pages, the quadratic, a GPT."""

from __future__ import annotations

import doctest
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from PIL import Image

from scalargrad import MLP
from scalargrad.functional import hinge
from viz import draw_dot, playground, stepper

from . import moons, quadratic, tanh_neuron
from .common import save_svg
from .gpt import command as gpt

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "examples" / "pictures"


def snippets(text: str) -> list[doctest.DocTest]:
    """Return the fenced Python blocks of a Markdown text as doctests that share their names."""
    names: dict[str, object] = {}
    tests = []
    for number, block in enumerate(text.split("```python\n")[1:]):
        test = doctest.DocTestParser().get_doctest(
            block.partition("```")[0], names, f"README snippet {number}", "README.md", 0
        )
        test.globs = names
        tests.append(test)
    return tests


def draw_snippets(film: Path, graph: Path) -> None:
    """Run the README's first snippet; save its film, and the picture of its graph."""
    (test, *_) = snippets((ROOT / "README.md").read_text(encoding="utf-8"))
    doctest.DocTestRunner().run(test, clear_globs=False)
    test.globs["film"].save(film)
    save_svg(draw_dot(test.globs["L"], names=test.globs), graph)


def photograph(html: str, path: Path, begin: Callable[[Page], None]) -> None:
    """Take a picture of a page, when something has been done on it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        # Without motion nothing is caught half way.
        page = browser.new_page(viewport={"width": 1120, "height": 830}, reduced_motion="reduce")
        page.set_content(html)
        begin(page)
        page.screenshot(path=path)
        browser.close()
    with Image.open(path) as picture:  # fewer colours make a small file
        picture.quantize(128).save(path, optimize=True)


def in_the_middle(page: Page) -> None:
    """Go to the middle of the backward pass."""
    page.keyboard.press("Home")
    for _ in range(12):
        page.keyboard.press("ArrowRight")


def trained(page: Page) -> None:
    """Train for 2,000 epochs, on any machine."""
    page.get_by_role("button", name="Epoch").evaluate(
        "(button) => { for (let i = 0; i < 2000; i++) button.click(); }"
    )
    page.wait_for_function("document.querySelector('#steps').dataset.value === '2000'")


def take(example: Callable[[list[str]], object], name: str) -> None:
    """Run an example, and take one of its pictures."""
    with TemporaryDirectory() as folder:
        example(["--out", folder])
        shutil.copy(Path(folder) / name, PICTURES / name)


def main() -> None:
    """Make all pictures; those of pages need Debian's Chromium."""
    draw_snippets(PICTURES / "film.svg", PICTURES / "readme.svg")
    neuron = tanh_neuron.build(tanh_neuron.LECTURE)
    photograph(stepper(neuron.o).html, PICTURES / "stepper.png", in_the_middle)
    page = playground(MLP(2, [6, 4, 1], seed=0), hinge, moons.data(100, 0.1, 0), title="Two moons")
    photograph(page.html, PICTURES / "playground.png", trained)
    take(quadratic.main, "quadratic_fit.gif")
    take(gpt.main, "gpt_attention.png")


if __name__ == "__main__":
    main()
