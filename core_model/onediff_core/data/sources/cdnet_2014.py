"""CDnet 2014 (Wang et al., CVPRW 2014): videos of fixed cameras, masks of what moves.

A pair is a frame, and before it a frame of the same video in which nothing moves. Of the grey values of its masks 255
moves, 170 (outlines) and 85 (outside of the region of interest) mean nothing, 50 (shadow) and 0 are still.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from pydantic import Field

from onediff_core.data.record import Record, Shade, grey, opened
from onediff_core.data.sources import base
from onediff_plugins.errors import PairError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from onediff_core.data.summary import Summary

MOVING: Final = 255
IGNORED: Final = (85, 170)
_MEDIAN_OF: Final = 25


class Settings(base.SourceSettings):
    """Which frames."""

    every: int = Field(default=25, ge=1, description="one labelled frame in so many")
    before: Literal["still", "median"] = Field(
        default="still",
        description="the last frame in which nothing moves, or the median of frames from before the labelled ones",
    )


def _read(root: Path, given: tuple[Path, ...], settings: Settings, summary: Summary) -> Iterator[Record]:
    videos = sorted(path.parent for path in root.rglob("groundtruth") if (path.parent / "input").is_dir())
    if not videos:
        raise base.SourceError(f"{root} has no videos: one is CATEGORY/VIDEO with input/ and groundtruth/")
    for video in videos:
        yield from _of_video(video, settings, summary)


def _of_video(video: Path, settings: Settings, summary: Summary) -> Iterator[Record]:
    first, last = _labelled(video)
    frames = [number for number in range(first, last + 1, settings.every) if _mask(video, number).is_file()]
    summary.note("frames without a mask left out", len(range(first, last + 1, settings.every)) - len(frames))
    moving = {number: _moves(video, number) for number in frames}
    still = [number for number, moves in moving.items() if moves is False]
    median = _median(video, first) if settings.before == "median" else None
    if median is None and not still:
        summary.note(f"videos without a still frame left out ({video.parent.name}/{video.name}); try before=median")
        return
    for number in frames:
        before = median or _still_beside(video, number, still)
        if before is None:
            summary.note("still frames without another one beside them left out")
            continue
        mask = _mask(video, number)
        yield Record(
            id=f"{video.parent.name}-{video.name}-{number:06d}",
            before=before,
            after=_frame(video, number),
            masks={"object": Shade(picture=mask, values=(MOVING,))},
            ignore=Shade(picture=mask, values=IGNORED),
            changed=moving[number],
            domain="surveillance",
            source=SOURCE.name,
            licence=SOURCE.licence,
            group=f"{video.parent.name}/{video.name}",
        )


def _still_beside(video: Path, number: int, still: Sequence[int]) -> Path | None:
    """The last frame before a frame in which nothing moves, else the first after it."""
    earlier, later = [at for at in still if at < number], [at for at in still if at > number]
    nearest = earlier[-1] if earlier else later[0] if later else None
    return None if nearest is None else _frame(video, nearest)


def _labelled(video: Path) -> tuple[int, int]:
    """The numbers of the first and the last frame that are labelled."""
    path = video / "temporalROI.txt"
    try:
        first, last = map(int, path.read_text(encoding="utf-8").split()[:2])
    except (OSError, ValueError) as exc:
        raise base.SourceError(f"{path} does not say from which frame to which masks are there: {exc}") from exc
    return first, last


def _frame(video: Path, number: int) -> Path:
    return video / "input" / f"in{number:06d}.jpg"


def _mask(video: Path, number: int) -> Path:
    return video / "groundtruth" / f"gt{number:06d}.png"


def _moves(video: Path, number: int) -> bool | None:
    """Whether anything moves in a frame; None where its mask cannot be read, which is found when it is checked."""
    try:
        pixels: Any = grey(_mask(video, number))
    except (PairError, OSError):
        return None
    return bool((pixels == MOVING).any())


def _median(video: Path, first: int) -> bytes:
    """What the frames before the labelled ones show most of the time, as PNG."""
    from PIL import Image

    numbers = np.unique(np.linspace(1, max(1, first - 1), _MEDIAN_OF).round().astype(int))
    there = [path for path in (_frame(video, int(number)) for number in numbers) if path.is_file()]
    if not there:
        raise base.SourceError(f"{video}: no frame before the labelled ones, of which a median could be taken")
    stack = [np.asarray(opened(path).convert("RGB")) for path in there]
    file = io.BytesIO()
    Image.fromarray(np.median(stack, axis=0).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


SOURCE: Final = base.Source(
    name="cdnet-2014",
    title="CDnet 2014",
    reads="CATEGORY/VIDEO/input/in000001.jpg, groundtruth/gt000001.png, temporalROI.txt",
    licence="academic use",
    settings=Settings,
    read=_read,
)
