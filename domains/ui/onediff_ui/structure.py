"""Whether two small patches show the same thing, drawn by another renderer.

Another browser, font version or sub-pixel offset moves strokes by parts of a pixel and makes them a little darker or
lighter. The shape stays: after smoothing, the ink of one patch correlates with that of the other at a nearby place, and
there is as much of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from onediff_plugins.types import Box

if TYPE_CHECKING:
    from onediff_plugins.types import Array

_SMOOTH: Final = (3, 3)
_MIN_CORRELATION: Final = 0.82
_SURE_CORRELATION: Final = 0.96
# How far apart the two sums of ink may be, as a share of the larger.
_MAX_INK_CHANGE: Final = 0.35
_SAME_PAPER: Final = 6


def same_drawing(before: Array, after: Array, box: Box, drift: int) -> float:
    """How sure it is that a box shows the same drawing in both images, apart from rendering.

    Args:
        before: (H, W, 3) uint8 RGB, on the after grid.
        after: (H, W, 3) uint8 RGB.
        box: what differs.
        drift: pixels by which the drawing may lie elsewhere.

    Returns:
        0 (another drawing, or another colour) to 1 (the same).
    """
    bounds = Box(0, 0, after.shape[1], after.shape[0])
    inner = Box(box.x0 - 2, box.y0 - 2, box.x1 + 2, box.y1 + 2).intersection(bounds)
    outer = Box(inner.x0 - drift, inner.y0 - drift, inner.x1 + drift, inner.y1 + drift).intersection(bounds)
    paper_a, paper_b = _paper(after[inner.slices]), _paper(before[inner.slices])
    if np.abs(paper_a - paper_b).max() > _SAME_PAPER:
        return 0.0
    ink_a, ink_b = _ink(after[inner.slices], paper_a), _ink(before[outer.slices], paper_b)
    similarity = cv2.matchTemplate(_strength(ink_b), _strength(ink_a), cv2.TM_CCORR_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(similarity)
    there = ink_b[y : y + inner.height, x : x + inner.width]
    # Smoothing and sub-pixel moves keep the sum of the ink, colour by colour; recolouring does not.
    sum_a, sum_b = ink_a.sum(axis=(0, 1)), there.sum(axis=(0, 1))
    change = float(np.linalg.norm(sum_a - sum_b)) / max(float(np.linalg.norm(sum_a)), float(np.linalg.norm(sum_b)), 1e-6)
    if change > _MAX_INK_CHANGE:
        return 0.0
    return float(np.clip((best - _MIN_CORRELATION) / (_SURE_CORRELATION - _MIN_CORRELATION), 0, 1))


def _paper(patch: Array) -> Array:
    """(3,) int16: the most common colour of the patch's outline."""
    outline = np.concatenate([patch[0], patch[-1], patch[:, 0], patch[:, -1]]).astype(np.int64)
    codes, counts = np.unique(outline @ [65536, 256, 1], return_counts=True)
    code = int(codes[counts.argmax()])
    return np.array([code >> 16, code >> 8 & 255, code & 255], dtype=np.int16)


def _ink(patch: Array, paper: Array) -> Array:
    """(H, W, 3) float32: signed difference from the paper."""
    return patch.astype(np.float32) - paper


def _strength(ink: Array) -> Array:
    return cv2.blur(np.abs(ink).max(axis=2), _SMOOTH)
