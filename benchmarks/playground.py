"""Suite: the playground's page. Its size, how long it takes to open, and how fast it trains."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

import viz
from scalargrad import MLP
from scalargrad import functional as F

from .demo import installed
from .harness import in_turn
from .report import Table, number, spread

FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]

#: What a page does for two seconds: it plays at full speed, and frames are counted.
PLAY = """() => new Promise((done) => {
  const [first, epochs] = [now.steps, now.epochs];
  const began = performance.now();
  let frames = 0;
  const count = () => {
    frames += 1;
    const seconds = (performance.now() - began) / 1000;
    if (seconds < 2) return requestAnimationFrame(count);
    stop();
    return done([(now.steps - first) / seconds, (now.epochs - epochs) / seconds, frames / seconds]);
  };
  play();
  requestAnimationFrame(count);
})"""


def moons() -> dict[str, Any]:
    """Return micrograd's demo: two moons and a network of relu neurons, all samples at once."""
    rng = np.random.default_rng(0)
    angle = np.pi * rng.random(50)
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    x = np.vstack([upper, [1.0, 0.5] - upper]) + 0.1 * rng.normal(size=(100, 2))
    y = np.repeat([-1.0, 1.0], 50)
    model = MLP(2, [16, 16, 1], activation="relu", init="he", seed=0)
    return {"model": model, "loss": F.hinge, "data": (x, y)}


def digits() -> dict[str, Any]:
    """Return 1,000 images of 64 pixels in ten classes, and batches of 100."""
    rng = np.random.default_rng(0)
    y = rng.integers(10, size=1000)
    x = (16 * rng.random((10, 64)) * (rng.random((10, 64)) < 0.5))[y] + rng.normal(size=(1000, 64))
    model = MLP(64, [32, 10], activation="sigmoid", init="xavier", seed=0)
    data = (np.round(np.clip(x, 0, 16)) / 16, y)
    return {"model": model, "loss": F.cross_entropy, "data": data, "batch_size": 100}


WORKS: dict[str, Callable[[], dict[str, Any]]] = {
    "moons, 2→16→16→1, 100 samples": moons,
    "digits, 64→32→10, 10 batches of 100": digits,
}


class Page(NamedTuple):
    """What a page costs, and what it does in a second."""

    size: float  # kB
    make: float  # seconds
    open: float  # seconds
    steps: float
    epochs: float
    frames: float


def measure(name: str) -> Page:
    """Make a page, open it in a headless Chromium and let it train."""
    from playwright.sync_api import sync_playwright

    work = WORKS[name]()
    with TemporaryDirectory() as folder, sync_playwright() as engine:
        start = perf_counter()
        path = viz.playground(**work).save(f"{folder}/page.html")
        made = perf_counter()
        chromium = engine.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        ready = perf_counter()
        page.goto(path.as_uri())
        page.evaluate("document.body.getBoundingClientRect()")
        opened = perf_counter()
        steps, epochs, frames = page.evaluate(PLAY)
        chromium.close()
        size = path.stat().st_size / 1000
    return Page(size, made - start, opened - ready, steps, epochs, frames)


def run(rounds: int = 3) -> Table:
    """Measure pages, if there is a Chromium and the package that drives it."""
    columns = ("page", "kB", "s to make", "s to open", "steps/s", "epochs/s", "frames/s")
    rows: list[tuple[str, ...]] = [("Chromium or playwright is not installed", *[""] * 6)]
    if shutil.which("chromium") and installed("playwright"):
        pages = in_turn(measure, [(name,) for name in WORKS], rounds)
        rows = [
            (
                name,
                number(found[0].size),
                spread([page.make for page in found]),
                spread([page.open for page in found]),
                *(number(median(getattr(page, what) for page in found)) for what in RATES),
            )
            for (name,), found in pages.items()
        ]
    return Table(
        "The playground's page",
        columns,
        rows,
        f"Training at full speed in headless Chromium, with everything drawn: the median of "
        f"{rounds} rounds in turn (in brackets the least).",
    )


RATES = ("steps", "epochs", "frames")
