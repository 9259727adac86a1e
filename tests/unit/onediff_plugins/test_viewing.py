"""How a pair is shown to what looks at pictures."""

from __future__ import annotations

import numpy as np
import pytest

from onediff_plugins import Box, Frame, ImagePair
from onediff_plugins.viewing import Scale, scale_of, scaled_rgb, shown_bands, whole_pixels, with_surroundings

GRID = Box(0, 0, 200, 100)


def pair_of(value, *, dtype=np.float32, valid=True):
    pixels = np.broadcast_to(np.asarray(value, dtype), (1, 4, 5))
    frame = Frame(pixels=pixels, valid=np.full((4, 5), valid), bands=("gray",))
    return ImagePair(before=frame, after=frame, before_on_after=frame)


@pytest.mark.parametrize(
    ("bands", "shown"),
    [
        (("blue", "green", "red", "nir"), (2, 1, 0)),
        (("b1", "b2", "b3", "b4"), (0, 1, 2)),
        (("gray",), (0, 0, 0)),
        (("vv", "vh"), (0, 0, 0)),
    ],
)
def test_colours_are_shown_where_they_are_named(bands, shown):
    assert shown_bands(bands) == shown


@pytest.mark.parametrize(
    ("pair", "scale"),
    [
        (pair_of(1.04), Scale()),  # a colour, and a little more
        (pair_of(300), Scale(300, 1)),
        (pair_of(300, valid=False), Scale()),
        (pair_of([np.nan, 300, 300, 300, np.inf]), Scale(300, 1)),
    ],
)
def test_what_is_no_colour_is_scaled_by_the_numbers_that_are_there(pair, scale):
    assert scale_of(pair) == scale


def test_what_is_no_number_or_beyond_the_scale_stays_in_range():
    pair = pair_of([np.nan, -1, 20, 30, np.inf])
    shown = scaled_rgb(pair.after, Box(0, 1, 5, 3), Scale(10, 20))
    assert (shown.shape, shown.dtype) == ((2, 5, 3), np.float32)
    np.testing.assert_array_equal(shown[0, :, 1], [0, 0, 0.5, 1, 1])


@pytest.mark.parametrize(
    ("bounds", "place"),
    [
        ((10.2, 20.7, 30.1, 40), Box(10, 20, 31, 40)),
        ((50, 50, 50, 50), Box(50, 50, 51, 51)),
        ((-5, -5, 250, 150), GRID),
        ((200, 100, 210, 110), Box(199, 99, 200, 100)),
    ],
)
def test_a_place_is_at_least_a_pixel_of_the_image(bounds, place):
    assert whole_pixels(bounds, GRID) == place


@pytest.mark.parametrize(
    ("place", "seen"),
    [
        (Box(80, 40, 120, 60), Box(60, 30, 140, 70)),  # half of a side beyond it on each side
        (Box(190, 90, 200, 100), Box(168, 68, 200, 100)),  # moved to lie inside
        (GRID, GRID),
    ],
)
def test_a_place_is_shown_with_what_is_around_it(place, seen):
    assert with_surroundings(place, GRID, least=32) == seen
