"""Boxes of regions: how much two of them share, and which found one is which true one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

IOU: Final = 0.5
# The smallest connected component that counts as a region.
MIN_COMPONENT_PX: Final = 16
# A region that lies mostly where the truth says "do not score" is neither right nor wrong.
MIN_SCORED_SHARE: Final = 0.5


@dataclass(frozen=True)
class Box:
    """A rectangle.

    Attributes:
        x0: left edge in pixels, outer corner.
        y0: top edge.
        x1: right edge, exclusive.
        y1: bottom edge, exclusive.
        side: the image whose pixels it is in, before or after.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    side: str = "after"


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes; 0 for boxes of different sides."""
    width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    if a.side != b.side or width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - both)


def matched(truth: Sequence[Box], found: Sequence[Sequence[Box]], level: float = IOU) -> list[tuple[int, int]]:
    """Which true box is which found region, each at most once: the most matches there can be, and of those the closest.

    Args:
        truth: boxes.
        found: regions, each the boxes that show it; its best box counts.
        level: IoU in (0, 1] from which two can be the same.

    Returns:
        Numbers of both.

    Source: Kuhn, "The Hungarian method for the assignment problem", 1955.
    """
    if not truth or not found:
        return []
    overlaps = np.array([[max((box_iou(one, box) for box in boxes), default=0.0) for boxes in found] for one in truth])
    # One more match weighs more than all overlaps together.
    worth = np.where(overlaps >= level, len(truth) + len(found) + overlaps, 0.0)
    pairs = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
    return [(int(one), int(other)) for one, other in pairs if worth[one, other] > 0]


def component_boxes(
    mask: NDArray[np.bool_], min_px: int = MIN_COMPONENT_PX, scored: NDArray[np.bool_] | None = None
) -> tuple[Box, ...]:
    """Boxes of the 8-connected components of a mask that have at least `min_px` scored pixels.

    Args:
        mask: (H, W).
        min_px: pixels.
        scored: (H, W), or None where every pixel is.
    """
    if scored is not None:
        mask = mask & scored
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return tuple(Box(x, y, x + w, y + h) for x, y, w, h, area in stats[1:].tolist() if area >= min_px)


def mostly_scored(boxes: Sequence[Box], scored: NDArray[np.bool_] | None) -> bool:
    """Whether at least half of a region's first box lies where the truth can be scored.

    Args:
        boxes: of the region.
        scored: (H, W), or None where every pixel is.
    """
    if scored is None or not boxes:
        return True
    box = boxes[0]
    part = scored[int(box.y0) : int(np.ceil(box.y1)), int(box.x0) : int(np.ceil(box.x1))]
    return part.size == 0 or float(part.mean()) >= MIN_SCORED_SHARE


def cover(boxes: Sequence[Box], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(H, W) bool: the pixels that boxes touch."""
    inside = np.zeros(shape, bool)
    for box in boxes:
        inside[int(box.y0) : int(np.ceil(box.y1)), int(box.x0) : int(np.ceil(box.x1))] = True
    return inside
