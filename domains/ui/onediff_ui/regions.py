"""Elements, gaps and moves as `ChangeRegion`s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import shapely

from onediff_plugins.records import ChangeRegion, Kind
from onediff_plugins.types import BBox, Box
from onediff_ui.elements import main_colours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.types import Array, Piece
    from onediff_ui.elements import Look

_STRIP: Final = 2  # rows of the after page that stand for a place that is gone
_MOVED_SCORE: Final = 0.9
_DRIFT_SCORE: Final = 0.3


def element_region(box: Box, looked: Look, score: float, before: Array, after: Array) -> ChangeRegion:
    """A changed, added or removed element among content that stayed.

    Args:
        box: bounds on the after grid.
        looked: what became of it.
        score: confidence.
        before: (H, W, 3) uint8 RGB on the after grid.
        after: (H, W, 3) uint8 RGB.

    Returns:
        A region without `bbox_before`: the host knows which piece it lies on.
    """
    attributes: dict[str, Any] = {}
    if looked.recoloured:
        attributes["what"] = "colour"
        attributes.update(_colours(before[box.slices], after[box.slices]))
    elif looked.words is not None:
        attributes["what"] = "text"
    return region(looked.kind, box, score, attributes=attributes)


def _colours(before: Array, after: Array) -> dict[str, str]:
    """Old and new colour as hex."""
    old, new = ("#" + "".join(f"{int(value):02x}" for value in colour) for colour in main_colours(before, after))
    return {"colour_before": old, "colour_after": new}


def region(
    kind: Kind,
    box: Box,
    score: float,
    *,
    bbox_before: Box | None = None,
    label: str = "",
    attributes: dict[str, Any] | None = None,
) -> ChangeRegion:
    """A region whose geometry is a box.

    Args:
        kind: what happened.
        box: on the after grid.
        score: confidence.
        bbox_before: in before pixels, where it is known here.
        label: what it is.
        attributes: further facts.
    """
    return ChangeRegion(
        kind=kind,
        label=label,
        score=min(max(score, 0.0), 1.0),
        bbox_after=None if kind == "removed" else _bbox(box),
        bbox_before=None if bbox_before is None or kind == "added" else _bbox(bbox_before),
        area_px=float(box.area),
        geometry=shapely.box(*box),
        attributes=attributes or {},
    )


def _bbox(box: Box) -> BBox:
    return float(box.x0), float(box.y0), float(box.x1), float(box.y1)


def removed_place(box: Box, pieces: Sequence[Piece], after: Box) -> Box:
    """Where on the after page something was that is gone with its room: a strip at the seam.

    Args:
        box: in before pixels.
        pieces: of the registration.
        after: the after page.
    """
    above = [p for p in pieces if p.before_box.y1 <= box.y1 and _shares_columns(p.before_box, box)]
    below = [p for p in pieces if p.before_box.y0 >= box.y0 and _shares_columns(p.before_box, box)]
    if above:
        last = max(above, key=lambda p: p.before_box.y1)
        y, dx = last.after_box.y1, last.dx
    elif below:
        first = min(below, key=lambda p: p.before_box.y0)
        y, dx = first.after_box.y0, first.dx
    else:
        y, dx = box.y0, 0
    y = min(max(y - _STRIP // 2, 0), max(after.y1 - _STRIP, 0))
    x0 = min(max(box.x0 - dx, 0), after.x1 - 1)
    return Box(x0, y, max(min(box.x1 - dx, after.x1), x0 + 1), min(y + _STRIP, after.y1))


def _shares_columns(one: Box, other: Box) -> bool:
    return min(one.x1, other.x1) > max(one.x0, other.x0)


def moved_regions(pieces: Sequence[Piece], after: Array, min_move: int) -> list[ChangeRegion]:
    """One region for all content that moved by the same shift.

    Args:
        pieces: of the registration.
        after: (H, W) uint8 grey.
        min_move: shorter moves are drift: they stay below the operating point.
    """
    groups: dict[tuple[int, int], list[Box]] = {}
    for piece in pieces:
        if piece.dx or piece.dy:
            groups.setdefault((piece.dx, piece.dy), []).append(piece.after_box)
    found = []
    for (dx, dy), boxes in groups.items():
        inked = [ink for ink in (_inked(after, box) for box in boxes) if ink is not None]
        if not inked:
            continue
        corners = np.array(inked)
        box = Box(*(int(v) for v in (*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0))))
        found.append(shifted_region(box, dx, dy, min_move))
    return found


def shifted_region(box: Box, dx: int, dy: int, min_move: int) -> ChangeRegion:
    """Something that moved.

    Args:
        box: on the after grid.
        dx: columns from its place after to its place before.
        dy: rows likewise.
        min_move: shorter moves are drift: they stay below the operating point.
    """
    score = _MOVED_SCORE if max(abs(dx), abs(dy)) >= min_move else _DRIFT_SCORE
    return region("moved", box, score, bbox_before=box.shifted(dx, dy), attributes={"dx": -dx, "dy": -dy})


def _inked(grey: Array, box: Box) -> Box | None:
    """Bounds of what is not plain in a box."""
    patch = np.ascontiguousarray(grey[box.slices])
    steps = cv2.morphologyEx(patch, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 2
    across, down = np.flatnonzero(steps.any(axis=0)), np.flatnonzero(steps.any(axis=1))
    if not across.size:
        return None
    return Box(box.x0 + int(across[0]), box.y0 + int(down[0]), box.x0 + int(across[-1]) + 1, box.y0 + int(down[-1]) + 1)
