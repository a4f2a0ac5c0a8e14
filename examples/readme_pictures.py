"""Make the pictures of the README: its snippets, drawn and filmed, a fit, the stepper, a GPT."""

from __future__ import annotations

import doctest
from pathlib import Path

from viz import draw_dot, stepper

from . import quadratic, tanh_neuron
from .common import save_svg
from .gpt import command as gpt

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


def draw_snippets(graph: Path, moving: Path, program: Path) -> None:
    """Run the README until it has a program; draw and film its first snippet, and draw that."""
    runner = doctest.DocTestRunner()
    for test in snippets((ROOT / "README.md").read_text(encoding="utf-8")):
        runner.run(test, clear_globs=False)
        if "program" in test.globs:
            break
    save_svg(draw_dot(test.globs["L"], names=test.globs), graph)
    test.globs["film"].save(moving)
    save_svg(draw_dot(test.globs["program"]), program)


def photograph_stepper(path: Path) -> None:
    """Take a picture of the page of the tanh neuron in the middle of its backward pass."""
    from playwright.sync_api import sync_playwright

    neuron = tanh_neuron.build(tanh_neuron.LECTURE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1120, "height": 760})
        page.set_content(stepper(neuron.o).html)
        page.keyboard.press("Home")
        for _ in range(12):
            page.keyboard.press("ArrowRight")
        page.screenshot(path=path)
        browser.close()


def main() -> None:
    """Make all pictures; the stepper's needs Debian's Chromium."""
    draw_snippets(PICTURES / "readme.svg", PICTURES / "film.svg", PICTURES / "program.svg")
    photograph_stepper(PICTURES / "stepper.png")
    quadratic.main(["--out", str(PICTURES)])
    for other in PICTURES.glob("quadratic_*.png"):
        other.unlink()
    gpt.main(["--out", str(PICTURES)])
    for name in ("gpt_head.html", "gpt_letters.png", "gpt_loss.png"):
        (PICTURES / name).unlink()


if __name__ == "__main__":
    main()
