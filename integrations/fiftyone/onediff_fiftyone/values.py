"""A record as plain values under the names of `schema`; nothing here knows FiftyOne or reads a file.

Boxes and points are relative to a picture, in [0, 1]; `removed` regions lie on the before image, all others on the
after image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import shapely

from onediff_fiftyone import schema
from onediff_plugins.types import GeoRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapely.geometry.base import BaseGeometry

    from onediff_plugins.records import ChangeRegion, ChangeResult
    from onediff_plugins.types import BoolArray

# What FiftyOne itself keeps on a label; an attribute of a region by such a name would overwrite it.
_RESERVED: Final = frozenset(
    {"id", "label", "bounding_box", "mask", "mask_path", "confidence", "index", "tags", "points", "closed", "filled"}
)
_OURS: Final = frozenset(
    {
        *(schema.REGION_ID, schema.KIND, schema.REGION_CAPTION, schema.AREA_PX, schema.MODEL_LABEL),
        *(schema.MODEL_REGION_CAPTION, schema.REGION_REVIEW, schema.ORPHANED),
    }
)
_UNSEEN: Final = 0.5  # pixels by which an outline may be off
_MASK_SIDE: Final = 64  # pixels
_DECIMALS: Final = 6  # a hundredth of a pixel in 10,000


def grid_size(result: ChangeResult) -> tuple[int, int]:
    """Columns and rows of the grid that the record's regions lie on: the after image, or the window of it."""
    if result.after.window is None:
        return result.after.width, result.after.height
    x0, y0, x1, y1 = result.after.window
    return x1 - x0, y1 - y0


def shows_source_grid(result: ChangeResult) -> bool:
    """Whether a picture of the before image lies on the grid of its source, as boxes in it do.

    A window was read from somewhere in the source, and a reprojection is another grid; the record says neither.
    """
    return result.after.window is None and "reprojected" not in result.registration.method


def pair_values(result: ChangeResult) -> dict[str, Any]:
    """What the after sample of a pair says, but for labels, files and decisions."""
    detect = result.provenance.models.get("detect")
    return {
        schema.CAPTION: result.caption,
        schema.MODEL_CAPTION: result.caption,
        schema.CAPTION_SOURCE: result.caption_source,
        schema.CHANGE_SCORE: result.score,
        schema.CHANGED: result.changed,
        schema.REASON: result.reason,
        schema.VALID_FRACTION: result.valid_fraction,
        schema.REGION_COUNT: len(result.regions),
        schema.DOMAIN: result.domain,
        schema.DETECTOR: result.detector,
        schema.MODEL: None if detect is None else "@".join(filter(None, (detect.name, detect.revision))),
        schema.PLUGINS: [f"{name} {version}" for name, version in sorted(result.provenance.plugins.items())],
        schema.GRID: list(grid_size(result)),
        schema.WINDOW: None if result.after.window is None else list(result.after.window),
        schema.CRS: None if result.georef is None else result.georef.crs,
        schema.TRANSFORM: None if result.georef is None else list(result.georef.transform),
        schema.REGISTRATION_METHOD: result.registration.method,
        schema.REGISTRATION_RESIDUAL: result.registration.residual_px,
        schema.REGISTRATION_OVERLAP: result.registration.overlap,
        schema.MATRIX: [value for row in result.registration.matrix for value in row],
    }


def after_regions(result: ChangeResult) -> Iterator[tuple[ChangeRegion, list[float]]]:
    """Every region with its box [x, y, width, height] on the after image; of a removed one, where it was there."""
    width, height = grid_size(result)
    for region in result.regions:
        box = region.bbox_after or region.geometry.bounds
        yield region, _relative(box, width, height)


def removed_regions(result: ChangeResult) -> Iterator[tuple[ChangeRegion, list[float]]]:
    """Regions of kind "removed" with their box on the before image; none where that image lies on another grid."""
    if not shows_source_grid(result):
        return
    for region in result.regions:
        if region.kind == "removed" and region.bbox_before is not None:
            yield region, _relative(region.bbox_before, result.before.width, result.before.height)


