"""Overviews and windows: seeing a large scene small, and a part of it at full size.

Alignment, radiometry and detector statistics come from one overview of the whole scene, never from a window:
otherwise every window would have its own seams.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.types import Box, Frame, GeoRef, ImagePair, SourceGrid

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray, FloatArray

OVERVIEW_SIDE: Final = 1024


def reduce_frame(frame: Frame, max_side: int) -> Frame:
    """A frame of at most `max_side` pixels a side, by area averaging over valid pixels.

    Args:
        frame: any frame.
        max_side: largest width or height wanted, at least 1.

    Returns:
        The frame itself when it is small enough; else float32 pixels, valid where at least half of the area is, the
        georeference scaled, and `source_grid` naming the grid that it came from.
    """
    scale = max(frame.width, frame.height) / max_side
    if scale <= 1:
        return frame
    width, height = max(1, round(frame.width / scale)), max(1, round(frame.height / scale))
    pixels, valid = _area_average(frame, width, height)
    georef = frame.georef and scale_georef(frame.georef, frame.width / width, frame.height / height)
    grid = frame.grid
    if frame.source_grid is None and georef is None:
        grid = SourceGrid(width=frame.width, height=frame.height, window=frame.box)
    gsd = frame.gsd_m and frame.gsd_m * frame.width / width
    return replace(frame, pixels=pixels, valid=valid, georef=georef, gsd_m=gsd, source_grid=grid)


def _area_average(frame: Frame, width: int, height: int) -> tuple[Array, BoolArray]:
    size = (width, height)
    if frame.valid.all():
        bands = [cv2.resize(_float32(band), size, interpolation=cv2.INTER_AREA) for band in frame.pixels]
        return np.stack(bands), np.ones((height, width), dtype=np.bool_)
    weight = cv2.resize(frame.valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    valid = weight >= 0.5
    safe = np.where(valid, weight, 1)
    bands = [
        np.where(
            valid,
            cv2.resize(np.where(frame.valid, _float32(band), 0), size, interpolation=cv2.INTER_AREA) / safe,
            0,
        )
        for band in frame.pixels
    ]
    return np.stack(bands).astype(np.float32), valid


def _float32(band: Array) -> Array:
    return np.ascontiguousarray(band, dtype=np.float32)


def scale_georef(georef: GeoRef, x: float, y: float) -> GeoRef:
    """The georeference of a grid whose pixels are x times as wide and y times as high."""
    return GeoRef(crs=georef.crs, transform=georef.transform @ type(georef.transform).scale(x, y))


def window_georef(georef: GeoRef, window: Box) -> GeoRef:
    """The georeference of a window's own grid."""
    return GeoRef(crs=georef.crs, transform=georef.transform @ type(georef.transform).translation(window.x0, window.y0))


def overview(pair: ImagePair, max_side: int = OVERVIEW_SIDE) -> ImagePair:
    """The pair on grids of at most `max_side` pixels a side.

    Args:
        pair: before or after the warp.
        max_side: largest width or height of each frame.

    Returns:
        The pair itself when all of it is small enough.
    """
    frames = [frame for frame in (pair.before, pair.after, pair.before_on_after) if frame is not None]
    if all(max(frame.width, frame.height) <= max_side for frame in frames):
        return pair
    aligned = pair.before_on_after and reduce_frame(pair.before_on_after, max_side)
    before, after = reduce_frame(pair.before, max_side), reduce_frame(pair.after, max_side)
    return replace(
        pair,
        before=before,
        after=after,
        before_on_after=aligned,
        unmatched_before=_reduce_mask(pair.unmatched_before, before),
        unmatched_after=_reduce_mask(pair.unmatched_after, after),
    )


def _reduce_mask(mask: BoolArray | None, frame: Frame) -> BoolArray | None:
    if mask is None:
        return None
    share = cv2.resize(mask.astype(np.float32), (frame.width, frame.height), interpolation=cv2.INTER_AREA)
    reduced: BoolArray = share >= 0.5
    return reduced


def frame_to_source_matrix(frame: Frame) -> FloatArray:
    """(3, 3) matrix from a frame's pixels to its source file's, for a window or a reduction (not a reprojection).

    Args:
        frame: any frame whose source has the same CRS, or none.
    """
    corners = np.array([[0, 0], [frame.width, 0], [0, frame.height]], dtype=np.float64)
    mapped = frame.to_source(corners)
    along_x, along_y = (mapped[1] - mapped[0]) / frame.width, (mapped[2] - mapped[0]) / frame.height
    return np.array(
        [[along_x[0], along_y[0], mapped[0, 0]], [along_x[1], along_y[1], mapped[0, 1]], [0, 0, 1]], dtype=np.float64
    )
