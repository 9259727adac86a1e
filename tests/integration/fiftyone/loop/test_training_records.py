"""Decisions of a review as pairs to train on: real comparisons, a real dataset, read back as training reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from onediff_fiftyone import training_records
from onediff_fiftyone.loop.records import ReviewError
from onediff_fiftyone.opening import DatasetError
from onediff_plugins.errors import ExportError

if TYPE_CHECKING:
    from pathlib import Path

LEFT, RIGHT = (8, 30, 28, 50), (60, 26, 84, 46)


def lines_of(out: Path) -> dict[str, Any]:
    rows = map(json.loads, (out / "pairs.jsonl").read_text(encoding="utf-8").splitlines())
    return {row["id"]: row for row in rows}


def test_an_accepted_pair_teaches_its_mask_regions_and_caption(review, where, tmp_path: Path) -> None:
    review.decide("two", "accepted")
    pairs = review.export(tmp_path / "out")
    assert list(pairs) == ["two"], "pairs about which nobody decided are left out"
    pair = pairs["two"]
    assert (pair.changed, pair.group, pair.split, pair.licence) == (True, "page two", "train", "CC0-1.0")
    np.testing.assert_array_equal(pair.masks["change"], where(LEFT, RIGHT))
    assert sorted(region.box for region in pair.regions) == [LEFT, RIGHT]
    assert pair.captions == (review.sample("two")["model_caption"],)
    assert pair.before.shape == (64, 96, 3)


def test_a_rejected_pair_did_not_change(review, tmp_path: Path) -> None:
    review.decide("one", "rejected")
    pair = review.export(tmp_path / "out")["one"]
    assert pair.changed is False
    assert pair.regions == ()
    assert pair.captions == ()
    assert not pair.masks["change"].any()


def test_a_rejected_region_is_no_change_and_takes_the_models_words_with_it(review, where, tmp_path: Path) -> None:
    review.decide("two", "accepted", left={"review": "rejected"})
    pair = review.export(tmp_path / "out")["two"]
    np.testing.assert_array_equal(pair.masks["change"], where(RIGHT))
    assert [region.box for region in pair.regions] == [RIGHT]
    assert pair.captions == ()


def test_a_region_that_was_accepted_in_a_rejected_pair_stands(review, where, tmp_path: Path) -> None:
    review.decide("two", "rejected", right={"review": "accepted"})
    pair = review.export(tmp_path / "out")["two"]
    assert pair.changed is True
    np.testing.assert_array_equal(pair.masks["change"], where(RIGHT))


def test_what_people_wrote_wins_over_the_models_words(review, tmp_path: Path) -> None:
    review.decide("one", "accepted", caption="A banner came.", right={"label": "banner", "caption": "A red banner."})
    review.decide("other", "rejected", caption="Nothing that matters.")
    pairs = review.export(tmp_path / "out")
    assert pairs["one"].captions == ("A banner came.",)
    assert [(region.label, region.caption) for region in pairs["one"].regions] == [("banner", "A red banner.")]
    assert pairs["other"].captions == ("Nothing that matters.",)


def test_a_drawn_box_is_a_region_within_which_the_mask_says_nothing(review, where, tmp_path: Path) -> None:
    review.decide("one", "rejected")
    review.draw("one", LEFT, kind="removed")
    pair = review.export(tmp_path / "out")["one"]
    assert pair.changed is True
    assert [(region.kind, region.box) for region in pair.regions] == [("removed", LEFT)]
    assert not pair.masks["change"].any()
    np.testing.assert_array_equal(pair.ignore, where(LEFT))


def test_a_painted_region_is_in_the_mask(review, where, tmp_path: Path) -> None:
    review.decide("one", "accepted")
    review.draw("one", LEFT, mask=np.ones((10, 10), bool), kind="added")
    pair = review.export(tmp_path / "out")["one"]
    np.testing.assert_array_equal(pair.masks["change"], where(LEFT, RIGHT))
    assert pair.ignore is None


def test_a_box_that_was_made_smaller_cuts_the_mask(review, where, tmp_path: Path) -> None:
    review.decide("one", "accepted", right={"bounding_box": [60 / 96, 26 / 64, 12 / 96, 20 / 64]})
    pair = review.export(tmp_path / "out")["one"]
    np.testing.assert_array_equal(pair.masks["change"], where((60, 26, 72, 46)))
    assert [region.box for region in pair.regions] == [(60, 26, 72, 46)]


def test_an_unchanged_pair_teaches_that_only_if_somebody_agreed(review, tmp_path: Path) -> None:
    review.decide("same", "accepted")
    pair = review.export(tmp_path / "agreed")["same"]
    assert pair.changed is False
    review.decide("same", "rejected")
    review.decide("one", "accepted")
    summary = training_records(review.dataset, tmp_path / "denied")
    assert summary.left_out == {"missed": ["same"]}


def test_it_is_kept_who_decided_what(review, tmp_path: Path) -> None:
    review.dataset.add_sample_field("reviewed_by", review.fo.StringField)
    review.decide("two", "accepted", left={"review": "rejected"})
    sample = review.sample("two")
    sample["reviewed_by"] = "kim"
    sample.save()
    training_records(review.dataset, tmp_path / "out")
    decided = lines_of(tmp_path / "out")["two"]["meta"]["decided"]
    dropped = [region.region_id for region in sample["changes"].detections if region.bounding_box[0] < 0.4]
    assert (decided["review"], decided["by"], decided["rejected_regions"]) == ("accepted", ["kim"], dropped)


def test_of_a_view_its_pairs_alone(review, tmp_path: Path) -> None:
    for pair in ("one", "two"):
        review.decide(pair, "accepted")
    view = review.dataset.select_group_slices("after").match({"pair_id": "one"})
    assert training_records(view, tmp_path / "flat").kept == 1
    assert training_records(review.dataset.select(view.values("id")), tmp_path / "grouped").kept == 1


def test_a_decision_about_another_finding_is_left_out(review, tmp_path: Path) -> None:
    for pair in ("one", "other"):
        review.decide(pair, "accepted")
    sample = review.sample("one")
    sample["review_outdated"] = True
    sample.save()
    summary = training_records(review.dataset, tmp_path / "out")
    assert summary.left_out == {"outdated": ["one"]}


def test_without_decisions_there_is_nothing_to_learn(review, tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"nobody decided about any of the 5 pairs .* accept or reject some first"):
        training_records(review.dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_left_alone(review, tmp_path: Path) -> None:
    review.decide("one", "accepted")
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportError, match="is there already"):
        training_records(review.dataset, tmp_path / "out")


def test_a_dataset_of_something_else_is_refused(fo, dataset_name, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="was not made from results of onediff"):
        training_records(fo.Dataset(dataset_name()), tmp_path / "out")
