"""The real sets: which pairs they hold, what is known of each, and how they are grouped into tables."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.images import image_size, read_image
from evaluation.scores import Truth
from onediff_core.evaluation.regions import Box, component_boxes
from onediff_plugins.pairs import read_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DATA = Path(os.environ.get("ONEDIFF_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")

TUNING, HELD_OUT = "tuning half", "held-out half"

# CDnet 2014: 0 still, 50 shadow, 85 outside the region of interest, 170 unknown, 255 moving.
CDNET_MOVING, CDNET_UNSCORED = 255, (85, 170)


@dataclass(frozen=True)
class Pair:
    """One pair of a set.

    Attributes:
        id: unique in its set.
        set: name of the set.
        before: image file.
        after: image file.
        part: part of the set that is reported on its own, such as a half; "" for sets without.
        row: the line of pairs.jsonl.
        folder: what paths of the row are relative to.
        frame: number of the after image in the sequence it is from, or None.
        still: a viewer saw that nothing but the background moves.
    """

    id: str
    set: str
    before: Path
    after: Path
    part: str = ""
    row: dict[str, Any] = field(default_factory=dict)
    folder: Path = Path()
    frame: int | None = None
    still: bool = False

    @cached_property
    def truth(self) -> Truth:
        """What is known of this pair; masks are read when they are asked for."""
        if self.row.get("mask"):
            return mask_truth(self.folder / self.row["mask"], cdnet=self.set == "cdnet_highway")
        if "regions_after" in self.row:
            return layout_truth(self.row)
        if "regions" in self.row:
            boxes = tuple(_corners(region["bbox_xywh"]) for region in self.row["regions"])
            return Truth(changed=bool(boxes), boxes=boxes)
        if self.still:
            height, width = image_size(self.after)
            return Truth(changed=False, mask=np.zeros((height, width), bool), boxes=())
        return Truth(changed=expected_verdict(self.set, self.row))


@dataclass(frozen=True)
class Group:
    """Sets that share a table.

    Attributes:
        name: name of the table on the page; the set's own where it is alone.
        domain: which of ours compares.
        table: which columns, see `evaluation.tables`.
        sets: names or patterns of sets.
        tuned_on: the set on whose tuning half the peers' fixed threshold is chosen.
        training: for training; not run unless named.
        fixed_camera: also worth scoring with a camera that was knocked, which `--jitter` does.
    """

    name: str
    domain: str
    table: str
    sets: tuple[str, ...] = ()
    tuned_on: str = ""
    training: bool = False
    fixed_camera: bool = False

    def holds(self, name: str) -> bool:
        """Whether a set is in this table."""
        return any(Path(name).match(pattern) for pattern in self.sets or (self.name,))


GROUPS = (
    Group("levir_val", "satellite", "mask", tuned_on="levir_val"),
    Group("levir_tiles", "satellite", "mask", tuned_on="levir_val"),
    Group("levir_geotiff", "satellite", "mask", tuned_on="levir_val"),
    Group("dsifn_val", "satellite", "mask", tuned_on="dsifn_val"),
    Group("fotbcd", "satellite", "mask", tuned_on="levir_val"),
    Group("satellite_scenes", "satellite", "none", sets=("naip", "landsat", "modis")),
    Group("levir_train", "satellite", "mask", tuned_on="levir_val", training=True),
    Group("levir_train_half", "satellite", "mask", tuned_on="levir_val", training=True),
    Group("dsifn_train", "satellite", "mask", tuned_on="dsifn_val", training=True),
    Group("layout_shift", "ui", "boxes"),
    Group("recolour", "ui", "boxes"),
    Group("ui_verdicts", "ui", "verdict", sets=("fx_*", "mined_*", "noise_*", "xr_*")),
    Group("cdnet_highway", "surveillance", "mask", tuned_on="cdnet_highway", fixed_camera=True),
    Group("vcod", "surveillance", "mask", tuned_on="cdnet_highway"),
    Group("intel_clips", "surveillance", "verdict", tuned_on="cdnet_highway"),
    Group("wallflower_wavingtrees", "surveillance", "mask", tuned_on="cdnet_highway"),
    Group("moving_light", "surveillance", "none", sets=("pets2001_ds3_cam1", "bgslibrary_traffic"),
          tuned_on="cdnet_highway"),
)  # fmt: skip


def find_sets(patterns: Sequence[str], data: Path) -> dict[str, Group]:
    """The sets that names and patterns mean, in the order of the tables.

    Args:
        patterns: names of sets or of tables, or patterns such as "fx_*"; none means all that are not for training.
        data: folder of the sets.

    Raises:
        SystemExit: a pattern that no set matches, with the names there are.
    """
    folders = sorted(path.name for path in data.iterdir() if path.is_dir()) if data.is_dir() else []
    known = {name: group for group in GROUPS for name in folders if group.holds(name)}
    wanted: set[str] = set() if patterns else {name for name, group in known.items() if not group.training}
    for pattern in patterns:
        found = {name for name, group in known.items() if Path(name).match(pattern) or group.name == pattern}
        if not found:
            raise SystemExit(
                f"no set {pattern!r} in {data}: there are {', '.join(known) or 'none'}; "
                "name the folder of the sets with --data or ONEDIFF_DATA"
            )
        wanted |= found
    return {name: group for name, group in known.items() if name in wanted}


def read_rows(name: str, data: Path) -> list[Pair]:
    """The pairs of a set that has a pairs.jsonl, with their half where the set has one."""
    entries = read_pairs(data / name / "pairs.jsonl")
    rows = [{"id": entry.id, **entry.meta} for entry in entries]
    parts = halves(rows) if name in ("levir_val", "dsifn_val") else [""] * len(rows)
    return [
        Pair(
            id=entry.id,
            set=name,
            before=Path(entry.before),
            after=Path(entry.after),
            part=part,
            row=row,
            folder=data / name,
            frame=int(entry.id.removeprefix("hw_")) if name == "cdnet_highway" else None,
        )
        for entry, row, part in zip(entries, rows, parts, strict=True)
        if row.get("mask") or name != "levir_tiles"  # four tiles of it have captions only
    ]


def halves(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Which half each row is in: every second group in the order of names, the first included, is for tuning.

    A row without a group is a group of its own, named by its id.
    """
    names = [str(row.get("group") or row["id"]) for row in rows]
    tuning = set(sorted(set(names))[::2])
    return [TUNING if name in tuning else HELD_OUT for name in names]


