from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import ExifTags, Image

from onediff_plugins import Host, PairRequest
from onediff_plugins.errors import SettingsError
from onediff_plugins.types import Frame
from onediff_ui import plugin
from onediff_ui.domain import sniff
from onediff_ui.preprocess import preprocess_pair

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def host() -> Host:
    return Host(plugins=[plugin], entry_points=False)


def sure(path: Path) -> float:
    return sniff(PairRequest(before=path, after=path))


def test_listing_the_plugin_loads_nothing_heavy() -> None:
    heavy = ("numpy", "cv2", "PIL", "pydantic", "shapely")
    code = f"import sys, onediff_ui.plugin; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_screenshot_is_told_from_tiles_photographs_and_rasters(tmp_path: Path) -> None:
    Image.new("RGB", (1280, 800)).save(tmp_path / "screen.png")
    Image.new("RGB", (256, 256)).save(tmp_path / "tile.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Pinhole"
    Image.new("RGB", (800, 600)).save(tmp_path / "photo.jpg", exif=exif)
    Image.new("RGB", (800, 600)).save(tmp_path / "scene.tif", tiffinfo={33550: (1.0, 1.0, 0.0)})
    (tmp_path / "text.png").write_text("no image")
    assert sure(tmp_path / "screen.png") == 0.8
    assert sure(tmp_path / "tile.png") <= 0.2
    assert sure(tmp_path / "photo.jpg") <= 0.2
    assert sure(tmp_path / "scene.tif") == 0
    assert sure(tmp_path / "text.png") == 0
    assert sniff(PairRequest(before=tmp_path / "screen.png", after=tmp_path / "scene.tif")) == 0


def test_both_images_count_for_a_sniff(tmp_path: Path) -> None:
    Image.new("RGB", (1280, 800)).save(tmp_path / "screen.png")
    assert sniff(PairRequest(before=tmp_path / "screen.png", after=tmp_path / "gone.png")) == 0


def test_preprocessing_gives_float32_between_black_and_white(host: Host) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    pair = host.load_pair("ui", PairRequest(before=pixels, after=pixels.astype(np.uint16) * 257))
    pair = replace(pair, before_on_after=pair.before)
    done = preprocess_pair(pair)
    for frame in (done.after, done.aligned):
        assert frame.pixels.dtype == np.float32
        np.testing.assert_allclose(frame.hwc, pixels / 255, atol=1e-6)
    assert done.before is pair.before


def test_a_page_with_an_inserted_row_reads_well(host: Host, new_page, names) -> None:
    before = new_page().frame().table(names[:8]).array()
    after = new_page().frame().table((*names[:3], "Quince", *names[3:8])).array()
    result = host.compare(before, after, domain="ui")
    assert result.changed
    assert result.detector == "ui-blocks"
    assert "added" in result.caption
    assert "moved down by 31 px" in result.caption
    assert not result.mask[:150].any()


def test_an_unchanged_page_says_so(host: Host, new_page, names) -> None:
    page = new_page().frame().table(names).array()
    result = host.compare(page, page.copy(), domain="ui")
    assert result.changed is False
    assert result.regions == ()
    assert result.caption == "Nothing that a user would see changed."


def test_only_a_move_is_no_change_unless_moves_count(new_page) -> None:
    sides = [new_page().frame().text(300, y, "Quarterly report", 20).array() for y in (200, 202)]
    assert Host(plugins=[plugin], entry_points=False).compare(*sides, domain="ui").changed is False
    counting = Host(plugins=[plugin], entry_points=False, settings={"ui.count_moved": True})
    assert counting.compare(*sides, domain="ui").changed is True


def test_a_removed_icon_has_its_place_before_and_none_after(host: Host, new_page) -> None:
    bare, icon = new_page().frame(), new_page().frame()
    icon.draw.ellipse((560, 12, 576, 28), fill="#fbbf24")
    (region,) = host.compare(icon.array(), bare.array(), domain="ui").regions
    assert (region.kind, region.bbox_after) == ("removed", None)
    np.testing.assert_allclose(region.bbox_before, (560, 12, 577, 29), atol=2)


def test_frames_with_places_without_data_are_compared_where_both_have_some(host: Host) -> None:
    pixels = np.full((3, 60, 60), 200, np.uint8)
    changed = pixels.copy()
    changed[:, 10:20, 10:20] = 0
    changed[:, 40:50, 40:50] = 0
    valid = np.ones((60, 60), bool)
    valid[35:] = False
    frames = [Frame(pixels=p, valid=valid, bands=("red", "green", "blue")) for p in (pixels, changed)]
    (region,) = host.compare(*frames, domain="ui").regions
    assert region.bbox_after == (10, 10, 20, 20)


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(SettingsError, match="min_move"):
        Host(plugins=[plugin], entry_points=False, settings={"ui.min_mov": 2})


def test_overlays_show_what_moved_and_what_came_in(host: Host, new_page, names) -> None:
    before = new_page().frame().table(names[:8]).array()
    after = new_page().frame().table((*names[:3], "Quince", *names[3:8])).array()
    result = host.compare(before, after, domain="ui")
    overlays = {overlay.name: overlay for overlay in plugin.onediff_overlays(result, result.pair)}
    assert set(overlays) == {"moved-parts", "inserted", "gone"}  # the page ends where it did: its last rows are gone
    assert overlays["inserted"].data[168, 300]
    assert not overlays["gone"].data[:400].any()
    same = host.compare(before, before.copy(), domain="ui")
    assert list(plugin.onediff_overlays(same, same.pair)) == []
