"""The report of a pair in a real browser: what a reader does with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from onediff_plugins import Host
from onediff_plugins.demo import pairs_file
from onediff_plugins.output import write_pair
from onediff_plugins.pairs import read_pairs
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


@pytest.fixture(scope="session")
def report(make_result: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a page with twelve regions."""
    folder = tmp_path_factory.mktemp("report")
    write_html([make_result(12)], folder)
    return folder / "report.html"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped pairs as `onediff demo` writes them."""
    out = tmp_path_factory.mktemp("demo")
    host = Host()
    for entry in read_pairs(pairs_file()):
        result = host.compare(entry.before, entry.after, domain=entry.domain, id=entry.id)
        write_pair(host, result, out / entry.folder)
    return out


def colour_at(opened: Any, x: float, y: float) -> tuple[int, int, int]:
    """What is on the screen at a point of the window."""
    import io

    from PIL import Image

    shot = opened.page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1})
    return Image.open(io.BytesIO(shot)).convert("RGB").getpixel((0, 0))


def point_of(opened: Any, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the after image is in the window."""
    box = opened.page.locator("#sheet-after").bounding_box()
    size = "element => [parseFloat(element.style.width), parseFloat(element.style.height)]"
    width, height = opened.page.eval_on_selector("#sheet-after", size)
    return box["x"] + x * box["width"] / width, box["y"] + y * box["height"] / height


def test_the_slider_shows_the_before_image_to_its_left(open_page: Open, report: Path) -> None:
    opened = open_page(report)
    opened.page.keyboard.press("r")  # no outlines over the pixels that are looked at
    first = point_of(opened, 30, 26)  # in the first region, left of the middle
    red, light = (200, 30, 30), (230, 230, 230)
    assert colour_at(opened, *first) == light
    handle = opened.page.locator("#handle").bounding_box()
    stage = opened.page.locator("#stage").bounding_box()
    opened.page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    opened.page.mouse.down()
    opened.page.mouse.move(stage["x"] + 2, stage["y"] + 50, steps=4)
    opened.page.mouse.up()
    assert opened.page.get_attribute("#handle", "aria-valuenow") == "0"
    assert colour_at(opened, *first) == red


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
        x, y = point_of(opened, 20 + 8 * 30 + 10, 26)  # the middle of the ninth box
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
    opened.page.mouse.click(*point_of(opened, 20 + 30 + 10, 26))
    assert opened.js("location.hash") == "#region-2"


def test_an_address_may_name_a_region(open_page: Open, report: Path) -> None:
    opened = open_page(report, fragment="#region-7")
    assert opened.page.locator(".region").nth(6).locator("[aria-current=true]").count() == 1


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
    x, y = point_of(opened, 100, 80)
    opened.page.mouse.move(x, y)
    zoom = opened.page.inner_text("#zoom-level")
    opened.page.mouse.wheel(0, -300)
    opened.settle()
    assert opened.page.inner_text("#zoom-level") != zoom
    assert point_of(opened, 100, 80) == pytest.approx((x, y), abs=1.5)
    opened.page.mouse.down()
    opened.page.mouse.move(x + 40, y + 25, steps=4)
    opened.page.mouse.up()
    opened.settle()
    assert point_of(opened, 100, 80) == pytest.approx((x + 40, y + 25), abs=8)  # less the first few pixels
    opened.page.keyboard.press("0")
    opened.settle()
    assert opened.page.inner_text("#zoom-level") == zoom


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


@pytest.mark.parametrize("pair", ["orders-page", "village"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(open_page: Open, demo: Path, pair: str, width: int) -> None:
    opened = open_page(demo / pair / "report.html", viewport={"width": width, "height": 800})
    for key in "1234i":
        opened.page.keyboard.press(key)
        assert opened.js("document.documentElement.scrollWidth") <= width
    assert opened.page.locator("#stage").bounding_box()["height"] > 250


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
