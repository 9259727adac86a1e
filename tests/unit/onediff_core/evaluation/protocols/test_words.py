from __future__ import annotations

import pytest

from onediff_core.evaluation.protocols import PROTOCOLS
from onediff_core.evaluation.protocols.base import LeftOutError

HOUSE, POOL = (4, 4, 16, 16), (24, 24, 36, 36)


def figures(study, protocol, method="ours"):
    scores = PROTOCOLS[protocol].score(study)[method]
    pairs = list(range(len(scores.pairs)))
    return {measure.name: measure.of(pairs) for measure in scores.measures}, scores


def gone(box):
    x0, y0, x1, y1 = box
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    fields = {"kind": "removed", "label": "", "score": 0.9, "area_px": 100}
    return {**fields, "bbox_after": None, "bbox_before": list(box), "polygon": polygon}


def test_facts_are_asked_of_pairs_with_one_change(make_references, make_results, make_study):
    references = make_references(
        {"regions": [{"kind": "added", "box": HOUSE, "label": "house"}]},
        {"regions": [{"kind": "removed", "box": POOL, "label": ""}]},
        {"regions": []},
    )
    results = make_results({"caption": "A house appears at the top left."}, {"caption": "A pool appears."}, {})
    found, scores = figures(make_study(references, ours=results), "facts")
    assert found == {"kind said": 0.5, "side said": 0.5, "thing named": 1}
    assert scores.pairs == [0, 1]


def test_what_came_is_gone_in_the_other_order(make_references, make_results, make_study):
    references = make_references({"boxes_of_mask": [HOUSE]}, {"boxes_of_mask": [POOL]}, {"boxes_of_mask": []})
    forwards = make_results({"boxes_of_mask": [HOUSE]}, {"boxes_of_mask": [POOL]}, {})
    backwards = make_results(
        {"boxes_of_mask": [HOUSE], "regions": [gone(HOUSE)], "caption": "A house was removed."},
        {"boxes_of_mask": [(24, 24, 36, 30)], "changed": False},
        {},
        name="swapped",
    )
    found, _ = figures(make_study(references, ours=forwards, swapped={"ours": backwards}), "swap")
    assert found["same verdict"] == pytest.approx(2 / 3)
    assert found["regions turn round"] == pytest.approx(2 / 4)
    assert found["captions turn round"] == pytest.approx(1 / 2)
    assert found["mask IoU of both orders"] == pytest.approx((1 + 0.5 + 1) / 3)


def test_pairs_without_the_other_order_are_left_out_and_counted(make_references, make_results, make_study):
    references = make_references({}, {})
    study = make_study(references, ours=make_results({}, {}), swapped={"ours": make_results({}, name="swapped")})
    found, scores = figures(study, "swap")
    assert scores.pairs == [0]
    assert found["captions turn round"] is None
    assert scores.notes == ["1 pairs without an answer in both orders are left out"]


def test_without_the_other_order_there_is_no_test(make_references, make_results, make_study):
    with pytest.raises(LeftOutError, match="--swapped, or ask for --swap"):
        PROTOCOLS["swap"].score(make_study(make_references({}), ours=make_results({})))
