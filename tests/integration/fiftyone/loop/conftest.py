"""A batch over pages to which boxes were added, in a dataset, and decisions about it as the App writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from onediff_core.data import PairFolder
from onediff_fiftyone import to_fiftyone, training_records
from onediff_plugins.batch import RunPlan, run_batch
from onediff_plugins.pairs import read_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIZE = (96, 64)
LEFT, RIGHT = (8, 30, 28, 50), (60, 26, 84, 46)
PAIRS = {"two": (LEFT, RIGHT), "one": (RIGHT,), "other": (LEFT,), "same": (), "waiting": (LEFT,)}


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def imported(fo: Any, run: Path) -> Iterator[Any]:
    """The batch as a dataset, about which nobody has decided."""
    dataset = to_fiftyone(run, name="test-loop").dataset
    yield dataset
    fo.delete_dataset(dataset.name)


@pytest.fixture
def review(fo: Any, imported: Any, dataset_name: Callable[[], str]) -> Review:
    """A copy of the dataset, to decide about."""
    return Review(fo, imported.clone(dataset_name()))


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


@pytest.fixture(scope="session")
def where() -> Callable[..., Any]:
    """(H, W) bool, true within boxes."""

    def mask(*boxes: tuple[int, int, int, int]) -> Any:
        inside = np.zeros(SIZE[::-1], bool)
        for x0, y0, x1, y1 in boxes:
            inside[y0:y1, x0:x1] = True
        return inside

    return mask
