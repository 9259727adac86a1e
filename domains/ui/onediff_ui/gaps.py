"""What stands in the parts of a page that have no counterpart: inserted after, or removed from before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.types import Box
from onediff_ui.blobs import enclosing, group_boxes
from onediff_ui.labelling import connected_parts

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray

# Levels from the row above and below the gap that make a pixel content.
_CONTENT: Final = 3
# Content this far apart, in a gap, is several things.
_APART_X, _APART_Y = 65, 13
_ROW: Final = 120  # a gap of up to this height is one row, whatever stands in it
_MIN_AREA: Final = 12  # pixels of content
_CONTEXT: Final = 3  # rows


def gap_contents(image: Array, unmatched: BoolArray) -> list[Box]:
    """Things that stand in unmatched areas.

    A plain area, and one that only continues what stands above or below it (the sides of a card that grew), holds
    nothing.

    Args:
        image: (H, W, 3) uint8 RGB.
        unmatched: (H, W) bool.

    Returns:
        Bounds of each thing.
    """
    found = []
    for gap, pixels in connected_parts(unmatched, connectivity=4):
        content = _content(image, gap) & pixels
        found += [box.shifted(gap.x0, gap.y0) for box in _things(content)]
    return found


def _content(image: Array, gap: Box) -> BoolArray:
    """Pixels that continue neither the rows above nor the rows below the gap, nor the columns beside it."""
    inside = image[gap.slices]
    content = np.ones(inside.shape[:2], np.bool_)
    contexts = (
        (image[max(0, gap.y0 - _CONTEXT) : gap.y0, gap.x0 : gap.x1], 0),
        (image[gap.y1 : gap.y1 + _CONTEXT, gap.x0 : gap.x1], 0),
        (image[gap.y0 : gap.y1, max(0, gap.x0 - _CONTEXT) : gap.x0], 1),
        (image[gap.y0 : gap.y1, gap.x1 : gap.x1 + _CONTEXT], 1),
    )
    for context, axis in contexts:
        if context.size:
            middle = np.sort(context, axis=axis).take([context.shape[axis] // 2], axis=axis)
            line = np.ascontiguousarray(np.broadcast_to(middle, inside.shape))
            content &= cv2.absdiff(inside, line).max(axis=2) > _CONTENT
    if content.all():  # nothing around the gap: compare with its own most common outline
        outline = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]]).astype(np.int16)
        content = np.abs(inside - np.median(outline, axis=0)).max(axis=2) > _CONTENT
    return content


def _things(content: BoolArray) -> list[Box]:
    """Content near each other is one thing, and so is a whole row; specks are none."""
    near = cv2.dilate(content.view(np.uint8), np.ones((_APART_Y, _APART_X), np.uint8))
    boxes = []
    for box, pixels in connected_parts(near.view(np.bool_)):
        rows, columns = np.nonzero(content[box.slices] & pixels)
        if rows.size >= _MIN_AREA:
            own = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
            boxes.append(own.shifted(box.x0, box.y0))
    if len(content) <= _ROW and boxes:
        return [enclosing(boxes)]
    return [enclosing([boxes[index] for index in group]) for group in group_boxes(boxes)]
