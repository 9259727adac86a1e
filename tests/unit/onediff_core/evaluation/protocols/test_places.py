from __future__ import annotations

import pytest

from onediff_core.evaluation.protocols import PROTOCOLS
from onediff_core.evaluation.protocols.base import LeftOutError

HOUSE, POOL = (4, 4, 16, 16), (24, 24, 36, 32)


def figures(study, protocol, method="ours"):
    scores = PROTOCOLS[protocol].score(study)[method]
    pairs = list(range(len(scores.pairs)))
    return {measure.name: measure.of(pairs) for measure in scores.measures}, scores


def test_pixels_are_pooled_and_pairs_are_averaged(make_references, make_results, make_study):
    references = make_references({"boxes_of_mask": [HOUSE]}, {"boxes_of_mask": []}, {"boxes_of_mask": [POOL]})
    results = make_results({"boxes_of_mask": [(4, 4, 16, 10)]}, {"boxes_of_mask": []}, {"boxes_of_mask": [POOL]})
    found, scores = figures(make_study(references, ours=results), "masks")
    hits, missed = 72 + 96, 72
    assert found["F1"] == pytest.approx(2 * hits / (2 * hits + missed))
    assert found["IoU"] == pytest.approx(hits / (hits + missed))
    assert found["precision"] == 1
    assert found["recall"] == pytest.approx(hits / (hits + missed))
    assert found["mean pair IoU"] == pytest.approx((0.5 + 1 + 1) / 3)
    assert found["mean pair F1"] == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert scores.columns["f1"] == [pytest.approx(2 / 3), None, 1]


def test_a_pair_that_failed_agrees_with_nothing(make_references, make_results, make_study):
    failed = {"error": {"type": "PairError", "message": "no picture"}}
    references = make_references({"boxes_of_mask": []}, {"boxes_of_mask": []})
    study = make_study(references, missing="empty", ours=make_results(failed, {}))
    assert figures(study, "masks")[0]["mean pair IoU"] == 0.5


def test_regions_are_matched_one_to_one(make_references, make_results, make_study):
    references = make_references({"boxes_of_mask": [HOUSE, POOL]}, {"boxes_of_mask": []})
    results = make_results({"boxes_of_mask": [(4, 4, 16, 13), (4, 20, 12, 38)]}, {"boxes_of_mask": [POOL]})
    found, scores = figures(make_study(references, ours=results), "regions")
    assert found["precision"] == pytest.approx(1 / 3)
    assert found["recall"] == pytest.approx(1 / 2)
    assert found["F1"] == pytest.approx(2 / 5)
    assert found["kind accuracy"] is None
    assert scores.notes == ["of 2 pairs the true regions are the components of the mask"]


def test_kinds_are_right_or_wrong_where_they_are_known(make_references, make_results, make_study):
    listed = [{"kind": "added", "box": HOUSE, "label": "house"}, {"kind": "removed", "box": POOL, "label": "pool"}]
    references = make_references({"regions": listed})
    found, scores = figures(make_study(references, ours=make_results({"boxes_of_mask": [HOUSE, POOL]})), "regions")
    assert (found["F1"], found["kind accuracy"]) == (1, 0.5)
    assert scores.extra["kinds"] == {"added told added": 1, "removed told added": 1}


def test_what_lacks_masks_or_regions_is_left_out_with_a_reason(make_references, make_study, tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_text('{"id": "p0", "caption": "x"}\n')
    study = make_study(make_references({"boxes_of_mask": [HOUSE]}), theirs=path)
    assert str(PROTOCOLS["masks"].score(study)["theirs"]) == "its answers have no masks"
    assert str(PROTOCOLS["regions"].score(study)["theirs"]) == "its answers list no regions"
    bare = make_study(make_references({}, name="bare"), theirs=path)
    with pytest.raises(LeftOutError, match="have no masks"):
        PROTOCOLS["masks"].score(bare)
    with pytest.raises(LeftOutError, match="neither regions nor masks"):
        PROTOCOLS["regions"].score(bare)
