"""Pairs in a folder: images as PNG, and all that is known of them as one line of `pairs.jsonl` each.

    pairs.jsonl
    before/ID.png  after/ID.png  masks/CLASS/ID.png  ignore/ID.png

A line holds `id`, `domain`, `before`, `after`, `masks` (class -> path), `ignore`, `regions`, `captions`, `changed`,
`group`, `gsd_m`, `source` and `licence`; paths are relative to the file, and what is not known is absent. Lines of
other makers are read too, where they hold at least `id`, `before` and `after`, and a single `mask` instead of `masks`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, overload

import cv2
import numpy as np

from onediff_core.data.sample import Sample, SampleRegion
from onediff_plugins.errors import PairError
from onediff_plugins.exporters import write_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

PAIRS: Final = "pairs.jsonl"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_WORDS: Final = ("domain", "source", "licence", "group")


class PairFolder(Sequence[Sample]):
    """The pairs of a folder, read when they are asked for.

    Args:
        path: the folder, or its `pairs.jsonl`.
        mask_class: class of what a line's single `mask` shows.
        still: grey values of masks that are no change though they are not 0, such as of shadows.
        ignored: grey values of masks that mean nothing; they go to `Sample.ignore`.

    Raises:
        PairError: there is no such file, or a line of it cannot be used.
    """

    def __init__(
        self, path: Path, *, mask_class: str = "change", still: tuple[int, ...] = (), ignored: tuple[int, ...] = ()
    ) -> None:
        """Read the list."""
        self.path = path / PAIRS if path.is_dir() else path
        self.mask_class, self.still, self.ignored = mask_class, still, ignored
        self.rows = _rows(self.path)

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        """A pair, or some.

        Raises:
            PairError: an image is missing, cannot be read or does not fit the others.
        """
        if isinstance(index, slice):
            return [self._sample(row) for row in self.rows[index]]
        return self._sample(self.rows[index])

    def _sample(self, row: Mapping[str, Any]) -> Sample:
        masks = {name: self._grey(path) > 0 for name, path in (row.get("masks") or {}).items()}
        ignore = self._grey(row["ignore"]) > 0 if row.get("ignore") else None
        if row.get("mask"):
            grey = self._grey(row["mask"])
            masks[self.mask_class] = (grey > 0) & ~np.isin(grey, (*self.still, *self.ignored))
            ignore = np.isin(grey, self.ignored) if self.ignored else ignore
        try:
            return Sample(
                before=self._image(row["before"]),
                after=self._image(row["after"]),
                masks=masks,
                ignore=ignore,
                regions=_regions(row.get("regions")),
                captions=tuple(row.get("captions") or filter(None, [row.get("caption")])),
                changed=row.get("changed"),
                gsd_m=row.get("gsd_m"),
                id=str(row["id"]),
                **{name: str(row.get(name) or "") for name in _WORDS},
            )
        except (ValueError, TypeError, KeyError) as exc:
            raise PairError(f"{self.path}, pair {row['id']!r}: {exc}; correct the line or its images") from exc

    def _image(self, path: str) -> NDArray[np.uint8]:
        return np.asarray(self._opened(path, "RGB"))

    def _grey(self, path: str) -> NDArray[np.uint8]:
        return np.asarray(self._opened(path, "L"))

    def _opened(self, path: str, mode: str) -> Any:
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(self.path.parent / path) as image:
                return image.convert(mode)
        except (OSError, UnidentifiedImageError) as exc:
            raise PairError(f"{self.path}: {path} cannot be read: {exc}; the list names files beside it") from exc


def write_images(folder: Path, sample: Sample) -> dict[str, Any]:
    """Write the images of a sample, each whole or not at all.

    Args:
        folder: made where it is missing.
        sample: its id becomes file names.

    Returns:
        The line of `pairs.jsonl` that leads to them.

    Raises:
        ValueError: the id, or the name of a class, cannot be a file name.
        ExportError: a file cannot be written.
    """
    for name in (sample.id, *sample.masks):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be a file name: use letters, digits and . _ + - only")
    row: dict[str, Any] = {"id": sample.id}
    row |= {name: getattr(sample, name) for name in _WORDS if getattr(sample, name)}
    for side in ("before", "after"):
        row[side] = _written(folder, f"{side}/{sample.id}.png", getattr(sample, side)[:, :, ::-1])
    row["masks"] = {
        name: _written(folder, f"masks/{name}/{sample.id}.png", mask.astype(np.uint8) * 255)
        for name, mask in sample.masks.items()
    }
    if sample.ignore is not None:
        row["ignore"] = _written(folder, f"ignore/{sample.id}.png", sample.ignore.astype(np.uint8) * 255)
    if sample.regions is not None:
        row["regions"] = [
            {
                "kind": region.kind,
                "label": region.label,
                "box": region.box,
                "caption": region.caption,
                "attributes": dict(region.attributes),
            }
            for region in sample.regions
        ]
    known = {"captions": list(sample.captions) or None, "changed": sample.changed, "gsd_m": sample.gsd_m}
    return row | {name: value for name, value in known.items() if value is not None}


def _written(folder: Path, name: str, pixels: NDArray[np.uint8]) -> str:
    _, file = cv2.imencode(".png", pixels)
    write_file(folder / name, file.tobytes())
    return name


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as exc:
        raise PairError(f"{path}: cannot be read: {exc.strerror}; name a folder with {PAIRS}, or such a file") from exc
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            missing = [name for name in ("id", "before", "after") if name not in row]
        except (ValueError, TypeError) as exc:
            raise PairError(f"{path}, line {number}: not a JSON object: {exc}") from exc
        if missing:
            raise PairError(f"{path}, line {number}: no {', '.join(missing)}; a line needs id, before and after")
        rows.append(row)
    return rows


def _regions(rows: Any) -> tuple[SampleRegion, ...] | None:
    """Regions as `write_images` writes them; those of other makers have other fields and are left out."""
    if rows is None or not all(isinstance(row, dict) and {"kind", "box"} <= row.keys() for row in rows):
        return None
    return tuple(
        SampleRegion(
            kind=row["kind"],
            label=row.get("label", ""),
            box=tuple(row["box"]),
            caption=row.get("caption", ""),
            attributes={name: _frozen(value) for name, value in row.get("attributes", {}).items()},
        )
        for row in rows
    )


def _frozen(value: Any) -> Any:
    """JSON has no tuples: a list was one."""
    return tuple(_frozen(part) for part in value) if isinstance(value, list) else value
