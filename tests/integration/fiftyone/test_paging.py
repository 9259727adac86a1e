"""Windows of a queue of pairs, strongest change first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from onediff_fiftyone.deciding import decide
from onediff_fiftyone.history import REVIEWED, Decision
from onediff_fiftyone.opening import open_dataset
from onediff_fiftyone.paging import Place, Queue, labels_of, shown, states_of

if TYPE_CHECKING:
    from collections.abc import Callable

SCORES = (0.5, 0.9, None, 0.5, 0.1, 0.9, 0.5, None, 0.7)


@pytest.fixture
def scored(fo: Any, dataset_name: Callable[[], str]) -> Any:
    """Nine pairs with equal and missing scores among theirs."""
    dataset = open_dataset(fo, dataset_name())
    samples = []
    for number, score in enumerate(SCORES):
        group = fo.Group()
        samples.append(fo.Sample(filepath=f"/b{number}.png", pair=group.element("before")))
        after = fo.Sample(filepath=f"/a{number}.png", pair=group.element("after"), pair_id=str(number))
        after["change_score"] = score
        after["review"] = fo.Classification(label="pending")
        samples.append(after)
    dataset.add_samples(samples)
    return dataset


def walk(queue: Queue, limit: int) -> list[str]:
    """Ids of the pairs in the order in which windows bring them."""
    found: list[dict[str, Any]] = []
    while window := queue.window(Place(score=found[-1]["score"], sample=found[-1]["sample"]) if found else None, limit):
        assert len(window) <= limit
        found += window
    return [pair["id"] for pair in found]


@pytest.mark.parametrize("limit", [1, 2, 4, 100])
def test_windows_bring_every_pair_once_the_strongest_change_first(scored: Any, limit: int) -> None:
    assert walk(Queue(view=scored.view()), limit) == ["1", "5", "8", "0", "3", "6", "4", "2", "7"]


def test_a_decision_neither_skips_nor_repeats_a_pair_of_the_pending_ones(scored: Any) -> None:
    queue = Queue(view=scored.view(), state="pending")
    seen, place = [], None
    while window := queue.window(place, 2):
        for pair in window:
            seen.append(pair["id"])
            decide(scored, [pair["sample"]], Decision(action=REVIEWED, value="accepted"))
        place = Place(score=window[-1]["score"], sample=window[-1]["sample"])
    assert seen == ["1", "5", "8", "0", "3", "6", "4", "2", "7"]
    assert queue.size() == 0
    assert states_of(scored.view()) == {"pending": 0, "accepted": 9, "rejected": 0}


def test_a_selection_is_a_queue_of_its_own_whichever_slices_were_selected(scored: Any) -> None:
    group = scored.select_group_slices("after").match({"pair_id": "4"}).first()["pair"].id
    before = scored.get_group(group)["before"].id
    after = scored.select_group_slices("after").match({"pair_id": "8"}).first().id
    queue = Queue(view=scored.view(), samples=(before, after))
    assert walk(queue, 10) == ["8", "4"]
    assert queue.size() == 2


def test_a_view_is_what_is_gone_through(scored: Any) -> None:
    strong = scored.match({"change_score": {"$gte": 0.7}})
    assert walk(Queue(view=strong), 2) == ["1", "5", "8"]
    flat = scored.select_group_slices("after").match({"change_score": {"$lt": 0.5}})
    assert walk(Queue(view=flat), 2) == ["4"]


def test_a_pair_is_shown_with_its_pictures_regions_and_decisions(dataset: Any) -> None:
    ids = dataset.select_group_slices("after").match({"domain": "satellite"}).values("id")
    (pair,) = shown(dataset, ids)
    sample = dataset[ids[0]]
    assert pair["before"] == dataset.get_group(sample["pair"].id)["before"].filepath
    assert (pair["after"], pair["review"], pair["entry"]) == (sample.filepath, "pending", None)
    detections = sorted(sample["changes"].detections, key=lambda one: -one.confidence)
    assert [region["number"] for region in pair["regions"]] == [one["region_id"] for one in detections]
    assert all(0 <= edge <= 1 for region in pair["regions"] for edge in region["box"])


def test_labels_are_ranked_by_how_often_they_are_found(dataset: Any) -> None:
    counts = dataset.select_group_slices("after").count_values("changes.detections.label")
    labels = labels_of(dataset)
    assert len(labels) == min(9, len(counts))
    assert [counts[label] for label in labels] == sorted(counts.values(), reverse=True)[:9]
