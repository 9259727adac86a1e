from __future__ import annotations

import pytest

from onediff_core.evaluation.protocols import PROTOCOLS
from onediff_core.evaluation.protocols.base import LeftOutError
from onediff_core.evaluation.protocols.verdicts import reliability

HOUSE = (4, 4, 16, 16)
CHANGED, STILL = {"boxes_of_mask": [HOUSE]}, {"boxes_of_mask": []}


def figures(study, protocol, method="ours"):
    scores = PROTOCOLS[protocol].score(study)[method]
    pairs = list(range(len(scores.pairs)))
    return {measure.name: measure.of(pairs) for measure in scores.measures}, scores


def test_verdicts_are_counted_on_changed_and_still_pairs_apart(make_references, make_results, make_study):
    references = make_references(CHANGED, CHANGED, STILL, STILL, STILL)
    results = make_results(CHANGED, STILL, STILL, {"boxes_of_mask": [HOUSE, (20, 20, 26, 26)]}, STILL)
    found, _ = figures(make_study(references, ours=results), "verdict")
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["TNR"] == pytest.approx(2 / 3)
    assert found["recall"] == pytest.approx(1 / 2)
    assert found["precision"] == pytest.approx(1 / 2)
    assert found["balanced accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["regions a still pair"] == pytest.approx(2 / 3)
    # Changed pairs have 0.9 and 0.1, still ones 0.1, 0.9 and 0.1: three ordered, two alike twice over.
    assert found["AUC"] == pytest.approx((2 + 0.5 + 2 * 0.5) / 6)
    assert found["caption agrees"] == pytest.approx(3 / 5)


def test_pairs_of_one_class_have_no_area_and_no_tnr_and_say_why(make_references, make_results, make_study):
    found, scores = figures(make_study(make_references(CHANGED), ours=make_results(CHANGED)), "verdict")
    assert (found["AUC"], found["TNR"], found["balanced accuracy"]) == (None, None, None)
    why = {measure.name: measure.undefined for measure in scores.measures}
    assert why["AUC"] == "all pairs are changed"
    assert why["TNR"] == why["balanced accuracy"] == "no pair is unchanged"


def test_a_verdict_that_is_left_open_is_not_right(make_references, make_results, make_study):
    study = make_study(make_references(STILL, STILL), ours=make_results({"changed": None}, {}))
    found, scores = figures(study, "verdict")
    assert found["TNR"] == 0.5
    assert scores.notes == ["1 verdicts are left open, which is never right"]


def test_captions_alone_are_read_and_the_table_says_so(make_references, make_study, tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_text('{"id": "p0", "caption": "a house appears"}\n{"id": "p1", "caption": "no change"}\n')
    found, scores = figures(make_study(make_references(CHANGED, STILL), ours=path), "verdict")
    assert found["accuracy"] == 1
    assert found["AUC"] is None
    assert scores.notes == ["its verdicts are read from its captions"]


def test_without_a_truth_nothing_is_scored(make_references, make_results, make_study):
    with pytest.raises(LeftOutError, match="neither changed, masks nor captions"):
        figures(make_study(make_references({}), ours=make_results({})), "verdict")


def test_who_is_as_sure_as_right_is_calibrated(make_references, make_results, make_study):
    references = make_references(*[CHANGED] * 3, STILL)
    found, scores = figures(make_study(references, ours=make_results(*[{"score": 0.75}] * 4)), "calibration")
    assert found["ECE"] == pytest.approx(0)
    assert found["Brier"] == pytest.approx(0.1875)
    assert found["share changed"] == 0.75
    assert scores.extra["reliability"] == [
        {"low": pytest.approx(11 / 15), "high": pytest.approx(12 / 15), "pairs": 4, "score": 0.75, "changed": 0.75}
    ]


def test_a_score_that_is_missing_is_named(make_references, make_study, tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_text('{"id": "p0", "score": 0.5, "caption": "x"}\n{"id": "p1", "caption": "y"}\n')
    left_out = PROTOCOLS["calibration"].score(make_study(make_references(STILL, STILL), ours=path))["ours"]
    assert str(left_out) == "1 answers have no score, the first is of p1"


def test_a_score_of_one_lies_in_the_last_bin():
    import numpy as np

    (row,) = reliability(np.array([1.0]), np.array([True]))
    assert (row["low"], row["high"]) == (14 / 15, 1)
