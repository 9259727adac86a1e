from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from onediff_plugins.errors import MismatchedPairError, UnsupportedSourceError
from onediff_plugins.types import Box, Frame, PairRequest
from onediff_ui.io import load_pair, over_white, to_screen
from onediff_ui.settings import UiSettings

if TYPE_CHECKING:
    from pathlib import Path


def noise(height: int = 6, width: int = 8, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def load(before, after, **request):
    return load_pair(PairRequest(before=before, after=after, **request), UiSettings())


def test_a_screenshot_becomes_three_bands_over_the_files_own_memory_layout(tmp_path: Path) -> None:
    pixels = noise()
    Image.fromarray(pixels).save(tmp_path / "a.png")
    pair = load(tmp_path / "a.png", pixels, id="7")
    assert pair.after.bands == ("red", "green", "blue")
    assert pair.after.hwc.flags.c_contiguous
    np.testing.assert_array_equal(pair.before.hwc, pixels)
    assert (pair.id, pair.domain, pair.before.source) == ("7", "ui", str(tmp_path / "a.png"))
    assert pair.before.valid.all()


def test_different_sizes_are_data() -> None:
    pair = load(noise(4, 5), noise(9, 2))
    assert (pair.before.width, pair.before.height, pair.after.width, pair.after.height) == (5, 4, 2, 9)


def test_alpha_is_composited_over_white() -> None:
    pixels = np.array([[[200, 0, 100, 0], [200, 0, 100, 128], [200, 0, 100, 255]]], np.uint8)
    np.testing.assert_array_equal(load(pixels, pixels).after.hwc, [[[255, 255, 255], [227, 127, 177], [200, 0, 100]]])


def test_a_wholly_transparent_page_is_white() -> None:
    assert (load(np.zeros((3, 3, 4), np.uint8), noise()).before.pixels == 255).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_compositing_rounds_to_the_nearest_value(dtype: type) -> None:
    white = np.iinfo(dtype).max
    rng = np.random.default_rng(1)
    colour, alpha = rng.integers(0, white + 1, (9, 9, 3), dtype=dtype), rng.integers(0, white + 1, (9, 9), dtype=dtype)
    share = (alpha / white)[:, :, None]
    exact = colour * share + white * (1 - share)
    assert np.abs(over_white(colour, alpha) - exact).max() <= 0.5 + 1e-6
    assert over_white(colour, alpha).dtype == dtype


def test_sixteen_bits_are_kept(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (4, 4, 3), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), pixels[:, :, ::-1])
    pair = load(tmp_path / "a.png", tmp_path / "a.png")
    assert pair.after.pixels.dtype == np.uint16
    np.testing.assert_array_equal(pair.after.hwc, pixels)


def test_grey_has_three_equal_bands() -> None:
    grey = noise()[:, :, 0]
    assert (load(grey, grey).after.pixels == grey).all()


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    pixels = noise()
    Image.fromarray(np.rot90(pixels).copy()).save(tmp_path / "o.png", exif=exif)
    np.testing.assert_array_equal(load(tmp_path / "o.png", pixels).before.hwc, pixels)


def test_floats_lie_between_black_and_white() -> None:
    half = np.full((2, 2), 0.5, np.float32)
    assert to_screen(load(half, half).after).max() == 128
    with pytest.raises(UnsupportedSourceError, match=r"must lie in \[0, 1\]"):
        load(half * 300, half)


def test_a_window_crops_both_images_and_remembers_where() -> None:
    pixels = noise(10, 12)
    pair = load(pixels[:7], pixels, window=Box(3, 4, 9, 9))
    np.testing.assert_array_equal(pair.after.hwc, pixels[4:9, 3:9])
    np.testing.assert_array_equal(pair.before.hwc, pixels[4:7, 3:9])
    assert pair.after.grid.window == Box(3, 4, 9, 9)
    assert (pair.before.grid.width, pair.before.grid.height) == (12, 7)


def test_a_window_outside_an_image_is_refused() -> None:
    with pytest.raises(MismatchedPairError, match=r"window .* lies outside"):
        load(noise(), noise(40, 40), window=Box(20, 20, 30, 30))


def test_a_page_can_be_read_small() -> None:
    pair = load(noise(40, 80), noise(40, 80), max_side=20)
    assert (pair.after.width, pair.after.height, pair.after.pixels.dtype) == (20, 10, np.uint8)


def test_frames_are_taken_as_they_are_or_brought_to_three_bands() -> None:
    pixels = np.moveaxis(noise(channels=4), 2, 0)
    frame = Frame(pixels=pixels, valid=np.ones((6, 8), bool), bands=("blue", "green", "red", "nir"))
    pair = load(frame, frame)
    np.testing.assert_array_equal(pair.after.pixels, pixels[[2, 1, 0]])
    other = Frame(pixels=pixels[:2], valid=np.ones((6, 8), bool), bands=("vv", "vh"))
    with pytest.raises(UnsupportedSourceError, match="got vv, vh"):
        load(other, frame)


def test_a_large_file_is_refused_by_its_setting(tmp_path: Path) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png")
    with pytest.raises(UnsupportedSourceError, match="max_pixels"):
        load_pair(PairRequest(before=tmp_path / "a.png", after=noise()), UiSettings(max_pixels=40))


def test_what_a_screen_shows_is_the_same_for_every_depth() -> None:
    pixels = noise()
    for deep in (
        pixels.astype(np.uint16) * 257,
        (pixels / 255).astype(np.float32),
        pixels.astype(np.uint32) * 16843009,
    ):
        np.testing.assert_array_equal(to_screen(load(deep, pixels).before), pixels)
