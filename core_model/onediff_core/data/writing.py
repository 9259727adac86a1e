"""Records as lines of a `pairs.jsonl`, and their pictures as files."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onediff_core.data import packing
from onediff_core.data.record import Shade, content, opened
from onediff_core.data.sources.base import SourceError
from onediff_plugins.pairs import FOLDER_NAME

if TYPE_CHECKING:
    from onediff_core.data.checking import Checked
    from onediff_core.data.record import Picture, Record


def text_of(record: Record, base: Path) -> str:
    """A record as a line of text; see `line_of`."""
    return json.dumps(line_of(record, base), ensure_ascii=False) + "\n"


def line_of(record: Record, base: Path) -> dict[str, Any]:
    """A record as a line of `pairs.jsonl`; what is not known is left out.

    Args:
        record: whose pictures are files.
        base: folder of the list.

    Raises:
        SourceError: a picture is no file.
    """
    line: dict[str, Any] = {"id": record.id}
    line |= {side: _path(getattr(record, side), base, record) for side in ("before", "after")}
    if record.masks:
        line["masks"] = {name: _shade(mask, base, record) for name, mask in record.masks.items()}
    if record.ignore is not None:
        line["ignore"] = _shade(record.ignore, base, record)
    if record.regions is not None:
        line["regions"] = packing.regions_of(record)
    words = ("task", "domain", "source", "licence", "split", "group")
    known = {name: getattr(record, name) or None for name in words}
    known |= {"captions": list(record.captions) or None, "changed": record.changed, "gsd_m": record.gsd_m}
    return line | {name: value for name, value in known.items() if value is not None} | _meta(record)


def _meta(record: Record) -> dict[str, Any]:
    return {"meta": dict(record.meta)} if record.meta else {}


def _shade(mask: Shade, base: Path, record: Record) -> Any:
    path = _path(mask.picture, base, record)
    return {"picture": path, "values": list(mask.values)} if mask.values else path


def _path(picture: Picture, base: Path, record: Record) -> str:
    """Relative where the picture lies below the list, so that both can be moved together."""
    if isinstance(picture, bytes):
        raise SourceError(f"pair {record.id!r} has pictures that lie in no file: name a folder with --out, not a list")
    path = Path(os.path.abspath(picture))  # noqa: PTH100  # of a link, what it is called, not what it leads to
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)


@dataclass
class Files:
    """Writes the pictures of records into a folder.

    Attributes:
        folder: of `before/`, `after/`, `masks/CLASS/` and `ignore/`.
    """

    folder: Path
    _taken: set[str] = field(default_factory=set)

    def filed(self, ready: Checked) -> Record:
        """The record, its pictures written; masks as PNG, the others as they were encoded.

        Raises:
            PairError: a picture cannot be read.
        """
        record = ready.record
        name = record.id if FOLDER_NAME.fullmatch(record.id) and record.id[0] != "." else ""
        if not name or name.lower() in self._taken:
            name = f"pair-{len(self._taken) + 1:06d}"
        self._taken.add(name.lower())
        masks = {
            of: Shade(picture=self._written(f"masks/{of}/{name}.png", packing.png_of_mask(mask)))
            for of, mask in ready.masks.items()
        }
        ignore = None
        if ready.ignore is not None:
            ignore = Shade(picture=self._written(f"ignore/{name}.png", packing.png_of_mask(ready.ignore)))
        before, after = self._copied(f"before/{name}", record.before), self._copied(f"after/{name}", record.after)
        return replace(record, before=before, after=after, masks=masks, ignore=ignore)

    def _copied(self, name: str, picture: Picture) -> Path:
        with opened(picture) as image:
            ending = {"JPEG": "jpg", "TIFF": "tif"}.get(image.format or "", (image.format or "png").lower())
        return self._written(f"{name}.{ending}", content(picture))

    def _written(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path
