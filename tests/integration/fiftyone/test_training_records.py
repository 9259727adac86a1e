"""Decisions of a review as pairs to train on: real comparisons, a real dataset, read back as training reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from onediff_core.data import PairFolder
from onediff_fiftyone import to_fiftyone, training_records
from onediff_fiftyone.loop.records import ReviewError
from onediff_plugins.batch import RunPlan, run_batch
from onediff_plugins.errors import ExportError
from onediff_plugins.pairs import read_pairs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = (96, 64)
LEFT, RIGHT = (8, 30, 28, 50), (60, 26, 84, 46)
PAIRS = {"two": (LEFT, RIGHT), "one": (RIGHT,), "other": (LEFT,), "same": (), "waiting": (LEFT,)}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch over pages to which boxes were added."""
    folder = tmp_path_factory.mktemp("review")
    page = Image.new("RGB", SIZE, (240, 240, 240))
    page.paste((30, 30, 30), (8, 8, 40, 14))
    page.save(folder / "before.png")
    lines = []
    for name, boxes in PAIRS.items():
        after = page.copy()
        for box in boxes:
            after.paste((200, 20, 20), box)
        after.save(folder / f"{name}.png")
        lines.append(
            {"id": name, "before": "before.png", "after": f"{name}.png", "domain": "ui", "group": f"page {name}"}
        )
    lines[0] |= {"split": "train", "licence": "CC0-1.0"}
    (folder / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    run_batch(RunPlan(out=folder / "run"), read_pairs(folder / "pairs.jsonl"), workers=1)
    return folder / "run"


@pytest.fixture
def review(fo: Any, run: Path, dataset_name: Callable[[], str]) -> Review:
    return Review(fo, to_fiftyone(run, name=dataset_name()).dataset)


class Review:
    """A dataset, and decisions as the App writes them."""

    def __init__(self, fo: Any, dataset: Any) -> None:
        self.fo, self.dataset = fo, dataset

    def decide(self, pair: str, state: str, *, caption: str | None = None, **regions: dict[str, Any]) -> None:
        """Decide about a pair; `left` and `right` are what is set on the region there."""
        sample = self.sample(pair)
        sample["review"].label = state
        for region in sample["changes"].detections:
            side = "left" if region.bounding_box[0] < 0.4 else "right"
            for name, value in regions.get(side, {}).items():
                region[name] = value
        if caption is not None:
            sample["caption"] = caption
        sample.save()

    def draw(self, pair: str, box: tuple[int, int, int, int], mask: Any = None, **values: Any) -> None:
        x0, y0, x1, y1 = box
        place = [x0 / SIZE[0], y0 / SIZE[1], (x1 - x0) / SIZE[0], (y1 - y0) / SIZE[1]]
        sample = self.sample(pair)
        sample["changes"].detections.append(self.fo.Detection(label="box", bounding_box=place, mask=mask, **values))
        sample.save()

    def sample(self, pair: str) -> Any:
        return self.dataset.select_group_slices("after").match({"pair_id": pair}).first()

    def export(self, out: Path) -> dict[str, Any]:
        training_records(self.dataset, out)
        return {sample.id: sample for sample in PairFolder(out)}


def where(*boxes: tuple[int, int, int, int]) -> Any:
    mask = np.zeros(SIZE[::-1], bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def lines_of(out: Path) -> dict[str, Any]:
    rows = map(json.loads, (out / "pairs.jsonl").read_text(encoding="utf-8").splitlines())
    return {row["id"]: row for row in rows}


def test_an_accepted_pair_teaches_its_mask_regions_and_caption(review: Review, tmp_path: Path) -> None:
    review.decide("two", "accepted")
    pairs = review.export(tmp_path / "out")
    assert list(pairs) == ["two"], "pairs about which nobody decided are left out"
    pair = pairs["two"]
    assert (pair.changed, pair.group, pair.split, pair.licence) == (True, "page two", "train", "CC0-1.0")
    np.testing.assert_array_equal(pair.masks["change"], where(LEFT, RIGHT))
    assert sorted(region.box for region in pair.regions) == [LEFT, RIGHT]
    assert pair.captions == (review.sample("two")["model_caption"],)
    assert pair.before.shape == (64, 96, 3)


def test_a_rejected_pair_did_not_change(review: Review, tmp_path: Path) -> None:
    review.decide("one", "rejected")
    pair = review.export(tmp_path / "out")["one"]
    assert pair.changed is False
    assert pair.regions == ()
    assert pair.captions == ()
    assert not pair.masks["change"].any()


def test_a_rejected_region_is_no_change_and_takes_the_models_words_with_it(review: Review, tmp_path: Path) -> None:
    review.decide("two", "accepted", left={"review": "rejected"})
    pair = review.export(tmp_path / "out")["two"]
    np.testing.assert_array_equal(pair.masks["change"], where(RIGHT))
    assert [region.box for region in pair.regions] == [RIGHT]
    assert pair.captions == ()


def test_a_region_that_was_accepted_in_a_rejected_pair_stands(review: Review, tmp_path: Path) -> None:
    review.decide("two", "rejected", right={"review": "accepted"})
    pair = review.export(tmp_path / "out")["two"]
    assert pair.changed is True
    np.testing.assert_array_equal(pair.masks["change"], where(RIGHT))


def test_what_people_wrote_wins_over_the_models_words(review: Review, tmp_path: Path) -> None:
    review.decide("one", "accepted", caption="A banner came.", right={"label": "banner", "caption": "A red banner."})
    review.decide("other", "rejected", caption="Nothing that matters.")
    pairs = review.export(tmp_path / "out")
    assert pairs["one"].captions == ("A banner came.",)
    assert [(region.label, region.caption) for region in pairs["one"].regions] == [("banner", "A red banner.")]
    assert pairs["other"].captions == ("Nothing that matters.",)


def test_a_drawn_box_is_a_region_within_which_the_mask_says_nothing(review: Review, tmp_path: Path) -> None:
    review.decide("one", "rejected")
    review.draw("one", LEFT, kind="removed")
    pair = review.export(tmp_path / "out")["one"]
    assert pair.changed is True
    assert [(region.kind, region.box) for region in pair.regions] == [("removed", LEFT)]
    assert not pair.masks["change"].any()
    np.testing.assert_array_equal(pair.ignore, where(LEFT))


def test_a_painted_region_is_in_the_mask(review: Review, tmp_path: Path) -> None:
    review.decide("one", "accepted")
    review.draw("one", LEFT, mask=np.ones((10, 10), bool), kind="added")
    pair = review.export(tmp_path / "out")["one"]
    np.testing.assert_array_equal(pair.masks["change"], where(LEFT, RIGHT))
    assert pair.ignore is None


def test_a_box_that_was_made_smaller_cuts_the_mask(review: Review, tmp_path: Path) -> None:
    review.decide("one", "accepted", right={"bounding_box": [60 / 96, 26 / 64, 12 / 96, 20 / 64]})
    pair = review.export(tmp_path / "out")["one"]
    np.testing.assert_array_equal(pair.masks["change"], where((60, 26, 72, 46)))
    assert [region.box for region in pair.regions] == [(60, 26, 72, 46)]


def test_an_unchanged_pair_teaches_that_only_if_somebody_agreed(review: Review, tmp_path: Path) -> None:
    review.decide("same", "accepted")
    pair = review.export(tmp_path / "agreed")["same"]
    assert pair.changed is False
    review.decide("same", "rejected")
    review.decide("one", "accepted")
    summary = training_records(review.dataset, tmp_path / "denied")
    assert summary.left_out == {"missed": ["same"]}


def test_it_is_kept_who_decided_what(review: Review, tmp_path: Path) -> None:
    review.dataset.add_sample_field("reviewed_by", review.fo.StringField)
    review.decide("two", "accepted", left={"review": "rejected"})
    sample = review.sample("two")
    sample["reviewed_by"] = "kim"
    sample.save()
    training_records(review.dataset, tmp_path / "out")
    decided = lines_of(tmp_path / "out")["two"]["meta"]["decided"]
    dropped = [region.region_id for region in sample["changes"].detections if region.bounding_box[0] < 0.4]
    assert (decided["review"], decided["by"], decided["rejected_regions"]) == ("accepted", ["kim"], dropped)


def test_of_a_view_its_pairs_alone(review: Review, tmp_path: Path) -> None:
    for pair in ("one", "two"):
        review.decide(pair, "accepted")
    view = review.dataset.select_group_slices("after").match({"pair_id": "one"})
    assert training_records(view, tmp_path / "flat").kept == 1
    assert training_records(review.dataset.select(view.values("id")), tmp_path / "grouped").kept == 1


def test_a_decision_about_another_finding_is_left_out(review: Review, tmp_path: Path) -> None:
    for pair in ("one", "other"):
        review.decide(pair, "accepted")
    sample = review.sample("one")
    sample["review_outdated"] = True
    sample.save()
    summary = training_records(review.dataset, tmp_path / "out")
    assert summary.left_out == {"outdated": ["one"]}


def test_without_decisions_there_is_nothing_to_learn(review: Review, tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"nobody decided about any of the 5 pairs .* accept or reject some first"):
        training_records(review.dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_left_alone(review: Review, tmp_path: Path) -> None:
    review.decide("one", "accepted")
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportError, match="is there already"):
        training_records(review.dataset, tmp_path / "out")
