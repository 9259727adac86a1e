"""The index of a batch in a real browser."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from onediff_plugins.batch import RunPlan, run_batch
from onediff_plugins.demo import pairs_file
from onediff_plugins.pairs import read_pairs
from onediff_plugins.report import index_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Open = Callable[..., Any]

NASTY = "<img src=x onerror=\"document.title='broken'\"></script> 'q\" #1?"


def records(count: int) -> Iterator[dict[str, Any]]:
    """Records of a batch by turns: changed, changed, unchanged, undecided, failed."""
    for number in range(count):
        shared = {"id": f"pair {number}", "domain": ("ui", "satellite")[number % 2]}
        if number % 5 == 4:
            error = {
                "type": "UnsupportedSourceError",
                "message": "the image is damaged",
                "stage": "load",
                "plugin": "ui",
            }
            yield {**shared, "error": error}
            continue
        changed = (True, True, False, None)[number % 5]
        regions = [{"kind": ("added", "moved")[number % 2], "label": ("tree", "")[number % 2]}] if changed else []
        yield {
            **shared,
            "changed": changed,
            "score": number % 97 / 97,
            "caption": f"Caption of number {number}.",
            "reason": "only 1.0% of the pair can be compared" if changed is None else None,
            "regions": regions,
            "files": {"report": f"pairs/{number}/report.html", "thumbnail": "pairs/thumbnail.png"},
        }


def write(folder: Path, some: Any) -> Path:
    (folder / "pairs").mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "pairs" / "thumbnail.png"), np.full((192, 516, 3), 90, np.uint8))
    path = folder / "index.html"
    path.write_text("".join(index_parts("A batch", some)), encoding="utf-8")
    return path


def ids(opened: Any) -> list[str]:
    return opened.js("[...document.querySelectorAll('.card')].map((card) => card.dataset.id)")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of twenty pairs."""
    return write(tmp_path_factory.mktemp("batch"), records(20))


def test_the_strongest_come_first_and_cards_lead_to_reports(open_page: Open, index: Path) -> None:
    opened = open_page(index)
    assert ids(opened)[:2] == ["pair 18", "pair 17"]
    assert ids(opened)[-4:] == ["pair 4", "pair 9", "pair 14", "pair 19"]  # failed: without a score
    card = opened.page.locator(".card").first
    assert card.locator("a").get_attribute("href") == "pairs/18/report.html"
    assert opened.js("document.querySelector('.card img').decode().then(() => true)")
    failed = opened.page.locator(".card").last.text_content()
    assert "UnsupportedSourceError (load): the image is damaged" in failed


def test_filters_search_and_sorting_do_what_they_say(open_page: Open, index: Path) -> None:
    opened = open_page(index)
    opened.page.click(".chip[data-verdict=failed]")
    assert ids(opened) == ["pair 4", "pair 9", "pair 14", "pair 19"]
    assert opened.page.inner_text("#found") == "4 of 20 pairs"
    opened.page.click(".chip[data-verdict=undecided]")
    assert len(ids(opened)) == 8
    opened.page.click(".chip[data-verdict=failed]")
    opened.page.click(".chip[data-verdict=undecided]")
    opened.page.select_option("#domain", "ui")
    opened.page.select_option("#label", "tree")
    opened.page.select_option("#sort", "id")
    assert ids(opened) == ["pair 0", "pair 6", "pair 10", "pair 16"]
    opened.page.click(".chip[data-kind=moved]")
    assert ids(opened) == []
    opened.page.click("#clear")
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("NUMBER 12")
    assert ids(opened) == ["pair 12"]
    opened.page.fill("#search", "")
    opened.page.select_option("#sort", "-score")
    assert ids(opened)[0] == "pair 0"


def test_the_filter_is_there_again_on_the_way_back(open_page: Open, index: Path) -> None:
    opened = open_page(index)
    opened.page.click(".chip[data-verdict=changed]")
    opened.page.fill("#search", "pair 1")
    shown = ids(opened)
    opened.page.reload()
    opened.page.wait_for_selector("html[data-ready=true]", state="attached")
    assert ids(opened) == shown
    assert opened.page.input_value("#search") == "pair 1"


