"""Pairs in a folder: images as PNG, and all that is known of them as one line of `pairs.jsonl` each.

    pairs.jsonl
    before/ID.png  after/ID.png  masks/CLASS/ID.png  ignore/ID.png

A line holds `id`, `domain`, `before`, `after`, `masks` (class -> path), `ignore`, `regions`, `captions`, `changed`,
`task`, `split`, `group`, `gsd_m`, `source`, `licence` and `meta`; paths are relative to the file, and what is not known
is absent. Of a mask, `{"picture": path, "values": [255]}` may stand for the path: then those grey values are meant.
Lists of other makers are read too, in every form that `listing.read_list` knows, with a single `mask` instead of
`masks`, and `boxes` instead of `regions`: `[x0, y0, x1, y1]`, or objects with `box` and perhaps `label` and `kind`.

The same records packed in Parquet, pictures included (`packing`), are read as well.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, overload

import cv2
import numpy as np

from onediff_core.data import packed
from onediff_core.data.listing import PAIRS, is_list, read_list
from onediff_core.data.record import grey, opened, shade, split_called
from onediff_core.data.sample import Sample, SampleRegion
from onediff_plugins.errors import PairError
from onediff_plugins.exporters import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from onediff_core.data.record import Picture

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_WORDS: Final = ("domain", "source", "licence", "group", "task", "split")
_TRUTHS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Pictures(NamedTuple):
    """Both images of a pair on one grid.

    Attributes:
        before: (H, W, 3) uint8 RGB.
        after: likewise.
        ignore: (H, W) bool, where they cannot be compared, or None.
        gsd_m: ground sample distance in metres, or None.
    """

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    ignore: NDArray[np.bool_] | None = None
    gsd_m: float | None = None


class PairFolder(Sequence[Sample]):
    """The pairs of a folder, read when they are asked for.

    Args:
        path: the folder, or a list; see `listing.read_list`. Also a folder of pairs packed in Parquet, or one shard.
        mask_class: class of what a line's single `mask`, or the masks of a folder without classes, show.
        still: grey values of masks that are no change though they are not 0, such as of shadows.
        ignored: grey values of masks that mean nothing; they go to `Sample.ignore`.
        look: reads the images of a row, instead of opening them as pictures of one size; `before` and `after` of the
            row are paths, or Pillow images where pairs are packed.
        split: pairs of this split alone, and those that have none; all unless given.
        fit: resample a before image of another size to that of the after image, instead of refusing the pair.

    Attributes:
        rows: what is known of each pair, as the list has it, pictures as paths; those of packed pairs have none.
        left_out: shards that cannot be read, with the reason.

    Raises:
        PairsFileError: there is no such list, or a line of it cannot be used.
    """

    def __init__(
        self,
        path: Path,
        *,
        mask_class: str = "change",
        still: tuple[int, ...] = (),
        ignored: tuple[int, ...] = (),
        look: Callable[[Mapping[str, Any]], Pictures] | None = None,
        split: str | None = None,
        fit: bool = False,
    ) -> None:
        """Read the list."""
        shards = [] if is_list(path) else packed.shards_of(path)
        self._packed = packed.PackedPairs(shards) if shards else None
        self.path = path if shards or not path.is_dir() else path / PAIRS
        self.mask_class, self.still, self.ignored = mask_class, still, ignored
        self.left_out = tuple(self._packed.left_out) if self._packed else ()
        split = split and split_called(split)
        rows = read_list(path, mask_class) if self._packed is None else self._packed
        kept = [number for number, row in enumerate(rows) if not split or (row.get("split") or split) == split]
        self.rows = [rows[number] for number in kept]
        self._numbers = kept
        self._look, self._fit = look or self._plain, fit

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
            return [self[number] for number in range(*index.indices(len(self)))]
        row = self.row_with_pictures(index)
        if self._packed is not None:
            row = {**row, "before": opened(row["before"]), "after": opened(row["after"])}
        return self._sample(row)

    def row_with_pictures(self, index: int) -> dict[str, Any]:
        """A row whose pictures are paths or, where pairs are packed, encoded.

        Raises:
            PairError: a shard is damaged.
        """
        return self.rows[index] if self._packed is None else self._packed.with_pictures(self._numbers[index])

    def labels(self) -> list[str]:
        """Labels of the regions of all pairs, in the order of the alphabet; of rows that can be used."""
        found: set[str] = set()
        for row in self.rows:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                found |= {region.label for region in _regions(row) or ()}
        return sorted(found - {""})

    def _sample(self, row: Mapping[str, Any]) -> Sample:
        pictures = self._look(row)
        try:
            masks, ignore = self._masks(row)
            facts = facts_of(row)
            return Sample(
                before=pictures.before,
                after=pictures.after,
                masks=masks,
                ignore=_either(ignore, pictures.ignore),
                **{**facts, "gsd_m": facts["gsd_m"] or pictures.gsd_m},
            )
        except (ValueError, TypeError, KeyError) as exc:
            raise PairError(f"{self.path}, pair {row['id']!r}: {exc}; correct the line or its images") from exc

    def _masks(self, row: Mapping[str, Any]) -> tuple[dict[str, NDArray[np.bool_]], NDArray[np.bool_] | None]:
        """Class -> where it is, and where no mask means anything."""
        masks = {name: self._mask(file) for name, file in masks_of(row).items()}
        ignore = self._mask(row["ignore"]) if row.get("ignore") else None
        if row.get("mask"):
            pixels = self._grey(row["mask"])
            masks[self.mask_class] = (pixels > 0) & ~np.isin(pixels, (*self.still, *self.ignored))
            ignore = np.isin(pixels, self.ignored) if self.ignored else ignore
        return masks, ignore

    def _mask(self, file: Any) -> NDArray[np.bool_]:
        """Of a path, an object of a path and grey values, or a picture."""
        picture, values = shade_of(file)
        return shade(self._grey(picture), values)

    def _plain(self, row: Mapping[str, Any]) -> Pictures:
        before, after = self._image(row["before"]), self._image(row["after"])
        if self._fit and before.shape != after.shape:
            height, width = after.shape[:2]
            before = np.asarray(cv2.resize(before, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        return Pictures(before, after)

    def _image(self, source: Any) -> NDArray[np.uint8]:
        try:
            with opened(Path(source)) if isinstance(source, str) else source as image:  # its folder is in the path
                return np.asarray(image.convert("RGB"))
        except (PairError, OSError) as exc:
            raise self._unreadable(source, exc) from exc

    def _grey(self, source: str | bytes) -> NDArray[np.uint8]:
        try:
            return grey(self._beside(source))
        except (PairError, OSError) as exc:
            raise self._unreadable(source, exc) from exc

    def _beside(self, source: str | bytes) -> Picture:
        return source if isinstance(source, bytes) else self.path.parent / source

    def _unreadable(self, source: Any, cause: Exception) -> PairError:
        if isinstance(source, str):
            return PairError(f"{self.path}: {cause}; the list names files beside it")
        return PairError(f"{self.path}: a picture cannot be read: {cause}")


def masks_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Class -> mask, as a row has them.

    Raises:
        TypeError: it has something else.
    """
    masks = row.get("masks") or {}
    if not isinstance(masks, dict):
        raise TypeError(f"masks is {masks!r}: write an object of classes and paths")
    return masks


