"""The regions of a report in a real browser: the list, the marks, the filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onediff_plugins.report import write_html

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Open = Callable[..., Any]


def test_a_click_on_a_region_goes_there_in_every_view_and_marks_it(open_page: Open, report: Path) -> None:
    opened = open_page(report)
    for view in ("slider", "side", "blink", "overlay"):
        opened.page.keyboard.press("Escape")
        opened.page.keyboard.press("0")
        opened.page.click(f"button[data-view={view}]")
        opened.settle()
        row = opened.page.locator(".region").nth(8)
        row.locator(".region-button").click()
        opened.settle()
        assert row.locator("[aria-current=true]").count() == 1
        assert opened.js("location.hash") == "#region-9"
        box = opened.page.locator("#pane-after").bounding_box()
        x, y = opened.point_of(20 + 8 * 30 + 10, 26)  # the middle of the ninth box
        assert abs(x - box["x"] - box["width"] / 2) < 3
        assert abs(y - box["y"] - box["height"] / 2) < 3
    assert "Region 9 of 12" in opened.page.inner_text("#said")


def test_the_chosen_region_stands_out(open_page: Open, report: Path) -> None:
    opened = open_page(report, reduced_motion="reduce")
    opened.page.keyboard.press("4")
    opened.page.keyboard.press("j")
    opened.settle()
    before = opened.page.locator("#stage").screenshot()
    opened.page.keyboard.press("Escape")
    assert opened.page.locator("[aria-current]").count() == 0
    assert opened.page.locator("#stage").screenshot() != before


def test_keys_walk_through_the_regions_round_and_round(open_page: Open, report: Path) -> None:
    opened = open_page(report)
    hashes = []
    for key in ("j", "ArrowDown", "ArrowRight", "k", "ArrowUp", "ArrowLeft", "Escape", "k"):
        opened.page.keyboard.press(key)
        hashes.append(opened.js("location.hash"))
    assert hashes == ["#region-1", "#region-2", "#region-3", "#region-2", "#region-1", "#region-12", "", "#region-12"]


def test_a_click_in_the_image_chooses_the_region_there(open_page: Open, report: Path) -> None:
    opened = open_page(report)
    opened.page.mouse.click(*opened.point_of(20 + 30 + 10, 26))
    assert opened.js("location.hash") == "#region-2"


def test_an_address_may_name_a_region(open_page: Open, report: Path) -> None:
    opened = open_page(report, fragment="#region-7")
    assert opened.page.locator(".region").nth(6).locator("[aria-current=true]").count() == 1


def test_filters_leave_what_they_say_and_can_be_undone(open_page: Open, report: Path) -> None:
    opened = open_page(report)
    opened.page.click(".chip[data-value=removed]")
    assert opened.page.locator(".region").count() == 3
    opened.page.keyboard.press("Escape")
    opened.page.keyboard.press("j")
    assert opened.js("location.hash") == "#region-3"  # the first that is left
    opened.page.click(".chip[data-value=button]")
    assert opened.page.locator(".region").count() == 1
    opened.page.click(".chip[data-value=removed]")
    opened.page.click(".chip[data-value=button]")
    assert opened.page.locator(".region").count() == 12


def test_a_thousand_regions_answer_at_once(open_page: Open, make_result: Callable[..., Any], tmp_path: Path) -> None:
    write_html([make_result(1000, width=1280, height=800)], tmp_path)
    opened = open_page(tmp_path / "report.html")
    assert opened.page.inner_text("[data-panel=regions]") == "Regions 1000"
    took = opened.js(
        """() => {
             const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
             const times = [];
             for (const key of ["j", "k", "4", "2", "1"]) {
               const start = performance.now();
               document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
               times.push(performance.now() - start);
             }
             return Math.max(...times);
           }"""
    )
    assert took < 500
    assert opened.js("location.hash") == "#region-1000"
    last = opened.page.locator(".region").last
    assert last.get_attribute("data-index") == "999"
    assert last.locator("[aria-current=true]").count() == 1
    opened.page.click(".chip[data-value=moved]")
    assert opened.page.locator(".region").count() == 100  # the first step of 250


def test_without_a_region_the_page_says_so(open_page: Open, make_result: Callable[..., Any], tmp_path: Path) -> None:
    write_html([make_result(0)], tmp_path)
    opened = open_page(tmp_path / "report.html")
    assert "No region differs" in opened.page.inner_text("#panel-regions")
    for key in "j1234 ":
        opened.page.keyboard.press(key)
    assert opened.page.inner_text(".verdict") == "Not changed"


def test_where_nothing_can_be_compared_the_page_says_why(
    open_page: Open, make_domain_host: Callable[[], Any], tmp_path: Path
) -> None:
    import numpy as np

    host = make_domain_host()
    result = host.compare(np.full((40, 60), np.nan, np.float32), np.ones((40, 60), np.float32))
    assert result.changed is None
    write_html([result], tmp_path)
    opened = open_page(tmp_path / "report.html")
    assert opened.page.inner_text(".verdict") == "Undecided"
    assert opened.page.inner_text(".reason") == result.reason
    assert result.reason in opened.page.inner_text("#panel-regions")
