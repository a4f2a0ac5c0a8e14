"""Make the pictures of the README: the graph of its first snippet, and the fit of the quadratic."""

from __future__ import annotations

import doctest
from pathlib import Path

from . import quadratic
from .common import save_svg

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


def main() -> None:
    """Run the first snippet of the README and draw what it drew; run the quadratic."""
    first, *_ = snippets((ROOT / "README.md").read_text(encoding="utf-8"))
    doctest.DocTestRunner().run(first, clear_globs=False)
    save_svg(first.globs["picture"], PICTURES / "readme.svg")
    quadratic.main(["--out", str(PICTURES)])
    for other in PICTURES.glob("quadratic_*.png"):
        other.unlink()


if __name__ == "__main__":
    main()
