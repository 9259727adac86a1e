"""What a run of onediff found and said, as pairs to learn from: words that a captioner proposes, masks of a detector.

They are proposals. Who wrote them stands in `meta` of each record, and the model's licence beside it.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import Field

from onediff_core.data.record import Record, Shade, opened, split_called
from onediff_core.data.sample import SampleRegion
from onediff_core.data.sources import base
from onediff_plugins.errors import PairError
from onediff_plugins.reading import files_of, read_results, results_file
from onediff_plugins.records import PairFailure
from onediff_plugins.types import Box, Frame, Piece, Registration
from onediff_plugins.warp import warp_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from onediff_core.data.record import Picture
    from onediff_core.data.summary import Summary
    from onediff_plugins.records import ChangeRegion, ChangeResult, SourceInfo

# Of a record that was carried through the run as the columns of its list.
_CARRIED: Final = ("group", "split", "licence")
# At or over this shift of some corner in pixels, an image is resampled rather than taken as it is.
_SHIFT_PX: Final = 0.5


class Settings(base.SourceSettings):
    """Whose words are wanted, and how sure a verdict must be."""

    captioner: str = Field(default="", description="words of this captioner alone, such as hf-vlm; all unless given")
    sure: float = Field(default=0.0, ge=0, le=1, description="least distance of a pair's score from 0.5")
    mask_class: str = Field(default="change", description="class of what the masks show; empty for no masks")
    aligned: bool = Field(default=False, description="before images as the run aligned them, for a folder as --out")
    licence: str = Field(default="", description="of the images, where the list of the run did not say")


def _read(root: Path, given: tuple[Path, ...], settings: Settings, summary: Summary) -> Iterator[Record]:
    file = results_file(given[0] if given else root)
    for result in read_results(file):
        if isinstance(result, PairFailure):
            summary.seen += 1
            summary.leave_out(result.id, "failed", f"{result.id}: {result.error.message}")
        elif result.changed is None or abs(result.score - 0.5) < settings.sure:
            summary.seen += 1
            summary.leave_out(
                result.id, "unsure", f"{result.id}: {result.reason or f'its score is {result.score:.2f}'}"
            )
        else:
            try:
                yield record_of(result, file, settings, summary)
            except PairError as exc:
                summary.seen += 1
                summary.leave_out(result.id, "broken", str(exc))


def record_of(result: ChangeResult, file: Path, settings: Settings, summary: Summary) -> Record:
    """A result as a pair to learn from, taken at its word.

    Args:
        result: with a verdict.
        file: that it was read from.
        settings: whose words are wanted, and what masks show.
        summary: where it is noted what does not become part of the record.

    Raises:
        PairError: a side is no file, was compared within a window, or cannot be aligned.
    """
    files, meta = files_of(result, file), dict(result.meta)
    carried = {name: str(meta.pop(name, "") or "") for name in _CARRIED}
    wanted = _by(result.caption_source, settings.captioner)
    summary.note("pairs whose words are of another captioner, left without", not wanted)
    masks = {}
    if settings.mask_class and "mask" in files:
        masks[settings.mask_class] = Shade(picture=files["mask"])
    unsaid = {number for fallback in result.provenance.fallbacks for number in fallback.regions or ()}
    return Record(
        id=result.id,
        before=_before(result, settings, summary),
        after=_path(result.after, result),
        masks=masks,
        regions=tuple(_region(found, said=wanted and found.id not in unsaid) for found in result.regions),
        captions=base.written([result.caption], summary) if wanted else (),
        changed=result.changed,
        task="caption" if wanted else "",
        domain=result.domain,
        source=SOURCE.name,
        licence=carried["licence"] or settings.licence,
        split=split_called(carried["split"]),
        group=carried["group"],
        meta=meta | {"proposed": _proposed(result)},
    )


def _by(said_by: str, wanted: str) -> bool:
    """Whether a caption is of the captioner that is wanted; its model may stand behind a colon."""
    return not wanted or said_by == wanted or said_by.startswith(f"{wanted}:")


def _region(found: ChangeRegion, *, said: bool) -> SampleRegion:
    """A region where it lies on the after grid: of what was removed, where it was."""
    x0, y0, x1, y1 = found.geometry.bounds
    box = int(np.floor(x0)), int(np.floor(y0)), int(np.ceil(x1)), int(np.ceil(y1))
    return SampleRegion(
        kind=found.kind,
        label=found.label,
        box=box,
        caption=found.caption if said else "",
        attributes={"score": round(found.score, 4)},
    )


def _proposed(result: ChangeResult) -> dict[str, Any]:
    """Who found and who said it."""
    models = result.provenance.models
    licences = {role: model.licence for role, model in models.items() if model.licence}
    return {
        "detector": result.detector,
        "captioner": result.caption_source,
        "score": round(result.score, 4),
        **({"licences": licences} if licences else {}),
    }


def _path(side: SourceInfo, result: ChangeResult) -> Path:
    """The file of a side, whole.

    Raises:
        PairError: it was no file, or a part of one.
    """
    if side.window is not None:
        raise PairError(f"{result.id}: compared within a window of {side.source}: cut it out, and compare that")
    if "://" in side.source or side.source.startswith(("/vsi", "<")):
        raise PairError(f"{result.id}: {side.source} is no file on this machine")
    return Path(side.source)


def _before(result: ChangeResult, settings: Settings, summary: Summary) -> Picture:
    path = _path(result.before, result)
    if _stands(result):
        return path
    if settings.aligned:
        return _warped(path, result)
    summary.note("pairs that the run had to align; their images are left as they are (--set aligned=true)")
    return path


def _stands(result: ChangeResult) -> bool:
    """Whether the images lie on each other as they are."""
    width, height = result.after.width, result.after.height
    if (width, height) != (result.before.width, result.before.height):
        return False
    if result.registration.pieces is not None:
        return not any(piece.dx or piece.dy for piece in result.registration.pieces)
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    return bool(np.abs(_registration(result).to_before(corners) - corners).max() < _SHIFT_PX)


def _registration(result: ChangeResult) -> Registration:
    said = result.registration
    pieces = None
    if said.pieces is not None:
        pieces = tuple(Piece(Box(*piece.after_box), piece.dx, piece.dy) for piece in said.pieces)
    return Registration(matrix=np.array(said.matrix), pieces=pieces, method=said.method, overlap=said.overlap)


def _warped(path: Path, result: ChangeResult) -> bytes:
    """The before image on the after grid as PNG, by the run's own registration.

    Raises:
        PairError: it cannot be read as a picture, or the registration is of a reprojection of it.
    """
    from PIL import Image

    if "reprojected" in result.registration.method:
        raise PairError(f"{result.id}: {path} was reprojected: its registration does not fit the file")
    try:
        with opened(path) as image:
            before = _frame(np.asarray(image.convert("RGB")))
    except OSError as exc:
        raise PairError(f"{path} cannot be read: {exc}") from exc
    grid = _frame(np.zeros((result.after.height, result.after.width, 3), np.uint8))
    pixels = warp_frame(before, _registration(result), grid).pixels
    stream = io.BytesIO()
    Image.fromarray(np.moveaxis(pixels, 0, 2)).save(stream, format="PNG")
    return stream.getvalue()


def _frame(pixels: NDArray[np.uint8]) -> Frame:
    valid = np.ones(pixels.shape[:2], np.bool_)
    return Frame(pixels=np.moveaxis(pixels, 2, 0), valid=valid, bands=("red", "green", "blue"))


SOURCE: Final = base.Source(
    name="results",
    title="results of onediff",
    reads="results.jsonl of `onediff batch`, or its folder",
    licence="as the list of the run says, or you",
    settings=Settings,
    read=_read,
    published=False,
)
