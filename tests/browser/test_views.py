"""The four views of a report in a real browser, and moving about in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from onediff_plugins.report import write_html

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Open = Callable[..., Any]

VIEWS = {
    "1": "slider",
    "2": "side",
    "3": "blink",
    "4": "overlay",
    "s": "slider",
    "d": "side",
    "b": "blink",
    "o": "overlay",
}


def test_the_slider_shows_the_before_image_to_its_left(open_page: Open, report: Path) -> None:
    opened = open_page(report)
    opened.page.keyboard.press("r")  # no outlines over the pixels that are looked at
    first = opened.point_of(30, 26)  # in the first region, left of the middle
    red, light = (200, 30, 30), (230, 230, 230)
    assert opened.colour_at(*first) == light
    handle = opened.page.locator("#handle").bounding_box()
    stage = opened.page.locator("#stage").bounding_box()
    opened.page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    opened.page.mouse.down()
    opened.page.mouse.move(stage["x"] + 2, stage["y"] + 50, steps=4)
    opened.page.mouse.up()
    assert opened.page.get_attribute("#handle", "aria-valuenow") == "0"
    assert opened.colour_at(*first) == red


def test_the_handle_takes_keys_as_a_slider_does(open_page: Open, report: Path) -> None:
    opened = open_page(report)
    opened.page.focus("#handle")
    for key, value, hidden in (
        ("ArrowLeft", "48", "52%"),
        ("PageUp", "58", "42%"),
        ("End", "100", "0%"),
        ("Home", "0", "100%"),
    ):
        opened.page.keyboard.press(key)
        assert opened.page.get_attribute("#handle", "aria-valuenow") == value
        assert hidden in opened.css("#clip", "clipPath")
    assert opened.js("location.hash") == ""  # the arrows did not go to a region


@pytest.mark.parametrize("by", ["key", "mouse"])
def test_every_view_is_a_key_and_a_button(open_page: Open, report: Path, by: str) -> None:
    opened = open_page(report)
    for key, view in VIEWS.items():
        if by == "key":
            opened.page.keyboard.press(key)
        else:
            opened.page.click(f"button[data-view={view}]")
        assert opened.page.get_attribute("#stage", "data-view") == view
        assert opened.page.get_attribute(f"button[data-view={view}]", "aria-pressed") == "true"
        assert opened.page.is_visible("#pane-before") is (view == "side")
        assert opened.page.is_visible("#handle") is (view == "slider")


def test_space_blinks_by_hand(open_page: Open, report: Path) -> None:
    opened = open_page(report)
    opened.page.keyboard.press(" ")
    assert opened.page.get_attribute("#stage", "data-view") == "blink"
    assert opened.page.is_visible("#clip")  # the before image
    opened.page.keyboard.press(" ")
    assert not opened.page.is_visible("#clip")
    opened.page.click("button[data-view=blink]")
    opened.page.keyboard.press(" ")  # with the focus on a button that is pressed already
    assert opened.page.is_visible("#clip")


def test_the_blink_view_blinks_by_itself_unless_the_reader_wants_less_motion(open_page: Open, report: Path) -> None:
    opened = open_page(report)
    opened.page.keyboard.press("b")
    opened.page.wait_for_selector("#clip", state="visible", timeout=3000)
    opened.page.wait_for_selector("#clip", state="hidden", timeout=3000)
    calm = open_page(report, reduced_motion="reduce")
    calm.page.keyboard.press("b")
    assert calm.page.get_attribute("#blink-play", "aria-pressed") == "false"
    calm.page.wait_for_timeout(1000)
    assert not calm.page.is_visible("#clip")


def test_wheel_zooms_where_the_mouse_is_and_a_drag_moves(open_page: Open, report: Path) -> None:
    opened = open_page(report)
    x, y = opened.point_of(100, 80)
    opened.page.mouse.move(x, y)
    zoom = opened.page.inner_text("#zoom-level")
    opened.page.mouse.wheel(0, -300)
    opened.settle()
    assert opened.page.inner_text("#zoom-level") != zoom
    assert opened.point_of(100, 80) == pytest.approx((x, y), abs=1.5)
    opened.page.mouse.down()
    opened.page.mouse.move(x + 40, y + 25, steps=4)
    opened.page.mouse.up()
    opened.settle()
    assert opened.point_of(100, 80) == pytest.approx((x + 40, y + 25), abs=8)  # less the first few pixels
    opened.page.keyboard.press("0")
    opened.settle()
    assert opened.page.inner_text("#zoom-level") == zoom


def test_side_by_side_follows_what_moved(open_page: Open, demo: Path) -> None:
    opened = open_page(demo / "orders-page" / "report.html", reduced_motion="reduce")
    opened.page.keyboard.press("d")
    for region in opened.js("JSON.parse(document.querySelector('#data').textContent).regions"):
        opened.page.keyboard.press("j")
        opened.settle()
        if region["before"] is None:
            continue
        x0, y0, x1, y1 = region["before"]
        pane = opened.page.locator("#pane-before").bounding_box()
        sheet = opened.page.locator("#sheet-before").bounding_box()
        scale = sheet["width"] / 1280
        assert sheet["x"] + (x0 + x1) / 2 * scale == pytest.approx(pane["x"] + pane["width"] / 2, abs=3)
        assert sheet["y"] + (y0 + y1) / 2 * scale == pytest.approx(pane["y"] + pane["height"] / 2, abs=3)


def test_side_by_side_starts_with_both_images_in_the_middle_of_their_panes(open_page: Open, demo: Path) -> None:
    opened = open_page(demo / "orders-page" / "report.html")
    opened.page.keyboard.press("d")
    opened.settle()
    tops = [opened.page.locator(f"#sheet-{side}").bounding_box()["y"] for side in ("before", "after")]
    assert tops[0] == pytest.approx(tops[1], abs=1)
    opened.page.keyboard.press("+")  # from here on the same content is side by side: its row 600 was at 554
    opened.settle()
    boxes = [opened.page.locator(f"#sheet-{side}").bounding_box() for side in ("before", "after")]
    scale = boxes[0]["width"] / 1280
    assert boxes[0]["y"] + 554 * scale == pytest.approx(boxes[1]["y"] + 600 * scale, abs=1)


def test_pictures_of_plugins_are_layers(open_page: Open, demo: Path) -> None:
    opened = open_page(demo / "orders-page" / "report.html")
    opened.page.keyboard.press("o")
    names = opened.page.locator("#layer option").all_inner_texts()
    assert {"score", "inserted", "gone", "moved-parts", "none"} == set(names)
    opened.page.select_option("#layer", label="inserted")
    assert opened.page.is_visible("#sheet-layer")
    assert opened.js("document.querySelector('#sheet-layer').decode().then(() => true)")
    opened.page.select_option("#layer", label="none")
    assert not opened.page.is_visible("#sheet-layer")


def test_a_finger_moves_the_slider_on_a_phone(open_page: Open, report: Path) -> None:
    opened = open_page(report, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    box = opened.page.locator("#stage").bounding_box()
    session = opened.page.context.new_cdp_session(opened.page)
    y = box["y"] + box["height"] / 3
    points = [box["x"] + box["width"] * share for share in (0.3, 0.4, 0.6, 0.8)]
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": points[0], "y": y}]})
    for x in points[1:]:
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert 75 <= int(opened.page.get_attribute("#handle", "aria-valuenow")) <= 85


def test_a_long_page_opens_at_its_top_in_full_width_and_the_wheel_scrolls_it(
    open_page: Open, make_result: Callable[..., Any], tmp_path: Path
) -> None:
    write_html([make_result(3, width=600, height=6000)], tmp_path)
    opened = open_page(tmp_path / "report.html", reduced_motion="reduce")
    stage = opened.page.locator("#stage").bounding_box()
    sheet = opened.page.locator("#sheet-after").bounding_box()
    assert sheet["y"] >= stage["y"]
    assert sheet["width"] > stage["width"] * 0.6
    assert opened.page.is_visible("#rail")
    opened.page.mouse.move(stage["x"] + 200, stage["y"] + 200)
    opened.page.mouse.wheel(0, 400)
    opened.settle()
    assert opened.page.locator("#sheet-after").bounding_box()["y"] == pytest.approx(sheet["y"] - 400, abs=2)
    rail = opened.page.locator("#rail").bounding_box()
    opened.page.mouse.click(rail["x"] + 8, rail["y"] + rail["height"] / 2)
    opened.settle()
    middle = opened.page.locator("#sheet-after").bounding_box()
    assert middle["y"] + middle["height"] / 2 == pytest.approx(stage["y"] + stage["height"] / 2, abs=4)


@pytest.mark.parametrize("width", [390, 1280])
def test_a_region_that_was_gone_to_stays_whole_when_both_images_are_shown(
    open_page: Open, report: Path, width: int
) -> None:
    opened = open_page(report, viewport={"width": width, "height": 800}, reduced_motion="reduce")
    opened.page.keyboard.press("j")
    opened.settle()
    zoom = opened.page.inner_text("#zoom-level")
    opened.page.keyboard.press("2")
    opened.settle()
    pane = opened.page.locator("#pane-after").bounding_box()
    for corner in ((20, 20), (40, 32)):  # of the first region
        x, y = opened.point_of(*corner)
        assert pane["x"] <= x <= pane["x"] + pane["width"]
        assert pane["y"] <= y <= pane["y"] + pane["height"]
    opened.page.keyboard.press("1")
    opened.settle()
    assert opened.page.inner_text("#zoom-level") == zoom
