"""Lists of pairs in every form."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from onediff_core.data import PairFolder
from onediff_core.data.listing import classes_of, read_list
from onediff_plugins.errors import PairsFileError

if TYPE_CHECKING:
    from pathlib import Path

BOX = [1, 1, 3, 4]


def picture(path: Path, value: int = 9) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((4, 6), value, np.uint8))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for name in ("before/a.jpg", "before/b.jpg", "after/a.jpg", "after/b.jpg"):
        picture(tmp_path / name)
    return tmp_path


def test_pictures_are_matched_by_name_and_masks_by_name_without_ending(pictures: Path) -> None:
    picture(pictures / "masks/a.png", 255)
    first, second = PairFolder(pictures, mask_class="pool")
    assert first.id == "a.jpg"
    assert first.masks["pool"].all()
    assert second.masks == {}


def test_a_folder_of_masks_for_each_class(pictures: Path) -> None:
    picture(pictures / "masks/pool+/a.png", 255)
    picture(pictures / "masks/pool-/a.tif", 0)
    rows = read_list(pictures, "unused")
    assert classes_of(rows, "unused") == ["pool+", "pool-"]
    masks = PairFolder(pictures)[0].masks
    assert masks["pool+"].all()
    assert not masks["pool-"].any()


def test_two_masks_of_one_picture_are_refused(pictures: Path) -> None:
    picture(pictures / "masks/a.png")
    picture(pictures / "masks/a.tif")
    with pytest.raises(PairsFileError, match="are masks of one picture: keep one"):
        read_list(pictures, "pool")


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PairsFileError, match=r"has a pairs\.jsonl, or the folders before/ and after/"):
        read_list(tmp_path, "pool")


def test_a_csv_has_words_where_json_has_values(pictures: Path) -> None:
    picture(pictures / "m.png", 255)
    path = pictures / "mine.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["before", "after", "mask", "masks", "boxes", "changed", "gsd_m"])
        writer.writeheader()
        both = {"before": "before/a.jpg", "after": "after/a.jpg"}
        writer.writerow({**both, "mask": "m.png", "boxes": json.dumps([BOX]), "changed": "TRUE", "gsd_m": "0.5"})
        writer.writerow({**both, "masks": json.dumps({"car": "m.png"}), "changed": "0"})
    first, second = PairFolder(path, mask_class="pool")
    assert (first.id, first.changed, first.gsd_m) == ("000001", True, 0.5)
    assert first.masks["pool"].all()
    assert first.regions is not None
    assert (first.regions[0].box, first.regions[0].kind) == (tuple(BOX), "changed")
    assert (second.changed, list(second.masks), second.regions) == (False, ["car"], None)
    assert classes_of(PairFolder(path, mask_class="pool").rows, "pool") == ["car", "pool"]


def test_a_parquet_list_is_read(pictures: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows: list[dict[str, Any]] = [
        {"before": "before/a.jpg", "after": "after/a.jpg", "boxes": [{"box": BOX, "label": "car", "kind": "added"}]},
        {"before": "before/b.jpg", "after": "after/b.jpg", "boxes": []},
    ]
    parquet.write_table(pa.Table.from_pylist(rows), pictures / "mine.parquet")
    pairs = PairFolder(pictures / "mine.parquet")
    assert pairs.labels() == ["car"]
    assert pairs[0].regions is not None
    assert (pairs[0].regions[0].label, pairs[0].regions[0].kind) == ("car", "added")
    assert pairs[1].regions == ()
