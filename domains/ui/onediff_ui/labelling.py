"""Connected parts of a mask, looked for only where the mask is set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from onediff_plugins.types import Box

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onediff_plugins.types import Array, BoolArray


@dataclass(frozen=True)
class Parts:
    """Connected parts of a mask.

    Attributes:
        window: bounds of all that is set.
        labels: (window height, window width) int32, 0 where nothing is set, parts numbered from 1.
        boxes: bounds of each part on the mask's grid, in the order of their numbers.
    """

    window: Box
    labels: Array
    boxes: tuple[Box, ...]

    def __iter__(self) -> Iterator[tuple[Box, BoolArray]]:
        """The bounds of each part, and its pixels within them."""
        for number, box in enumerate(self.boxes, start=1):
            yield box, self.labels[box.shifted(-self.window.x0, -self.window.y0).slices] == number


def connected_parts(mask: BoolArray, connectivity: int = 8) -> Parts:
    """Label a mask.

    Args:
        mask: (H, W) bool.
        connectivity: 4 or 8.
    """
    bytes_ = mask.view("uint8")
    x, y, width, height = cv2.boundingRect(bytes_)
    window = Box(x, y, x + width, y + height)
    if not window.area:
        return Parts(window, mask[:0, :0], ())
    _, labels, stats, _ = cv2.connectedComponentsWithStats(bytes_[window.slices], connectivity=connectivity)
    boxes = tuple(Box(x + int(a), y + int(b), x + int(a + w), y + int(b + h)) for a, b, w, h, _ in stats[1:])
    return Parts(window, labels, boxes)
