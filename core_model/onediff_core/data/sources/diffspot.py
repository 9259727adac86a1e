"""DiffSpot (WeChat AI, 2026): screenshots of real pages, one CSS property changed a pair, or none. For testing only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.record import Record
from onediff_core.data.sample import SampleRegion
from onediff_core.data.sources import base, tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from onediff_core.data.summary import Summary

COLUMNS: Final = ("id", "image_before", "image_after", "difficulty", "task_type", "ground_truth_diff")
_BOX: Final = (("x", "y", "width", "height"), ("x", "y", "w", "h"))


def _read(root: Path, given: tuple[Path, ...], settings: base.SourceSettings, summary: Summary) -> Iterator[Record]:
    for path in tables.tables(root, given):
        for row in tables.rows(SOURCE, path, COLUMNS):
            unchanged = row["task_type"] == "no_diff" or row["difficulty"] in ("no_diff", "unknown")
            edits = [json.loads(text) for text in row.get("mutation_dicts_json") or ()]
            operator = str(edits[0].get("type", "")) if edits else ""
            yield Record(
                id=str(row["id"]),
                before=tables.picture(row, "image_before", path),
                after=tables.picture(row, "image_after", path),
                captions=(told := () if unchanged else base.written([row["ground_truth_diff"] or ""], summary)),
                regions=() if unchanged else _regions(row),
                changed=not unchanged,
                task="caption" if told else "",
                domain="ui",
                source=SOURCE.name,
                licence=SOURCE.licence,
                split="test",
                meta={"difficulty": row["difficulty"], "operator": operator, "edits": edits},
            )


def _regions(row: Mapping[str, Any]) -> tuple[SampleRegion, ...] | None:
    """The box of the element whose property was changed, where the file has it."""
    for names in _BOX:
        values = [row.get(f"target_bbox_{name}") for name in names]
        if all(value is not None for value in values):
            return (SampleRegion(kind="changed", label="", box=base.box_of(values)),)
    return None


SOURCE: Final = base.Source(
    name="diffspot",
    title="DiffSpot",
    reads="Parquet with image_before, image_after, ground_truth_diff, and target_bbox_* where it has them",
    licence="MIT",
    read=_read,
)
