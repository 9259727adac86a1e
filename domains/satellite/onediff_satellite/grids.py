"""How two pixel grids lie to each other, by their georeferences or by equal sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from onediff_plugins.errors import MismatchedPairError, RegistrationError
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from affine import Affine
    from shapely.geometry.base import BaseGeometry

    from onediff_plugins.types import FloatArray, Frame, GeoRef, SourceGrid

# Points along each side of an outline: a straight side is a curve in another CRS.
_OUTLINE_POINTS: Final = 21


def check_same_place(before: SourceGrid, after: SourceGrid, min_overlap: float, *, who: str) -> float:
    """Share of the after scene that the before scene covers.

    Args:
        before: grid of the before source.
        after: grid of the after source.
        min_overlap: least share that is still a pair.
        who: both sources, for the messages.

    Returns:
        Share in [0, 1]; 1.0 for equal sizes without a georeference.

    Raises:
        MismatchedPairError: only one side is georeferenced.
        RegistrationError: the scenes overlap by less than `min_overlap`, or sizes differ without a georeference.
    """
    if (before.georef is None) != (after.georef is None):
        bare, placed = ("before", "after") if before.georef is None else ("after", "before")
        raise MismatchedPairError(
            f"{who}: the {bare} image has no georeference and the {placed} image has one; "
            f"give it one (gdal_edit.py -a_srs ... -a_ullr ...), or take it away from both"
        )
    if before.georef is None or after.georef is None:
        if (before.width, before.height) != (after.width, after.height):
            raise RegistrationError(
                f"{who}: without a georeference both images must have the same size, "
                f"got {before.width}x{before.height} and {after.width}x{after.height}; georeference or crop them"
            )
        return 1.0
    overlap = _covered_share(_outline(before, before.georef, after.georef), _outline(after, after.georef, after.georef))
    if overlap < min_overlap or overlap == 0:
        raise RegistrationError(
            f"{who}: the before scene covers {overlap:.1%} of the after scene, at least {min_overlap:.0%} is needed; "
            f"give a pair of the same place, or lower min_overlap"
        )
    return overlap


def source_matrix(before: SourceGrid, after: SourceGrid) -> FloatArray:
    """Where after source pixels lie in the before source: T_before^-1 T_after, or identity without georeferences.

    Args:
        before: grid of the before source, in the same CRS.
        after: grid of the after source.

    Returns:
        (3, 3) float64, after pixel -> before pixel, outer-corner convention.
    """
    if before.georef is None or after.georef is None or before.georef.transform == after.georef.transform:
        return np.eye(3)
    return _tidy(to_matrix(~before.georef.transform) @ to_matrix(after.georef.transform))


def prior_matrix(before: Frame, after: Frame) -> FloatArray:
    """Where after pixels lie in the before frame before anything was measured.

    Args:
        before: frame in the CRS of `after`, or without one.
        after: the reference frame.

    Returns:
        (3, 3) float64, after pixel -> before pixel.
    """
    if before.georef is not None and after.georef is not None:
        if before.georef.transform == after.georef.transform:
            return np.eye(3)
        return _tidy(to_matrix(~before.georef.transform) @ to_matrix(after.georef.transform))
    return _tidy(np.linalg.inv(_to_source(before)) @ _to_source(after))


def map_box(box: Box, matrix: FloatArray, margin: float, width: int, height: int) -> Box:
    """The whole pixels of another grid that a box covers.

    Args:
        box: box on one grid.
        matrix: (3, 3) from that grid to the other one, affine.
        margin: pixels of the other grid to add on each side.
        width: columns of the other grid.
        height: rows of the other grid.

    Returns:
        The box clipped to the grid; the nearest pixel where the two do not meet.
    """
    corners = np.array([[x, y, 1.0] for x in (box.x0, box.x1) for y in (box.y0, box.y1)])
    mapped = corners @ matrix[:2].T
    low, high = np.floor(mapped.min(axis=0) - margin + 1e-6), np.ceil(mapped.max(axis=0) + margin - 1e-6)
    x0, y0 = int(np.clip(low[0], 0, width - 1)), int(np.clip(low[1], 0, height - 1))
    return Box(x0, y0, int(np.clip(high[0], x0 + 1, width)), int(np.clip(high[1], y0 + 1, height)))


def to_matrix(transform: Affine) -> FloatArray:
    """An affine transform as a (3, 3) matrix."""
    return np.array([transform[:3], transform[3:6], [0, 0, 1]], dtype=np.float64)


def _tidy(matrix: FloatArray) -> FloatArray:
    """Rounding noise of composed transforms removed, so that a whole-pixel shift is one."""
    linear = np.where(np.abs(matrix - np.rint(matrix)) < 1e-10, np.rint(matrix), matrix)
    out = matrix.copy()
    out[:, :2] = linear[:, :2]
    near = np.abs(matrix[:2, 2] - np.rint(matrix[:2, 2])) < 1e-5
    out[:2, 2] = np.where(near, np.rint(matrix[:2, 2]), matrix[:2, 2])
    return out


def _to_source(frame: Frame) -> FloatArray:
    """(3, 3) from a frame's pixels to its source's, for a window or a reduction without a georeference."""
    grid = frame.grid
    window = grid.window or Box(0, 0, grid.width, grid.height)
    scale_x, scale_y = window.width / frame.width, window.height / frame.height
    return np.array([[scale_x, 0, window.x0], [0, scale_y, window.y0], [0, 0, 1]], dtype=np.float64)


def _covered_share(before: BaseGeometry | None, after: BaseGeometry | None) -> float:
    if before is None or after is None:
        return 0.0
    return float(min(after.intersection(before).area / after.area, 1.0))


def _outline(grid: SourceGrid, georef: GeoRef, target: GeoRef) -> BaseGeometry | None:
    """The grid's outline in pixels of `target`; None where it cannot be expressed there."""
    t = np.linspace(0, 1, _OUTLINE_POINTS)[:-1]
    zero, one = np.zeros_like(t), np.ones_like(t)
    unit = np.concatenate([np.c_[t, zero], np.c_[one, t], np.c_[1 - t, one], np.c_[zero, 1 - t]])
    on_map = georef.to_crs(georef.pixel_to_map(unit * [grid.width, grid.height]), target.crs)
    ring = target.map_to_pixel(on_map)
    return shapely.make_valid(shapely.Polygon(ring)) if np.isfinite(ring).all() else None
