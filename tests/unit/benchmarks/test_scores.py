from __future__ import annotations

import numpy as np
import pytest

from evaluation.scores import Answer, Tally, Truth
from onediff_core.evaluation.regions import Box


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


def test_f1_is_pooled_over_pixels_not_averaged_over_pairs():
    large = (Truth(mask=mask((0, 0, 30, 20))), Answer(mask=mask((0, 0, 30, 20))))
    small = (Truth(mask=mask((0, 0, 1, 1))), Answer(mask=mask()))
    figures = tally(large, small)
    assert figures["f1"] == pytest.approx(2 * 600 / (2 * 600 + 1))
    assert figures["iou"] == pytest.approx(600 / 601)
    assert figures["mean_iou"] == pytest.approx(0.5)


def test_two_empty_masks_agree():
    assert tally((Truth(mask=mask()), Answer(mask=mask())))["mean_iou"] == 1


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
