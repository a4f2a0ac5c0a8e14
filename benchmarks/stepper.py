"""Suite: the stepper's page of a graph. Its size, and how long it takes to make, open and step."""

from __future__ import annotations

import shutil
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

from scalargrad.nn import MLP
from viz.pages.stepper import stepper
from viz.picture.tracing import trace

from .demo import installed
from .harness import in_turn
from .report import Table, number, spread

FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]

#: Layers of networks with two inputs whose graphs have about so many nodes.
SIZES = {50: (4, 1), 400: (10, 9, 1), 440: (40, 1)}

# A step, and the layout that it causes, is over before the function returns.
STEP = """() => {
  const times = [];
  for (let step = seedStep; step < Math.min(last, seedStep + 60); step++) {
    const start = performance.now();
    goTo(step + 1);
    document.body.getBoundingClientRect();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}"""


class Page(NamedTuple):
    """What a page costs."""

    nodes: int
    size: float  # kB
    make: float  # seconds
    open: float  # seconds
    step: float  # milliseconds


def measure(nodes: int) -> Page:
    """Make a page, open it in a headless Chromium and step through the backward pass."""
    from playwright.sync_api import sync_playwright

    root = MLP(2, list(SIZES[nodes]), seed=0)([1.0, -1.0])
    with TemporaryDirectory() as folder, sync_playwright() as engine:
        start = perf_counter()
        path = stepper(root).save(f"{folder}/page.html")
        made = perf_counter()
        chromium = engine.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        ready = perf_counter()
        page.goto(path.as_uri())
        page.evaluate("document.body.getBoundingClientRect()")
        opened = perf_counter()
        step = page.evaluate(STEP)
        chromium.close()
        size = path.stat().st_size / 1000
    return Page(len(trace(root)[0]), size, made - start, opened - ready, step)


def run(rounds: int = 3) -> Table:
    """Measure pages, if there is a Chromium and the package that drives it."""
    columns = ("graph", "kB", "s to make", "s to open", "ms a step")
    rows: list[tuple[str, ...]] = [("Chromium or playwright is not installed", *[""] * 4)]
    if shutil.which("chromium") and installed("playwright"):
        pages = in_turn(measure, [(nodes,) for nodes in SIZES], rounds)
        rows = [
            (
                f"{found[0].nodes} nodes",
                number(found[0].size),
                spread([page.make for page in found]),
                spread([page.open for page in found]),
                number(median(page.step for page in found)),
            )
            for found in pages.values()
        ]
    return Table(
        "The stepper's page",
        columns,
        rows,
        f"A network of tanh neurons, in headless Chromium: the median of {rounds} rounds in turn "
        f"(in brackets the least). A step is the median over backward steps, layout included.",
    )
