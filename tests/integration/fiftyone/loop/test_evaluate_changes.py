"""A run scored against what people decided, and against lists of pairs; FiftyOne keeps it as an evaluation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from onediff_fiftyone import evaluate_changes
from onediff_fiftyone.installing import install, uninstall
from onediff_fiftyone.loop.evaluating import EvaluationError
from onediff_fiftyone.loop.scores import Counted

if TYPE_CHECKING:
    from collections.abc import Callable

LEFT, RIGHT = (8, 30, 28, 50), (60, 26, 84, 46)


@pytest.fixture
def listed(run: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes a list of what is true: by id the columns of a line; masks and `ignore` as arrays."""

    def write(**pairs: dict[str, Any]) -> Path:
        lines = []
        for name, columns in pairs.items():
            line = {"id": name, "before": str(run.parent / "before.png"), "after": str(run.parent / f"{name}.png")}
            for column, value in columns.items():
                if isinstance(value, np.ndarray):
                    Image.fromarray(value.astype(np.uint8) * 255).save(tmp_path / f"{name}-{column}.png")
                    line[column] = f"{name}-{column}.png"
                else:
                    line[column] = value
            lines.append(json.dumps(line) + "\n")
        (tmp_path / "truth.jsonl").write_text("".join(lines), encoding="utf-8")
        return tmp_path / "truth.jsonl"

    return write


def marks(review, pair: str, name: str = "eval", field: str = "changes") -> list[str]:
    """Of the regions of a pair, from left to right."""
    return [one[name] for one in sorted(review.sample(pair)[field].detections, key=lambda one: one.bounding_box[0])]


def test_what_people_decided_is_the_truth(review) -> None:
    review.decide("two", "accepted", left={"review": "rejected"})
    review.decide("one", "accepted")
    review.draw("one", LEFT, kind="added", mask=np.ones((20, 20), bool))
    review.decide("other", "rejected")
    review.decide("same", "accepted")
    scores = evaluate_changes(review.dataset)
    assert scores.pairs == 4, "nobody decided about the fifth"
    assert scores.regions == Counted(hits=2, false=2, missed=1)
    assert (scores.still, scores.changed, scores.balanced_accuracy) == ((2, 1), (2, 2), 0.75)
    assert marks(review, "two") == ["fp", "tp"]
    assert marks(review, "one") == ["drawn", "tp"]
    assert marks(review, "one", field="truth") == ["fn", "tp"]
    assert [review.sample(pair)["eval_verdict"] for pair in ("two", "other")] == ["right", "false alarm"]
    assert review.sample("waiting")["eval_verdict"] is None
    # LEFT has 400 pixels, RIGHT 480: found both of which one is right; found one of two; found one of none.
    ious = [review.sample(pair)["eval_mask_iou"] for pair in ("two", "one", "other", "same")]
    assert ious == pytest.approx([480 / 880, 480 / 880, 0, 1])


def test_masks_verdicts_and_captions_of_a_list(review, where, listed) -> None:
    nearly = review.sample("two")["model_caption"] + " Nobody knows why."
    truth = listed(
        two={"mask": where(LEFT), "captions": [nearly]},
        same={"mask": where(LEFT)},
        other={"changed": False},
    )
    scores = evaluate_changes(review.dataset, truth, eval_key="held")
    assert scores.pixels == Counted(hits=400, false=480, missed=400)
    assert scores.mean_iou == pytest.approx((400 / 880 + 0) / 2)
    assert scores.regions == Counted(hits=1, false=1, missed=1), "regions of masks are their components"
    verdicts = {pair: review.sample(pair)["held_verdict"] for pair in ("two", "same", "other")}
    assert verdicts == {"two": "right", "same": "missed", "other": "false alarm"}
    assert [review.sample(pair)["held_caption_agrees"] for pair in ("two", "other")] == [True, False]
    assert 0 < review.sample("two")["held_meteor"] < 1
    assert scores.captions["METEOR"] == pytest.approx(review.sample("two")["held_meteor"])
    assert review.sample("same")["held_meteor"] is None


