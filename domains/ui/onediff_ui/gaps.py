"""What stands in the parts of a page that have no counterpart: inserted after, or removed from before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.types import Box
from onediff_ui.blobs import enclosing, group_boxes
from onediff_ui.evidence import largest
from onediff_ui.labelling import connected_parts

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray

# Levels from the row above and below the gap that make a pixel content.
_CONTENT: Final = 3
# Content this far apart, in a gap, is several things.
_APART_X, _APART_Y = 65, 13
_ROW: Final = 120  # a gap of up to this height is one row, whatever stands in it
# A separating line: so many rows at most, content across so much of them, and hardly any in the row after it.
_LINE: Final = 3
_ACROSS: Final = 0.9
_BARE: Final = 0.5
_MIN_AREA: Final = 12  # pixels of content
_CONTEXT: Final = 3  # rows
_RARE: Final = 0.01  # a colour of less of the rest of the page is no background


def gap_contents(image: Array, unmatched: BoolArray) -> list[Box]:
    """Things that stand in unmatched areas.

    A plain area in a colour of the page, and one that only continues what stands above or below it (the sides of a
    card that grew), holds nothing. A plain band in a colour of its own is one thing: a banner, a rule.

    Args:
        image: (H, W, 3) uint8 RGB.
        unmatched: (H, W) bool.

    Returns:
        Bounds of each thing.
    """
    found = []
    for gap, pixels in connected_parts(unmatched, connectivity=4):
        down, across = (_unlike_surroundings(image, gap, axis) for axis in (0, 1))
        content = down & across
        if content.all():  # nothing around the gap: compare with its own most common outline
            content = _unlike_outline(image[gap.slices])
            if not content.any() and _is_band(image, gap):
                content = np.ones_like(content)
        boxes = _things(content & pixels)
        if gap.height <= _ROW and boxes:
            boxes = [_cell(enclosing(boxes), down & pixels)]
        found += [box.shifted(gap.x0, gap.y0) for box in boxes]
    return found


def _unlike_surroundings(image: Array, gap: Box, axis: int) -> BoolArray:
    """Pixels that continue neither the rows above nor those below a gap (axis 0), or neither column beside it (1)."""
    inside = image[gap.slices]
    content = np.ones(inside.shape[:2], np.bool_)
    if axis == 0:
        sides = (
            np.s_[max(0, gap.y0 - _CONTEXT) : gap.y0, gap.x0 : gap.x1],
            np.s_[gap.y1 : gap.y1 + _CONTEXT, gap.x0 : gap.x1],
        )
    else:
        sides = (
            np.s_[gap.y0 : gap.y1, max(0, gap.x0 - _CONTEXT) : gap.x0],
            np.s_[gap.y0 : gap.y1, gap.x1 : gap.x1 + _CONTEXT],
        )
    for side in sides:
        context = image[side]
        if context.size:
            middle = np.sort(context, axis=axis).take([context.shape[axis] // 2], axis=axis)
            line = np.ascontiguousarray(np.broadcast_to(middle, inside.shape))
            content &= largest(cv2.absdiff(inside, line)) > _CONTENT
    return content


def _unlike_outline(inside: Array) -> BoolArray:
    outline = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]]).astype(np.int16)
    unlike: BoolArray = np.abs(inside - np.median(outline, axis=0)).max(axis=2) > _CONTENT
    return unlike


def _is_band(image: Array, gap: Box) -> bool:
    """Whether a plain gap stands between rows of the page, and its colour is hardly anywhere else."""
    height = len(image)
    if gap.y0 == 0 or gap.y1 == height:
        return False
    colour = np.median(image[gap.slices], axis=(0, 1)).astype(np.int16)
    alike: BoolArray = np.abs(image - colour).max(axis=2) <= _CONTENT
    alike[gap.slices] = False
    rest = alike.size - gap.width * gap.height
    return int(np.count_nonzero(alike)) < _RARE * rest


def _things(content: BoolArray) -> list[Box]:
    """Content near each other is one thing; specks are none."""
    near = cv2.dilate(content.view(np.uint8), np.ones((_APART_Y, _APART_X), np.uint8))
    boxes = []
    for box, pixels in connected_parts(near.view(np.bool_)):
        rows, columns = np.nonzero(content[box.slices] & pixels)
        if rows.size >= _MIN_AREA:
            own = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
            boxes.append(own.shifted(box.x0, box.y0))
    return [enclosing([boxes[index] for index in group]) for group in group_boxes(boxes)]


def _cell(row: Box, content: BoolArray) -> Box:
    """A row that has a separating line at one end of its gap fills the gap: the padding belongs to it."""
    for line in (content[: _LINE + 1], content[: -_LINE - 2 : -1]):
        across = line[:, row.x0 : row.x1].mean(axis=1)
        if len(content) > _LINE and across[_LINE] < _BARE and across[:_LINE].max() >= _ACROSS:
            columns = np.flatnonzero(line[across[:_LINE].argmax()])
            return Box(min(row.x0, int(columns[0])), 0, max(row.x1, int(columns[-1]) + 1), len(content))
    return row
