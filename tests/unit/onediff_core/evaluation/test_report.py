from __future__ import annotations

import json

import pytest

from onediff_core.evaluation import report, tables
from onediff_core.evaluation.study import Study, no_change

HOUSE, POOL = (4, 4, 16, 16), (24, 24, 36, 32)


@pytest.fixture
def study(make_references, make_results, make_study):
    references = make_references(*({"boxes_of_mask": [HOUSE], "group": f"g{number // 2}"} for number in range(6)))
    results = make_results(*({"boxes_of_mask": [HOUSE if number < 4 else POOL]} for number in range(6)))
    return make_study(references, ours=results)


def test_figures_have_intervals_over_groups(study):
    by_name = {result.protocol.name: result for result in report.evaluate(study, ["masks"], resamples=200)}
    figure = by_name["masks"].figures["ours"]["mean pair IoU"]
    assert figure.value == pytest.approx(4 / 6)
    # Of three groups that are drawn with replacement, none may be the one that failed, or all.
    assert (figure.low, figure.high) == (0, 1)
    assert figure.cell() == "0.667 (0.000 to 1.000)"


def test_without_resamples_or_with_one_group_there_is_no_interval(study, make_references, make_results, make_study):
    (result,) = report.evaluate(study, ["masks"], resamples=0)
    assert result.figures["ours"]["F1"].low is None
    assert "In brackets" not in tables.page(study, [result], "")
    assert "In brackets" in tables.page(study, report.evaluate(study, ["masks"], resamples=20), "")
    one = make_study(make_references({"boxes_of_mask": [HOUSE]}, name="one"), ours=make_results({}, name="single"))
    (result,) = report.evaluate(one, ["masks"])
    assert result.figures["ours"]["F1"].low is None
    assert result.figures["ours"]["F1"].cell() == "0.000"


def test_protocols_that_lack_something_say_what(study):
    results = report.evaluate(study, ["coco", "swap", "verdict"])
    assert results[0].left_out == {"": "the references have no captions"}
    page = tables.page(study, results, "onediff eval ...")
    assert "## coco: Captions as COCO's are scored, all pairs\n\nLeft out: the references have no captions." in page
    assert "It needs captions on both sides" in page
    assert "- no TNR: no pair is unchanged" in page


def test_methods_stand_side_by_side(study):
    both = Study(study.references, [no_change(study.references)], no_tools="")
    both.answers["ours"] = study.answers["ours"]
    (result,) = report.evaluate(both, ["masks"], resamples=0)
    table = [line for line in tables.page(both, [result], "").splitlines() if line.startswith("| ")]
    assert table[0].startswith("| 6 pairs | F1 | IoU | precision | recall (of 864) |")
    assert [line.split(" | ")[0] for line in table[2:]] == ["| no-change", "| ours"]
    assert table[2].split(" | ")[1:4] == ["0.000", "0.000", "-"]


def test_everything_is_plain_json(study):
    results = report.evaluate(study, resamples=20)
    held = json.loads(json.dumps(report.as_json(study, results, {"command": "x"}), allow_nan=False))
    assert held["schema"] == "onediff.evaluation/1"
    assert (held["pairs"], held["groups"], held["methods"]) == (6, 3, ["ours"])
    assert held["protocols"]["verdict"]["methods"]["ours"]["figures"]["TNR"]["reason"] == "no pair is unchanged"
    assert held["protocols"]["verdict"]["methods"]["ours"]["figures"]["TNR"]["value"] is None
    assert held["protocols"]["coco"]["left_out"] == {"": "the references have no captions"}


def test_samples_have_a_row_for_each_pair_and_method(study):
    rows = report.sample_rows(study, report.evaluate(study, ["masks", "verdict"], resamples=0))
    assert len(rows) == 6
    assert rows[0]["masks.iou"] == 1
    assert rows[5]["masks.iou"] == 0
    assert (rows[0]["verdict.changed"], rows[0]["true_changed"], rows[0]["group"]) == (True, True, "g0")


def test_what_is_missing_stands_above_the_tables(make_references, make_results, make_study):
    references = make_references({"boxes_of_mask": [HOUSE], "captions": ["there is no difference"]}, {}, {"id": "b"})
    study = make_study(references, missing="skip", ours=make_results({}, {}))
    page = tables.page(study, [], "x")
    assert "- ours: 1 references have no answer: b" in page
    assert "- the captions of 1 references contradict the rest: p0" in page
    assert "2 pairs in 2 groups: 1 changed, 0 not, 1 unknown" in page
