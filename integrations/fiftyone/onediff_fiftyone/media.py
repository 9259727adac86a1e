"""The files that a browser shows of a pair: those that a comparison wrote, and what is missing made beside them.

A source is shown as it is where every browser can. What is made here goes into a folder of its own, named by what it
was made from, so that a second import finds it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from onediff_fiftyone import schema, values
from onediff_plugins import images, rendering
from onediff_plugins.errors import OneDiffError
from onediff_plugins.exporters import write_preview
from onediff_plugins.reading import files_of
from onediff_plugins.types import Box, Frame, Piece, Registration
from onediff_plugins.warp import lies_on_grid, warp_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from onediff_plugins.images import ImageHeader
    from onediff_plugins.records import ChangeResult
    from onediff_plugins.types import FloatArray

# What Chromium, Firefox and Safari decode to what Pillow does. Of a GIF they would play more than the frame compared.
_SHOWN: Final = frozenset({"PNG", "JPEG", "WEBP", "BMP"})
_SHOWN_MODES: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
_SHOWN_PIXELS: Final = 50_000_000
_SHOWN_SIDE: Final = 16_000
_DECODED_PIXELS: Final = 400_000_000
_REMOTE: Final = ("http://", "https://")


class MediaError(OneDiffError):
    """A pair has no picture that can be shown."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What to show of a pair.

    Attributes:
        before: picture of the before image: a path, or an address that a browser opens.
        after: picture of the after image, likewise.
        before_aligned: the before image on the after grid; None where `before` lies on it, or where nobody knows.
        mask: 0 or 255 on the after grid, or None.
        score: 0 to 255 on the after grid, or None.
        sizes: slice -> columns and rows of its picture, where they are known.
    """

    before: str
    after: str
    before_aligned: str | None = None
    mask: str | None = None
    score: str | None = None
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def slices(self) -> Iterator[tuple[str, str]]:
        """(slice, picture) in the order in which they are added: after last."""
        yield schema.BEFORE, self.before
        if self.before_aligned is not None:
            yield schema.BEFORE_ALIGNED, self.before_aligned
        yield schema.AFTER, self.after


class Media:
    """Finds and makes the pictures of the pairs of one run."""

    def __init__(self, file: Path, made: Path, moved: Sequence[tuple[str, str]] = ()) -> None:
        """Remember where things are.

        Args:
            file: that the records are read from.
            made: folder for what is made here.
            moved: (old, new) beginnings of paths; the longest old one that fits counts.
        """
        self._file, self._folder, self._made = file, file.parent, made
        self._moved = sorted(moved, key=lambda pair: -len(pair[0]))

    def sides(self, files: Mapping[str, object], before: str, after: str) -> tuple[str, str]:
        """Where the pictures of both sides come from: the previews of the comparison, else the sources.

        Args:
            files: of the record.
            before: source of the before image.
            after: source of the after image.
        """
        found = []
        for key, source in (("preview_before", before), ("preview_after", after)):
            preview = files.get(key)
            found.append(str(self._folder / preview) if isinstance(preview, str) else self.relocated(source))
        return found[0], found[1]

    def relocated(self, source: str) -> str:
        """A source where it is now, as an absolute path; an address stays one."""
        for old, new in self._moved:
            if source.startswith(old):
                source = new + source.removeprefix(old)
                break
        return source if "://" in source else os.path.abspath(source)  # noqa: PTH100  # `..` behind a link stays

    def pictures(self, result: ChangeResult, folder: str) -> Pictures:
        """The pictures of a pair; what is missing is made.

        Args:
            result: as it was read.
            folder: name of the pair's own folder, for what is made.

        Raises:
            MediaError: a side has no picture that can be read.
            ExportError: what is missing cannot be written.
        """
        files = {name: str(path) for name, path in files_of(result, self._file).items()}
        sides = self.sides(result.files, result.before.source, result.after.source)
        cropped = result.after.window is not None
        shown, headers = [], []
        for key, picture, side in zip(("preview_before", "preview_after"), sides, ("before", "after"), strict=True):
            if key not in files:
                window = result.after.window if cropped else None
                picture = self._shown(picture, self._made / folder / side, window, result.id)
            shown.append(picture)
            headers.append(None if picture.startswith(_REMOTE) else _header(picture, result.id))
        aligned = files.get("preview_before_aligned")
        if aligned is None and headers[0] is not None and headers[1] is not None:
            aligned = self._aligned(result, shown[0], (headers[0], headers[1]), self._made / folder)
        mask, score = (files.get(f"preview_{name}", files.get(name)) for name in ("mask", "score"))
        sizes = {
            slice_: (header.width, header.height)
            for slice_, header in zip((schema.BEFORE, schema.AFTER), headers, strict=True)
            if header is not None
        }
        if aligned is not None and schema.AFTER in sizes:
            sizes[schema.BEFORE_ALIGNED] = sizes[schema.AFTER]
        return Pictures(
            before=shown[0],
            after=shown[1],
            before_aligned=aligned,
            mask=_if_png(mask),
            score=_if_png(score),
            sizes=sizes,
        )

    def _shown(self, source: str, stem: Path, window: Sequence[int] | None, pair_id: str) -> str:
        """The source where a browser shows it as it was compared, else an 8-bit picture of it."""
        if source.startswith(_REMOTE) and window is None:
            return source
        header = _header(source, pair_id)
        if window is None and _is_shown(header):
            return source
        named = stem.with_name(f"{stem.name}-{_digest(source, Path(source).stat().st_mtime_ns, window)}")
        if (done := _made_before(named)) is not None:
            return done
        frame = _frame(source, pair_id)
        if window is not None:
            box = Box(*window).intersection(frame.box)
            frame = Frame(
                pixels=frame.pixels[(slice(None), *box.slices)], valid=frame.valid[box.slices], bands=frame.bands
            )
        return str(write_preview(named, rendering.preview(frame)))

    def _aligned(
        self, result: ChangeResult, before: str, headers: tuple[ImageHeader, ImageHeader], folder: Path
    ) -> str | None:
        """The before picture warped onto the after picture; None where there is no need, or no way to know how."""
        sizes = [(header.width, header.height) for header in headers]
        registration = _between_pictures(result, *sizes)
        if registration is None or lies_on_grid(registration, *sizes):
            return None
        pieces = registration.pieces
        parts = (before, Path(before).stat().st_mtime_ns, registration.matrix.tolist(), pieces, sizes[1])
        named = folder / f"before_aligned-{_digest(*parts)}"
        if (done := _made_before(named)) is not None:
            return done
        width, height = sizes[1]
        grid = Frame(
            pixels=np.broadcast_to(np.uint8(0), (1, height, width)),
            valid=np.broadcast_to(np.True_, (height, width)),
            bands=("b1",),
        )
        return str(write_preview(named, rendering.to_rgb8(warp_frame(_frame(before, result.id), registration, grid))))


def _between_pictures(result: ChangeResult, before: tuple[int, int], after: tuple[int, int]) -> Registration | None:
    """The record's registration between pictures that may be smaller than what was compared."""
    if not values.shows_source_grid(result):
        return None
    down = np.diag([before[0] / result.before.width, before[1] / result.before.height, 1.0])
    width, height = values.grid_size(result)
    up = np.diag([width / after[0], height / after[1], 1.0])
    matrix: FloatArray = down @ np.array(result.registration.matrix, dtype=np.float64) @ up
    if result.registration.pieces is None:
        return Registration(matrix=matrix)
    if before != (result.before.width, result.before.height) or after != (width, height):
        return None  # pieces move by whole pixels of the sources
    pieces = tuple(Piece(Box(*piece.after_box), piece.dx, piece.dy) for piece in result.registration.pieces)
    return Registration(matrix=matrix, pieces=pieces)


