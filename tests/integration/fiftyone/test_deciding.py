"""Decisions in a real database: kept with who and when, and taken back exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from onediff_fiftyone import to_fiftyone
from onediff_fiftyone.deciding import decide, undo
from onediff_fiftyone.history import CAPTIONED, RELABELLED, REVIEWED, Decision, DecisionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def stored(fo: Any, sample: Any) -> dict[str, Any]:
    """The sample as the database has it, but for when it was written."""
    import fiftyone.core.odm as foo

    dataset = sample._dataset
    raw = foo.get_db_conn()[dataset._sample_collection_name].find_one({"_id": sample._id})
    return {name: value for name, value in raw.items() if name != "last_modified_at"}


def first(dataset: Any) -> Any:
    return dataset[dataset.select_group_slices("after").values("id")[0]]


def review(value: str, *regions: str, by: str | None = None) -> Decision:
    return Decision(action=REVIEWED, value=value, regions=regions, by=by)


def test_a_decision_says_what_by_whom_and_when(fo: Any, dataset: Any) -> None:
    sample = first(dataset)
    begun = datetime.now(UTC).replace(tzinfo=None)
    decide(dataset, [sample.id], review("accepted", by="ada"))
    raw = stored(fo, sample)
    assert raw["review"]["label"] == "accepted"
    assert raw["reviewed_by"] == "ada"
    assert begun - timedelta(seconds=1) <= raw["reviewed_at"] <= begun + timedelta(seconds=20)
    assert [entry["action"] for entry in raw["review_history"]] == ["review"]


def test_a_decision_through_any_slice_is_kept_on_the_after_image(fo: Any, dataset: Any) -> None:
    sample = first(dataset)
    before = dataset.get_group(sample["pair"].id)["before"]
    decide(dataset, [before.id], review("rejected"))
    assert stored(fo, sample)["review"]["label"] == "rejected"


def test_undo_restores_every_value_whatever_was_decided(fo: Any, dataset: Any) -> None:
    sample = first(dataset)
    region = str(sample["changes"].detections[0].id)
    other = str(sample["changes"].detections[1].id)
    states = [stored(fo, sample)]
    for decision in (
        review("rejected", region, other, by="ada"),
        Decision(action=RELABELLED, value="barn", regions=(region,)),
        Decision(action=CAPTIONED, value="A barn was built."),
        Decision(action=CAPTIONED, value="A barn.", regions=(other,)),
        review("accepted", by="ben"),
        review("pending"),
    ):
        decide(dataset, [sample.id], decision)
        states.append(stored(fo, sample))
    assert len({str(state) for state in states}) == len(states)
    for expected in reversed(states[:-1]):
        undo(dataset)
        now = stored(fo, sample)
        if "review_history" not in expected or not expected["review_history"]:
            expected, now = ({k: v for k, v in s.items() if k != "review_history"} for s in (expected, now))
        assert now == expected
    with pytest.raises(DecisionError, match="nothing was decided"):
        undo(dataset)


def test_undo_takes_back_the_decision_that_was_made_last_in_the_dataset(dataset: Any) -> None:
    one, two, three = dataset.select_group_slices("after").values("id")
    for sample_id in (two, three, one):
        decide(dataset, [sample_id], review("accepted"))
    assert [undo(dataset).id for _ in range(3)] == [one, three, two]


def test_undo_of_a_decision_that_is_not_the_last_any_more_is_refused(fo: Any, dataset: Any) -> None:
    sample = first(dataset)
    decide(dataset, [sample.id], review("accepted"))
    entry = stored(fo, sample)["review_history"][-1]["id"]
    decide(dataset, [sample.id], review("rejected"))
    with pytest.raises(DecisionError, match="meanwhile"):
        undo(dataset, sample.id, entry)
    assert stored(fo, sample)["review"]["label"] == "rejected"


def test_undo_never_overwrites_what_was_changed_elsewhere(fo: Any, dataset: Any) -> None:
    sample = first(dataset)
    decide(dataset, [sample.id], Decision(action=CAPTIONED, value="mine"))
    sample = first(dataset)
    sample["caption"] = "written in a notebook"
    sample.save()
    with pytest.raises(DecisionError, match="changed elsewhere"):
        undo(dataset)
    assert stored(fo, sample)["caption"] == "written in a notebook"


def test_deciding_the_same_twice_is_one_decision(fo: Any, dataset: Any) -> None:
    sample = first(dataset)
    for _ in range(2):
        decide(dataset, [sample.id], review("accepted"))
    assert len(stored(fo, sample)["review_history"]) == 1


def test_a_new_decision_is_about_the_result_as_it_is_now(fo: Any, dataset: Any) -> None:
    sample = first(dataset)
    decide(dataset, [sample.id], review("accepted"))
    sample["review_outdated"] = True
    sample.save()
    decide(dataset, [sample.id], review("accepted"))
    assert stored(fo, sample)["review_outdated"] is False
    undo(dataset)
    assert stored(fo, sample)["review_outdated"] is True


@pytest.mark.parametrize(
    ("action", "value", "regions", "what"),
    [
        (REVIEWED, "fine", (), "one of pending, accepted, rejected"),
        (RELABELLED, "barn", (), "select a region"),
        (RELABELLED, "  ", ("1",), "1 to 200 characters"),
        (CAPTIONED, "x" * 10_001, (), "at most 10000"),
        ("delete", "x", (), "no decision of the kind 'delete'"),
    ],
)
def test_what_no_review_can_hold_is_refused(action: str, value: str, regions: tuple[str, ...], what: str) -> None:
    with pytest.raises(DecisionError, match=what):
        Decision(action=action, value=value, regions=regions)


def test_a_region_of_another_pair_is_refused_and_nothing_is_written(fo: Any, dataset: Any) -> None:
    samples = [dataset[one] for one in dataset.select_group_slices("after").values("id")]
    raw = stored(fo, samples[0])
    with pytest.raises(DecisionError, match="no region"):
        decide(dataset, [samples[0].id], review("accepted", str(samples[1]["changes"].detections[0].id)))
    assert stored(fo, samples[0]) == raw


def test_decisions_survive_another_import(fo: Any, dataset: Any, demo_run: Path) -> None:
    sample = first(dataset)
    region = str(sample["changes"].detections[0].id)
    decide(dataset, [sample.id], review("rejected", region))
    decide(dataset, [sample.id], review("accepted"))
    raw = stored(fo, sample)
    to_fiftyone(demo_run, name=dataset.name)
    assert stored(fo, sample) == raw


def test_a_dataset_of_another_kind_is_refused(fo: Any, dataset_name: Callable[[], str]) -> None:
    other = fo.Dataset(dataset_name())
    with pytest.raises(DecisionError, match="onediff review RESULTS"):
        decide(other, ["0" * 24], review("accepted"))