def test_markup_in_ids_and_captions_stays_text(open_page: Open, tmp_path: Path) -> None:
    (record,) = records(1)
    record |= {"id": NASTY, "caption": NASTY, "files": {"report": f"pairs/{NASTY}/report.html", "thumbnail": None}}
    record["regions"][0]["label"] = NASTY
    opened = open_page(write(tmp_path, [record]))
    assert ids(opened) == [NASTY]
    assert opened.page.inner_text(".said") == NASTY
    assert opened.page.title() == "A batch · OneDiff"
    assert opened.page.locator("img[src=x]").count() == 0
    assert opened.page.locator(".card a").get_attribute("href") == (
        "pairs/%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D%27broken%27%22%3E%3C/script%3E%20%27q%22%20%231%3F/report.html"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(open_page: Open, index: Path, width: int, scheme: str) -> None:
    opened = open_page(index, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert opened.js("document.documentElement.scrollWidth") <= width


def test_five_hundred_pairs_open_and_filter_without_a_stall(open_page: Open, tmp_path: Path) -> None:
    opened = open_page(write(tmp_path, records(500)))
    assert opened.page.inner_text("#found") == "500 pairs"
    # From the start of the page to its last script, and the longest that an answer took: generous, machines differ.
    assert opened.js("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd") < 3000
    took = opened.js(
        """() => {
             const times = [];
             for (const chip of document.querySelectorAll(".chip")) {
               const start = performance.now();
               chip.click();
               document.body.getBoundingClientRect();
               times.push(performance.now() - start);
               chip.click();
             }
             return Math.max(...times);
           }"""
    )
    assert took < 500
    assert len(ids(opened)) < 500
    for _ in range(12):
        opened.page.mouse.wheel(0, 20_000)
        opened.page.wait_for_timeout(50)
    assert len(ids(opened)) == 500


def test_an_empty_batch_is_an_empty_page(open_page: Open, tmp_path: Path) -> None:
    opened = open_page(write(tmp_path, []))
    assert opened.page.inner_text("#found") == "0 pairs"
    assert not opened.page.is_visible("#none")  # there is no filter to take back


def test_an_address_that_asks_for_what_is_not_there_is_no_broken_page(open_page: Open, index: Path) -> None:
    opened = open_page(index, fragment="#sort=__proto__&toString=1&domain=ui")
    assert opened.page.input_value("#sort") == "score"
    assert len(ids(opened)) == 10


def test_on_paper_are_all_pairs_that_the_filter_leaves(open_page: Open, tmp_path: Path) -> None:
    opened = open_page(write(tmp_path, records(200)))
    opened.page.click(".chip[data-verdict=changed]")
    opened.js("dispatchEvent(new Event('beforeprint'))")
    assert len(ids(opened)) == 80


def test_all_of_an_error_is_read_on_its_card(open_page: Open, tmp_path: Path) -> None:
    (*_, failed) = records(5)
    failed["error"]["message"] = "cannot be read. " * 20
    opened = open_page(write(tmp_path, [failed]))
    assert opened.js("(said => said.scrollHeight <= said.clientHeight + 1)(document.querySelector('.said'))")


def test_a_batch_with_odd_names_leads_from_its_index_to_its_reports(open_page: Open, tmp_path: Path) -> None:
    odd = ['it\'s "before" #1 100%.png', "after & <b>.png"]
    for name, shipped in zip(odd, ("page_before.png", "page_after.png"), strict=True):
        shutil.copy(pairs_file().parent / shipped, tmp_path / name)
    rows = [{"id": 'it\'s a "pair"', "before": odd[0], "after": odd[1]}, {"id": "gone", "before": "no", "after": "no"}]
    listed = tmp_path / "pairs.jsonl"
    listed.write_text("".join(f"{json.dumps({**row, 'domain': 'ui'})}\n" for row in rows), encoding="utf-8")
    out = tmp_path / "a batch's #1 folder"
    summary = run_batch(RunPlan(out=out), read_pairs(listed), workers=1)
    opened = open_page(summary.index)
    assert opened.page.inner_text("h1") == "a batch's #1 folder"
    assert opened.js("document.querySelector('.card img').decode().then(() => true)")
    assert opened.page.locator(".verdict").all_inner_texts() == ["Changed", "Failed"]
    opened.page.click(".card a")
    opened.page.wait_for_selector("html[data-ready=true] #stage")
    assert opened.page.inner_text(".pair-id") == 'it\'s a "pair"'
    opened.page.keyboard.press("i")
    assert odd[0] in opened.page.inner_text("#panel-details")
    opened.page.go_back()
    assert opened.page.inner_text("h1") == "a batch's #1 folder"
