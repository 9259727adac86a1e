from __future__ import annotations

import numpy as np
import pytest

from onediff_core.evaluation.counting import area_under_roc, balanced, f1, pair_iou, pixel_counts, ratio


def mask(*boxes, shape=(20, 30)):
    out = np.zeros(shape, bool)
    for x0, y0, x1, y1 in boxes:
        out[y0:y1, x0:x1] = True
    return out


def test_pixels_are_hits_false_alarms_and_misses():
    assert pixel_counts(mask((0, 0, 10, 4)), mask((5, 0, 12, 4))) == (20, 20, 8)


def test_pixels_that_are_not_scored_count_for_nothing():
    scored = ~mask((0, 0, 6, 20))
    assert pixel_counts(mask((0, 0, 10, 4)), mask((5, 0, 12, 4)), scored) == (16, 0, 8)


def test_an_empty_truth_with_something_found_has_no_overlap():
    assert pair_iou(0, 5, 0) == 0


def test_f1_of_nothing_is_not_defined():
    assert f1(0, 0, 0) is None


def test_two_empty_masks_agree():
    assert pair_iou(0, 0, 0) == 1


def test_balanced_accuracy_needs_both_rates():
    assert balanced(0.5, 1.0) == 0.75
    assert balanced(None, 1.0) is None
    assert ratio(1, 0) is None


def test_the_area_is_the_chance_that_a_changed_pair_ranks_higher():
    truth = np.array([True, True, False, False])
    assert area_under_roc([0.9, 0.4, 0.4, 0.1], truth) == pytest.approx(3.5 / 4)
    assert area_under_roc([0.1, 0.2, 0.8, 0.9], truth) == 0
    assert area_under_roc([0.9, 0.1], np.array([True, True])) is None
