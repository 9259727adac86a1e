"""Folders of images before, images after and masks, of the same names: the form of most sets for change detection."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pydantic import Field, field_validator

from onediff_core.data.record import SPLITS, Record
from onediff_core.data.sources import base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_core.data.summary import Summary

BEFORE: Final = ("A", "t1", "T1", "time1", "im1", "Image1", "before")
AFTER: Final = ("B", "t2", "T2", "time2", "im2", "Image2", "after")
LABEL: Final = ("label", "labels", "OUT", "mask", "masks", "gt", "GT", "cd", "target")


class Settings(base.WithMasks):
    """What the masks show, and whose they are."""

    domain: str = Field(default="satellite", description="of the pairs")
    source: str = Field(default="", description="name of the set; that of its folder unless given")
    licence: str = Field(default="", description="of the images")
    group: str | None = Field(default=None, description="regular expression on names; what it finds is the group")
    gsd_m: float | None = Field(default=None, gt=0, description="ground sample distance in metres")

    @field_validator("group")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as exc:
                raise ValueError(f"is no regular expression: {exc}") from exc
        return value


def _read(root: Path, given: tuple[Path, ...], settings: Settings, summary: Summary) -> Iterator[Record]:
    parts = {"": root} if _sides(root) else _parts(root)
    if not parts:
        raise base.SourceError(
            f"{root} has no folders A, B and label, neither itself nor in train, val and test; a pair lies in one of "
            f"{', '.join(BEFORE)}, one of {', '.join(AFTER)} and one of {', '.join(LABEL)}"
        )
    for split, folder in parts.items():
        before, after, label = _sides(folder) or (folder, folder, folder)
        masks, befores = base.pictures_by_stem(label), base.pictures_by_stem(before)
        listed = _lists(folder) if not split else {}
        for stem, image in base.pictures_by_stem(after).items():
            if listed and stem not in listed:
                summary.note("pairs that no list in list/ names left out")
                continue
            mask = masks.get(stem, label / f"{stem}.png")
            yield Record(
                id=f"{split}-{stem}" if split else stem,
                before=befores.get(stem, before / image.name),
                after=image,
                masks={settings.mask_class: settings.shade(mask)},
                ignore=settings.shade_ignored(mask),
                domain=settings.domain,
                source=settings.source or root.resolve().name,
                licence=settings.licence,
                split=SPLITS[split] if split else listed.get(stem, ""),
                group=_group(stem, settings),
                gsd_m=settings.gsd_m,
            )


def _sides(folder: Path) -> tuple[Path, Path, Path] | None:
    """The folders of before, after and masks, or None where one of them is missing."""
    found = [
        next((folder / name for name in names if (folder / name).is_dir()), None) for names in (BEFORE, AFTER, LABEL)
    ]
    before, after, label = found
    return (before, after, label) if before and after and label else None


def _parts(root: Path) -> dict[str, Path]:
    return {name: root / name for name in SPLITS if _sides(root / name)}


def _lists(folder: Path) -> dict[str, str]:
    """Name without its ending -> split, of list/train.txt and so on; empty where there are none."""
    found: dict[str, str] = {}
    for name, split in SPLITS.items():
        path = folder / "list" / f"{name}.txt"
        for line in path.read_text(encoding="utf-8").split() if path.is_file() else ():
            stem = line.rpartition("/")[2].rpartition(".")[0] or line
            if found.setdefault(stem, split) != split:
                raise base.SourceError(f"{path}: {line} is in {found[stem]}, too: a pair has one split")
    return found


def _group(stem: str, settings: Settings) -> str:
    found = re.search(settings.group, stem) if settings.group else None
    return (found[1] if found.re.groups else found[0]) if found else ""


SOURCE: Final = base.Source(
    name="a-b-label",
    title="folders A, B and label",
    reads="[SPLIT/]A, B and label, or their other usual names; list/SPLIT.txt where there is one",
    licence="as you say",
    settings=Settings,
    read=_read,
    published=False,
)
