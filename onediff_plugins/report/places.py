"""Where regions lie on the two grids that a report shows, as the script of the page reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from onediff_plugins.drawing import rings
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.types import BBox, FloatArray, Frame, Registration

_FACTS: Final = 12
_FACT_LENGTH: Final = 200
# Outlines are simplified to this share of the longer side: less than a pixel of any screen that shows all of it.
_TOLERANCE: Final = 1 / 4096


def region_values(region: ChangeRegion, before: Frame, after: Frame) -> dict[str, Any]:
    """A region with its outline on the after grid and its boxes on both.

    Args:
        region: of a result.
        before: the before image as read.
        after: the after image as read.

    Returns:
        Plain values. "shape" are rings as flat lists x, y, x, y, ... and "bounds" their box on the after grid; "before"
        and "after" are the boxes on the two images of the report, or None; "facts" has the boxes of the record.
    """
    tolerance = max(after.width, after.height) * _TOLERANCE
    outline = rings(shapely.simplify(region.geometry, tolerance))
    bounds = shapely.bounds(region.geometry)
    return {
        "id": region.id,
        "kind": region.kind,
        "label": region.label,
        "score": round(region.score, 4),
        "caption": region.caption,
        "size": _size(region),
        "shape": [_rounded(ring.ravel()) for ring in outline],
        "bounds": _rounded(bounds) if np.isfinite(bounds).all() else None,
        "before": region.bbox_before and _rounded(_on_frame(region.bbox_before, before)),
        "after": region.bbox_after and _rounded(np.array(region.bbox_after)),
        "facts": [*_boxes(region), *facts(region.attributes)],
    }


def registration_values(registration: Registration | None) -> dict[str, Any]:
    """How the before image moves along with the after image: {"matrix", "pieces"}."""
    if registration is None:
        return {"matrix": np.eye(3).tolist(), "pieces": None}
    pieces = registration.pieces
    return {
        "matrix": registration.matrix.tolist(),
        "pieces": None if pieces is None else [[*map(int, p.after_box), int(p.dx), int(p.dy)] for p in pieces],
    }


def facts(values: Mapping[str, Any]) -> list[list[str]]:
    """Name and value of further facts, as text and not too long."""
    return [[str(name), _text(value)] for name, value in list(values.items())[:_FACTS] if name != "area_m2"]


def _boxes(region: ChangeRegion) -> list[list[str]]:
    """Both boxes as the record has them."""
    boxes = {"before box": region.bbox_before, "after box": region.bbox_after}
    return [[name, ", ".join(f"{value:.10g}" for value in box)] for name, box in boxes.items() if box is not None]


def _text(value: Any) -> str:  # noqa: ANN401  # attributes are of plugins
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _FACT_LENGTH else f"{text[:_FACT_LENGTH]}…"


def _size(region: ChangeRegion) -> str:
    pixels = f"{region.area_px:,.0f} px"
    area = region.attributes.get("area_m2")
    return f"{pixels} · {area:,.0f} m²" if isinstance(area, int | float) and np.isfinite(area) else pixels


def _on_frame(box: BBox, frame: Frame) -> FloatArray:
    """A box of the source file as a box of the frame that holds a part, a reduction or a reprojection of it."""
    x0, y0, x1, y1 = box
    corners = _from_source(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float64), frame)
    return np.concatenate([corners.min(axis=0), corners.max(axis=0)])


def _from_source(xy: FloatArray, frame: Frame) -> FloatArray:
    """Pixels of a frame for pixels of its source file: the inverse of `Frame.to_source`."""
    grid = frame.source_grid
    if grid is None:
        return xy
    if grid.georef is not None and frame.georef is not None:
        return frame.georef.map_to_pixel(grid.georef.to_crs(grid.georef.pixel_to_map(xy), frame.georef.crs))
    window = grid.window or Box(0, 0, grid.width, grid.height)
    return (xy - [window.x0, window.y0]) * [frame.width / window.width, frame.height / window.height]


def _rounded(numbers: FloatArray) -> list[float]:
    return [int(number) if number == int(number) else number for number in np.round(numbers, 1).tolist()]
