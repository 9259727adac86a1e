"""What of a mask is a speck, and what only surrounds the things of another."""

from __future__ import annotations

import numpy as np
import pytest

from onediff_core.surroundings import REACH_PX, specks, surroundings


def box(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros((200, 300), bool)
    mask[y0:y1, x0:x1] = True
    return mask


HOUSE = box(30, 30, 50, 50)  # 400 px
SITE = box(20, 20, 60, 60)  # four times as large


def test_blobs_that_are_too_small_are_specks_and_those_that_touch_at_a_corner_are_one() -> None:
    small, corner = box(100, 30, 105, 34), box(50, 50, 53, 53)  # 20 px; 9 px that touch the house
    assert (specks(HOUSE | small | corner, 21) == small).all()
    assert not specks(HOUSE | small, 20).any()
    assert (specks(HOUSE | small, 401) == HOUSE | small).all()
    assert not specks(np.zeros_like(HOUSE), 20).any()


@pytest.mark.parametrize(("most", "left"), [(3.9, False), (4.0, True), (6.0, True)])
def test_an_area_is_left_to_its_things_up_to_so_many_times_their_size(most: float, left: bool) -> None:
    np.testing.assert_array_equal(surroundings(SITE, HOUSE, most), SITE if left else np.zeros_like(SITE))


def test_areas_with_nothing_near_them_stay() -> None:
    field = box(150, 100, 290, 190)
    assert (surroundings(SITE | field, HOUSE, 5.0) == SITE).all()
    assert not surroundings(field, np.zeros_like(field), 5.0).any()


def test_a_site_in_pieces_is_one() -> None:
    near, far = (box(60 + gap, 20, 100 + gap, 60) for gap in (2 * REACH_PX - 2, 2 * REACH_PX + 2))
    assert (surroundings(SITE | near, HOUSE, 10.0) == SITE | near).all()
    assert not surroundings(SITE | near, HOUSE, 5.0).any()  # together they are eight times as large
    assert (surroundings(SITE | far, HOUSE, 5.0) == SITE).all()
