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
