"""Pairs on disk with everything that is known of them, and answers to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from onediff_core.evaluation.study import Study

SIDE = 40
HOUSE = (4, 4, 16, 16)
POOL = (24, 24, 36, 32)
BUILT = ("a house is built", "one house appears")
STILL = ("there is no difference", "the scene is the same as before")


def drawn(*boxes: tuple[int, int, int, int], side: int = SIDE) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = 255
    return mask


def polygon(box: Sequence[float]) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    return {"type": "Polygon", "coordinates": [[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]]}


def region(kind: str, box: Sequence[float], label: str = "building") -> dict[str, Any]:
    return {
        "kind": kind,
        "label": label,
        "bbox_after": None if kind == "removed" else list(box),
        "bbox_before": None if kind == "added" else list(box),
        "score": 0.9,
        "area_px": (box[2] - box[0]) * (box[3] - box[1]),
        "polygon": polygon(box),
    }


@pytest.fixture
def make_references(tmp_path: Path) -> Callable[..., Path]:
    """A folder of pairs, called with one object a pair: id, boxes of its mask, and further columns."""

    def make(*rows: dict[str, Any], name: str = "pairs") -> Path:
        folder = tmp_path / name
        for part in ("images", "masks"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        lines = []
        for number, row in enumerate(rows):
            line = {"id": f"p{number}", **row}
            boxes = line.pop("boxes_of_mask", None)
            pictures = {"before": drawn(), "after": drawn(*(boxes or ()))}
            for side, pixels in pictures.items():
                cv2.imwrite(str(folder / "images" / f"{line['id']}_{side}.png"), pixels)
                line[side] = f"images/{line['id']}_{side}.png"
            if boxes is not None:
                cv2.imwrite(str(folder / "masks" / f"{line['id']}.png"), pictures["after"])
                line["mask"] = f"masks/{line['id']}.png"
            lines.append(json.dumps(line))
        (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n")
        return folder

    return make


@pytest.fixture
def make_results(tmp_path: Path) -> Callable[..., Path]:
    """The results.jsonl of a batch, called with one object a pair: id, boxes of its mask, and fields of the record."""

    def make(*rows: dict[str, Any], name: str = "ours", side: int = SIDE) -> Path:
        folder = tmp_path / name
        (folder / "pairs").mkdir(parents=True)
        lines = []
        for number, row in enumerate(rows):
            id_ = row.get("id", f"p{number}")
            boxes = row.get("boxes_of_mask", ())
            cv2.imwrite(str(folder / "pairs" / f"{id_}.png"), drawn(*boxes, side=side))
            identity = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
            source = {"source": "x.png", "width": side, "height": side}
            record = {
                "schema": "onediff.change-result/1",
                "id": id_,
                "domain": "toy",
                "valid_fraction": 1.0,
                "caption_source": "template",
                "detector": "difference",
                "before": source,
                "after": source,
                "registration": {"method": "assumed", "matrix": identity, "overlap": 1.0},
                "provenance": {"onediff_plugins": "0.1.0", "settings_digest": "0"},
                "changed": bool(boxes),
                "score": 0.9 if boxes else 0.1,
                "caption": "A house is built." if boxes else "Nothing changed.",
                "regions": [region("added", box) for box in boxes],
                "files": {"mask": f"pairs/{id_}.png"},
            }
            given = {key: value for key, value in row.items() if key != "boxes_of_mask"}
            if "error" in given:
                record = {key: record[key] for key in ("schema", "id", "domain")}
            lines.append(json.dumps({**record, **given}))
        path = folder / "results.jsonl"
        path.write_text("\n".join(lines) + "\n")
        return path

    return make


@pytest.fixture
def make_study() -> Callable[..., Study]:
    """A study of references and named results."""
    from onediff_core.evaluation.answers import read_answers
    from onediff_core.evaluation.references import References
    from onediff_core.evaluation.study import Study

    def make(references: Path, *, swapped: dict[str, Path] | None = None, **named: Any) -> Study:
        options = {key: named.pop(key) for key in ("missing", "truth_by", "tools", "no_tools") if key in named}
        return Study(
            References(references),
            [read_answers(name, path) for name, path in named.items()],
            swapped={name: read_answers(name, path) for name, path in (swapped or {}).items()},
            **{"no_tools": "not here", **options},
        )

    return make
