"""What a chat model is shown of a pair."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from onediff_plugins import ChangeRegion, Frame, ImagePair, Registration
from onediff_vlm.pictures import CROP_PIXELS, CROP_SIDE, PairPictures


def frame(pixels, bands=("red", "green", "blue"), valid=None):
    valid = np.ones(pixels.shape[1:], bool) if valid is None else valid
    return Frame(pixels=pixels, valid=valid, bands=bands)


def pair_of(before, after, *, read=None):
    return ImagePair(
        before=read or before, after=after, before_on_after=before, registration=Registration(method="assumed")
    )


def region(x0, y0, x1, y1, kind="changed", **more):
    box = shapely.box(x0, y0, x1, y1)
    return ChangeRegion(score=1, kind=kind, geometry=box, area_px=box.area, **more)


def flat(value, height=100, width=200, dtype=np.float32, bands=3):
    return np.full((bands, height, width), value, dtype)


def test_colours_are_shown_as_they_are():
    pictures = PairPictures(pair_of(frame(flat(0.25)), frame(flat(1.0))), 1024)
    before, after = pictures.whole()
    assert (before.size, before.mode) == ((200, 100), "RGB")
    assert (before.getpixel((5, 5)), after.getpixel((5, 5))) == ((64,) * 3, (255,) * 3)


def test_physical_units_share_one_scale_so_that_brighter_looks_brighter():
    ramp = np.broadcast_to(np.linspace(0, 3000, 200, dtype=np.float32), (4, 100, 200))
    bands = ("blue", "green", "red", "nir")
    before, after = PairPictures(pair_of(frame(ramp, bands), frame(ramp + 1000, bands)), 1024).whole()
    assert after.getpixel((100, 50))[0] - before.getpixel((100, 50))[0] > 40
    assert before.getpixel((0, 0)) == (0, 0, 0)


@pytest.mark.parametrize("bands", [("gray",), ("vv", "vh"), ("b1", "b2", "b3", "b4")])
def test_any_bands_are_shown(bands):
    pixels = flat(0.5, bands=len(bands))
    before, _ = PairPictures(pair_of(frame(pixels, bands), frame(pixels, bands)), 1024).whole()
    assert before.getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.filterwarnings("error")
def test_what_cannot_be_compared_is_grey_and_nan_is_black():
    pixels, valid = flat(1.0), np.ones((100, 200), bool)
    valid[:, :50] = False
    pixels[:, :, 50:60] = np.nan
    _, after = PairPictures(pair_of(frame(flat(1.0)), frame(pixels, valid=valid)), 1024).whole()
    assert [after.getpixel((x, 5))[0] for x in (10, 55, 100)] == [128, 0, 255]


def test_a_large_pair_is_reduced_and_its_places_with_it():
    large = frame(flat(0.5, 1500, 3000))
    pictures = PairPictures(pair_of(large, large), 600)
    assert [picture.size for picture in pictures.whole()] == [(600, 300)] * 2
    assert pictures.place(region(1000, 500, 1500, 750)).box == (200, 100, 300, 150)
    assert pictures.place(region(1000, 500, 1001, 501)).box == (200, 100, 201, 101)


def test_a_reduced_image_as_it_was_read_keeps_its_brightness():
    read = frame(flat(200, 1500, 3000, np.uint8))
    small, _ = PairPictures(pair_of(frame(flat(0.5, 1500, 3000)), frame(flat(0.5, 1500, 3000)), read=read), 600).whole()
    assert small.getpixel((300, 150)) == (200, 200, 200)


@pytest.mark.parametrize(
    ("box", "size"), [((90, 40, 94, 44), (CROP_SIDE, CROP_SIDE)), ((0, 0, 4, 4), (CROP_SIDE, CROP_SIDE))]
)
def test_a_small_place_is_shown_enlarged(box, size):
    pictures = PairPictures(pair_of(frame(flat(0.5)), frame(flat(0.5))), 1024)
    shown = pictures.place(region(*box))
    assert shown.before.size == shown.after.size == size


def test_a_large_place_is_shown_reduced_and_a_row_stays_readable():
    large = frame(flat(0.5, 2000, 3000))
    pictures = PairPictures(pair_of(large, large), 1024)
    width, height = pictures.place(region(0, 0, 3000, 2000)).after.size
    assert width * height == pytest.approx(CROP_PIXELS, rel=0.01)
    assert pictures.place(region(1000, 500, 1900, 530)).after.size == (1024, 55)


def test_what_was_removed_is_cut_from_the_image_as_it_was_read():
    read, aligned = flat(40, dtype=np.uint8), flat(0.5)
    read[:, 20:40, 20:40] = 250  # a block that a layout left out of the aligned image
    pictures = PairPictures(pair_of(frame(aligned), frame(flat(0.5)), read=frame(read)), 1024)
    removed = pictures.place(region(100, 50, 120, 70, "removed", bbox_before=(20, 20, 40, 40)))
    assert (removed.on, removed.box) == ("before", (20, 20, 40, 40))
    assert removed.before.getpixel((removed.before.width // 3, removed.before.height // 3))[0] > 200
    changed = pictures.place(region(20, 20, 40, 40, "changed", bbox_before=(20, 20, 40, 40)))
    assert changed.on == "after"
    assert changed.before.getpixel((100, 100))[0] == pytest.approx(128, abs=2)
