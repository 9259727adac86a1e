"""The drawn pictures are what the checks take them for."""

from __future__ import annotations

import numpy as np
import pytest

from onediff_plugins import Box
from onediff_plugins.testing.scenes import free_box, insert_rectangle, page, terrain


def test_pixel_p_of_a_displaced_camera_shows_what_lies_at_p_plus_the_displacement() -> None:
    here, there = terrain(96, 64), terrain(96, 64, 4, -3)
    assert np.array_equal(there[3:, :-4], here[:-3, 4:])


def test_a_camera_displaced_by_half_a_pixel_sees_the_mean_of_two_pixels() -> None:
    here, there = terrain(96, 64).astype(float), terrain(96, 64, 0.5).astype(float)
    means = (here[:, :-1] + here[:, 1:]) / 2
    assert np.abs(there[:, :-1] - means).mean() < 0.4 * np.abs(there[:, :-1] - here[:, :-1]).mean()


@pytest.mark.parametrize("shift", [(0.1, 0), (0, 33), (-40, 0)])
def test_a_displacement_that_cannot_be_drawn_exactly_is_refused(shift: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"a multiple of 0\.25 px within 32 px"):
        terrain(96, 64, *shift)


@pytest.mark.parametrize("draw", [terrain, page])
def test_a_picture_is_the_same_every_time_and_another_place_is_another_picture(draw) -> None:
    assert np.array_equal(draw(200, 180), draw(200, 180))
    assert (draw(200, 180) != draw(200, 180, place=1)).mean() > 0.02


def test_places_share_nothing() -> None:
    one, other = (terrain(128, 128, place=place).astype(float).ravel() for place in (0, 1))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.1


def test_content_of_a_page_moves_and_its_paper_stays() -> None:
    here, there = page(256, 256), page(256, 256, 4, -3)
    assert np.array_equal(there[20:240, 10:230], here[17:237, 14:234])
    for picture in (here, there):
        edge = np.concatenate([picture[:8].reshape(-1, 3), picture[:, :8].reshape(-1, 3), picture[-8:].reshape(-1, 3)])
        assert len(np.unique(edge, axis=0)) == 1


@pytest.mark.parametrize("size", [(256, 256), (320, 200), (160, 160), (640, 480)])
def test_the_free_place_of_a_page_is_plain(size: tuple[int, int]) -> None:
    box = free_box(*size)
    assert box.area > 500
    assert len(np.unique(page(*size)[box.slices].reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3), (40, 60, 5)])
@pytest.mark.parametrize("level", [0.1, 0.9])
def test_a_rectangle_stands_out_on_dark_and_on_bright_pictures_of_any_type(dtype, shape, level) -> None:
    full = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    picture = np.full(shape, level * full, dtype=dtype)
    box = Box(10, 5, 30, 25)
    changed = insert_rectangle(picture, box)
    assert changed.dtype == dtype
    difference = np.abs(changed.astype(float) - picture.astype(float)) / full
    assert difference[box.slices].min() > 0.6
    difference[box.slices] = 0
    assert difference.max() == 0
