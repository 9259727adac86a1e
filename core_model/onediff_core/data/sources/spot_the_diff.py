"""Spot-the-Diff (Jhamtani and Berg-Kirkpatrick, EMNLP 2018): frames of fixed cameras, sentences by several people.

An entry is what one person wrote; several entries share a pair. Entries of one image id are one record here, as those
who report 1,270 test pairs count them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from onediff_core.data.record import Record
from onediff_core.data.sources import base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_core.data.summary import Summary


class Settings(base.SourceSettings):
    """Where its pictures lie."""

    images: str = Field(default="resized_images", description="folder of ID.png and ID_2.png, below the source's own")


def _recognises(parsed: Any) -> bool:
    return isinstance(parsed, list) and bool(parsed) and _is_entry(parsed[0])


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and {"img_id", "sentences"} <= entry.keys()


def _read(root: Path, given: tuple[Path, ...], settings: Settings, summary: Summary) -> Iterator[Record]:
    images = root / settings.images
    for split, path in base.split_files(root, given).items():
        entries = base.annotations_of(SOURCE, path)
        told: dict[str, list[str]] = {}
        for entry in entries:
            told.setdefault(str(entry["img_id"]), []).extend(base.written(entry["sentences"], summary))
        summary.note("entries of a pair that others wrote about, too, merged", len(entries) - len(told))
        for identity, sentences in told.items():
            denied = [base.denies_change(sentence) for sentence in sentences]
            if any(denied) and not all(denied):
                summary.note("pairs of which some saw a difference and some did not")
            yield Record(
                id=identity,
                before=images / f"{identity}.png",
                after=images / f"{identity}_2.png",
                captions=tuple(sentences),
                changed=not all(denied) if sentences else None,
                task="list",
                domain="surveillance",
                source=SOURCE.name,
                licence=SOURCE.licence,
                split=split,
            )


SOURCE: Final = base.Source(
    name="spot-the-diff",
    title="Spot-the-Diff",
    reads="train.json, val.json, test.json; resized_images/ID.png and ID_2.png",
    licence="not stated; frames of VIRAT",
    settings=Settings,
    read=_read,
    annotations="a list of objects with img_id and sentences",
    recognises=_recognises,
)
