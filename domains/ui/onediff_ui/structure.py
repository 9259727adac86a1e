"""Whether two small patches show the same thing, drawn by another renderer.

Another browser, font version or sub-pixel offset moves strokes by parts of a pixel and makes them a little darker or
lighter. The shape stays: after smoothing, the ink of one patch correlates with that of the other at a nearby place, and
there is as much of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

from onediff_plugins.types import Box

if TYPE_CHECKING:
    from onediff_plugins.types import Array, BoolArray

_SMOOTH: Final = (3, 3)
# What is asked of two drawings to be the same where the renderer is the same, and how much less where everything
# around is rendered differently too.
_MIN_CORRELATION: Final = 0.90
_CORRELATION_SLOPE: Final = 0.10
_MAX_INK_CHANGE: Final = 0.12
_LENIENCE: Final = 0.6
_MAX_NOISE: Final = 0.5
_SAME_PAPER: Final = 6
_EXACT: Final = 3  # levels
_MIN_EXACT: Final = 40  # pixels; fewer are alike by chance
_VISIBLE: Final = 4  # levels
_CONTRAST: Final = 24  # levels between neighbours that make a pixel part of a drawing
_AROUND_X, _AROUND_Y = 30, 20


class Likeness(NamedTuple):
    """How alike two drawings are at their best fit.

    Attributes:
        correlation: of the smoothed ink, 0 to 1.
        ink_change: how far apart the sums of ink are, as a share of the larger.
        dx: columns that the drawing lies further right in the before image.
        dy: rows that it lies further down there.
        exact: pixel for pixel the same under that shift.
    """

    correlation: float
    ink_change: float
    dx: int = 0
    dy: int = 0
    exact: bool = False

    def same(self, noise: float) -> float:
        """How sure it is that both are one drawing, apart from rendering.

        Args:
            noise: share of the drawings around that is rendered differently, 0 (the same renderer) to 1.

        Returns:
            0 (another drawing, or another colour) to 1 (the same).
        """
        lenience = _LENIENCE * min(noise, _MAX_NOISE)
        if self.ink_change > _MAX_INK_CHANGE + lenience:
            return 0.0
        return min(max((self.correlation + lenience - _MIN_CORRELATION) / _CORRELATION_SLOPE, 0.0), 1.0)


OTHER: Final = Likeness(0.0, 1.0)


def wobble(delta: Array, changed: BoolArray, after: Array, box: Box) -> tuple[int, int]:
    """How many pixels of the drawings around a place are rendered differently without being changed.

    Args:
        delta: (H, W) float32, colour difference in levels.
        changed: (H, W) bool, where there is evidence of change.
        after: (H, W, 3) uint8 RGB.
        box: the place.

    Returns:
        That number, and how many unchanged pixels the drawings have in all.
    """
    around = Box(box.x0 - _AROUND_X, box.y0 - _AROUND_Y, box.x1 + _AROUND_X, box.y1 + _AROUND_Y).intersection(
        Box(0, 0, after.shape[1], after.shape[0])
    )
    patch = after[around.slices][:, :, 1]
    kernel = np.ones((3, 3), np.uint8)
    drawn = (cv2.subtract(cv2.dilate(patch, kernel), cv2.erode(patch, kernel)) > _CONTRAST) & ~changed[around.slices]
    return int(np.count_nonzero(drawn & (delta[around.slices] > _VISIBLE))), int(np.count_nonzero(drawn))


def likeness(before: Array, after: Array, box: Box, drift: int) -> Likeness:
    """How alike the two sides of a box are as drawings.

    Args:
        before: (H, W, 3) uint8 RGB, on the after grid.
        after: (H, W, 3) uint8 RGB.
        box: what differs.
        drift: pixels by which the drawing may lie elsewhere.
    """
    bounds = Box(0, 0, after.shape[1], after.shape[0])
    inner = Box(box.x0 - 2, box.y0 - 2, box.x1 + 2, box.y1 + 2).intersection(bounds)
    outer = Box(inner.x0 - drift, inner.y0 - drift, inner.x1 + drift, inner.y1 + drift).intersection(bounds)
    paper_a, paper_b = _paper(after[inner.slices]), _paper(before[inner.slices])
    if np.abs(paper_a - paper_b).max() > _SAME_PAPER:
        return OTHER
    ink_a, ink_b = _ink(after[inner.slices], paper_a), _ink(before[outer.slices], paper_b)
    similarity = cv2.matchTemplate(_strength(ink_b), _strength(ink_a), cv2.TM_CCORR_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(similarity)
    there = ink_b[y : y + inner.height, x : x + inner.width]
    # Smoothing and sub-pixel moves keep the sum of the ink, colour by colour; recolouring does not.
    sum_a, sum_b = ink_a.sum(axis=(0, 1)), there.sum(axis=(0, 1))
    change = float(np.linalg.norm(sum_a - sum_b)) / max(
        float(np.linalg.norm(sum_a)), float(np.linalg.norm(sum_b)), 1e-6
    )
    exact = box.area >= _MIN_EXACT and bool(np.abs(ink_a - there).max() <= _EXACT)
    return Likeness(best, change, x + outer.x0 - inner.x0, y + outer.y0 - inner.y0, exact)


def _paper(patch: Array) -> Array:
    """(3,) int16: the most common colour of the patch's outline."""
    outline = np.concatenate([patch[0], patch[-1], patch[:, 0], patch[:, -1]]).astype(np.int64)
    codes, counts = np.unique(outline @ [65536, 256, 1], return_counts=True)
    code = int(codes[counts.argmax()])
    return np.array([code >> 16, code >> 8 & 255, code & 255], dtype=np.int16)


def _ink(patch: Array, paper: Array) -> Array:
    """(H, W, 3) float32: signed difference from the paper."""
    ink: Array = patch.astype(np.float32) - paper
    return ink


def _strength(ink: Array) -> Array:
    smooth: Array = cv2.blur(np.abs(ink).max(axis=2), _SMOOTH)
    return smooth