def _frame(source: str, pair_id: str) -> Frame:
    try:
        decoded = images.decode(source, max_pixels=_DECODED_PIXELS)
    except OneDiffError as exc:
        raise MediaError(f"pair {pair_id!r} has no picture: {exc}") from exc
    colour = decoded.array
    bands = ("red", "green", "blue") if colour.shape[2] == 3 else ("b1",)
    valid = np.ones(colour.shape[:2], np.bool_) if decoded.alpha is None else decoded.alpha > 0
    return Frame(pixels=np.moveaxis(colour, 2, 0), valid=valid, bands=bands, source=source)


def _header(source: str, pair_id: str) -> ImageHeader:
    try:
        return images.header(source)
    except OneDiffError as exc:
        raise MediaError(f"pair {pair_id!r} has no picture: {exc}") from exc


def _is_shown(header: ImageHeader) -> bool:
    return (
        header.format in _SHOWN
        and header.mode in _SHOWN_MODES
        and header.width * header.height <= _SHOWN_PIXELS
        and max(header.width, header.height) <= _SHOWN_SIDE
    )


def _if_png(path: str | None) -> str | None:
    """Masks and maps are decoded by the App, which reads no TIFF."""
    return path if path is not None and path.endswith(".png") else None


def _made_before(stem: Path) -> str | None:
    return next(
        (str(path) for suffix in (".png", ".jpg") if (path := stem.with_name(stem.name + suffix)).is_file()), None
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:10]