def mask_truth(path: Path, *, cdnet: bool = False) -> Truth:
    """The truth of a mask file: non-zero is changed; in CDnet's, 255 is, and 85 and 170 are not scored."""
    values = read_image(path)
    values = values if values.ndim == 2 else values[..., 0]
    mask = values == CDNET_MOVING if cdnet else values > 0
    scored = ~np.isin(values, CDNET_UNSCORED) if cdnet else None
    return Truth(changed=bool(mask.any()), mask=mask, scored=scored, boxes=component_boxes(mask))


def layout_truth(row: dict[str, Any]) -> Truth:
    """The boxes of layout_shift; what is gone has its box in the before image."""
    before = {name: box for name, *box in row["regions_before"]}
    boxes = tuple(
        _corners(before[name], side="before") if box[2] == 0 else _corners(box) for name, *box in row["regions_after"]
    )
    return Truth(
        changed=row["expected"] == "differ",
        boxes=boxes,
        moved=any(word in row["id"] for word in ("insert", "banner")),
    )


def expected_verdict(name: str, row: dict[str, Any]) -> bool | None:
    """The verdict a row or its set states; None where nothing is said.

    mined_* are real changes, so a change is expected; noise_* and xr_* are the same interface drawn by another
    renderer, so none is. Both are expectations, not annotations.
    """
    if isinstance(row.get("changed"), bool):
        return row["changed"]
    said = str(row.get("expected", ""))
    if said.startswith(("differ", "match")):
        return said.startswith("differ")
    if "expected_diff_pixels" in row:
        return row["expected_diff_pixels"] > 0
    if name.startswith("mined_"):
        return True
    return False if name.startswith(("noise_", "xr_")) else None


def _corners(box: Sequence[float], side: str = "after") -> Box:
    x, y, width, height = box
    return Box(x, y, x + width, y + height, side)
