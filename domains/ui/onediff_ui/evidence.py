"""Which pixels differ to the eye, and which only to a computer.

Colour differences are distances in YIQ, weighted as by Kotsarev and Ramos, "Measuring perceived color difference
using YIQ NTSC transmission color space in mobile applications" (2010). They are given in levels: grey values that lie
d apart differ by 0.71 d.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onediff_plugins.types import Array, BoolArray
    from onediff_ui.settings import UiSettings

# Rows of the transform are Y, I and Q, each times the square root of its weight in the distance.
_YIQ: Final = (
    np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    * np.sqrt([[0.5053], [0.299], [0.1957]])
).astype(np.float32)
_NEIGHBOURS: Final = np.ones((3, 3), np.uint8)
# A place is plain where the 3x3 neighbours lie within so many levels: gradients are, edges are not.
_PLAIN: Final = 6
_MARGIN: Final = 2
# What is left of the contrast of a single pixel after smoothing is a ninth; of a stroke, a third.
_SMOOTHED: Final = 4
# A page is quiet where hardly any of its drawings differ, by even a few levels: both images come from one renderer.
_CONTRAST: Final = 24
_VISIBLE: Final = 4
_QUIET: Final = 0.03
_AREA: Final = np.ones((5, 5), np.uint8)
# Rows without any difference that part two bands of work.
_IDLE_ROWS: Final = 16


@dataclass(frozen=True)
class Evidence:
    """What differs, pixel by pixel, on the after grid.

    Attributes:
        delta: (H, W) float32 colour difference in levels, 0 to about 255.
        edges: (H, W) bool, differs by more than what moving or smoothing an edge by a pixel can do.
        plain: (H, W) bool, plain in both images and of another colour.
    """

    delta: NDArray[np.float32]
    edges: BoolArray
    plain: BoolArray

    @property
    def seeds(self) -> BoolArray:
        """(H, W) bool, evidence of either kind."""
        return self.edges | self.plain


def compare(before: Array, after: Array, settings: UiSettings) -> Evidence | None:
    """Evidence of change between two aligned screenshots.

    Args:
        before: (H, W, 3) uint8 RGB on the after grid.
        after: (H, W, 3) uint8 RGB.
        settings: `edge_tolerance` and `flat_tolerance`.

    Returns:
        The evidence, or None where no pixel differs.
    """
    difference = cv2.absdiff(before, after)
    height, width = difference.shape[:2]
    rows = cv2.reduce(difference.reshape(height, -1), 1, cv2.REDUCE_MAX)[:, 0] > _MARGIN
    if not rows.any():
        return None
    evidence = Evidence(
        np.zeros((height, width), np.float32), np.zeros((height, width), np.bool_), np.zeros((height, width), np.bool_)
    )
    for y0, y1 in _active(rows):
        # A few more rows on each side, for the neighbours.
        top, bottom = max(y0 - 3, 0), min(y1 + 3, height)
        delta, edges, plain = _compare_rows(before[top:bottom], after[top:bottom], difference[top:bottom], settings)
        inner = slice(y0 - top, y1 - top)
        evidence.delta[y0:y1] = delta[inner]
        evidence.edges[y0:y1] = edges[inner]
        evidence.plain[y0:y1] = plain[inner]
    if _is_quiet(evidence.delta, after):
        # Nothing else moved by parts of a pixel, so what did is a change.
        np.logical_or(evidence.edges, evidence.delta > settings.edge_tolerance, out=evidence.edges)
    return evidence


def _is_quiet(delta: NDArray[np.float32], after: Array) -> bool:
    green = np.ascontiguousarray(after[:, :, 1])
    drawn = cv2.subtract(cv2.dilate(green, _NEIGHBOURS), cv2.erode(green, _NEIGHBOURS)) > _CONTRAST
    return bool(np.count_nonzero(drawn & (delta > _VISIBLE)) <= _QUIET * np.count_nonzero(drawn))


def _active(rows: BoolArray) -> list[tuple[int, int]]:
    """Runs of rows that differ; runs closer than `_IDLE_ROWS` are one."""
    found: list[tuple[int, int]] = []
    for y in np.flatnonzero(rows):
        if found and y - found[-1][1] < _IDLE_ROWS:
            found[-1] = (found[-1][0], int(y) + 1)
        else:
            found.append((int(y), int(y) + 1))
    return found


def _compare_rows(
    before: Array, after: Array, difference: Array, settings: UiSettings
) -> tuple[NDArray[np.float32], BoolArray, BoolArray]:
    delta = colour_distance(before, after, difference)
    leaves, contrast = _leaves(before, after)
    # A thin stroke between two pixel columns loses its peak; smoothed, it is the same stroke at a fraction beside.
    leaves_smooth, _ = _leaves(cv2.blur(before, (3, 3)), cv2.blur(after, (3, 3)))
    edges = (leaves > settings.edge_tolerance) & (leaves_smooth > settings.edge_tolerance / _SMOOTHED)
    plain = (contrast <= _PLAIN) & (delta > settings.flat_tolerance)
    # Lines of shading a pixel or two thick are no area.
    areas = cv2.morphologyEx(plain.view(np.uint8), cv2.MORPH_OPEN, _AREA)
    return delta, edges & (delta > settings.edge_tolerance), areas.view(np.bool_)


def _leaves(before: Array, after: Array) -> tuple[Array, Array]:
    """How far each pixel leaves the range of its neighbours in the other image, and the larger of both ranges."""
    low_b, high_b = cv2.erode(before, _NEIGHBOURS), cv2.dilate(before, _NEIGHBOURS)
    low_a, high_a = cv2.erode(after, _NEIGHBOURS), cv2.dilate(after, _NEIGHBOURS)
    outside = cv2.max(
        cv2.max(cv2.subtract(after, high_b), cv2.subtract(low_b, after)),
        cv2.max(cv2.subtract(before, high_a), cv2.subtract(low_a, before)),
    )
    return largest(outside), largest(cv2.max(cv2.subtract(high_b, low_b), cv2.subtract(high_a, low_a)))


def colour_distance(before: Array, after: Array, difference: Array | None = None) -> NDArray[np.float32]:
    """Perceived difference of colours.

    Args:
        before: (H, W, 3) uint8 RGB.
        after: (H, W, 3) uint8 RGB.
        difference: their absolute difference, where it is known already.

    Returns:
        (H, W) float32 in levels.
    """
    difference = cv2.absdiff(before, after) if difference is None else difference
    delta = np.zeros(difference.shape[:2], np.float32)
    rows, columns = np.nonzero(largest(difference) > _MARGIN)
    signed = after[rows, columns].astype(np.float32) - before[rows, columns]
    delta[rows, columns] = np.linalg.norm(signed @ _YIQ.T, axis=1)
    return delta


def largest(pixels: Array) -> Array:
    """(H, W) largest channel of (H, W, 3) pixels; many times faster than the maximum along an axis."""
    red, green, blue = cv2.split(pixels)
    return cv2.max(cv2.max(red, green), blue)
