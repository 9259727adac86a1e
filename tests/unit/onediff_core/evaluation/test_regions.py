from __future__ import annotations

import numpy as np
import pytest

from onediff_core.evaluation.regions import Box, box_iou, component_boxes, cover, matched, mostly_scored


def mask(*boxes, shape=(20, 30)):
    out = np.zeros(shape, bool)
    for x0, y0, x1, y1 in boxes:
        out[y0:y1, x0:x1] = True
    return out


def test_boxes_of_different_sides_do_not_overlap():
    assert box_iou(Box(0, 0, 4, 4), Box(0, 0, 4, 4)) == 1
    assert box_iou(Box(0, 0, 4, 4, "before"), Box(0, 0, 4, 4)) == 0
    assert box_iou(Box(0, 0, 4, 4), Box(2, 0, 6, 4)) == pytest.approx(1 / 3)


def test_one_region_cannot_be_two_true_boxes():
    truth = [Box(0, 0, 10, 10), Box(0, 1, 10, 11)]
    assert len(matched(truth, [(Box(0, 0, 10, 10),)], 0.3)) == 1


def test_as_many_boxes_as_possible_are_matched():
    # The first region is the best for both boxes; only if the second box takes the other do both match.
    truth = [Box(0, 0, 10, 10), Box(2, 0, 12, 10)]
    found = [(Box(1, 0, 11, 10),), (Box(5, 0, 15, 10),)]
    assert len(matched(truth, found, 0.5)) == 2
    assert len(matched(truth[::-1], found, 0.5)) == 2


def test_a_region_counts_by_its_box_on_the_side_of_the_truth():
    gone = Box(3, 3, 9, 9, "before")
    assert len(matched([gone], [(Box(5, 5, 7, 7), gone)], 0.5)) == 1
    assert len(matched([gone], [(Box(3, 3, 9, 9),)], 0.5)) == 0


def test_the_level_decides():
    truth, found = [Box(0, 0, 10, 10)], [(Box(0, 0, 10, 4),)]
    assert len(matched(truth, found, 0.3)) == 1
    assert len(matched(truth, found, 0.5)) == 0


def test_components_join_at_corners_and_small_ones_are_dropped():
    joined = mask((0, 0, 4, 4), (4, 4, 8, 8), (20, 0, 23, 5))
    assert component_boxes(joined, min_px=16) == (Box(0, 0, 8, 8),)


def test_of_as_many_matches_the_closest_are_taken():
    truth = [Box(0, 0, 10, 10)]
    assert matched(truth, [(Box(0, 0, 10, 7),), (Box(0, 0, 10, 9),)]) == [(0, 1)]
    assert matched(truth, [()]) == []


def test_a_region_that_lies_where_nobody_can_say_is_known():
    scored = ~mask((0, 0, 10, 20))
    assert mostly_scored([Box(12, 0, 16, 4)], scored)
    assert not mostly_scored([Box(2, 0, 6, 4)], scored)
    assert mostly_scored([Box(2, 0, 6, 4)], None)


def test_boxes_cover_the_pixels_that_they_touch():
    assert cover([Box(0.5, 0, 2.2, 1)], (2, 4)).tolist() == [[True, True, True, False], [False] * 4]