def region_values(region: ChangeRegion) -> dict[str, Any]:
    """The attributes of a region's label, its own scalar `attributes` among them."""
    return own_attributes(region) | {
        schema.REGION_ID: region.id,
        schema.KIND: region.kind,
        schema.REGION_CAPTION: region.caption,
        schema.AREA_PX: float(region.area_px),
    }


def own_attributes(region: ChangeRegion) -> dict[str, str | float | bool]:
    """The scalar `attributes` of a region's record under their own names, as far as these are free."""
    return _scalars(region.attributes, _RESERVED | _OURS)


def region_label(region: ChangeRegion) -> str:
    """What a region is called: its label, or its kind where nothing is known."""
    return region.label or region.kind


def outlines(geometry: BaseGeometry, size: tuple[int, int]) -> list[list[tuple[float, float]]]:
    """The rings of a (Multi)Polygon, outer and inner, as relative points, to half a pixel.

    Args:
        geometry: in pixels of the after grid.
        size: columns and rows of that grid.
    """
    # Outlines of masks step from pixel to pixel; a line that lies within half a pixel of them has a few of the points.
    parts = shapely.get_parts(shapely.simplify(geometry, _UNSEEN))
    scale = np.array([1 / size[0], 1 / size[1]])
    points = []
    for part in parts:
        for ring in (part.exterior, *part.interiors):
            relative = np.round(shapely.get_coordinates(ring)[:-1] * scale, _DECIMALS)
            points.append([(x, y) for x, y in relative.tolist()])
    return points


def instance_mask(geometry: BaseGeometry, box: Sequence[float], size: tuple[int, int]) -> BoolArray:
    """Where in its box a region is.

    Args:
        geometry: in pixels of the after grid.
        box: relative x, y, width, height.
        size: columns and rows of that grid.

    Returns:
        (h, w) bool over the box, of at most 64 pixels a side: it is kept in a database.
    """
    columns, rows = (max(1, min(_MASK_SIDE, round(box[2 + axis] * size[axis]))) for axis in (0, 1))
    start, extent = np.array(box[:2]), np.maximum(box[2:], 1e-9)
    rings = [
        np.rint((np.array(ring) - start) / extent * (columns, rows) - 0.5).astype(np.int32)
        for ring in outlines(geometry, size)
    ]
    mask = np.zeros((rows, columns), dtype=np.uint8)
    cv2.fillPoly(mask, rings, 1)  # holes too: what an even number of rings surrounds stays empty
    return mask.astype(np.bool_)


def meta_values(result: ChangeResult) -> dict[str, str | float | bool]:
    """The further columns of a batch's list that can be filtered by: text, numbers, yes or no."""
    return _scalars(result.meta, frozenset())


def place(result: ChangeResult) -> tuple[list[float], list[list[list[float]]]] | None:
    """Centre and footprint of the after image in EPSG:4326, longitude first; None without a georeference.

    Raises:
        MissingDependencyError: pyproj is not installed.
    """
    if result.georef is None:
        return None
    from affine import Affine

    georef = GeoRef(crs=result.georef.crs, transform=Affine(*result.georef.transform))
    width, height = grid_size(result)
    corners = [(0, 0), (width, 0), (width, height), (0, height), (0, 0), (width / 2, height / 2)]
    on_map = georef.to_crs(georef.pixel_to_map(np.array(corners, dtype=np.float64)), "EPSG:4326")
    *ring, centre = np.round(on_map, 7).tolist()
    return centre, [ring]


def _relative(box: Sequence[float], width: int, height: int) -> list[float]:
    x0, y0, x1, y1 = (float(value) for value in box)
    return [round(value, _DECIMALS) for value in (x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height)]


def _scalars(values: Mapping[str, Any], without: frozenset[str]) -> dict[str, str | float | bool]:
    """What can be a field of its own; all numbers are floats, so that one pair's 3 and the next one's 2.5 agree."""
    return {
        name: value if isinstance(value, str | bool) else float(value)
        for name, value in values.items()
        if isinstance(value, str | int | float | bool)
        and name.isidentifier()
        and not name.startswith("_")
        and name not in without
    }
