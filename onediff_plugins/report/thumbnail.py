"""A small picture of a pair for the index of a batch: before and after, side by side."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import shapely
from PIL import Image

from onediff_plugins.drawing import DRAWN_ORDER, draw_outline, grown_boxes, rings
from onediff_plugins.exporters import write_file
from onediff_plugins.rendering import pair_of
from onediff_plugins.report.pictures import picture_of
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from onediff_plugins.drawing import Picture
    from onediff_plugins.records import ChangeRegion, ChangeResult
    from onediff_plugins.types import BoolArray, Frame

THUMBNAIL: Final = "thumbnail.webp"
HALF: Final = (256, 192)  # columns and rows of each side
_GAP: Final = 4
_LEAST_SHARE: Final = 0.4  # of the image's width or height that is shown at least, so that a page is recognised
_SURROUNDINGS: Final = 3.0  # how much larger than the strongest region
_REGIONS: Final = 200  # more would cover the picture
_QUALITY: Final = 80


def write_thumbnail(result: ChangeResult, folder: Path) -> Mapping[str, str]:
    """Write the thumbnail of a result: the surroundings of its strongest region in both images.

    Args:
        result: as the host returned it, with its pair.
        folder: the result's folder.

    Returns:
        {"thumbnail": file name}, a WebP of 516 x 192 pixels: before on the left, after with outlines on the right.

    Raises:
        ExportError: the result has no images, or the folder cannot be written.
    """
    pair = pair_of(result)
    window = _window(result.regions, pair.after)
    before = _half(pair.aligned, pair.unmatched_after, window)
    after = _half(pair.after, None, window)
    shrink = np.array(HALF) / (window.width, window.height)
    shown = [region for region in result.regions[:_REGIONS] if region.kind != "moved"]
    for region in sorted(shown, key=lambda region: DRAWN_ORDER.index(region.kind)):
        outline = [(ring - (window.x0, window.y0)) * shrink for ring in rings(region.geometry)]
        draw_outline(after, grown_boxes(outline, 1.5), region.kind, 1)
    gap = np.full((HALF[1], _GAP, 3), 255, dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(np.hstack([before, gap, after])).save(stream, "WEBP", quality=_QUALITY, method=2)
    write_file(folder / THUMBNAIL, stream.getvalue())
    return {"thumbnail": THUMBNAIL}


def _window(regions: tuple[ChangeRegion, ...], frame: Frame) -> Box:
    """The part that is shown: of the thumbnail's shape, round the strongest region, inside of the image if it can."""
    shape = HALF[0] / HALF[1]
    bounds = next((b for b in (shapely.bounds(region.geometry) for region in regions) if np.isfinite(b).all()), None)
    x0, y0, x1, y1 = (0, 0, frame.width, 0) if bounds is None else bounds  # without one: the top of the image
    widest = min(frame.width, frame.height * shape)
    wanted = max((x1 - x0) * _SURROUNDINGS, (y1 - y0) * _SURROUNDINGS * shape, _LEAST_SHARE * widest)
    width = max(1, round(widest if bounds is None else min(wanted, widest)))
    height = min(max(1, round(width / shape)), frame.height)
    left = min(max(round((x0 + x1 - width) / 2), 0), frame.width - width)
    top = min(max(round((y0 + y1 - height) / 2), 0), frame.height - height)
    return Box(left, top, left + width, top + height)


def _half(frame: Frame, without: BoolArray | None, window: Box) -> Picture:
    part = replace(
        frame, pixels=frame.pixels[(..., *window.slices)], valid=frame.valid[window.slices], source_grid=None
    )
    picture = picture_of(part, None if without is None else without[window.slices])
    smaller = picture.shape[1] >= HALF[0]
    resized = cv2.resize(picture, HALF, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return resized.astype(np.uint8)
