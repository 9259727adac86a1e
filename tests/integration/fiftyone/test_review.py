"""Results in a real FiftyOne dataset, on a real MongoDB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from onediff_fiftyone import to_fiftyone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def records(run: Path) -> list[dict[str, Any]]:
    lines = (run / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_pair_is_a_group_with_its_regions_on_the_after_slice(
    fo: Any, demo_run: Path, dataset_name: Callable[[], str]
) -> None:
    dataset = to_fiftyone(demo_run, name=dataset_name(), media=demo_run / "made").dataset
    expected = records(demo_run)
    assert dataset.media_type == "group"
    assert dataset.default_group_slice == "after"
    after = dataset.select_group_slices("after")
    assert after.values("pair_id") == [record["id"] for record in expected]
    assert after.values("changes.detections.region_id") == [
        [region["id"] for region in record["regions"]] for record in expected
    ]
    assert set(after.values("review.label")) == {"pending"}
