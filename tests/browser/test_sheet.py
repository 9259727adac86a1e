"""The contact sheet of an evaluation in a real browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from onediff_core.evaluation import report
from onediff_core.evaluation.answers import read_answers
from onediff_core.evaluation.references import References
from onediff_core.evaluation.sheet import sheet
from onediff_core.evaluation.study import Study, no_change

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Open = Callable[..., Any]

NASTY = "<img src=x onerror=\"document.title='broken'\"></script> 'q\" #1?"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sheet of two methods on a wide, a high and a plain pair."""
    folder = tmp_path_factory.mktemp("sheet")
    rows, said = [], []
    for number, (height, width) in enumerate([(60, 400), (900, 120), (128, 128)]):
        pixels = np.full((height, width, 3), 200, np.uint8)
        cv2.imwrite(str(folder / f"{number}_before.png"), pixels)
        pixels[10:40, 10:60] = 40
        cv2.imwrite(str(folder / f"{number}_after.png"), pixels)
        mask = (pixels[:, :, 0] < 100).astype(np.uint8) * 255
        cv2.imwrite(str(folder / f"{number}_mask.png"), mask)
        names = {part: f"{number}_{part}.png" for part in ("before", "after", "mask")}
        rows.append({"id": f"pair {number}", **names, "captions": [NASTY, "a box appeared " * 12]})
        said.append({"id": f"pair {number}", "caption": NASTY, "changed": True, "mask": f"{number}_mask.png"})
    for name, lines in (("pairs.jsonl", rows), ("said.jsonl", said)):
        (folder / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    references = References(folder)
    study = Study(references, [read_answers(NASTY, folder / "said.jsonl"), no_change(references)])
    written = folder / "sheet.html"
    written.write_text(sheet(study, report.evaluate(study, ["masks", "verdict"], resamples=0), NASTY))
    return written


@pytest.mark.parametrize("width", [360, 1280])
def test_all_pictures_are_there_and_nothing_sticks_out(page: Path, open_page: Open, width: int) -> None:
    opened = open_page(page, viewport={"width": width, "height": 800})
    for picture in opened.page.locator("img").all():
        picture.scroll_into_view_if_needed()
    loaded = "[...document.images].map((image) => image.decode().then(() => image.naturalWidth))"
    widths = opened.js(f"Promise.all({loaded})")
    assert len(widths) == 4  # of each method two of three pairs that it did alike
    assert set(widths) == {644}
    assert opened.js("document.documentElement.scrollWidth") <= width
    assert opened.js("document.title").startswith("<img src=x")


def test_a_dark_screen_gets_a_dark_page(page: Path, open_page: Open) -> None:
    opened = open_page(page, color_scheme="dark")
    assert opened.css("body", "background-color") == "rgb(20, 23, 26)"
    assert opened.css("a", "color") == opened.css("body", "color") == "rgb(232, 234, 237)"
