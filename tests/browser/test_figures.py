"""The figures of the docs in a browser, in light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

# Each text with where it lies, its colour and that of the smallest box around it.
LOOK = """() => {
  const colour = (element) => getComputedStyle(element).fill.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const boxes = [...document.querySelectorAll('rect.plate, rect.box, rect.inner')].map(
    (element) => ({ fill: colour(element), ...rectangle(element) }));
  function rectangle(element) {
    const { x, y, width, height } = element.getBBox();
    return { left: x, top: y, right: x + width, bottom: y + height };
  }
  return [...document.querySelectorAll('text')].map((element) => {
    const place = rectangle(element), middle = (place.top + place.bottom) / 2;
    const around = boxes.filter((box) => box.left <= place.left && place.left < box.right
      && box.top < middle && middle < box.bottom);
    const area = (box) => (box.right - box.left) * (box.bottom - box.top);
    const smallest = around.sort((a, b) => area(a) - area(b))[0];
    return { words: element.textContent, ...place, fill: colour(element), box: smallest };
  });
}"""


@pytest.fixture(params=["light", "dark"])
def figure(request: pytest.FixtureRequest, browser: Browser, repo: Path) -> Iterator[Page]:
    """The figure of the model, opened."""
    context = browser.new_context(color_scheme=request.param)
    page = context.new_page()
    page.goto((repo / "docs/figures/model.svg").as_uri())
    yield page
    context.close()


def luminance(colour: list[float]) -> float:
    """Relative luminance of sRGB, as WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_no_words_lie_on_others_or_leave_their_box(figure: Page) -> None:
    texts = figure.evaluate(LOOK)
    assert len(texts) > 50
    for number, one in enumerate(texts):
        assert one["right"] < one["box"]["right"] - 4, one["words"]
        for other in texts[number + 1 :]:
            across = min(one["right"], other["right"]) - max(one["left"], other["left"])
            down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
            # Lines of a paragraph stand closer than their boxes are high, which have room for accents.
            assert across <= 0 or down <= 3, (one["words"], other["words"])


def test_all_words_have_the_contrast_of_wcag_aa(figure: Page) -> None:
    for text in figure.evaluate(LOOK):
        dark, light = sorted(luminance(colour) for colour in (text["fill"], text["box"]["fill"]))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, text["words"]
