"""The shipped pairs: complete, small, and what their scripts draw."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from onediff_plugins.demo import layout, make_pairs, pairs_file, scene

if TYPE_CHECKING:
    from pathlib import Path

rasterio = pytest.importorskip("rasterio", reason="the satellite pair needs rasterio")


def pairs() -> dict[str, dict[str, str]]:
    lines = pairs_file().read_text(encoding="utf-8").splitlines()
    return {pair["id"]: pair for pair in map(json.loads, lines)}


def page(side: str) -> np.ndarray:
    with Image.open(pairs_file().with_name(pairs()["orders-page"][side])) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


def test_every_listed_pair_lies_beside_the_list() -> None:
    domains = {"orders-page": "ui", "village": "satellite", "yard": "surveillance"}
    assert {name: pair["domain"] for name, pair in pairs().items()} == domains
    for pair in pairs().values():
        assert pairs_file().with_name(pair["before"]).is_file()
        assert pairs_file().with_name(pair["after"]).is_file()


def test_the_demo_is_under_one_megabyte() -> None:
    folder = pairs_file().parent
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < 1_000_000


# --- the page ---


def test_the_page_differs_where_it_should_and_nowhere_else() -> None:
    before, after = page("before"), page("after")
    assert before.shape == after.shape == (800, 1280, 3)
    assert np.array_equal(before[:, :212], after[:, :212])  # the side bar
    row = 46
    below = slice(370, 754)  # from the second row of the table to the page's end
    moved = before[below, 212:] != after[below.start + row : below.stop + row, 212:]
    assert moved.mean() < 1e-4  # the browser draws the corners of one tag anew
    head = (before[:360] != after[:360]).any(axis=2)
    for x0, y0, x1, y1 in ((1100, 24, 1248, 68), (1045, 30, 1075, 62), (600, 200, 700, 236)):  # button, bell, price
        assert head[y0:y1, x0:x1].any()
        head[y0:y1, x0:x1] = False
    assert not head.any()


@pytest.mark.slow
@pytest.mark.skipif(
    not any(shutil.which(name) for name in make_pairs.BROWSERS), reason="no Chromium on this machine to render the page"
)
def test_the_page_can_be_rendered_again(tmp_path: Path) -> None:
    make_pairs.render_page(make_pairs.PAGES["after"], tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as image:
        assert image.size == make_pairs.PAGE_SIZE
        # Fonts and browsers differ; button and side bar do not.
        assert image.getpixel((1110, 46)) == (196, 83, 45)
        assert image.getpixel((4, 400)) == (33, 48, 43)


def test_without_a_browser_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"):
        make_pairs.render_page(make_pairs.PAGES["after"], tmp_path / "page.png")


# --- the scene ---


@pytest.mark.parametrize("side", ["before", "after"])
def test_the_committed_scene_is_what_the_script_draws(side: str) -> None:
    drawn, valid = scene.render(side)
    with rasterio.open(pairs_file().with_name(pairs()["village"][side])) as raster:
        shipped, mask = raster.read(), raster.dataset_mask() > 0
    assert np.array_equal(mask, valid)
    assert np.abs(shipped.astype(int) - drawn)[:, valid].mean() < 4  # what JPEG takes away


def test_the_scenes_are_georeferenced_on_grids_of_their_own() -> None:
    village = pairs()["village"]
    with (
        rasterio.open(pairs_file().with_name(village["before"])) as before,
        rasterio.open(pairs_file().with_name(village["after"])) as after,
    ):
        assert before.crs == after.crs == rasterio.CRS.from_string(layout.CRS)
        assert (after.width, after.height) == (512, 512)
        assert before.shape != after.shape
        assert before.transform.c != after.transform.c
        assert before.res == after.res == (0.5, 0.5)
        assert before.bounds.left < after.bounds.left
        assert before.bounds.right > after.bounds.right


def test_the_before_scene_lies_where_its_error_says() -> None:
    """On the fields of both dates, the content is found `GEOREFERENCE_ERROR_M` from where the georeference puts it."""
    import cv2

    village = pairs()["village"]
    with (
        rasterio.open(pairs_file().with_name(village["before"])) as before,
        rasterio.open(pairs_file().with_name(village["after"])) as after,
    ):
        column = round((after.transform.c - before.transform.c) / 0.5)
        row = round((before.transform.f - after.transform.f) / 0.5)
        left = (after.transform.c - before.transform.c) / 0.5 - column
        top = (before.transform.f - after.transform.f) / 0.5 - row
        fixed = after.read(2)[150:500, :500].astype(np.float32)
        moving = before.read(2)[row + 150 : row + 500, column : column + 500].astype(np.float32)
    window = cv2.createHanningWindow((500, 350), cv2.CV_32F)
    (dx, dy), response = cv2.phaseCorrelate(fixed - fixed.mean(), moving - moving.mean(), window)
    assert response > 0.1
    # A georeference too far east (south) leaves the content further east (south) on the before grid than it says.
    assert (dx - left) * 0.5 == pytest.approx(layout.GEOREFERENCE_ERROR_M[0], abs=0.1)
    assert (dy - top) * 0.5 == pytest.approx(layout.GEOREFERENCE_ERROR_M[1], abs=0.1)


def test_new_buildings_stand_clear_of_everything_that_stood_before() -> None:
    for new in layout.NEW:
        for old in layout.STANDING + layout.DEMOLISHED:
            assert np.hypot(new.x - old.x, new.y - old.y) > (new.length + old.length) / 2


def test_the_corner_that_the_sensor_did_not_see_is_small_and_real() -> None:
    _, valid = scene.render("after")
    assert 0.005 < 1 - valid.mean() < 0.05
    assert not valid[0, -1]
    assert valid[0, 0]
