"""The film of a graph: what a browser shows of it when."""

from __future__ import annotations

import re

import pytest
from films import hostile, large, medium
from graphs import lecture_loss, twice
from pages import violations

from scalargrad import Value
from viz import film

SEEN = """(second) => {
  for (const each of document.getAnimations()) {
    each.pause();
    each.currentTime = 1000 * second;
  }
  return [...document.querySelectorAll('text')]
    .filter((text) => getComputedStyle(text).opacity > 0.9).map((text) => text.textContent);
}"""


@pytest.fixture
def play(open_page, tmp_path):
    """Open a film in a browser."""

    def opened(root: Value, **options):
        path = film(root).save(tmp_path / "film.svg")
        return open_page(path, **({"reduced_motion": "no-preference"} | options))

    return opened


def test_film_shows_data_then_gradients_and_starts_again(play) -> None:
    page = play(lecture_loss())
    length = 12.3  # so it starts again
    times = (0.0, 3.4, 3.9, 11.0, length + 3.9)
    start, forward, middle, end, again = (page.evaluate(SEEN, second) for second in times)
    assert not [text for text in start if text.startswith(("data", "grad", "∂"))]
    assert "data -8.0000" in middle
    assert "forward pass →" in forward
    assert "← backward pass" in middle
    assert not [text for text in middle if text.startswith("grad")]
    assert {"grad 6.0000", "grad -4.0000", "∂ -3.0000", "← backward pass"} <= {*end}
    assert "forward pass →" not in end
    assert again == middle


def test_film_plays_by_itself(play) -> None:
    page = play(twice())
    running = "document.getAnimations().every((each) => each.playState === 'running')"
    assert page.evaluate("document.getAnimations().length") > 10
    assert page.evaluate(running)
    lasting = "document.getAnimations().map((each) => each.effect.getTiming().iterations)"
    assert {*map(str, page.evaluate(lasting))} == {"inf"}


def test_less_motion_is_the_end_of_the_film(play) -> None:
    page = play(lecture_loss(), reduced_motion="reduce")
    assert page.evaluate("document.getAnimations().length") == 0
    still = page.evaluate(SEEN, 0)
    moving = play(lecture_loss()).evaluate(SEEN, 11.0)
    assert still == moving


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_light_and_dark(play, scheme) -> None:
    page = play(lecture_loss(), color_scheme=scheme)
    page.evaluate(SEEN, 11.0)
    colours = page.evaluate(
        """() => {
          const paper = getComputedStyle(document.querySelector('.paper')).fill;
          return [...document.querySelectorAll('text')].map((text) => {
            const box = text.parentElement.querySelector('rect, ellipse');
            const under = text.closest('.node') ? getComputedStyle(box).fill : paper;
            return [getComputedStyle(text).fill, under];
          });
        }"""
    )
    assert len(colours) > 20
    for text, paper in colours:
        lighter, darker = sorted((luminance(text), luminance(paper)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (text, paper)


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as the WCAG define it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("build", [lecture_loss, hostile, medium, large])
def test_texts_stay_inside_of_the_film_and_of_their_boxes(play, build) -> None:
    page = play(build())
    page.evaluate(SEEN, 11.0)
    outside = page.evaluate(
        """() => {
          const film = document.documentElement.getBoundingClientRect();
          return [...document.querySelectorAll('text')].filter((text) => {
            const box = text.closest('.node:not(.symbol)')?.querySelector('rect') ?? null;
            const frame = box?.getBoundingClientRect() ?? film;
            const here = text.getBoundingClientRect();
            return here.left < frame.left - 1 || here.right > frame.right + 1;
          }).map((text) => text.textContent);
        }"""
    )
    assert outside == []


def test_image_in_a_page_is_accessible(browser) -> None:
    page = browser.new_page()
    page.set_content(
        f"<!DOCTYPE html><html lang='en'><title>notebook</title><main><h1>Film</h1>"
        f"{film(lecture_loss())._repr_html_()}</main></html>"
    )
    assert page.evaluate("document.querySelector('img').decode().then(() => true)")
    assert violations(page) == []
    page.close()
