from __future__ import annotations

import numpy as np
import pytest

from evaluation.scores import (
    Answer,
    Box,
    Tally,
    Truth,
    box_iou,
    component_boxes,
    f1,
    matched_regions,
    pair_iou,
    pixel_counts,
)


def mask(*boxes, shape=(20, 30)):
    out = np.zeros(shape, bool)
    for x0, y0, x1, y1 in boxes:
        out[y0:y1, x0:x1] = True
    return out


def tally(*pairs):
    counted = Tally()
    for truth, answer in pairs:
        counted.add(truth, answer)
    return counted.figures()


# --- pixels ---


def test_pixels_are_hits_false_alarms_and_misses():
    assert pixel_counts(mask((0, 0, 10, 4)), mask((5, 0, 12, 4))) == (20, 20, 8)


def test_pixels_that_are_not_scored_count_for_nothing():
    scored = ~mask((0, 0, 6, 20))
    assert pixel_counts(mask((0, 0, 10, 4)), mask((5, 0, 12, 4)), scored) == (16, 0, 8)


def test_f1_is_pooled_over_pixels_not_averaged_over_pairs():
    large = (Truth(mask=mask((0, 0, 30, 20))), Answer(mask=mask((0, 0, 30, 20))))
    small = (Truth(mask=mask((0, 0, 1, 1))), Answer(mask=mask()))
    figures = tally(large, small)
    assert figures["f1"] == pytest.approx(2 * 600 / (2 * 600 + 1))
    assert figures["iou"] == pytest.approx(600 / 601)
    assert figures["mean_iou"] == pytest.approx(0.5)


def test_two_empty_masks_agree():
    assert pair_iou(0, 0, 0) == 1
    assert tally((Truth(mask=mask()), Answer(mask=mask())))["mean_iou"] == 1


def test_an_empty_truth_with_something_found_has_no_overlap():
    assert pair_iou(0, 5, 0) == 0


def test_f1_of_nothing_is_not_defined():
    assert f1(0, 0, 0) is None


# --- regions ---


def test_boxes_of_different_sides_do_not_overlap():
    assert box_iou(Box(0, 0, 4, 4), Box(0, 0, 4, 4)) == 1
    assert box_iou(Box(0, 0, 4, 4, "before"), Box(0, 0, 4, 4)) == 0
    assert box_iou(Box(0, 0, 4, 4), Box(2, 0, 6, 4)) == pytest.approx(1 / 3)


def test_one_region_cannot_be_two_true_boxes():
    truth = [Box(0, 0, 10, 10), Box(0, 1, 10, 11)]
    assert matched_regions(truth, [(Box(0, 0, 10, 10),)], 0.3) == 1


def test_as_many_boxes_as_possible_are_matched():
    # The first region is the best for both boxes; only if the second box takes the other do both match.
    truth = [Box(0, 0, 10, 10), Box(2, 0, 12, 10)]
    found = [(Box(1, 0, 11, 10),), (Box(5, 0, 15, 10),)]
    assert matched_regions(truth, found, 0.5) == 2
    assert matched_regions(truth[::-1], found, 0.5) == 2


def test_a_region_counts_by_its_box_on_the_side_of_the_truth():
    gone = Box(3, 3, 9, 9, "before")
    assert matched_regions([gone], [(Box(5, 5, 7, 7), gone)], 0.5) == 1
    assert matched_regions([gone], [(Box(3, 3, 9, 9),)], 0.5) == 0


def test_the_level_decides():
    truth, found = [Box(0, 0, 10, 10)], [(Box(0, 0, 10, 4),)]
    assert matched_regions(truth, found, 0.3) == 1
    assert matched_regions(truth, found, 0.5) == 0


def test_components_join_at_corners_and_small_ones_are_dropped():
    joined = mask((0, 0, 4, 4), (4, 4, 8, 8), (20, 0, 23, 5))
    assert component_boxes(joined, min_px=16) == (Box(0, 0, 8, 8),)


def test_region_figures_have_their_counts():
    truth = Truth(boxes=(Box(0, 0, 10, 10), Box(20, 0, 24, 4)))
    answer = Answer(regions=((Box(0, 0, 10, 9),), (Box(12, 12, 14, 14),), (Box(0, 15, 2, 17),)))
    found = tally((truth, answer))["regions"]["0.3"]
    assert (found["matched"], found["true"], found["found"]) == (1, 2, 3)
    assert found["precision"] == pytest.approx(1 / 3)
    assert found["recall"] == pytest.approx(1 / 2)
    assert found["f1"] == pytest.approx(2 / 5)


def test_a_region_where_the_truth_is_unknown_is_not_counted():
    truth = Truth(mask=mask(), scored=~mask((0, 0, 10, 20)), boxes=())
    answer = Answer(mask=mask(), regions=((Box(2, 2, 8, 8),), (Box(12, 2, 18, 8),)))
    assert tally((truth, answer))["regions"]["0.3"]["found"] == 1


def test_flagged_pixels_outside_the_boxes_count_only_where_content_moved():
    boxes, found = (Box(0, 0, 10, 10),), mask((5, 0, 15, 10))
    assert tally((Truth(boxes=boxes, moved=True), Answer(mask=found)))["outside"] == pytest.approx(0.5)
    assert tally((Truth(boxes=boxes), Answer(mask=found)))["outside"] is None


# --- verdicts ---


def test_verdicts_are_right_or_wrong_and_still_pairs_are_counted_apart():
    changed, still = Truth(changed=True), Truth(changed=False)
    figures = tally(
        (changed, Answer(changed=True)),
        (changed, Answer(changed=False)),
        (still, Answer(changed=False)),
        (still, Answer(changed=True)),
        (still, Answer(changed=False)),
        (Truth(), Answer(changed=True)),
    )
    assert figures["accuracy"] == pytest.approx(3 / 5)
    assert figures["tnr"] == pytest.approx(2 / 3)
    assert figures["flagged"] == 3


def test_an_undecided_pair_is_not_right():
    figures = tally((Truth(changed=False), Answer(changed=None)))
    assert (figures["right"], figures["undecided"], figures["tnr"]) == (0, 1, 0)


def test_a_failure_finds_nothing_is_never_right_and_has_no_time():
    truth = Truth(changed=False, mask=mask(), boxes=())
    figures = tally((truth, Answer(failed="it broke")))
    assert (figures["pairs"], figures["failed"], figures["right"]) == (1, 1, 0)
    assert figures["mean_iou"] == 0
    assert figures["ms"] is None


def test_a_failure_misses_what_was_there():
    figures = tally((Truth(changed=True, mask=mask((0, 0, 2, 2))), Answer(failed="it broke")))
    assert figures["pixels"] == {"hits": 0, "false": 0, "missed": 4}


def test_joined_tallies_count_what_both_counted():
    pairs = [
        (Truth(changed=True, mask=mask((0, 0, 9, 9)), boxes=(Box(0, 0, 9, 9),)),
         Answer(changed=True, mask=mask((0, 0, 9, 5)), regions=((Box(0, 0, 9, 5),),), seconds=0.2)),
        (Truth(changed=False, mask=mask(), boxes=()), Answer(changed=False, mask=mask(), seconds=0.1)),
    ]  # fmt: skip
    one, other, both = Tally(), Tally(), Tally()
    one.add(*pairs[0])
    other.add(*pairs[1])
    for pair in pairs:
        both.add(*pair)
    assert one.joined(other).figures() == both.figures()
