"""Pairs of your own: a list, a folder of images beside each other, or pairs that were packed already."""

from __future__ import annotations

import functools
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.folder import PairFolder, facts_of, masks_of, shade_of
from onediff_core.data.record import Record, Shade
from onediff_core.data.sources import base
from onediff_plugins.errors import PairError, near_miss

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from onediff_core.data.record import Picture
    from onediff_core.data.summary import Summary


# What a record has a place for; what else a list says is carried along.
_SAID: Final = {field.name for field in fields(Record)} | {"mask", "boxes", "caption"}


def _read(root: Path, given: tuple[Path, ...], settings: base.WithMasks, summary: Summary) -> Iterator[Record]:
    pairs = PairFolder(root, mask_class=settings.mask_class)
    for reason in pairs.left_out:
        summary.leave_out(reason.partition(" ")[0], "shard", reason)
    for number in range(len(pairs)):
        try:
            row = pairs.row_with_pictures(number)
            yield _record(row, pairs.path, settings)
            captions = row.get("captions")
            blank = sum(not str(text).strip() for text in captions) if isinstance(captions, list) else 0
            summary.note("blank captions dropped", blank)
            summary.blank += [str(row["id"])] if blank else []
            for name in row.keys() - _SAID:
                if close := _meant(name):
                    summary.note(f"pairs with {name!r}, which is carried along: {close!r} would be read")
        except PairError as exc:
            summary.seen += 1
            summary.leave_out(str(pairs.rows[number]["id"]), "broken", str(exc))
        except (ValueError, TypeError, KeyError) as exc:
            summary.seen += 1
            id_ = str(pairs.rows[number]["id"])
            summary.leave_out(id_, "line", f"{pairs.path}, pair {id_!r}: {exc}")


@functools.cache
def _meant(name: str) -> str | None:
    """What a column was perhaps to be called; asked for every pair, answered once."""
    return near_miss(name, _SAID, cutoff=0.85)


def _record(row: Mapping[str, Any], listed: Path, settings: base.WithMasks) -> Record:
    masks = {name: _shade(mask, listed) for name, mask in masks_of(row).items()}
    ignore = _shade(row["ignore"], listed) if row.get("ignore") else None
    if row.get("mask"):
        single = _beside(row["mask"], listed)
        masks[settings.mask_class] = settings.shade(single)
        ignore = settings.shade_ignored(single) or ignore
    facts = facts_of(row)
    if not isinstance(meta := row.get("meta") or {}, dict):
        raise TypeError(f"meta is {meta!r}: write an object")
    if facts["captions"] and not facts["task"]:
        facts["task"] = "caption"
    return Record(
        before=_side(row["before"]),
        after=_side(row["after"]),
        masks=masks,
        ignore=ignore,
        meta={**{name: value for name, value in row.items() if name not in _SAID}, **meta},
        **facts,
    )


def _shade(mask: Any, listed: Path) -> Shade:
    picture, values = shade_of(mask)
    return Shade(picture=_beside(picture, listed), values=values)


def _side(source: Any) -> Picture:
    """The folder of the list is in the path already."""
    return source if isinstance(source, bytes) else Path(source)


def _beside(source: Any, listed: Path) -> Picture:
    return source if isinstance(source, bytes) else listed.parent / source


SOURCE: Final = base.Source(
    name="pairs",
    title="pairs of your own",
    reads="pairs.jsonl, CSV or Parquet; before/, after/ and masks/; packed pairs",
    licence="as each pair says",
    settings=base.WithMasks,
    read=_read,
    published=False,
)
