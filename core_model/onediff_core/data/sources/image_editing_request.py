"""Image-Editing-Request (Tan et al., ACL 2019): photographs, what somebody asked to be done to them, and the outcome.

Its sentences are orders, not descriptions, hence the task `edit`. A row stays a row, so that the counts are those
of the papers: train has rows that share a pair. 55 pairs stand in val and in test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.record import Record
from onediff_core.data.sources import base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_core.data.summary import Summary


def _recognises(parsed: Any) -> bool:
    first = parsed[0] if isinstance(parsed, list) and parsed else None
    return isinstance(first, dict) and {"img0", "img1", "sents"} <= first.keys()


def _read(root: Path, given: tuple[Path, ...], settings: base.WithImages, summary: Summary) -> Iterator[Record]:
    images = root / settings.images
    for split, path in base.split_files(root, given, ("train", "valid", "val", "test")).items():
        for entry in base.annotations_of(SOURCE, path):
            yield Record(
                id=str(entry["uid"]),
                before=images / entry["img0"],
                after=images / entry["img1"],
                captions=base.written(entry["sents"], summary),
                changed=True,
                task="edit",
                domain="photo",
                source=SOURCE.name,
                licence=SOURCE.licence,
                split=split,
                group=entry["img0"],
            )


SOURCE: Final = base.Source(
    name="image-editing-request",
    title="Image-Editing-Request",
    reads="train.json, valid.json, test.json; images/",
    licence="not stated; pictures of Reddit and Zhopped",
    settings=base.WithImages,
    read=_read,
    annotations="a list of objects with img0, img1, sents and uid",
    recognises=_recognises,
)