def shade_of(mask: Any) -> tuple[Any, tuple[int, ...]]:
    """The picture of a mask, and the grey values that are meant; none where all but 0 are.

    Args:
        mask: a path, an object of a path and grey values, or a picture.

    Raises:
        ValueError: an object without a picture.
    """
    if not isinstance(mask, dict):
        return mask, ()
    if "picture" not in mask:
        raise ValueError(f'a mask is {mask!r}: write a path, or {{"picture": path, "values": [255]}}')
    return mask["picture"], tuple(mask.get("values") or ())


def facts_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says without pictures, by the names of a sample's fields.

    Raises:
        ValueError: something in it cannot be meant.
        TypeError: likewise.
        KeyError: likewise.
    """
    return {
        "id": str(row["id"]),
        "regions": _regions(row),
        "captions": _captions(row),
        "changed": _truth(row.get("changed")),
        "gsd_m": _metres(row.get("gsd_m")),
        **{name: str(row.get(name) or "") for name in _WORDS},
    }


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


def _either(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    return one | other if one is not None and other is not None else one if other is None else other


def _captions(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Of `captions`, a list or one text, else of `caption`; blank ones are none."""
    captions = row.get("captions") or row.get("caption") or ()
    written = captions if isinstance(captions, list | tuple) else (captions,)
    return tuple(text for text in map(str, written) if text.strip())


def _truth(value: Any) -> bool | None:
    """As `changed` stands in lists: a CSV has words."""
    if value is None or isinstance(value, bool) or value == "":
        return None if value == "" else value
    if (word := str(value).strip().lower()) not in _TRUTHS:
        raise ValueError(f"changed is {value!r}: write true or false")
    return _TRUTHS[word]


def _metres(value: Any) -> float | None:
    """A length above 0."""
    if value in (None, ""):
        return None
    try:
        metres = float(value)
    except (TypeError, ValueError):
        metres = math.nan
    if not 0 < metres < math.inf:
        raise ValueError(f"gsd_m is {value!r}: write metres, above 0")
    return metres


def _regions(row: Mapping[str, Any]) -> tuple[SampleRegion, ...] | None:
    """The regions of a row, else its boxes; regions of other makers have other fields and are left out."""
    regions, boxes = row.get("regions"), row.get("boxes")
    if regions is not None and all(isinstance(entry, dict) and {"kind", "box"} <= entry.keys() for entry in regions):
        return tuple(map(_region, regions))
    if boxes is None:
        return None
    if not isinstance(boxes, list | tuple):
        raise TypeError(f"boxes is {boxes!r}: write a list of boxes")
    return tuple(_region(entry if isinstance(entry, dict) else {"box": entry}) for entry in boxes)


def _region(entry: Mapping[str, Any]) -> SampleRegion:
    if "box" not in entry:
        raise ValueError(f"a region without a box; it has {', '.join(map(repr, entry)) or 'nothing'}")
    box = entry["box"]
    if not isinstance(box, list | tuple) or len(box) != 4 or not all(isinstance(edge, int | float) for edge in box):
        raise ValueError(f"the box {box!r} is not [x0, y0, x1, y1] in pixels")
    x0, y0, x1, y1 = box
    return SampleRegion(
        kind=entry.get("kind") or "changed",
        label=entry.get("label", ""),
        box=(x0, y0, x1, y1),
        caption=entry.get("caption", ""),
        attributes={name: _frozen(value) for name, value in entry.get("attributes", {}).items()},
    )


def _frozen(value: Any) -> Any:
    """JSON has no tuples: a list was one."""
    return tuple(_frozen(part) for part in value) if isinstance(value, list) else value