def test_words_that_are_as_people_said_score_more(review, listed) -> None:
    said = review.sample("two")["model_caption"]
    evaluate_changes(review.dataset, listed(two={"captions": [said]}, one={"captions": ["nobody says this so"]}))
    assert review.sample("two")["eval_meteor"] == pytest.approx(1, abs=0.01)
    assert review.sample("one")["eval_meteor"] < 0.5


def test_regions_of_another_kind_are_confused_and_wrong_where_kinds_count(review, listed) -> None:
    truth = listed(one={"boxes": [{"box": RIGHT, "kind": "removed"}]}, other={"boxes": [LEFT]})
    by_place = evaluate_changes(review.dataset, truth)
    found = review.sample("one")["changes"].detections[0]["kind"]
    assert by_place.regions == Counted(hits=2, false=0, missed=0)
    assert by_place.kinds[("removed", found)] == 1
    by_kind = evaluate_changes(review.dataset, truth, by="kind")
    assert by_kind.regions.missed == by_kind.regions.false >= 1
    matrix = by_kind.results.confusion_matrix(classes=["removed", found])
    assert matrix[0][1] == 1


def test_where_the_truth_says_nothing_regions_are_neither_right_nor_wrong(review, where, listed) -> None:
    scores = evaluate_changes(review.dataset, listed(two={"mask": where(RIGHT), "ignore": where(LEFT)}))
    assert marks(review, "two") == ["ignored", "tp"]
    assert scores.regions == Counted(hits=1, false=0, missed=0)
    assert scores.pixels == Counted(hits=480, false=0, missed=0)


def test_fiftyone_keeps_it_as_an_evaluation(fo, review) -> None:
    review.decide("two", "accepted", left={"review": "rejected"})
    evaluate_changes(review.dataset)
    evaluate_changes(review.dataset)  # again, in its place
    dataset = fo.load_dataset(review.dataset.name)
    assert dataset.list_evaluations() == ["eval"]
    results = dataset.select_group_slices("after").load_evaluation_results("eval")
    assert (results.metrics()["precision"], results.metrics()["recall"]) == (0.5, 1.0)
    assert results.config.method == "onediff"
    false = dataset.select_group_slices("after").filter_labels("changes", fo.ViewField("eval") == "fp")
    assert false.values("pair_id") == ["two"]
    dataset.rename_evaluation("eval", "first")
    assert dataset.get_field("first_mask_iou") is not None
    dataset.delete_evaluation("first")
    assert not [name for name in dataset.get_field_schema() if name.startswith(("first_", "eval_"))]


def test_with_the_plugin_the_app_shows_masks_verdicts_and_captions_too(fo, review, where, listed) -> None:
    plugin = install(Path(fo.config.plugins_dir))
    try:
        truth = listed(two={"mask": where(LEFT)}, other={"mask": where(LEFT)}, same={"mask": where(LEFT)})
        metrics = evaluate_changes(review.dataset, truth).results.metrics()
    finally:
        uninstall(plugin.parent)
    assert metrics["mask_iou"] == pytest.approx((400 / 880 + 1 + 0) / 3)
    assert metrics["verdict_accuracy"] == pytest.approx(2 / 3)
    assert "caption_meteor" not in metrics, "nobody said anything of these pairs"


def test_regions_of_another_run_are_scored_by_their_field(fo, review, where, listed) -> None:
    dataset, sample = review.dataset, review.sample("one")
    dataset.add_sample_field("run_b", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
    wrong = fo.Detection(label="box", bounding_box=[0, 0, 0.1, 0.1], region_id=1, kind="added")
    sample["run_b"] = fo.Detections(detections=[wrong])
    sample.save()
    scores = evaluate_changes(dataset, listed(one={"mask": where(RIGHT)}), field="run_b", eval_key="b")
    assert scores.regions == Counted(hits=0, false=1, missed=1)
    assert scores.pixels is None


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({}, "nothing is known of the 5 pairs .* decide about some"),
        ({"by": "colour"}, "matched by place, kind, label, not by 'colour'"),
        ({"field": "run_none"}, "no regions in a field 'run_none'"),
        ({"eval_key": "a b"}, "'a b' cannot be the name of an evaluation"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(review, wanted: dict[str, str], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        evaluate_changes(review.dataset, **wanted)
    assert review.dataset.list_evaluations() == []
