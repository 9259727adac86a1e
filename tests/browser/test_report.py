"""The page of a report in a real browser: help, themes, details, sizes, and texts that are markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from onediff_plugins.report import write_html

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Open = Callable[..., Any]


def test_help_opens_and_closes_by_key(open_page: Open, report: Path) -> None:
    opened = open_page(report)
    opened.page.keyboard.press("?")
    assert opened.page.is_visible("#help")
    opened.page.keyboard.press("j")
    assert opened.js("location.hash") == ""  # keys rest while the help is open
    opened.page.keyboard.press("Escape")
    assert not opened.page.is_visible("#help")


def test_light_and_dark_follow_the_system_until_the_reader_chooses(open_page: Open, report: Path) -> None:
    def lightness(opened: Any) -> int:
        return int(re.findall(r"\d+", opened.css("body", "backgroundColor"))[0])

    light, dark = open_page(report, color_scheme="light"), open_page(report, color_scheme="dark")
    assert lightness(light) > 200 > 60 > lightness(dark)
    dark.page.click("#theme")
    assert lightness(dark) > 200
    dark.page.keyboard.press("t")
    assert lightness(dark) < 60


def test_details_hold_alignment_and_provenance(open_page: Open, demo: Path) -> None:
    opened = open_page(demo / "orders-page" / "report.html")
    opened.page.keyboard.press("i")
    text = opened.page.inner_text("#panel-details")
    for part in (
        "Alignment",
        "layout",
        "Pieces",
        "Provenance",
        "ui-blocks",
        "template",
        "Settings digest",
        "page_before.png",
    ):
        assert part in text
    opened.page.click("[data-panel=regions]")
    assert not opened.page.is_visible("#panel-details")


@pytest.mark.parametrize("pair", ["orders-page", "village"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(open_page: Open, demo: Path, pair: str, width: int) -> None:
    opened = open_page(demo / pair / "report.html", viewport={"width": width, "height": 800})
    for key in "1234i":
        opened.page.keyboard.press(key)
        assert opened.js("document.documentElement.scrollWidth") <= width
    assert opened.page.locator("#stage").bounding_box()["height"] > 250


NASTY = (
    "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\"> "
    "{{ 7 * 7 }} &amp; 'q\" <!--"
)


def test_markup_in_captions_ids_and_names_stays_text(
    open_page: Open, make_result: Callable[..., Any], tmp_path: Path
) -> None:
    plain = make_result(2)
    regions = tuple(r.replace(caption=NASTY, label=NASTY, attributes={NASTY: NASTY}) for r in plain.regions)
    nasty = plain.replace(
        id=NASTY,
        caption=NASTY,
        regions=regions,
        before=plain.before.replace(source=NASTY),
        meta={NASTY: NASTY},
        files={"overlay": 'a "quoted" & spaced\'.png'},
    )
    write_html([nasty], tmp_path / "x y \"z\" 'q' #1.html")
    opened = open_page(tmp_path / "x y \"z\" 'q' #1.html")
    opened.page.keyboard.press("j")
    assert opened.page.title() == f"{NASTY} · OneDiff"
    assert opened.page.inner_text("h1") == NASTY
    assert opened.page.locator(".what").first.inner_text() == NASTY
    assert NASTY in opened.page.locator(".region-facts").inner_text()
    assert opened.page.locator("img[src=x]").count() == 0
    assert opened.page.locator("script").count() == 2
    assert opened.page.locator(".files a").first.get_attribute("href") == "a%20%22quoted%22%20%26%20spaced%27.png"


def test_endless_words_are_cut_and_break_where_they_must(
    open_page: Open, make_result: Callable[..., Any], tmp_path: Path
) -> None:
    endless = "x" * 5000
    plain = make_result(2)
    regions = tuple(r.replace(caption=endless, label=endless, attributes={endless: endless}) for r in plain.regions)
    fields = {"id": endless, "detector": endless, "meta": {endless: endless}}
    write_html([plain.replace(caption=endless, regions=regions, **fields)], tmp_path / "regions.html")
    undecided = {"changed": None, "reason": endless, "regions": ()}
    write_html([plain.replace(caption="Undecided.", **undecided, **fields)], tmp_path / "undecided.html")
    for name in ("regions", "undecided"):
        opened = open_page(tmp_path / f"{name}.html")
        opened.page.keyboard.press("j")
        assert opened.js("document.documentElement.scrollWidth") <= 1280
        assert opened.page.locator("#stage").bounding_box()["y"] < 400
        opened.page.keyboard.press("i")
        assert opened.js("document.querySelector('#panel-details').scrollWidth") <= 384


def test_a_reason_that_is_the_caption_is_not_said_twice(
    open_page: Open, make_result: Callable[..., Any], tmp_path: Path
) -> None:
    undecided = make_result(0, changed=None, caption="The camera moved.", reason="the camera moved")
    write_html([undecided], tmp_path)
    opened = open_page(tmp_path / "report.html")
    assert opened.page.locator(".reason").count() == 0
    assert opened.page.inner_text("h1") == "The camera moved."
    assert opened.page.inner_text("#panel-regions .empty") == "Nothing was looked for: the camera moved"


def test_right_to_left_texts_keep_to_themselves(
    open_page: Open, make_result: Callable[..., Any], tmp_path: Path
) -> None:
    write_html([make_result(2, id="\u202egnp.egap", caption="تغيّر السعر")], tmp_path)
    opened = open_page(tmp_path / "report.html")
    assert opened.css("h1", "unicodeBidi") == "plaintext"
    identity, facts = (opened.page.locator(name).bounding_box() for name in (".pair-id", ".facts"))
    assert identity["x"] + identity["width"] < facts["x"]


@pytest.mark.parametrize("width", [390, 1280])
def test_on_paper_are_both_images_whole_with_their_marks_every_region_and_the_details(
    open_page: Open, make_result: Callable[..., Any], tmp_path: Path, width: int
) -> None:
    write_html([make_result(300, width=1280, height=900)], tmp_path)
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": "dark", "reduced_motion": "reduce"}
    opened = open_page(tmp_path / "report.html", **options)
    opened.page.keyboard.press("j")
    opened.settle()
    zoom = opened.page.inner_text("#zoom-level")
    # A sheet of paper has no layers: clearing a canvas would wipe out the picture below it.
    opened.js(
        """() => {
             CanvasRenderingContext2D.prototype.clearRect = () => console.error("cleared");
             dispatchEvent(new Event("beforeprint"));
           }"""
    )
    drawn = opened.js("document.querySelector('#pane-after canvas').width")
    opened.page.emulate_media(media="print", color_scheme="dark", reduced_motion="reduce")
    assert opened.js("document.querySelector('#pane-after canvas').clientWidth") == drawn  # marks stay on their places
    stage = opened.page.locator("#stage").bounding_box()
    for name in ("#sheet-before", "#sheet-after"):
        sheet = opened.page.locator(name).bounding_box()
        assert stage["x"] <= sheet["x"]
        assert sheet["x"] + sheet["width"] <= stage["x"] + stage["width"]
        assert sheet["y"] + sheet["height"] <= stage["y"] + stage["height"]
    assert opened.page.locator(".region").count() == 300
    assert "Provenance" in opened.page.inner_text("#panel-details")
    assert not opened.page.is_visible(".floating")
    assert opened.css(".kind", "printColorAdjust") == "exact"
    assert opened.css("h1", "color") == "rgb(21, 24, 30)"  # dark on white paper, whatever the screen showed
    opened.js("CanvasRenderingContext2D.prototype.clearRect = () => {}")
    opened.page.emulate_media(media="screen")
    opened.js("dispatchEvent(new Event('afterprint'))")
    opened.settle()
    assert opened.page.inner_text("#zoom-level") == zoom
    assert opened.css("#stage", "display") == "flex"
    assert opened.page.get_attribute("#stage", "data-view") == "slider"
