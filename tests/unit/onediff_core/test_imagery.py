"""A pair as OneDiff looks at it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from onediff_core import OneDiffImageProcessor
from onediff_core.imagery import PairView, check_bands, whole_view, window_of, with_context
from onediff_plugins import Box, Frame, ImagePair
from onediff_plugins.errors import UnsupportedSourceError
from onediff_plugins.viewing import scale_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROCESSOR = OneDiffImageProcessor(size=None, size_multiple=32, image_mean=(0.25, 0.5, 0.75))
RGB = ("red", "green", "blue")


def frame(pixels: NDArray[Any], bands: tuple[str, ...] = RGB, *, valid: NDArray[np.bool_] | None = None) -> Frame:
    whole = np.ones(pixels.shape[1:], bool)
    return Frame(pixels=pixels.astype(np.float32), valid=whole if valid is None else valid, bands=bands, source="x.tif")


def pair_of(before: Frame, after: Frame, **more: Any) -> ImagePair:
    return ImagePair(before=before, after=after, before_on_after=before, **more)


def noise(bands: int = 3, height: int = 20, width: int = 30, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((bands, height, width), dtype=np.float32)


def view_of(pair: ImagePair) -> PairView:
    return PairView.of(pair, pair, PROCESSOR)


def test_colours_are_found_among_other_bands_and_in_their_order() -> None:
    pixels = noise(4)
    pair = pair_of(*(frame(pixels, ("blue", "nir", "green", "red")) for _ in range(2)))
    before, after = view_of(pair).cut(Box(5, 2, 9, 8))
    np.testing.assert_array_equal(before, np.moveaxis(pixels[[3, 2, 0], 2:8, 5:9], 0, 2))
    np.testing.assert_array_equal(before, after)


def test_a_single_band_is_grey() -> None:
    before, _ = view_of(pair_of(*(frame(noise(1), ("nir",)) for _ in range(2)))).cut(Box(0, 0, 30, 20))
    assert before.shape == (20, 30, 3)
    assert (before == before[..., :1]).all()


def test_bands_that_are_no_colours_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedSourceError, match=r"x\.tif: .*no red and no blue among vv, green"):
        check_bands(frame(noise(2), ("vv", "green")))


def test_colours_stay_as_they_are_and_what_is_beyond_is_clipped() -> None:
    pixels = noise()
    pixels[0, 0, 0], pixels[0, 0, 1] = -0.2, 1.3
    before, _ = view_of(pair_of(frame(pixels), frame(pixels))).cut(Box(0, 0, 30, 20))
    np.testing.assert_array_equal(before, np.moveaxis(np.clip(pixels, 0, 1), 0, 2))


def test_physical_units_are_scaled_by_both_dates_of_the_overview_together() -> None:
    before, after = frame(noise(1) * 10 - 30, ("vv",)), frame(noise(1, seed=1) * 10 - 20, ("vv",))
    seen = pair_of(before, after)
    scale = scale_of(seen)
    both = np.concatenate([before.pixels.ravel(), after.pixels.ravel()])
    low, high = np.percentile(both, [2, 98])
    assert scale == pytest.approx((low, high - low))
    window = replace(
        seen,
        after=frame(after.pixels[:, :4, :4], ("vv",)),
        before=frame(before.pixels[:, :4, :4], ("vv",)),
        before_on_after=frame(before.pixels[:, :4, :4], ("vv",)),
    )
    whole = PairView.of(seen, seen, PROCESSOR).cut(Box(0, 0, 4, 4))
    part = PairView.of(window, seen, PROCESSOR).cut(Box(0, 0, 4, 4))
    np.testing.assert_array_equal(whole, part)


def test_both_images_show_the_same_where_nothing_can_be_compared() -> None:
    known, seen = np.ones((20, 30), bool), np.ones((20, 30), bool)
    known[:10], seen[:, :15] = False, False
    one, other = noise(), noise(seed=1)
    before, after = view_of(pair_of(frame(one, valid=known), frame(other, valid=seen))).cut(Box(0, 0, 30, 20))
    rest = ~(known & seen)
    np.testing.assert_array_equal(before[rest], after[rest])
    np.testing.assert_array_equal(after[:10, 15:], np.moveaxis(other, 0, 2)[:10, 15:])
    np.testing.assert_array_equal(after[10:, :15], np.moveaxis(one, 0, 2)[10:, :15])
    assert (after[:10, :15] == np.float32(PROCESSOR.image_mean)).all()
    np.testing.assert_array_equal(before[10:, 15:], np.moveaxis(one, 0, 2)[10:, 15:])


@pytest.mark.parametrize(("width", "seen"), [(1000, (1000, 20)), (2048, (1024, 10))])
def test_a_large_scene_is_seen_whole_by_its_overview(width: int, seen: tuple[int, int]) -> None:
    pixels = noise(width=width)
    before, after = view_of(pair_of(frame(pixels), frame(pixels))).whole()
    assert before.shape == after.shape == (seen[1], seen[0], 3)
    np.testing.assert_allclose(after.mean(), pixels.mean(), rtol=1e-4)


@pytest.mark.parametrize("size", [(15, 10), (60, 40)])
def test_a_pair_of_one_colour_keeps_it_at_another_size(size: tuple[int, int]) -> None:
    grey = frame(np.full((3, 20, 30), 0.25))
    before, after = view_of(pair_of(grey, grey)).resized(*size)
    assert before.shape == after.shape == (size[1], size[0], 3)
    np.testing.assert_allclose(before, 0.25, atol=1e-6)


def test_a_strip_of_one_pixel_is_shrunk_by_area() -> None:
    stripes = frame(np.tile([1.0, 0.0, 0.0, 0.0], (3, 25))[..., None])
    _, after = view_of(pair_of(stripes, stripes)).resized(1, 25)
    np.testing.assert_allclose(after, 0.25, atol=1e-6)


def test_the_window_is_the_image_processors_or_256() -> None:
    assert window_of(OneDiffImageProcessor(size=(56, 70))) == 70
    assert window_of(PROCESSOR) == 256
    assert whole_view(PROCESSOR).resized(100, 400) == (64, 256)
    assert whole_view(PROCESSOR).image_mean == [0.25, 0.5, 0.75]


GRID = Box(0, 0, 200, 100)


@pytest.mark.parametrize(
    ("place", "crop"),
    [
        (Box(80, 40, 120, 60), Box(60, 30, 140, 70)),  # half of a side beyond it on each side
        (Box(100, 50, 102, 52), Box(85, 35, 117, 67)),  # a quarter of the window
        (Box(0, 0, 10, 10), Box(0, 0, 32, 32)),  # moved to lie inside
        (Box(190, 90, 200, 100), Box(168, 68, 200, 100)),
        (Box(0, 0, 200, 100), GRID),
    ],
)
def test_a_place_is_looked_at_with_what_is_around_it(place: Box, crop: Box) -> None:
    assert with_context(place, GRID, window=128) == crop


def test_a_part_of_an_enlarged_view_is_that_part_of_the_whole_enlarged() -> None:
    smooth = cv2.GaussianBlur(noise(3, 40, 60).transpose(1, 2, 0), (0, 0), 2).transpose(2, 0, 1)
    view = view_of(pair_of(frame(smooth), frame(1 - smooth)))
    whole = view.resized(75, 50)
    for box in (Box(0, 0, 75, 50), Box(0, 0, 20, 10), Box(31, 17, 75, 50)):
        for part, image in zip(view.cut_enlarged(box, 75, 50), whole, strict=True):
            assert part.shape == (box.height, box.width, 3)
            np.testing.assert_allclose(part, image[box.slices], atol=0.01)  # OpenCV rounds places to 1/32 px
