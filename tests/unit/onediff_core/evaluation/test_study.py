from __future__ import annotations

import pytest

from onediff_core.errors import EvaluationError
from onediff_core.evaluation.references import References
from onediff_core.evaluation.study import Study, no_change

HOUSE = (4, 4, 16, 16)
FAILED = {"error": {"type": "PairError", "message": "no picture"}}


def test_answers_are_joined_by_id_whatever_their_order(make_references, make_results, make_study):
    references = make_references({"id": "a"}, {"id": "b"})
    study = make_study(references, ours=make_results({"id": "b", "caption": "two"}, {"id": "a", "caption": "one"}))
    assert study.captions("ours") == ["one", "two"]


def test_ids_that_either_side_lacks_are_named_and_refused(make_references, make_results, make_study):
    references = make_references(*({"id": f"r{number}"} for number in range(14)))
    results = make_results({"id": "r0"}, {"id": "x"}, {"id": "r1", **FAILED})
    with pytest.raises(EvaluationError, match="12 references have no answer: r2, r3") as caught:
        make_study(references, ours=results)
    said = str(caught.value)
    assert "r11 and 2 more" in said
    assert "1 answers have no reference: x" in said
    assert "1 pairs failed: r1" in said
    assert "--missing skip" in said


def test_pairs_that_one_method_lacks_can_be_left_out_for_all(make_references, make_results, make_study):
    references = make_references({}, {}, {})
    ours = make_results({}, {"id": "p1", **FAILED}, {}, {"id": "x"})
    theirs = make_results({}, {}, name="theirs")
    study = make_study(references, missing="skip", ours=ours, theirs=theirs)
    assert [pair.id for pair in study.pairs] == ["p0"]
    assert [(gap.method, gap.kind, gap.ids) for gap in study.gaps] == [
        ("ours", "unknown", ("x",)),
        ("ours", "failed", ("p1",)),
        ("theirs", "unanswered", ("p2",)),
    ]


def test_what_is_missing_can_count_as_saying_nothing(make_references, make_results, make_study):
    references = make_references({"boxes_of_mask": [HOUSE]}, {"boxes_of_mask": [HOUSE]})
    study = make_study(references, missing="empty", ours=make_results({"boxes_of_mask": [HOUSE]}, {**FAILED}))
    assert study.captions("ours") == ["A house is built.", ""]
    assert study.verdicts("ours") == [True, None]
    assert study.places("ours")[1].pixels == (0, 0, 144)
    assert study.places("ours")[1].found == 0


def test_nothing_in_common_is_no_study(make_references, make_results, make_study):
    with pytest.raises(EvaluationError, match=r"no pair of .* was answered by all of ours"):
        make_study(make_references({"id": "a"}), missing="skip", ours=make_results({"id": "b"}))


def test_a_mask_of_another_size_is_refused(make_references, make_results, make_study):
    study = make_study(make_references({"boxes_of_mask": [HOUSE]}), ours=make_results({}, side=20))
    with pytest.raises(EvaluationError, match=r"pair 'p0': the mask .* 20x20 pixels, the after image .* 40x40"):
        study.places("ours")


def test_a_mask_that_is_not_there_is_named(make_references, make_results, make_study):
    results = make_results({})
    (results.parent / "pairs/p0.png").unlink()
    study = make_study(make_references({"boxes_of_mask": [HOUSE]}), ours=results)
    with pytest.raises(EvaluationError, match="pair 'p0': the mask cannot be read"):
        study.places("ours")


def test_whether_a_pair_changed_is_said_by_the_list_then_by_places_then_by_captions(
    make_references, make_results, make_study
):
    still, built = ["there is no difference"], ["a house is built"]
    references = make_references(
        {"changed": False, "boxes_of_mask": [HOUSE], "captions": built},
        {"boxes_of_mask": [HOUSE], "captions": still},
        {"boxes_of_mask": [], "captions": built},
        {"captions": built},
        {"regions": []},
        {},
    )
    results = make_results(*[{}] * 6)
    study = make_study(references, ours=results)
    assert study.changed == [False, True, False, True, False, None]
    assert study.contradicting == ["p0", "p1", "p2"]
    by_captions = make_study(references, truth_by="captions", ours=results)
    assert by_captions.changed == [True, False, True, True, None, None]
    by_places = make_study(references, truth_by="places", ours=results)
    assert by_places.changed == [True, True, False, None, False, None]


def test_a_method_without_verdicts_is_read(make_references, make_study, tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_text('{"id": "p0", "caption": "there is no change"}\n{"id": "p1", "caption": "a car left"}\n'
                    '{"id": "p2", "caption": ""}\n')  # fmt: skip
    study = make_study(make_references({}, {}, {}), theirs=path)
    assert study.verdicts("theirs") == [False, True, None]


def test_no_change_says_so_of_every_pair(make_references):
    references = References(make_references({"boxes_of_mask": [HOUSE]}, {"boxes_of_mask": []}))
    study = Study(references, [no_change(references)])
    assert study.verdicts("no-change") == [False, False]
    assert [place.pixels for place in study.places("no-change")] == [(0, 0, 144), (0, 0, 0)]
